/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  How an attempt to carry out a request ends: well, badly, or to be repeated.
 *
 * Used by lane.c.  What it decides gets into the tables by settle.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/memutils.h"

#include "client/call.h"
#include "client/error.h"
#include "fpnn/catalog.h"
#include "fpnn/payload.h"
#include "outbox/deliver/outcome.h"
#include "outbox/deliver/report.h"
#include "outbox/record/callback.h"
#include "outbox/record/outbox_guc.h"

/* Milliseconds to wait after so many failures in a row. */
static int64
backoff(int failures)
{
	double delay = outbox_retry_delay * pow(2, Min(failures, 30) - 1);

	delay = Min(delay, outbox_max_retry_delay);
	return (int64) (delay * (0.5 + 0.5 * pg_prng_double(&pg_global_prng_state))) + 1;
}

static void
set_error(Request *request, int code, const char *error)
{
	if (request->error)
		pfree(request->error);
	request->code = code;
	request->error = MemoryContextStrdup(TopMemoryContext, error);
	request->error_from_gate = false;
}

static void
finish(Request *request)
{
	OutboxServerStats *stats = request->lane->server->stats;

	if (stats)
		pg_atomic_fetch_add_u64(request->code == 0 ? &stats->sent : &stats->failed, 1);
	outbox_set_finished(request, request->code != 0 || OidIsValid(request->row.callback) ||
									 outbox_keep_results);
}

void
outbox_fail(Request *request, int code, const char *error)
{
	set_error(request, code, error);
	outbox_note_failure(request, code, true);
	finish(request);
}

/* The attempt that is under way has ended; see may_send_any_call(). */
static void
count_attempt(Request *request)
{
	if (!request->marked)
		request->row.attempts++;
	request->marked = false;
}

static void
succeed(Request *request)
{
	request->code = 0;
	count_attempt(request);
	finish(request);
}

/* The gate's answer, or that there will be none, is final. */
void
outbox_end_badly(Request *request, int code, const char *error)
{
	count_attempt(request);
	outbox_fail(request, code, error);
}

bool
outbox_is_too_old(const Request *request)
{
	return outbox_max_age > 0 &&
		   TimestampDifferenceExceeds(request->row.enqueued_at, GetCurrentTimestamp(),
									  outbox_max_age > INT_MAX / 1000 ? INT_MAX
																	  : outbox_max_age * 1000);
}

static TimestampTz
in_milliseconds(int64 delay)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/*
 * An attempt failed.  True: the request may be tried again, after so many
 * milliseconds, and its row will tell so; false: this was the last time, and it
 * has failed.
 */
bool
outbox_note_attempt(Request *request, int code, const char *error, int64 delay)
{
	OutboxServerStats *stats = request->lane->server->stats;

	count_attempt(request);
	request->row.next_attempt = in_milliseconds(delay);
	if (request->row.attempts >= outbox_max_attempts || outbox_is_too_old(request))
	{
		outbox_fail(request, code, error);
		return false;
	}
	if (stats)
		pg_atomic_fetch_add_u64(&stats->retried, 1);
	set_error(request, code, error);
	outbox_note_failure(request, code, false);
	outbox_touch(request);
	return true;
}

/* Try the request again, after a while. */
void
outbox_repeat(Request *request, int code, const char *error)
{
	int64 delay = backoff(request->row.attempts + 1);

	if (outbox_note_attempt(request, code, error, delay))
		outbox_set_delayed(request, rtm_now_ms() + delay, true);
}

/* Is it any method, of which nobody knows whether it may be repeated? */
bool
outbox_is_any_call(const Request *request)
{
	return outbox_row_is_any_call(&request->row);
}

static const RtmMethod *
method_of(const Request *request)
{
	return rtm_method_by_call(request->row.call, request->row.call_len);
}

/* ---- answers ---- */

static bool
means_later(int code)
{
	return code == RTM_CODE_FREQUENCY || code == RTM_CODE_REFRESH || code == FPNN_CODE_STOPPING ||
		   code == FPNN_CODE_QUEUE_FULL || code == FPNN_CODE_TIMEOUT;
}

/* An error that says that the request had been carried out before. */
static bool
means_done(const Request *request, int code)
{
	const RtmMethod *method = method_of(request);

	if (method == NULL)
		return false;
	if (code == RTM_CODE_DUPLICATE_MID)
		return method->kind == RTM_KIND_SEND && (request->row.mid_made || request->maybe_sent);
	return code == RTM_CODE_NOT_FOUND && method->kind == RTM_KIND_DELETE && request->maybe_sent;
}

void
outbox_pause_lane(Lane *lane)
{
	lane->failures++;
	lane->paused_until = rtm_now_ms() + backoff(lane->failures);
}

static void
take_error(Request *request, const msgpack_object *map)
{
	const char *bytes;
	size_t		len;
	int			code = rtm_read_error(map, &bytes, &len);
	char	   *text = pnstrdup(bytes, len);

	if (means_done(request, code))
	{
		succeed(request);
		return;
	}
	if (means_later(code))
	{
		outbox_repeat(request, code, text);
		outbox_pause_lane(request->lane);
	}
	else
		outbox_end_badly(request, code, text);

	/* to be converted when there is a transaction */
	request->error_from_gate = true;
}

static void
keep_answer(Request *request, const FpnnFrame *answer)
{
	request->answer = MemoryContextAlloc(TopMemoryContext, Max(answer->payload_len, 1));
	memcpy(request->answer, answer->payload, answer->payload_len);
	request->answer_len = (int) answer->payload_len;
}

static void
count_answer(Request *request)
{
	OutboxServerStats *stats = request->lane->server->stats;
	int64			   us = rtm_now_us() - request->asked_us;

	if (stats == NULL)
		return;
	pg_atomic_fetch_add_u64(&stats->answers, 1);
	pg_atomic_fetch_add_u64(&stats->answer_us, us);
	pg_atomic_write_u64(&stats->last_answer_us, us);
}

static void
take_answer(Request *request, const FpnnFrame *answer)
{
	Lane			*lane = request->lane;
	const RtmMethod *method = method_of(request);
	FpnnDoc			 doc;
	int64_t			 mtime;

	count_answer(request);
	lane->fresh = false;
	lane->last_answer = rtm_now_ms();
	outbox_note_reachable(lane);
	if (fpnn_doc_open(&doc, answer->payload, answer->payload_len) != FPNN_OK)
	{
		outbox_end_badly(request, FPNN_CODE_DECODING, "the gate's answer is no msgpack");
		return;
	}
	if (answer->status != 0)
		take_error(request, doc.map);
	else
	{
		lane->failures = 0;
		switch (rtm_method_traits(method)->keep)
		{
			case RTM_KEEP_NOTHING:
				break;
			case RTM_KEEP_MTIME:
				if (fpnn_map_int(doc.map, "mtime", &mtime) == FPNN_OK)
					request->mtime = mtime;
				break;
			case RTM_KEEP_ANSWER:
				keep_answer(request, answer);
				break;
		}
		succeed(request);
	}
	fpnn_doc_close(&doc);
}

/* RtmAnswerFunc */
void
outbox_answered(void *arg, const FpnnFrame *answer)
{
	static MemoryContext scratch;
	MemoryContext		 old;

	if (scratch == NULL)
		scratch = AllocSetContextCreate(TopMemoryContext, "rtm answer", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	take_answer(arg, answer);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
}
