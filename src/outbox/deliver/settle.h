/*-------------------------------------------------------------------------
 *
 * settle.h
 *	  What became of requests, in the tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_SETTLE_H
#define OUTBOX_SETTLE_H

#include "utils/rel.h"

#include "outbox/workers/registry.h"

/*
 * Write down what the requests in memory have come to: rows of those that are
 * through go away, or become results; rows of those that are repeated say why.
 * Needs a transaction and the table open.  What belongs into memory after its
 * commit is done by outbox_settled().
 */
extern void outbox_settle(Relation rel);
extern void outbox_settled(void);

/* Find requests whose rows were deleted by somebody else.  Needs the same. */
extern void outbox_notice_discarded(Relation rel);

/*
 * Delete results that are older than rtm.result_ttl.  When to do it again, as
 * rtm_now_ms(); PG_INT64_MAX: when there are new results.  Needs a transaction.
 */
extern int64 outbox_purge(void);

/* Are there callbacks to be run? Needs a transaction. */
extern bool outbox_callbacks_are_due(OutboxDatabase *entry);

/*
 * What the last outbox_settle() left, as somebody else had locked the rows:
 * finished requests, those of them with a result, and touched ones.
 */
extern int outbox_nlocked;
extern int outbox_nlocked_results;
extern int outbox_nlocked_touched;

/* Did it make results?  For callbacks? */
extern bool outbox_made_results;
extern bool outbox_made_callbacks;

#endif /* OUTBOX_SETTLE_H */
