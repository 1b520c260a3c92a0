/*-------------------------------------------------------------------------
 *
 * held.c
 *	  Requests of another origin, which the sender leaves alone: what a DBA can do
 *	  with them.
 *
 * To adopt one is what rtm_retry() does with one that failed: the row is deleted
 * and queued again, with the same id and mid, by this transaction.  So a rollback
 * takes it back, and the sender needs to know of nothing.
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
#include "outbox/enqueue.h"
#include "outbox/origin.h"
#include "outbox/table.h"

static bool changed;			/* the workers are to look, if this commits */

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
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
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

/* Delete the row, unless somebody was faster. */
static bool
take(Relation rel, HeapTuple tuple)
{
	TM_FailureData failure;

	return heap_delete(rel, &tuple->t_self, GetCurrentCommandId(true), InvalidSnapshot, true,
					   &failure, false) == TM_Ok;
}

/* Take the rows of other origins on one side of 0, in their order: how many. */
static int64
take_range(Relation rel, StrategyNumber strategy, RegProcedure compare, int64 origin, bool keep)
{
	Relation	index = index_open(outbox_relations(false)->request_index, AccessShareLock);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm held row",
												  ALLOCSET_DEFAULT_SIZES);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		n = 0;

	ScanKeyInit(&key, OUTBOX_SEQ, strategy, compare, Int64GetDatum(0));
	scan = systable_beginscan_ordered(rel, index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		OutboxRow	row;

		CHECK_FOR_INTERRUPTS();
		outbox_read_row(tuple, RelationGetDescr(rel), &row);
		if (row.origin != origin && take(rel, tuple))
		{
			n++;
			if (keep)
				adopt(&row);
		}
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
take_requests(int64 origin, bool keep)
{
	Relation	rel = table_open(outbox_relations(false)->request, RowExclusiveLock);
	int64		n;

	PushActiveSnapshot(GetLatestSnapshot());
	n = take_range(rel, BTGreaterEqualStrategyNumber, F_INT8GE, origin, keep);
	n += take_range(rel, BTLessStrategyNumber, F_INT8LT, origin, keep);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return n;
}

/* ---- callbacks ---- */

/* Callbacks that are due for requests of other origins: how many. */
static int64
change_callbacks(const char *assignment, int64 origin)
{
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(origin);
	Oid			user;
	int			security;
	int64		n;

	/* nobody needs a privilege on the table */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args(psprintf("UPDATE %s.rtm_finished SET %s WHERE callback_due IS NOT NULL"
									   " AND (origin OPERATOR(pg_catalog.<>) $1 OR origin IS NULL)",
									   quote_identifier(get_namespace_name(outbox_relations(false)->schema)),
									   assignment),
							  1, &type, &value, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not change held callbacks");
	n = (int64) SPI_processed;
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return n;
}

/* ---- SQL ---- */

PG_FUNCTION_INFO_V1(rtm_sql_adopt_held);

Datum
rtm_sql_adopt_held(PG_FUNCTION_ARGS)
{
	int64		origin = own_origin("rtm_adopt_held");
	int64		n = take_requests(origin, true);

	n += change_callbacks("origin = $1", origin);
	note_change();
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_discard_held);

Datum
rtm_sql_discard_held(PG_FUNCTION_ARGS)
{
	int64		origin = own_origin("rtm_discard_held");
	int64		n = take_requests(origin, false);

	n += change_callbacks("callback_due = NULL, callback_error = 'it was held, and discarded'", origin);
	note_change();
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(rtm_sql_outbox_origin);

Datum
rtm_sql_outbox_origin(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry = outbox_database(MyDatabaseId, !RecoveryInProgress());
	int64		origin = 0;

	if (entry != NULL || (RecoveryInProgress() && outbox_is_preloaded()))
		origin = outbox_origin(entry);
	if (origin == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(origin);
}
