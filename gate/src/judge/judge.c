/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  From a quest to its answer: what may be asked, by whom, and where it is
 *	  carried out.
 *
 * The order of the checks is that of the service: unknown methods first, then
 * the signature, then the parameters, then the limits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fpnn/crypt.h"
#include "host.h"
#include "judge/admit.h"
#include "judge/gate_fault.h"
#include "judge/judge.h"
#include "quest/gate_json.h"
#include "table/gate_statement.h"

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

/* ---- methods ---- */

/* By the kind of a method, where a kind is one thing; else by its row.  NULL: the gate has none. */
static GateHandler
handler_of(const RtmMethod *method)
{
	static const GateHandler of_kind[RTM_NUM_KINDS] = {
		[RTM_KIND_SEND] = gate_run_send,
		[RTM_KIND_HISTORY] = gate_run_history,
		[RTM_KIND_DELETE] = gate_run_delete,
		[RTM_KIND_INFO] = gate_run_info,
	};
	static const GateHandler of_method[RTM_NUM_METHODS] = {
		[RTM_GET_MESSAGE_NUM] = gate_run_count,
		[RTM_ADD_LISTEN] = gate_add_listen,
		[RTM_REMOVE_LISTEN] = gate_remove_listen,
		[RTM_SET_LISTEN] = gate_set_listen,
	};

	if (of_kind[method->kind])
		return of_kind[method->kind];
	if (of_method[method - rtm_methods])
		return of_method[method - rtm_methods];
	return gate_statement(method) ? gate_run_stored : NULL;
}

/* Of the rows that share a method, the one of the quest's type; NULL: it has failed. */
static const RtmMethod *
row_of_type(GateQuest *quest, const msgpack_object *map, const RtmMethod *first)
{
	const RtmMethod *row = NULL;
	int64			 type;

	if (!first->has_type)
		return first;
	if (!gate_args_int(quest, map, "type", &type))
		return NULL;
	if (type >= RTM_P2P && type <= RTM_BROADCAST)
		row = rtm_method_by_wire(quest->frame.method, (RtmConversation) type);
	if (row == NULL)
		gate_quest_fail(quest, RTM_CODE_INVALID_PARAM, "there is no such type of conversation");
	return row;
}

static bool
check_uid(GateQuest *quest, const GateArgs *args)
{
	return args->uid >= 0 || gate_quest_fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
}

static void
run_method(GateQuest *quest, const msgpack_object *map)
{
	const RtmMethod *method = rtm_method_by_wire(quest->frame.method, RTM_NO_CONVERSATION);
	GateArgs		 args = {0};

	if (strcmp(quest->frame.method, FPNN_CRYPT_METHOD) == 0)
		run_key(quest, map);
	else if (method == NULL || handler_of(method) == NULL)
		gate_quest_fail(quest, FPNN_CODE_UNKNOWN_METHOD, NULL);
	else if (gate_admit(quest, map, &args.pid) && (method = row_of_type(quest, map, method)) &&
			 gate_args_read(quest, map, method, &args) && gate_fault_apply(quest, &args) &&
			 check_uid(quest, &args))
		handler_of(method)(quest, method, &args);
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
gate_judge(GateQuest *quest)
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
