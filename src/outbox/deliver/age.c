/*-------------------------------------------------------------------------
 *
 * age.c
 *	  How old a request is, whatever is done to the machine's clock.
 *
 *-------------------------------------------------------------------------
 */
#include "outbox/deliver/age.h"

#include <stdbool.h>

static bool
is_near(int64_t a, int64_t b)
{
	return a - b <= OUTBOX_CLOCK_SLACK && b - a <= OUTBOX_CLOCK_SLACK;
}

int64_t
outbox_clock_time(OutboxClock *clock, int64_t wall, int64_t steady)
{
	int64_t shown = wall - steady;

	if (clock->offset == 0 || is_near(shown, clock->offset))
	{
		clock->offset = shown;
		clock->odd_since = 0;
	}
	else if (clock->odd_since == 0 || !is_near(shown, clock->odd))
	{
		clock->odd = shown;
		clock->odd_since = steady;
	}
	else if (steady - clock->odd_since >= OUTBOX_CLOCK_TRUST)
	{
		clock->offset = shown;
		clock->odd_since = 0;
	}
	return steady + clock->offset;
}

int64_t
outbox_age(int64_t queued, int64_t seen, int64_t time, int64_t steady)
{
	int64_t known = steady - seen;
	int64_t age = time - queued;

	return age > known ? age : known;
}
