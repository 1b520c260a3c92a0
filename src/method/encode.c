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
#include "compat.h"
#include "method/argument.h"
#include "method/encode.h"
#include "client/text.h"

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

static void
pack_ints(msgpack_packer *packer, const char *key, const int64 *values, int n)
{
	fpnn_pack_text(packer, key);
	msgpack_pack_array(packer, (size_t) n);
	for (int i = 0; i < n; i++)
		msgpack_pack_int64(packer, values[i]);
}

/* An id that no gate can know, refused with the code that it would answer. */
static void
check_id(int64 id, const char *name)
{
	if (id < 0)
		rtm_raise_code(RTM_CODE_INVALID_PARAM,
					   psprintf("argument \"%s\" is out of range: " INT64_FORMAT, name, id), NULL,
					   "It must not be negative.");
}

static void
check_mtype(int64 mtype, const char *name)
{
	if (mtype < RTM_MTYPE_MIN || mtype > RTM_MTYPE_MAX)
		rtm_raise_code(RTM_CODE_INVALID_MTYPE,
					   psprintf("argument \"%s\" is out of range: " INT64_FORMAT, name, mtype),
					   NULL,
					   psprintf("An mtype is from %d to %d; applications use those above 50.",
								RTM_MTYPE_MIN, RTM_MTYPE_MAX));
}

/* Required; anything from 0 up. */
static int64
id_arg(const RtmParam *param, const NullableDatum *arg)
{
	int64 id;

	rtm_require_arg(arg, param->name);
	id = DatumGetInt64(arg->value);
	check_id(id, param->name);
	return id;
}

static void
pack_msg(msgpack_packer *packer, const RtmParam *param, const NullableDatum *arg, bool binary)
{
	const struct varlena *msg;
	const char			 *wire;
	size_t				  len;

	rtm_require_arg(arg, param->name);
	msg = PG_DETOAST_DATUM_PACKED(arg->value);
	fpnn_pack_text(packer, param->wire);
	if (binary && VARSIZE_ANY_EXHDR(msg) <= FPNN_MAX_FRAME)
	{
		fpnn_pack_bin(packer, VARDATA_ANY(msg), VARSIZE_ANY_EXHDR(msg));
		return;
	}
	/* bytea too large for a frame isn't copied, but reported here too */
	wire = rtm_text_to_wire(VARDATA_ANY(msg), VARSIZE_ANY_EXHDR(msg), param->name, &len);
	fpnn_pack_text_len(packer, wire, len);
}

static void
pack_attrs(msgpack_packer *packer, const RtmParam *param, const NullableDatum *arg)
{
	const char *wire = "";
	size_t		len = 0;

	if (!arg->isnull)
	{
		const text *attrs = DatumGetTextPP(arg->value);

		wire = rtm_text_to_wire(VARDATA_ANY(attrs), VARSIZE_ANY_EXHDR(attrs), param->name, &len);
	}
	fpnn_pack_text(packer, param->wire);
	fpnn_pack_text_len(packer, wire, len);
}

/* The recipients of a message to several users. */
static void
pack_recipients(RtmRequest *request, msgpack_packer *packer, const RtmParam *param,
				const NullableDatum *arg)
{
	int64 *uids;
	int	   n;

	rtm_require_arg(arg, param->name);
	uids = rtm_array_arg(arg->value, param->name, true, &n);
	if (n == 0)
		rtm_raise_code(RTM_CODE_EMPTY_PARAM,
					   psprintf("argument \"%s\" must not be empty", param->name), NULL,
					   "Name at least one recipient.");
	if (n > RTM_MAX_RECIPIENTS)
		rtm_raise_code(RTM_CODE_TOO_MANY,
					   psprintf("argument \"%s\" has %d elements", param->name, n),
					   psprintf("There can be %d recipients.", RTM_MAX_RECIPIENTS),
					   "Make several calls of it.");
	for (int i = 0; i < n; i++)
		check_id(uids[i], param->name);

	request->recipients = uids;
	request->nrecipients = n;
	pack_ints(packer, param->wire, uids, n);
}

static void
pack_mtypes(msgpack_packer *packer, const RtmParam *param, const NullableDatum *arg)
{
	int	   n;
	int64 *mtypes = rtm_array_arg(arg->value, param->name, false, &n);

	for (int i = 0; i < n; i++)
		check_mtype(mtypes[i], param->name);
	pack_ints(packer, param->wire, mtypes, n);
}

/* A mid that was given, or a new one for a send without. */
static void
pack_mid(RtmRequest *request, msgpack_packer *packer, const RtmParam *param,
		 const NullableDatum *arg)
{
	if (param->type == RTM_PARAM_MID || !arg->isnull)
		request->mid = id_arg(param, arg);
	if (param->type == RTM_PARAM_NEW_MID && request->mid == 0)
	{
		request->mid = rtm_new_mid();
		request->mid_made = true;
	}
	pack_int(packer, param->wire, request->mid);
}

/* Part of a page's cursor; packed by rtm_encode_page(). */
static void
read_cursor(RtmCursor *cursor, const RtmParam *param, const NullableDatum *arg)
{
	int64 value;

	if (arg->isnull)
		return;
	value = id_arg(param, arg);
	switch (param->wire[0])
	{
		case 'b':
			cursor->has_begin = true;
			cursor->begin = value;
			break;
		case 'e':
			cursor->has_end = true;
			cursor->end = value;
			break;
		default:
			cursor->has_lastid = true;
			cursor->lastid = value;
			break;
	}
}

static void
read_num(RtmRequest *request, const RtmParam *param, const NullableDatum *arg)
{
	if (arg->isnull)
		return;
	request->num = DatumGetInt32(arg->value);
	if (request->num < 1)
		rtm_raise_code(
			RTM_CODE_INVALID_PARAM,
			psprintf("argument \"%s\" is out of range: " INT64_FORMAT, param->name, request->num),
			NULL, "It must be at least 1; NULL asks for all messages.");
}

/* One of the users, the group or the room that a message is about. */
static void
pack_id(RtmRequest *request, msgpack_packer *packer, const RtmParam *param,
		const NullableDatum *arg)
{
	int64 id = id_arg(param, arg);

	if (strcmp(param->wire, "from") == 0 || strcmp(param->wire, "uid") == 0)
		request->user = id;
	else
		request->target = id;
	pack_int(packer, param->wire, id);
}

static void
encode_param(RtmRequest *request, msgpack_packer *packer, const RtmParam *param,
			 const NullableDatum *arg, bool binary)
{
	switch (param->type)
	{
		case RTM_PARAM_UID:
		case RTM_PARAM_ID:
			pack_id(request, packer, param, arg);
			break;
		case RTM_PARAM_UIDS:
			pack_recipients(request, packer, param, arg);
			request->target = request->recipients[0];
			break;
		case RTM_PARAM_MTYPE:
			rtm_require_arg(arg, param->name);
			check_mtype(DatumGetInt32(arg->value), param->name);
			pack_int(packer, param->wire, DatumGetInt32(arg->value));
			break;
		case RTM_PARAM_MSG:
			pack_msg(packer, param, arg, binary);
			break;
		case RTM_PARAM_ATTRS:
			pack_attrs(packer, param, arg);
			break;
		case RTM_PARAM_NEW_MID:
		case RTM_PARAM_MID:
			pack_mid(request, packer, param, arg);
			break;
		case RTM_PARAM_DESC:
			rtm_require_arg(arg, param->name);
			fpnn_pack_text(packer, param->wire);
			if (DatumGetBool(arg->value))
				msgpack_pack_true(packer);
			else
				msgpack_pack_false(packer);
			break;
		case RTM_PARAM_MTYPES:
			if (arg->isnull)
				return;
			pack_mtypes(packer, param, arg);
			break;
		case RTM_PARAM_NUM:
			read_num(request, param, arg);
			return;
		case RTM_PARAM_CURSOR:
			read_cursor(&request->cursor, param, arg);
			return;
		case RTM_PARAM_END:
			return;
		default:
			elog(ERROR, "no SQL function has an argument like \"%s\"", param->name);
	}
	request->nparams++;
}

/* Which conversation it is; see RtmRequest. */
static void
find_conversation(RtmRequest *request)
{
	switch (request->method->conversation)
	{
		case RTM_P2P:
			for (int i = 1; i < request->nrecipients; i++)
			{
				if (request->recipients[i] != request->target)
				{
					request->key_a = request->user;
					request->key_b = -1;
					return;
				}
			}
			request->key_a = Min(request->user, request->target);
			request->key_b = Max(request->user, request->target);
			break;
		case RTM_GROUP:
		case RTM_ROOM:
			request->key_a = request->target;
			break;
		case RTM_BROADCAST:
		case RTM_NO_CONVERSATION:
			break;
	}
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
		encode_param(request, &packer, &method->params[i], &args[i], binary);

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
	find_conversation(request);

	request->fixed_len = request->params.len;
	request->fixed_nparams = request->nparams;
	if (method->kind == RTM_KIND_HISTORY)
		rtm_encode_page(request, request->num ? request->num : RTM_MAX_PAGE, &request->cursor);
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

void
rtm_encode_lookup(const RtmRequest *send, StringInfo params, int *nparams)
{
	msgpack_packer packer;

	rtm_packer_init(&packer, params);
	pack_int(&packer, "mid", send->mid);
	pack_int(&packer, "from", send->user);
	pack_int(&packer, "xid", send->target);
	pack_int(&packer, "type", send->method->conversation);
	*nparams = 4;
}
