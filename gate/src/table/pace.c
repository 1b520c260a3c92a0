/*-------------------------------------------------------------------------
 *
 * pace.c
 *	  Log lines that somebody outside could cause without end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "host.h"
#include "table/pace.h"

#define PERIOD_MS 60000
#define MAX_LINES 10

bool
gate_pace(GatePace *pace, int *left_out)
{
	int64 now = rtm_now_ms();

	if (pace->began == 0 || now - pace->began >= PERIOD_MS)
	{
		pace->began = now;
		pace->lines = 0;
	}
	if (pace->lines >= MAX_LINES)
	{
		pace->left_out++;
		return false;
	}
	pace->lines++;
	*left_out = pace->left_out;
	pace->left_out = 0;
	return true;
}

const char *
gate_pace_text(int left_out)
{
	return left_out == 0 ? "" : psprintf(" %d lines like this one were left out before.", left_out);
}
