/*-------------------------------------------------------------------------
 *
 * test_deliver.c
 *	  What the sender decides: verdicts on attempts, ages, limits.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "fpnn/code.h"
#include "outbox/deliver/age.h"
#include "outbox/deliver/limit.h"
#include "outbox/deliver/verdict.h"

#define SECOND INT64_C(1000000)

static OutboxVerdict
judge(RtmKind kind, int code, bool answered, bool mid_made, bool maybe_sent)
{
	OutboxAttempt attempt = {.kind = kind,
							 .code = code,
							 .answered = answered,
							 .mid_made = mid_made,
							 .maybe_sent = maybe_sent};

	return outbox_judge(&attempt);
}

static void
duplicates(void)
{
	int code = RTM_CODE_DUPLICATE_MID;

	/* a copy may have sent it, if we made the mid; who gave one hears of it */
	CHECK_INT(judge(RTM_KIND_SEND, code, true, true, false), OUTBOX_VERDICT_LOOK);
	CHECK_INT(judge(RTM_KIND_SEND, code, true, false, false), OUTBOX_VERDICT_FAILED);

	/* later the message is looked at, whoever made the mid */
	CHECK_INT(judge(RTM_KIND_SEND, code, true, true, true), OUTBOX_VERDICT_LOOK);
	CHECK_INT(judge(RTM_KIND_SEND, code, true, false, true), OUTBOX_VERDICT_LOOK);

	/* what else has a mid isn't done by it */
	CHECK_INT(judge(RTM_KIND_DELETE, code, true, false, true), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge(RTM_KIND_ANY, code, true, false, true), OUTBOX_VERDICT_FAILED);
}

static OutboxVerdict
judge_found(RtmFound found, bool mid_made, bool maybe_sent, bool exhausted)
{
	OutboxAttempt attempt = {.kind = RTM_KIND_SEND,
							 .code = RTM_CODE_DUPLICATE_MID,
							 .answered = true,
							 .mid_made = mid_made,
							 .maybe_sent = maybe_sent,
							 .exhausted = exhausted};

	return outbox_judge_found(found, &attempt);
}

static void
found_messages(void)
{
	CHECK_INT(judge_found(RTM_FOUND_SAME, true, true, false), OUTBOX_VERDICT_DONE);
	CHECK_INT(judge_found(RTM_FOUND_SAME, true, false, false), OUTBOX_VERDICT_DONE);
	CHECK_INT(judge_found(RTM_FOUND_SAME, false, true, true), OUTBOX_VERDICT_DONE);
	CHECK_INT(judge_found(RTM_FOUND_NOTHING, true, true, false), OUTBOX_VERDICT_DONE);
	CHECK_INT(judge_found(RTM_FOUND_NOTHING, false, true, false), OUTBOX_VERDICT_DONE);

	/* nobody has shown that it is ours, and no attempt was made before */
	CHECK_INT(judge_found(RTM_FOUND_NOTHING, true, false, false), OUTBOX_VERDICT_NEW_MID);
	CHECK_INT(judge_found(RTM_FOUND_NOTHING, true, false, true), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge_found(RTM_FOUND_OTHER, true, true, false), OUTBOX_VERDICT_NEW_MID);
	CHECK_INT(judge_found(RTM_FOUND_OTHER, true, false, false), OUTBOX_VERDICT_NEW_MID);
	CHECK_INT(judge_found(RTM_FOUND_OTHER, true, true, true), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge_found(RTM_FOUND_OTHER, false, true, false), OUTBOX_VERDICT_FAILED);
}

static void
passing_and_final(void)
{
	static const int passing[] = {200008, 20001, 20002, 20012, 200999, 20003, 200010, 7};
	static const int final[] = {200041, 200030, 20004, 200054};
	OutboxAttempt	 last = {
		   .kind = RTM_KIND_SEND, .code = 200999, .answered = true, .exhausted = true};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		CHECK_INT(judge(RTM_KIND_SEND, passing[i], true, true, false), OUTBOX_VERDICT_LATER);
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++)
		CHECK_INT(judge(RTM_KIND_SEND, final[i], true, true, true), OUTBOX_VERDICT_FAILED);
	CHECK_INT(outbox_judge(&last), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge(RTM_KIND_SEND, 0, true, true, false), OUTBOX_VERDICT_DONE);

	/* deleting what isn't there any more */
	CHECK_INT(judge(RTM_KIND_DELETE, 200070, true, false, true), OUTBOX_VERDICT_DONE);
	CHECK_INT(judge(RTM_KIND_DELETE, 200070, true, false, false), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge(RTM_KIND_INFO, 200070, true, false, true), OUTBOX_VERDICT_FAILED);
}

static void
calls_of_any_method(void)
{
	/* refused before it was looked at: may go again */
	CHECK_INT(judge(RTM_KIND_ANY, 200010, true, false, false), OUTBOX_VERDICT_LATER);
	CHECK_INT(judge(RTM_KIND_ANY, 20011, true, false, false), OUTBOX_VERDICT_LATER);
	CHECK_INT(judge(RTM_KIND_ANY, 200008, true, false, false), OUTBOX_VERDICT_LATER);

	/* it may have been carried out */
	CHECK_INT(judge(RTM_KIND_ANY, 200999, true, false, false), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge(RTM_KIND_ANY, FPNN_CODE_TIMEOUT, false, false, false), OUTBOX_VERDICT_FAILED);
	CHECK_INT(judge(RTM_KIND_ANY, FPNN_CODE_CLOSED, false, false, false), OUTBOX_VERDICT_FAILED);
}

static void
clocks(void)
{
	OutboxClock clock = {0};
	int64_t		wall = INT64_C(1790000000) * SECOND;
	int64_t		queued = wall - 60 * SECOND;
	int64_t		day = 86400 * SECOND;
	int64_t		time = outbox_clock_time(&clock, wall, SECOND);

	CHECK_INT(time, wall);
	CHECK_INT(outbox_age(queued, SECOND, time, SECOND), 60 * SECOND);

	/* a day ahead, for three seconds */
	for (int s = 1; s <= 3; s++)
	{
		time = outbox_clock_time(&clock, wall + day + s * SECOND, (1 + s) * SECOND);
		CHECK_INT(time, wall + s * SECOND);
	}
	time = outbox_clock_time(&clock, wall + 4 * SECOND, 5 * SECOND);
	CHECK_INT(time, wall + 4 * SECOND);

	/* and for good: believed after a while */
	for (int s = 5; s <= 100; s++)
		time = outbox_clock_time(&clock, wall + day + s * SECOND, (1 + s) * SECOND);
	CHECK_INT(time, wall + day + 100 * SECOND);

	/* queued while the clock was ahead: not younger than it is known */
	CHECK_INT(outbox_age(time + day, 0, time, 7 * SECOND), 7 * SECOND);
}

/*
 * A gate that lets `allowed` quests of a second through, and `n` requests that are
 * asked as the limits say, by `senders` senders.  How many milliseconds it takes.
 */
static int
drain(int senders, int n, int allowed)
{
	OutboxLimit limits[4] = {{0}};
	int			left[4];
	int			all = n * senders;
	int			used = 0;
	int			ms = 0;

	for (int i = 0; i < senders; i++)
		left[i] = n;
	for (; all > 0 && ms < 600000; ms++)
	{
		/* times begin somewhere */
		int64_t now = 1234567 * SECOND + ms * INT64_C(1000);

		if (ms % 1000 == 0)
			used = 0;
		for (int i = 0; i < senders; i++)
		{
			int asked = 0;
			int good = 0;

			/* all that may leave leaves at once; then the answers come */
			while (asked < left[i] && outbox_limit_wait(&limits[i], now) == 0)
				asked++;
			for (int j = 0; j < asked; j++)
				if (++used <= allowed)
				{
					outbox_limit_good(&limits[i], now);
					good++;
				}
				else
					outbox_limit_refused(&limits[i], now, now);
			left[i] -= good;
			all -= good;
		}
	}
	return ms;
}

static void
limits(void)
{
	int ms;

	/* no limit, no time */
	CHECK_INT(drain(1, 1000, 1000000), 1);

	/* ten seconds' worth of quests */
	ms = drain(1, 1000, 100);
	printf("# 1000 at 100/s: %d ms\n", ms);
	CHECK(ms < 12000);
	ms = drain(1, 150, 100);
	printf("# 150 at 100/s: %d ms\n", ms);
	CHECK(ms < 2500);
	ms = drain(2, 1000, 100);
	printf("# two senders, 1000 each: %d ms\n", ms);
	CHECK(ms < 25000);
	ms = drain(4, 1000, 100);
	printf("# four senders, 1000 each: %d ms\n", ms);
	CHECK(ms < 50000);
	ms = drain(1, 20, 2);
	printf("# 20 at 2/s: %d ms\n", ms);
	CHECK(ms < 16000);
}

static void
limit_of_one(void)
{
	OutboxLimit limit = {0};
	int64_t		now = 1000 * SECOND;

	/* one that is always refused stops nobody */
	for (int i = 0; i < 20; i++, now += SECOND / 2)
	{
		CHECK(!outbox_limit_refused(&limit, now, now));
		CHECK_INT(outbox_limit_wait(&limit, now), 0);
	}
	CHECK(!outbox_limit_any(&limit));

	/* a gate that lets nothing through isn't asked more and more */
	for (int i = 0; i < 5; i++)
		outbox_limit_refused(&limit, now, now);
	CHECK_INT(outbox_limit_wait(&limit, now), SECOND);
	CHECK(outbox_limit_any(&limit));

	/* what was asked before is no news */
	CHECK(outbox_limit_refused(&limit, now - 1, now));
	CHECK_INT(outbox_limit_wait(&limit, now), SECOND);

	/* it forgets */
	now += 100 * SECOND;
	CHECK_INT(outbox_limit_wait(&limit, now), 0);
	CHECK(!outbox_limit_any(&limit));
}

void
test_deliver(void)
{
	unit_run("verdict: a mid that the gate knows", duplicates);
	unit_run("verdict: what the gate has under it", found_messages);
	unit_run("verdict: passing and final codes", passing_and_final);
	unit_run("verdict: calls of any method", calls_of_any_method);
	unit_run("age: clocks that are set", clocks);
	unit_run("limit: bursts above a gate's", limits);
	unit_run("limit: one request's refusals", limit_of_one);
}
