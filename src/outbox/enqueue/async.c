/*-------------------------------------------------------------------------
 *
 * async.c
 *	  SQL functions that queue a call: rtm_..._async(), rtm_call_async().
 *
 * The arguments are checked and packed here, by the code that the synchronous
 * functions use; everything else about the call is left to the sender.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "client/peer.h"
#include "outbox/enqueue/async.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/record/callback.h"
#include "method/argument.h"
#include "method/encode.h"
#include "method/function.h"
#include "method/jsonb.h"

/* The time of an argument; 0: it is NULL. */
static TimestampTz
time_arg(const NullableDatum *arg)
{
	TimestampTz time = arg->isnull ? 0 : DatumGetTimestampTz(arg->value);

	/* the one time that the rows have no word for */
	return time == 0 && !arg->isnull ? 1 : time;
}

/*
 * send_at and expires_at.  What is due already has no send_at: nobody has to look for it.
 */
static void
read_times(const NullableDatum *args, OutboxRow *row)
{
	row->send_at = time_arg(&args[0]);
	row->expires_at = time_arg(&args[1]);
	if (row->send_at != 0 && row->send_at >= OUTBOX_LAST_SEND_AT)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("send_at is out of range: \"%s\"", timestamptz_to_str(row->send_at)),
						errhint("A request that is never to be sent needn't be queued.")));
	if (row->send_at != 0 && row->expires_at != 0 && row->expires_at <= row->send_at)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("expires_at is not later than send_at"),
						errhint("A request that has expired is not sent.")));
}

/*
 * callback, timeout, server, send_at, expires_at and urgent; the row's owner is the current role.  A server
 * that no call could ask, for its wrapper, its mapping or its options, is refused
 * as a call that waits refuses it; no connection is made.
 */
static void
read_common_args(const NullableDatum *args, const RtmMethod *method, OutboxRow *row)
{
	RtmCall call;

	rtm_common_args(&args[1], &args[2], &call);
	row->owner = GetUserId();
	row->server = rtm_peer(call.server, row->owner)->server;
	row->timeout = call.timeout;
	if (!args[0].isnull)
	{
		row->callback = DatumGetObjectId(args[0].value);
		outbox_check_callback(row->callback, method, row->owner);
	}
	read_times(&args[3], row);
	row->urgent = !args[5].isnull && DatumGetBool(args[5].value);
}

static int64
enqueue(OutboxRow *row, const char *call, const char *method, StringInfo params, int nparams)
{
	if (params->len > FPNN_MAX_FRAME)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the quest \"%s\" is too large", method),
						errdetail("A whole frame has at most %zu bytes.", FPNN_MAX_FRAME)));
	row->call = call;
	row->call_len = (int) strlen(call);
	row->method = method;
	row->method_len = (int) strlen(method);
	row->params = params->data;
	row->params_len = params->len;
	row->nparams = nparams;
	row->enqueued_at = GetCurrentTimestamp();
	outbox_enqueue(row);
	return row->id;
}

static void
set_conversation(OutboxRow *row, RtmConversationKey key)
{
	row->conversation = key.type;
	row->key_a = key.a;
	row->key_b = key.b;
}

int64
outbox_enqueue_request(OutboxRow *row, RtmRequest *request)
{
	row->id = outbox_new_id();
	if (rtm_method_alone(request->method))
		request->key.b = row->id;
	set_conversation(row, request->key);
	if (request->key.b == RTM_SEVERAL)
	{
		row->recipients = request->recipients;
		row->nrecipients = request->nrecipients;
	}
	row->mid = request->mid;
	row->mid_made = request->mid_made;
	return enqueue(row, request->method->call, request->method->method, &request->params,
				   request->nparams);
}

PG_FUNCTION_INFO_V1(rtm_sql_async);

Datum
rtm_sql_async(PG_FUNCTION_ARGS)
{
	const RtmFunction *function = rtm_function(fcinfo);
	const RtmMethod	  *method = function->method;
	OutboxRow		   row = {0};
	RtmRequest		   request;

	outbox_check_enqueue(psprintf("%s()", function->name));
	read_common_args(&fcinfo->args[function->nargs], method, &row);
	rtm_encode(&request, method, fcinfo->args, function->binary);
	PG_RETURN_INT64(outbox_enqueue_request(&row, &request));
}

/* RtmFindInt, of a Jsonb: false when the field is no whole number. */
static bool
int_field(const void *params, const char *key, int64_t *value)
{
	JsonbContainer *root = (JsonbContainer *) &((const Jsonb *) params)->root;
	JsonbValue	   *v = getKeyJsonValueFromContainer(root, key, (int) strlen(key), NULL);
	int64			number;

	if (v == NULL || v->type != jbvNumeric || !rtm_whole_number(v->val.numeric, &number))
		return false;
	*value = number;
	return true;
}

PG_FUNCTION_INFO_V1(rtm_sql_call_async);

Datum
rtm_sql_call_async(PG_FUNCTION_ARGS)
{
	OutboxRow	   row = {0};
	StringInfoData params;
	int			   nparams = 0;
	char		  *method;

	outbox_check_enqueue("rtm_call_async()");
	method = rtm_method_arg(&fcinfo->args[0]);
	read_common_args(&fcinfo->args[2], NULL, &row);
	row.id = outbox_new_id();
	initStringInfo(&params);
	if (!PG_ARGISNULL(1))
	{
		Jsonb *jsonb = PG_GETARG_JSONB_P(1);

		nparams = rtm_pack_jsonb(jsonb, &params);
		set_conversation(&row, rtm_conversation_of_any(method, int_field, jsonb));
	}
	PG_RETURN_INT64(enqueue(&row, "call", method, &params, nparams));
}
