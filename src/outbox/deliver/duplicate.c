/*-------------------------------------------------------------------------
 *
 * duplicate.c
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
#include "outbox/deliver/duplicate.h"

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
	int64_t			 sender = 0;

	(void) fpnn_pairs_int((const uint8 *) row->params, row->params_len, "from", &sender);
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

RtmFound
outbox_compare(const Request *request, const msgpack_object *answer)
{
	return rtm_compare_known((const uint8 *) request->row.params, request->row.params_len, answer);
}

void
outbox_rename(Request *request)
{
	OutboxRow	  *row = &request->row;
	StringInfoData params;

	row->mid = rtm_new_mid_instead(row->mid);
	initStringInfo(&params);
	rtm_replace_mid(&params, row->params, row->params_len, row->mid);
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
