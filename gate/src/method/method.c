/*-------------------------------------------------------------------------
 *
 * method.c
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
#include "method/admit.h"
#include "method/gate_fault.h"
#include "method/method.h"
#include "quest/gate_json.h"

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

/* The first row with this method on the wire; RTM_NUM_METHODS: none. */
static RtmMethodId
find_row(const char *name)
{
	RtmMethodId id = 0;

	while (id < RTM_NUM_METHODS && strcmp(rtm_methods[id].method, name) != 0)
		id++;
	return id;
}

/* Of the rows that share a method, the one of the quest's type. */
static bool
find_row_of_type(GateQuest *quest, const msgpack_object *map, RtmMethodId *id)
{
	int64 type;

	if (!rtm_methods[*id].has_type)
		return true;
	if (!gate_args_int(quest, map, "type", &type))
		return false;
	for (RtmMethodId i = *id; i < RTM_NUM_METHODS; i++)
	{
		if (strcmp(rtm_methods[i].method, quest->frame.method) != 0 ||
			rtm_methods[i].conversation != type)
			continue;
		*id = i;
		return true;
	}
	return gate_quest_fail(quest, RTM_CODE_INVALID_PARAM, "there is no such type of conversation");
}

/* By the kind of a method, where a kind is one thing; else by its row. */
static GateHandler
handler_of(RtmMethodId id)
{
	switch (rtm_methods[id].kind)
	{
		case RTM_KIND_SEND:
			return gate_run_send;
		case RTM_KIND_HISTORY:
			return gate_run_history;
		case RTM_KIND_DELETE:
			return gate_run_delete;
		case RTM_KIND_INFO:
			return gate_run_info;
		case RTM_KIND_COUNT:
			return gate_run_count;
		case RTM_KIND_CHANGE:
		case RTM_KIND_CHECK:
		case RTM_KIND_UIDS:
		case RTM_KIND_GIDS:
		case RTM_KIND_ROOM_COUNTS:
		case RTM_KIND_LISTEN:
			return gate_admin_handlers[id];
	}
	return NULL;
}

static void
run_method(GateQuest *quest, const msgpack_object *map)
{
	RtmMethodId id = find_row(quest->frame.method);
	GateHandler handler = id < RTM_NUM_METHODS ? handler_of(id) : NULL;
	GateArgs	args;

	if (strcmp(quest->frame.method, FPNN_CRYPT_METHOD) == 0)
	{
		run_key(quest, map);
		return;
	}
	if (handler == NULL)
	{
		gate_quest_fail(quest, FPNN_CODE_UNKNOWN_METHOD, NULL);
		return;
	}
	memset(&args, 0, sizeof(args));
	if (!gate_admit(quest, map, &args.pid) || !find_row_of_type(quest, map, &id) ||
		!gate_args_read(quest, map, &rtm_methods[id], &args) || !gate_fault_apply(quest, &args))
		return;
	if (args.uid < 0)
		gate_quest_fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
	else
		handler(quest, &rtm_methods[id], &args);
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
gate_method_run(GateQuest *quest)
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
