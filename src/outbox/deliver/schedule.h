/*-------------------------------------------------------------------------
 *
 * schedule.h
 *	  Requests that are to be sent later: they get their tickets when their time
 *	  has come.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_SCHEDULE_H
#define OUTBOX_SCHEDULE_H

#include "outbox/workers/registry.h"

/*
 * Put those that are due in line, in the order of their times, a portion of them.  When to do
 * it again, as rtm_now_ms(); PG_INT64_MAX: when there are new ones.  Needs a transaction
 * and the table open.  Used by the sender only.
 */
extern int64 outbox_release_due(OutboxDatabase *entry);

/* There are new ones, which may be due before all others. */
extern void outbox_look_at_schedule(void);

#endif /* OUTBOX_SCHEDULE_H */
