/*-------------------------------------------------------------------------
 *
 * enqueue.c
 *	  Requests that a transaction queues; they become rows when it commits.
 *
 * Until then they are kept aside (backlog.c).  When the transaction begins to
 * commit it draws as many tickets as there are requests and inserts them all.  So
 * the order of rows is the order of commits, a transaction that is rolled back
 * writes nothing, and nothing is looked up or locked twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "outbox/enqueue/backlog.h"
#include "outbox/enqueue/chore.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/enqueue/prepared.h"
#include "outbox/origin/origin.h"
#include "outbox/record/request_table.h"
#include "outbox/record/ticket.h"
#include "outbox/workers/registry.h"

static OutboxBacklog *backlog;	  /* of this transaction, or NULL */
static bool			  committing; /* its rows are in the table already */

void
outbox_check_enqueue(const char *what)
{
	if (!outbox_is_preloaded())
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s needs the library \"rtm\" to be preloaded", what),
			 errhint(
				 "Add rtm to shared_preload_libraries and restart the server; without it there are the synchronous functions, and foreign tables with the option queued 'false'.")));
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot execute %s on a standby", what),
						errdetail("Requests are rows of a table, which a standby cannot write."),
						errhint("Queue it on the primary, or use the synchronous function.")));
	PreventCommandIfReadOnly(what);
}

OutboxDatabase *
outbox_require_database(const char *what)
{
	OutboxDatabase *entry;

	outbox_check_enqueue(what);
	entry = outbox_this_database(true);
	if (entry == NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("too many databases of this server use the outbox of rtm"),
						errdetail("There can be %d.", OUTBOX_MAX_DATABASES)));
	return entry;
}

int64
outbox_new_id(void)
{
	return nextval_internal(outbox_relations(false)->ids, false);
}

/*
 * Tickets of this server might be smaller than those of rows from before its
 * clock was set back, or from another machine (this may have been its standby).
 * The sender sees to that when it starts, who comes earlier does it himself.
 */
static void
open_tickets(OutboxDatabase *entry)
{
	static bool done;

	if (done || entry->opened)
		return;
	outbox_raise_tickets(outbox_last_ticket());
	done = true;
}

void
outbox_enqueue(OutboxRow *row)
{
	if (committing)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a request cannot be queued any more: the transaction is about to commit")));
	if (backlog == NULL)
	{
		OutboxDatabase *entry = outbox_require_database("a queued call");

		open_tickets(entry);
		backlog = outbox_make_backlog(outbox_origin(entry));
	}
	outbox_add_with_names(backlog, row);
}

bool
outbox_has_queued(void)
{
	return backlog != NULL && outbox_count_backlog(backlog) > 0;
}

bool
outbox_is_queued_here(int64 id)
{
	return backlog && outbox_is_in_backlog(backlog, id);
}

bool
outbox_discard_queued_here(int64 id, bool (*may)(Oid owner, int64 id))
{
	return backlog && outbox_discard_in_backlog(backlog, id, may);
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (backlog == NULL)
		return;
	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
			outbox_begin_savepoint(backlog, id);
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			outbox_end_savepoint(backlog, id);
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			outbox_undo_savepoint(backlog, id);
			break;
		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			break;
	}
}

/* ---- COMMIT ---- */

/*
 * Insert this transaction's rows, which may be none (NULL).  Rows of transactions
 * that were prepared, and are committed by now, come before them.
 */
static void
flush(OutboxDatabase *entry, OutboxBacklog *b)
{
	bool		   left;
	OutboxBacklog *prepared = outbox_take_prepared(entry, true, &left);
	int64		   nprepared = prepared ? outbox_count_backlog(prepared) : 0;
	int64		   nown = b ? outbox_count_backlog(b) : 0;
	int64		   seq;
	uint32		   chores = 0;

	if (nprepared + nown == 0)
		return;
	seq = outbox_draw_tickets(nprepared + nown);
	if (prepared)
	{
		chores |= outbox_insert_backlog(prepared, seq);
		outbox_end_backlog(prepared);
	}
	if (nown > 0)
		chores |= outbox_insert_backlog(b, seq + nprepared);
	outbox_chore_at_commit(chores);
}

/*
 * After COMMIT PREPARED: give the rows that have just become visible their tickets.
 * What was committed can't be undone, so nothing here may look as if it had failed:
 * what can't be done now is left to the sender.
 */
static void
flush_finished(OutboxDatabase *entry)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	outbox_chore_at_commit(outbox_prepared_chores(entry) | OUTBOX_CHORE_READ);
	if (outbox_relations(true) == NULL)
		return;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		flush(entry, NULL);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		outbox_chore_at_commit(OUTBOX_CHORE_PREPARED);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

static void
before_commit(void)
{
	bool			finished = outbox_may_have_finished_prepared();
	OutboxDatabase *entry = backlog || finished ? outbox_this_database(false) : NULL;
	OutboxBacklog  *b = backlog;

	backlog = NULL;
	if (b && entry && outbox_count_backlog(b) > 0)
		flush(entry, b);
	else if (finished && entry && outbox_any_prepared(entry))
		flush_finished(entry);
	if (b)
		outbox_end_backlog(b);
	committing = true;
}

/* The rows wait for COMMIT PREPARED: they have their place kept. */
static void
before_prepare(void)
{
	OutboxBacklog *b = backlog;

	backlog = NULL;
	if (b && outbox_count_backlog(b) > 0)
	{
		int64 seq = outbox_draw_tickets(outbox_count_backlog(b)) - OUTBOX_PREPARED;

		outbox_chore_at_commit(outbox_insert_backlog(b, seq));
	}
	if (b)
		outbox_end_backlog(b);
	committing = true;
}

static void
at_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_commit();
			break;
		case XACT_EVENT_PRE_PREPARE:
			before_prepare();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			outbox_return_tickets();
			committing = false;
			backlog = NULL; /* its memory goes with the transaction */
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

void
outbox_enqueue_init(void)
{
	/* called last first: tickets are returned before the sender is woken */
	outbox_chore_init();
	RegisterXactCallback(at_transaction, NULL);
	RegisterSubXactCallback(at_subtransaction, NULL);
}
