/*-------------------------------------------------------------------------
 *
 * quest.c
 *	  The methods of the local gate: checks in the order of protocol.md, then
 *	  the store, then the answer.
 *
 * Called by gate.c.  The parameters of a method are those of the catalogue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "gate/gate.h"
#include "fpnn/crypt.h"
#include "fpnn/sign.h"
#include "host.h"

/* The parameters of any method; those that it has are filled. */
typedef struct Args
{
	GateConversation conversation;
	GateMessage message;		/* from, to, mid, mtype, msg, attrs */
	int64		uid;			/* who asks for a history */
	int64	   *tos;
	size_t		ntos;
	GatePage	page;
} Args;

static bool
fail(GateQuest *quest, int code, const char *ex)
{
	const char *text = rtm_code_text(code);

	quest->code = code;
	quest->ex = ex ? ex : text ? text : "";
	return false;
}

/* What a status of reading a parameter means; true for FPNN_OK. */
static bool
check(GateQuest *quest, const char *key, FpnnStatus status)
{
	if (status == FPNN_OK)
		return true;
	if (status == FPNN_NO_KEY)
		return fail(quest, FPNN_CODE_NO_KEY, psprintf("key not found: %s", key));
	return fail(quest, FPNN_CODE_BAD_TYPE, psprintf("type conversion error: %s", key));
}

static bool
read_int(GateQuest *quest, const msgpack_object *map, const char *key, int64 *value)
{
	int64_t		n = 0;
	bool		good = check(quest, key, fpnn_map_int(map, key, &n));

	*value = n;
	return good;
}

static bool
read_body(GateQuest *quest, const msgpack_object *map, const char *key, GateBody *body)
{
	if (!check(quest, key, fpnn_map_text(map, key, &body->bytes, &body->len)))
		return false;
	body->bin = fpnn_map_get(map, key)->type == MSGPACK_OBJECT_BIN;
	return true;
}

/* A list of integers; *ints is NULL when it isn't there. */
static bool
read_ints(GateQuest *quest, const msgpack_object *map, const char *key,
		  bool required, int64 **ints, size_t *n)
{
	const msgpack_object_array *array;
	FpnnStatus	status = fpnn_map_array(map, key, &array);

	*ints = NULL;
	*n = 0;
	if (status == FPNN_NO_KEY && !required)
		return true;
	if (!check(quest, key, status))
		return false;
	*n = array->size;
	*ints = palloc(sizeof(int64) * Max(*n, 1));
	for (size_t i = 0; i < *n; i++)
	{
		int64_t		value;

		if (!check(quest, key, fpnn_object_int(&array->ptr[i], &value)))
			return false;
		(*ints)[i] = value;
	}
	return true;
}

static bool
read_cursor(GateQuest *quest, const msgpack_object *map, const char *key, GatePage *page)
{
	int64		value;
	const msgpack_object *object = fpnn_map_get(map, key);

	if (object == NULL || object->type == MSGPACK_OBJECT_NIL)
		return true;
	if (!read_int(quest, map, key, &value))
		return false;
	if (strcmp(key, "begin") == 0)
		page->begin = value;
	else if (strcmp(key, "end") == 0)
		page->end = value;
	else
		page->lastid = value;
	return true;
}

static bool
read_mtypes(GateQuest *quest, const msgpack_object *map, GatePage *page)
{
	const msgpack_object *object = fpnn_map_get(map, "mtypes");
	int64	   *wide;
	int32	   *mtypes;
	size_t		n;

	if (object == NULL || object->type == MSGPACK_OBJECT_NIL)
		return true;
	if (!read_ints(quest, map, "mtypes", true, &wide, &n))
		return false;
	if (n == 0)
		return true;
	mtypes = palloc(sizeof(int32) * n);
	for (size_t i = 0; i < n; i++)
	{
		if (wide[i] < RTM_MTYPE_MIN || wide[i] > RTM_MTYPE_MAX)
			return fail(quest, RTM_CODE_INVALID_MTYPE, NULL);
		mtypes[i] = (int32) wide[i];
	}
	page->mtypes = mtypes;
	page->nmtypes = (int) n;
	return true;
}

/* A user, group or room: of the message, of the conversation, or both. */
static bool
read_id(GateQuest *quest, const msgpack_object *map, const RtmMethod *method,
		const char *key, Args *args)
{
	int64		value;

	if (!read_int(quest, map, key, &value))
		return false;
	if (strcmp(key, "from") == 0)
		args->message.from = value;
	else if (strcmp(key, "to") == 0)
		args->message.to = value;
	else if (strcmp(key, "uid") == 0)
		args->uid = value;
	if (method->key_a && strcmp(key, method->key_a) == 0)
		args->conversation.a = value;
	if (method->key_b && strcmp(key, method->key_b) == 0)
		args->conversation.b = value;
	return true;
}

static bool
read_param(GateQuest *quest, const msgpack_object *map, const RtmMethod *method,
		   const RtmParam *param, Args *args)
{
	bool		desc = false;

	switch (param->type)
	{
		case RTM_PARAM_UID:
		case RTM_PARAM_ID:
			return read_id(quest, map, method, param->wire, args);
		case RTM_PARAM_UIDS:
			return read_ints(quest, map, param->wire, true, &args->tos, &args->ntos);
		case RTM_PARAM_MTYPE:
			return read_int(quest, map, param->wire, &args->message.mtype);
		case RTM_PARAM_MSG:
			return read_body(quest, map, param->wire, &args->message.msg);
		case RTM_PARAM_ATTRS:
			return read_body(quest, map, param->wire, &args->message.attrs);
		case RTM_PARAM_NEW_MID:
		case RTM_PARAM_MID:
			return read_int(quest, map, param->wire, &args->message.mid);
		case RTM_PARAM_DESC:
			if (!check(quest, param->wire, fpnn_map_bool(map, param->wire, &desc)))
				return false;
			args->page.desc = desc;
			return true;
		case RTM_PARAM_NUM:
			return read_int(quest, map, param->wire, &args->page.num);
		case RTM_PARAM_CURSOR:
			return read_cursor(quest, map, param->wire, &args->page);
		case RTM_PARAM_MTYPES:
			return read_mtypes(quest, map, &args->page);
		case RTM_PARAM_END:
			break;
	}
	return true;
}

/* A pair of users has one history, whoever comes first. */
static void
order_pair(GateConversation *c)
{
	int64		a = c->a;

	if (c->type == RTM_P2P && c->a > c->b)
	{
		c->a = c->b;
		c->b = a;
	}
}

static bool
read_args(GateQuest *quest, const msgpack_object *map, const RtmMethod *method, Args *args)
{
	int64		xid;

	memset(args, 0, sizeof(Args));
	args->conversation.type = method->conversation;
	for (const RtmParam *p = method->params; p->type != RTM_PARAM_END; p++)
		if (!read_param(quest, map, method, p, args))
			return false;
	if (method->xid_zero && !read_int(quest, map, "xid", &xid))
		return false;
	order_pair(&args->conversation);
	return true;
}

/*
 * Project, signature and clock; what every quest but the framework's own needs.
 */
static bool
check_signature(GateQuest *quest, const msgpack_object *map)
{
	int64		pid;
	int64		salt;
	int64		ts;
	const char *sign;
	size_t		len;
	const char *secret;
	char		expected[FPNN_SIGN_LEN + 1];

	if (!read_int(quest, map, "pid", &pid) ||
		!check(quest, "sign", fpnn_map_text(map, "sign", &sign, &len)) ||
		!read_int(quest, map, "salt", &salt) ||
		!read_int(quest, map, "ts", &ts))
		return false;
	secret = gate_initial_secret(pid);
	if (secret == NULL)
		secret = gate_store_secret(pid);
	if (secret == NULL)
		return fail(quest, RTM_CODE_INVALID_PID, NULL);
	if (fpnn_sign(&rtm_env, pid, secret, salt, quest->frame.method, ts, expected) != FPNN_OK)
		return fail(quest, FPNN_CODE_UNKNOWN, "the signature can't be computed here");
	if (len != FPNN_SIGN_LEN || memcmp(sign, expected, FPNN_SIGN_LEN) != 0)
		return fail(quest, RTM_CODE_INVALID_SIGN, NULL);
	if (ts < time(NULL) - GATE_MAX_CLOCK_SKEW || ts > time(NULL) + GATE_MAX_CLOCK_SKEW)
		return fail(quest, RTM_CODE_INVALID_TIME, NULL);
	return true;
}

static bool
check_message(GateQuest *quest, const RtmMethod *method, const Args *args)
{
	const GateMessage *m = &args->message;

	if (m->mtype < RTM_MTYPE_MIN || m->mtype > RTM_MTYPE_MAX)
		return fail(quest, RTM_CODE_INVALID_MTYPE, NULL);
	if (m->from < 0 || m->to < 0)
		return fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
	if (m->msg.len > RTM_MAX_MSG || m->attrs.len > RTM_MAX_ATTRS)
		return fail(quest, RTM_CODE_TOO_LARGE, NULL);
	if (args->tos && args->ntos == 0)
		return fail(quest, RTM_CODE_EMPTY_PARAM, NULL);
	if (args->ntos > RTM_MAX_RECIPIENTS)
		return fail(quest, RTM_CODE_TOO_MANY, NULL);
	if (method->conversation == RTM_P2P && !args->tos && m->from == m->to)
		return fail(quest, RTM_CODE_SEND_TO_SELF, NULL);
	for (size_t i = 0; i < args->ntos; i++)
	{
		if (args->tos[i] < 0)
			return fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
		if (args->tos[i] == m->from)
			return fail(quest, RTM_CODE_SEND_TO_SELF, NULL);
	}
	return true;
}

static void
begin_answer(GateQuest *quest, msgpack_packer *packer, size_t keys)
{
	fpnn_packer_init(packer, &quest->answer);
	msgpack_pack_map(packer, keys);
}

static void
pack_int(msgpack_packer *packer, const char *key, int64 value)
{
	fpnn_pack_text(packer, key);
	msgpack_pack_int64(packer, value);
}

/* As it came: bin stays bin, a text that is none stays one. */
static void
pack_body(msgpack_packer *packer, const GateBody *body)
{
	if (body->bin)
		fpnn_pack_bin(packer, body->bytes, body->len);
	else
		fpnn_pack_text_len(packer, body->bytes, body->len);
}

/* The message to each recipient, once; false if none of them was new. */
static bool
insert_to_all(Args *args)
{
	bool		any = false;

	for (size_t i = 0; i < args->ntos; i++)
	{
		GateConversation pair = {RTM_P2P, args->message.from, args->tos[i]};

		order_pair(&pair);
		args->message.to = args->tos[i];
		if (gate_store_insert(&pair, &args->message))
			any = true;
	}
	return any;
}

static void
run_send(GateQuest *quest, const RtmMethod *method, Args *args)
{
	msgpack_packer packer;
	bool		stored;

	if (!check_message(quest, method, args))
		return;
	args->message.mtime = gate_now();
	if (args->tos)
		stored = insert_to_all(args);
	else
		stored = gate_store_insert(&args->conversation, &args->message);
	if (!stored)
	{
		fail(quest, RTM_CODE_DUPLICATE_MID, NULL);
		return;
	}
	begin_answer(quest, &packer, 1);
	pack_int(&packer, "mtime", args->message.mtime);
}

static void
pack_entry(msgpack_packer *packer, const Args *args, const GateMessage *m)
{
	msgpack_pack_array(packer, 8);
	msgpack_pack_int64(packer, m->id);
	if (args->conversation.type == RTM_P2P)
		msgpack_pack_int64(packer, m->from == args->uid ? 1 : 2);
	else
		msgpack_pack_int64(packer, m->from);
	msgpack_pack_int64(packer, m->mtype);
	msgpack_pack_int64(packer, m->mid);
	if (m->deleted)
		msgpack_pack_true(packer);
	else
		msgpack_pack_false(packer);
	pack_body(packer, &m->msg);
	pack_body(packer, &m->attrs);
	msgpack_pack_int64(packer, m->mtime);
}

static void
run_history(GateQuest *quest, Args *args)
{
	GateMessage messages[RTM_MAX_PAGE];
	GatePage   *page = &args->page;
	msgpack_packer packer;
	int			n;

	if (page->num <= 0)
	{
		fail(quest, RTM_CODE_INVALID_PARAM, NULL);
		return;
	}
	page->num = Min(page->num, RTM_MAX_PAGE);
	n = gate_store_history(&args->conversation, page, messages);
	if (n > 0)
	{
		page->lastid = messages[n - 1].id;
		if (page->desc)
			page->end = messages[n - 1].mtime;
		else
			page->begin = messages[n - 1].mtime;
	}
	begin_answer(quest, &packer, 5);
	pack_int(&packer, "num", n);
	pack_int(&packer, "lastid", page->lastid);
	pack_int(&packer, "begin", page->begin);
	pack_int(&packer, "end", page->end);
	fpnn_pack_text(&packer, "msgs");
	msgpack_pack_array(&packer, (size_t) n);
	for (int i = 0; i < n; i++)
		pack_entry(&packer, args, &messages[i]);
}

static void
run_delete(GateQuest *quest, Args *args)
{
	msgpack_packer packer;

	if (gate_store_delete(&args->conversation, args->message.mid))
		begin_answer(quest, &packer, 0);
	else
		fail(quest, RTM_CODE_NOT_FOUND, NULL);
}

static void
run_info(GateQuest *quest, Args *args)
{
	GateMessage m;
	msgpack_packer packer;

	if (!gate_store_message(&args->conversation, args->message.mid, &m))
	{
		fail(quest, RTM_CODE_NOT_FOUND, NULL);
		return;
	}
	begin_answer(quest, &packer, 5);
	pack_int(&packer, "id", m.id);
	pack_int(&packer, "mtype", m.mtype);
	fpnn_pack_text(&packer, "msg");
	pack_body(&packer, &m.msg);
	fpnn_pack_text(&packer, "attrs");
	pack_body(&packer, &m.attrs);
	pack_int(&packer, "mtime", m.mtime);
}

/* getmsgnum isn't one of the catalogue's calls. */
static void
run_count(GateQuest *quest, const msgpack_object *map)
{
	GatePage	page = {0};
	int64		type;
	int64		xid;
	int64		senders;
	int64		num;
	msgpack_packer packer;

	if (!read_int(quest, map, "type", &type) || !read_int(quest, map, "xid", &xid) ||
		!read_cursor(quest, map, "begin", &page) || !read_cursor(quest, map, "end", &page) ||
		!read_mtypes(quest, map, &page))
		return;
	if (type < RTM_P2P || type > RTM_BROADCAST)
	{
		fail(quest, RTM_CODE_INVALID_PARAM, NULL);
		return;
	}
	gate_store_count((RtmConversation) type, xid, &page, &senders, &num);
	begin_answer(quest, &packer, 2);
	pack_int(&packer, "sender", senders);
	pack_int(&packer, "num", num);
}

/* *key: agree on a key; the connection closes when that fails. */
static void
run_key(GateQuest *quest, const msgpack_object *map)
{
	char	   *key = gate_store_private_key();
	FpnnKeyQuest parameters;
	FpnnStatus	status = FPNN_CRYPTO;
	msgpack_packer packer;

	if (key)
		status = fpnn_crypt_read_quest(map, &parameters);
	if (key && status == FPNN_OK)
		status = fpnn_crypt_server(&rtm_env, key, strlen(key), &parameters,
								   FPNN_MAX_FRAME, &quest->codec);
	if (key)
		explicit_bzero(key, strlen(key));
	if (status != FPNN_OK)
	{
		quest->codec = NULL;
		fail(quest, FPNN_CODE_UNKNOWN, fpnn_status_text(status));
		return;
	}
	begin_answer(quest, &packer, 0);
}

void
gate_quest_drop_codec(GateQuest *quest)
{
	if (quest->codec)
		quest->codec->free(quest->codec);
	quest->codec = NULL;
}

/* The catalogue's row; NULL with or without an error of the quest. */
static const RtmMethod *
find_method(GateQuest *quest, const msgpack_object *map)
{
	const RtmMethod *named = NULL;
	int64		type;

	for (int i = 0; i < RTM_NUM_METHODS && !named; i++)
		if (strcmp(rtm_methods[i].method, quest->frame.method) == 0)
			named = &rtm_methods[i];
	if (named == NULL || !named->has_type)
		return named;
	if (!read_int(quest, map, "type", &type))
		return NULL;
	for (int i = 0; i < RTM_NUM_METHODS; i++)
		if (strcmp(rtm_methods[i].method, named->method) == 0 &&
			rtm_methods[i].conversation == type)
			return &rtm_methods[i];
	fail(quest, RTM_CODE_INVALID_PARAM, "there is no such type of conversation");
	return NULL;
}

static bool
is_known(const char *name)
{
	if (strcmp(name, "getmsgnum") == 0)
		return true;
	for (int i = 0; i < RTM_NUM_METHODS; i++)
		if (strcmp(rtm_methods[i].method, name) == 0)
			return true;
	return false;
}

static void
run_method(GateQuest *quest, const msgpack_object *map)
{
	const RtmMethod *method;
	Args		args;

	if (strcmp(quest->frame.method, FPNN_CRYPT_METHOD) == 0)
	{
		run_key(quest, map);
		return;
	}
	if (!is_known(quest->frame.method))
	{
		fail(quest, FPNN_CODE_UNKNOWN_METHOD, NULL);
		return;
	}
	if (!check_signature(quest, map))
		return;
	if (strcmp(quest->frame.method, "getmsgnum") == 0)
	{
		run_count(quest, map);
		return;
	}
	method = find_method(quest, map);
	if (method == NULL || !read_args(quest, map, method, &args))
		return;
	switch (method->kind)
	{
		case RTM_KIND_SEND:
			run_send(quest, method, &args);
			break;
		case RTM_KIND_HISTORY:
			run_history(quest, &args);
			break;
		case RTM_KIND_DELETE:
			run_delete(quest, &args);
			break;
		case RTM_KIND_INFO:
			run_info(quest, &args);
			break;
	}
}

/*
 * The payload goes through msgpack-c, whose memory is malloc()ed: it has to be
 * given back when a store function raises.
 */
void
gate_quest_run(GateQuest *quest)
{
	FpnnDoc		doc = {0};

	fpnn_buf_reset(&quest->answer, SIZE_MAX);
	gate_quest_drop_codec(quest);
	quest->code = 0;
	if (fpnn_doc_open(&doc, quest->frame.payload, quest->frame.payload_len) != FPNN_OK)
	{
		fail(quest, FPNN_CODE_INVALID_PACKAGE, NULL);
		return;
	}
	PG_TRY();
	{
		run_method(quest, doc.map);
	}
	PG_FINALLY();
	{
		fpnn_doc_close(&doc);
	}
	PG_END_TRY();
	if (quest->code == 0 && quest->answer.failed)
		fail(quest, FPNN_CODE_UNKNOWN, "out of memory");
}

bool
gate_quest_run_simple(GateQuest *quest)
{
	FpnnDoc		doc = {0};
	msgpack_packer packer;

	if (fpnn_doc_open(&doc, quest->frame.payload, quest->frame.payload_len) != FPNN_OK)
	{
		fail(quest, FPNN_CODE_INVALID_PACKAGE, NULL);
		return true;
	}
	fpnn_doc_close(&doc);
	if (strcmp(quest->frame.method, "*ping") != 0)
		return false;
	begin_answer(quest, &packer, 1);
	pack_int(&packer, "ts", gate_now());
	return true;
}
