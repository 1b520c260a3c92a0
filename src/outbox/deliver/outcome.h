/*-------------------------------------------------------------------------
 *
 * outcome.h
 *	  How an attempt to carry out a request ends: well, badly, or to be repeated.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_OUTCOME_H
#define OUTBOX_OUTCOME_H

#include "outbox/deliver/queue.h"

/* RtmAnswerFunc: the answer to a request has come. */
extern void outbox_answered(void *arg, const FpnnFrame *answer);

/* It has failed for good: without an attempt, or in one. */
extern void outbox_fail(Request *request, int code, const char *error);
extern void outbox_end_badly(Request *request, int code, const char *error);

/*
 * An attempt failed.  True: the request may be tried again, after so many
 * milliseconds, and its row will tell so; false: this was the last time, and it
 * has failed.
 */
extern bool outbox_note_attempt(Request *request, int code, const char *error, int64 delay);

/* Try the request again, after a while, if it may be. */
extern void outbox_repeat(Request *request, int code, const char *error);

/* Is it older than rtm.max_age? */
extern bool outbox_is_too_old(const Request *request);

/* Is it any method, of which nobody knows whether it may be repeated? */
extern bool outbox_is_any_call(const Request *request);

/* Nothing leaves on the lane for a while, which doubles with each failure. */
extern void outbox_pause_lane(Lane *lane);

#endif /* OUTBOX_OUTCOME_H */
