/*-------------------------------------------------------------------------
 *
 * adopt.c
 *	  Requests of another origin, which the sender leaves alone: what a DBA can do
 *	  with them.
 *
 * To adopt one is what rtm_retry() does with one that failed: the row is deleted
 * and queued again, with the same mid, by this transaction.  It keeps its id, unless
 * another request has that here, or is going to.  So a rollback
 * takes it back, and the sender needs to know of nothing.
 *
 * Its role, server and callback are those that have their names here (names.c).
 * When there are none it stays held, and so do all that were queued for the same
 * server, which it might have to be sent before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/names.h"
#include "outbox/origin/origin.h"
#include "outbox/record/row.h"

static bool changed; /* the workers are to look, if this commits */

static void
at_commit(XactEvent event, void *arg)
{
	OutboxDatabase *entry;

	if (!changed)
		return;
	if (event == XACT_EVENT_COMMIT && (entry = outbox_database(MyDatabaseId, false)) != NULL)
	{
		pg_atomic_fetch_or_u32(&entry->chores, OUTBOX_CHORE_HELD);
		outbox_wake(entry, OUTBOX_SENDER);
		outbox_wake(entry, OUTBOX_CALLBACKS);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		changed = false;
}

static void
note_change(void)
{
	static bool registered;

	if (!registered)
		RegisterXactCallback(at_commit, NULL);
	registered = true;
	changed = true;
}

/* The origin of this database; raises why there is none. */
static int64
own_origin(const char *what)
{
	OutboxDatabase *entry;

	outbox_check_enqueue(what);
	entry = outbox_database(MyDatabaseId, true);
	if (entry == NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("too many databases of this server use the outbox of rtm")));
	return outbox_origin(entry);
}

/* ---- requests ---- */

/*
 * Queue a row again.  It may have been sent where it comes from, so the gate may
 * know it; any other call that was being sent must not be sent twice.
 */
static void
adopt(OutboxRow *row)
{
	if (!outbox_row_is_any_call(row))
	{
		row->mid_made = true;
		row->attempts = Max(row->attempts, 1);
	}
	else if (row->next_attempt != 0)
		row->attempts = 0;
	row->enqueued_at = GetCurrentTimestamp();
	outbox_enqueue(row);
}

/* What couldn't be adopted. */
typedef struct Left
{
	MemoryContext context; /* of what follows */
	List		 *servers; /* OIDs, as the rows have them, where one has to stay */
	int64		  n;	   /* rows that stay */
	char		 *why;	   /* of the first one, or NULL */
	int64		 *taken;   /* ids that others have, in ascending order */
	int			  ntaken;
	int64		  last_id;	  /* greater ones will be drawn */
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

/* Delete the row, unless somebody was faster. */
static bool
take(Relation rel, HeapTuple tuple)
{
	TM_FailureData failure;

	return heap_delete(rel, &tuple->t_self, GetCurrentCommandId(true), InvalidSnapshot, true,
					   &failure, false) == TM_Ok;
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

static int
compare_ids(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* The databases number their requests independently. */
static void
set_id(OutboxRow *row, Left *left)
{
	if (row->id <= left->last_id &&
		(left->ntaken == 0 ||
		 !bsearch(&row->id, left->taken, left->ntaken, sizeof(int64), compare_ids)))
		return;
	row->id = outbox_new_id();
	left->renumbered++;
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
	set_id(row, left);
	adopt(row);
	return true;
}

typedef bool (*Action)(Relation rel, HeapTuple tuple, OutboxRow *row, Left *left);

/* Do that with the rows of other origins on one side of 0, in their order: how many. */
static int64
do_range(Relation rel, StrategyNumber strategy, RegProcedure compare, int64 origin, Action action,
		 Left *left)
{
	Relation	  index = index_open(outbox_relations(false)->request_index, AccessShareLock);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm held row",
												  ALLOCSET_DEFAULT_SIZES);
	ScanKeyData	  key;
	SysScanDesc	  scan;
	HeapTuple	  tuple;
	int64		  n = 0;

	ScanKeyInit(&key, OUTBOX_SEQ, strategy, compare, Int64GetDatum(0));
	scan = systable_beginscan_ordered(rel, index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		OutboxRow	  row;

		CHECK_FOR_INTERRUPTS();
		outbox_read_row(tuple, RelationGetDescr(rel), &row);
		if (row.origin != origin && action(rel, tuple, &row, left))
			n++;
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	systable_endscan_ordered(scan);
	index_close(index, NoLock);
	MemoryContextDelete(context);
	return n;
}

/* All of them; those of transactions that were prepared come last. */
static int64
do_all(Relation rel, int64 origin, Action action, Left *left)
{
	int64 n = do_range(rel, BTGreaterEqualStrategyNumber, F_INT8GE, origin, action, left);

	return n + do_range(rel, BTLessStrategyNumber, F_INT8LT, origin, action, left);
}

static int64
adopt_requests(int64 origin, Left *left)
{
	Relation rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
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
	Relation rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
	int64	 n;

	PushActiveSnapshot(GetLatestSnapshot());
	n = do_all(rel, origin, discard_row, NULL);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return n;
}

/* ---- callbacks ---- */

/*
 * What can be done with rows of rtm_finished whose callback is due, and whose
 * origin isn't $1; %s stands for the extension's schema.  A server that isn't here
 * may be there when the request is to be retried.
 */
static const char adopt_query[] =
	"UPDATE %s.rtm_finished AS f SET origin = $1, callback = h.callback, owner = h.owner, server = coalesce(h.server, 0)"
	" FROM (SELECT id, %s.rtm_callback_of(call, callback_name) AS callback,"
	" (SELECT a.oid FROM pg_catalog.pg_authid AS a WHERE a.rolname OPERATOR(pg_catalog.=) owner_name::pg_catalog.name) AS owner,"
	" (SELECT s.oid FROM pg_catalog.pg_foreign_server AS s WHERE s.srvname OPERATOR(pg_catalog.=) server_name::pg_catalog.name) AS server"
	" FROM %s.rtm_finished WHERE callback_due IS NOT NULL AND (origin OPERATOR(pg_catalog.<>) $1 OR origin IS NULL)) AS h"
	" WHERE f.id OPERATOR(pg_catalog.=) h.id AND h.callback IS NOT NULL AND h.owner IS NOT NULL";

static const char count_query[] = "SELECT FROM %s.rtm_finished WHERE callback_due IS NOT NULL"
								  " AND (origin OPERATOR(pg_catalog.<>) $1 OR origin IS NULL)";

static const char discard_query[] =
	"UPDATE %s.rtm_finished SET callback_due = NULL, callback_error = 'it was held, and discarded'"
	" WHERE callback_due IS NOT NULL AND (origin OPERATOR(pg_catalog.<>) $1 OR origin IS NULL)";

/* Ids of held requests that other requests have here too. */
static const char taken_query[] =
	"SELECT id FROM %s.rtm_request WHERE (origin OPERATOR(pg_catalog.<>) $1 OR origin IS NULL)"
	" AND (id OPERATOR(pg_catalog.=) ANY (SELECT id FROM %s.rtm_request GROUP BY id HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1)"
	" OR id OPERATOR(pg_catalog.=) ANY (SELECT id FROM %s.rtm_finished)) ORDER BY id";

/* The ids that a query has found. */
static void
keep_taken(Left *left)
{
	left->ntaken = (int) SPI_processed;
	if (left->ntaken > 0)
		left->taken = MemoryContextAllocHuge(left->context, sizeof(int64) * left->ntaken);
	for (int i = 0; i < left->ntaken; i++)
	{
		bool null;

		left->taken[i] = DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));
	}
}

/* How many rows it was; `taken`: where the ids that they are go to, or NULL. */
static int64
run_query(const char *query, int64 origin, Left *taken)
{
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(origin);
	Oid			user;
	int			security;
	const char *schema;
	int64		n;

	/* nobody needs a privilege on the table */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	schema = quote_identifier(get_namespace_name(outbox_relations(false)->schema));
	if (SPI_execute_with_args(psprintf(query, schema, schema, schema), 1, &type, &value, NULL,
							  false, 0) < 0)
		elog(ERROR, "could not look at what is held");
	n = (int64) SPI_processed;
	if (taken)
		keep_taken(taken);
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return n;
}

static int64
adopt_callbacks(int64 origin, Left *left)
{
	int64 n = run_query(adopt_query, origin, NULL);
	int64 stay = run_query(count_query, origin, NULL);

	left->n += stay;
	if (stay > 0 && left->why == NULL)
		left->why = pstrdup(
			"A callback, or the role that it runs as, does not exist here by its name.");
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
	int64 origin = own_origin("rtm_adopt_held");
	Left  left = {.context = CurrentMemoryContext};
	int64 n;

	(void) run_query(taken_query, origin, &left);
	left.last_id = outbox_last_id();
	n = adopt_requests(origin, &left);
	n += adopt_callbacks(origin, &left);
	warn_of_left(&left);
	if (left.renumbered > 0)
		ereport(NOTICE, (errmsg_plural(INT64_FORMAT " request has another id from now on",
									   INT64_FORMAT " requests have other ids from now on",
									   (unsigned long) left.renumbered, left.renumbered),
						 errdetail("Requests of this database have theirs, or will have.")));
	note_change();
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_discard_held);

Datum
rtm_sql_discard_held(PG_FUNCTION_ARGS)
{
	int64 origin = own_origin("rtm_discard_held");
	int64 n = discard_requests(origin);

	n += run_query(discard_query, origin, NULL);
	note_change();
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_outbox_origin);

Datum
rtm_sql_outbox_origin(PG_FUNCTION_ARGS)
{
	int64 origin = outbox_origin(outbox_database(MyDatabaseId, !RecoveryInProgress()));

	if (origin == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(origin);
}
