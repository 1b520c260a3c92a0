/*-------------------------------------------------------------------------
 *
 * views.c
 *	  Functions behind the outbox's views.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "fpnn/catalog.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/workers/registry.h"
#include "outbox/workers/worker.h"
#include "method/jsonb.h"
#include "method/result.h"

/* A sender that waits for standbys says so after, in milliseconds. */
#define LONG_WAIT 1000

PG_FUNCTION_INFO_V1(rtm_sql_unpack);

Datum
rtm_sql_unpack(PG_FUNCTION_ARGS)
{
	int32	  nparams = PG_GETARG_INT32(0);
	bytea	 *bytes = PG_GETARG_BYTEA_PP(1);
	RtmReader reader = {.what = "rtm_unpack"};

	reader.answer = rtm_unpack(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), nparams);
	PG_RETURN_JSONB_P(rtm_answer_jsonb(&reader));
}

PG_FUNCTION_INFO_V1(rtm_sql_error_of);

Datum
rtm_sql_error_of(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return HeapTupleGetDatum(rtm_error_tuple(
		PG_GETARG_INT32(0), PG_ARGISNULL(1) ? NULL : TextDatumGetCString(PG_GETARG_DATUM(1)),
		rtm_result_desc(fcinfo)));
}

/* Since when a running sender has waited for standbys, if that is long; 0: it hasn't. */
static TimestampTz
waits_since(OutboxDatabase *entry, int place, const OutboxWorker *worker)
{
	TimestampTz since;

	if (outbox_type_of(place) != OUTBOX_SENDER || worker->state != OUTBOX_RUNNING || worker->paused)
		return 0;
	since = (TimestampTz) pg_atomic_read_u64(
		&entry->senders[place - OUTBOX_FIRST_SENDER].unconfirmed_since);
	return TimestampDifferenceExceeds(since, GetCurrentTimestamp(), LONG_WAIT) ? since : 0;
}

/* A running sender may have requests that it leaves alone. */
static const char *
running_state(OutboxDatabase *entry, int place, const OutboxWorker *worker)
{
	if (worker->paused)
		return "paused";
	return outbox_type_of(place) == OUTBOX_SENDER && pg_atomic_read_u32(&entry->holding)
			   ? "holding"
			   : "running";
}

static const char *
state_name(OutboxDatabase *entry, int place, const OutboxWorker *worker)
{
	if (waits_since(entry, place, worker) != 0)
		return "waiting";
	switch (worker->state)
	{
		case OUTBOX_ABSENT:
			break;
		case OUTBOX_WANTED:
		case OUTBOX_STARTING:
			return worker->full ? "failed" : "starting";
		case OUTBOX_RUNNING:
			return running_state(entry, place, worker);
		case OUTBOX_FAILED:
			return "failed";
	}
	return "stopped";
}

/* Other databases' workers may have another encoding. */
static NullableDatum
text_column(const char *text)
{
	char *shown;

	if (text == NULL || text[0] == '\0')
		return rtm_null_column();
	shown = pstrdup(text);
	if (!pg_verifymbstr(shown, (int) strlen(shown), true))
		for (char *p = shown; *p; p++)
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
	return rtm_column(CStringGetTextDatum(shown));
}

PG_FUNCTION_INFO_V1(rtm_sql_worker_stats);

Datum
rtm_sql_worker_stats(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = outbox_next_database(0, &entry); i >= 0; i = outbox_next_database(i + 1, &entry))
	{
		for (int place = 0; place < OUTBOX_PLACES; place++)
		{
			OutboxWorker  worker = outbox_worker(entry, place);
			TimestampTz	  waits = waits_since(entry, place, &worker);
			NullableDatum columns[] = {
				rtm_column(ObjectIdGetDatum(entry->database)),
				text_column(outbox_worker_types[outbox_type_of(place)].name),
				rtm_column_if(worker.pid != 0, Int32GetDatum(worker.pid)),
				text_column(state_name(entry, place, &worker)),
				rtm_column(TimestampTzGetDatum(waits ? waits : worker.since)),
				text_column(worker.error),
				rtm_column_if(OidIsValid(worker.user), ObjectIdGetDatum(worker.user)),
			};

			if (worker.state != OUTBOX_ABSENT || worker.error[0] != '\0')
				rtm_put_row(fcinfo, columns, lengthof(columns));
		}
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(rtm_sql_server_stats);

Datum
rtm_sql_server_stats(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry = outbox_database(MyDatabaseId, false);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; entry && i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *s = &entry->figures.servers[i];
		uint64			   answers = pg_atomic_read_u64(&s->answers);
		double			   time = (double) pg_atomic_read_u64(&s->answer_us) / 1000;
		double			   last = (double) pg_atomic_read_u64(&s->last_answer_us);
		NullableDatum	   columns[] = {
				 rtm_column(ObjectIdGetDatum(s->server)),
				 rtm_column(Int64GetDatum(pg_atomic_read_u64(&s->sent))),
				 rtm_column(Int64GetDatum(pg_atomic_read_u64(&s->failed))),
				 rtm_column(Int64GetDatum(pg_atomic_read_u64(&s->expired))),
				 rtm_column(Int64GetDatum(pg_atomic_read_u64(&s->retried))),
				 rtm_column(Int32GetDatum(pg_atomic_read_u32(&s->in_flight))),
				 rtm_column_if(answers > 0, Float8GetDatum(time / answers)),
				 rtm_column_if(answers > 0, Float8GetDatum(last / 1000)),
		 };

		if (OidIsValid(DatumGetObjectId(columns[0].value)))
			rtm_put_row(fcinfo, columns, lengthof(columns));
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(rtm_sql_server_health);

Datum
rtm_sql_server_health(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry = outbox_database(MyDatabaseId, false);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; entry && i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats s = outbox_copy_server_stats(&entry->figures, i);
		int32			  limited_to = (int32) pg_atomic_read_u32(&s.limited_to);
		NullableDatum	  columns[] = {
				rtm_column(ObjectIdGetDatum(s.server)),
				rtm_column_if(s.unreachable_since != 0, TimestampTzGetDatum(s.unreachable_since)),
				text_column(s.reason),
				rtm_column_if(limited_to > 0, Int32GetDatum(limited_to)),
		};

		if (OidIsValid(DatumGetObjectId(columns[0].value)))
			rtm_put_row(fcinfo, columns, lengthof(columns));
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(rtm_sql_error_stats);

Datum
rtm_sql_error_stats(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry = outbox_database(MyDatabaseId, false);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; entry && i < OUTBOX_MAX_ERRORS; i++)
	{
		OutboxErrorStats e = outbox_error_stats(&entry->figures, i);
		NullableDatum	 columns[] = {
			   rtm_column(ObjectIdGetDatum(e.server)),
			   rtm_column_if(e.code != 0, Int32GetDatum(e.code)),
			   rtm_column(Int64GetDatum(e.count)),
			   rtm_column_if(e.last != 0, TimestampTzGetDatum(e.last)),
		   };

		if (e.count > 0)
			rtm_put_row(fcinfo, columns, lengthof(columns));
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(rtm_sql_counted_since);

Datum
rtm_sql_counted_since(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry = outbox_database(MyDatabaseId, false);

	if (entry == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(entry->figures.since);
}

PG_FUNCTION_INFO_V1(rtm_sql_stat_reset);

Datum
rtm_sql_stat_reset(PG_FUNCTION_ARGS)
{
	OutboxDatabase *entry = outbox_database(MyDatabaseId, false);

	if (entry)
		outbox_reset_stats(&entry->figures);
	PG_RETURN_VOID();
}
