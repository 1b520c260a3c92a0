/*-------------------------------------------------------------------------
 *
 * test_catalog.c
 *	  Signatures, the method catalogue and the table of codes.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "fpnn/catalog.h"
#include "fpnn/clean.h"
#include "fpnn/conversation.h"
#include "fpnn/sign.h"

static void
signatures(void)
{
	char sign[FPNN_SIGN_LEN + 1];

	CHECK_INT(unit_nsigns, 3);
	for (size_t i = 0; i < unit_nsigns; i++)
	{
		const VSign *v = &unit_signs[i];

		CHECK_INT(fpnn_sign(&unit_env, v->pid, v->secret, v->salt, v->method, v->ts, sign),
				  FPNN_OK);
		CHECK_BYTES(sign, strlen(sign), v->sign, strlen(v->sign));
	}

	/* those of the captured quests */
	for (size_t i = 0; i < unit_ncalls; i++)
	{
		FpnnFrame	frame;
		FpnnDoc		doc;
		size_t		need;
		const char *text;
		size_t		len;
		int64_t		pid;
		int64_t		salt;
		int64_t		ts;

		fpnn_frame_parse(unit_calls[i].quest.bytes, unit_calls[i].quest.len, FPNN_MAX_FRAME, &frame,
						 &need);
		CHECK_INT(fpnn_doc_open(&doc, frame.payload, frame.payload_len), FPNN_OK);
		CHECK_INT(fpnn_map_int(doc.map, "pid", &pid), FPNN_OK);
		CHECK_INT(fpnn_map_int(doc.map, "salt", &salt), FPNN_OK);
		CHECK_INT(fpnn_map_int(doc.map, "ts", &ts), FPNN_OK);
		CHECK_INT(fpnn_map_text(doc.map, "sign", &text, &len), FPNN_OK);
		CHECK_INT(fpnn_sign(&unit_env, pid, unit_secret, salt, unit_calls[i].method, ts, sign),
				  FPNN_OK);
		CHECK_BYTES(sign, strlen(sign), text, len);
		fpnn_doc_close(&doc);
	}
}

static void
signature_limits(void)
{
	char sign[FPNN_SIGN_LEN + 1];
	char longest[FPNN_MAX_SECRET + 2];

	memset(longest, 's', sizeof(longest));
	longest[FPNN_MAX_SECRET + 1] = '\0';
	CHECK_INT(fpnn_sign(&unit_env, 1, longest, 1, "m", 1, sign), FPNN_TOO_LARGE);
	longest[FPNN_MAX_SECRET] = '\0';
	CHECK_INT(fpnn_sign(&unit_env, INT64_MIN, longest, INT64_MIN, longest, INT64_MIN, sign),
			  FPNN_TOO_LARGE);
	longest[255] = '\0';
	CHECK_INT(fpnn_sign(&unit_env, INT64_MIN, longest, INT64_MIN, longest, INT64_MIN, sign),
			  FPNN_OK);
	CHECK_INT(strlen(sign), FPNN_SIGN_LEN);
	CHECK_INT(fpnn_sign(&unit_env_no_md5, 1, "s", 1, "m", 1, sign), FPNN_CRYPTO);
}

/* Which key of a captured quest a parameter of the catalogue goes to. */
static bool
names_key(const RtmMethod *m, const char *key)
{
	static const char *const common[] = {"pid", "salt", "ts", "sign", NULL};

	for (int i = 0; common[i]; i++)
		if (strcmp(key, common[i]) == 0)
			return true;
	if (m->has_type && (strcmp(key, "type") == 0 || (m->xid_zero && strcmp(key, "xid") == 0)))
		return true;
	for (const RtmParam *p = m->params; p->type != RTM_PARAM_END; p++)
		if (strcmp(key, p->wire) == 0)
			return true;
	return false;
}

static bool
has_field(const VField *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return true;
	return false;
}

static const VCall *
captured(const char *name)
{
	for (size_t i = 0; i < unit_ncalls; i++)
		if (strcmp(unit_calls[i].call, name) == 0)
			return &unit_calls[i];
	return NULL;
}

/* The catalogue and the captured quests know the same keys. */
static void
catalogue(void)
{
	int ncalls = 0;

	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];
		const VCall		*call = captured(m->call);

		if (call == NULL)
			continue;
		ncalls++;
		CHECK(m->kind != RTM_KIND_LISTEN);
		CHECK_BYTES(m->method, strlen(m->method), call->method, strlen(call->method));
		for (const VField *f = call->params; f->key; f++)
			CHECK(names_key(m, f->key));
		for (const RtmParam *p = m->params; p->type != RTM_PARAM_END; p++)
			CHECK(p->type == RTM_PARAM_CURSOR || p->type == RTM_PARAM_MTYPES ||
				  has_field(call->params, p->wire));
		CHECK_INT(m->has_type, has_field(call->params, "type"));
		for (const VField *f = call->params; f->key; f++)
		{
			if (strcmp(f->key, "type") == 0)
				CHECK_INT(f->number, m->conversation);
			if (m->xid_zero && strcmp(f->key, "xid") == 0)
				CHECK_INT(f->number, 0);
		}
		for (const char *const *key = (const char *const[]){m->key_a, m->key_b, NULL}; *key; key++)
			CHECK(names_key(m, *key));
	}
	CHECK_INT(ncalls, 17);
}

/* Every row is there, with names of its own; typed rows stand for several. */
static void
rows(void)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];

		if (!CHECK(m->call != NULL && m->method != NULL))
			continue;
		for (int j = 0; j < i; j++)
		{
			CHECK(strcmp(m->call, rtm_methods[j].call) != 0);
			CHECK(m->has_type || strcmp(m->method, rtm_methods[j].method) != 0);
		}
		for (const char *const *key = (const char *const[]){m->key_a, m->key_b, NULL}; *key; key++)
			CHECK(names_key(m, *key));
	}
}

/* Everything that depends on a kind is said of each. */
static void
kinds(void)
{
	for (int i = 0; i < RTM_NUM_KINDS; i++)
	{
		const RtmKindTraits *k = &rtm_kinds[i];
		int					 n = 0;
		bool				 mtime = false;

		if (!CHECK(k->name != NULL))
			continue;
		for (int j = 0; j < i; j++)
			CHECK(strcmp(k->name, rtm_kinds[j].name) != 0);
		CHECK(k->repeat != RTM_REPEAT_UNSAID);
		for (const RtmField *f = k->fields; f->type != RTM_FIELD_END; f++, n++)
		{
			CHECK((f->wire == NULL) == (f->type == RTM_FIELD_MID || f->type == RTM_FIELD_ANSWER));
			mtime = mtime || (f->wire && strcmp(f->wire, "mtime") == 0);
		}
		CHECK(n <= RTM_MAX_FIELDS);
		CHECK(n == 0 || k->keep != RTM_KEEP_NOTHING);
		CHECK(k->keep != RTM_KEEP_MTIME || mtime);

		/* what the code says is known only of a quest that may have been sent before */
		CHECK(k->done_code == 0 || k->repeat != RTM_REPEAT_NEVER);
	}
	CHECK(rtm_method_traits(NULL) == &rtm_kinds[RTM_KIND_ANY]);
	CHECK(rtm_method_traits(&rtm_methods[RTM_DELETE_ROOM_MESSAGE]) == &rtm_kinds[RTM_KIND_DELETE]);
}

/* A row has a result's fields just if its answer is kept; no field of theirs is a page or a mid. */
static void
fields(void)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];
		int				 n = 0;

		for (const RtmField *f = rtm_method_fields(m); f->type != RTM_FIELD_END; f++)
			n++;
		CHECK(n <= RTM_MAX_FIELDS);
		CHECK((n > 0) == (rtm_method_traits(m)->keep != RTM_KEEP_NOTHING));
		CHECK((m->fields[0].type != RTM_FIELD_END) == (m->kind == RTM_KIND_ASK));
	}
	CHECK(rtm_method_fields(NULL) == rtm_kinds[RTM_KIND_ANY].fields);
}

/* Of which nobody knows whether it may be repeated is never repeated. */
static void
repeats(void)
{
	CHECK(!rtm_method_repeatable(NULL, true));
	CHECK(rtm_method_repeatable(&rtm_methods[RTM_SEND_MESSAGE], true));
	CHECK(!rtm_method_repeatable(&rtm_methods[RTM_SEND_MESSAGE], false));
	CHECK(rtm_method_repeatable(&rtm_methods[RTM_GET_P2P_MESSAGE], false));
	CHECK(rtm_method_repeatable(&rtm_methods[RTM_DELETE_P2P_MESSAGE], false));
	CHECK(rtm_method_repeatable(&rtm_methods[RTM_IS_GROUP_MEMBER], false));
	CHECK(rtm_method_repeatable(&rtm_methods[RTM_ADD_GROUP_BAN], false));
	CHECK(rtm_method_repeatable(&rtm_methods[RTM_REMOVE_TOKEN], false));

	/* what came between the two would go with it */
	CHECK(!rtm_method_repeatable(&rtm_methods[RTM_KICKOUT], true));
	CHECK(!rtm_method_repeatable(&rtm_methods[RTM_DELETE_CONVERSATION_MESSAGES], true));
	CHECK(!rtm_method_repeatable(&rtm_methods[RTM_CLEAR_PROJECT_GROUP], true));
}

static void
parameters(void)
{
	for (int i = RTM_PARAM_END + 1; i < RTM_NUM_PARAM_TYPES; i++)
	{
		const RtmParamTraits *t = &rtm_param_types[i];

		if (!CHECK(t->sql != NULL))
			continue;
		if (t->wire == RTM_WIRE_INT || t->wire == RTM_WIRE_INTS)
		{
			CHECK(t->min < t->max);
			CHECK(rtm_code_text(t->code) != NULL);
			CHECK(strncmp(t->sql, "integer", 7) != 0 ||
				  (t->min >= INT32_MIN && t->max <= INT32_MAX));
		}
		CHECK((t->wire == RTM_WIRE_INTS || t->wire == RTM_WIRE_TEXTS) ==
			  (strstr(t->sql, "[]") != NULL));
	}
	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];

		CHECK(rtm_method_nparams(m) <= RTM_MAX_PARAMS);
		CHECK(m->kind != RTM_KIND_ANY);
		for (const RtmParam *p = m->params; p->type != RTM_PARAM_END; p++)
			CHECK(p->name && p->wire && p->type < RTM_NUM_PARAM_TYPES);
	}
}

static void
lookups(void)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];

		CHECK(rtm_method_by_call(m->call, strlen(m->call)) == m);
		CHECK(rtm_method_by_call(m->call, strlen(m->call) - 1) != m);
		CHECK(rtm_method_by_wire(m->method, m->conversation) == m);
		CHECK(rtm_method_by_wire(m->method, RTM_NO_CONVERSATION) != NULL);
	}
	CHECK(rtm_method_by_call("", 0) == NULL);
	CHECK(rtm_method_by_call("call", 4) == NULL);
	CHECK(rtm_method_by_call("send_message_async", strlen("send_message")) ==
		  &rtm_methods[RTM_SEND_MESSAGE]);
	CHECK(rtm_method_by_wire("nosuch", RTM_NO_CONVERSATION) == NULL);
	CHECK(rtm_method_by_wire("delmsg", RTM_ROOM) == &rtm_methods[RTM_DELETE_ROOM_MESSAGE]);
	CHECK(rtm_method_by_wire("delmsg", RTM_NO_CONVERSATION) ==
		  &rtm_methods[RTM_DELETE_P2P_MESSAGE]);
}

/* A quest of integers: names and values. */
typedef struct Quest
{
	const char *wire;
	int64_t		value;
} Quest;

static bool
find_int(const void *quest, const char *wire, int64_t *value)
{
	for (const Quest *q = quest; q->wire; q++)
		if (strcmp(q->wire, wire) == 0)
		{
			*value = q->value;
			return true;
		}
	return false;
}

static void
check_key(RtmConversationKey key, RtmConversation type, int64_t a, int64_t b)
{
	CHECK_INT(key.type, type);
	CHECK_INT(key.a, a);
	CHECK_INT(key.b, b);
}

#define KEY(id, ...) \
	rtm_conversation_key(&rtm_methods[id], find_int, (const Quest[]){__VA_ARGS__, {NULL, 0}})
#define KEY_OF_ANY(method, ...) \
	rtm_conversation_of_any(method, find_int, (const Quest[]){__VA_ARGS__, {NULL, 0}})

static void
conversations(void)
{
	/* by the row: a pair counts in either order */
	check_key(KEY(RTM_SEND_MESSAGE, {"from", 9}, {"to", 4}), RTM_P2P, 4, 9);
	check_key(KEY(RTM_SEND_MESSAGE, {"from", 4}, {"to", 9}), RTM_P2P, 4, 9);
	check_key(KEY(RTM_GET_P2P_MESSAGE, {"uid", 9}, {"ouid", 4}), RTM_P2P, 4, 9);
	check_key(KEY(RTM_DELETE_P2P_MESSAGE, {"from", 9}, {"xid", 4}), RTM_P2P, 4, 9);
	check_key(KEY(RTM_SEND_MESSAGES, {"from", 9}), RTM_P2P, 9, RTM_SEVERAL);
	check_key(KEY(RTM_SEND_GROUP_MESSAGE, {"from", 9}, {"gid", 4}), RTM_GROUP, 4, 0);
	check_key(KEY(RTM_DELETE_GROUP_MESSAGE, {"from", 9}, {"xid", 4}), RTM_GROUP, 4, 0);
	check_key(KEY(RTM_SEND_ROOM_MESSAGE, {"from", 9}, {"rid", 4}), RTM_ROOM, 4, 0);
	check_key(KEY(RTM_BROADCAST_MESSAGE, {"from", 9}), RTM_BROADCAST, 0, 0);
	check_key(KEY(RTM_DELETE_BROADCAST_MESSAGE, {"from", 9}, {"xid", 7}), RTM_BROADCAST, 0, 0);
	check_key(KEY(RTM_ADD_GROUP_BAN, {"uid", 9}), RTM_GROUP, 0, 0);
	check_key(KEY(RTM_GET_MESSAGE_NUM, {"type", 2}, {"xid", 3}), RTM_GROUP, 3, 0);
	check_key(KEY(RTM_GET_MESSAGE_NUM, {"type", 1}, {"xid", 3}), RTM_NO_CONVERSATION, 0, 0);
	check_key(KEY(RTM_EDIT_MESSAGE, {"type", 3}, {"xid", 4}, {"from", 9}), RTM_ROOM, 4, 0);
	check_key(KEY(RTM_CLEAN_MESSAGE, {"type", 1}, {"xid", 4}, {"from", 9}), RTM_P2P, 4, 9);
	check_key(KEY(RTM_CLEAN_MESSAGE, {"type", 4}, {"xid", 0}, {"from", 9}), RTM_BROADCAST, 0, 0);

	/* what is a user's: in order with whatever else is his, and with nobody else's */
	check_key(KEY(RTM_ADD_FRIENDS, {"uid", 9}), RTM_NO_CONVERSATION, 9, 0);
	check_key(KEY(RTM_ADD_DEVICE_PUSH_OPTION, {"uid", 9}, {"type", 1}, {"xid", 4}),
			  RTM_NO_CONVERSATION, 9, 0);

	/* a question about nobody in particular is in order with nothing */
	CHECK(rtm_method_alone(&rtm_methods[RTM_TEXT_CHECK]));
	CHECK(rtm_method_alone(&rtm_methods[RTM_GET_ROOM_COUNT]));
	CHECK(!rtm_method_alone(&rtm_methods[RTM_GET_FRIENDS]));
	CHECK(!rtm_method_alone(&rtm_methods[RTM_GET_MESSAGE_NUM]));
	CHECK(!rtm_method_alone(&rtm_methods[RTM_GET_BROADCAST_MESSAGE]));
	CHECK(!rtm_method_alone(&rtm_methods[RTM_CLEAR_PROJECT_MESSAGES]));

	/* by the names: the same conversations */
	check_key(KEY_OF_ANY("sendmsg", {"from", 9}, {"to", 4}), RTM_P2P, 4, 9);
	check_key(KEY_OF_ANY("sendmsgs", {"from", 9}), RTM_NO_CONVERSATION, 0, 0);
	check_key(KEY_OF_ANY("sendgroupmsg", {"from", 9}, {"gid", 4}), RTM_GROUP, 4, 0);
	check_key(KEY_OF_ANY("delmsg", {"from", 9}, {"xid", 4}, {"type", 1}), RTM_P2P, 4, 9);
	check_key(KEY_OF_ANY("delmsg", {"from", 9}, {"xid", 4}, {"type", 2}), RTM_GROUP, 4, 0);
	check_key(KEY_OF_ANY("editmsg", {"from", 9}, {"xid", 4}, {"type", 3}), RTM_ROOM, 4, 0);
	check_key(KEY_OF_ANY("editmsg", {"from", 9}, {"xid", 0}, {"type", 4}), RTM_BROADCAST, 0, 0);
	check_key(KEY_OF_ANY("editmsg", {"from", 9}, {"xid", 0}, {"type", 5}), RTM_NO_CONVERSATION, 0,
			  0);
	check_key(KEY_OF_ANY("broadcastmsg", {"from", 9}), RTM_BROADCAST, 0, 0);
	check_key(KEY_OF_ANY("getp2pmsg", {"uid", 9}, {"ouid", 4}), RTM_P2P, 4, 9);
	check_key(KEY_OF_ANY("addoption", {"uid", 9}, {"xid", 4}, {"type", 1}), RTM_NO_CONVERSATION, 0,
			  0);
	check_key(KEY_OF_ANY("clearprojectmsg", {"type", 1}), RTM_NO_CONVERSATION, 0, 0);
}

/* The short list of what is final; everything else is tried again. */
static void
code_classes(void)
{
	static const int passing[] = {20001,  20002,  20003,  20006,  20009,  20011,	20012,
								  20014,  200002, 200006, 200008, 200010, 200011,	200999,
								  200998, 40000,  12345,  0,	  -1,	  INT32_MIN};
	static const int final[] = {10005,	10009,	10010,	20004,	200005, 200021, 200024, 200030,
								200032, 200033, 200034, 200040, 200041, 200044, 200052, 200070};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		CHECK_INT(rtm_code_class(passing[i]), RTM_CLASS_PASSING);
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++)
		CHECK_INT(rtm_code_class(final[i]), RTM_CLASS_FINAL);

	/* and that it has to do with a mid is told of one only */
	for (int code = 10000; code <= 201000; code++)
		CHECK((rtm_code_class(code) == RTM_CLASS_DUPLICATE) == (code == RTM_CODE_DUPLICATE_MID));
}

static void
codes(void)
{
	static const struct
	{
		int			code;
		const char *sqlstate;
	} expected[] = {
		{10001, "FP101"},  {10009, "FP109"},	 {10010, "FP110"},	   {20003, "FP203"},
		{20014, "FP214"},  {30001, "FP301"},	 {200001, "RTM01"},	   {200041, "RTM41"},
		{200053, "RTM53"}, {200070, "RTM70"},	 {200999, "RTM99"},	   {0, "RTM99"},
		{-1, "RTM99"},	   {INT32_MAX, "RTM99"}, {INT32_MIN, "RTM99"}, {9999, "RTM99"},
		{10100, "RTM99"},  {200100, "RTM99"},	 {300000, "RTM99"},
	};
	char sqlstate[6];

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		rtm_code_sqlstate(expected[i].code, sqlstate);
		CHECK_BYTES(sqlstate, strlen(sqlstate), expected[i].sqlstate, 5);
	}
	CHECK(strcmp(rtm_code_text(200053), "duplicated mid") == 0);
	CHECK(rtm_code_text(1) == NULL);

	/* no two documented codes share an SQLSTATE; none is class 08 */
	for (int code = 10000; code <= 200999; code++)
	{
		if (rtm_code_text(code) == NULL)
			continue;
		rtm_code_sqlstate(code, sqlstate);
		CHECK(strncmp(sqlstate, "RTM", 3) == 0 || strncmp(sqlstate, "FP", 2) == 0);
		CHECK(code == 200999 || strcmp(sqlstate, "RTM99") != 0);
	}
}

/* What a peer's text becomes, in so many bytes with the terminator. */
static void
check_clean(const char *text, size_t len, size_t size, const char *expected)
{
	char   out[64];
	size_t n = fpnn_clean_text(text, len, out, size);

	CHECK_BYTES(out, n, expected, strlen(expected));
	CHECK_INT(out[n], 0);
}

#define CLEAN(text, expected) check_clean(text, sizeof(text) - 1, 64, expected)

static void
clean_texts(void)
{
	CLEAN("", "");
	CLEAN("not a member", "not a member");
	CLEAN("caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80");

	/* commands: escape sequences, lines, deletes, C1, directions, separators */
	CLEAN("a\x1b[2Jb\r\nc\td\x7f", "a [2Jb  c d ");
	CLEAN("a\0b", "a b");
	CLEAN("a\xc2\x9b"
		  "b",
		  "a b");
	CLEAN("a\xe2\x80\xae"
		  "b\xe2\x81\xa6"
		  "c\xe2\x80\xa8"
		  "d",
		  "a b c d");

	/* what is no UTF-8: stray, overlong, surrogate, too large, cut off */
	CLEAN("a\xff\x80"
		  "b",
		  "a??b");
	CLEAN("\xc0\xaf", "??");
	CLEAN("\xed\xa0\x80", "???");
	CLEAN("\xf4\x90\x80\x80", "????");
	CLEAN("a\xe4\xb8", "a??");

	/* cut between characters */
	check_clean("ab\xc3\xa9", 4, 4, "ab");
	check_clean("ab\xc3\xa9", 4, 5, "ab\xc3\xa9");
	check_clean("abc", 3, 1, "");
	for (int i = 0; i < 2000; i++)
	{
		char   text[60];
		char   once[64];
		char   twice[64];
		size_t n = (size_t) unit_random() % sizeof(text);

		for (size_t j = 0; j < n; j++)
			text[j] = (char) unit_random();
		n = fpnn_clean_text(text, n, once, sizeof(once));
		CHECK_INT(fpnn_clean_text(once, n, twice, sizeof(twice)), n);
		CHECK_BYTES(twice, n, once, n);
	}
}

static void
statuses(void)
{
	for (int status = FPNN_OK; status <= FPNN_CLOSED; status++)
		CHECK(strcmp(fpnn_status_text((FpnnStatus) status), "unknown status") != 0);
	CHECK(strcmp(fpnn_status_text((FpnnStatus) 99), "unknown status") == 0);
}

void
test_catalog(void)
{
	unit_run("signatures", signatures);
	unit_run("limits of what can be signed", signature_limits);
	unit_run("catalogue and captured quests agree", catalogue);
	unit_run("rows of the catalogue", rows);
	unit_run("traits of kinds", kinds);
	unit_run("fields of results", fields);
	unit_run("what may be repeated", repeats);
	unit_run("traits of parameters", parameters);
	unit_run("a method by its names", lookups);
	unit_run("conversations of quests", conversations);
	unit_run("codes and SQLSTATEs", codes);
	unit_run("what a code means for a request", code_classes);
	unit_run("texts that are shown", clean_texts);
	unit_run("names of statuses", statuses);
}
