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

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "client/client_guc.h"
#include "client/lookup.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/record/callback.h"
#include "method/argument.h"
#include "method/encode.h"
#include "method/jsonb.h"

/* Which call an SQL function queues; kept with the function. */
typedef struct AsyncCall
{
	const RtmMethod *method;
	char			*name;	 /* of the function */
	bool			 binary; /* msg is bytea */
	int				 nargs;	 /* before callback, timeout, server */
} AsyncCall;

/* By the function's name: rtm_, the call's name in the API, _async. */
static const AsyncCall *
find_call(FunctionCallInfo fcinfo)
{
	FmgrInfo  *flinfo = fcinfo->flinfo;
	AsyncCall *call = flinfo->fn_extra;
	char	  *name;
	int		   len;
	Oid		  *types;
	int		   ntypes;

	if (call)
		return call;
	name = get_func_name(flinfo->fn_oid);
	len = name ? (int) strlen(name) - (int) strlen("rtm__async") : 0;
	call = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(AsyncCall));
	if (len > 0)
		call->method = rtm_method_by_call(name + strlen("rtm_"), len);
	if (call->method == NULL)
		elog(ERROR, "function %u queues no method of the catalogue", flinfo->fn_oid);
	call->name = MemoryContextStrdup(flinfo->fn_mcxt, name);
	call->nargs = rtm_method_nparams(call->method);
	(void) get_func_signature(flinfo->fn_oid, &types, &ntypes);
	for (int i = 0; i < Min(call->nargs, ntypes); i++)
		if (call->method->params[i].type == RTM_PARAM_MSG)
			call->binary = types[i] == BYTEAOID;
	flinfo->fn_extra = call;
	return call;
}

/* The server and role that calls were last queued for, while their options are of use. */
static struct
{
	Oid	 server;
	Oid	 owner;
	bool usable;
} target;

static void
forget_target(Datum arg, int id, uint32 hash)
{
	target.usable = false;
}

/*
 * Options that the sender could do nothing with are an error now, as they are for the
 * synchronous function: read once until a server, mapping or wrapper changes.
 */
static void
check_options(Oid server, Oid owner)
{
	static bool	  watching;
	char		  name[NAMEDATALEN];
	MemoryContext context;
	MemoryContext old;

	if (target.usable && target.server == server && target.owner == owner)
		return;
	if (!watching)
	{
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget_target, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGOID, forget_target, (Datum) 0);
		CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, forget_target, (Datum) 0);
		watching = true;
	}
	target.server = server;
	target.owner = owner;
	target.usable = true; /* what changes meanwhile counts */
	context = AllocSetContextCreate(CurrentMemoryContext, "rtm options", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	PG_TRY();
	{
		(void) rtm_server_options(server, owner, name);
	}
	PG_CATCH();
	{
		target.usable = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* callback, timeout and server; the row's owner is the current role. */
static void
read_common_args(const NullableDatum *args, OutboxSignature signature, OutboxRow *row)
{
	RtmCall		call;
	const char *name;

	rtm_common_args(&args[1], &args[2], &call);
	name = call.server ? call.server : rtm_server_name;
	row->owner = GetUserId();
	row->server = rtm_find_server(name, row->owner);
	(void) rtm_find_mapping(row->server, name, row->owner);
	check_options(row->server, row->owner);
	row->timeout = call.timeout;
	if (!args[0].isnull)
	{
		row->callback = DatumGetObjectId(args[0].value);
		outbox_check_callback(row->callback, signature, row->owner);
	}
}

static Datum
enqueue(OutboxRow *row, const char *call, const char *method, StringInfo params, int nparams)
{
	if (params->len > FPNN_MAX_FRAME)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the quest \"%s\" is too large", method),
						errdetail("A whole frame has at most %zu bytes.", FPNN_MAX_FRAME)));
	row->id = outbox_new_id();
	row->call = call;
	row->call_len = (int) strlen(call);
	row->method = method;
	row->method_len = (int) strlen(method);
	row->params = params->data;
	row->params_len = params->len;
	row->nparams = nparams;
	row->enqueued_at = GetCurrentTimestamp();
	outbox_enqueue(row);
	PG_RETURN_INT64(row->id);
}

PG_FUNCTION_INFO_V1(rtm_sql_async);

Datum
rtm_sql_async(PG_FUNCTION_ARGS)
{
	const AsyncCall *call = find_call(fcinfo);
	OutboxRow		 row = {0};
	RtmRequest		 request;

	outbox_check_enqueue(call->name);
	read_common_args(&fcinfo->args[call->nargs], outbox_signature(call->method), &row);
	rtm_encode(&request, call->method, fcinfo->args, call->binary);
	row.conversation = call->method->conversation;
	row.key_a = request.key_a;
	row.key_b = request.key_b;
	if (request.key_b == -1)
	{
		row.recipients = request.recipients;
		row.nrecipients = request.nrecipients;
	}
	row.mid = request.mid;
	row.mid_made = request.mid_made;
	return enqueue(&row, call->method->call, call->method->method, &request.params,
				   request.nparams);
}

/* A field of params; false when it is no whole number. */
static bool
int_field(Jsonb *params, const char *key, int64 *value)
{
	JsonbValue *v = getKeyJsonValueFromContainer(&params->root, key, strlen(key), NULL);

	if (v == NULL || v->type != jbvNumeric)
		return false;
	*value = strtoll(
		DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric))), NULL,
		10);
	return true;
}

/*
 * Which conversation a quest belongs to, by what its parameters are called: it
 * must not overtake the messages of that conversation.
 */
static void
find_conversation(Jsonb *params, OutboxRow *row)
{
	int64 a;
	int64 b;

	row->conversation = OUTBOX_OTHER;
	if (int_field(params, "gid", &a))
	{
		row->conversation = RTM_GROUP;
		row->key_a = a;
	}
	else if (int_field(params, "rid", &a))
	{
		row->conversation = RTM_ROOM;
		row->key_a = a;
	}
	else if (int_field(params, "from", &a) &&
			 (int_field(params, "to", &b) || int_field(params, "xid", &b)))
	{
		row->conversation = RTM_P2P;
		row->key_a = Min(a, b);
		row->key_b = Max(a, b);
	}
}

PG_FUNCTION_INFO_V1(rtm_sql_call_async);

Datum
rtm_sql_call_async(PG_FUNCTION_ARGS)
{
	OutboxRow	   row = {0};
	StringInfoData params;
	int			   nparams = 0;
	char		  *method;

	outbox_check_enqueue("rtm_call_async");
	rtm_require_arg(&fcinfo->args[0], "method");
	method = text_to_cstring(PG_GETARG_TEXT_PP(0));
	rtm_check_method(method);
	read_common_args(&fcinfo->args[2], OUTBOX_CALL_CALLBACK, &row);
	initStringInfo(&params);
	if (!PG_ARGISNULL(1))
	{
		nparams = rtm_pack_jsonb(PG_GETARG_JSONB_P(1), &params);
		find_conversation(PG_GETARG_JSONB_P(1), &row);
	}
	return enqueue(&row, "call", method, &params, nparams);
}
