/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  How an attempt to carry out a request ends: well, badly, or to be repeated.
 *
 * Used by lane.c.  What it means is decided by verdict.c; what comes of that gets
 * into the tables by settle.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "client/call.h"
#include "client/error.h"
#include "fpnn/catalog.h"
#include "fpnn/payload.h"
#include "host.h"
#include "outbox/deliver/age.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/duplicate.h"
#include "outbox/deliver/outcome.h"
#include "outbox/deliver/report.h"
#include "outbox/deliver/verdict.h"
#include "outbox/record/outbox_guc.h"

static const RtmMethod *
method_of(const Request *request)
{
	return rtm_method_by_call(request->row.call, request->row.call_len);
}

bool
outbox_is_any_call(const Request *request)
{
	return outbox_row_is_any_call(&request->row);
}

static OutboxServerStats *
stats_of(const Request *request)
{
	return outbox_server_traffic(request->lane->server)->stats;
}

/* ---- ends ---- */

static void
set_error(Request *request, int code, const char *error)
{
	if (request->error)
		pfree(request->error);
	request->code = code;
	request->error = outbox_clean_text(error, TopMemoryContext);
	request->error_from_gate = false;
}

static void
finish(Request *request)
{
	OutboxServerStats *stats = stats_of(request);

	if (stats)
		pg_atomic_fetch_add_u64(request->code == 0 ? &stats->sent
								: request->expired ? &stats->expired
												   : &stats->failed,
								1);
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

bool
outbox_has_expired(const Request *request)
{
	return request->row.expires_at != 0 && GetCurrentTimestamp() >= request->row.expires_at;
}

void
outbox_expire(Request *request)
{
	int code = request->error ? request->code : FPNN_CODE_TIMEOUT;

	request->expired = true;
	set_error(request, code,
			  request->maybe_sent ? "it expired; an earlier attempt may have been carried out"
								  : "it expired before it could be sent");
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
static void
end_badly(Request *request, int code, const char *error)
{
	count_attempt(request);
	outbox_fail(request, code, error);
}

bool
outbox_is_too_old(const Request *request)
{
	static OutboxClock clock;
	int64			   steady = rtm_now_us();
	int64			   time = outbox_clock_time(&clock, GetCurrentTimestamp(), steady);

	int64 most = outbox_age_for(request->lane->server);
	int64 since = Max(request->row.enqueued_at, request->row.send_at);

	return most > 0 && outbox_age(since, request->seen, time, steady) > most;
}

/* Is an attempt that ends now the last one that it may have? */
static bool
is_exhausted(const Request *request)
{
	return request->row.attempts + !request->marked >= outbox_attempts_for(request->lane->server) ||
		   outbox_is_too_old(request);
}

/* ---- repeating ---- */

static void
note_error(Request *request, int code, const char *error, int64 delay)
{
	OutboxServerStats *stats = stats_of(request);

	if (stats)
		pg_atomic_fetch_add_u64(&stats->retried, 1);
	request->row.next_attempt = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
	set_error(request, code, error);
	outbox_note_failure(request, code, false);
	outbox_touch(request);
}

bool
outbox_note_attempt(Request *request, int code, const char *error, int64 delay)
{
	bool exhausted = is_exhausted(request);

	count_attempt(request);
	if (outbox_has_expired(request))
	{
		outbox_expire(request);
		return false;
	}
	if (exhausted)
		outbox_fail(request, code, error);
	else
		note_error(request, code, error, delay);
	return !exhausted;
}

/* Try the request again, after a while that gets longer each time. */
static void
repeat(Request *request, int code, const char *error)
{
	int64 delay = outbox_backoff(request->lane->server, request->row.attempts + !request->marked);

	count_attempt(request);
	note_error(request, code, error, delay);
	outbox_set_delayed(request, rtm_now_ms() + delay, true);
}

/*
 * The gate can't do it now, or nobody knows.  What was asked before the limit was
 * reached, or the lane was paused, tells nothing new, and is no attempt of the
 * request that counts: a burst is one failure, not a thousand.
 */
static void
try_later(Request *request, int code, const char *error)
{
	LaneTraffic *t = request->lane->traffic;
	OutboxLimit *limit = &outbox_server_traffic(request->lane->server)->limit;

	switch (outbox_scope(code))
	{
		case OUTBOX_SCOPE_LIMIT:
			if (request->asked_us <= limit->cut)
			{
				outbox_limit_refused(limit, request->asked_us, rtm_now_us());
				outbox_set_ready_again(request, request->lane, false);
				return;
			}
			outbox_limit_refused(limit, request->asked_us, rtm_now_us());
			outbox_show_limit(request->lane);
			break;
		case OUTBOX_SCOPE_LANE:
			if (request->asked_us > t->paused_us)
				outbox_pause_lane(request->lane);
			break;
		case OUTBOX_SCOPE_REQUEST:
			break;
	}
	repeat(request, code, error);
}

/* The gate has another message with its mid. */
static void
send_renamed(Request *request, int code, const char *error)
{
	int64 was = request->row.mid;
	int64 delay = request->row.attempts == 0
					  ? 0
					  : outbox_backoff(request->lane->server, request->row.attempts);

	count_attempt(request);
	note_error(request, code, error, delay);
	outbox_forget_quests(request);
	outbox_rename(request);
	outbox_note_renamed(request, was);
	outbox_set_delayed(request, rtm_now_ms() + delay, false);
}

/* ---- verdicts ---- */

static OutboxAttempt
attempt_of(const Request *request, int code, bool answered)
{
	const RtmMethod *method = method_of(request);

	return (OutboxAttempt){.kind = method ? method->kind : RTM_KIND_ANY,
						   .code = code,
						   .answered = answered,
						   .mid_made = request->row.mid_made,
						   .maybe_sent = request->maybe_sent,
						   .exhausted = is_exhausted(request)};
}

static OutboxVerdict
judge(const Request *request, int code, bool answered)
{
	OutboxAttempt attempt = attempt_of(request, code, answered);

	return outbox_judge(&attempt);
}

static void
carry_out(Request *request, OutboxVerdict verdict, int code, const char *error)
{
	switch (verdict)
	{
		case OUTBOX_VERDICT_DONE:
			succeed(request);
			break;
		case OUTBOX_VERDICT_LATER:
			try_later(request, code, error);
			break;
		case OUTBOX_VERDICT_NEW_MID:
			send_renamed(request, code, error);
			break;
		case OUTBOX_VERDICT_LOOK:
			request->looking = true;
			outbox_set_ready_again(request, request->lane, true);
			break;
		case OUTBOX_VERDICT_FAILED:
			end_badly(request, code, error);
			break;
	}
}

/* There was no answer; the gate may have carried it out. */
static void
conclude_unanswered(Request *request, int code, const char *error)
{
	request->maybe_sent |= !request->looking;
	if (outbox_is_any_call(request))
		error = psprintf("%s; it may have been carried out", error);
	carry_out(request, judge(request, code, false), code, error);
}

void
outbox_timed_out(Request *request)
{
	request->timeouts++;
	conclude_unanswered(request, FPNN_CODE_TIMEOUT, "no answer in time");
}

/* It was lost, and nothing is known of it but that: it goes on apart. */
static void
go_on_apart(Request *request, int code, const char *why, Lane *to)
{
	request->suspect = true;
	note_error(request, code, why, 0);
	outbox_set_ready_again(request, to, true);
}

/*
 * The connection was closed before the answer came.  The request goes on by lane
 * `to`; alone: nothing else was under way.
 */
static void
lost(Request *request, int code, const char *why, Lane *to, bool alone)
{
	if (outbox_is_any_call(request))
		conclude_unanswered(request, code, why);
	else if (!alone)
		go_on_apart(request, code, why, to);
	else if (request->lane->key.apart)
	{
		/* it is this one, as far as anybody can tell */
		request->suspect = false;
		conclude_unanswered(request, code, why);
	}
	else if (outbox_note_attempt(request, code, why, 0))
		outbox_set_ready_again(request, to, true);
}

/* The lane where n requests of this one go on; it begins with half of them. */
static Lane *
search_apart(Lane *lane, int n)
{
	Lane		*apart = outbox_lane(lane->key.server, lane->key.owner, lane->key.urgent, true);
	LaneTraffic *t = outbox_traffic(apart);
	int			 half = Max(n / 2, 1);

	t->window = apart->nrequests == 0 ? half : Min(t->window, half);
	t->batch = false;
	return apart;
}

/*
 * The last ones first, each to the front of what is ready, so that they stay in
 * their order.
 */
void
outbox_lose_all(Lane *lane, int code, const char *why, bool suspicious)
{
	int	  n = lane->nin_flight;
	Lane *to = lane;

	if (suspicious && n > 0)
		to = search_apart(lane, n);
	while (!dlist_is_empty(&lane->in_flight))
	{
		Request *request = dlist_tail_element(Request, node, &lane->in_flight);

		outbox_forget_quests(request);
		request->maybe_sent = true;
		lost(request, code, why, to, n == 1);
	}
}

/* ---- answers ---- */

static void
keep_answer(Request *request, const FpnnFrame *answer)
{
	request->answer = MemoryContextAlloc(TopMemoryContext, Max(answer->payload_len, 1));
	memcpy(request->answer, answer->payload, answer->payload_len);
	request->answer_len = (int) answer->payload_len;
	outbox_count_bytes(request, request->answer_len);
}

static void
count_answer(Request *request)
{
	OutboxServerStats *stats = stats_of(request);
	int64			   us = rtm_now_us() - request->asked_us;

	if (stats == NULL)
		return;
	pg_atomic_fetch_add_u64(&stats->answers, 1);
	pg_atomic_fetch_add_u64(&stats->answer_us, us);
	pg_atomic_write_u64(&stats->last_answer_us, us);
}

/* The gate said no.  One to an earlier asking, if it isn't final, is of no interest. */
static void
take_error(Request *request, const msgpack_object *map, bool current)
{
	const char	 *bytes;
	size_t		  len;
	int			  code = rtm_read_error(map, &bytes, &len);
	char		 *text = pnstrdup(bytes, len);
	OutboxVerdict verdict = judge(request, code, true);

	if (!current && verdict != OUTBOX_VERDICT_DONE && verdict != OUTBOX_VERDICT_FAILED)
		return;
	if (rtm_code_class(code) == RTM_CLASS_PASSING && !outbox_refused_unseen(code))
		request->maybe_sent = true;
	carry_out(request, verdict, code, text);

	/* to be converted when there is a transaction */
	if (request->code == code && request->error)
		request->error_from_gate = true;
}

/* What the gate has under the mid, if it says so. */
static void
take_lookup(Request *request, const FpnnFrame *answer, const msgpack_object *map)
{
	RtmFound	  found = RTM_FOUND_NOTHING;
	const char	 *bytes;
	size_t		  len;
	int			  code = answer->status != 0 ? rtm_read_error(map, &bytes, &len) : 0;
	int64_t		  mtime;
	OutboxAttempt attempt = attempt_of(request, RTM_CODE_DUPLICATE_MID, true);

	if (code != 0 && rtm_code_class(code) == RTM_CLASS_PASSING)
	{
		try_later(request, code, pnstrdup(bytes, len));
		return;
	}
	request->looking = false;
	if (code == 0)
		found = outbox_compare(request, map);
	if (found == RTM_FOUND_SAME && fpnn_map_int(map, "mtime", &mtime) == FPNN_OK)
		request->mtime = mtime;
	carry_out(request, outbox_judge_found(found, &attempt), attempt.code,
			  "the gate has another message with this mid");
}

static void
take_good(Request *request, const FpnnFrame *answer, const msgpack_object *map)
{
	int64_t mtime;

	switch (rtm_method_traits(method_of(request))->keep)
	{
		case RTM_KEEP_NOTHING:
			break;
		case RTM_KEEP_MTIME:
			if (fpnn_map_int(map, "mtime", &mtime) == FPNN_OK)
				request->mtime = mtime;
			break;
		case RTM_KEEP_ANSWER:
			keep_answer(request, answer);
			break;
	}
	succeed(request);
}

/* The lane is well, whatever the answer says. */
static void
note_answer(Lane *lane)
{
	LaneTraffic *t = lane->traffic;

	t->fresh = false;
	t->losses = 0;
	t->last_answer = rtm_now_ms();
	outbox_note_reachable(lane);
}

/*
 * Judge an answer, to the quest that is under way or to an earlier one, which took
 * longer than we waited: it is an answer as well.
 */
static void
take_answer(Request *request, const FpnnFrame *answer)
{
	Lane   *lane = request->lane;
	bool	current = request->state == REQUEST_IN_FLIGHT && answer->seq == request->quest.seq;
	FpnnDoc doc;

	note_answer(lane);
	if (current)
	{
		request->quest.connection = 0;
		count_answer(request);
	}
	else
		request->late.connection = 0;
	if (request->state == REQUEST_FINISHED || (!current && request->must_note))
		return;
	request->suspect = false;
	if (fpnn_doc_open(&doc, answer->payload, answer->payload_len) != FPNN_OK)
	{
		if (current)
			conclude_unanswered(request, FPNN_CODE_DECODING, "the gate's answer is no msgpack");
		return;
	}
	if (answer->status == 0)
	{
		lane->traffic->failures = 0;
		outbox_limit_good(&outbox_server_traffic(lane->server)->limit, rtm_now_us());
	}
	if (current && request->looking)
		take_lookup(request, answer, doc.map);
	else if (answer->status != 0)
		take_error(request, doc.map, current);
	else
		take_good(request, answer, doc.map);
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
