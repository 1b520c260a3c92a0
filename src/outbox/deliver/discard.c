/*-------------------------------------------------------------------------
 *
 * discard.c
 *	  Requests that somebody is about to discard, and servers that somebody is about
 *	  to pause.
 *
 * rtm_discard() deletes the row in a transaction that may go on for long.  It says
 * so in shared memory before it does (chore.c), and until the sender has been told
 * of the commit; while anybody does, the sender looks at a row before it sends it.
 * It has said before that it is about to (under_way.h): whose row is locked after that
 * is left alone by who has locked it.
 * So does rtm_pause() with an option of the foreign server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/genam.h"
#include "access/multixact.h"
#include "access/reloptions.h"
#include "catalog/indexing.h"
#include "catalog/pg_foreign_server.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "client/option.h"
#include "outbox/deliver/discard.h"
#include "outbox/enqueue/prepared.h"
#include "outbox/record/request_table.h"
#include "session.h"

/* In this order: a commit gives the sender the chore before it is no discard any more. */
static bool
does_anybody_discard(OutboxDatabase *entry)
{
	if (pg_atomic_read_u32(&entry->discards) > 0)
		return true;
	pg_read_barrier();
	return ((outbox_chores(entry, outbox_my_sender()) | outbox_prepared_chores(entry)) &
			OUTBOX_CHORE_DISCARDED) != 0;
}

/* Has a transaction that goes on locked the row, as who is about to delete it does? */
static bool
is_locked(HeapTuple tuple, Buffer buffer)
{
	TransactionId xmax;
	uint16		  mask;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	xmax = HeapTupleHeaderGetRawXmax(tuple->t_data);
	mask = tuple->t_data->t_infomask;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	if ((mask & HEAP_XMAX_INVALID) != 0)
		return false;
	return (mask & HEAP_XMAX_IS_MULTI) != 0 ? MultiXactIdIsRunning(xmax, true)
											: TransactionIdIsInProgress(xmax);
}

/* Is the row where it was, and nobody's to delete? */
static bool
is_left_alone(Relation rel, const Request *request)
{
	SnapshotData  dirty;
	HeapTupleData tuple = {.t_self = request->tid};
	Buffer		  buffer;
	OutboxRow	  row;
	bool		  locked;

	InitDirtySnapshot(dirty);
	if (ItemPointerGetBlockNumber(&request->tid) >= RelationGetNumberOfBlocks(rel) ||
		!heap_fetch(rel, &dirty, &tuple, &buffer, false))
		return false;
	outbox_read_key(&tuple, &row);
	locked = is_locked(&tuple, buffer);
	ReleaseBuffer(buffer);
	return row.seq == request->row.seq && row.origin == request->row.origin &&
		   !TransactionIdIsValid(dirty.xmax) && !locked;
}

/* It isn't: has somebody moved it (VACUUM FULL), or is it to be deleted, or gone? */
static bool
has_moved(Relation rel, Request *request)
{
	OutboxScan scan;
	HeapTuple  tuple;
	bool	   moved = false;

	PushActiveSnapshot(GetTransactionSnapshot());
	scan = outbox_begin_scan(rel, OUTBOX_REQUEST_SEQ, request->row.seq, request->row.seq + 1,
							 GetActiveSnapshot());
	while (!moved && HeapTupleIsValid(tuple = outbox_next(&scan)))
	{
		OutboxRow row;

		outbox_read_key(tuple, &row);
		moved = row.id == request->row.id && row.origin == request->row.origin &&
				!ItemPointerEquals(&tuple->t_self, &request->tid);
		if (moved)
			request->tid = tuple->t_self;
	}
	outbox_end_scan(&scan);
	PopActiveSnapshot();
	return moved;
}

/*
 * Is the server paused by a transaction that may yet commit, or has it been, and may yet be
 * resumed?  Both versions of its row count.  A catalogue that somebody has locked isn't waited for.
 */
static bool
is_being_paused(Oid server)
{
	SnapshotData dirty;
	ScanKeyData	 key;
	SysScanDesc	 scan;
	Relation	 rel;
	HeapTuple	 tuple;
	bool		 paused = false;

	if (!ConditionalLockRelationOid(ForeignServerRelationId, AccessShareLock))
		return true;
	rel = table_open(ForeignServerRelationId, NoLock);
	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, Anum_pg_foreign_server_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(server));
	scan = systable_beginscan(rel, ForeignServerOidIndexId, true, &dirty, 1, &key);
	while (!paused && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool  isnull;
		Datum options = heap_getattr(tuple, Anum_pg_foreign_server_srvoptions,
									 RelationGetDescr(rel), &isnull);

		paused = !isnull &&
				 rtm_option_value(untransformRelOptions(options), RTM_PAUSED_SINCE) != NULL;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return paused;
}

bool
outbox_is_being_discarded(Request *request)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Relation	  rel;
	bool		  being;

	if (!does_anybody_discard(outbox_queue.entry))
		return false;
	rtm_begin_transaction();
	rel = outbox_try_open(OUTBOX_REQUESTS, AccessShareLock);
	being = rel == NULL || is_being_paused(request->lane->key.server) ||
			(!is_left_alone(rel, request) &&
			 (!has_moved(rel, request) || !is_left_alone(rel, request)));
	if (rel)
		table_close(rel, NoLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return being;
}
