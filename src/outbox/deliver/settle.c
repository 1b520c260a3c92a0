/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  What became of requests, in the tables.
 *
 * The usual case, a request that went well and leaves no result, is a row
 * deleted by its place.  Everything else is SQL.  A row that somebody has
 * deleted meanwhile is no error, and one that somebody has locked (rtm_discard()
 * in a transaction that goes on) isn't waited for, but settled another time.
 *
 * Used by the sender only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "client/text.h"
#include "fpnn/catalog.h"
#include "host.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/origin/origin.h"
#include "outbox/deliver/lane.h"
#include "outbox/deliver/settle.h"
#include "outbox/record/row.h"

/* How long a row that somebody has locked is left alone, in milliseconds. */
#define LOCKED_DELAY 1000

/* Results that are purged at once, and the pause until the next ones, in milliseconds. */
#define PURGE_ROWS	1000
#define PURGE_PAUSE 20

/*
 * Statements.  {schema} is the extension's schema; {, new}, {own} and {foreign}
 * are columns, and conditions on one, which the tables of version 1.0 don't have.
 */
typedef struct Statement
{
	const char *text;
	int			nargs;
	Oid			types[8];
	SPIPlanPtr	plan;
	int64		origin; /* that the plan was made for */
} Statement;

static Statement move_row = {
	"WITH r AS (DELETE FROM {schema}.rtm_request WHERE ctid = (SELECT ctid FROM {schema}.rtm_request"
	" WHERE ctid = $1 AND seq = $7 AND NOT EXISTS (SELECT FROM {schema}.rtm_finished AS f WHERE f.id = $8)"
	" FOR UPDATE SKIP LOCKED) RETURNING *)"
	" INSERT INTO {schema}.rtm_finished (id, status, owner, server, conversation, nparams, mid_made,"
	" attempts, key_a, key_b, enqueued_at, finished_at, timeout, call, method, params, mid,"
	" recipients, callback, mtime, answer, error_code, error, callback_due{, new})"
	" SELECT $8, CASE WHEN $2 = 0 THEN 'done' ELSE 'failed' END, owner, server, conversation,"
	" nparams, mid_made, $6, key_a, key_b, enqueued_at, pg_catalog.clock_timestamp(), timeout,"
	" call, method, params, mid, recipients, callback, $4, $5, nullif($2, 0), $3,"
	" CASE WHEN callback IS NOT NULL THEN seq END{, new} FROM r",
	8,
	{TIDOID, INT4OID, TEXTOID, INT8OID, BYTEAOID, INT4OID, INT8OID, INT8OID},
	NULL};

static Statement find_id = {
	"SELECT true{foreign} FROM {schema}.rtm_finished WHERE id = $1", 1, {INT8OID}, NULL};

static Statement renumber_row = {
	"UPDATE {schema}.rtm_finished SET id = $2 WHERE ctid = (SELECT ctid FROM {schema}.rtm_finished"
	" WHERE id = $1{foreign} FOR UPDATE SKIP LOCKED)",
	2,
	{INT8OID, INT8OID},
	NULL};

/* Mid and parameters are others only when it has got a new mid. */
static Statement note_row = {
	"UPDATE {schema}.rtm_request SET attempts = $2, error_code = nullif($3, 0), error = $4,"
	" next_attempt = $5, mid = coalesce($7, mid), params = coalesce($8, params) WHERE ctid = (SELECT ctid FROM {schema}.rtm_request"
	" WHERE ctid = $1 AND seq = $6 FOR UPDATE SKIP LOCKED) RETURNING ctid",
	8,
	{TIDOID, INT4OID, INT4OID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, BYTEAOID},
	NULL};

static Statement purge_rows = {
	"DELETE FROM {schema}.rtm_finished WHERE id IN (SELECT id FROM {schema}.rtm_finished"
	" WHERE status = 'done' AND callback_due IS NULL"
	" AND finished_at <= pg_catalog.clock_timestamp() - $1 * interval '1 second'"
	" ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
	2,
	{INT4OID, INT8OID},
	NULL};

static Statement oldest_row = {
	"SELECT extract(epoch FROM pg_catalog.clock_timestamp() - min(finished_at))::bigint"
	" FROM {schema}.rtm_finished WHERE status = 'done' AND callback_due IS NULL",
	0,
	{0},
	NULL};

static Statement find_due = {
	"SELECT 1 FROM {schema}.rtm_finished WHERE callback_due IS NOT NULL{own} LIMIT 1",
	0,
	{0},
	NULL};

/* The statement's text, with what stands in braces replaced. */
static char *
statement_text(const Statement *statement)
{
	const char	  *schema = quote_identifier(get_namespace_name(outbox_relations(false)->schema));
	StringInfoData text;

	initStringInfo(&text);
	for (const char *p = statement->text; *p;)
	{
		const char *end = *p == '{' ? strchr(p, '}') : NULL;

		if (end == NULL)
		{
			appendStringInfoChar(&text, *p++);
			continue;
		}
		if (strncmp(p, "{schema}", end + 1 - p) == 0)
			appendStringInfoString(&text, schema);
		else if (strncmp(p, "{own}", end + 1 - p) == 0)
			appendStringInfoString(&text, outbox_origin_condition());
		else if (strncmp(p, "{foreign}", end + 1 - p) == 0)
			appendStringInfoString(&text, outbox_foreign_condition());
		else if (outbox_own_origin != 0)
			appendStringInfoString(&text, ", origin, owner_name, server_name, callback_name");
		p = end + 1;
	}
	return text.data;
}

static void
prepare(Statement *statement)
{
	/* ALTER EXTENSION UPDATE gives the tables an origin */
	if (statement->plan && statement->origin == outbox_own_origin)
		return;
	if (statement->plan)
		(void) SPI_freeplan(statement->plan);
	statement->plan = NULL; /* preparing may raise */
	statement->plan = SPI_prepare(statement_text(statement), statement->nargs, statement->types);
	statement->origin = outbox_own_origin;
	if (statement->plan == NULL || SPI_keepplan(statement->plan) != 0)
		elog(ERROR, "could not prepare a statement of the outbox");
}

static void
execute(Statement *statement, Datum *values, const char *nulls)
{
	int rc;

	prepare(statement);
	rc = SPI_execute_plan(statement->plan, values, nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "a statement of the outbox failed: %s", SPI_result_code_string(rc));
}

/* The error's text in the database's encoding, or null if there is no error. */
static Datum
error_text(const Request *request, char *null)
{
	const char *text = request->error;

	*null = text ? ' ' : 'n';
	if (text == NULL)
		return (Datum) 0;
	if (request->error_from_gate)
		text = rtm_shown_from_wire(text, strlen(text));
	if (text == NULL || text[0] == '\0')
		text = rtm_code_text(request->code);
	return CStringGetTextDatum(text ? text : "unknown error");
}

/* Tickets are the time, more or less: another database's may be the same. */
static bool
is_row_of(HeapTuple tuple, TupleDesc desc, const Request *request)
{
	bool null;

	if (DatumGetInt64(fastgetattr(tuple, OUTBOX_SEQ, desc, &null)) != request->row.seq ||
		DatumGetInt64(fastgetattr(tuple, OUTBOX_ID, desc, &null)) != request->row.id)
		return false;

	/* 0: it was read before ALTER EXTENSION UPDATE */
	return request->row.origin == 0 ||
		   DatumGetInt64(heap_getattr(tuple, OUTBOX_ORIGIN, desc, &null)) == request->row.origin;
}

/*
 * Is the request's row still at its place?  Somebody may have deleted it, and
 * another row have taken the place since.
 */
static bool
is_at(Relation rel, const Request *request)
{
	HeapTupleData tuple = {.t_self = request->tid};
	Buffer		  buffer;
	bool		  same;

	if (ItemPointerGetBlockNumber(&request->tid) >= RelationGetNumberOfBlocks(rel) ||
		!heap_fetch(rel, GetActiveSnapshot(), &tuple, &buffer, false))
		return false;
	same = is_row_of(&tuple, RelationGetDescr(rel), request);
	ReleaseBuffer(buffer);
	return same;
}

/*
 * Find the request's row: at its place, or where VACUUM FULL or the like has
 * moved it.  False: it is gone.
 */
static bool
is_there(Relation rel, Request *request)
{
	Relation	index;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (is_at(rel, request))
		return true;
	index = index_open(outbox_relations(false)->request_index, AccessShareLock);
	ScanKeyInit(&key, OUTBOX_SEQ, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request->row.seq));
	scan = systable_beginscan_ordered(rel, index, GetActiveSnapshot(), 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		found = is_row_of(tuple, RelationGetDescr(rel), request);
		if (found)
			request->tid = tuple->t_self;
	}
	systable_endscan_ordered(scan);
	index_close(index, NoLock);
	return found;
}

/* Has rtm_finished a request of that id?  *foreign: one of another origin. */
static bool
is_taken(int64 id, bool *foreign)
{
	Datum value = Int64GetDatum(id);
	bool  null;

	execute(&find_id, &value, NULL);
	if (SPI_processed == 0)
		return false;
	*foreign = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	return true;
}

static int64
free_id(void)
{
	bool  foreign;
	int64 id;

	do
		id = outbox_new_id();
	while (is_taken(id, &foreign));
	return id;
}

/*
 * Databases number their requests independently, and logical replication or COPY
 * brings what another one has finished.  Such a row gets another id when one of
 * our own needs its: somebody may wait for that.  False: it is locked.
 */
static bool
give_id_up(int64 id)
{
	Datum values[] = {Int64GetDatum(id), Int64GetDatum(free_id())};

	execute(&renumber_row, values, NULL);
	if (SPI_processed != 1)
		return false;
	ereport(LOG, (errmsg("request " INT64_FORMAT
						 ", which another database queued, is request " INT64_FORMAT " from now on",
						 id, DatumGetInt64(values[1])),
				  errdetail("A request of this database has the same id, and is through.")));
	return true;
}

/*
 * Why wasn't the row moved?  True: its id was taken, and *id is one that isn't
 * any more; false: somebody has locked a row.
 */
static bool
find_other_id(int64 *id)
{
	int64 was = *id;
	bool  foreign;

	if (!is_taken(was, &foreign))
		return false;
	if (foreign)
		return give_id_up(was);
	*id = free_id();
	ereport(LOG,
			(errmsg("request " INT64_FORMAT " is request " INT64_FORMAT " in rtm_result", was, *id),
			 errdetail("Another request of this database has the same id there.")));
	return true;
}

/* True: it is done, or there is nothing left to do. */
static bool
move(Relation rel, Request *request)
{
	char  nulls[] = "        ";
	Datum values[8];
	int64 id = request->row.id;

	if (!is_there(rel, request))
		return true;
	values[0] = PointerGetDatum(&request->tid);
	values[1] = Int32GetDatum(request->code);
	values[2] = error_text(request, &nulls[2]);
	if (request->code == 0)
		nulls[2] = 'n';
	values[3] = Int64GetDatum(request->mtime);
	nulls[3] = request->mtime ? ' ' : 'n';
	nulls[4] = request->answer ? ' ' : 'n';
	if (request->answer)
		values[4] = PointerGetDatum(cstring_to_text_with_len(request->answer, request->answer_len));
	values[5] = Int32GetDatum(request->row.attempts);
	values[6] = Int64GetDatum(request->row.seq);
	values[7] = Int64GetDatum(id);
	execute(&move_row, values, nulls);
	if (SPI_processed != 1)
	{
		if (!find_other_id(&id))
			return false;
		values[7] = Int64GetDatum(id);
		execute(&move_row, values, nulls);
		if (SPI_processed != 1)
			return false;
	}
	return true;
}

static bool
note(Relation rel, Request *request)
{
	char  nulls[] = "        ";
	Datum values[8];
	bool  null;
	Datum tid;

	if (!is_there(rel, request))
	{
		request->discarded = true;
		return true;
	}
	values[0] = PointerGetDatum(&request->tid);
	values[1] = Int32GetDatum(request->row.attempts);
	values[2] = Int32GetDatum(request->error ? request->code : 0);
	values[3] = error_text(request, &nulls[3]);
	values[4] = TimestampTzGetDatum(request->row.next_attempt);
	nulls[4] = request->row.next_attempt ? ' ' : 'n';
	values[5] = Int64GetDatum(request->row.seq);
	nulls[6] = nulls[7] = request->renamed ? ' ' : 'n';
	values[6] = Int64GetDatum(request->row.mid);
	values[7] = request->renamed ? PointerGetDatum(cstring_to_text_with_len(
									   request->row.params, request->row.params_len))
								 : (Datum) 0;
	execute(&note_row, values, nulls);
	if (SPI_processed != 1)
		return false;
	tid = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	ItemPointerCopy((ItemPointer) DatumGetPointer(tid), &request->tid);

	/* it leaves after this: the note must be on disk */
	if (request->must_note)
		ForceSyncCommit();
	return true;
}

static bool
delete_row(Relation rel, Request *request, CommandId command)
{
	TM_FailureData failure;

	if (!is_there(rel, request))
		return true;
	return heap_delete(rel, &request->tid, command, InvalidSnapshot, false, &failure, false) !=
		   TM_BeingModified;
}

static bool
is_gone(Request *request, void *rel)
{
	return !is_there(rel, request);
}

void
outbox_notice_discarded(Relation rel)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	outbox_discard_if(is_gone, rel);
	PopActiveSnapshot();
}

/*
 * Is the request's row to be looked at now?  One that somebody has locked is left
 * alone for a while.
 */
static bool
is_due(const Request *request, int64 now)
{
	return request->settle_after <= now;
}

/* The row was locked, or not. */
static bool
note_lock(Request *request, bool settled, int64 now)
{
	request->settle_after = settled ? 0 : now + LOCKED_DELAY;
	return settled;
}

/* In SPI. */
static void
settle_finished(Relation rel, Request *request, CommandId command, int64 now,
				OutboxSettled *settled)
{
	request->settled = is_due(request, now) &&
					   note_lock(request,
								 request->leaves_result ? move(rel, request)
														: delete_row(rel, request, command),
								 now);
	if (!request->settled)
	{
		settled->locked++;
		settled->locked_results += request->leaves_result;
	}
	else if (request->leaves_result)
	{
		settled->results = true;
		settled->callbacks |= OidIsValid(request->row.callback);
	}
}

OutboxSettled
outbox_settle(Relation rel)
{
	OutboxSettled settled = {0};
	CommandId	  command = GetCurrentCommandId(true);
	int64		  now = rtm_now_ms();
	dlist_iter	  iter;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	dlist_foreach (iter, &outbox_queue.touched)
	{
		Request *request = dlist_container(Request, touched_node, iter.cur);

		request->noted = request->state == REQUEST_FINISHED ||
						 (is_due(request, now) && note_lock(request, note(rel, request), now));
		settled.locked_touched += !request->noted;
	}
	dlist_foreach (iter, &outbox_queue.finished)
		settle_finished(rel, dlist_container(Request, node, iter.cur), command, now, &settled);
	SPI_finish();
	PopActiveSnapshot();
	return settled;
}

/* The table knows the news of a request; which may be gone there. */
static void
end_note(Request *request)
{
	outbox_noted(request);
	request->renamed = false;
	if (request->discarded &&
		(request->state == REQUEST_READY || request->state == REQUEST_DELAYED))
	{
		request->settled = true;
		outbox_set_finished(request, false);
	}
}

void
outbox_settled(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &outbox_queue.touched)
	{
		Request *request = dlist_container(Request, touched_node, iter.cur);

		if (request->noted)
			end_note(request);
	}
	dlist_foreach_modify (iter, &outbox_queue.finished)
	{
		Request *request = dlist_container(Request, node, iter.cur);

		if (request->settled)
		{
			outbox_forget_quests(request);
			outbox_drop(request);
		}
	}
}

/* When the oldest result will be due, as rtm_now_ms(). */
static int64
next_purge(void)
{
	Datum age;
	bool  null;

	execute(&oldest_row, NULL, NULL);
	age = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	return null ? PG_INT64_MAX
				: rtm_now_ms() + 1000 * Max(outbox_result_ttl - DatumGetInt64(age), 1);
}

/* A portion at a time: messages are waiting meanwhile. */
int64
outbox_purge(void)
{
	Datum values[] = {Int32GetDatum(outbox_result_ttl), Int64GetDatum(PURGE_ROWS)};
	int64 next;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	execute(&purge_rows, values, NULL);
	next = SPI_processed >= PURGE_ROWS ? rtm_now_ms() + PURGE_PAUSE : next_purge();
	SPI_finish();
	PopActiveSnapshot();
	return next;
}

bool
outbox_callbacks_are_due(void)
{
	bool due;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	execute(&find_due, NULL, NULL);
	due = SPI_processed > 0;
	SPI_finish();
	PopActiveSnapshot();
	return due;
}
