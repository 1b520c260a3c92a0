/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  rtm_retry(), rtm_discard().
 *
 * They act on requests of roles that the caller has the privileges of.  Rows are
 * found and changed directly, so that nobody needs a privilege on the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "fpnn/catalog.h"
#include "outbox/after/find.h"
#include "outbox/enqueue/chore.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/names.h"
#include "outbox/record/request_table.h"
#include "outbox/workers/under_way.h"

/*
 * May the gate have carried it out?  Not if it said at last what it says of what was
 * done before: then that was somebody else's doing.
 */
static bool
maybe_sent(const OutboxResult *result)
{
	const RtmMethod *method = rtm_method_by_call(result->row.call, result->row.call_len);

	return method && result->error_code != rtm_method_traits(method)->done_code;
}

/*
 * The row as it is queued again: its attempts and its age count from now, but for one
 * attempt that says that it may have been sent.
 */
static OutboxRow
row_again(const OutboxResult *result)
{
	OutboxRow row = result->row;

	row.attempts = maybe_sent(result);
	row.enqueued_at = GetCurrentTimestamp();
	return row;
}

/* Whom and where the row means here. */
static void
resolve(OutboxRow *row)
{
	bool		own = outbox_is_own_origin(row->origin);
	const char *why = own ? outbox_replace_dropped(row) : outbox_resolve_names(row);

	if (why == NULL)
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					own ? errmsg("request " INT64_FORMAT " cannot be queued again", row->id)
						: errmsg("request " INT64_FORMAT
								 ", which another database queued, cannot be queued here",
								 row->id),
					errdetail("Request " INT64_FORMAT ": %s.", row->id, why),
					errhint("Create what is missing, or give the request up with rtm_discard().")));
}

static void
queue_again(OutboxRow *row)
{
	int64 id = row->id;

	if (!outbox_is_own_origin(row->origin) && outbox_make_id_own(row))
		ereport(NOTICE, (errmsg("request " INT64_FORMAT " has the id " INT64_FORMAT " from now on",
								id, row->id),
						 errdetail("A request of this database has its id, or will have.")));
	outbox_enqueue(row);
}

static void
raise_not_failed(int64 id)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("request " INT64_FORMAT " did not fail", id),
					errhint("Only failed requests can be queued again; see the view rtm_result.")));
}

static void
check_failed(const OutboxResult *result)
{
	if (result->status != OUTBOX_STATUS_FAILED)
		raise_not_failed(result->row.id);
}

/* One that isn't through yet is no failed one. */
static void
check_waiting(int64 id)
{
	Relation	 rel = outbox_open(OUTBOX_REQUESTS, AccessShareLock);
	Snapshot	 snapshot = RegisterSnapshot(GetLatestSnapshot());
	OutboxResult found;

	if (outbox_find(rel, OUTBOX_REQUESTS, id, snapshot, &found))
		raise_not_failed(id);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

/* Is it a request of a prepared transaction, that has no ticket yet? */
static bool
is_prepared(const OutboxResult *found)
{
	return !outbox_has_ticket(found->row.seq) && !outbox_is_scheduled(found->row.seq);
}

/*
 * Lock the row of a request that waits, unless it is being sent: then there is nothing to be taken
 * back.  That is looked at before, too, as the sender would have to wait for our end.
 */
static OutboxDeletion
lock_waiting(Relation rel, OutboxResult *found)
{
	OutboxDatabase *entry = outbox_this_database(false);
	OutboxDeletion	locked;

	outbox_begin_discarding();
	if (entry && outbox_is_under_way(entry, found->row.seq))
		return OUTBOX_GONE;
	locked = outbox_lock(rel, &found->tid, GetCurrentCommandId(true));
	if (locked == OUTBOX_LOCKED && entry && outbox_is_under_way(entry, found->row.seq))
		return OUTBOX_GONE;
	return locked;
}

/*
 * Find a request that waits, or one that is through, and take it out of the table.  It
 * may have been updated while we waited for whoever did that, as it was sent, or its
 * callback has run: then it is looked for again.
 */
static bool
take(OutboxTable table, int64 id, bool retry, OutboxResult *found)
{
	Relation		rel = outbox_open(table, RowExclusiveLock);
	ItemPointerData last;
	OutboxDeletion	deletion = OUTBOX_GONE;

	ItemPointerSetInvalid(&last);
	while (deletion != OUTBOX_DELETED)
	{
		Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
		bool	 there = outbox_find(rel, table, id, snapshot, found);

		UnregisterSnapshot(snapshot);

		/*
		 * One that has no ticket yet is about to be moved: others wait for that.  One
		 * that is still there, although it is gone: this very command has deleted it.
		 */
		if (!there || is_prepared(found) || ItemPointerEquals(&last, &found->tid))
			break;
		last = found->tid;
		if (retry)
			check_failed(found);
		if (table == OUTBOX_REQUESTS && lock_waiting(rel, found) != OUTBOX_LOCKED)
			continue;
		deletion = outbox_delete(rel, &found->tid, GetCurrentCommandId(true), true);
	}
	table_close(rel, NoLock);
	return deletion == OUTBOX_DELETED;
}

PG_FUNCTION_INFO_V1(rtm_sql_retry);

Datum
rtm_sql_retry(PG_FUNCTION_ARGS)
{
	int64		 id = PG_GETARG_INT64(0);
	OutboxResult result;
	OutboxRow	 row;

	outbox_check_id(id);
	outbox_check_enqueue("rtm_retry()");
	if (!take(OUTBOX_RESULTS, id, true, &result))
	{
		check_waiting(id);
		PG_RETURN_BOOL(false);
	}
	row = row_again(&result);
	resolve(&row);
	queue_again(&row);
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(rtm_sql_discard);

Datum
rtm_sql_discard(PG_FUNCTION_ARGS)
{
	int64		 id = PG_GETARG_INT64(0);
	OutboxResult result;

	outbox_check_id(id);
	PreventCommandIfReadOnly("rtm_discard()");
	PreventCommandDuringRecovery("rtm_discard()");
	PG_RETURN_BOOL(outbox_discard_queued_here(id, outbox_may_act) ||
				   take(OUTBOX_RESULTS, id, false, &result) ||
				   take(OUTBOX_REQUESTS, id, false, &result));
}
