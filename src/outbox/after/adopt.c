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

static OutboxStatement adopt_in_place = {
	"UPDATE rtm_internal.rtm_request SET origin = $2, id = $3, callback = $4, owner = $5, server = $6,"
	" callback_owner = (SELECT proowner FROM pg_proc WHERE oid = $4), attempts = $7, enqueued_at = $8"
	" WHERE ctid = $1",
	8,
	{TIDOID, INT8OID, INT8OID, OIDOID, OIDOID, OIDOID, INT4OID, TIMESTAMPTZOID},
};

/* It stays where it is, before what waits for it.  False: it isn't there any more. */
static bool
adopt_where_it_is(HeapTuple tuple, const OutboxRow *row, int64 origin)
{
	Datum  values[] = {PointerGetDatum(&tuple->t_self), Int64GetDatum(origin),
					   Int64GetDatum(row->id),			ObjectIdGetDatum(row->callback),
					   ObjectIdGetDatum(row->owner),	ObjectIdGetDatum(row->server),
					   Int32GetDatum(row->attempts),	TimestampTzGetDatum(row->enqueued_at)};
	char   nulls[] = "        ";
	uint64 n;

	nulls[3] = OidIsValid(row->callback) ? ' ' : 'n';
	outbox_begin_sql();
	n = outbox_run(&adopt_in_place, values, nulls);
	outbox_end_sql();
	return n == 1;
}

/*
 * It may have been sent where it comes from, so the gate may know it; any other call
 * that was being sent must not be sent twice.
 */
static void
begin_anew(OutboxRow *row)
{
	if (!outbox_row_is_any_call(row))
		row->attempts = Max(row->attempts, 1);
	else if (row->next_attempt != 0)
		row->attempts = 0;
	row->enqueued_at = GetCurrentTimestamp();
}

/* What is done with held requests. */
typedef struct Held
{
	int64		  origin;	  /* of this database: theirs is another */
	int64		  replaced;	  /* see outbox_replaced_origin() */
	MemoryContext context;	  /* of what follows */
	List		 *servers;	  /* OIDs, as the rows have them, where one has to stay */
	int64		  left;		  /* rows that stay */
	char		 *why;		  /* of the first one, or NULL */
	int64		  renumbered; /* rows that were adopted with another id */
} Held;

static bool
take(Relation rel, HeapTuple tuple)
{
	return outbox_delete(rel, &tuple->t_self, GetCurrentCommandId(true), true) == OUTBOX_DELETED;
}

/* True: the row was deleted. */
static bool
discard_row(Relation rel, HeapTuple tuple, OutboxRow *row, void *held)
{
	return row->origin != ((Held *) held)->origin && take(rel, tuple);
}

/* Note whose server has a row that can't be adopted. */
static bool
check_row(Relation rel, HeapTuple tuple, OutboxRow *row, void *arg)
{
	Held	   *held = arg;
	OutboxRow	resolved = *row;
	const char *why = row->origin != held->origin ? outbox_resolve_names(&resolved) : NULL;

	if (why)
	{
		MemoryContext old = MemoryContextSwitchTo(held->context);

		held->servers = list_append_unique_oid(held->servers, row->server);
		if (held->why == NULL)
			held->why = psprintf("Request " INT64_FORMAT ": %s.", row->id, why);
		MemoryContextSwitchTo(old);
	}
	return false;
}

/* True: the row was adopted. */
static bool
adopt_row(Relation rel, HeapTuple tuple, OutboxRow *row, void *arg)
{
	Held *held = arg;
	bool  in_place = row->origin == held->replaced && row->seq >= 0;

	if (row->origin == held->origin)
		return false;
	if (list_member_oid(held->servers, row->server))
	{
		held->left++;
		return false;
	}
	if (!in_place && !take(rel, tuple))
		return false;
	if (outbox_resolve_names(row) != NULL)
		elog(ERROR, "what request " INT64_FORMAT " names was dropped meanwhile", row->id);
	held->renumbered += outbox_make_id_own(row);
	begin_anew(row);
	if (in_place)
		return adopt_where_it_is(tuple, row, held->origin);
	outbox_enqueue(row);
	return true;
}

/* All rows of other origins; those of transactions that were prepared come last. */
static int64
do_all(Relation rel, OutboxAction action, Held *held)
{
	int64 n = outbox_for_rows(rel, 0, PG_INT64_MAX, action, held);

	return n + outbox_for_rows(rel, PG_INT64_MIN, 0, action, held);
}

/* Adopt the requests, all of those that can be, or discard them: how many. */
static int64
end_requests(bool adopts, Held *held)
{
	Relation rel = outbox_open(OUTBOX_REQUESTS, RowExclusiveLock);
	int64	 n;

	PushActiveSnapshot(GetLatestSnapshot());
	if (adopts)
		(void) do_all(rel, check_row, held);
	n = do_all(rel, adopts ? adopt_row : discard_row, held);
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
adopt_due(Due *due, Held *held)
{
	Oid	  callback = outbox_find_callback(&due->row);
	Oid	  owner = outbox_find_role(&due->row.owner_name);
	Datum values[6];

	if (!OidIsValid(callback) || !OidIsValid(owner))
		return false;
	held->renumbered += outbox_make_id_own(&due->row);
	values[0] = due->tid;
	values[1] = Int64GetDatum(held->origin);
	values[2] = Int64GetDatum(due->row.id);
	values[3] = ObjectIdGetDatum(callback);
	values[4] = ObjectIdGetDatum(owner);
	values[5] = ObjectIdGetDatum(outbox_find_server(&due->row.server_name));
	return outbox_run(&adopt_callback, values, NULL) == 1;
}

static int64
adopt_callbacks(Held *held)
{
	Datum  value = Int64GetDatum(held->origin);
	uint64 n;
	int64  adopted = 0;
	Due	  *due;

	outbox_begin_sql();
	n = outbox_run(&find_callbacks, &value, NULL);
	due = palloc_extended(sizeof(Due) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < n; i++)
		due[i] = read_due(i);
	for (uint64 i = 0; i < n; i++)
		adopted += adopt_due(&due[i], held);
	outbox_end_sql();
	held->left += n - adopted;
	if (n > adopted && held->why == NULL)
		held->why = pstrdup(
			"A callback, or the role that it runs as, does not exist here by its name.");
	return adopted;
}

static void
warn_of_left(const Held *held)
{
	if (held->left > 0)
		ereport(
			WARNING,
			(errmsg_plural(INT64_FORMAT " request stays held", INT64_FORMAT " requests stay held",
						   (unsigned long) held->left, held->left),
			 errdetail("%s", held->why),
			 errhint(
				 "Create what is missing, or rename it back, and adopt again, or discard what cannot be sent here. The requests of a server are adopted all together or not at all.")));
}

/* ---- SQL ---- */

PG_FUNCTION_INFO_V1(rtm_sql_adopt_held);

Datum
rtm_sql_adopt_held(PG_FUNCTION_ARGS)
{
	Held  held = {.origin = outbox_origin(outbox_require_database("rtm_adopt_held()")),
				  .replaced = outbox_replaced_origin(),
				  .context = CurrentMemoryContext};
	int64 n = end_requests(true, &held);

	n += adopt_callbacks(&held);
	warn_of_left(&held);
	if (held.renumbered > 0)
		ereport(NOTICE, (errmsg_plural(INT64_FORMAT " request has another id from now on",
									   INT64_FORMAT " requests have other ids from now on",
									   (unsigned long) held.renumbered, held.renumbered),
						 errdetail("Requests of this database have theirs, or will have.")));
	outbox_chore_at_commit(OUTBOX_CHORE_HELD);
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_discard_held);

Datum
rtm_sql_discard_held(PG_FUNCTION_ARGS)
{
	Held  held = {.origin = outbox_origin(outbox_require_database("rtm_discard_held()"))};
	Datum origin = Int64GetDatum(held.origin);
	int64 n = end_requests(false, &held);

	n += (int64) outbox_run_alone(&discard_callbacks, &origin);
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
