/*-------------------------------------------------------------------------
 *
 * any.c
 *	  The SQL function rtm_call(): a method by its name on the wire.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "client/error.h"
#include "method/argument.h"
#include "method/jsonb.h"

PG_FUNCTION_INFO_V1(rtm_sql_call);

Datum
rtm_sql_call(PG_FUNCTION_ARGS)
{
	RtmCall		   call = {.idempotent = rtm_method_repeatable(NULL, false)};
	RtmReader	   reader = {.what = "rtm_call"};
	StringInfoData params;
	int			   nparams = 0;

	call.method = rtm_method_arg(&fcinfo->args[0]);
	rtm_common_args(&fcinfo->args[2], &fcinfo->args[3], &call);
	initStringInfo(&params);
	if (!PG_ARGISNULL(1))
		nparams = rtm_pack_jsonb(PG_GETARG_JSONB_P(1), &params);
	reader.answer = rtm_call(&call, &params, nparams);
	if (reader.answer->code != 0)
		rtm_raise_answer(reader.answer, reader.what);
	PG_RETURN_JSONB_P(rtm_answer_jsonb(&reader));
}
