/*-------------------------------------------------------------------------
 *
 * origin.h
 *	  Whose requests the rows of an outbox are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_ORIGIN_H
#define OUTBOX_ORIGIN_H

#include "outbox/workers/registry.h"

/*
 * What this database marks its requests with.  Needs a transaction the first time;
 * nothing is written.  On a standby, and without an entry, it is what the table
 * says: the primary's, or 0.
 */
extern int64 outbox_origin(OutboxDatabase *entry);

/*
 * The sender's side: find the origin, and write down what it is bound to.  Needs
 * a transaction.
 */
extern int64 outbox_claim(OutboxDatabase *entry);

/*
 * The origin that this database had until a promotion with rtm.send_after_promotion off;
 * 0: none.  While requests of that are held, what was queued after them waits, each in
 * its conversation.  Needs a transaction.
 */
extern int64 outbox_replaced_origin(void);

/*
 * Has the outbox been in no other cluster, as far as rtm_origin knows?  Then OIDs
 * of held requests mean something here.
 */
extern bool outbox_same_system(void);

/* Are any rows, or callbacks that are due, of other origins?  Needs a transaction. */
extern bool outbox_look_for_held(OutboxDatabase *entry);

#endif /* OUTBOX_ORIGIN_H */
