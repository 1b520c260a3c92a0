/*-------------------------------------------------------------------------
 *
 * await.c
 *	  rtm_wait().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "host.h"
#include "outbox/after/find.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/record/request_table.h"
#include "wait.h"

/* Longest sleep of rtm_wait() between two looks, in milliseconds. */
#define LOOK_AGAIN 1000

/* A request that somebody waits for. */
typedef struct Awaited
{
	int64			id;
	bool			pending; /* seen at tid, when last looked for */
	bool			held;	 /* there is one of another origin */
	ItemPointerData tid;
} Awaited;

/* Is it still where it was?  Saves looking for it. */
static bool
is_still_there(Relation rel, Awaited *awaited, Snapshot snapshot)
{
	HeapTuple tuple = outbox_fetch(rel, &awaited->tid, snapshot);
	OutboxRow row;

	if (tuple == NULL)
		return false;
	outbox_read_key(tuple, &row);
	return row.id == awaited->id;
}

static bool
is_pending(Awaited *awaited, Snapshot snapshot)
{
	Relation	 rel = outbox_open(OUTBOX_REQUESTS, AccessShareLock);
	OutboxResult request;

	if (!awaited->pending || !is_still_there(rel, awaited, snapshot))
	{
		bool found = outbox_find(rel, OUTBOX_REQUESTS, awaited->id, snapshot, &request);

		awaited->held = found && !outbox_is_own_origin(request.row.origin);
		awaited->pending = found && !awaited->held;
		if (found)
			awaited->tid = request.tid;
	}
	table_close(rel, AccessShareLock);
	return awaited->pending;
}

/* It isn't in the tables as one of this database's own: is that because it is done? */
static void
check_known(const Awaited *awaited, bool other)
{
	if (outbox_is_queued_here(awaited->id))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("request " INT64_FORMAT " is part of this transaction", awaited->id),
			 errhint(
				 "Nothing of it is sent before the transaction commits: wait in a later one.")));
	if (other || awaited->held)
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
}

/* done, failed, expired, or NULL: it isn't through. */
static const char *
look(Awaited *awaited)
{
	Snapshot	 snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		 pending = is_pending(awaited, snapshot);
	bool		 found = false;
	OutboxResult result;

	/* it is in the other table, or left no trace, or nobody saw it yet */
	if (!pending)
	{
		Relation rel = outbox_open(OUTBOX_RESULTS, AccessShareLock);

		found = outbox_find(rel, OUTBOX_RESULTS, awaited->id, snapshot, &result);
		table_close(rel, AccessShareLock);
	}
	UnregisterSnapshot(snapshot);
	if (pending)
		return NULL;
	if (found && outbox_is_own_origin(result.row.origin))
		return outbox_status_name(result.status);
	check_known(awaited, found);
	return "done";
}

/*
 * Let the server look each second whether there is still a client, as it does for those
 * who have client_connection_check_interval: a wait may have no limit, and a pooler counts
 * a connection that it has dropped no more.  Until AtEOXact_GUC() with the result.
 */
static int
watch_client(void)
{
	int level = NewGUCNestLevel();

	if (MyProcPort == NULL || client_connection_check_interval > 0 ||
		!WaitEventSetCanReportClosed())
		return level;
	(void) set_config_option("client_connection_check_interval", "1s", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	CheckClientConnectionPending = true;
	InterruptPending = true;
	return level;
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
	int level;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	id = PG_GETARG_INT64(0);
	outbox_check_id(id);
	if (!isfinite(timeout) || timeout < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid timeout: %g", timeout),
				 errhint("It is in seconds; 0 stands for no limit.")));
	entry = outbox_this_database(true);
	if (entry == NULL)
		entry = outbox_require_database("rtm_wait()");
	deadline = timeout == 0 ? PG_INT64_MAX : rtm_now_ms() + (int64) Min(timeout * 1000, INT_MAX);
	pg_atomic_fetch_add_u32(&entry->waiters, 1);
	if (!RecoveryInProgress())
		outbox_wake(entry, 0);
	level = watch_client();
	PG_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(entry));
	{
		status = look_until(entry, id, deadline);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(entry));
	stop_waiting(0, PointerGetDatum(entry));
	AtEOXact_GUC(true, level);
	PG_RETURN_TEXT_P(cstring_to_text(status ? status : "pending"));
}
