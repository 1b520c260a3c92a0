/*-------------------------------------------------------------------------
 *
 * manage.c
 *	  rtm_retry(), rtm_discard(), rtm_wait().
 *
 * They act on requests of roles that the caller has the privileges of.  Rows are
 * found and changed directly, so that nobody needs a privilege on the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "fpnn/catalog.h"
#include "host.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/names.h"
#include "outbox/origin/origin.h"
#include "outbox/workers/registry.h"
#include "outbox/record/row.h"
#include "wait.h"

/* Longest sleep of rtm_wait() between two looks, in milliseconds. */
#define LOOK_AGAIN 1000

/* A row that was found. */
typedef struct Finished
{
	Relation  rel;
	HeapTuple tuple; /* NULL: there is none */
} Finished;

static Datum
column(const Finished *f, const char *name, bool *null)
{
	TupleDesc desc = RelationGetDescr(f->rel);

	return heap_getattr(f->tuple, SPI_fnumber(desc, name), desc, null);
}

/* Of this database's own requests (origin.c), as far as that is known; the views say the same. */
static bool
is_own(HeapTuple tuple, TupleDesc desc)
{
	int	  attno = SPI_fnumber(desc, "origin");
	int64 own;
	bool  null;
	Datum origin;

	if (attno <= 0)
		return true;
	own = outbox_origin(outbox_database(MyDatabaseId, !RecoveryInProgress()));
	origin = heap_getattr(tuple, attno, desc, &null);
	return null ? own == 0 : DatumGetInt64(origin) == own;
}

/* A name, if the table has that column. */
static OutboxName
read_name(const Finished *f, const char *name)
{
	OutboxName		found = {0};
	struct varlena *value;
	bool			null;
	Datum			datum;

	if (SPI_fnumber(RelationGetDescr(f->rel), name) <= 0)
		return found;
	datum = column(f, name, &null);
	if (null)
		return found;
	value = PG_DETOAST_DATUM(datum);
	found.bytes = VARDATA(value);
	found.len = (int) (VARSIZE(value) - VARHDRSZ);
	return found;
}

/*
 * The role that queued it: in another cluster its OID may be somebody else's.  Without
 * a name it is nobody, whose privileges superusers have.
 */
static Oid
owner_of(const Finished *f)
{
	OutboxName name = read_name(f, "owner_name");
	bool	   null;

	if (!is_own(f->tuple, RelationGetDescr(f->rel)))
		return outbox_find_role(&name);
	return DatumGetObjectId(column(f, "owner", &null));
}

static void
check_owner(const Finished *f, int64 id)
{
	Oid owner = owner_of(f);

	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for request " INT64_FORMAT, id),
						errhint("It was queued by another role.")));
}

static HeapTuple
find_by_id(Relation rel, Oid index, int64 id, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	scan = systable_beginscan(rel, index, OidIsValid(index), snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/*
 * A request that waits.  Requests of other origins may have the same id: its own
 * comes first, and they come only with `held`.
 */
static HeapTuple
find_pending(Relation rel, int64 id, bool held, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	HeapTuple	found = NULL;

	ScanKeyInit(&key, OUTBOX_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool own = is_own(tuple, RelationGetDescr(rel));

		if (own || (held && found == NULL))
			found = heap_copytuple(tuple);
		if (own)
			break;
	}
	systable_endscan(scan);
	return found;
}

/* `snapshot` NULL: the latest. */
static Finished
find_finished(int64 id, LOCKMODE lock, Snapshot given)
{
	Snapshot			   snapshot = RegisterSnapshot(given ? given : GetLatestSnapshot());
	const OutboxRelations *r = outbox_relations(false);
	Finished			   f;

	f.rel = table_open(r->finished, lock);
	f.tuple = find_by_id(f.rel, get_relname_relid("rtm_finished_pkey", r->schema), id, snapshot);
	UnregisterSnapshot(snapshot);
	if (f.tuple)
		check_owner(&f, id);
	return f;
}

/* Delete the row, unless somebody (or this very statement) was faster. */
static bool
take(const Finished *f)
{
	TM_FailureData failure;

	return f->tuple && heap_delete(f->rel, &f->tuple->t_self, GetCurrentCommandId(true),
								   InvalidSnapshot, true, &failure, false) == TM_Ok;
}

static void
check_id(int64 id)
{
	if (id < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid id of a request: " INT64_FORMAT, id),
						errhint("The functions whose names end in _async return it.")));
}

static void
read_text(const Finished *f, const char *name, const char **bytes, int *len)
{
	bool			null;
	struct varlena *value = PG_DETOAST_DATUM(column(f, name, &null));

	*bytes = VARDATA(value);
	*len = (int) (VARSIZE(value) - VARHDRSZ);
}

/* The row as it is queued again: its attempts and its age count from now. */
static OutboxRow
row_again(const Finished *f)
{
	OutboxRow row = {0};
	bool	  null;
	int		  code;
	Datum	  value;

	row.id = DatumGetInt64(column(f, "id", &null));
	row.owner = DatumGetObjectId(column(f, "owner", &null));
	row.server = DatumGetObjectId(column(f, "server", &null));
	row.conversation = DatumGetInt16(column(f, "conversation", &null));
	row.nparams = DatumGetInt32(column(f, "nparams", &null));
	row.key_a = DatumGetInt64(column(f, "key_a", &null));
	row.key_b = DatumGetInt64(column(f, "key_b", &null));
	row.timeout = DatumGetFloat8(column(f, "timeout", &null));
	row.enqueued_at = GetCurrentTimestamp();
	read_text(f, "call", &row.call, &row.call_len);
	read_text(f, "method", &row.method, &row.method_len);
	read_text(f, "params", &row.params, &row.params_len);
	value = column(f, "recipients", &null);
	if (!null)
		outbox_read_recipients(value, &row);
	value = column(f, "mid", &null);
	row.mid = null ? 0 : DatumGetInt64(value);
	value = column(f, "callback", &null);
	row.callback = null ? InvalidOid : DatumGetObjectId(value);
	row.owner_name = read_name(f, "owner_name");
	row.server_name = read_name(f, "server_name");
	row.callback_name = read_name(f, "callback_name");

	/* unless the gate refused the mid itself, it may know the message by now */
	value = column(f, "error_code", &null);
	code = null ? 0 : DatumGetInt32(value);
	row.mid_made = DatumGetBool(column(f, "mid_made", &null)) || code != RTM_CODE_DUPLICATE_MID;
	return row;
}

/* Has a request of this database the id of that one, which another database queued? */
static bool
is_id_taken(int64 id)
{
	Relation rel = table_open(outbox_relations(false)->request, AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool	 taken = find_pending(rel, id, false, snapshot) != NULL;

	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return taken || id > outbox_last_id();
}

/* It keeps its id if that can be none of this database's own. */
static void
set_id(const Finished *f, OutboxRow *row)
{
	int64 id = row->id;

	if (is_own(f->tuple, RelationGetDescr(f->rel)) || !is_id_taken(id))
		return;
	row->id = outbox_new_id();
	ereport(NOTICE, (errmsg("request " INT64_FORMAT " has the id " INT64_FORMAT " from now on", id,
							row->id),
					 errdetail("A request of this database has its id, or will have.")));
}

/* Whom and where the row means here. */
static void
resolve(const Finished *f, OutboxRow *row)
{
	const char *why;

	if (is_own(f->tuple, RelationGetDescr(f->rel)))
		outbox_replace_dropped(row);
	else if ((why = outbox_resolve_names(row)) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("request " INT64_FORMAT
						", which another database queued, cannot be queued here",
						row->id),
				 errdetail("Request " INT64_FORMAT ": %s.", row->id, why),
				 errhint("Create what is missing, or give the request up with rtm_discard().")));
}

PG_FUNCTION_INFO_V1(rtm_sql_retry);

Datum
rtm_sql_retry(PG_FUNCTION_ARGS)
{
	int64	  id = PG_GETARG_INT64(0);
	Finished  f;
	OutboxRow row;
	bool	  null;
	bool	  taken = false;

	check_id(id);
	outbox_check_enqueue("rtm_retry");
	f = find_finished(id, RowExclusiveLock, NULL);
	if (f.tuple)
	{
		if (strcmp(TextDatumGetCString(column(&f, "status", &null)), "failed") != 0)
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("request " INT64_FORMAT " did not fail", id),
				 errhint("Only failed requests can be queued again; see the view rtm_result.")));
		row = row_again(&f);
		resolve(&f, &row);
		taken = take(&f);
		if (taken)
		{
			set_id(&f, &row);
			outbox_enqueue(&row);
		}
	}
	table_close(f.rel, NoLock);
	PG_RETURN_BOOL(taken);
}

/* The sender is to look which of its requests are gone, if this commits. */
static bool discarded;

static void
at_commit(XactEvent event, void *arg)
{
	OutboxDatabase *entry;

	if (!discarded)
		return;
	if (event == XACT_EVENT_COMMIT && (entry = outbox_database(MyDatabaseId, false)) != NULL)
	{
		pg_atomic_fetch_or_u32(&entry->chores, OUTBOX_CHORE_DISCARDED);
		outbox_wake(entry, OUTBOX_SENDER);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		discarded = false;
}

/* Discard a request that waits. */
static bool
discard_pending(int64 id)
{
	static bool registered;
	Relation	rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	Finished	pending = {.rel = rel, .tuple = find_pending(rel, id, true, snapshot)};
	bool		null;
	bool		taken = false;

	UnregisterSnapshot(snapshot);
	if (pending.tuple)
	{
		check_owner(&pending, id);

		/* one that has no ticket yet is about to be moved: others wait for that */
		taken = DatumGetInt64(column(&pending, "seq", &null)) >= 0 && take(&pending);
	}
	table_close(rel, NoLock);
	if (taken && !registered)
	{
		RegisterXactCallback(at_commit, NULL);
		registered = true;
	}
	discarded |= taken;
	return taken;
}

PG_FUNCTION_INFO_V1(rtm_sql_discard);

Datum
rtm_sql_discard(PG_FUNCTION_ARGS)
{
	int64	 id = PG_GETARG_INT64(0);
	Finished f;
	bool	 taken;

	check_id(id);
	PreventCommandIfReadOnly("rtm_discard()");
	PreventCommandDuringRecovery("rtm_discard()");
	f = find_finished(id, RowExclusiveLock, NULL);
	taken = take(&f);
	table_close(f.rel, NoLock);
	PG_RETURN_BOOL(taken || discard_pending(id));
}

/* ---- waiting ---- */

/* A request that somebody waits for. */
typedef struct Awaited
{
	int64			id;
	bool			pending; /* seen at tid, when last looked for */
	bool			held;	 /* there is one of another origin */
	ItemPointerData tid;
} Awaited;

/* Is it still where it was?  Saves searching the table. */
static bool
is_still_there(Relation rel, const Awaited *awaited, Snapshot snapshot)
{
	HeapTupleData tuple = {.t_self = awaited->tid};
	Buffer		  buffer;
	bool		  null;
	bool		  same = false;

	if (ItemPointerGetBlockNumber(&tuple.t_self) < RelationGetNumberOfBlocks(rel) &&
		heap_fetch(rel, snapshot, &tuple, &buffer, false))
	{
		same = DatumGetInt64(fastgetattr(&tuple, OUTBOX_ID, RelationGetDescr(rel), &null)) ==
			   awaited->id;
		ReleaseBuffer(buffer);
	}
	return same;
}

static bool
is_pending(Awaited *awaited, Snapshot snapshot)
{
	Relation  rel = table_open(outbox_relations(false)->request, AccessShareLock);
	HeapTuple tuple;

	if (!awaited->pending || !is_still_there(rel, awaited, snapshot))
	{
		tuple = find_pending(rel, awaited->id, true, snapshot);
		awaited->held = tuple && !is_own(tuple, RelationGetDescr(rel));
		awaited->pending = tuple && !awaited->held;
		if (awaited->pending)
		{
			Finished pending = {.rel = rel, .tuple = tuple};

			check_owner(&pending, awaited->id);
			awaited->tid = tuple->t_self;
		}
	}
	table_close(rel, AccessShareLock);
	return awaited->pending;
}

/* done, failed, or NULL: it isn't through. */
static const char *
look(Awaited *awaited)
{
	const char *status = "done";
	Finished	f;
	bool		null;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	if (is_pending(awaited, snapshot))
	{
		UnregisterSnapshot(snapshot);
		return NULL;
	}

	/* it is in the other table, or left no trace, or nobody saw it yet */
	f = find_finished(awaited->id, AccessShareLock, snapshot);
	UnregisterSnapshot(snapshot);
	if (f.tuple && is_own(f.tuple, RelationGetDescr(f.rel)))
		status = TextDatumGetCString(column(&f, "status", &null));
	else if (outbox_is_queued_here(awaited->id))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("request " INT64_FORMAT " is part of this transaction", awaited->id),
			 errhint(
				 "Nothing of it is sent before the transaction commits: wait in a later one.")));
	else if (f.tuple || awaited->held)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot tell what became of request " INT64_FORMAT, awaited->id),
			 errdetail(
				 "Another database queued the request of that id; one of this database that went well would have left no trace."),
			 awaited->held
				 ? errhint(
					   "It is held until rtm_adopt_held() or rtm_discard_held(); see the view rtm_outbox.")
				 : errhint("See the view rtm_result for what became of it there.")));
	table_close(f.rel, AccessShareLock);
	return status;
}

/* Sleep until a request is through, or until the deadline (rtm_now_ms()). */
static const char *
look_until(OutboxDatabase *entry, int64 id, int64 deadline)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm_wait",
												  ALLOCSET_DEFAULT_SIZES);
	Awaited		  awaited = {.id = id};
	const char	 *status = NULL;

	ConditionVariablePrepareToSleep(&entry->finished);
	for (;;)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		int64		  left;

		MemoryContextReset(context);
		status = look(&awaited);
		MemoryContextSwitchTo(old);
		left = deadline - rtm_now_ms();
		if (status || left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&entry->finished, (long) Min(left, LOOK_AGAIN),
										   rtm_wait_event(RTM_WAIT_RESULT));
	}
	ConditionVariableCancelSleep();
	return status;
}

/* Also when the process ends. */
static void
stop_waiting(int code, Datum entry)
{
	pg_atomic_fetch_sub_u32(&((OutboxDatabase *) DatumGetPointer(entry))->waiters, 1);
}

PG_FUNCTION_INFO_V1(rtm_sql_wait);

Datum
rtm_sql_wait(PG_FUNCTION_ARGS)
{
	int64			id;
	double			timeout = PG_ARGISNULL(1) ? 0 : PG_GETARG_FLOAT8(1);
	int64			deadline;
	OutboxDatabase *entry;
	const char *volatile status = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	id = PG_GETARG_INT64(0);
	check_id(id);
	if (!isfinite(timeout) || timeout < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid timeout: %g", timeout),
				 errhint("It is in seconds; 0 stands for no limit.")));
	if ((entry = outbox_database(MyDatabaseId, true)) == NULL)
	{
		outbox_check_enqueue("rtm_wait");
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("too many databases of this server use the outbox of rtm")));
	}

	deadline = timeout == 0 ? PG_INT64_MAX : rtm_now_ms() + (int64) Min(timeout * 1000, INT_MAX);
	pg_atomic_fetch_add_u32(&entry->waiters, 1);
	if (!RecoveryInProgress())
		outbox_wake(entry, OUTBOX_SENDER);
	PG_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(entry));
	{
		status = look_until(entry, id, deadline);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(entry));
	stop_waiting(0, PointerGetDatum(entry));
	PG_RETURN_TEXT_P(cstring_to_text(status ? status : "pending"));
}
