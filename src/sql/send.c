/*-------------------------------------------------------------------------
 *
 * send.c
 *	  SQL functions that send messages.
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

#include "client/error.h"
#include "sql/ask.h"

/* The mtime of a message that the gate knows. */
static bool
read_mtime(const RtmCall *sent, const RtmRequest *request, int64 *mtime)
{
	RtmCall call = {
		.server = sent->server, .method = "getmsg", .timeout = sent->timeout, .idempotent = true};
	StringInfoData params;
	RtmAnswer	  *answer;
	int			   nparams;
	int64_t		   value;

	initStringInfo(&params);
	rtm_encode_lookup(request->method->conversation, request->mid, rtm_request_int(request, "from"),
					  rtm_request_target(request), &params, &nparams);
	answer = rtm_call(&call, &params, nparams);
	if (answer->code != 0 || fpnn_map_int(answer->map, "mtime", &value) != FPNN_OK)
		return false;
	*mtime = value;
	return true;
}

/*
 * The message was delivered, but the answer that had its mtime was lost.  The
 * message can't be taken back, so no failure here may look as if it hadn't
 * been sent: false when the mtime can't be had.  An interrupt goes on.
 */
static bool
recover_mtime(const RtmCall *sent, const RtmRequest *request, int64 *mtime)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool found = false;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		found = read_mtime(sent, request, mtime);
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

	if (error && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	return found;
}

Datum
rtm_ask_send(FunctionCallInfo fcinfo, RtmFunction *function)
{
	RtmCall	   call;
	RtmRequest request;
	RtmAnswer *answer;
	RtmResult  result;
	int64	   mtime;

	rtm_ask_begin(fcinfo, function, &call, &request);
	answer = rtm_call(&call, &request.params, request.nparams);
	result = rtm_result_of(&request, answer->code == 0 ? answer : NULL, function->name);
	if (answer->code == RTM_CODE_DUPLICATE_MID && answer->resent && request.mid_made)
	{
		if (recover_mtime(&call, &request, &mtime))
			result.mtime = rtm_column(Int64GetDatum(mtime));
	}
	else if (answer->code != 0)
		rtm_raise_answer(answer, function->name);
	return rtm_ask_result(fcinfo, function, &result);
}
