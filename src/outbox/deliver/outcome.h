/*-------------------------------------------------------------------------
 *
 * outcome.h
 *	  How an attempt to carry out a request ends: well, badly, or to be repeated.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_OUTCOME_H
#define OUTBOX_OUTCOME_H

#include "outbox/deliver/traffic.h"

/* RtmAnswerFunc: an answer to the request has come. */
extern void outbox_answered(void *arg, const FpnnFrame *answer);

/* It has failed for good, without an attempt. */
extern void outbox_fail(Request *request, int code, const char *error);

/*
 * An attempt failed.  True: the request may be tried again, after so many
 * milliseconds, and its row will tell so; false: this was the last time, and it
 * has failed.
 */
extern bool outbox_note_attempt(Request *request, int code, const char *error, int64 delay);

/* The answer to the request in flight didn't come in time. */
extern void outbox_timed_out(Request *request);

/*
 * Answers that will never come, as the lane's connection is closed.  Suspicious:
 * one of the requests may be the cause; they go on apart.
 */
extern void outbox_lose_all(Lane *lane, int code, const char *why, bool suspicious);

/* Is it not to be sent any more, as its expires_at says?  Then that is how it ends. */
extern bool outbox_has_expired(const Request *request);
extern void outbox_expire(Request *request);

/* Is it older than rtm.max_age, from when it was to be sent? */
extern bool outbox_is_too_old(const Request *request);

/* Is it any method, of which nobody knows whether it may be repeated? */
extern bool outbox_is_any_call(const Request *request);

#endif /* OUTBOX_OUTCOME_H */
