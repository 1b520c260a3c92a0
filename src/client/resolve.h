/*-------------------------------------------------------------------------
 *
 * resolve.h
 *	  A host's addresses, looked up without waiting.
 *
 * Whoever looks up waits for the sockets, which come, go and change with each
 * step, and calls rtm_resolve_step().  Nothing here raises an error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_RESOLVE_H
#define RTM_RESOLVE_H

#include "libpq/pqcomm.h"
#include "utils/guc.h"

#include "client/option.h"

/* More aren't waited for, or kept. */
#define RTM_MAX_SOCKETS	  8
#define RTM_MAX_ADDRESSES 16

/* A socket, and what to wait for: WL_SOCKET_... */
typedef struct RtmSocket
{
	pgsocket sock;
	uint32	 events;
} RtmSocket;

typedef struct RtmResolve
{
	bool					 done; /* addresses are there, or none are to be had */
	const char				*why;  /* done, and there are none; static */
	SockAddr				 addresses[RTM_MAX_ADDRESSES]; /* in the order to try */
	int						 naddresses;
	RtmSocket				 sockets[RTM_MAX_SOCKETS]; /* until it is done */
	int						 nsockets;
	int						*changes; /* whose counter counts changes of `sockets` */
	int64					 deadline;
	struct ares_channeldata *channel; /* NULL: nothing is to be released */
	bool					 external_fd;
} RtmResolve;

extern char *rtm_name_servers; /* rtm.name_servers */

/*
 * Begin to look up the host; at `deadline` (rtm_now_ms()) it is over.  May be done
 * at once: a numeric address, or a name in the file of hosts.  Until it is
 * released, *resolve must stay where it is.
 */
extern void rtm_resolve(RtmResolve *resolve, const RtmEndpoint *endpoint, int64 deadline,
						int *changes);

/* Go on: `events` is what happened on `sock`, 0 for a time-out. */
extern void rtm_resolve_step(RtmResolve *resolve, pgsocket sock, uint32 events);

/* Until it is done: when rtm_resolve_step() is due at the latest. */
extern int64 rtm_resolve_deadline(const RtmResolve *resolve);

/* Close the sockets, if there are any, and forget what was asked; addresses stay. */
extern void rtm_resolve_release(RtmResolve *resolve);

/* GucStringCheckHook */
extern bool rtm_check_name_servers(char **value, void **extra, GucSource source);

#endif /* RTM_RESOLVE_H */
