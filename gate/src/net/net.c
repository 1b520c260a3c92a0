/*-------------------------------------------------------------------------
 *
 * net.c
 *	  The rounds of the local gate's sockets: wait, move bytes, give quests out,
 *	  take answers.
 *
 * Called by gate.c, and by push.c.  Nothing here blocks but gate_net_wait().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "fpnn/crypt.h"
#include "net/gate_conn.h"
#include "net/net.h"
#include "host.h"
#include "wait.h"

#define MAX_EVENTS 256

/* Payload bytes, and quests that read, of one batch. */
#define BATCH_BYTES (16 * 1024 * 1024)
#define BATCH_READS 64

/* An answer that leaves later. */
typedef struct LateAnswer
{
	dlist_node node; /* GateNet.late, in no order */
	int64	   due;
	GateQuest  quest; /* with copies of its own */
} LateAnswer;

void
gate_net_use_tls(GateNet *net, const char *certificate, const char *key)
{
	net->certificate = certificate;
	net->certificate_key = key;
}

int
gate_net_count(const GateNet *net)
{
	return net->count;
}

/* ---- answers that leave later ---- */

static void
forget_late_answer(LateAnswer *late)
{
	dlist_delete(&late->node);
	fpnn_buf_free(&late->quest.answer);
	pfree(late);
}

static void
forget_late_answers(GateNet *net, GateConn *conn)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &net->late)
	{
		LateAnswer *late = dlist_container(LateAnswer, node, iter.cur);

		if (late->quest.conn == conn)
			forget_late_answer(late);
	}
}

static void put_answer(GateNet *net, GateQuest *quest);

/* Answers that were put off; when the next one is due, or 0. */
static int64
send_late_answers(GateNet *net)
{
	int64			   now = rtm_now_ms();
	int64			   due = 0;
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &net->late)
	{
		LateAnswer *late = dlist_container(LateAnswer, node, iter.cur);

		if (late->due <= now)
		{
			if (!late->quest.conn->ended)
				put_answer(net, &late->quest);
			forget_late_answer(late);
		}
		else if (due == 0 || late->due < due)
			due = late->due;
	}
	return due;
}

/* ---- a round ---- */

/* Write, end and wait for what the round has touched. */
static void
settle(GateNet *net)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &net->touched)
	{
		GateConn *conn = dlist_container(GateConn, touched_node, iter.cur);

		if (!conn->ended)
			gate_conn_write(net, conn);
		if (conn->ended && conn->in_batch > 0)
			continue;
		dlist_delete(&conn->touched_node);
		conn->is_touched = false;
		if (conn->ended)
		{
			forget_late_answers(net, conn);
			gate_conn_free(net, conn);
			continue;
		}
		gate_conn_count_held(net, conn);
		gate_set_wait_for(net, conn);
	}
	if (net->set == NULL)
		gate_set_make(net);
}

/* How long to wait at most. */
static int64
next_thing(GateNet *net, int64 timeout_ms)
{
	int64 due = send_late_answers(net);

	if (net->count > 0)
		timeout_ms = Min(timeout_ms, GATE_CHECK_MS);
	if (due != 0)
		timeout_ms = Min(timeout_ms, Max(due - rtm_now_ms(), 0));
	if (!net->accepting)
		timeout_ms = Min(timeout_ms, Max(net->accept_again - rtm_now_ms(), 0));
	if (!dlist_is_empty(&net->ready))
		timeout_ms = 0;
	return timeout_ms;
}

void
gate_net_wait(GateNet *net, int64 timeout_ms)
{
	WaitEvent events[MAX_EVENTS];
	int		  n;
	bool	  accepting = false;

	gate_accept_again(net);
	gate_conn_check_all(net);
	timeout_ms = next_thing(net, timeout_ms);
	settle(net);
	if (!dlist_is_empty(&net->ready))
		timeout_ms = 0; /* one that was held back */
	n = WaitEventSetWait(net->set, (long) Min(timeout_ms, INT_MAX), events, MAX_EVENTS,
						 rtm_wait_event(RTM_WAIT_GATE_MAIN));
	for (int i = 0; i < n; i++)
	{
		GateConn *conn = events[i].user_data;

		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (conn == NULL)
			accepting = true;
		else
		{
			if (events[i].events & WL_SOCKET_WRITEABLE)
			{
				gate_conn_write(net, conn);
				gate_conn_touch(net, conn);
			}
			if (!conn->ended && (events[i].events & WL_SOCKET_READABLE))
				gate_conn_read(net, conn);
		}
	}
	if (accepting)
		gate_accept(net);
}

/* ---- quests ---- */

/*
 * A copy of the frame, whose bytes the channel may move.  No method has a NUL in
 * its name: one with it is unknown, whatever it begins with.
 */
static void
keep_quest(GateQuest *quest, GateConn *conn, const FpnnFrame *frame)
{
	char	*method = palloc(frame->method_len + 1);
	uint8_t *payload = palloc(Max(frame->payload_len, 1));

	memcpy(method, frame->method, frame->method_len);
	method[frame->method_len] = '\0';
	if (strlen(method) < frame->method_len)
		method[0] = '\0';
	memcpy(payload, frame->payload, frame->payload_len);
	memset(quest, 0, sizeof(GateQuest));
	quest->conn = conn;
	quest->listener = &conn->listener;
	quest->frame = *frame;
	quest->frame.method = method;
	quest->frame.payload = payload;
	fpnn_buf_init(&quest->answer, &rtm_env);
	conn->in_batch++;
}

/* What one batch has room for. */
typedef struct Room
{
	int	  quests;
	int	  reads; /* those that cost more than others */
	int64 bytes;
} Room;

static bool
has_room(const Room *room)
{
	return room->quests > 0 && room->reads > 0 && room->bytes > 0;
}

static void
take_room(Room *room, const FpnnFrame *frame)
{
	room->quests--;
	room->bytes -= (int64) frame->payload_len;
	if (frame->method_len > 3 && memcmp(frame->method, "get", 3) == 0)
		room->reads--;
	else if (fpnn_frame_is(frame, "sendmsgs"))
		room->reads -= 1 + (int) (frame->payload_len / 512); /* up to thousands of messages */
}

/*
 * The next quest of a connection; false: there is none, and it isn't ready any
 * more.  Behind *key nothing can be read before that is answered.
 */
static bool
next_quest(GateNet *net, GateConn *conn, FpnnFrame *frame)
{
	if (fpnn_channel_pending(&conn->channel) > GATE_MAX_UNREAD)
		conn->held_back = true;
	while (!conn->ended && !conn->keyed && !conn->held_back)
	{
		FpnnStatus status = fpnn_channel_next(&conn->channel, frame);

		if (status == FPNN_MORE)
			break;
		if (status != FPNN_OK)
		{
			gate_conn_end(net, conn);
			break;
		}
		if (frame->mtype == FPNN_ANSWER)
		{
			/* to a push or a ping */
			conn->spoke = true;
			continue;
		}
		if (!fpnn_frame_is(frame, FPNN_CRYPT_METHOD))
			return true;
		/* it has to be the first quest */
		conn->keyed = true;
		if (!conn->tls && !conn->spoke && frame->mtype == FPNN_TWOWAY)
			return true;
		gate_conn_end(net, conn);
	}
	gate_conn_set_ready(net, conn, false);
	return false;
}

/* Each connection in turn, so that none waits for another's thousands. */
int
gate_net_take(GateNet *net, GateQuest *quests, int max)
{
	Room room = {max, BATCH_READS, BATCH_BYTES};
	int	 n = 0;

	while (has_room(&room) && !dlist_is_empty(&net->ready))
	{
		GateConn *conn = dlist_head_element(GateConn, ready_node, &net->ready);
		int		  share = dlist_has_next(&net->ready, &conn->ready_node) ? 16 : max;
		FpnnFrame frame;

		while (share-- > 0 && has_room(&room) && next_quest(net, conn, &frame))
		{
			keep_quest(&quests[n++], conn, &frame);
			conn->spoke = true;
			take_room(&room, &frame);
		}
		if (conn->is_ready)
		{
			/* behind the others */
			gate_conn_set_ready(net, conn, false);
			gate_conn_set_ready(net, conn, true);
		}
	}
	return n;
}

/* ---- answers ---- */

static void
put_answer(GateNet *net, GateQuest *quest)
{
	FpnnChannel *ch = &quest->conn->channel;
	bool		 as_is = quest->code == 0 || (quest->frame.flag & FPNN_FLAG_JSON);
	FpnnStatus	 status;

	if (as_is)
		status = fpnn_channel_answer(ch, &quest->frame, quest->code != 0,
									 fpnn_buf_head(&quest->answer), fpnn_buf_len(&quest->answer));
	else
		status = fpnn_channel_error(ch, &quest->frame, quest->code, quest->ex);
	if (status != FPNN_OK)
		gate_conn_end(net, quest->conn);
	else
		gate_conn_bound_unread(net, quest->conn, SIZE_MAX);
}

static void
put_off(GateNet *net, GateQuest *quest)
{
	LateAnswer *late = MemoryContextAlloc(TopMemoryContext, sizeof(LateAnswer));

	late->due = rtm_now_ms() + quest->delay_ms;
	late->quest = *quest;
	late->quest.delay_ms = 0;
	if (quest->ex)
		late->quest.ex = rtm_code_text(quest->code) ? rtm_code_text(quest->code) : "";
	fpnn_buf_init(&quest->answer, &rtm_env); /* it has moved */
	dlist_push_tail(&net->late, &late->node);
}

/* What follows the *key quest is encrypted, the answer to it included. */
static void
begin_codec(GateNet *net, GateQuest *quest)
{
	GateConn *conn = quest->conn;

	if (fpnn_channel_set_codec(&conn->channel, quest->codec) != FPNN_OK)
		gate_conn_end(net, conn);
	quest->codec = NULL;
	conn->keyed = false;
	gate_conn_set_ready(net, conn, true);
}

void
gate_net_answer(GateNet *net, GateQuest *quest)
{
	GateConn *conn = quest->conn;

	conn->in_batch--;
	if (quest->close)
		gate_conn_end(net, conn);
	if (conn->ended)
		gate_quest_drop_codec(quest);
	else if (quest->codec)
		begin_codec(net, quest);
	if (!conn->ended && !quest->silent)
	{
		if (quest->delay_ms > 0)
			put_off(net, quest);
		else
			put_answer(net, quest);
	}
	fpnn_buf_free(&quest->answer);
}

void
gate_net_push(GateNet *net, GateListener *listener, const char *method, const void *payload,
			  size_t len)
{
	GateConn *conn = (GateConn *) ((char *) listener - offsetof(GateConn, listener));

	if (conn->ended)
		return;
	gate_conn_ask(net, conn, method, payload, len);
	gate_conn_bound_unread(net, conn, GATE_MAX_PUSHED);
}

void
gate_net_flush(GateNet *net)
{
	settle(net);
}
