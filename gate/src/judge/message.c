/*-------------------------------------------------------------------------
 *
 * message.c
 *	  The methods about messages.
 *
 * Codes and answers are those of protocol.md.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fpnn/conversation.h"
#include "judge/judge.h"
#include "table/member.h"
#include "table/purge.h"

static bool
check_recipients(GateQuest *quest, const GateArgs *args)
{
	if (args->tos.n == 0)
		return gate_quest_fail(quest, RTM_CODE_EMPTY_PARAM, NULL);
	if (args->tos.n > RTM_MAX_RECIPIENTS)
		return gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	for (int i = 0; i < args->tos.n; i++)
	{
		if (args->tos.ids[i] < 0)
			return gate_quest_fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
		if (args->tos.ids[i] == args->message.from)
			return gate_quest_fail(quest, RTM_CODE_SEND_TO_SELF, NULL);
	}
	return true;
}

static bool
check_message(GateQuest *quest, const RtmMethod *method, const GateArgs *args)
{
	const GateMessage *m = &args->message;
	int				   code;

	if (m->mtype < RTM_MTYPE_MIN || m->mtype > RTM_MTYPE_MAX)
		return gate_quest_fail(quest, RTM_CODE_INVALID_MTYPE, NULL);
	if (m->from < 0 || m->to < 0)
		return gate_quest_fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
	if (m->msg.len > RTM_MAX_MSG || m->attrs.len > RTM_MAX_ATTRS)
		return gate_quest_fail(quest, RTM_CODE_TOO_LARGE, NULL);
	if (args->tos.there && !check_recipients(quest, args))
		return false;
	if (method->conversation == RTM_P2P && !args->tos.there && m->from == m->to)
		return gate_quest_fail(quest, RTM_CODE_SEND_TO_SELF, NULL);
	code = gate_member_may_send(&args->conversation, m->from);
	return code == 0 || gate_quest_fail(quest, code, NULL);
}

/* Those who have the sender on their own blacklists get nothing; false: nobody is left. */
static bool
leave_out_refusing(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	GateIds	 one = {&args->message.to, 1, true};
	GateIds *tos = args->tos.there ? &args->tos : &one;
	int		 left = 0;

	if (method->conversation != RTM_P2P)
		return true;
	for (int i = 0; i < tos->n; i++)
		if (!gate_member_refuses(args->pid, tos->ids[i], args->message.from))
			tos->ids[left++] = tos->ids[i];
	tos->n = left;
	return left > 0 || gate_quest_fail(quest, RTM_CODE_BLOCKED, NULL);
}

/* The message to each recipient, once; tos[] are those to whom it was new. */
static int
insert_to_all(GateArgs *args, int64 *tos)
{
	int n = 0;

	for (int i = 0; i < args->tos.n; i++)
	{
		RtmConversationKey key = rtm_pair_key(args->message.from, args->tos.ids[i]);
		GateConversation   pair = {args->pid, RTM_P2P, key.a, key.b};

		args->message.to = args->tos.ids[i];
		if (!gate_store_insert(&pair, &args->message))
			continue;
		gate_purge_note(&pair);
		tos[n++] = args->message.to;
	}
	return n;
}

/* To how many conversations the message was new. */
static int
insert(GateArgs *args, int64 *tos)
{
	if (args->tos.there)
		return insert_to_all(args, tos);
	if (!gate_store_insert(&args->conversation, &args->message))
		return 0;
	gate_purge_note(&args->conversation);
	tos[0] = args->message.to;
	return 1;
}

static void
keep_for_listeners(GateQuest *quest, const GateArgs *args, const int64 *tos, int ntos)
{
	if (!gate_listen_any())
		return;
	quest->sent = palloc(sizeof(GateSent));
	quest->sent->conversation = args->conversation;
	quest->sent->message = args->message;
	quest->sent->tos = tos;
	quest->sent->ntos = ntos;
}

void
gate_run_send(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	msgpack_packer packer;
	int64		  *tos;
	int			   ntos;

	if (!check_message(quest, method, args) || !leave_out_refusing(quest, method, args))
		return;
	args->message.mtime = gate_now();
	tos = palloc(sizeof(int64) * Max(args->tos.n, 1));
	ntos = insert(args, tos);
	if (ntos == 0)
	{
		gate_quest_fail(quest, RTM_CODE_DUPLICATE_MID, NULL);
		return;
	}
	keep_for_listeners(quest, args, tos, ntos);
	gate_answer_begin(quest, &packer, 1);
	gate_answer_int(&packer, "mtime", args->message.mtime);
}

static void
pack_entry(msgpack_packer *packer, const GateArgs *args, const GateMessage *m)
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
	gate_pack_body(packer, &m->msg);
	gate_pack_body(packer, &m->attrs);
	msgpack_pack_int64(packer, m->mtime);
}

/* Where the next page begins: behind the last entry of this one. */
static void
move_cursor(GatePage *page, const GateMessage *last)
{
	page->lastid = last->id;
	if (page->desc)
		page->end = last->mtime;
	else
		page->begin = last->mtime;
}

void
gate_run_history(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	GateMessage	   messages[RTM_MAX_PAGE];
	GatePage	  *page = &args->page;
	msgpack_packer packer;
	int			   code = gate_member_may_read(&args->conversation, args->uid);
	int			   n;

	if (code == 0 && page->num <= 0)
		code = RTM_CODE_INVALID_PARAM;
	if (code != 0)
	{
		gate_quest_fail(quest, code, NULL);
		return;
	}
	page->num = Min(page->num, RTM_MAX_PAGE);
	n = gate_store_history(&args->conversation, page, messages);
	if (n > 0)
		move_cursor(page, &messages[n - 1]);
	gate_answer_begin(quest, &packer, 5);
	gate_answer_int(&packer, "num", n);
	gate_answer_int(&packer, "lastid", page->lastid);
	gate_answer_int(&packer, "begin", page->begin);
	gate_answer_int(&packer, "end", page->end);
	fpnn_pack_text(&packer, "msgs");
	msgpack_pack_array(&packer, (size_t) n);
	for (int i = 0; i < n; i++)
		pack_entry(&packer, args, &messages[i]);
}

void
gate_run_delete(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	msgpack_packer packer;

	if (gate_store_delete(&args->conversation, args->message.mid))
		gate_answer_begin(quest, &packer, 0);
	else
		gate_quest_fail(quest, RTM_CODE_NOT_FOUND, NULL);
}

void
gate_run_info(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	GateMessage	   m;
	msgpack_packer packer;

	if (!gate_store_message(&args->conversation, args->message.mid, &m))
	{
		gate_quest_fail(quest, RTM_CODE_NOT_FOUND, NULL);
		return;
	}
	gate_answer_begin(quest, &packer, 5);
	gate_answer_int(&packer, "id", m.id);
	gate_answer_int(&packer, "mtype", m.mtype);
	fpnn_pack_text(&packer, "msg");
	gate_pack_body(&packer, &m.msg);
	fpnn_pack_text(&packer, "attrs");
	gate_pack_body(&packer, &m.attrs);
	gate_answer_int(&packer, "mtime", m.mtime);
}

void
gate_run_count(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	int64		   senders;
	int64		   num;
	msgpack_packer packer;

	if (args->type < RTM_P2P || args->type > RTM_BROADCAST)
	{
		gate_quest_fail(quest, RTM_CODE_INVALID_PARAM, NULL);
		return;
	}
	gate_store_count(args->pid, (RtmConversation) args->type,
					 args->type == RTM_BROADCAST ? 0 : args->xid, &args->page, &senders, &num);
	gate_answer_begin(quest, &packer, 2);
	gate_answer_int(&packer, "sender", senders);
	gate_answer_int(&packer, "num", num);
}
