/*-------------------------------------------------------------------------
 *
 * invoke.c
 *	  The call of a callback: what it is told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "compat.h"
#include "method/encode.h"
#include "method/jsonb.h"
#include "method/result.h"
#include "method/unpack.h"
#include "outbox/after/invoke.h"
#include "outbox/record/callback.h"

static int64
param(const RtmAnswer *params, const char *key)
{
	int64_t value = 0;

	fpnn_map_int(params->map, key, &value);
	return value;
}

/* The answer as a value of a row type. */
static Datum
result_row(const OutboxDue *due, OutboxSignature signature, const RtmReader *reader, Oid type)
{
	TupleDesc		desc = lookup_rowtype_tupdesc_copy(type, -1);
	struct varlena *packed;
	RtmAnswer	   *params;

	if (signature == OUTBOX_INFO_CALLBACK)
		return heap_copy_tuple_as_datum(rtm_info_tuple(reader, desc), desc);
	packed = PG_DETOAST_DATUM(due->params);
	params = outbox_unpack(VARDATA(packed), VARSIZE(packed) - VARHDRSZ, due->nparams);
	return heap_copy_tuple_as_datum(
		rtm_history_tuple(reader, due->method, param(params, "uid"), param(params, "ouid"), desc),
		desc);
}

/* What the request came to, before the error. */
static int
result_args(const OutboxDue *due, OutboxSignature signature, const Oid *types, NullableDatum *args)
{
	RtmReader reader = {0};

	switch (signature)
	{
		case OUTBOX_SEND_CALLBACK:
			args[0] = rtm_column(Int64GetDatum(due->mid));
			args[1] = due->mtime;
			return 2;
		case OUTBOX_DELETE_CALLBACK:
			return 0;
		default:
			break;
	}
	args[0] = rtm_null_column();
	if (!due->failed && !due->answer.isnull)
	{
		struct varlena *packed = PG_DETOAST_DATUM(due->answer.value);

		reader.answer = outbox_unpack(VARDATA(packed), VARSIZE(packed) - VARHDRSZ, -1);
		reader.what = due->method ? rtm_function_name(due->method, "_async") : "rtm_call_async";
		args[0] = signature == OUTBOX_CALL_CALLBACK
					  ? rtm_column(JsonbPGetDatum(rtm_answer_jsonb(&reader)))
					  : rtm_column(result_row(due, signature, &reader, types[0]));
	}
	return 1;
}

void
outbox_invoke(const OutboxDue *due, Oid role)
{
	LOCAL_FCINFO(fcinfo, OUTBOX_MAX_CALLBACK_ARGS);
	OutboxSignature signature = outbox_signature(due->method);
	Oid				types[OUTBOX_MAX_CALLBACK_ARGS];
	FmgrInfo		function;
	int				n;

	outbox_check_callback(due->function, signature, role);
	(void) outbox_signature_types(signature, types);
	fmgr_info(due->function, &function);
	n = result_args(due, signature, types, fcinfo->args);
	fcinfo->args[n] = rtm_null_column();
	if (due->failed)
	{
		TupleDesc desc = lookup_rowtype_tupdesc_copy(types[n], -1);

		fcinfo->args[n] = rtm_column(
			heap_copy_tuple_as_datum(outbox_error_tuple(due->code, due->error, desc), desc));
	}
	InitFunctionCallInfoData(*fcinfo, &function, n + 1, InvalidOid, NULL, NULL);

	/* a strict function isn't called with a null, as anywhere else */
	if (function.fn_strict)
		for (int i = 0; i <= n; i++)
			if (fcinfo->args[i].isnull)
				return;
	(void) FunctionCallInvoke(fcinfo);
}
