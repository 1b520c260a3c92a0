/*-------------------------------------------------------------------------
 *
 * enqueue.h
 *	  Requests that a transaction queues; they become rows when it commits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_ENQUEUE_H
#define OUTBOX_ENQUEUE_H

#include "outbox/record/row.h"

/* From _PG_init(), while the library is preloaded. */
extern void outbox_enqueue_init(void);

/*
 * May this transaction enqueue?  Raises 55000 when the library isn't preloaded,
 * 25006 in a read-only transaction and on a standby, 53000 when too many
 * databases use the outbox.  `what` is the function, for the error.
 */
extern void outbox_check_enqueue(const char *what);

/* A new id; the row has none yet. */
extern int64 outbox_new_id(void);

/* The last id that a session has reserved: greater ones are yet to be drawn. */
extern int64 outbox_last_id(void);

/*
 * Queue a row, which is copied.  Its origin is set; seq is given to it when the transaction commits
 * (with a prepared one: at COMMIT PREPARED).
 */
extern void outbox_enqueue(OutboxRow *row);

/* Is a request with that id queued by this very transaction? */
extern bool outbox_is_queued_here(int64 id);

/*
 * Give the rows of transactions that were prepared, and are committed by now,
 * tickets, those that a transaction has that commits now.  Waits for others who
 * are about to do the same.  Who commits requests of his own does it as well.
 */
extern void outbox_release_held(void);

#endif /* OUTBOX_ENQUEUE_H */
