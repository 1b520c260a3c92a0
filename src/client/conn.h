/*-------------------------------------------------------------------------
 *
 * conn.h
 *	  One connection to a gate: a state machine that never blocks (name
 *	  resolution aside) and never raises an error.
 *
 * Its owner waits for the socket and calls rtm_conn_step(); answers come to the
 * function that was given with the quest.  Any number of quests may be in
 * flight.  What the gate asks by itself (pings, pushes) is answered here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_CONN_H
#define RTM_CONN_H

#include "lib/stringinfo.h"

#include "client/option.h"
#include "fpnn/channel.h"
#include "host.h"

typedef enum RtmConnState
{
	RTM_CONN_CONNECTING, /* to one of the endpoints */
	RTM_CONN_KEYING,	 /* connected; the gate has yet to agree on a key */
	RTM_CONN_READY,
	RTM_CONN_LOST,	/* closed after it was ready: see `code` */
	RTM_CONN_FAILED /* no endpoint could be reached: see `why` */
} RtmConnState;

typedef struct RtmConn RtmConn;

/*
 * Called with the answer to a quest, whose bytes are valid during the call
 * only.  It must not raise, nor close the connection.
 */
typedef void (*RtmAnswerFunc)(void *arg, const FpnnFrame *answer);

struct RtmConn
{
	RtmConnState		   state;
	int					   code;	   /* lost: FPNN_CODE_CLOSED or
								 * FPNN_CODE_INVALID_PACKAGE */
	StringInfoData		   why;		   /* lost: how; failed: each endpoint's failure,
								 * a line each */
	StringInfoData		   endpoint;   /* host:port, being tried or connected */
	int					   sock;	   /* PGINVALID_SOCKET when there is none */
	uint64				   written;	   /* bytes that the kernel took */
	int					   generation; /* counts sockets: a wait set that has an older
								 * one is stale */
	struct RtmConnPrivate *p;
};

/*
 * Begin to connect.  The options must outlive the connection.  timeout_ms is
 * for all endpoints together; each gets its share of what is left.  max_frame
 * is FPNN_MAX_FRAME.  Raises only when out of memory.
 */
extern RtmConn *rtm_conn_open(const RtmOptions *options, int64 timeout_ms);
extern void		rtm_conn_close(RtmConn *conn);

/* What to wait for on conn->sock: WL_SOCKET_... */
extern uint32 rtm_conn_events(const RtmConn *conn);

/*
 * Do what can be done without waiting.  `events` is what the wait gave (0: a
 * time-out, or nothing known).  Afterwards look at conn->state.
 */
extern void rtm_conn_step(RtmConn *conn, uint32 events);

/* When rtm_conn_step() wants to be called at the latest; 0: whenever. */
extern int64 rtm_conn_deadline(const RtmConn *conn);

/*
 * Ask, on a connection that is ready: the frame is queued for rtm_conn_flush().
 * *seq names the quest.  FPNN_TOO_LARGE, FPNN_NOMEM or FPNN_BAD_METHOD: nothing
 * was queued.
 */
extern FpnnStatus rtm_conn_ask(RtmConn *conn, const char *method, const void *payload, size_t len,
							   RtmAnswerFunc func, void *arg, uint32 *seq);

/* Write as much as possible of what is queued; look at conn->state afterwards. */
extern void rtm_conn_flush(RtmConn *conn);

/* Nobody waits for this answer any more; when it comes it is dropped. */
extern void rtm_conn_forget(RtmConn *conn, uint32 seq);

/* Have its answer given to another function, without an argument. */
extern void rtm_conn_redirect(RtmConn *conn, uint32 seq, RtmAnswerFunc func);

/* Is there an answer that hasn't come, to a quest that was forgotten? */
extern bool rtm_conn_owes(const RtmConn *conn);

/* Is a frame half sent or half received? */
extern bool rtm_conn_midway(const RtmConn *conn);

#endif /* RTM_CONN_H */
