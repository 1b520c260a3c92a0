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
#include "sql/answer.h"

static const char *
kind_name(RtmKind kind)
{
	switch (kind)
	{
		case RTM_KIND_SEND:
			return "send";
		case RTM_KIND_HISTORY:
			return "history";
		case RTM_KIND_DELETE:
			return "delete";
		case RTM_KIND_INFO:
			return "info";
		default:
			return NULL; /* no SQL function does such a thing */
	}
}

static const char *
conversation_name(RtmConversation conversation)
{
	switch (conversation)
	{
		case RTM_P2P:
			return "p2p";
		case RTM_GROUP:
			return "group";
		case RTM_ROOM:
			return "room";
		case RTM_BROADCAST:
			return "broadcast";
		case RTM_NO_CONVERSATION:
			break;
	}
	return NULL;
}

static const char *
type_name(RtmParamType type)
{
	switch (type)
	{
		case RTM_PARAM_UID:
		case RTM_PARAM_ID:
		case RTM_PARAM_NEW_MID:
		case RTM_PARAM_MID:
		case RTM_PARAM_CURSOR:
			return "bigint";
		case RTM_PARAM_UIDS:
			return "bigint[]";
		case RTM_PARAM_MTYPE:
		case RTM_PARAM_NUM:
			return "integer";
		case RTM_PARAM_MTYPES:
			return "integer[]";
		case RTM_PARAM_MSG:
		case RTM_PARAM_ATTRS:
			return "text";
		case RTM_PARAM_DESC:
			return "boolean";
		default:
			return NULL; /* no SQL function has such a one */
	}
}

/* As pg_get_function_identity_arguments() writes those of the SQL function. */
static char *
list_arguments(const RtmMethod *method)
{
	StringInfoData list;

	initStringInfo(&list);
	for (const RtmParam *p = method->params; p->type != RTM_PARAM_END; p++)
		appendStringInfo(&list, "%s %s, ", p->name, type_name(p->type));
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

	for (int i = 0; i < RTM_NUM_CALLS; i++)
	{
		const RtmMethod *method = &rtm_methods[i];
		NullableDatum	 columns[] = {
			   text_column(rtm_function_name(method, "")),
			   text_column(method->method),
			   text_column(kind_name(method->kind)),
			   text_column(conversation_name(method->conversation)),
			   text_column(list_arguments(method)),
		   };

		tuplestore_puttuple(result->setResult,
							rtm_form_tuple(result->setDesc, columns, lengthof(columns)));
	}
	return (Datum) 0;
}
