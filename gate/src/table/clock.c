/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  The gate's times in milliseconds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/time.h>

#include "table/clock.h"

static int64 last_time; /* that gate_now() gave; of the gate's process */

int64
gate_clock(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return (int64) now.tv_sec * 1000 + now.tv_usec / 1000;
}

int64
gate_now(void)
{
	last_time = Max(last_time, gate_clock());
	return last_time;
}

void
gate_now_since(int64 mtime)
{
	last_time = Max(last_time, mtime);
}
