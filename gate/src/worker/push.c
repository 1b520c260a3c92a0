/*-------------------------------------------------------------------------
 *
 * push.c
 *	  Messages to the connections that listen (protocol.md, "Listening").
 *
 * There is no push of broadcasts: a server can't listen to them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/push.h"
#include "host.h"

typedef struct Push
{
	GateNet	   *net;
	const char *method;
	FpnnBuf		payload;
} Push;

static void
tell(GateListener *listener, void *arg)
{
	Push *push = arg;

	gate_net_push(push->net, listener, push->method, fpnn_buf_head(&push->payload),
				  fpnn_buf_len(&push->payload));
}

/*
 * Of groups and rooms, `to` is there as well: the vendor's C++ SDK drops a
 * message without it.
 */
static void
pack_message(FpnnBuf *payload, const GateMessage *m, int64 to, const char *xid_key)
{
	msgpack_packer packer;

	fpnn_packer_init(&packer, payload);
	msgpack_pack_map(&packer, xid_key ? 8 : 7);
	gate_answer_int(&packer, "from", m->from);
	if (xid_key)
		gate_answer_int(&packer, xid_key, to);
	gate_answer_int(&packer, "to", to);
	gate_answer_int(&packer, "mtype", m->mtype);
	gate_answer_int(&packer, "mid", m->mid);
	fpnn_pack_text(&packer, "msg");
	gate_pack_body(&packer, &m->msg);
	fpnn_pack_text(&packer, "attrs");
	gate_pack_body(&packer, &m->attrs);
	gate_answer_int(&packer, "mtime", m->mtime);
}

static void
push_to(GateNet *net, const GateSent *sent, GateSource source, int64 id, int64 to,
		const char *method, const char *xid_key)
{
	Push push = {net, method};

	fpnn_buf_init(&push.payload, &rtm_env);
	pack_message(&push.payload, &sent->message, to, xid_key);
	if (!push.payload.failed)
		gate_listen_tell(sent->conversation.pid, source, id, tell, &push);
	fpnn_buf_free(&push.payload);
}

void
gate_push(GateNet *net, const GateQuest *quest)
{
	const GateSent *sent = quest->sent;
	int64			id;

	if (sent == NULL || quest->code != 0)
		return;
	id = sent->conversation.a;
	switch (sent->conversation.type)
	{
		case RTM_P2P:
			for (int i = 0; i < sent->ntos; i++)
				push_to(net, sent, GATE_FROM_USER, sent->message.from, sent->tos[i], "pushmsg",
						NULL);
			break;
		case RTM_GROUP:
			push_to(net, sent, GATE_FROM_GROUP, id, id, "pushgroupmsg", "gid");
			break;
		case RTM_ROOM:
			push_to(net, sent, GATE_FROM_ROOM, id, id, "pushroommsg", "rid");
			break;
		default:
			break;
	}
}
