/*-------------------------------------------------------------------------
 *
 * quest.c
 *	  From a quest to its answer: what may be asked, by whom, and where it is
 *	  carried out.
 *
 * Called by gate.c.  The order of the checks is that of the service: unknown
 * methods first, then the signature, then the parameters, then the limits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fpnn/crypt.h"
#include "gate/fault.h"
#include "gate/handler.h"
#include "gate/json.h"
#include "gate/limit.h"
#include "gate/quest.h"
#include "host.h"

bool
gate_quest_fail(GateQuest *quest, int code, const char *ex)
{
	const char *text = rtm_code_text(code);

	quest->code = code;
	quest->ex = ex ? ex : text ? text : "";
	return false;
}

/* ---- writing an answer ---- */

void
gate_answer_begin(GateQuest *quest, msgpack_packer *packer, size_t keys)
{
	fpnn_packer_init(packer, &quest->answer);
	msgpack_pack_map(packer, keys);
}

void
gate_answer_int(msgpack_packer *packer, const char *key, int64 value)
{
	fpnn_pack_text(packer, key);
	msgpack_pack_int64(packer, value);
}

void
gate_answer_bool(msgpack_packer *packer, const char *key, bool value)
{
	fpnn_pack_text(packer, key);
	if (value)
		msgpack_pack_true(packer);
	else
		msgpack_pack_false(packer);
}

void
gate_answer_ints(msgpack_packer *packer, const char *key, const int64 *values, int n)
{
	fpnn_pack_text(packer, key);
	msgpack_pack_array(packer, (size_t) n);
	for (int i = 0; i < n; i++)
		msgpack_pack_int64(packer, values[i]);
}

void
gate_pack_body(msgpack_packer *packer, const GateBody *body)
{
	if (body->bin)
		fpnn_pack_bin(packer, body->bytes, body->len);
	else
		fpnn_pack_text_len(packer, body->bytes, body->len);
}

/* ---- *key ---- */

/* Agree on a key; the connection closes when that fails. */
static void
run_key(GateQuest *quest, const msgpack_object *map)
{
	char		  *key = gate_store_private_key();
	FpnnKeyQuest   parameters;
	FpnnStatus	   status = FPNN_CRYPTO;
	msgpack_packer packer;

	if (key)
		status = fpnn_crypt_read_quest(map, &parameters);
	if (key && status == FPNN_OK)
		status = fpnn_crypt_server(&rtm_env, key, strlen(key), &parameters, FPNN_MAX_FRAME,
								   &quest->codec);
	if (key)
		explicit_bzero(key, strlen(key));
	if (status != FPNN_OK)
	{
		quest->codec = NULL;
		quest->close = true;
		return;
	}
	gate_answer_begin(quest, &packer, 0);
}

void
gate_quest_drop_codec(GateQuest *quest)
{
	if (quest->codec)
		quest->codec->free(quest->codec);
	quest->codec = NULL;
}

/* ---- methods ---- */

/* The quest's row; NULL: it has failed. */
static const RtmMethod *
find_method(GateQuest *quest, const msgpack_object *map)
{
	const RtmMethod *method = rtm_method_by_wire(quest->frame.method, RTM_NO_CONVERSATION);
	int64			 type;

	if (!method->has_type)
		return method;
	if (!gate_args_int(quest, map, "type", &type))
		return NULL;
	if (type >= RTM_P2P && type <= RTM_BROADCAST)
		return rtm_method_by_wire(quest->frame.method, (RtmConversation) type);
	gate_quest_fail(quest, RTM_CODE_INVALID_PARAM, "there is no such type of conversation");
	return NULL;
}

static void
run_method(GateQuest *quest, const msgpack_object *map)
{
	const RtmMethod *method;
	GateArgs		 args;

	if (strcmp(quest->frame.method, FPNN_CRYPT_METHOD) == 0)
	{
		run_key(quest, map);
		return;
	}
	if (rtm_method_by_wire(quest->frame.method, RTM_NO_CONVERSATION) == NULL)
	{
		gate_quest_fail(quest, FPNN_CODE_UNKNOWN_METHOD, NULL);
		return;
	}
	memset(&args, 0, sizeof(args));
	if (!gate_limit_check(quest, map, &args.pid) || (method = find_method(quest, map)) == NULL ||
		!gate_args_read(quest, map, method, &args) || !gate_fault_apply(quest, &args))
		return;
	if (method - rtm_methods <= RTM_GET_MESSAGE_NUM)
		gate_run_message(quest, method, &args);
	else
		gate_run_admin(quest, (RtmMethodId) (method - rtm_methods), &args);
}

void
gate_quest_forget(GateQuest *quest)
{
	fpnn_buf_reset(&quest->answer, SIZE_MAX);
	gate_quest_drop_codec(quest);
	quest->code = 0;
	quest->ex = NULL;
	quest->sent = NULL;
	quest->delay_ms = 0;
	quest->final = false;
	quest->silent = false;
	quest->close = false;
}

/*
 * What can be read of a map: as in the vendor's framework, which goes through it
 * from the beginning, nothing is found behind a key that is no text.
 */
static msgpack_object
readable_part(GateQuest *quest, const msgpack_object *map)
{
	msgpack_object part = *map;
	uint32		   n = 0;

	while (n < part.via.map.size && part.via.map.ptr[n].key.type == MSGPACK_OBJECT_STR)
		n++;
	quest->odd_key = n < part.via.map.size;
	part.via.map.size = n;
	return part;
}

/*
 * The payload goes through msgpack-c, whose memory is malloc()ed: it has to be
 * given back when a statement raises.  A payload that is none closes the
 * connection without a word, as the vendor's framework does.
 */
void
gate_quest_run(GateQuest *quest)
{
	FpnnDoc		   doc = {0};
	msgpack_object map;

	gate_quest_forget(quest);
	if (!gate_json_read(quest) ||
		fpnn_doc_open(&doc, quest->frame.payload, quest->frame.payload_len) != FPNN_OK)
	{
		quest->close = true;
		return;
	}
	map = readable_part(quest, doc.map);
	PG_TRY();
	{
		run_method(quest, &map);
	}
	PG_FINALLY();
	{
		fpnn_doc_close(&doc);
	}
	PG_END_TRY();
	if (quest->code == 0 && quest->answer.failed)
		gate_quest_fail(quest, FPNN_CODE_UNKNOWN, "out of memory");
}
