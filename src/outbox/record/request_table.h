/*-------------------------------------------------------------------------
 *
 * request_table.h
 *	  Rows of the outbox's tables, without a statement: insert, find, delete.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_REQUEST_TABLE_H
#define OUTBOX_REQUEST_TABLE_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "storage/itemptr.h"

#include "outbox/record/relations.h"
#include "outbox/record/row.h"

/* ---- inserting requests ---- */

typedef struct OutboxBatch OutboxBatch;

/*
 * Begin to insert requests, which is done in batches, in the current memory
 * context; needs an active snapshot.  A row is given as a slot with the columns of
 * outbox_columns(OUTBOX_REQUESTS), and gets this seq.  All indexes and checks of the
 * table hold; what they raise is raised by the last two functions.
 */
extern OutboxBatch *outbox_begin_batch(void);
extern void			outbox_add_to_batch(OutboxBatch *batch, TupleTableSlot *row, int64 seq);
extern void			outbox_end_batch(OutboxBatch *batch);

/* ---- finding rows ---- */

typedef struct OutboxScan
{
	Relation	index;
	SysScanDesc scan;
} OutboxScan;

/*
 * Rows of an open table in the order of the index's first column, from `low` to
 * below `high` (PG_INT64_MIN, PG_INT64_MAX: no bound).  The tuple lives until the
 * next call.
 */
extern OutboxScan outbox_begin_scan(Relation rel, OutboxIndex index, int64 low, int64 high,
									Snapshot snapshot);
extern HeapTuple  outbox_next(OutboxScan *scan);
extern void		  outbox_end_scan(OutboxScan *scan);

/*
 * Call action(rel, tuple, row, arg) for each row of rtm_request with a ticket in that
 * range, in their order, as of the active snapshot: how often it said true.  What it
 * allocates is gone when it returns.
 */
typedef bool (*OutboxAction)(Relation rel, HeapTuple tuple, OutboxRow *row, void *arg);
extern int64 outbox_for_rows(Relation rel, int64 low, int64 high, OutboxAction action, void *arg);

/* The row at that place, copied, or NULL: none is visible there. */
extern HeapTuple outbox_fetch(Relation rel, ItemPointer tid, Snapshot snapshot);

/* The greatest ticket of rtm_request, or 0.  Needs a transaction. */
extern int64 outbox_last_ticket(void);

/* ---- deleting rows ---- */

typedef enum OutboxDeletion
{
	OUTBOX_DELETED,
	OUTBOX_GONE,  /* somebody was faster, or this very command */
	OUTBOX_LOCKED /* somebody may be about to, if that isn't waited for; or it is by us now */
} OutboxDeletion;

/*
 * Lock a row that was visible at that place, against all who would change it; whoever has
 * locked it is waited for.  OUTBOX_LOCKED, or OUTBOX_GONE.  `command` as below.
 */
extern OutboxDeletion outbox_lock(Relation rel, ItemPointer tid, CommandId command);

/*
 * Delete a row that was visible at that place.  `command` is GetCurrentCommandId(true).
 * With `wait`, whoever has locked it is waited for.
 */
extern OutboxDeletion outbox_delete(Relation rel, ItemPointer tid, CommandId command, bool wait);

#endif /* OUTBOX_REQUEST_TABLE_H */
