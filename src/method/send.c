/*-------------------------------------------------------------------------
 *
 * send.c
 *	  Messages are sent, and the caller waits.
 *
 * A gate that knows the mid of a message (200053) says that there is one, not whose
 * it is.  At the first asking it can't be ours; at the second one, after the answer
 * to the first was lost, it is looked at.  Somebody else's costs a mid that was made
 * here, and another is made; one that was given is an error.
 *
 * Everything is allocated in the caller's memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "client/error.h"
#include "client/mid.h"
#include "fpnn/known.h"
#include "method/send.h"

/* so many times in a row a gate may know a mid that was just made */
#define MAX_MIDS 5

/*
 * Ask for the message that the gate has under the request's mid.  Sets *mtime unless it
 * is another one.  Raises FP202 when the gate has passing trouble: it didn't say.
 */
static RtmFound
look(const RtmCall *sent, const RtmRequest *request, int64 *mtime)
{
	RtmCall		   call = {.server = sent->server,
						   .method = "getmsg",
						   .timeout = sent->timeout,
						   .idempotent = true,
						   .role = sent->role};
	StringInfoData params;
	RtmAnswer	  *answer;
	RtmFound	   found;
	int			   nparams;
	int64_t		   value;

	initStringInfo(&params);
	rtm_encode_lookup(request->method->conversation, request->mid, rtm_request_int(request, "from"),
					  rtm_request_target(request), &params, &nparams);
	answer = rtm_call(&call, &params, nparams);
	if (answer->code != 0 && rtm_code_class(answer->code) == RTM_CLASS_PASSING)
		rtm_raise_answer(answer, "getmsg");
	if (answer->code != 0)
		return RTM_FOUND_NOTHING;
	found = rtm_compare_known((const uint8 *) request->params.data, request->params.len,
							  answer->map);
	if (found != RTM_FOUND_OTHER && fpnn_map_int(answer->map, "mtime", &value) == FPNN_OK)
		*mtime = value;
	return found;
}

/* The connection was lost, and with it whether the message has arrived. */
pg_noreturn static void
raise_unknown(const char *what, const ErrorData *error)
{
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError((ErrorData *) error);
	rtm_raise_code(FPNN_CODE_CLOSED,
				   psprintf("%s: it is not known whether the message has arrived", what),
				   psprintf("The connection was lost, then the gate said that it knows the mid; "
							"its message could not be looked at: %s.",
							error->message),
				   "Look at the conversation's history before sending it again.");
	pg_unreachable();
}

/*
 * Look at the message, so that an error is none of a message that wasn't sent: the
 * connection that can't be made now had been there.
 */
static RtmFound
look_safely(const char *what, const RtmCall *sent, const RtmRequest *request, int64 *mtime)
{
	MemoryContext	  context = CurrentMemoryContext;
	ResourceOwner	  owner = CurrentResourceOwner;
	volatile RtmFound found = RTM_FOUND_NOTHING;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		found = look(sent, request, mtime);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error)
		raise_unknown(what, error);
	return found;
}

/* What is left of a call's time after the first asking; 0: the setting's, as before. */
static double
time_left(double timeout, TimestampTz begun)
{
	double used = (GetCurrentTimestamp() - begun) / 1000000.0;

	return timeout == 0 ? 0 : Max(timeout - used, 0.001);
}

/*
 * The answer to a message's first asking, and those to others when it takes more than
 * one mid.  *known: it has arrived under that mid before.
 */
static RtmAnswer *
finish(RtmAnswer *answer, RtmCall *call, RtmRequest *request, const char *what, TimestampTz begun,
	   bool *known, int64 *mtime)
{
	double timeout = call->timeout;

	*known = false;
	for (int n = 1; answer->code == RTM_CODE_DUPLICATE_MID; n++)
	{
		call->timeout = time_left(timeout, begun);
		if (answer->resent && look_safely(what, call, request, mtime) != RTM_FOUND_OTHER)
			*known = true;
		if (*known || !request->mid_made || n == MAX_MIDS)
			break;
		rtm_encode_mid(request, rtm_new_mid_instead(request->mid));
		answer = rtm_call(call, &request->params, request->nparams);
	}
	return answer;
}

/* What came of it. */
static RtmResult
result_of(const RtmAnswer *answer, const RtmRequest *request, const char *what, bool known,
		  int64 mtime)
{
	RtmResult result;

	if (answer->code != 0 && !known)
		rtm_raise_answer(answer, what);
	result = rtm_result_of(request, answer->code == 0 ? answer : NULL, what);
	if (mtime != 0)
		result.mtime = rtm_column(Int64GetDatum(mtime));
	return result;
}

RtmResult
rtm_send(RtmCall *call, RtmRequest *request, const char *what)
{
	TimestampTz begun = GetCurrentTimestamp();
	RtmAnswer  *answer = rtm_call(call, &request->params, request->nparams);
	bool		known;
	int64		mtime = 0;

	answer = finish(answer, call, request, what, begun, &known, &mtime);
	return result_of(answer, request, what, known, mtime);
}

RtmAnswer *
rtm_send_end(RtmAsk *ask, const RtmCall *sent, RtmRequest *request, const char *what)
{
	RtmCall	   call = *sent;
	RtmAnswer *answer = rtm_ask_wait(ask);
	bool	   known;
	int64	   mtime = 0;

	answer = finish(answer, &call, request, what, GetCurrentTimestamp(), &known, &mtime);
	return answer->code == 0 || known ? NULL : answer;
}
