/*-------------------------------------------------------------------------
 *
 * send.c
 *	  SQL functions that send and delete messages.
 *
 * One C function per CREATE FUNCTION, at the end; they differ in the row of
 * the catalogue only.  Everything is allocated in the caller's memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "method/answer.h"
#include "method/argument.h"
#include "method/encode.h"

/* Encode the method's arguments, read those behind them, ask. */
static RtmAnswer *
ask(FunctionCallInfo fcinfo, RtmMethodId id, bool binary, RtmCall *call, RtmRequest *request)
{
	const RtmMethod *method = &rtm_methods[id];
	int				 nargs = rtm_method_nparams(method);

	rtm_common_args(&fcinfo->args[nargs], &fcinfo->args[nargs + 1], call);
	rtm_encode(request, method, fcinfo->args, binary);
	call->method = method->method;

	/*
	 * A second send with a mid that is ours alone is harmless: the gate refuses
	 * it.  With a mid that the caller chose, its refusal wouldn't tell whether
	 * the message it knows is this one.
	 */
	call->idempotent = method->kind == RTM_KIND_DELETE || request->mid_made;
	return rtm_call(call, &request->params, request->nparams);
}

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
	rtm_encode_lookup(request, &params, &nparams);
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

static Datum
send_message(FunctionCallInfo fcinfo, RtmMethodId id, bool binary)
{
	RtmCall		  call;
	RtmRequest	  request;
	RtmReader	  reader;
	RtmAnswer	 *answer = ask(fcinfo, id, binary, &call, &request);
	NullableDatum columns[2];
	int64		  mtime = 0;
	bool		  has_mtime = true;

	if (answer->code == RTM_CODE_DUPLICATE_MID && answer->resent && request.mid_made)
		has_mtime = recover_mtime(&call, &request, &mtime);
	else if (answer->code != 0)
		rtm_raise_answer(answer, rtm_function_name(request.method, ""));
	else
	{
		reader.answer = answer;
		reader.what = rtm_function_name(request.method, "");
		mtime = rtm_read_int(&reader, "mtime");
	}

	columns[0] = rtm_column(Int64GetDatum(request.mid));
	columns[1] = has_mtime ? rtm_column(Int64GetDatum(mtime)) : rtm_null_column();
	return HeapTupleGetDatum(rtm_form_tuple(rtm_result_desc(fcinfo), columns, lengthof(columns)));
}

static Datum
delete_message(FunctionCallInfo fcinfo, RtmMethodId id)
{
	RtmCall	   call;
	RtmRequest request;
	RtmAnswer *answer = ask(fcinfo, id, false, &call, &request);

	/* not found at the second asking: the first one deleted it */
	if (answer->code != 0 && !(answer->code == RTM_CODE_NOT_FOUND && answer->resent))
		rtm_raise_answer(answer, rtm_function_name(request.method, ""));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(rtm_sql_send_message);
PG_FUNCTION_INFO_V1(rtm_sql_send_message_binary);
PG_FUNCTION_INFO_V1(rtm_sql_send_messages);
PG_FUNCTION_INFO_V1(rtm_sql_send_messages_binary);
PG_FUNCTION_INFO_V1(rtm_sql_send_group_message);
PG_FUNCTION_INFO_V1(rtm_sql_send_group_message_binary);
PG_FUNCTION_INFO_V1(rtm_sql_send_room_message);
PG_FUNCTION_INFO_V1(rtm_sql_send_room_message_binary);
PG_FUNCTION_INFO_V1(rtm_sql_broadcast_message);
PG_FUNCTION_INFO_V1(rtm_sql_broadcast_message_binary);
PG_FUNCTION_INFO_V1(rtm_sql_delete_p2p_message);
PG_FUNCTION_INFO_V1(rtm_sql_delete_group_message);
PG_FUNCTION_INFO_V1(rtm_sql_delete_room_message);
PG_FUNCTION_INFO_V1(rtm_sql_delete_broadcast_message);

Datum
rtm_sql_send_message(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_MESSAGE, false);
}

Datum
rtm_sql_send_message_binary(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_MESSAGE, true);
}

Datum
rtm_sql_send_messages(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_MESSAGES, false);
}

Datum
rtm_sql_send_messages_binary(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_MESSAGES, true);
}

Datum
rtm_sql_send_group_message(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_GROUP_MESSAGE, false);
}

Datum
rtm_sql_send_group_message_binary(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_GROUP_MESSAGE, true);
}

Datum
rtm_sql_send_room_message(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_ROOM_MESSAGE, false);
}

Datum
rtm_sql_send_room_message_binary(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_SEND_ROOM_MESSAGE, true);
}

Datum
rtm_sql_broadcast_message(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_BROADCAST_MESSAGE, false);
}

Datum
rtm_sql_broadcast_message_binary(PG_FUNCTION_ARGS)
{
	return send_message(fcinfo, RTM_BROADCAST_MESSAGE, true);
}

Datum
rtm_sql_delete_p2p_message(PG_FUNCTION_ARGS)
{
	return delete_message(fcinfo, RTM_DELETE_P2P_MESSAGE);
}

Datum
rtm_sql_delete_group_message(PG_FUNCTION_ARGS)
{
	return delete_message(fcinfo, RTM_DELETE_GROUP_MESSAGE);
}

Datum
rtm_sql_delete_room_message(PG_FUNCTION_ARGS)
{
	return delete_message(fcinfo, RTM_DELETE_ROOM_MESSAGE);
}

Datum
rtm_sql_delete_broadcast_message(PG_FUNCTION_ARGS)
{
	return delete_message(fcinfo, RTM_DELETE_BROADCAST_MESSAGE);
}
