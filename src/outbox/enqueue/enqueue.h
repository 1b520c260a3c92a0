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
#include "outbox/workers/registry.h"

/* From _PG_init(), while the library is preloaded. */
extern void outbox_enqueue_init(void);

/*
 * May this transaction enqueue?  Raises 55000 when the library isn't preloaded,
 * 25006 in a read-only transaction and on a standby.  `what` is what asks (a function with "()"), for
 * the error.
 */
extern void outbox_check_enqueue(const char *what);

/* The same, and the database's entry; 53000 when too many databases use the outbox. */
extern OutboxDatabase *outbox_require_database(const char *what);

/* A new id; the row has none yet. */
extern int64 outbox_new_id(void);

/*
 * Queue a row, which is copied.  Its origin and names are set; seq is given to it when
 * the transaction commits (with a prepared one: after COMMIT PREPARED).  Raises what
 * outbox_open() does.
 */
extern void outbox_enqueue(OutboxRow *row);

/* Has this transaction queued anything that its commit will write? */
extern bool outbox_has_queued(void);

/* Is a request with that id queued by this very transaction? */
extern bool outbox_is_queued_here(int64 id);

/* Give it up; see outbox_discard_in_backlog(). */
extern bool outbox_discard_queued_here(int64 id, bool (*may)(Oid owner, int64 id));

#endif /* OUTBOX_ENQUEUE_H */
