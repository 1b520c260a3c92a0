/*-------------------------------------------------------------------------
 *
 * callbacks.c
 *	  The worker that runs callbacks, one after the other, each in a transaction
 *	  of its own as the role that queued the request.
 *
 * The row that asks for the callback changes in the same transaction.  So what a
 * callback does in the database is done once; what it does elsewhere may happen
 * again, when the server crashes before that transaction is on disk.  A callback
 * that fails isn't repeated: its error is kept.
 *
 * A callback that takes too long is cancelled.  One that goes on all the same is
 * ended with the process, and noted as failed by the next one.
 *
 * The worker ends when it has had nothing to do for a while.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/typcache.h"

#include "compat.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/record/callback.h"
#include "outbox/origin/origin.h"
#include "outbox/deliver/settle.h"
#include "outbox/record/row.h"
#include "outbox/workers/worker.h"
#include "method/encode.h"
#include "method/jsonb.h"
#include "method/function.h"
#include "method/result.h"
#include "wait.h"

/* Idle time after which the worker ends, in milliseconds. */
#define IDLE_TIMEOUT 10000

/* How long a row that somebody has locked is left alone, in milliseconds. */
#define LOCKED_DELAY 1000

/* Rows of rtm_finished that are read at once. */
#define BATCH_ROWS 100

/* A callback that is due. */
typedef struct Due
{
	int64			 id;
	Oid				 owner;
	Oid				 function;
	const RtmMethod *method; /* NULL: rtm_call_async() */
	int64			 mid;
	NullableDatum	 mtime;
	NullableDatum	 answer; /* bytea */
	bool			 failed;
	int				 code;
	char			*error;
	Datum			 params; /* bytea */
	int				 nparams;
} Due;

/* Time to end in for a callback that was cancelled, in milliseconds. */
#define LAST_WORDS 5000

static Oid			   last_owner;
static OutboxDatabase *my_entry;
static int64		   current; /* callback that runs */
static TimeoutId	   end_timeout;

/* Timeout handler: the cancel was of no use. */
static void
end_process(void)
{
	pg_atomic_write_u64(&my_entry->overdue, (uint64) current);
	InterruptPending = true;
	ProcDiePending = true;
	SetLatch(MyLatch);
}

static const char *
schema_name(void)
{
	return quote_identifier(get_namespace_name(outbox_relations(false)->schema));
}

/* ---- what is due ---- */

static Datum
column(const char *name, bool *null)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						 SPI_fnumber(SPI_tuptable->tupdesc, name), null);
}

static NullableDatum
copied_column(const char *name, bool by_value, int len)
{
	NullableDatum c;

	c.value = column(name, &c.isnull);
	if (!c.isnull)
		c.value = SPI_datumTransfer(c.value, by_value, len);
	return c;
}

/* Ids of callbacks that are due, in the order of the answers' tickets. */
static int64 *
list_due(MemoryContext context, int *n)
{
	int64 *ids = NULL;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	outbox_own_origin = outbox_origin(my_entry);
	SPI_connect();
	if (SPI_execute(psprintf("SELECT id FROM %s.rtm_finished WHERE callback_due IS NOT NULL%s"
							 " ORDER BY callback_due LIMIT %d FOR UPDATE SKIP LOCKED",
							 schema_name(), outbox_origin_condition(), BATCH_ROWS),
					false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for callbacks");
	*n = (int) SPI_processed;
	if (*n > 0)
		ids = MemoryContextAlloc(context, sizeof(int64) * *n);
	for (int i = 0; i < *n; i++)
	{
		bool null;

		ids[i] = DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));
	}
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return ids;
}

/*
 * Lock and read the row; false: it isn't due any more, or somebody has locked it,
 * who isn't waited for.  SPI is connected.
 */
static bool
read_due(int64 id, Due *due)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(id);
	bool  null;
	Datum call;
	char *name;

	if (SPI_execute_with_args(
			psprintf("SELECT * FROM %s.rtm_finished WHERE id OPERATOR(pg_catalog.=) $1"
					 " AND callback_due IS NOT NULL FOR UPDATE SKIP LOCKED",
					 schema_name()),
			1, &type, &value, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a callback");
	if (SPI_processed == 0)
		return false;
	memset(due, 0, sizeof(*due));
	due->id = id;
	due->owner = DatumGetObjectId(column("owner", &null));
	due->function = DatumGetObjectId(column("callback", &null));
	call = column("call", &null);
	name = TextDatumGetCString(call);
	due->method = rtm_method_by_call(name, strlen(name));
	due->mid = DatumGetInt64(column("mid", &null));
	due->mtime = copied_column("mtime", true, sizeof(int64));
	due->answer = copied_column("answer", false, -1);
	due->params = copied_column("params", false, -1).value;
	due->nparams = DatumGetInt32(column("nparams", &null));
	due->code = DatumGetInt32(column("error_code", &null));
	due->failed = !null;
	if (due->failed)
	{
		NullableDatum error = copied_column("error", false, -1);

		due->error = error.isnull ? NULL : TextDatumGetCString(error.value);
	}
	return true;
}

/* ---- the call ---- */

/* What the request came to, before the error. */
static int
result_args(const Due *due, const Oid *types, NullableDatum *args)
{
	RtmResult result = {.method = due->method, .mid = due->mid, .mtime = due->mtime};
	int64_t	  uid = 0;
	int64_t	  ouid = 0;

	result.reader.what = due->method ? rtm_function_name(due->method, "_async") : "rtm_call_async";
	if (!due->failed && !due->answer.isnull)
	{
		struct varlena *answer = PG_DETOAST_DATUM(due->answer.value);
		struct varlena *packed = PG_DETOAST_DATUM(due->params);
		RtmAnswer *params = rtm_unpack(VARDATA(packed), VARSIZE(packed) - VARHDRSZ, due->nparams);

		fpnn_map_int(params->map, "uid", &uid);
		fpnn_map_int(params->map, "ouid", &ouid);
		result.reader.answer = rtm_unpack(VARDATA(answer), VARSIZE(answer) - VARHDRSZ, -1);
	}
	result.uid = uid;
	result.ouid = ouid;
	return rtm_callback_args(&result, types, args);
}

static void
call_function(const Due *due)
{
	LOCAL_FCINFO(fcinfo, RTM_MAX_CALLBACK_ARGS);
	Oid		 types[RTM_MAX_CALLBACK_ARGS];
	FmgrInfo function;
	int		 n;

	outbox_check_callback(due->function, due->method, due->owner);
	(void) outbox_callback_types(due->method, types);
	fmgr_info(due->function, &function);
	n = result_args(due, types, fcinfo->args);
	fcinfo->args[n] = rtm_null_column();
	if (due->failed)
	{
		TupleDesc desc = lookup_rowtype_tupdesc_copy(types[n], -1);

		fcinfo->args[n] = rtm_column(
			heap_copy_tuple_as_datum(rtm_error_tuple(due->code, due->error, desc), desc));
	}
	InitFunctionCallInfoData(*fcinfo, &function, n + 1, InvalidOid, NULL, NULL);

	/* a strict function isn't called with a null, as anywhere else */
	if (function.fn_strict)
		for (int i = 0; i <= n; i++)
			if (fcinfo->args[i].isnull)
				return;
	(void) FunctionCallInvoke(fcinfo);
}

/* What one role's callbacks leave in the session is none of the next one's. */
static void
clean_session(Oid owner)
{
	if (last_owner != InvalidOid && last_owner != owner)
	{
		StartTransactionCommand();
		PortalHashTableDeleteAll();
		DropAllPreparedStatements();
		Async_UnlistenAll();
		LockReleaseAll(USER_LOCKMETHOD, true);
		ResetTempTableNamespace();
		ResetSequenceCaches();
		CommitTransactionCommand();
	}
	last_owner = owner;
}

static void
note_end(int64 id, const char *error)
{
	Oid	  types[] = {INT8OID, TEXTOID, BOOLOID};
	Datum values[] = {Int64GetDatum(id), (Datum) 0, BoolGetDatum(outbox_keep_results)};
	char  nulls[] = " n ";

	if (error)
	{
		values[1] = CStringGetTextDatum(error);
		nulls[1] = ' ';
	}
	if (SPI_execute_with_args(psprintf("UPDATE %s.rtm_finished SET callback_due = NULL,"
									   " callback_error = $2 WHERE id OPERATOR(pg_catalog.=) $1",
									   schema_name()),
							  2, types, values, nulls, false, 0) < 0 ||
		(error == NULL && !outbox_keep_results &&
		 SPI_execute_with_args(
			 psprintf(
				 "DELETE FROM %s.rtm_finished WHERE id OPERATOR(pg_catalog.=) $1 AND status OPERATOR(pg_catalog.=) 'done'",
				 schema_name()),
			 1, types, values, nulls, false, 0) < 0))
		elog(ERROR, "could not note the end of a callback");
}

/* What the callback deferred to the end of the transaction runs as it does. */
static void
run_deferred(void)
{
	ConstraintsSetStmt *all_immediate = makeNode(ConstraintsSetStmt);

	all_immediate->constraints = NIL;
	all_immediate->deferred = false;
	AfterTriggerSetState(all_immediate);
}

/*
 * Call the function as the role that queued the request, which the current user
 * is from then on: what may still run of the role's when the transaction commits
 * (the query of a cursor WITH HOLD) must not do so as anybody else.
 */
static void
run_due(const Due *due)
{
	int nest = NewGUCNestLevel();

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(due->owner)))
		ereport(ERROR, (errmsg("the role that queued it (OID %u) was dropped", due->owner)));
	SetUserIdAndSecContext(due->owner, SECURITY_LOCAL_USERID_CHANGE);
	SetConfigOption("search_path", "\"$user\", public", PGC_USERSET, PGC_S_SESSION);
	current = due->id;
	if (outbox_callback_timeout > 0)
	{
		enable_timeout_after(STATEMENT_TIMEOUT, outbox_callback_timeout);
		enable_timeout_after(end_timeout,
							 Min(outbox_callback_timeout, INT_MAX - LAST_WORDS) + LAST_WORDS);
	}
	call_function(due);
	run_deferred();
	AtEOXact_GUC(false, nest);
}

static void
stop_clock(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	disable_timeout(end_timeout, false);
}

/* The transaction of one callback, which notes its end as well. */
static void
run_transaction(int64 id)
{
	Oid user;
	int security;
	Due due;

	StartTransactionCommand();
	GetUserIdAndSecContext(&user, &security);
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (read_due(id, &due))
	{
		note_end(id, NULL);
		CommandCounterIncrement();
		run_due(&due);
	}
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	stop_clock();
	SetUserIdAndSecContext(user, security);
}

/* No setting that a callback made is in force for anything that follows. */
static void
reset_settings(void)
{
	ResetAllOptions();
	outbox_set_session(OUTBOX_CALLBACKS);
}

/* False: somebody has locked the row. */
static bool
note_failure(int64 id, const char *error)
{
	Due	 due;
	bool noted;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	noted = read_due(id, &due);
	if (noted)
		note_end(id, error);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return noted;
}

static void
run_callback(int64 id, MemoryContext context)
{
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		run_transaction(id);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		HOLD_INTERRUPTS();
		stop_clock();
		QueryCancelPending = false;
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	reset_settings();
	if (error)
	{
		ereport(LOG,
				(errmsg("a callback of request " INT64_FORMAT " failed: %s", id, error->message)));
		(void) note_failure(id, error->message);
	}
}

/* ---- the worker ---- */

static Oid
owner_of(int64 id)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(id);
	Oid	  owner = InvalidOid;
	bool  null;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute_with_args(
			psprintf("SELECT owner FROM %s.rtm_finished WHERE id OPERATOR(pg_catalog.=) $1",
					 schema_name()),
			1, &type, &value, NULL, true, 1) == SPI_OK_SELECT &&
		SPI_processed == 1)
		owner = DatumGetObjectId(column("owner", &null));
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return owner;
}

/* Is there any callback to run, or to be noted, locked by somebody or not? */
static bool
any_is_due(void)
{
	bool due;

	StartTransactionCommand();
	due = outbox_callbacks_are_due();
	CommitTransactionCommand();
	return due;
}

/* A callback that ended its process is none to run again. */
static int64
note_overdue(void)
{
	int64 id = (int64) pg_atomic_read_u64(&my_entry->overdue);

	if (id != 0 &&
		(note_failure(id, "it did not end in time, and took no notice of being cancelled") ||
		 !any_is_due()))
	{
		pg_atomic_write_u64(&my_entry->overdue, 0);
		id = 0;
	}
	return id;
}

static int
run_batch(MemoryContext context)
{
	int	   n;
	int	   ran = 0;
	int64 *ids;
	int64  overdue;

	if (!outbox_is_installed())
		proc_exit(0);
	if (outbox_pause)
		return 0;
	pgstat_report_activity(STATE_RUNNING, "rtm callbacks: looking for callbacks");
	overdue = note_overdue();
	ids = list_due(context, &n);
	for (int i = 0; i < n; i++)
	{
		(void) outbox_housekeeping();
		if (ids[i] == overdue)
			continue;
		ran++;
		clean_session(owner_of(ids[i]));

		/* transactions end in TopMemoryContext, which is never reset */
		MemoryContextSwitchTo(context);
		pgstat_report_activity(
			STATE_RUNNING, psprintf("rtm callbacks: callback of request " INT64_FORMAT, ids[i]));
		run_callback(ids[i], context);
		MemoryContextSwitchTo(context);
	}
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, "rtm callbacks: waiting for callbacks");
	return ran;
}

static void
run_callbacks(OutboxDatabase *entry)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "rtm callbacks",
												  ALLOCSET_DEFAULT_SIZES);

	my_entry = entry;
	end_timeout = RegisterTimeout(USER_TIMEOUT, end_process);
	for (;;)
	{
		bool locked;
		int	 rc;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		(void) outbox_housekeeping();
		if (run_batch(context) > 0)
		{
			outbox_works(entry, OUTBOX_CALLBACKS);
			continue;
		}

		/* what somebody has locked is looked at again before long */
		locked = any_is_due();
		rc = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					   locked ? LOCKED_DELAY : IDLE_TIMEOUT,
					   rtm_wait_event(RTM_WAIT_CALLBACK_MAIN));
		ResetLatch(MyLatch);
		if (!(rc & WL_TIMEOUT) || locked)
			continue;
		outbox_prepare_to_leave(entry, OUTBOX_CALLBACKS);
		if (!any_is_due())
			proc_exit(0);
		outbox_stay(entry, OUTBOX_CALLBACKS);
	}
}

void
rtm_callbacks_main(Datum arg)
{
	OutboxDatabase *entry = outbox_begin_worker(OUTBOX_CALLBACKS, arg);

	outbox_run_worker(entry, OUTBOX_CALLBACKS, run_callbacks);
}
