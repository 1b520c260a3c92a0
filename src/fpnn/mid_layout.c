/*-------------------------------------------------------------------------
 *
 * mid_layout.c
 *	  Message ids: which one comes next.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/mid_layout.h"

#define LOW_MASK	(FPNN_MID_STARTS - 1)
#define EPOCH_MS	INT64_C(1577836800000)				/* 2020-01-01 */
#define EARLIEST_MS (INT64_C(1767225600000) - EPOCH_MS) /* 2026-01-01: no clock is right before */

/* of 41 bits, with twelve days to borrow from; in 2089 */
#define LATEST_MS ((INT64_C(1) << 41) - (INT64_C(1) << 30))

static int64_t
time_part(int64_t now_ms)
{
	if (now_ms < EPOCH_MS + EARLIEST_MS)
		return EARLIEST_MS;
	if (now_ms > EPOCH_MS + LATEST_MS)
		return LATEST_MS;
	return now_ms - EPOCH_MS;
}

/* Where the run begins in a millisecond; any odd factor spreads the low bits. */
static uint32_t
begin_of_run(int64_t ms, uint32_t start)
{
	return (start + (uint32_t) ms * UINT32_C(2654435761)) & LOW_MASK;
}

static uint32_t
place_in_run(int64_t mid, uint32_t start)
{
	return ((uint32_t) mid - begin_of_run(mid >> FPNN_MID_SHIFT, start)) & LOW_MASK;
}

static int64_t
first_of(int64_t ms, uint32_t start)
{
	return ms << FPNN_MID_SHIFT | begin_of_run(ms, start);
}

bool
fpnn_mid_is_from(int64_t mid, uint32_t start)
{
	return place_in_run(mid, start) < FPNN_MID_RUN;
}

int64_t
fpnn_mid_next(int64_t last, uint32_t start, int64_t now_ms)
{
	int64_t ms = last >> FPNN_MID_SHIFT;
	int64_t now = time_part(now_ms);

	if (now > ms)
		return first_of(now, start);
	if (place_in_run(last, start) + 1 < FPNN_MID_RUN && (last & LOW_MASK) != LOW_MASK)
		return last + 1;

	/* the run is over, or the start is another one by now: the next millisecond's */
	return first_of(ms + 1, start);
}
