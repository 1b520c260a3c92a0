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
 * What this database marks its requests with; 0: its outbox is of version 1.0.
 * Needs a transaction; nothing is written.  On a standby, and without an entry,
 * it is what the table says: the primary's, or 0.
 */
extern int64 outbox_origin(OutboxDatabase *entry);

/*
 * The sender's side: find the origin, and write down what it is bound to.  Needs
 * a transaction.  From then on outbox_own_origin is right, 0 with version 1.0.
 */
extern void	 outbox_claim(OutboxDatabase *entry);
extern int64 outbox_own_origin;

/* " AND" a row of rtm_request or rtm_finished is of that origin; palloc()ed. */
extern const char *outbox_origin_condition(void);

/* " AND" it is of any other; never true of what version 1.0 has. */
extern const char *outbox_foreign_condition(void);

/*
 * Has the outbox been in no other cluster, as far as rtm_origin knows?  Then OIDs
 * of held requests mean something here.
 */
extern bool outbox_same_system(void);

/* Are any rows, or callbacks that are due, of other origins?  Needs a transaction. */
extern bool outbox_look_for_held(void);

#endif /* OUTBOX_ORIGIN_H */
