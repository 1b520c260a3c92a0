/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  What became of requests, in the tables.
 *
 * The usual case, a request that went well and leaves no result, is a row
 * deleted by its place.  Everything else is SQL.  A row that somebody has
 * deleted meanwhile is no error.
 *
 * Used by the sender only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "host.h"
#include "outbox/guc.h"
#include "outbox/queue.h"
#include "outbox/settle.h"
#include "outbox/table.h"

bool		outbox_made_results;
bool		outbox_made_callbacks;

/* Statements; %s is the extension's schema. */
typedef struct Statement
{
	const char *text;
	int			nargs;
	Oid			types[7];
	SPIPlanPtr	plan;
} Statement;

static Statement move_row = {
	"WITH r AS (DELETE FROM %s.rtm_request WHERE ctid = $1 AND seq = $7 RETURNING *)"
	" INSERT INTO %s.rtm_finished (id, status, owner, server, conversation, nparams, mid_made,"
	" attempts, key_a, key_b, enqueued_at, finished_at, timeout, call, method, params, mid,"
	" recipients, callback, mtime, answer, error_code, error, callback_due)"
	" SELECT id, CASE WHEN $2 = 0 THEN 'done' ELSE 'failed' END, owner, server, conversation,"
	" nparams, mid_made, $6, key_a, key_b, enqueued_at, pg_catalog.clock_timestamp(), timeout,"
	" call, method, params, mid, recipients, callback, $4, $5, nullif($2, 0), $3,"
	" CASE WHEN callback IS NOT NULL THEN seq END FROM r",
	7, {TIDOID, INT4OID, TEXTOID, INT8OID, BYTEAOID, INT4OID, INT8OID}, NULL
};

static Statement note_row = {
	"UPDATE %s.rtm_request SET attempts = $2, error_code = nullif($3, 0), error = $4,"
	" next_attempt = $5 WHERE ctid = $1 AND seq = $6 RETURNING ctid",
	6, {TIDOID, INT4OID, INT4OID, TEXTOID, TIMESTAMPTZOID, INT8OID}, NULL
};

static Statement purge_rows = {
	"DELETE FROM %s.rtm_finished WHERE status = 'done' AND callback_due IS NULL"
	" AND finished_at <= pg_catalog.clock_timestamp() - $1 * interval '1 second'",
	1, {INT4OID}, NULL
};

static Statement oldest_row = {
	"SELECT extract(epoch FROM pg_catalog.clock_timestamp() - min(finished_at))::bigint"
	" FROM %s.rtm_finished WHERE status = 'done' AND callback_due IS NULL",
	0, {0}, NULL
};

static Statement find_due = {
	"SELECT 1 FROM %s.rtm_finished WHERE callback_due IS NOT NULL LIMIT 1", 0, {0}, NULL
};

static void
prepare(Statement *statement)
{
	const char *schema = quote_identifier(get_namespace_name(outbox_relations(false)->schema));

	if (statement->plan)
		return;
	statement->plan = SPI_prepare(psprintf(statement->text, schema, schema),
								  statement->nargs, statement->types);
	if (statement->plan == NULL || SPI_keepplan(statement->plan) != 0)
		elog(ERROR, "could not prepare a statement of the outbox");
}

static void
execute(Statement *statement, Datum *values, const char *nulls)
{
	int			rc;

	prepare(statement);
	rc = SPI_execute_plan(statement->plan, values, nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "a statement of the outbox failed: %s", SPI_result_code_string(rc));
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
move(Request *request)
{
	char		nulls[] = "       ";
	Datum		values[7];

	values[0] = PointerGetDatum(&request->tid);
	values[1] = Int32GetDatum(request->code);
	values[2] = text_or_null(request->code ? request->error : NULL, &nulls[2]);
	values[3] = Int64GetDatum(request->mtime);
	nulls[3] = request->mtime ? ' ' : 'n';
	nulls[4] = request->answer ? ' ' : 'n';
	if (request->answer)
		values[4] = PointerGetDatum(cstring_to_text_with_len(request->answer, request->answer_len));
	values[5] = Int32GetDatum(request->row.attempts);
	values[6] = Int64GetDatum(request->row.seq);
	execute(&move_row, values, nulls);
	outbox_made_results = true;
	if (OidIsValid(request->row.callback))
		outbox_made_callbacks = true;
}

static void
note(Request *request)
{
	char		nulls[] = "      ";
	Datum		values[6];
	bool		null;
	Datum		tid;

	values[0] = PointerGetDatum(&request->tid);
	values[1] = Int32GetDatum(request->row.attempts);
	values[2] = Int32GetDatum(request->error ? request->code : 0);
	values[3] = text_or_null(request->error, &nulls[3]);
	values[4] = TimestampTzGetDatum(request->row.next_attempt);
	nulls[4] = request->row.next_attempt ? ' ' : 'n';
	values[5] = Int64GetDatum(request->row.seq);
	execute(&note_row, values, nulls);
	if (SPI_processed != 1)
		return;
	tid = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	ItemPointerCopy((ItemPointer) DatumGetPointer(tid), &request->tid);
}

/*
 * Is the request's row still at its place?  Somebody may have deleted it, and
 * another row have taken the place since.
 */
static bool
is_there(Relation rel, const Request *request)
{
	HeapTupleData tuple = {.t_self = request->tid};
	Buffer		buffer;
	bool		null;
	bool		same;

	if (!heap_fetch(rel, GetActiveSnapshot(), &tuple, &buffer, false))
		return false;
	same = DatumGetInt64(fastgetattr(&tuple, OUTBOX_SEQ, RelationGetDescr(rel), &null)) == request->row.seq;
	ReleaseBuffer(buffer);
	return same;
}

static void
delete_row(Relation rel, Request *request, CommandId command)
{
	TM_FailureData failure;

	if (is_there(rel, request))
		(void) heap_delete(rel, &request->tid, command, InvalidSnapshot, false, &failure, false);
}

static bool
is_gone(const Request *request, void *rel)
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

void
outbox_settle(Relation rel)
{
	CommandId	command = GetCurrentCommandId(true);
	dlist_iter	iter;

	outbox_made_results = outbox_made_callbacks = false;
	PushActiveSnapshot(GetTransactionSnapshot());
	dlist_foreach(iter, &outbox_finished)
	{
		Request    *request = dlist_container(Request, node, iter.cur);

		if (!request->leaves_result)
			delete_row(rel, request, command);
	}
	SPI_connect();
	dlist_foreach(iter, &outbox_touched)
	{
		Request    *request = dlist_container(Request, touched_node, iter.cur);

		if (request->state != REQUEST_FINISHED)
			note(request);
	}
	dlist_foreach(iter, &outbox_finished)
	{
		Request    *request = dlist_container(Request, node, iter.cur);

		if (request->leaves_result)
			move(request);
	}
	SPI_finish();
	PopActiveSnapshot();
}

void
outbox_settled(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &outbox_touched)
	{
		Request    *request = dlist_container(Request, touched_node, iter.cur);

		dlist_delete(&request->touched_node);
		request->touched = false;
	}
	dlist_foreach_modify(iter, &outbox_finished)
		outbox_drop(dlist_container(Request, node, iter.cur));
}

int64
outbox_purge(void)
{
	Datum		ttl = Int32GetDatum(outbox_result_ttl);
	int64		next = PG_INT64_MAX;
	Datum		age;
	bool		null;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	execute(&purge_rows, &ttl, NULL);
	execute(&oldest_row, NULL, NULL);
	age = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	if (!null)
		next = rtm_now_ms() + 1000 * Max(outbox_result_ttl - DatumGetInt64(age), 1);
	SPI_finish();
	PopActiveSnapshot();
	return next;
}

bool
outbox_callbacks_are_due(void)
{
	bool		due;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	execute(&find_due, NULL, NULL);
	due = SPI_processed > 0;
	SPI_finish();
	PopActiveSnapshot();
	return due;
}
