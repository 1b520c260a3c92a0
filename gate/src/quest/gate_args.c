/*-------------------------------------------------------------------------
 *
 * gate_args.c
 *	  The parameters of a quest, read as the catalogue describes them.
 *
 * What is missing is 10009, what has another type 10010, what would come behind a
 * key that is no text 10005 (protocol.md, "FPNN frame").  Lists are in the current memory context, texts in the quest's
 * payload.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fpnn/conversation.h"
#include "quest/gate_args.h"

/* What a status of reading a parameter means; true for FPNN_OK. */
bool
gate_args_check(GateQuest *quest, const char *key, FpnnStatus status)
{
	if (status == FPNN_OK)
		return true;
	if (status == FPNN_NO_KEY && quest->odd_key)
		return gate_quest_fail(quest, FPNN_CODE_BAD_KEY, NULL);
	if (status == FPNN_NO_KEY)
		return gate_quest_fail(quest, FPNN_CODE_NO_KEY, psprintf("key not found: %s", key));
	return gate_quest_fail(quest, FPNN_CODE_BAD_TYPE, psprintf("type conversion error: %s", key));
}

bool
gate_args_int(GateQuest *quest, const msgpack_object *map, const char *key, int64 *value)
{
	int64_t n = 0;
	bool	good = gate_args_check(quest, key, fpnn_map_int(map, key, &n));

	*value = n;
	return good;
}

bool
gate_args_has(const msgpack_object *map, const char *key)
{
	const msgpack_object *object = fpnn_map_get(map, key);

	return object && object->type != MSGPACK_OBJECT_NIL;
}

static bool
read_body(GateQuest *quest, const msgpack_object *map, const char *key, GateBody *body)
{
	if (!gate_args_check(quest, key, fpnn_map_text(map, key, &body->bytes, &body->len)))
		return false;
	body->bin = fpnn_map_get(map, key)->type == MSGPACK_OBJECT_BIN;
	return true;
}

static bool
read_bool(GateQuest *quest, const msgpack_object *map, const char *key, bool *value)
{
	bool flag = false;
	bool good = gate_args_check(quest, key, fpnn_map_bool(map, key, &flag));

	*value = flag;
	return good;
}

static bool
read_ids(GateQuest *quest, const msgpack_object *map, const char *key, bool required, GateIds *list)
{
	const msgpack_object_array *array;

	if (!required && !gate_args_has(map, key))
		return true;
	if (!gate_args_check(quest, key, fpnn_map_array(map, key, &array)))
		return false;
	list->there = true;
	list->ids = palloc(sizeof(int64) * Max(array->size, 1));
	for (uint32 i = 0; i < array->size; i++)
	{
		int64_t value;

		if (!gate_args_check(quest, key, fpnn_object_int(&array->ptr[i], &value)))
			return false;
		list->ids[list->n++] = value;
	}
	return true;
}

/* Names of events: the gate has none to tell of, but they have to be right. */
static bool
read_events(GateQuest *quest, const msgpack_object *map, const char *key, GateArgs *args)
{
	const msgpack_object_array *array;

	if (!gate_args_has(map, key))
		return true;
	if (!gate_args_check(quest, key, fpnn_map_array(map, key, &array)))
		return false;
	args->has_events = true;
	for (uint32 i = 0; i < array->size; i++)
	{
		const char *text;
		size_t		len;

		if (!gate_args_check(quest, key, fpnn_object_text(&array->ptr[i], &text, &len)))
			return false;
	}
	return true;
}

static bool
read_cursor(GateQuest *quest, const msgpack_object *map, const char *key, GatePage *page)
{
	int64 value;

	if (!gate_args_has(map, key))
		return true;
	if (!gate_args_int(quest, map, key, &value))
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
	GateIds mtypes = {0};

	if (!read_ids(quest, map, "mtypes", false, &mtypes))
		return false;
	if (mtypes.n > RTM_MTYPE_MAX)
		return gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	for (int i = 0; i < mtypes.n; i++)
		if (mtypes.ids[i] < RTM_MTYPE_MIN || mtypes.ids[i] > RTM_MTYPE_MAX)
			return gate_quest_fail(quest, RTM_CODE_INVALID_MTYPE, NULL);
	page->mtypes = mtypes.ids;
	page->nmtypes = mtypes.n;
	return true;
}

static bool
check_seconds(GateQuest *quest, const msgpack_object *map, const char *key)
{
	int64 seconds;

	return gate_args_int(quest, map, key, &seconds) &&
		   (seconds <= PG_INT32_MAX || gate_quest_fail(quest, RTM_CODE_INVALID_PARAM, NULL));
}

/* A user, group or room; the conversation's are looked at later. */
static bool
read_id(GateQuest *quest, const msgpack_object *map, const char *key, GateArgs *args)
{
	int64 value;

	if (!gate_args_int(quest, map, key, &value))
		return false;
	if (strcmp(key, "from") == 0)
		args->message.from = value;
	else if (strcmp(key, "to") == 0)
		args->message.to = value;
	else if (strcmp(key, "uid") == 0)
		args->uid = value;
	else if (strcmp(key, "xid") == 0)
		args->xid = value;
	return true;
}

/* Of rooms, the C++ SDK names one. */
static bool
read_some_ids(GateQuest *quest, const msgpack_object *map, const char *key, GateArgs *args)
{
	GateIds *list = strcmp(key, "tos") == 0 ? &args->tos : &args->uids;

	if (strcmp(key, "rids") != 0 || gate_args_has(map, key) || !gate_args_has(map, "rid"))
		return read_ids(quest, map, key, true, list);
	*list = (GateIds){palloc(sizeof(int64)), 1, true};
	return gate_args_int(quest, map, "rid", list->ids);
}

/* What isn't there, or is an integer, as far as the statement cares that reads it. */
static bool
check_any_id(GateQuest *quest, const msgpack_object *map, const char *key)
{
	int64 value;

	return !gate_args_has(map, key) || gate_args_int(quest, map, key, &value);
}

/* The same for a text. */
static bool
check_text(GateQuest *quest, const msgpack_object *map, const RtmParam *param)
{
	GateBody text;

	return (rtm_param_types[param->type].null == RTM_NULL_LEFT_OUT &&
			!gate_args_has(map, param->wire)) ||
		   read_body(quest, map, param->wire, &text);
}

static GateIds *
list_of(GateArgs *args, const char *key)
{
	if (strcmp(key, "gids") == 0)
		return &args->listen[GATE_FROM_GROUP];
	if (strcmp(key, "rids") == 0)
		return &args->listen[GATE_FROM_ROOM];
	return &args->listen[GATE_FROM_USER];
}

static bool
read_flag(GateQuest *quest, const msgpack_object *map, const char *key, GateArgs *args)
{
	bool flag;

	if (!gate_args_has(map, key))
		return true;
	if (!read_bool(quest, map, key, &flag))
		return false;
	args->has_flags = true;
	if (strcmp(key, "p2p") == 0)
		args->flags[GATE_FROM_USER] = flag;
	else if (strcmp(key, "group") == 0)
		args->flags[GATE_FROM_GROUP] = flag;
	else if (strcmp(key, "room") == 0)
		args->flags[GATE_FROM_ROOM] = flag;
	return true;
}

/*
 * By the parameter's type, and by its name on the wire where several have that type:
 * what isn't told apart here is left for the handler.
 */
static bool
read_param(GateQuest *quest, const msgpack_object *map, const RtmParam *param, GateArgs *args)
{
	const char *key = param->wire;

	switch (param->type)
	{
		case RTM_PARAM_UID:
		case RTM_PARAM_ID:
			return read_id(quest, map, key, args);
		case RTM_PARAM_ANY_ID:
			return check_any_id(quest, map, key);
		case RTM_PARAM_UIDS:
			return read_some_ids(quest, map, key, args);
		case RTM_PARAM_IDS:
			return read_ids(quest, map, key, false, list_of(args, key));
		case RTM_PARAM_MTYPE:
			return gate_args_int(quest, map, key, &args->message.mtype);
		case RTM_PARAM_MSG:
			return read_body(quest, map, key, &args->message.msg);
		case RTM_PARAM_ATTRS:
			return read_body(quest, map, key, &args->message.attrs);
		case RTM_PARAM_NEW_MID:
		case RTM_PARAM_MID:
			return gate_args_int(quest, map, key, &args->message.mid);
		case RTM_PARAM_DESC:
			return read_bool(quest, map, key, &args->page.desc);
		case RTM_PARAM_NUM:
			return gate_args_int(quest, map, key, &args->page.num);
		case RTM_PARAM_CURSOR:
			return read_cursor(quest, map, key, &args->page);
		case RTM_PARAM_MTYPES:
			return read_mtypes(quest, map, &args->page);
		case RTM_PARAM_CHOICE:
		case RTM_PARAM_OPTION_TYPE:
		case RTM_PARAM_TYPE:
			return gate_args_int(quest, map, key, &args->type);
		case RTM_PARAM_SECONDS:
			return check_seconds(quest, map, key);
		case RTM_PARAM_EVENTS:
			return read_events(quest, map, key, args);
		case RTM_PARAM_TEXT:
		case RTM_PARAM_SOME_TEXT:
			return check_text(quest, map, param);
		case RTM_PARAM_FLAG:
			return read_flag(quest, map, key, args);
		case RTM_PARAM_END:
			break;
	}
	return true;
}

/* For rtm_conversation_key(): what isn't an integer isn't there. */
static bool
find_int(const void *map, const char *key, int64_t *value)
{
	return fpnn_map_int(map, key, value) == FPNN_OK;
}

/* args->pid is filled already. */
bool
gate_args_read(GateQuest *quest, const msgpack_object *map, const RtmMethod *method, GateArgs *args)
{
	RtmConversationKey key;
	int64			   xid;

	args->map = map;
	for (const RtmParam *p = method->params; p->type != RTM_PARAM_END; p++)
		if (!read_param(quest, map, p, args))
			return false;
	if (method->xid_zero && !gate_args_int(quest, map, "xid", &xid))
		return false;
	key = rtm_conversation_key(method, find_int, map);
	args->conversation = (GateConversation){args->pid, key.type, key.a, key.b};
	return true;
}
