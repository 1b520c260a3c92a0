/*-------------------------------------------------------------------------
 *
 * conn.h
 *	  One connection to a gate: a state machine that never blocks and never
 *	  raises an error.
 *
 * Its owner waits for its sockets and calls rtm_conn_step(); answers come to the
 * function that was given with the quest.  Any number of quests may be in
 * flight.  What the gate asks by itself (pings, pushes) is answered here, whoever listens.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_CONN_H
#define RTM_CONN_H

#include "lib/stringinfo.h"

#include "client/option.h"
#include "client/resolve.h"
#include "fpnn/channel.h"
#include "fpnn/asked.h"
#include "host.h"

/* Longest text of a failure, in bytes. */
#define RTM_MAX_WHY 1000

/*
 * One that was idle for so long may be dead without a word: it is asked before it is
 * used, and has so long to answer.  Milliseconds.
 */
#define RTM_IDLE_TIME  10000
#define RTM_PROBE_TIME 2000

/* In the order of a connection's life: before READY it is being made. */
typedef enum RtmConnState
{
	RTM_CONN_RESOLVING,	 /* the name of one of the endpoints */
	RTM_CONN_CONNECTING, /* to one of its addresses */
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
								 * a line each; RTM_MAX_WHY bytes at most */
	StringInfoData		   endpoint;   /* host:port, being tried or connected */
	int					   sock;	   /* PGINVALID_SOCKET when there is none */
	uint64				   written;	   /* bytes that the kernel took */
	int					   generation; /* counts changes of what rtm_conn_sockets()
								 * gives, but of a connection's events */
	struct RtmConnPrivate *p;
};

/*
 * Begin to connect.  The options must outlive the connection.  timeout_ms is
 * for all endpoints together; each gets its share of what is left.  max_frame
 * is FPNN_MAX_FRAME.  Raises only when out of memory.
 */
extern RtmConn *rtm_conn_open(const RtmOptions *options, int64 timeout_ms);
extern void		rtm_conn_close(RtmConn *conn);

/*
 * What to wait for, in an array of RTM_MAX_SOCKETS; how many there are.  With the same
 * generation they are the same sockets in the same order, events may differ.
 */
extern int rtm_conn_sockets(const RtmConn *conn, RtmSocket *sockets);

/*
 * Do what can be done without waiting.  `events` is what the wait gave, on which of the
 * sockets (0: a time-out, or nothing known).  Afterwards look at conn->state.
 */
extern void rtm_conn_step(RtmConn *conn, pgsocket sock, uint32 events);

/* When rtm_conn_step() wants to be called at the latest; 0: whenever. */
extern int64 rtm_conn_deadline(const RtmConn *conn);

/*
 * Ask, on a connection that is ready: the frame is queued for rtm_conn_flush().
 * *seq names the quest.  FPNN_TOO_LARGE, FPNN_NOMEM or FPNN_BAD_METHOD: nothing
 * was queued.
 */
extern FpnnStatus rtm_conn_ask(RtmConn *conn, const char *method, const void *payload, size_t len,
							   RtmAnswerFunc func, void *arg, uint32 *seq);

/*
 * From now on pushes are given to the listener, which must not raise, nor close the
 * connection.  At first nobody listens: they are answered and forgotten.
 */
extern void rtm_conn_listen(RtmConn *conn, FpnnListener listener);

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
