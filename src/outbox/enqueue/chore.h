/*-------------------------------------------------------------------------
 *
 * chore.h
 *	  At commit, tell the workers what there is to do for them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_CHORE_H
#define OUTBOX_CHORE_H

#include "outbox/workers/registry.h"

/* From _PG_init(), while the library is preloaded. */
extern void outbox_chore_init(void);

/*
 * If this transaction commits, the workers of its database get these chores
 * (OUTBOX_CHORE_...) and are woken: as soon as its effects are visible, whoever
 * commits it, also when it was prepared.  A rollback to a savepoint doesn't take
 * them back; they cost the worker a look.  No-op where nothing is preloaded.
 */
extern void outbox_chore_at_commit(uint32 chores);

/*
 * Before this transaction deletes the row of a request that waits: until the sender
 * is told of the commit, or it is rolled back, nothing is sent of it; see
 * deliver/discard.c.  The chore included.
 */
extern void outbox_begin_discarding(void);

/*
 * After this transaction has changed whether a foreign server is paused: the same, until
 * the sender can see that.
 */
extern void outbox_begin_pausing(void);

#endif /* OUTBOX_CHORE_H */
