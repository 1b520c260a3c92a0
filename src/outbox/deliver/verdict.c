/*-------------------------------------------------------------------------
 *
 * verdict.c
 *	  What an attempt that has ended means for its request.
 *
 * Final are the gate's judgements of the request itself; see rtm_code_class().
 *
 *-------------------------------------------------------------------------
 */
#include "outbox/deliver/verdict.h"

#include "fpnn/code.h"

OutboxScope
outbox_scope(int code)
{
	switch (code)
	{
		case RTM_CODE_FREQUENCY:
		case RTM_CODE_REFRESH:
			return OUTBOX_SCOPE_LIMIT;
		case FPNN_CODE_QUEUE_FULL:
		case FPNN_CODE_STOPPING:
		case RTM_CODE_INVALID_PID:
		case RTM_CODE_INVALID_SIGN:
		case RTM_CODE_SAME_SIGN:
		case RTM_CODE_INVALID_TIME:
			return OUTBOX_SCOPE_LANE;
		default:
			return OUTBOX_SCOPE_REQUEST;
	}
}

bool
outbox_refused_unseen(int code)
{
	return outbox_scope(code) != OUTBOX_SCOPE_REQUEST;
}

/* May the attempt be made again, as far as its kind goes? */
static bool
may_repeat(const OutboxAttempt *attempt)
{
	return rtm_kinds[attempt->kind].repeat != RTM_REPEAT_NEVER ||
		   (attempt->answered && outbox_refused_unseen(attempt->code));
}

/* The gate has a message with the mid. */
static OutboxVerdict
judge_duplicate(const OutboxAttempt *attempt)
{
	if (rtm_kinds[attempt->kind].done_code != attempt->code)
		return OUTBOX_VERDICT_FAILED;
	return attempt->maybe_sent || attempt->mid_made ? OUTBOX_VERDICT_LOOK : OUTBOX_VERDICT_FAILED;
}

OutboxVerdict
outbox_judge(const OutboxAttempt *attempt)
{
	if (attempt->code == 0)
		return OUTBOX_VERDICT_DONE;
	switch (rtm_code_class(attempt->code))
	{
		case RTM_CLASS_DUPLICATE:
			return judge_duplicate(attempt);
		case RTM_CLASS_FINAL:
			return attempt->maybe_sent && rtm_kinds[attempt->kind].done_code == attempt->code
					   ? OUTBOX_VERDICT_DONE
					   : OUTBOX_VERDICT_FAILED;
		case RTM_CLASS_PASSING:
			break;
	}
	return may_repeat(attempt) && !attempt->exhausted ? OUTBOX_VERDICT_LATER
													  : OUTBOX_VERDICT_FAILED;
}

OutboxVerdict
outbox_judge_found(RtmFound found, const OutboxAttempt *attempt)
{
	if (found == RTM_FOUND_SAME || (found == RTM_FOUND_NOTHING && attempt->maybe_sent))
		return OUTBOX_VERDICT_DONE;
	return attempt->mid_made && !attempt->exhausted ? OUTBOX_VERDICT_NEW_MID
													: OUTBOX_VERDICT_FAILED;
}
