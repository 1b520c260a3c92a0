/*-------------------------------------------------------------------------
 *
 * methods.c
 *	  The method catalogue as rows: rtm_methods().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "fpnn/catalog.h"
#include "method/answer.h"
#include "method/function.h"

/* As pg_get_function_identity_arguments() writes those of the SQL function. */
static char *
list_arguments(const RtmMethod *method)
{
	StringInfoData list;

	initStringInfo(&list);
	for (const RtmParam *p = method->params; p->type != RTM_PARAM_END; p++)
		appendStringInfo(&list, "%s %s, ", p->name, rtm_param_types[p->type].sql);
	appendStringInfoString(&list, "timeout double precision, server text");
	return list.data;
}

static NullableDatum
text_column(const char *text)
{
	if (text == NULL)
		return rtm_null_column();
	return rtm_column(CStringGetTextDatum(text));
}

PG_FUNCTION_INFO_V1(rtm_sql_methods);

Datum
rtm_sql_methods(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *method = &rtm_methods[i];
		NullableDatum	 columns[] = {
			   text_column(rtm_function_name(method, "")),
			   text_column(method->method),
			   text_column(rtm_method_traits(method)->name),
			   text_column(rtm_conversation_name(method->conversation)),
			   text_column(list_arguments(method)),
		   };

		if (method->kind != RTM_KIND_LISTEN)
			tuplestore_puttuple(result->setResult,
								rtm_form_tuple(result->setDesc, columns, lengthof(columns)));
	}
	return (Datum) 0;
}
