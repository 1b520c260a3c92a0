/*-------------------------------------------------------------------------
 *
 * enqueue.c
 *	  Requests that a transaction queues; they become rows when it commits.
 *
 * Until then they are kept aside, in a tuplestore, which spills to disk.  When
 * the transaction begins to commit it draws as many tickets as there are
 * requests and inserts them all.  So the order of rows is the order of commits,
 * a transaction that is rolled back writes nothing, and nothing is looked up or
 * locked twice.
 *
 * A subtransaction that is rolled back takes all requests with it that were
 * queued since it began: those of its own and of its children.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/names.h"
#include "outbox/origin/origin.h"
#include "outbox/workers/registry.h"
#include "outbox/record/ticket.h"

/* Rows and bytes that are inserted at once. */
#define BATCH_ROWS	1000
#define BATCH_BYTES (1024 * 1024)

/* What is kept in memory of a transaction's requests, at least: kilobytes. */
#define KEEP_KB 16384

/* Rows [from, to) of the backlog, whose subtransaction was rolled back. */
typedef struct DeadRows
{
	int64 from;
	int64 to;
} DeadRows;

/* Ids [from, to] of queued requests; a backend draws many in a row. */
typedef struct IdRun
{
	int64 from;
	int64 to;
} IdRun;

/* How many rows there were when a subtransaction began. */
typedef struct Savepoint
{
	SubTransactionId id;
	int64			 rows;
} Savepoint;

/* What this transaction has queued; lives as long as it does. */
typedef struct Backlog
{
	MemoryContext	 context;
	Tuplestorestate *rows;
	TupleDesc		 desc;
	int64			 origin; /* of the rows; see origin.c */
	int64			 nrows;	 /* dead ones too */
	int64			 nlive;
	IdRun			*ids;
	int				 nids;
	int				 max_ids;
	DeadRows		*dead; /* in their order, none touching */
	int				 ndead;
	int				 max_dead;
	Savepoint		*savepoints; /* the innermost last; those from before the
								 * backlog was made are missing */
	int				 nsavepoints;
	int				 max_savepoints;
	MemoryContext	 names;	   /* those of the row named */
	OutboxRow		 named;	   /* the names of its objects are known ... */
	CommandId		 named_in; /* ... in this command; another may rename them */
} Backlog;

static Backlog		  *backlog;
static OutboxDatabase *entry;	   /* of this database */
static bool			   to_wake;	   /* this transaction inserted rows */
static bool			   committing; /* they are in the table already */

static void
find_entry(void)
{
	if (entry == NULL || entry->database != MyDatabaseId)
		entry = outbox_database(MyDatabaseId, true);
	if (entry == NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("too many databases of this server use the outbox of rtm"),
						errdetail("There can be %d.", OUTBOX_MAX_DATABASES)));
}

void
outbox_check_enqueue(const char *what)
{
	if (!outbox_is_preloaded())
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s() needs the library \"rtm\" to be preloaded", what),
			 errhint(
				 "Add rtm to shared_preload_libraries and restart the server; without it use the synchronous function.")));
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot execute %s() on a standby", what),
						errdetail("Requests are rows of a table, which a standby cannot write."),
						errhint("Queue it on the primary, or use the synchronous function.")));
	PreventCommandIfReadOnly(psprintf("%s()", what));
}

int64
outbox_new_id(void)
{
	return nextval_internal(outbox_relations(false)->sequence, false);
}

int64
outbox_last_id(void)
{
	Relation	  rel = relation_open(outbox_relations(false)->sequence, AccessShareLock);
	Buffer		  buffer = ReadBuffer(rel, 0);
	Page		  page = BufferGetPage(buffer);
	HeapTupleData tuple = {0};
	int64		  last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, FirstOffsetNumber));
	last = ((Form_pg_sequence_data) GETSTRUCT(&tuple))->last_value;
	UnlockReleaseBuffer(buffer);
	relation_close(rel, AccessShareLock);
	return last;
}

/*
 * Tickets of this server might be smaller than those of rows from before its
 * clock was set back, or from another machine (this may have been its standby).
 * The sender sees to that when it starts, who comes earlier does it himself.
 */
static void
open_tickets(void)
{
	static bool done;

	if (done || entry->opened)
		return;
	PushActiveSnapshot(GetLatestSnapshot());
	outbox_raise_tickets(outbox_last_seq());
	PopActiveSnapshot();
	done = true;
}

static Backlog *
make_backlog(void)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "rtm requests",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ResourceOwner owner = CurrentResourceOwner;
	Backlog		 *b = palloc0(sizeof(Backlog));
	Relation	  rel;

	/* the lock stays: the table must be there when the transaction commits */
	rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
	b->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	table_close(rel, NoLock);
	b->origin = outbox_origin(entry);

	/* its file belongs to the whole transaction too */
	CurrentResourceOwner = TopTransactionResourceOwner;
	b->rows = tuplestore_begin_heap(false, false, Max(work_mem, KEEP_KB));
	CurrentResourceOwner = owner;
	b->context = context;
	b->names = AllocSetContextCreate(context, "rtm names", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	return b;
}

static void
note_id(Backlog *b, int64 id)
{
	if (b->nids > 0 && b->ids[b->nids - 1].to + 1 == id)
	{
		b->ids[b->nids - 1].to = id;
		return;
	}
	if (b->nids == b->max_ids)
	{
		b->max_ids = Max(8, b->max_ids * 2);
		b->ids = b->ids ? repalloc_huge(b->ids, sizeof(IdRun) * b->max_ids)
						: MemoryContextAlloc(b->context, sizeof(IdRun) * b->max_ids);
	}
	b->ids[b->nids].from = b->ids[b->nids].to = id;
	b->nids++;
}

static void
add_row(Backlog *b, const OutboxRow *row)
{
	Datum values[OUTBOX_NCOLUMNS];
	bool  nulls[OUTBOX_NCOLUMNS];

	outbox_row_values(row, values, nulls);
	Assert(b->desc->natts <= OUTBOX_NCOLUMNS);
	tuplestore_putvalues(b->rows, b->desc, values, nulls);
	note_id(b, row->id);
	b->nrows++;
	b->nlive++;
}

/* Names of role, server and callback: most rows have those of the one before. */
static void
name_objects(Backlog *b, OutboxRow *row)
{
	OutboxRow	 *named = &b->named;
	CommandId	  command = GetCurrentCommandId(false);
	MemoryContext old;

	if (named->owner != row->owner || named->server != row->server ||
		named->callback != row->callback || b->named_in != command)
	{
		memset(named, 0, sizeof(OutboxRow));
		MemoryContextReset(b->names);
		old = MemoryContextSwitchTo(b->names);
		outbox_name_objects(row);
		MemoryContextSwitchTo(old);
		*named = *row;
		b->named_in = command;
	}
	row->owner_name = named->owner_name;
	row->server_name = named->server_name;
	row->callback_name = named->callback_name;
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
		find_entry();
		open_tickets();
		backlog = make_backlog();
	}
	row->origin = backlog->origin;
	if (backlog->desc->natts >= OUTBOX_NCOLUMNS)
		name_objects(backlog, row);
	add_row(backlog, row);
}

bool
outbox_is_queued_here(int64 id)
{
	for (int i = 0; backlog && i < backlog->nids; i++)
		if (id >= backlog->ids[i].from && id <= backlog->ids[i].to)
			return true;
	return false;
}

/* ---- subtransactions ---- */

static void
begin_savepoint(SubTransactionId id)
{
	Savepoint *s;

	if (backlog->nsavepoints == backlog->max_savepoints)
	{
		backlog->max_savepoints = Max(8, backlog->max_savepoints * 2);
		backlog->savepoints = backlog->savepoints
								  ? repalloc_huge(backlog->savepoints,
												  sizeof(Savepoint) * backlog->max_savepoints)
								  : MemoryContextAlloc(backlog->context,
													   sizeof(Savepoint) * backlog->max_savepoints);
	}
	s = &backlog->savepoints[backlog->nsavepoints++];
	s->id = id;
	s->rows = backlog->nrows;
}

/* Take the subtransaction's mark away: the rows that there were before it. */
static int64
end_savepoint(SubTransactionId id)
{
	if (backlog->nsavepoints > 0 && backlog->savepoints[backlog->nsavepoints - 1].id == id)
		return backlog->savepoints[--backlog->nsavepoints].rows;
	return 0;
}

/* Rows from `from` on are rolled back. */
static void
kill_rows(int64 from)
{
	int64 killed = backlog->nrows - from;

	while (backlog->ndead > 0 && backlog->dead[backlog->ndead - 1].to >= from)
	{
		DeadRows *last = &backlog->dead[backlog->ndead - 1];

		killed -= last->to - Max(last->from, from);
		from = Min(from, last->from);
		backlog->ndead--;
	}
	if (from == backlog->nrows)
		return;
	if (backlog->ndead == backlog->max_dead)
	{
		backlog->max_dead = Max(8, backlog->max_dead * 2);
		backlog->dead = backlog->dead
							? repalloc_huge(backlog->dead, sizeof(DeadRows) * backlog->max_dead)
							: MemoryContextAlloc(backlog->context,
												 sizeof(DeadRows) * backlog->max_dead);
	}
	backlog->dead[backlog->ndead].from = from;
	backlog->dead[backlog->ndead++].to = backlog->nrows;
	backlog->nlive -= killed;
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (backlog == NULL)
		return;
	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
			begin_savepoint(id);
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			(void) end_savepoint(id);
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			kill_rows(end_savepoint(id));
			break;
		default:
			break;
	}
}

/* ---- commit ---- */

/* Rows that are on their way into the table. */
typedef struct Batch
{
	Relation		  rel;
	CatalogIndexState indexes;
	MemoryContext	  context; /* of the rows */
	TupleTableSlot	 *slots[BATCH_ROWS];
	int				  n;
	Size			  bytes;
} Batch;

static void
begin_batch(Batch *batch)
{
	batch->rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
	batch->indexes = CatalogOpenIndexes(batch->rel);
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "rtm rows",
										   ALLOCSET_DEFAULT_SIZES);
	memset(batch->slots, 0, sizeof(batch->slots));
	batch->n = 0;
	batch->bytes = 0;
}

static void
insert_batch(Batch *batch)
{
	if (batch->n == 0)
		return;
	CatalogTuplesMultiInsertWithInfo(batch->rel, batch->slots, batch->n, batch->indexes);
	for (int i = 0; i < batch->n; i++)
		ExecClearTuple(batch->slots[i]);
	MemoryContextReset(batch->context);
	batch->n = 0;
	batch->bytes = 0;
	CHECK_FOR_INTERRUPTS();
}

/* Add a row, a minimal tuple, with that seq. */
static void
add_to_batch(Batch *batch, TupleTableSlot *row, int64 seq)
{
	TupleTableSlot *slot = batch->slots[batch->n];
	MemoryContext	old;
	HeapTuple		tuple;

	slot_getallattrs(row);
	row->tts_values[OUTBOX_SEQ - 1] = Int64GetDatum(seq);
	old = MemoryContextSwitchTo(batch->context);
	tuple = heap_form_tuple(row->tts_tupleDescriptor, row->tts_values, row->tts_isnull);
	MemoryContextSwitchTo(old);

	/* a row that will be toasted: the others' function would index the wrong one */
	if (tuple->t_len > TOAST_TUPLE_THRESHOLD)
	{
		CatalogTupleInsertWithInfo(batch->rel, tuple, batch->indexes);
		heap_freetuple(tuple);
		return;
	}
	if (slot == NULL)
		slot = batch->slots[batch->n] = MakeSingleTupleTableSlot(row->tts_tupleDescriptor,
																 &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, slot, false);
	batch->bytes += tuple->t_len;
	if (++batch->n == BATCH_ROWS || batch->bytes >= BATCH_BYTES)
		insert_batch(batch);
}

static void
end_batch(Batch *batch)
{
	insert_batch(batch);
	for (int i = 0; i < BATCH_ROWS && batch->slots[i]; i++)
		ExecDropSingleTupleTableSlot(batch->slots[i]);
	CatalogCloseIndexes(batch->indexes);
	table_close(batch->rel, NoLock);
	MemoryContextDelete(batch->context);
}

/* The rows go into the table, with seqs from `seq` on. */
static void
insert_rows(Backlog *b, int64 seq)
{
	MemoryContext	old = MemoryContextSwitchTo(b->context);
	Batch		   *batch = palloc(sizeof(Batch));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(b->desc, &TTSOpsMinimalTuple);
	int				dead = 0;

	PushActiveSnapshot(GetTransactionSnapshot());
	begin_batch(batch);
	for (int64 i = 0; tuplestore_gettupleslot(b->rows, true, false, slot); i++)
	{
		while (dead < b->ndead && b->dead[dead].to <= i)
			dead++;
		if (dead < b->ndead && b->dead[dead].from <= i)
			continue;
		add_to_batch(batch, slot, seq++);
	}
	end_batch(batch);
	ExecDropSingleTupleTableSlot(slot);
	pfree(batch);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}

static void
end_backlog(Backlog *b)
{
	tuplestore_end(b->rows);
	MemoryContextDelete(b->context);
}

/* ---- COMMIT PREPARED ---- */

/* Delete a held row, which may wait for somebody who does the same: false then. */
static bool
take_held_row(Relation rel, HeapTuple tuple)
{
	TM_FailureData failure;

	return heap_delete(rel, &tuple->t_self, GetCurrentCommandId(true), InvalidSnapshot, true,
					   &failure, false) == TM_Ok;
}

/*
 * Take the held rows that are committed: those of each transaction as a whole,
 * as the snapshot is of one moment.
 */
static void
move_held(Backlog *held)
{
	Relation	rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
	Relation	index = index_open(outbox_relations(false)->request_index, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, OUTBOX_SEQ, BTLessStrategyNumber, F_INT8LT, Int64GetDatum(0));
	PushActiveSnapshot(GetLatestSnapshot());
	scan = systable_beginscan_ordered(rel, index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		OutboxRow row;

		CHECK_FOR_INTERRUPTS();
		outbox_read_row(tuple, RelationGetDescr(rel), &row);
		if (row.origin != held->origin || !take_held_row(rel, tuple))
			continue;
		row.enqueued_at = GetCurrentTimestamp(); /* its age counts from now */
		add_row(held, &row);
	}
	systable_endscan_ordered(scan);
	PopActiveSnapshot();
	index_close(index, NoLock);
	table_close(rel, NoLock);
}

/*
 * The held rows of committed transactions, which are gone from the table when
 * this transaction commits; NULL if there can't be any.
 */
static Backlog *
take_held(void)
{
	Backlog		 *held;
	MemoryContext old;

	if (pg_atomic_read_u32(&entry->held) == 0)
		return NULL;
	held = make_backlog();
	old = MemoryContextSwitchTo(held->context);
	move_held(held);
	MemoryContextSwitchTo(old);
	return held;
}

void
outbox_release_held(void)
{
	Backlog *held;

	find_entry();
	open_tickets();
	held = take_held();
	if (held == NULL)
		return;
	if (held->nlive > 0)
	{
		insert_rows(held, outbox_draw_tickets(held->nlive));
		to_wake = true;
	}
	end_backlog(held);
}

/* ---- the end of the transaction ---- */

/* Rows that wait for COMMIT PREPARED: they have their place kept. */
static void
flush_prepared(Backlog *b)
{
	insert_rows(b, outbox_draw_tickets(b->nlive) - OUTBOX_HELD);
}

/*
 * Rows of transactions that were prepared, and are committed by now, come before
 * our own: we may have waited for their locks.
 */
static void
flush_committed(Backlog *b)
{
	Backlog *held = take_held();
	int64	 nheld = held ? held->nlive : 0;
	int64	 seq = outbox_draw_tickets(nheld + b->nlive);

	if (nheld > 0)
		insert_rows(held, seq);
	insert_rows(b, seq + nheld);
	to_wake = true;
	if (held)
		end_backlog(held);
}

static void
flush_backlog(bool prepare)
{
	Backlog *b = backlog;

	if (b == NULL)
		return;
	backlog = NULL;
	if (b->nlive > 0 && prepare)
		flush_prepared(b);
	else if (b->nlive > 0)
		flush_committed(b);
	end_backlog(b);
}

static void
at_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			flush_backlog(false);
			committing = true;
			break;
		case XACT_EVENT_PRE_PREPARE:
			flush_backlog(true);
			committing = true;
			break;
		case XACT_EVENT_COMMIT:
			outbox_return_tickets();
			committing = false;
			if (to_wake && entry->database == MyDatabaseId)
				outbox_wake(entry, OUTBOX_SENDER);
			to_wake = false;
			break;
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			outbox_return_tickets();
			to_wake = committing = false;
			backlog = NULL; /* its memory goes with the transaction */
			break;
		default:
			break;
	}
}

void
outbox_enqueue_init(void)
{
	RegisterXactCallback(at_transaction, NULL);
	RegisterSubXactCallback(at_subtransaction, NULL);
}
