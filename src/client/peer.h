/*-------------------------------------------------------------------------
 *
 * peer.h
 *	  The connections of this backend, one per user mapping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_PEER_H
#define RTM_PEER_H

#include "lib/ilist.h"
#include "storage/latch.h"

#include "client/conn.h"

typedef struct RtmPeer RtmPeer;

/* A quest under way on a connection of a peer; peer NULL: on none (any more). */
typedef struct RtmPeerAsk
{
	dlist_node node;
	RtmPeer	  *peer;
	RtmConn	  *conn;
	uint32	   seq;
} RtmPeerAsk;

/* A foreign server with the mapping that a role uses. */
struct RtmPeer
{
	Oid			  mapping;			 /* hash key */
	Oid			  server;			 /* foreign server */
	char		  name[NAMEDATALEN]; /* of the foreign server */
	uint32		  server_hash;		 /* for invalidation */
	uint32		  mapping_hash;
	bool		  stale;	  /* the catalogues say something else by now */
	MemoryContext context;	  /* of the options */
	RtmOptions	 *options;	  /* NULL: not read yet */
	RtmConn		 *conn;		  /* NULL: not connected */
	RtmConn		 *previous;	  /* set aside, while conn is being made; or NULL */
	int64		  heard;	  /* rtm_now_ms(): when something last came while waiting */
	bool		  pong;		  /* the latest ping was answered */
	WaitEventSet *set;		  /* latch, postmaster and conn's sockets */
	int			  generation; /* of the sockets in the set */
	dlist_head	  asks;		  /* under way */
};

/*
 * The peer for a server (NULL: rtm.server) and a role (0: the current one).  Raises 42704
 * when there is no such server or no mapping, 42501 without USAGE, 42809 for a
 * server of another wrapper, HV00B and HV024 for its options.
 */
extern RtmPeer *rtm_peer(const char *server, Oid role);

/*
 * A quest has been sent on the peer's connection; it is answered, or nobody waits for
 * it any more.  It is unlinked when the connection is closed, too.
 */
extern void rtm_peer_link(RtmPeer *peer, RtmPeerAsk *ask);
extern void rtm_peer_unlink(RtmPeerAsk *ask);

/* Drop its connection, if there is one, and what was set aside. */
extern void rtm_peer_disconnect(RtmPeer *peer);

/*
 * Make room for another connection, but keep the one there is open until
 * rtm_peer_drop_previous().
 */
extern void rtm_peer_set_aside(RtmPeer *peer);
extern void rtm_peer_drop_previous(RtmPeer *peer);

/*
 * Wait until something can be done on the connection, or until `deadline`
 * (rtm_now_ms()), and do it.  Raises what an interrupt raises.
 */
extern void rtm_peer_wait(RtmPeer *peer, int64 deadline);

#endif /* RTM_PEER_H */
