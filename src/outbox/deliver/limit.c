/*-------------------------------------------------------------------------
 *
 * limit.c
 *	  How many quests a second a server gets.
 *
 *-------------------------------------------------------------------------
 */
#include "outbox/deliver/limit.h"

#include <math.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define SLOT   (SECOND / OUTBOX_LIMIT_SLOTS)

/* Quests that may leave in a bunch, as part of a second. */
#define BUNCH 0.05

/* Fewer refusals a second, or a smaller part of the answers, close nothing. */
#define REFUSALS 5
#define PART	 10

/*
 * The rate grows by this part a second (the second one while nobody knows it), and the
 * faster the longer nothing was refused: others may be through.
 */
#define GROWTH		0.05
#define FAST_GROWTH 2

/* Without a refusal for so long there is no limit any more. */
#define FORGET (60 * SECOND)

/* Longest pause while nothing goes through: others may have it all for a while. */
#define LONGEST_PAUSE (2 * SECOND)

/* How long a pause is when the rate was about right. */
#define SHORT_PAUSE (SECOND / 4)

/* ---- answers of the last second ---- */

static void
turn_slots(OutboxLimit *limit, int64_t now)
{
	int64_t slot = now / SLOT;

	if (slot - limit->slot >= OUTBOX_LIMIT_SLOTS)
	{
		memset(limit->good, 0, sizeof(limit->good));
		memset(limit->refused, 0, sizeof(limit->refused));
	}
	else
		for (int64_t i = limit->slot + 1; i <= slot; i++)
			limit->good[i % OUTBOX_LIMIT_SLOTS] = limit->refused[i % OUTBOX_LIMIT_SLOTS] = 0;
	limit->slot = slot;
}

static int
sum(const int *slots)
{
	int n = 0;

	for (int i = 0; i < OUTBOX_LIMIT_SLOTS; i++)
		n += slots[i];
	return n;
}

/* ---- the rate ---- */

static void
grow(OutboxLimit *limit, int64_t now)
{
	double seconds = (double) (now - limit->grown) / SECOND;
	double quiet = (double) (now - limit->refused_at) / SECOND;

	limit->grown = now;
	if (limit->learnt == 0 || seconds <= 0)
		return;
	if (now - limit->refused_at >= FORGET)
		limit->learnt = 0;
	else if (now >= limit->closed)
		limit->learnt += seconds * fmax(1, quiet) *
						 fmax(1, limit->learnt * (limit->lost ? FAST_GROWTH : GROWTH));
}

bool
outbox_limit_any(const OutboxLimit *limit)
{
	return limit->learnt > 0;
}

int
outbox_limit_learnt(const OutboxLimit *limit)
{
	return (int) ceil(limit->learnt);
}

int64_t
outbox_limit_wait(OutboxLimit *limit, int64_t now)
{
	double rate;

	grow(limit, now);
	rate = limit->learnt;
	if (now < limit->closed)
		return limit->closed - now;
	if (rate == 0)
		return 0;
	limit->tokens += (double) (now - limit->filled) / SECOND * rate;
	limit->tokens = fmin(limit->tokens, fmax(1, rate * BUNCH));
	limit->filled = now;
	if (limit->tokens >= 1)
	{
		limit->tokens -= 1;
		return 0;
	}
	return (int64_t) ceil((1 - limit->tokens) * SECOND / rate);
}

void
outbox_limit_good(OutboxLimit *limit, int64_t now)
{
	turn_slots(limit, now);
	limit->good[limit->slot % OUTBOX_LIMIT_SLOTS]++;
	limit->failures = 0;
}

/* The limit is reached: pause, and go on at the rate that went through. */
static void
cut(OutboxLimit *limit, int good, int64_t now)
{
	int64_t pause = limit->learnt == 0 ? SECOND : SHORT_PAUSE;

	if (good > 0)
		limit->learnt = good;
	else
	{
		limit->learnt = fmax(1, limit->learnt / 2);
		pause = SECOND << limit->failures;
		if (pause < LONGEST_PAUSE)
			limit->failures++;
	}
	limit->lost = good == 0;
	limit->cut = now;
	limit->closed = now + pause;
	limit->tokens = 0;
	limit->filled = limit->grown = limit->closed;
	memset(limit->good, 0, sizeof(limit->good));
	memset(limit->refused, 0, sizeof(limit->refused));
}

bool
outbox_limit_refused(OutboxLimit *limit, int64_t asked, int64_t now)
{
	int good;
	int refused;

	limit->refused_at = now;
	if (asked <= limit->cut)
		return true;
	turn_slots(limit, now);
	limit->refused[limit->slot % OUTBOX_LIMIT_SLOTS]++;
	good = sum(limit->good);
	refused = sum(limit->refused);
	if (refused < REFUSALS || refused * PART < good)
	{
		limit->lost &= good < refused;
		if (good > 0 && limit->learnt > 0)
			limit->learnt = fmin(limit->learnt, fmax(good, limit->learnt * (1 - GROWTH)));
		return false;
	}
	cut(limit, good, now);
	return true;
}
