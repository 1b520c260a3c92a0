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

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "client/text.h"
#include "fpnn/catalog.h"
#include "host.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/origin/origin.h"
#include "outbox/deliver/confirm.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/settle.h"
#include "outbox/record/request_table.h"
#include "outbox/record/statement.h"

/* How long a row that somebody has locked is left alone, in milliseconds. */
#define LOCKED_DELAY 1000

/* Results that are purged at once, and the pause until the next ones, in milliseconds. */
#define PURGE_ROWS	250
#define PURGE_PAUSE 20

/* When not all were, or some are locked; and a look at all takes this part of the time at most. */
#define PURGE_NEXT	1000
#define PURGE_WHOLE 100

/*
 * What was purged stays in the index for as long as somebody has an old snapshot: it is
 * passed once, and not each time.  What is older all the same (its callback ran late,
 * somebody had locked it) is found when all are looked at again.
 */
static struct
{
	TimestampTz from;  /* finished_at: all before it were purged */
	int64		whole; /* rtm_now_us(): all are looked at again */
	bool		full;  /* the last portion was: more of the same may be due */
} purge;

/*
 * A result that has the same id and origin is older: somebody has set the sequence
 * of ids back.
 */
static OutboxStatement move_row = {
	"WITH r AS (DELETE FROM rtm_internal.rtm_request WHERE ctid = (SELECT ctid FROM "
	"rtm_internal.rtm_request WHERE ctid = $1 AND seq = $7 FOR UPDATE SKIP LOCKED) "
	"RETURNING *) INSERT INTO rtm_internal.rtm_finished (id, origin, status, owner, server, "
	"conversation, nparams, mid_made, attempts, key_a, key_b, enqueued_at, finished_at, "
	"timeout, call, method, params, mid, recipients, callback, owner_name, server_name, "
	"callback_name, callback_owner, send_at, expires_at, urgent, mtime, answer, error_code, error, "
	"callback_due) SELECT id, origin, $8, owner, server, "
	"conversation, nparams, mid_made, $6, key_a, key_b, enqueued_at, clock_timestamp(), "
	"timeout, call, method, params, mid, recipients, callback, owner_name, server_name, "
	"callback_name, callback_owner, send_at, expires_at, urgent, $4, $5, nullif($2, 0), $3, CASE WHEN callback IS NOT "
	"NULL THEN seq END FROM r ON CONFLICT (id, origin) DO UPDATE SET status = "
	"excluded.status, owner = excluded.owner, server = excluded.server, conversation = "
	"excluded.conversation, nparams = excluded.nparams, mid_made = excluded.mid_made, "
	"attempts = excluded.attempts, key_a = excluded.key_a, key_b = excluded.key_b, "
	"enqueued_at = excluded.enqueued_at, finished_at = excluded.finished_at, timeout = "
	"excluded.timeout, call = excluded.call, method = excluded.method, params = "
	"excluded.params, mid = excluded.mid, recipients = excluded.recipients, callback = "
	"excluded.callback, owner_name = excluded.owner_name, server_name = "
	"excluded.server_name, callback_name = excluded.callback_name, callback_owner = "
	"excluded.callback_owner, send_at = excluded.send_at, expires_at = excluded.expires_at, urgent = excluded.urgent, mtime = excluded.mtime, answer = excluded.answer, error_code "
	"= excluded.error_code, error = excluded.error, callback_due = excluded.callback_due, "
	"callback_error = NULL, callback_attempts = NULL, callback_begun = NULL",
	8,
	{TIDOID, INT4OID, TEXTOID, INT8OID, BYTEAOID, INT4OID, INT8OID, TEXTOID},
};

/* Mid and parameters are others only when it has got a new mid. */
static OutboxStatement note_row = {
	"UPDATE rtm_internal.rtm_request SET attempts = $2, error_code = nullif($3, 0), error "
	"= $4, next_attempt = $5, mid = coalesce($7, mid), params = coalesce($8, params) WHERE ctid = (SELECT ctid FROM rtm_internal.rtm_request "
	"WHERE ctid = $1 AND seq = $6 FOR UPDATE SKIP LOCKED) RETURNING ctid",
	8,
	{TIDOID, INT4OID, INT4OID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, BYTEAOID},
};

static OutboxStatement purge_rows = {
	"WITH d AS (DELETE FROM rtm_internal.rtm_finished WHERE ctid = ANY (ARRAY (SELECT ctid"
	" FROM rtm_internal.rtm_finished WHERE status <> 'failed' AND callback_due IS NULL"
	" AND finished_at >= $3 AND finished_at <= $1"
	" ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING finished_at)"
	" SELECT count(*), max(finished_at) FROM d",
	3,
	{TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID},
};

static OutboxStatement oldest_row = {
	"SELECT min(finished_at) FROM rtm_internal.rtm_finished WHERE status <> 'failed' AND callback_due IS NULL"
	" AND finished_at >= $1",
	1,
	{TIMESTAMPTZOID},
};

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
is_row_of(HeapTuple tuple, const Request *request)
{
	OutboxRow row;

	outbox_read_key(tuple, &row);
	return row.seq == request->row.seq && row.id == request->row.id &&
		   row.origin == request->row.origin;
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
	same = is_row_of(&tuple, request);
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
	OutboxScan scan;
	HeapTuple  tuple;
	bool	   found = false;

	if (is_at(rel, request))
		return true;
	scan = outbox_begin_scan(rel, OUTBOX_REQUEST_SEQ, request->row.seq, request->row.seq + 1,
							 GetActiveSnapshot());
	while (!found && HeapTupleIsValid(tuple = outbox_next(&scan)))
	{
		found = is_row_of(tuple, request);
		if (found)
			request->tid = tuple->t_self;
	}
	outbox_end_scan(&scan);
	return found;
}

static OutboxStatus
status_of(const Request *request)
{
	return request->code == 0 ? OUTBOX_STATUS_DONE
		   : request->expired ? OUTBOX_STATUS_EXPIRED
							  : OUTBOX_STATUS_FAILED;
}

/* True: it is done, or there is nothing left to do. */
static bool
move(Relation rel, Request *request)
{
	char  nulls[] = "        ";
	Datum values[8];

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
	values[7] = CStringGetTextDatum(outbox_status_name(status_of(request)));
	if (outbox_run(&move_row, values, nulls) != 1)
		return false;
	return true;
}

/*
 * Write a failed attempt, or a mark that has to be there before the request leaves, into its row.
 * False: somebody has locked the row.  The row moves by that, so its new place is kept.
 */
static bool
note(Relation rel, Request *request)
{
	char  nulls[] = "        ";
	Datum values[8];
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
	if (outbox_run(&note_row, values, nulls) != 1)
		return false;
	tid = outbox_column(0, 1, NULL);
	ItemPointerCopy((ItemPointer) DatumGetPointer(tid), &request->tid);

	/* it leaves after this: the note must be on disk */
	if (request->must_note)
		ForceSyncCommit();
	return true;
}

static bool
delete_row(Relation rel, Request *request, CommandId command)
{
	return !is_there(rel, request) ||
		   outbox_delete(rel, &request->tid, command, false) != OUTBOX_LOCKED;
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

	outbox_begin_sql();
	dlist_foreach (iter, &outbox_queue.touched)
	{
		Request *request = dlist_container(Request, touched_node, iter.cur);

		request->noted = request->state == REQUEST_FINISHED ||
						 (is_due(request, now) && note_lock(request, note(rel, request), now));
		settled.locked_touched += !request->noted;
	}
	dlist_foreach (iter, &outbox_queue.finished)
		settle_finished(rel, dlist_container(Request, node, iter.cur), command, now, &settled);
	outbox_end_sql();
	return settled;
}

/* The table knows the news of a request; which may be gone there. */
static void
end_note(Request *request, XLogRecPtr lsn)
{
	outbox_noted(request, lsn);
	request->renamed = false;
	if (request->discarded &&
		(request->state == REQUEST_READY || request->state == REQUEST_DELAYED ||
		 request->state == REQUEST_UNCONFIRMED))
	{
		request->settled = true;
		outbox_set_finished(request, false);
	}
}

void
outbox_settled(void)
{
	XLogRecPtr		   lsn = outbox_lsn_on_disk();
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &outbox_queue.touched)
	{
		Request *request = dlist_container(Request, touched_node, iter.cur);

		if (request->noted)
			end_note(request, lsn);
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

/* Results that finished until then are due. */
static TimestampTz
purge_until(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), -1000 * (int64) outbox_result_ttl);
}

/* When the oldest result is due, as rtm_now_ms(). */
static int64
purge_due(void)
{
	Datum from = TimestampTzGetDatum(purge.from);
	Datum oldest;
	bool  null;

	(void) outbox_run(&oldest_row, &from, NULL);
	oldest = outbox_column(0, 1, &null);
	if (null)
		return PG_INT64_MAX;
	purge.from = DatumGetTimestampTz(oldest);
	return rtm_now_ms() + TimestampDifferenceMilliseconds(purge_until(), purge.from);
}

/*
 * Also looks at what is older than what was purged, if that doesn't take long and nothing
 * else is due: a run of portions reads each row once, however slow the machine is.
 */
static int64
look_for_purge(void)
{
	int64 begin = rtm_now_us();
	int64 due;

	if (purge.full || begin < purge.whole)
	{
		purge.full = false;
		return Min(purge_due(), Max(begin, purge.whole) / 1000 + 1);
	}
	purge.from = DT_NOBEGIN;
	due = purge_due();
	purge.whole = begin + PURGE_WHOLE * (rtm_now_us() - begin);
	return due;
}

/* When the next one is due. */
static int64
purge_portion(void)
{
	Datum values[] = {TimestampTzGetDatum(purge_until()), Int64GetDatum(PURGE_ROWS),
					  TimestampTzGetDatum(purge.from)};
	int64 n;

	(void) outbox_run(&purge_rows, values, NULL);
	n = DatumGetInt64(outbox_column(0, 1, NULL));
	if (n > 0)
		purge.from = DatumGetTimestampTz(outbox_column(0, 2, NULL));
	purge.full = n >= PURGE_ROWS;
	return rtm_now_ms() + (purge.full ? PURGE_PAUSE : PURGE_NEXT);
}

/* A portion at a time: messages are waiting meanwhile. */
int64
outbox_purge(void)
{
	int64 due;

	outbox_begin_sql();
	due = look_for_purge();
	if (due <= rtm_now_ms())
		due = purge_portion();
	outbox_end_sql();
	return due;
}
