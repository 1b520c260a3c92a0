/*-------------------------------------------------------------------------
 *
 * quest.c
 *	  A quest on its way through the gate: its answer, or its failure.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fpnn/catalog.h"
#include "quest/quest.h"

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
gate_pack_body(msgpack_packer *packer, const GateBody *body)
{
	if (body->bin)
		fpnn_pack_bin(packer, body->bytes, body->len);
	else
		fpnn_pack_text_len(packer, body->bytes, body->len);
}

/* ---- giving up ---- */

void
gate_quest_drop_codec(GateQuest *quest)
{
	if (quest->codec)
		quest->codec->free(quest->codec);
	quest->codec = NULL;
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
