/*-------------------------------------------------------------------------
 *
 * discard.c
 *	  Requests that somebody is about to discard.
 *
 * rtm_discard() deletes the row in a transaction that may go on for long.  It says
 * so in shared memory before it does (chore.c), and until the sender has been told
 * of the commit; while anybody does, the sender looks at a row before it sends it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "storage/bufmgr.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

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
	return ((pg_atomic_read_u32(&entry->chores) | outbox_prepared_chores(entry)) &
			OUTBOX_CHORE_DISCARDED) != 0;
}

/* Is the row where it was, and nobody's to delete? */
static bool
is_left_alone(Relation rel, const Request *request)
{
	SnapshotData  dirty;
	HeapTupleData tuple = {.t_self = request->tid};
	Buffer		  buffer;
	OutboxRow	  row;

	InitDirtySnapshot(dirty);
	if (ItemPointerGetBlockNumber(&request->tid) >= RelationGetNumberOfBlocks(rel) ||
		!heap_fetch(rel, &dirty, &tuple, &buffer, false))
		return false;
	outbox_read_key(&tuple, &row);
	ReleaseBuffer(buffer);
	return row.seq == request->row.seq && row.origin == request->row.origin &&
		   !TransactionIdIsValid(dirty.xmax);
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
	being = rel == NULL || (!is_left_alone(rel, request) &&
							(!has_moved(rel, request) || !is_left_alone(rel, request)));
	if (rel)
		table_close(rel, NoLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return being;
}
