/*-------------------------------------------------------------------------
 *
 * report.h
 *	  What the server's log says about gates and failures, and how often.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_REPORT_H
#define OUTBOX_REPORT_H

#include "outbox/deliver/queue.h"

/* The lane's gate can't be reached, or doesn't answer; `why` names the endpoint. */
extern void outbox_note_unreachable(Lane *lane, const char *why);

/* The lane's gate has answered something. */
extern void outbox_note_reachable(Lane *lane);

/* An attempt failed with that code; for good, or it will be repeated. */
extern void outbox_note_failure(const Request *request, int code, bool for_good);

#endif /* OUTBOX_REPORT_H */
