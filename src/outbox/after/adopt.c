/*-------------------------------------------------------------------------
 *
 * adopt.c
 *	  Requests of another origin, which the sender leaves alone: what a DBA can do
 *	  with them.
 *
 * To adopt one is what rtm_retry() does with one that failed: the row is deleted
 * and queued again, with the same mid, by this transaction.  It keeps its id, unless
 * another request has that here, or is going to.  So a rollback takes it back, and
 * the sender needs to know of nothing.
 *
 * Its role, server and callback are those that have their names here (names.c).
 * When there are none it stays held, and so do all that were queued for the same
 * server, which it might have to be sent before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outbox/after/find.h"
#include "outbox/enqueue/chore.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/names.h"
#include "outbox/origin/origin.h"
#include "outbox/record/request_table.h"
#include "outbox/record/statement.h"

/* ---- requests ---- */

/*
 * Queue a row again.  It may have been sent where it comes from, so the gate may
 * know it; any other call that was being sent must not be sent twice.
 */
static void
adopt(OutboxRow *row)
{
	if (!outbox_row_is_any_call(row))
		row->attempts = Max(row->attempts, 1);
	else if (row->next_attempt != 0)
		row->attempts = 0;
	row->enqueued_at = GetCurrentTimestamp();
	outbox_enqueue(row);
}

/* What couldn't be adopted. */
typedef struct Left
{
	MemoryContext context;	  /* of what follows */
	List		 *servers;	  /* OIDs, as the rows have them, where one has to stay */
	int64		  n;		  /* rows that stay */
	char		 *why;		  /* of the first one, or NULL */
	int64		  renumbered; /* rows that were adopted with another id */
} Left;

static void
note_left(Left *left, const OutboxRow *row, const char *why)
{
	MemoryContext old = MemoryContextSwitchTo(left->context);

	left->servers = list_append_unique_oid(left->servers, row->server);
	if (left->why == NULL)
		left->why = psprintf("Request " INT64_FORMAT ": %s.", row->id, why);
	MemoryContextSwitchTo(old);
}

static bool
take(Relation rel, HeapTuple tuple)
{
	return outbox_delete(rel, &tuple->t_self, GetCurrentCommandId(true), true) == OUTBOX_DELETED;
}

/* True: the row was deleted. */
static bool
discard_row(Relation rel, HeapTuple tuple, OutboxRow *row, Left *left)
{
	return take(rel, tuple);
}

/* Look whether the row can be adopted. */
static bool
check_row(Relation rel, HeapTuple tuple, OutboxRow *row, Left *left)
{
	OutboxRow	resolved = *row;
	const char *why = outbox_resolve_names(&resolved);

	if (why)
		note_left(left, row, why);
	return false;
}

/* True: the row was adopted. */
static bool
adopt_row(Relation rel, HeapTuple tuple, OutboxRow *row, Left *left)
{
	if (list_member_oid(left->servers, row->server))
	{
		left->n++;
		return false;
	}
	if (!take(rel, tuple))
		return false;
	if (outbox_resolve_names(row) != NULL)
		elog(ERROR, "what request " INT64_FORMAT " names was dropped meanwhile", row->id);
	left->renumbered += outbox_make_id_own(row);
	adopt(row);
	return true;
}

typedef bool (*Action)(Relation rel, HeapTuple tuple, OutboxRow *row, Left *left);

/* Do that with the rows of other origins with these tickets, in their order: how many. */
static int64
do_range(Relation rel, int64 low, int64 high, int64 origin, Action action, Left *left)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm held row",
												  ALLOCSET_DEFAULT_SIZES);
	OutboxScan	  scan;
	HeapTuple	  tuple;
	int64		  n = 0;

	scan = outbox_begin_scan(rel, OUTBOX_REQUEST_SEQ, low, high, GetActiveSnapshot());
	while (HeapTupleIsValid(tuple = outbox_next(&scan)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		OutboxRow	  row;

		CHECK_FOR_INTERRUPTS();
		outbox_read_row(tuple, &row);
		if (row.origin != origin && action(rel, tuple, &row, left))
			n++;
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	outbox_end_scan(&scan);
	MemoryContextDelete(context);
	return n;
}

/* All of them; those of transactions that were prepared come last. */
static int64
do_all(Relation rel, int64 origin, Action action, Left *left)
{
	int64 n = do_range(rel, 0, PG_INT64_MAX, origin, action, left);

	return n + do_range(rel, PG_INT64_MIN, 0, origin, action, left);
}

static int64
adopt_requests(int64 origin, Left *left)
{
	Relation rel = outbox_open(OUTBOX_REQUESTS, RowExclusiveLock);
	int64	 n;

	PushActiveSnapshot(GetLatestSnapshot());
	(void) do_all(rel, origin, check_row, left);
	n = do_all(rel, origin, adopt_row, left);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return n;
}

static int64
discard_requests(int64 origin)
{
	Relation rel = outbox_open(OUTBOX_REQUESTS, RowExclusiveLock);
	int64	 n;

	PushActiveSnapshot(GetLatestSnapshot());
	n = do_all(rel, origin, discard_row, NULL);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return n;
}

/* ---- callbacks ---- */

/* Rows of rtm_finished whose callback is due, and whose origin isn't $1. */
static OutboxStatement find_callbacks = {
	"SELECT id, origin, call, callback_name, owner_name, server_name, ctid"
	" FROM rtm_internal.rtm_finished WHERE callback_due IS NOT NULL AND origin <> $1",
	1,
	{INT8OID},
};

/* The row at $1 becomes this database's own; one that has its id and origin stays. */
static OutboxStatement adopt_callback = {
	"UPDATE rtm_internal.rtm_finished SET origin = $2, id = $3, callback = $4, owner = $5, server = $6,"
	" callback_owner = (SELECT proowner FROM pg_proc WHERE oid = $4)"
	" WHERE ctid = $1",
	6,
	{TIDOID, INT8OID, INT8OID, OIDOID, OIDOID, OIDOID},
};

static OutboxStatement discard_callbacks = {
	"UPDATE rtm_internal.rtm_finished SET callback_due = NULL, callback_error = 'it was held, and discarded'"
	" WHERE callback_due IS NOT NULL AND origin <> $1",
	1,
	{INT8OID},
};

/* A callback that was found. */
typedef struct Due
{
	OutboxRow row; /* its id, call and names */
	Datum	  tid;
} Due;

static OutboxName
name_column(uint64 row, int column)
{
	OutboxName name = {0};
	bool	   null;
	Datum	   value = outbox_copy_column(row, column, &null);

	if (!null)
		name.bytes = outbox_read_bytes(value, &name.len);
	return name;
}

static Due
read_due(uint64 i)
{
	Due		   due = {0};
	OutboxName call = name_column(i, 3);

	due.row.id = DatumGetInt64(outbox_column(i, 1, NULL));
	due.row.origin = DatumGetInt64(outbox_column(i, 2, NULL));
	due.row.call = call.bytes;
	due.row.call_len = call.len;
	due.row.callback_name = name_column(i, 4);
	due.row.owner_name = name_column(i, 5);
	due.row.server_name = name_column(i, 6);
	due.tid = outbox_copy_column(i, 7, NULL);
	return due;
}

/* False: its callback or its role isn't here.  A server may be there when it is retried. */
static bool
adopt_due(Due *due, int64 origin, Left *left)
{
	Oid	  callback = outbox_find_callback(&due->row);
	Oid	  owner = outbox_find_role(&due->row.owner_name);
	Datum values[6];

	if (!OidIsValid(callback) || !OidIsValid(owner))
		return false;
	left->renumbered += outbox_make_id_own(&due->row);
	values[0] = due->tid;
	values[1] = Int64GetDatum(origin);
	values[2] = Int64GetDatum(due->row.id);
	values[3] = ObjectIdGetDatum(callback);
	values[4] = ObjectIdGetDatum(owner);
	values[5] = ObjectIdGetDatum(outbox_find_server(&due->row.server_name));
	return outbox_run(&adopt_callback, values, NULL) == 1;
}

static int64
adopt_callbacks(int64 origin, Left *left)
{
	Datum  value = Int64GetDatum(origin);
	uint64 n;
	int64  adopted = 0;
	Due	  *due;

	outbox_begin_sql();
	n = outbox_run(&find_callbacks, &value, NULL);
	due = palloc_extended(sizeof(Due) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < n; i++)
		due[i] = read_due(i);
	for (uint64 i = 0; i < n; i++)
		adopted += adopt_due(&due[i], origin, left);
	outbox_end_sql();
	left->n += n - adopted;
	if (n > adopted && left->why == NULL)
		left->why = pstrdup(
			"A callback, or the role that it runs as, does not exist here by its name.");
	return adopted;
}

static int64
give_callbacks_up(int64 origin)
{
	Datum value = Int64GetDatum(origin);
	int64 n;

	outbox_begin_sql();
	n = (int64) outbox_run(&discard_callbacks, &value, NULL);
	outbox_end_sql();
	return n;
}

static void
warn_of_left(const Left *left)
{
	if (left->n > 0)
		ereport(
			WARNING,
			(errmsg_plural(INT64_FORMAT " request stays held", INT64_FORMAT " requests stay held",
						   (unsigned long) left->n, left->n),
			 errdetail("%s", left->why),
			 errhint(
				 "Create what is missing, or rename it back, and adopt again, or discard what cannot be sent here. The requests of a server are adopted all together or not at all.")));
}

/* ---- SQL ---- */

PG_FUNCTION_INFO_V1(rtm_sql_adopt_held);

Datum
rtm_sql_adopt_held(PG_FUNCTION_ARGS)
{
	int64 origin = outbox_origin(outbox_require_database("rtm_adopt_held()"));
	Left  left = {.context = CurrentMemoryContext};
	int64 n;

	n = adopt_requests(origin, &left);
	n += adopt_callbacks(origin, &left);
	warn_of_left(&left);
	if (left.renumbered > 0)
		ereport(NOTICE, (errmsg_plural(INT64_FORMAT " request has another id from now on",
									   INT64_FORMAT " requests have other ids from now on",
									   (unsigned long) left.renumbered, left.renumbered),
						 errdetail("Requests of this database have theirs, or will have.")));
	outbox_chore_at_commit(OUTBOX_CHORE_HELD);
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_discard_held);

Datum
rtm_sql_discard_held(PG_FUNCTION_ARGS)
{
	int64 origin = outbox_origin(outbox_require_database("rtm_discard_held()"));
	int64 n = discard_requests(origin);

	n += give_callbacks_up(origin);
	outbox_chore_at_commit(OUTBOX_CHORE_HELD);
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_outbox_origin);

Datum
rtm_sql_outbox_origin(PG_FUNCTION_ARGS)
{
	int64 origin = outbox_origin(outbox_this_database(!RecoveryInProgress()));

	if (origin == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(origin);
}
