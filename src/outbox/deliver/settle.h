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
 * What a settlement came to: what it left, as somebody else had locked the rows,
 * and what it made.
 */
typedef struct OutboxSettled
{
	int	 locked;		 /* finished requests */
	int	 locked_results; /* of them, with a result */
	int	 locked_touched; /* touched ones */
	bool results;		 /* there are new ones */
	bool callbacks;		 /* of them, for callbacks */
} OutboxSettled;

/*
 * Write down what the requests in memory have come to: rows of those that are
 * through go away, or become results; rows of those that are repeated say why.
 * Needs a transaction and the table open.  What belongs into memory after its
 * commit is done by outbox_settled().
 */
extern OutboxSettled outbox_settle(Relation rel);
extern void			 outbox_settled(void);

/* Find requests whose rows were deleted by somebody else.  Needs the same. */
extern void outbox_notice_discarded(Relation rel);

/*
 * Delete some results that are older than rtm.result_ttl.  When to do it again,
 * as rtm_now_ms(); PG_INT64_MAX: when there are new results.  Needs a transaction.
 */
extern int64 outbox_purge(void);

#endif /* OUTBOX_SETTLE_H */
