/*-------------------------------------------------------------------------
 *
 * prepared.h
 *	  Requests of prepared transactions (two-phase commit).
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_PREPARED_H
#define OUTBOX_PREPARED_H

#include "outbox/enqueue/backlog.h"
#include "outbox/workers/registry.h"

/*
 * This transaction, which has just been prepared, has requests or chores
 * (OUTBOX_CHORE_..., or 0).
 */
extern void outbox_note_prepared(OutboxDatabase *entry, uint32 chores);

/* May there be any in this database that are prepared, or were committed since? */
extern bool outbox_any_prepared(OutboxDatabase *entry);

/*
 * A transaction that ends may have carried out COMMIT PREPARED: the chores that
 * may come of it.  Before the end: XACT_EVENT_PRE_COMMIT.
 */
extern bool	  outbox_may_have_finished_prepared(void);
extern uint32 outbox_prepared_chores(OutboxDatabase *entry);

/*
 * Take the requests of transactions that were prepared, and are committed by now,
 * out of the table: they are in the backlog, in the order in which they were
 * prepared, and have to be inserted with tickets by this transaction, before its
 * own.  NULL: there are none.  `wait`: for others who do the same; else *left is
 * set when there are some that somebody else has in hand.
 */
extern OutboxBacklog *outbox_take_prepared(OutboxDatabase *entry, bool wait, bool *left);

/*
 * The sender's: give them tickets, and find out whether there is anything left to
 * come.  While there is (outbox_any_prepared()), it has to do so again, each second,
 * as nobody may have told it.  In a transaction of its own.  All senders get the chores
 * that may come of those that were committed.
 */
extern void outbox_release_prepared(OutboxDatabase *entry);

#endif /* OUTBOX_PREPARED_H */
