/*-------------------------------------------------------------------------
 *
 * ask.c
 *	  The SQL functions that ask the gate and wait, of all methods.
 *
 * One C function for all of them: the catalogue says what is packed, and what is
 * returned.  Everything is allocated in the caller's memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"

#include "client/error.h"
#include "method/argument.h"
#include "method/result.h"
#include "method/send.h"
#include "sql/ask.h"

void
rtm_ask_begin(FunctionCallInfo fcinfo, const RtmFunction *function, RtmCall *call,
			  RtmRequest *request)
{
	const NullableDatum *common = &fcinfo->args[function->nargs];

	memset(call, 0, sizeof(*call));
	rtm_common_args(&common[0], &common[1], call);
	rtm_encode(request, function->method, fcinfo->args, function->binary);
	call->method = function->method->method;

	/*
	 * A second send with a mid that is ours alone is harmless: the gate refuses
	 * it.  With a mid that the caller chose, its refusal wouldn't tell whether
	 * the message it knows is this one.
	 */
	call->idempotent = rtm_method_repeatable(function->method, request->mid_made);
}

/* The function's result: nothing, the one column, or a row. */
static Datum
ask_result(FunctionCallInfo fcinfo, RtmFunction *function, const RtmResult *result)
{
	const RtmField *fields = rtm_method_fields(function->method);
	NullableDatum	column;
	Oid				type;

	if (fields[0].type == RTM_FIELD_END)
		PG_RETURN_VOID();
	if (fields[1].type != RTM_FIELD_END)
		return HeapTupleGetDatum(rtm_result_tuple(result, rtm_function_desc(function, fcinfo)));
	(void) get_call_result_type(fcinfo, &type, NULL);
	(void) rtm_result_columns(result, &type, &column);
	fcinfo->isnull = column.isnull;
	return column.value;
}

/* Does the answer say that the quest, sent a second time, had been carried out? */
static bool
means_done(const RtmFunction *function, const RtmAnswer *answer)
{
	return answer->resent && answer->code == rtm_method_traits(function->method)->done_code;
}

/* One answer; of a function that returns a set, none when there is no such message. */
static Datum
ask(FunctionCallInfo fcinfo, RtmFunction *function)
{
	RtmCall			 call;
	RtmRequest		 request;
	const RtmAnswer *answer;
	RtmResult		 result;
	ReturnSetInfo	*set = (ReturnSetInfo *) fcinfo->resultinfo;

	if (fcinfo->flinfo->fn_retset)
		InitMaterializedSRF(fcinfo, 0);
	rtm_ask_begin(fcinfo, function, &call, &request);
	answer = rtm_call(&call, &request.params, request.nparams);
	if (answer->code == RTM_CODE_NOT_FOUND && fcinfo->flinfo->fn_retset)
		return (Datum) 0;
	if (answer->code != 0 && !means_done(function, answer))
		rtm_raise_answer(answer, function->name);

	result = rtm_result_of(&request, answer->code == 0 ? answer : NULL, function->name);
	if (!fcinfo->flinfo->fn_retset)
		return ask_result(fcinfo, function, &result);
	tuplestore_puttuple(set->setResult, rtm_result_tuple(&result, set->setDesc));
	return (Datum) 0;
}

/* A message, whose mid may have to be made anew. */
static Datum
send_message(FunctionCallInfo fcinfo, RtmFunction *function)
{
	RtmCall	   call;
	RtmRequest request;
	RtmResult  result;

	rtm_ask_begin(fcinfo, function, &call, &request);
	result = rtm_send(&call, &request, function->name);
	return ask_result(fcinfo, function, &result);
}

PG_FUNCTION_INFO_V1(rtm_sql_method);

Datum
rtm_sql_method(PG_FUNCTION_ARGS)
{
	RtmFunction *function = rtm_function(fcinfo);
	RtmKind		 kind = function->method->kind;

	/* kinds that take more than one quest; any other is one question, one answer */
	if (kind == RTM_KIND_SEND)
		return send_message(fcinfo, function);
	if (kind == RTM_KIND_HISTORY && function->variant != RTM_VARIANT_PAGE)
		return rtm_ask_history(fcinfo, function);
	return ask(fcinfo, function);
}
