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
#include "method/function.h"
#include "method/result.h"
#include "outbox/after/invoke.h"
#include "outbox/record/callback.h"

/* What the request came to, before the error: how many arguments. */
static int
result_args(const OutboxDue *due, const Oid *types, NullableDatum *args)
{
	RtmResult result = {.method = due->method, .mid = due->mid, .mtime = due->mtime};
	int64_t	  uid = 0;
	int64_t	  ouid = 0;

	result.reader.what = due->method ? rtm_function_name(due->method, "_async") : "rtm_call_async";
	if (!due->failed && !due->answer.isnull)
	{
		struct varlena *answer = PG_DETOAST_DATUM(due->answer.value);
		struct varlena *packed = PG_DETOAST_DATUM(due->params);
		RtmAnswer *params = rtm_unpack(VARDATA(packed), VARSIZE(packed) - VARHDRSZ, due->nparams);

		fpnn_map_int(params->map, "uid", &uid);
		fpnn_map_int(params->map, "ouid", &ouid);
		result.reader.answer = rtm_unpack(VARDATA(answer), VARSIZE(answer) - VARHDRSZ, -1);
	}
	result.uid = uid;
	result.ouid = ouid;
	return rtm_callback_args(&result, types, args);
}

void
outbox_invoke(const OutboxDue *due, Oid role)
{
	LOCAL_FCINFO(fcinfo, RTM_MAX_CALLBACK_ARGS);
	Oid		 types[RTM_MAX_CALLBACK_ARGS];
	FmgrInfo function;
	int		 n;

	outbox_check_callback(due->function, due->method, role);
	(void) outbox_callback_types(due->method, types);
	fmgr_info(due->function, &function);
	n = result_args(due, types, fcinfo->args);
	fcinfo->args[n] = rtm_null_column();
	if (due->failed)
	{
		TupleDesc desc = lookup_rowtype_tupdesc_copy(types[n], -1);

		fcinfo->args[n] = rtm_column(
			heap_copy_tuple_as_datum(rtm_error_tuple(due->code, due->error, desc), desc));
	}
	InitFunctionCallInfoData(*fcinfo, &function, n + 1, InvalidOid, NULL, NULL);

	/* a strict function isn't called with a null, as anywhere else */
	if (function.fn_strict)
		for (int i = 0; i <= n; i++)
			if (fcinfo->args[i].isnull)
				return;
	(void) FunctionCallInvoke(fcinfo);
}
