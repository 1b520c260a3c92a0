/*-------------------------------------------------------------------------
 *
 * report.h
 *	  What the server's log says about gates and failures, and how often.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_REPORT_H
#define OUTBOX_REPORT_H

#include "outbox/deliver/traffic.h"

/* The lane's gate can't be reached, or doesn't answer; `why` names the endpoint. */
extern void outbox_note_unreachable(Lane *lane, const char *why);

/* The lane's gate has answered something. */
extern void outbox_note_reachable(Lane *lane);

/* An attempt failed with that code; for good, or it will be repeated. */
extern void outbox_note_failure(const Request *request, int code, bool for_good);

/* The server's rate was learnt from refusals. */
extern void outbox_show_limit(Lane *lane);

/* There is no file descriptor for one more connection. */
extern void outbox_note_descriptors(int connections);

/* The request has got another mid. */
extern void outbox_note_renamed(const Request *request, int64 was);

/*
 * A copy of what a gate, a server or the system said: 1,000 bytes at most, without
 * control characters, with which it might forge lines of a log.
 */
extern char *outbox_clean_text(const char *text, MemoryContext context);

#endif /* OUTBOX_REPORT_H */
