/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  A send whose mid the gate knows already.
 *
 * Sender and conversation of a message are in the quest that asks for it, so what
 * is left to compare is type and body.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "client/mid.h"
#include "fpnn/catalog.h"
#include "method/encode.h"
#include "outbox/deliver/lookup.h"

/* The request's parameters as a map; false: they can't be read. */
static bool
open_params(const Request *request, FpnnDoc *doc)
{
	const OutboxRow *row = &request->row;
	uint8			*map = palloc(row->params_len + 3);

	map[0] = 0xde; /* map 16 */
	map[1] = (uint8) (row->nparams >> 8);
	map[2] = (uint8) row->nparams;
	memcpy(map + 3, row->params, row->params_len);
	return fpnn_doc_open(doc, map, row->params_len + 3) == FPNN_OK;
}

/* The other user (the first of several), group or room. */
static int64
target_of(const OutboxRow *row, int64 sender)
{
	if (row->recipients)
		return row->recipients[0];
	return row->conversation == RTM_P2P && row->key_a == sender ? row->key_b : row->key_a;
}

static OutboxQuestText
lookup_text(const Request *request)
{
	const OutboxRow *row = &request->row;
	OutboxQuestText	 text = {.method = "getmsg"};
	StringInfoData	 params;
	FpnnDoc			 doc;
	int64_t			 sender = 0;

	if (open_params(request, &doc))
		(void) fpnn_map_int(doc.map, "from", &sender);
	fpnn_doc_close(&doc);
	initStringInfo(&params);
	rtm_encode_lookup((RtmConversation) row->conversation, row->mid, sender, target_of(row, sender),
					  &params, &text.nparams);
	text.params = params.data;
	text.params_len = params.len;
	return text;
}

OutboxQuestText
outbox_quest_text(const Request *request)
{
	const OutboxRow *row = &request->row;

	if (request->looking)
		return lookup_text(request);
	return (OutboxQuestText){row->method, row->params, row->params_len, row->nparams};
}

static bool
same_text(const msgpack_object *a, const msgpack_object *b, const char *key)
{
	const char *text_a;
	const char *text_b;
	size_t		len_a;
	size_t		len_b;

	return fpnn_map_text(a, key, &text_a, &len_a) == FPNN_OK &&
		   fpnn_map_text(b, key, &text_b, &len_b) == FPNN_OK && len_a == len_b &&
		   memcmp(text_a, text_b, len_a) == 0;
}

OutboxFound
outbox_compare(const Request *request, const msgpack_object *answer)
{
	FpnnDoc		sent;
	int64_t		found = 0;
	int64_t		mtype = 0;
	OutboxFound result = OUTBOX_FOUND_NOTHING;

	if (fpnn_map_get(answer, "msg") == NULL || fpnn_map_int(answer, "mtype", &found) != FPNN_OK)
		return result;
	if (open_params(request, &sent) && fpnn_map_int(sent.map, "mtype", &mtype) == FPNN_OK)
		result = found == mtype && same_text(sent.map, answer, "msg") ? OUTBOX_FOUND_SAME
																	  : OUTBOX_FOUND_OTHER;
	fpnn_doc_close(&sent);
	return result;
}

/* Where the value of a key is in the packed pairs; false: they have no such key. */
static bool
find_value(const char *params, int len, int nparams, const char *key, size_t *begin, size_t *end)
{
	size_t			 at = 0;
	msgpack_unpacked pair;
	bool			 found = false;

	msgpack_unpacked_init(&pair);
	for (int i = 0; i < nparams && !found; i++)
	{
		if (msgpack_unpack_next(&pair, params, len, &at) != MSGPACK_UNPACK_SUCCESS)
			break;
		found = pair.data.type == MSGPACK_OBJECT_STR && pair.data.via.str.size == strlen(key) &&
				memcmp(pair.data.via.str.ptr, key, strlen(key)) == 0;
		*begin = at;
		if (msgpack_unpack_next(&pair, params, len, &at) != MSGPACK_UNPACK_SUCCESS)
			found = false;
		*end = at;
	}
	msgpack_unpacked_destroy(&pair);
	return found;
}

void
outbox_rename(Request *request)
{
	OutboxRow	  *row = &request->row;
	StringInfoData params;
	msgpack_packer packer;
	size_t		   begin;
	size_t		   end;

	if (!find_value(row->params, row->params_len, row->nparams, "mid", &begin, &end))
		elog(ERROR, "request " INT64_FORMAT " has no mid", row->id);
	row->mid = rtm_new_mid();
	initStringInfo(&params);
	appendBinaryStringInfo(&params, row->params, (int) begin);
	rtm_packer_init(&packer, &params);
	msgpack_pack_int64(&packer, row->mid);
	appendBinaryStringInfo(&params, row->params + end, row->params_len - (int) end);
	if (request->params)
		pfree(request->params);
	request->params = MemoryContextAlloc(TopMemoryContext, params.len);
	memcpy(request->params, params.data, params.len);
	row->params = request->params;
	row->params_len = params.len;
	pfree(params.data);

	/* nobody has seen this one */
	request->maybe_sent = false;
	request->looking = false;
	request->renamed = true;
	request->must_note = true;
	outbox_touch(request);
}
