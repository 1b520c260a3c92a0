/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  Requests that are to be sent later: they get their tickets when their time
 *	  has come.
 *
 * Until then they stand where no reader looks, in the order of their times (see
 * OUTBOX_SCHEDULED), and only the first one is looked at: any number of them costs
 * the sender nothing.  With its ticket a request is one that was queued at that
 * moment.
 *
 * What was released stays in the index for as long as somebody has an old snapshot:
 * it is passed once, as with results that were purged (settle.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "host.h"
#include "outbox/deliver/schedule.h"
#include "outbox/origin/origin.h"
#include "outbox/record/row.h"
#include "outbox/record/statement.h"
#include "outbox/record/ticket.h"

/* Requests that are released at once. */
#define PORTION 1000

/* The next look at those that are due but that somebody has locked, and the longest pause, in milliseconds. */
#define LOCKED_DELAY 1000
#define LONGEST_NAP	 60000 /* the server's clock may be set */

/* A look at all takes this part of the time at most. */
#define WHOLE 100

static struct
{
	int64 from;	 /* seq: there is none before, of those that were seen */
	bool  all;	 /* there may be, by now */
	int64 whole; /* rtm_now_us(): all are looked at again, not before */
} schedule = {.from = OUTBOX_SCHEDULED, .all = true};

static OutboxStatement first_row = {
	"SELECT seq FROM rtm_internal.rtm_request WHERE seq >= $1 AND seq < $2 AND origin = $3"
	" ORDER BY seq, id LIMIT 1",
	3,
	{INT8OID, INT8OID, INT8OID},
};

static OutboxStatement release_rows = {
	"UPDATE rtm_internal.rtm_request AS r SET seq = $1 + d.n + CASE WHEN r.urgent THEN $6 ELSE 0 END FROM (SELECT ctid, row_number() OVER ()"
	" - 1 AS n FROM (SELECT ctid FROM rtm_internal.rtm_request WHERE seq >= $2 AND seq <= $3"
	" AND origin = $4 ORDER BY seq, id LIMIT $5 FOR UPDATE SKIP LOCKED) AS l) AS d"
	" WHERE r.ctid = d.ctid",
	6,
	{INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID},
};

void
outbox_look_at_schedule(void)
{
	schedule.all = true;
}

/* The place of the first one, or OUTBOX_SCHEDULED_END. */
static int64
find_first(int64 origin)
{
	Datum values[] = {Int64GetDatum(schedule.from), Int64GetDatum(OUTBOX_SCHEDULED_END),
					  Int64GetDatum(origin)};

	if (outbox_run(&first_row, values, NULL) == 0)
		return OUTBOX_SCHEDULED_END;
	return schedule.from = DatumGetInt64(outbox_column(0, 1, NULL));
}

/* The same, also of new ones, if looking for them doesn't take long. */
static int64
look(int64 origin)
{
	int64 begin = rtm_now_us();
	int64 first;

	if (!schedule.all || begin < schedule.whole)
		return find_first(origin);
	schedule.all = false;
	schedule.from = OUTBOX_SCHEDULED;
	first = find_first(origin);
	schedule.whole = begin + WHOLE * (rtm_now_us() - begin);
	return first;
}

/* Those up to a place: how many. */
static int64
release(int64 origin, int64 until)
{
	Datum values[] = {Int64GetDatum(outbox_draw_tickets(PORTION)),
					  Int64GetDatum(schedule.from),
					  Int64GetDatum(until),
					  Int64GetDatum(origin),
					  Int64GetDatum(PORTION),
					  Int64GetDatum(OUTBOX_URGENT_ROWS)};

	return (int64) outbox_run(&release_rows, values, NULL);
}

/* When the first one, at that place, is due. */
static int64
time_of(int64 first, TimestampTz now)
{
	if (first == OUTBOX_SCHEDULED_END)
		return PG_INT64_MAX;
	return rtm_now_ms() +
		   Min(TimestampDifferenceMilliseconds(now, first - OUTBOX_SCHEDULED), LONGEST_NAP);
}

int64
outbox_release_due(OutboxDatabase *entry)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		origin = outbox_origin(entry);
	int64		until = OUTBOX_SCHEDULED + now;
	int64		first;
	int64		n = PORTION;
	int64		at;

	outbox_begin_sql();
	first = look(origin);
	if (first <= until)
	{
		n = release(origin, until);
		first = n == PORTION ? until : find_first(origin);
	}
	outbox_end_sql();
	at = time_of(first, now);
	if (n < PORTION && first <= until)
		at = rtm_now_ms() + LOCKED_DELAY;
	return schedule.all ? Min(at, schedule.whole / 1000 + 1) : at;
}
