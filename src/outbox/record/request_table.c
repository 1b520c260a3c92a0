/*-------------------------------------------------------------------------
 *
 * request_table.c
 *	  Rows of the outbox's tables, without a statement: insert, find, delete.
 *
 * Nobody needs a privilege on the tables, no plan is made, and many rows are one
 * record of the WAL.  Indexes and checks, whatever a DBA has added, are the
 * executor's business; what it would do beyond that, relations.c refuses.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outbox/record/request_table.h"

/* Rows and bytes that are inserted at once. */
#define BATCH_ROWS	1000
#define BATCH_BYTES (1024 * 1024)

struct OutboxBatch
{
	Relation		rel;
	EState		   *estate;
	ResultRelInfo  *target;
	bool			checks; /* the table has CHECK constraints */
	Datum		   *values; /* of one row, with the columns that were added */
	bool		   *nulls;
	MemoryContext	context; /* of the rows */
	TupleTableSlot *slots[BATCH_ROWS];
	int				n;
	Size			bytes;
};

OutboxBatch *
outbox_begin_batch(void)
{
	OutboxBatch *batch = palloc0(sizeof(OutboxBatch));
	TupleDesc	 desc;

	batch->rel = outbox_open(OUTBOX_REQUESTS, RowExclusiveLock);
	desc = RelationGetDescr(batch->rel);
	batch->estate = CreateExecutorState();
	batch->target = makeNode(ResultRelInfo);
	InitResultRelInfo(batch->target, batch->rel, 0, NULL, 0);
	ExecOpenIndices(batch->target, false);
	batch->checks = desc->constr && desc->constr->num_check > 0;
	batch->values = palloc0(sizeof(Datum) * desc->natts);
	batch->nulls = palloc(sizeof(bool) * desc->natts);
	memset(batch->nulls, true, sizeof(bool) * desc->natts);
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "rtm rows",
										   ALLOCSET_DEFAULT_SIZES);
	return batch;
}

static void
insert_rows(OutboxBatch *batch)
{
	if (batch->n == 0)
		return;
	table_multi_insert(batch->rel, batch->slots, batch->n, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < batch->n; i++)
	{
		if (batch->target->ri_NumIndices > 0)
			rtm_insert_index_tuples(batch->target, batch->slots[i], batch->estate);
		ExecClearTuple(batch->slots[i]);
		ResetPerTupleExprContext(batch->estate);
	}
	MemoryContextReset(batch->context);
	batch->n = 0;
	batch->bytes = 0;
	CHECK_FOR_INTERRUPTS();
}

/*
 * The row as it is inserted, with that seq.  A table whose columns are ours alone gets the
 * row's bytes: seq is the first column, and never NULL.
 */
static HeapTuple
make_tuple(OutboxBatch *batch, TupleTableSlot *row, int64 seq)
{
	TupleDesc desc = RelationGetDescr(batch->rel);
	HeapTuple tuple;

	if (desc->natts == OUTBOX_NCOLUMNS)
	{
		tuple = ExecCopySlotHeapTuple(row);
		memcpy((char *) tuple->t_data + tuple->t_data->t_hoff, &seq, sizeof(seq));
		return tuple;
	}
	slot_getallattrs(row);
	memcpy(batch->values, row->tts_values, sizeof(Datum) * OUTBOX_NCOLUMNS);
	memcpy(batch->nulls, row->tts_isnull, sizeof(bool) * OUTBOX_NCOLUMNS);
	batch->values[OUTBOX_SEQ - 1] = Int64GetDatum(seq);
	return heap_form_tuple(desc, batch->values, batch->nulls);
}

void
outbox_add_to_batch(OutboxBatch *batch, TupleTableSlot *row, int64 seq)
{
	TupleTableSlot *slot = batch->slots[batch->n];
	MemoryContext	old = MemoryContextSwitchTo(batch->context);
	HeapTuple		tuple = make_tuple(batch, row, seq);

	MemoryContextSwitchTo(old);
	tuple->t_tableOid = RelationGetRelid(batch->rel);
	if (slot == NULL)
		slot = batch->slots[batch->n] = MakeSingleTupleTableSlot(RelationGetDescr(batch->rel),
																 &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, slot, false);
	if (batch->checks)
		ExecConstraints(batch->target, slot, batch->estate);
	batch->bytes += tuple->t_len;
	if (++batch->n == BATCH_ROWS || batch->bytes >= BATCH_BYTES)
		insert_rows(batch);
}

void
outbox_end_batch(OutboxBatch *batch)
{
	insert_rows(batch);
	for (int i = 0; i < BATCH_ROWS && batch->slots[i]; i++)
		ExecDropSingleTupleTableSlot(batch->slots[i]);
	ExecCloseIndices(batch->target);
	FreeExecutorState(batch->estate);
	table_close(batch->rel, NoLock);
	MemoryContextDelete(batch->context);
	pfree(batch);
}

/* ---- finding rows ---- */

OutboxScan
outbox_begin_scan(Relation rel, OutboxIndex index, int64 low, int64 high, Snapshot snapshot)
{
	OutboxScan	scan = {.index = index_open(outbox_index(index), AccessShareLock)};
	AttrNumber	column = scan.index->rd_index->indkey.values[0];
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], column, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(low));
	ScanKeyInit(&keys[1], column, BTLessStrategyNumber, F_INT8LT, Int64GetDatum(high));
	scan.scan = systable_beginscan_ordered(rel, scan.index, snapshot, 2, keys);
	return scan;
}

HeapTuple
outbox_next(OutboxScan *scan)
{
	return systable_getnext_ordered(scan->scan, ForwardScanDirection);
}

void
outbox_end_scan(OutboxScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, NoLock);
}

int64
outbox_for_rows(Relation rel, int64 low, int64 high, OutboxAction action, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm row",
												  ALLOCSET_DEFAULT_SIZES);
	OutboxScan	  scan = outbox_begin_scan(rel, OUTBOX_REQUEST_SEQ, low, high, GetActiveSnapshot());
	HeapTuple	  tuple;
	int64		  n = 0;

	while (HeapTupleIsValid(tuple = outbox_next(&scan)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		OutboxRow	  row;

		CHECK_FOR_INTERRUPTS();
		outbox_read_row(tuple, &row);
		n += action(rel, tuple, &row, arg);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	outbox_end_scan(&scan);
	MemoryContextDelete(context);
	return n;
}

HeapTuple
outbox_fetch(Relation rel, ItemPointer tid, Snapshot snapshot)
{
	HeapTupleData tuple = {.t_self = *tid};
	HeapTuple	  copy;
	Buffer		  buffer;

	if (ItemPointerGetBlockNumber(tid) >= RelationGetNumberOfBlocks(rel) ||
		!heap_fetch(rel, snapshot, &tuple, &buffer, false))
		return NULL;
	copy = heap_copytuple(&tuple);
	ReleaseBuffer(buffer);
	return copy;
}

/* The greatest place of [low, high); low - 1: none is there. */
static int64
last_place(Relation rel, int64 low, int64 high)
{
	Snapshot   snapshot = RegisterSnapshot(GetLatestSnapshot());
	OutboxScan scan = outbox_begin_scan(rel, OUTBOX_REQUEST_SEQ, low, high, snapshot);
	HeapTuple  tuple = systable_getnext_ordered(scan.scan, BackwardScanDirection);
	OutboxRow  row = {.seq = low - 1};

	if (HeapTupleIsValid(tuple))
		outbox_read_key(tuple, &row);
	outbox_end_scan(&scan);
	UnregisterSnapshot(snapshot);
	return row.seq;
}

int64
outbox_last_ticket(void)
{
	Relation rel = outbox_open(OUTBOX_REQUESTS, AccessShareLock);
	int64	 last = last_place(rel, 0, OUTBOX_URGENT_ROWS);
	int64	 urgent = last_place(rel, OUTBOX_URGENT_ROWS, PG_INT64_MAX);

	table_close(rel, NoLock);
	return Max(Max(last, urgent - OUTBOX_URGENT_ROWS), 0);
}

/* ---- deleting rows ---- */

OutboxDeletion
outbox_lock(Relation rel, ItemPointer tid, CommandId command)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData	failure;
	TM_Result		result = table_tuple_lock(rel, tid, GetActiveSnapshot(), slot, command,
											  LockTupleExclusive, LockWaitBlock, 0, &failure);

	ExecDropSingleTupleTableSlot(slot);
	return result == TM_Ok ? OUTBOX_LOCKED : OUTBOX_GONE;
}

OutboxDeletion
outbox_delete(Relation rel, ItemPointer tid, CommandId command, bool wait)
{
	TM_FailureData failure;

	switch (table_tuple_delete(rel, tid, command, GetActiveSnapshot(), InvalidSnapshot, wait,
							   &failure, false))
	{
		case TM_Ok:
			return OUTBOX_DELETED;
		case TM_BeingModified:
		case TM_WouldBlock:
			return OUTBOX_LOCKED;
		case TM_Invisible:
		case TM_SelfModified:
		case TM_Updated:
		case TM_Deleted:
			break;
	}
	return OUTBOX_GONE;
}
