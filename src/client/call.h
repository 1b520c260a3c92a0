/*-------------------------------------------------------------------------
 *
 * call.h
 *	  One synchronous quest and its answer, from inside a backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_CALL_H
#define RTM_CALL_H

#include "lib/stringinfo.h"

#include "client/rate.h"
#include "client/reply.h"
#include "compat.h"

/* What to ask, of whom. */
typedef struct RtmCall
{
	const char *server;		/* name of a foreign server; NULL: rtm.server */
	const char *method;		/* on the wire */
	double		timeout;	/* seconds for the whole call, connecting
								 * included; 0: rtm.connect_timeout and the
								 * server's quest_timeout or rtm.quest_timeout */
	bool		idempotent; /* may be asked again, once, on a new
								 * connection when the answer was lost */
	Oid			role;		/* as whom; 0: the current role */
	RtmRate	   *rate;		/* kept to, and a quest that is refused as there were too
							 * many is asked again; NULL: neither */
} RtmCall;

/*
 * Check the current role's privileges, connect if need be, ask, and wait for
 * the answer, interruptibly.  params holds nparams packed pairs of key and
 * value (msgpack, without the map's header); pid, salt, ts and sign are added
 * here.  Raises: 42704 no such server or user mapping, 42501 no USAGE, HV00D /
 * HV024 bad options, HV00N no connection, FP203 the deadline passed, FP202 the
 * connection broke before the answer, FP209 the peer doesn't speak FPNN, 54000
 * frame too large; and whatever an interrupt raises.  An error that the gate
 * answered is returned, not raised: see rtm_raise_answer().
 */
extern RtmAnswer *rtm_call(const RtmCall *call, StringInfo params, int nparams);

/* A quest that is under way, while the caller does something else. */
typedef struct RtmAsk RtmAsk;

/*
 * The first half of rtm_call(): connect if need be, and send the quest.  Any number
 * may be under way on a connection.  params must stay as they are until the answer is
 * there: they may be sent again.  It belongs to the current memory context, and so
 * will the answer; when that is reset before, the answer is given up.
 */
extern RtmAsk *rtm_ask(const RtmCall *call, StringInfo params, int nparams);

/*
 * Is the answer there, or will it not come any more?  Takes what has come, and doesn't wait:
 * when true, neither will rtm_ask_wait(), unless the quest has to be asked again.
 */
extern bool rtm_ask_is_over(RtmAsk *ask);

/* Wait until it is, or raise FP203. */
extern void rtm_ask_await(RtmAsk *ask);

/* The second half, once; the call's time counts from here again. */
extern RtmAnswer *rtm_ask_wait(RtmAsk *ask);

/* Nobody wants the answer any more, though there is nothing wrong with the connection. */
extern void rtm_ask_abandon(RtmAsk *ask);

#endif /* RTM_CALL_H */
