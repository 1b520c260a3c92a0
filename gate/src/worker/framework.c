/*-------------------------------------------------------------------------
 *
 * framework.c
 *	  Quests that need no transaction: methods that begin with "*" belong to the
 *	  framework (protocol.md), and are neither signed nor counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "table/gate_guc.h"
#include "host.h"
#include "quest/gate_json.h"
#include "worker/framework.h"

static int64 started; /* seconds */

static bool
is_named(const GateQuest *quest, const char *name)
{
	return strcmp(quest->frame.method, name) == 0;
}

static void
answer_ping(GateQuest *quest)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 1);
	gate_answer_int(&packer, "ts", gate_now());
}

static void
answer_status(GateQuest *quest)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 1);
	gate_answer_bool(&packer, "status", true);
}

/* Unlike every other answer this is no map, but a text: JSON in msgpack. */
static void
answer_infos(GateQuest *quest, const GateNet *net)
{
	msgpack_packer packer;
	char		  *json = psprintf(
				 "{\"FPNN.status\":{\"server\":{\"base\":{\"name\":\"rtm_gate\", \"startTime\":" INT64_FORMAT
				 "}, "
						  "\"tcp\":{\"maxConnection\":%d, \"idleTimeout\":%d}, "
						  "\"proto\":{\"currentVersion\":1, \"supportedVersion\":1}, "
						  "\"status\":{\"tcp\":{\"currentConnections\":%d}}}}, \"APP.status\":{}}",
				 started, gate_max_connections, gate_idle_timeout / 1000, gate_net_count(net));

	if (quest->frame.flag & FPNN_FLAG_JSON)
	{
		quest->final = true;
		(void) fpnn_buf_append(&quest->answer, json, strlen(json));
		return;
	}
	fpnn_packer_init(&packer, &quest->answer);
	fpnn_pack_text(&packer, json);
}

/* Only quests that are well-formed are answered. */
static bool
has_map(GateQuest *quest)
{
	FpnnDoc doc = {0};
	bool	good;

	if (quest->frame.flag & FPNN_FLAG_JSON)
		return gate_json_is_object((const char *) quest->frame.payload, quest->frame.payload_len);
	good = fpnn_doc_open(&doc, quest->frame.payload, quest->frame.payload_len) == FPNN_OK;
	fpnn_doc_close(&doc);
	return good;
}

bool
gate_system_run(GateQuest *quest, const GateNet *net)
{
	bool ping = is_named(quest, "*ping");
	bool infos = is_named(quest, "*infos");

	if (started == 0)
		started = rtm_wall_us() / 1000000;
	if (!ping && !infos && !is_named(quest, "*status"))
		return false;
	if (!has_map(quest))
		quest->close = true;
	else if (ping)
		answer_ping(quest);
	else if (infos)
		answer_infos(quest, net);
	else
		answer_status(quest);
	return true;
}
