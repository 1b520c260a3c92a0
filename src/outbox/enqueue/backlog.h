/*-------------------------------------------------------------------------
 *
 * backlog.h
 *	  What a transaction has queued, until it commits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_BACKLOG_H
#define OUTBOX_BACKLOG_H

#include "access/xact.h"

#include "outbox/record/row.h"

typedef struct OutboxBacklog OutboxBacklog;

/*
 * An empty one, of requests with that origin.  It lives as long as the transaction,
 * which from now on has the table locked, whatever is rolled back of it.
 */
extern OutboxBacklog *outbox_make_backlog(int64 origin);
extern void			  outbox_end_backlog(OutboxBacklog *backlog);

/*
 * Add a row, which is copied; its origin is set.  Once that has failed, as a temporary file
 * couldn't be written, it raises 53000, as does outbox_insert_backlog(): whatever was rolled back.
 */
extern void outbox_add_to_backlog(OutboxBacklog *backlog, OutboxRow *row);

/*
 * The same, with the names of its role, server and callback, which are looked up
 * once for many rows.
 */
extern void outbox_add_with_names(OutboxBacklog *backlog, OutboxRow *row);

/* Rows that weren't rolled back. */
extern int64 outbox_count_backlog(const OutboxBacklog *backlog);

/* Has a row with that id been added, whether or not it was rolled back? */
extern bool outbox_is_in_backlog(const OutboxBacklog *backlog, int64 id);

/*
 * Give up the row with that id, if may() says so of its owner: may() raises an error, or is
 * true.  False: there is none, by now.
 */
extern bool outbox_discard_in_backlog(OutboxBacklog *backlog, int64 id,
									  bool (*may)(Oid owner, int64 id));

/*
 * A subtransaction begins, ends well, or is rolled back with all that was added
 * since it began.
 */
extern void outbox_begin_savepoint(OutboxBacklog *backlog, SubTransactionId id);
extern void outbox_end_savepoint(OutboxBacklog *backlog, SubTransactionId id);
extern void outbox_undo_savepoint(OutboxBacklog *backlog, SubTransactionId id);

/*
 * The rows go into the table, with tickets from `seq` on; those that are to be sent later
 * without.  The chores that come of it (OUTBOX_CHORE_...).
 */
extern uint32 outbox_insert_backlog(OutboxBacklog *backlog, int64 seq);

#endif /* OUTBOX_BACKLOG_H */
