/*-------------------------------------------------------------------------
 *
 * encode.c
 *	  From the arguments of an SQL function to a quest's parameters.
 *
 * Called by the synchronous functions and, with the same arguments, by their
 * queued twins.  Touches no network and no table (a new mid aside).  Whatever
 * is allocated stays in the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "client/call.h"
#include "client/error.h"
#include "client/mid.h"
#include "client/text.h"
#include "compat.h"
#include "method/argument.h"
#include "method/encode.h"

static int
write_to_stringinfo(void *data, const char *bytes, size_t len)
{
	appendBinaryStringInfo((StringInfo) data, bytes, (int) len);
	return 0;
}

void
rtm_packer_init(msgpack_packer *packer, StringInfo out)
{
	msgpack_packer_init(packer, out, write_to_stringinfo);
}

static void
pack_int(msgpack_packer *packer, const char *key, int64 value)
{
	fpnn_pack_text(packer, key);
	msgpack_pack_int64(packer, value);
}

static const char *
range_hint(const RtmParam *param, const RtmParamTraits *traits)
{
	if (param->type == RTM_PARAM_NUM)
		return "It must be at least 1; NULL asks for all messages.";
	if (traits->code == RTM_CODE_INVALID_MTYPE)
		return psprintf("An mtype is from %d to %d; applications use those above 50.",
						RTM_MTYPE_MIN, RTM_MTYPE_MAX);
	if (traits->min == 0 && traits->max == PG_INT64_MAX)
		return "It must not be negative.";
	return psprintf("It is from " INT64_FORMAT " to " INT64_FORMAT ".", (int64) traits->min,
					(int64) traits->max);
}

/* What no gate can take is refused with the code that it would answer. */
static void
check_range(const RtmParam *param, int64 value)
{
	const RtmParamTraits *traits = &rtm_param_types[param->type];

	if (value < traits->min || value > traits->max)
		rtm_raise_code(
			traits->code,
			psprintf("argument \"%s\" is out of range: " INT64_FORMAT, param->name, value), NULL,
			range_hint(param, traits));
}

static int64
int_arg(const RtmParam *param, const NullableDatum *arg)
{
	int64 value = arg->isnull ? 0 : DatumGetInt64(arg->value);

	if (!arg->isnull)
		check_range(param, value);
	return value;
}

/* A mid that was given, or a new one for a send without. */
static int64
mid_arg(RtmRequest *request, const RtmParam *param, const NullableDatum *arg)
{
	request->mid = int_arg(param, arg);
	if (param->type == RTM_PARAM_NEW_MID && request->mid == 0)
	{
		request->mid = rtm_new_mid();
		request->mid_made = true;
	}
	return request->mid;
}

static void
pack_int_arg(RtmRequest *request, msgpack_packer *packer, int index, const NullableDatum *arg)
{
	const RtmParam *param = &request->method->params[index];
	bool			is_mid = param->type == RTM_PARAM_NEW_MID || param->type == RTM_PARAM_MID;
	int64			value = is_mid ? mid_arg(request, param, arg) : int_arg(param, arg);

	request->ints[index].there = true;
	request->ints[index].value = value;
	pack_int(packer, param->wire, value);
}

/* Recipients of a message who are all the same user count as that one. */
static void
note_recipients(RtmRequest *request, int index, const int64 *uids, int n)
{
	request->recipients = uids;
	request->nrecipients = n;
	request->ints[index].there = true;
	request->ints[index].value = uids[0];
	for (int i = 1; i < n; i++)
		if (uids[i] != uids[0])
			request->ints[index].there = false;
}

/*
 * Pack a list of integers.  Recipients are noted as well: they say which conversations the request
 * is of.
 */
static void
pack_ints_arg(RtmRequest *request, msgpack_packer *packer, int index, const NullableDatum *arg)
{
	const RtmParam *param = &request->method->params[index];
	int				n;
	int64		   *values = rtm_array_arg(arg->value, param->name, &n);

	for (int i = 0; i < n; i++)
		check_range(param, values[i]);
	if (param->type == RTM_PARAM_UIDS && n == 0)
		rtm_raise_code(RTM_CODE_EMPTY_PARAM,
					   psprintf("argument \"%s\" must not be empty", param->name), NULL,
					   "Name at least one.");
	if (param->type == RTM_PARAM_UIDS && n > RTM_MAX_RECIPIENTS)
		rtm_raise_code(RTM_CODE_TOO_MANY,
					   psprintf("argument \"%s\" has %d elements", param->name, n),
					   psprintf("There can be %d.", RTM_MAX_RECIPIENTS),
					   "Call the function for portions of them.");
	if (param->type == RTM_PARAM_UIDS)
		note_recipients(request, index, values, n);
	fpnn_pack_text(packer, param->wire);
	msgpack_pack_array(packer, (size_t) n);
	for (int i = 0; i < n; i++)
		msgpack_pack_int64(packer, values[i]);
}

static void
pack_text_value(msgpack_packer *packer, const char *name, const struct varlena *value, bool binary)
{
	const char *wire;
	size_t		len;

	if (binary && VARSIZE_ANY_EXHDR(value) <= FPNN_MAX_FRAME)
	{
		fpnn_pack_bin(packer, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		return;
	}
	/* bytea too large for a frame isn't copied, but reported here too */
	wire = rtm_text_to_wire(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), name, &len);
	fpnn_pack_text_len(packer, wire, len);
}

static void
pack_text_arg(msgpack_packer *packer, const RtmParam *param, const NullableDatum *arg, bool binary)
{
	fpnn_pack_text(packer, param->wire);
	if (arg->isnull)
		fpnn_pack_text(packer, "");
	else
		pack_text_value(packer, param->name, PG_DETOAST_DATUM_PACKED(arg->value), binary);
}

static void
pack_texts_arg(msgpack_packer *packer, const RtmParam *param, const NullableDatum *arg)
{
	int	   n;
	Datum *values = rtm_texts_arg(arg->value, param->name, &n);

	fpnn_pack_text(packer, param->wire);
	msgpack_pack_array(packer, (size_t) n);
	for (int i = 0; i < n; i++)
		pack_text_value(packer, param->name, PG_DETOAST_DATUM_PACKED(values[i]), false);
}

static void
pack_bool_arg(msgpack_packer *packer, const RtmParam *param, const NullableDatum *arg)
{
	fpnn_pack_text(packer, param->wire);
	if (!arg->isnull && DatumGetBool(arg->value))
		msgpack_pack_true(packer);
	else
		msgpack_pack_false(packer);
}

/* How many messages of a history, and where it begins; packed by rtm_encode_page(). */
static bool
is_paging(const RtmRequest *request, const RtmParam *param)
{
	return request->method->kind == RTM_KIND_HISTORY &&
		   (param->type == RTM_PARAM_NUM || param->type == RTM_PARAM_CURSOR);
}

/* What was given, and nothing else, goes into the first page's quest. */
static void
read_paging(RtmRequest *request, const RtmParam *param, const NullableDatum *arg)
{
	RtmCursor *cursor = &request->cursor;
	int64	   value = int_arg(param, arg);

	if (arg->isnull)
		return;
	if (param->type == RTM_PARAM_NUM)
		request->num = value;
	else if (strcmp(param->wire, "begin") == 0)
	{
		cursor->has_begin = true;
		cursor->begin = value;
	}
	else if (strcmp(param->wire, "end") == 0)
	{
		cursor->has_end = true;
		cursor->end = value;
	}
	else
	{
		cursor->has_lastid = true;
		cursor->lastid = value;
	}
}

/* As rtm_param_types says; a NULL that is left has a default that is 0, "" or false. */
static void
encode_param(RtmRequest *request, msgpack_packer *packer, int index, const NullableDatum *arg,
			 bool binary)
{
	const RtmParam		 *param = &request->method->params[index];
	const RtmParamTraits *traits = &rtm_param_types[param->type];

	if (traits->null == RTM_NULL_REFUSED)
		rtm_require_arg(arg, param->name);
	if (is_paging(request, param))
	{
		read_paging(request, param, arg);
		return;
	}
	if (traits->null == RTM_NULL_LEFT_OUT && arg->isnull)
		return;
	request->nparams++;
	switch (traits->wire)
	{
		case RTM_WIRE_INT:
			pack_int_arg(request, packer, index, arg);
			break;
		case RTM_WIRE_BOOL:
			pack_bool_arg(packer, param, arg);
			break;
		case RTM_WIRE_TEXT:
			pack_text_arg(packer, param, arg, binary && param->type == RTM_PARAM_MSG);
			break;
		case RTM_WIRE_INTS:
			pack_ints_arg(request, packer, index, arg);
			break;
		case RTM_WIRE_TEXTS:
			pack_texts_arg(packer, param, arg);
			break;
	}
}

/* RtmFindInt, of an RtmRequest */
static bool
find_int(const void *quest, const char *wire, int64_t *value)
{
	const RtmRequest *request = quest;

	for (int i = 0; request->method->params[i].type != RTM_PARAM_END; i++)
		if (request->ints[i].there && strcmp(request->method->params[i].wire, wire) == 0)
		{
			*value = request->ints[i].value;
			return true;
		}
	return false;
}

void
rtm_encode(RtmRequest *request, const RtmMethod *method, const NullableDatum *args, bool binary)
{
	msgpack_packer packer;

	memset(request, 0, sizeof(*request));
	request->method = method;
	initStringInfo(&request->params);
	rtm_packer_init(&packer, &request->params);

	for (int i = 0; method->params[i].type != RTM_PARAM_END; i++)
		encode_param(request, &packer, i, &args[i], binary);

	if (method->xid_zero)
	{
		pack_int(&packer, "xid", 0);
		request->nparams++;
	}
	if (method->has_type)
	{
		pack_int(&packer, "type", method->conversation);
		request->nparams++;
	}
	request->key = rtm_conversation_key(method, find_int, request);

	request->fixed_len = request->params.len;
	request->fixed_nparams = request->nparams;
	if (method->kind == RTM_KIND_HISTORY)
		rtm_encode_page(request, request->num ? request->num : RTM_MAX_PAGE, &request->cursor);
}

int64
rtm_request_int(const RtmRequest *request, const char *wire)
{
	int64_t value = 0;

	(void) find_int(request, wire, &value);
	return value;
}

void
rtm_encode_page(RtmRequest *request, int64 num, const RtmCursor *cursor)
{
	msgpack_packer packer;

	request->params.len = request->fixed_len;
	request->nparams = request->fixed_nparams + 1 + cursor->has_begin + cursor->has_end +
					   cursor->has_lastid;
	rtm_packer_init(&packer, &request->params);

	pack_int(&packer, "num", num);
	if (cursor->has_begin)
		pack_int(&packer, "begin", cursor->begin);
	if (cursor->has_end)
		pack_int(&packer, "end", cursor->end);
	if (cursor->has_lastid)
		pack_int(&packer, "lastid", cursor->lastid);
}

int64
rtm_request_target(const RtmRequest *send)
{
	const char *key = send->method->key_b ? send->method->key_b : send->method->key_a;

	if (send->recipients)
		return send->recipients[0];
	return key ? rtm_request_int(send, key) : 0;
}

void
rtm_encode_lookup(RtmConversation type, int64 mid, int64 from, int64 xid, StringInfo params,
				  int *nparams)
{
	msgpack_packer packer;

	rtm_packer_init(&packer, params);
	pack_int(&packer, "mid", mid);
	pack_int(&packer, "from", from);
	pack_int(&packer, "xid", xid);
	pack_int(&packer, "type", type);
	*nparams = 4;
}

void
rtm_replace_mid(StringInfo out, const char *params, int len, int64 mid)
{
	msgpack_packer packer;
	size_t		   begin;
	size_t		   end;

	if (fpnn_pairs_find((const uint8 *) params, len, "mid", &begin, &end) != FPNN_OK)
		elog(ERROR, "no mid in the parameters of a message");
	appendBinaryStringInfo(out, params, (int) begin);
	rtm_packer_init(&packer, out);
	msgpack_pack_int64(&packer, mid);
	appendBinaryStringInfo(out, params + end, len - (int) end);
}

void
rtm_encode_mid(RtmRequest *send, int64 mid)
{
	StringInfoData params;

	initStringInfo(&params);
	rtm_replace_mid(&params, send->params.data, send->params.len, mid);
	pfree(send->params.data);
	send->params = params;
	send->fixed_len = params.len;
	send->mid = mid;
	for (int i = 0; send->method->params[i].type != RTM_PARAM_END; i++)
		if (send->method->params[i].type == RTM_PARAM_NEW_MID)
			send->ints[i].value = mid;
}
