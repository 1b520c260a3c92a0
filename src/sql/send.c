/*-------------------------------------------------------------------------
 *
 * send.c
 *	  SQL functions that send messages.
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
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "client/error.h"
#include "client/mid.h"
#include "fpnn/known.h"
#include "sql/ask.h"

/* so many times in a row a gate may know a mid that was just made */
#define MAX_MIDS 5

/*
 * Ask for the message that the gate has under the request's mid.  Sets *mtime unless it
 * is another one.  Raises FP202 when the gate has passing trouble: it didn't say.
 */
static RtmFound
look(const RtmCall *sent, const RtmRequest *request, int64 *mtime)
{
	RtmCall call = {
		.server = sent->server, .method = "getmsg", .timeout = sent->timeout, .idempotent = true};
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
raise_unknown(const RtmFunction *function, const ErrorData *error)
{
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError((ErrorData *) error);
	rtm_raise_code(FPNN_CODE_CLOSED,
				   psprintf("%s: it is not known whether the message has arrived", function->name),
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
look_safely(const RtmFunction *function, const RtmCall *sent, const RtmRequest *request,
			int64 *mtime)
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
		raise_unknown(function, error);
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
 * Send, with as many mids as it takes.  The answer says 200053 only for a message
 * that has arrived: *mtime is then when, 0 when the service doesn't keep it.
 */
static RtmAnswer *
send_once(const RtmFunction *function, RtmCall *call, RtmRequest *request, int64 *mtime)
{
	TimestampTz begun = GetCurrentTimestamp();
	double		timeout = call->timeout;

	for (int n = 1;; n++)
	{
		RtmAnswer *answer = rtm_call(call, &request->params, request->nparams);

		if (answer->code != RTM_CODE_DUPLICATE_MID)
			return answer;
		call->timeout = time_left(timeout, begun);
		if (answer->resent && look_safely(function, call, request, mtime) != RTM_FOUND_OTHER)
			return answer;
		if (!request->mid_made || n == MAX_MIDS)
			rtm_raise_answer(answer, function->name);
		rtm_encode_mid(request, rtm_new_mid_instead(request->mid));
	}
}

Datum
rtm_ask_send(FunctionCallInfo fcinfo, RtmFunction *function)
{
	RtmCall	   call;
	RtmRequest request;
	RtmAnswer *answer;
	RtmResult  result;
	int64	   mtime = 0;

	rtm_ask_begin(fcinfo, function, &call, &request);
	answer = send_once(function, &call, &request, &mtime);
	if (answer->code != 0 && answer->code != RTM_CODE_DUPLICATE_MID)
		rtm_raise_answer(answer, function->name);
	result = rtm_result_of(&request, answer->code == 0 ? answer : NULL, function->name);
	if (mtime != 0)
		result.mtime = rtm_column(Int64GetDatum(mtime));
	return rtm_ask_result(fcinfo, function, &result);
}
