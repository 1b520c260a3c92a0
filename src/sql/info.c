/*-------------------------------------------------------------------------
 *
 * info.c
 *	  SQL functions that look one message up.
 *
 * Everything is allocated in the caller's memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"

#include "method/answer.h"
#include "method/argument.h"
#include "method/encode.h"
#include "method/result.h"

HeapTuple
rtm_info_tuple(const RtmReader *reader, TupleDesc desc)
{
	NullableDatum columns[6];

	columns[0] = rtm_column(Int64GetDatum(rtm_read_int(reader, "id")));
	columns[1] = rtm_column(Int32GetDatum(rtm_read_int32(reader, "mtype")));
	rtm_read_body(reader, "msg", &columns[2], &columns[5]);
	rtm_read_body(reader, "attrs", &columns[3], NULL);
	columns[4] = rtm_column(Int64GetDatum(rtm_read_int(reader, "mtime")));
	return rtm_form_tuple(desc, columns, lengthof(columns));
}

/* One row, or none when the gate doesn't know the message. */
static Datum
message_info(FunctionCallInfo fcinfo, RtmMethodId id)
{
	const RtmMethod *method = &rtm_methods[id];
	int				 nargs = rtm_method_nparams(method);
	RtmCall			 call = {.method = method->method, .idempotent = true};
	RtmRequest		 request;
	RtmReader		 reader;
	ReturnSetInfo	*result;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;

	rtm_common_args(&fcinfo->args[nargs], &fcinfo->args[nargs + 1], &call);
	rtm_encode(&request, method, fcinfo->args, false);
	reader.answer = rtm_call(&call, &request.params, request.nparams);
	reader.what = rtm_function_name(method, "");
	if (reader.answer->code == RTM_CODE_NOT_FOUND)
		return (Datum) 0;
	if (reader.answer->code != 0)
		rtm_raise_answer(reader.answer, reader.what);

	tuplestore_puttuple(result->setResult, rtm_info_tuple(&reader, result->setDesc));
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(rtm_sql_get_p2p_message_info);
PG_FUNCTION_INFO_V1(rtm_sql_get_group_message_info);
PG_FUNCTION_INFO_V1(rtm_sql_get_room_message_info);
PG_FUNCTION_INFO_V1(rtm_sql_get_broadcast_message_info);

Datum
rtm_sql_get_p2p_message_info(PG_FUNCTION_ARGS)
{
	return message_info(fcinfo, RTM_GET_P2P_MESSAGE_INFO);
}

Datum
rtm_sql_get_group_message_info(PG_FUNCTION_ARGS)
{
	return message_info(fcinfo, RTM_GET_GROUP_MESSAGE_INFO);
}

Datum
rtm_sql_get_room_message_info(PG_FUNCTION_ARGS)
{
	return message_info(fcinfo, RTM_GET_ROOM_MESSAGE_INFO);
}

Datum
rtm_sql_get_broadcast_message_info(PG_FUNCTION_ARGS)
{
	return message_info(fcinfo, RTM_GET_BROADCAST_MESSAGE_INFO);
}
