/*-------------------------------------------------------------------------
 *
 * find.c
 *	  Requests by their id, for whoever may act on them.
 *
 * Databases number their requests independently, and what another one has queued
 * may be in the same tables: an id is one of a database's own requests first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outbox/after/find.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/names.h"
#include "outbox/origin/origin.h"
#include "outbox/record/request_table.h"

void
outbox_check_id(int64 id)
{
	if (id < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid id of a request: " INT64_FORMAT, id),
						errhint("The functions whose names end in _async return it.")));
}

bool
outbox_is_own_origin(int64 origin)
{
	return origin == outbox_origin(outbox_this_database(!RecoveryInProgress()));
}

bool
outbox_may_act(Oid owner, int64 id)
{
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for request " INT64_FORMAT, id),
						errhint("It was queued by another role.")));
	return true;
}

/*
 * The role that queued it: in another cluster its OID may be somebody else's.  Without
 * a name it is nobody, whose privileges superusers have.
 */
static void
check_owner(const OutboxRow *row)
{
	Oid owner = outbox_is_own_origin(row->origin) ? row->owner : outbox_find_role(&row->owner_name);

	(void) outbox_may_act(owner, row->id);
}

/* One of this database's own, or else another one's; false: there is none. */
static bool
find(Relation rel, OutboxTable table, int64 id, Snapshot snapshot, OutboxResult *found)
{
	OutboxIndex index = table == OUTBOX_REQUESTS ? OUTBOX_REQUEST_ID : OUTBOX_RESULT_ID;
	OutboxScan	scan = outbox_begin_scan(rel, index, id, id + 1, snapshot);
	HeapTuple	tuple;
	bool		any = false;
	bool		own = false;

	while (!own && HeapTupleIsValid(tuple = outbox_next(&scan)))
	{
		OutboxResult candidate = {.tid = tuple->t_self};

		tuple = heap_copytuple(tuple);
		if (table == OUTBOX_REQUESTS)
			outbox_read_row(tuple, &candidate.row);
		else
			outbox_read_result(tuple, &candidate);
		own = outbox_is_own_origin(candidate.row.origin);
		if (own || !any)
			*found = candidate;
		any = true;
	}
	outbox_end_scan(&scan);
	return any;
}

bool
outbox_find(Relation rel, OutboxTable table, int64 id, Snapshot snapshot, OutboxResult *found)
{
	if (!find(rel, table, id, snapshot, found))
		return false;
	check_owner(&found->row);
	return true;
}

/* The last id that a session has reserved: greater ones are yet to be drawn. */
static int64
last_id(void)
{
	Relation	  rel = relation_open(outbox_relations(false)->ids, AccessShareLock);
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

/* Has a row of this database the id? */
static bool
has_own_row(OutboxTable table, int64 id)
{
	Relation	 rel = outbox_open(table, AccessShareLock);
	Snapshot	 snapshot = RegisterSnapshot(GetLatestSnapshot());
	OutboxResult found;
	bool own = find(rel, table, id, snapshot, &found) && outbox_is_own_origin(found.row.origin);

	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return own;
}

bool
outbox_make_id_own(OutboxRow *row)
{
	if (row->id <= last_id() && !outbox_is_queued_here(row->id) &&
		!has_own_row(OUTBOX_REQUESTS, row->id) && !has_own_row(OUTBOX_RESULTS, row->id))
		return false;
	row->id = outbox_new_id();
	return true;
}
