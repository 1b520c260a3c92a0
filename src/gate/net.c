/*-------------------------------------------------------------------------
 *
 * net.c
 *	  Sockets of the local gate.
 *
 * Called by gate.c.  Nothing here blocks but gate_net_wait(), and nothing a
 * peer sends can do more than close its own connection.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fpnn/crypt.h"
#include "fpnn/tls.h"
#include "gate/gate.h"
#include "host.h"

#define READ_SIZE		16384
#define MAX_EVENTS		64
#define MAX_CONNECTIONS 1000

struct GateConn
{
	dlist_node	node;
	int			sock;
	FpnnChannel channel;
	int			position;		/* in the wait set; -1: not yet */
	uint32		events;			/* waited for */
	int64		last_byte;		/* rtm_now_ms() */
	bool		ready;			/* may have a whole frame */
	bool		tls;
	bool		spoke;			/* has asked something */
	bool		ended;			/* to be closed */
	int			in_batch;		/* quests that refer to it */
};

struct GateNet
{
	int			listener;
	WaitEventSet *set;			/* NULL: to be made anew */
	dlist_head	conns;
	int			count;
	bool		full;			/* not accepting */
	const char *certificate;	/* NULL: no TLS */
	const char *certificate_key;
};

GateNet *
gate_net_listen(const char *address, int *port, const char **why)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
	.ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *info;
	struct sockaddr_storage bound;
	socklen_t	len = sizeof(bound);
	GateNet    *net;
	int			sock;
	int			on = 1;
	int			rc = getaddrinfo(address, psprintf("%d", *port), &hints, &info);

	if (rc != 0)
	{
		*why = gai_strerror(rc);
		return NULL;
	}
	sock = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sock < 0 || bind(sock, info->ai_addr, info->ai_addrlen) != 0 ||
		listen(sock, SOMAXCONN) != 0 ||
		getsockname(sock, (struct sockaddr *) &bound, &len) != 0)
	{
		*why = pstrdup(strerror(errno));
		if (sock >= 0)
			close(sock);
		freeaddrinfo(info);
		return NULL;
	}
	freeaddrinfo(info);
	*port = ntohs(bound.ss_family == AF_INET6 ?
				  ((struct sockaddr_in6 *) &bound)->sin6_port :
				  ((struct sockaddr_in *) &bound)->sin_port);
	ReserveExternalFD();
	net = MemoryContextAllocZero(TopMemoryContext, sizeof(GateNet));
	net->listener = sock;
	dlist_init(&net->conns);
	return net;
}

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

static void
end_conn(GateNet *net, GateConn *conn)
{
	close(conn->sock);
	ReleaseExternalFD();
	fpnn_channel_free(&conn->channel);
	dlist_delete(&conn->node);
	pfree(conn);
	net->count--;
	net->full = false;
}

static void
drop_set(GateNet *net)
{
	if (net->set)
		FreeWaitEventSet(net->set);
	net->set = NULL;
}

/* Close what has ended and isn't part of a batch. */
static void
sweep(GateNet *net)
{
	dlist_mutable_iter iter;
	int64		now = rtm_now_ms();

	dlist_foreach_modify(iter, &net->conns)
	{
		GateConn   *conn = dlist_container(GateConn, node, iter.cur);

		if (now - conn->last_byte > GATE_IDLE_MS)
			conn->ended = true;
		if (!conn->ended || conn->in_batch > 0)
			continue;
		drop_set(net);
		end_conn(net, conn);
	}
}

static uint32
wanted_events(const GateConn *conn)
{
	size_t		pending = fpnn_channel_pending(&conn->channel);

	return (pending < GATE_MAX_UNREAD ? WL_SOCKET_READABLE : 0) |
		(pending > 0 ? WL_SOCKET_WRITEABLE : 0);
}

static void
prepare_set(GateNet *net)
{
	dlist_iter	iter;

	if (net->set == NULL)
	{
		net->set = rtm_create_wait_set(net->count + 3);
		AddWaitEventToSet(net->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
		AddWaitEventToSet(net->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
		if (!net->full)
			AddWaitEventToSet(net->set, WL_SOCKET_READABLE, net->listener, NULL, NULL);
		dlist_foreach(iter, &net->conns)
			dlist_container(GateConn, node, iter.cur)->position = -1;
	}
	dlist_foreach(iter, &net->conns)
	{
		GateConn   *conn = dlist_container(GateConn, node, iter.cur);
		uint32		events = wanted_events(conn);

		if (conn->position < 0)
			conn->position = AddWaitEventToSet(net->set, events, conn->sock, NULL, conn);
		else if (conn->events != events)
			ModifyWaitEvent(net->set, conn->position, events, NULL);
		conn->events = events;
	}
}

/* The server's half of TLS for a new connection. */
static bool
begin_tls(const GateNet *net, GateConn *conn)
{
	FpnnCodec  *codec;
	char		why[FPNN_TLS_WHY];

	if (fpnn_tls_server(&rtm_env, net->certificate, strlen(net->certificate),
						net->certificate_key, strlen(net->certificate_key), &codec, why) != FPNN_OK)
	{
		ereport(LOG, (errmsg("rtm gate cannot use its certificate: %s", why)));
		return false;
	}
	return fpnn_channel_set_codec(&conn->channel, codec) == FPNN_OK;
}

static void
accept_one(GateNet *net)
{
	int			on = 1;
	int			sock = accept4(net->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	GateConn   *conn;

	if (sock < 0)
		return;
	if (!AcquireExternalFD())
	{
		close(sock);
		return;
	}
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn = MemoryContextAllocZero(TopMemoryContext, sizeof(GateConn));
	conn->sock = sock;
	conn->position = -1;
	conn->last_byte = rtm_now_ms();
	fpnn_channel_init(&conn->channel, &rtm_env, FPNN_MAX_FRAME);
	conn->tls = net->certificate != NULL;
	conn->ended = conn->tls && !begin_tls(net, conn);
	dlist_push_tail(&net->conns, &conn->node);
	net->count++;
	net->full = net->count >= MAX_CONNECTIONS;
	drop_set(net);
}

static void do_write(GateConn *conn);

static void
do_read(GateConn *conn)
{
	uint8_t    *where;
	size_t		room;
	ssize_t		n;

	if (fpnn_channel_room(&conn->channel, READ_SIZE, &where, &room) != FPNN_OK)
	{
		conn->ended = true;
		return;
	}
	n = recv(conn->sock, where, room, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0 || fpnn_channel_received(&conn->channel, (size_t) n) != FPNN_OK)
	{
		/* with TLS there may be an alert to be sent */
		do_write(conn);
		conn->ended = true;
		return;
	}
	conn->last_byte = rtm_now_ms();
	conn->ready = true;
}

static void
do_write(GateConn *conn)
{
	while (fpnn_channel_pending(&conn->channel) > 0)
	{
		ssize_t		n = send(conn->sock, fpnn_buf_head(&conn->channel.out),
							 fpnn_channel_pending(&conn->channel), MSG_NOSIGNAL);

		if (n < 0)
		{
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
				conn->ended = true;
			return;
		}
		fpnn_channel_sent(&conn->channel, (size_t) n);
	}
}

static bool
has_ready(const GateNet *net)
{
	dlist_iter	iter;

	dlist_foreach(iter, (dlist_head *) &net->conns)
		if (dlist_container(GateConn, node, iter.cur)->ready)
			return true;
	return false;
}

void
gate_net_wait(GateNet *net, int64 timeout_ms)
{
	WaitEvent	events[MAX_EVENTS];
	int			n;
	bool		accepting = false;

	sweep(net);
	prepare_set(net);
	if (has_ready(net))
		timeout_ms = 0;
	n = WaitEventSetWait(net->set, (long) Min(timeout_ms, INT_MAX), events, MAX_EVENTS,
						 PG_WAIT_EXTENSION);
	for (int i = 0; i < n; i++)
	{
		GateConn   *conn = events[i].user_data;

		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (conn == NULL)
			accepting = true;
		else
		{
			if (events[i].events & WL_SOCKET_WRITEABLE)
				do_write(conn);
			if (!conn->ended && (events[i].events & WL_SOCKET_READABLE))
				do_read(conn);
		}
	}
	if (accepting)
		accept_one(net);
}

/* A copy of the frame, whose bytes the channel may move. */
static void
keep_quest(GateQuest *quest, GateConn *conn, const FpnnFrame *frame)
{
	char	   *method = palloc(frame->method_len + 1);
	uint8_t    *payload = palloc(Max(frame->payload_len, 1));

	memcpy(method, frame->method, frame->method_len);
	method[frame->method_len] = '\0';
	memcpy(payload, frame->payload, frame->payload_len);
	memset(quest, 0, sizeof(GateQuest));
	quest->conn = conn;
	quest->frame = *frame;
	quest->frame.method = method;
	quest->frame.payload = payload;
	fpnn_buf_init(&quest->answer, &rtm_env);
	conn->in_batch++;
}

static int
take_from(GateConn *conn, GateQuest *quests, int max)
{
	FpnnFrame	frame;
	FpnnStatus	status;
	int			n = 0;

	while (n < max && !conn->ended)
	{
		status = fpnn_channel_next(&conn->channel, &frame);
		if (status != FPNN_OK)
		{
			conn->ready = false;
			conn->ended = status != FPNN_MORE;
			break;
		}
		if (frame.mtype == FPNN_ANSWER)
			continue;
		if (fpnn_frame_is(&frame, FPNN_CRYPT_METHOD))
		{
			/* only as the first quest; what follows can't be read before it is answered */
			if (conn->tls || conn->spoke || frame.mtype != FPNN_TWOWAY)
				conn->ended = true;
			else
				keep_quest(&quests[n++], conn, &frame);
			conn->spoke = true;
			conn->ready = false;
			break;
		}
		conn->spoke = true;
		keep_quest(&quests[n++], conn, &frame);
	}
	return n;
}

int
gate_net_take(GateNet *net, GateQuest *quests, int max)
{
	dlist_mutable_iter iter;
	int			n = 0;

	dlist_foreach_modify(iter, &net->conns)
	{
		GateConn   *conn = dlist_container(GateConn, node, iter.cur);

		if (n >= max)
			break;
		if (conn->ready)
			n += take_from(conn, quests + n, max - n);
	}

	/* a batch that was full begins with the others the next time */
	if (n >= max && !dlist_is_empty(&net->conns))
		dlist_push_tail(&net->conns, dlist_pop_head_node(&net->conns));
	return n;
}

void
gate_net_answer(GateNet *net, GateQuest *quest)
{
	GateConn   *conn = quest->conn;
	FpnnStatus	status;
	bool		is_key = fpnn_frame_is(&quest->frame, FPNN_CRYPT_METHOD);

	conn->in_batch--;

	/* a failed agreement closes the connection without a word */
	if (is_key && quest->code != 0)
		conn->ended = true;
	if (conn->ended)
		gate_quest_drop_codec(quest);
	else if (quest->codec)
	{
		if (fpnn_channel_set_codec(&conn->channel, quest->codec) != FPNN_OK)
			conn->ended = true;
		quest->codec = NULL;
		conn->ready = true;
	}
	if (!conn->ended)
	{
		if (quest->code != 0)
			status = fpnn_channel_error(&conn->channel, &quest->frame, quest->code,
										quest->ex ? quest->ex : "");
		else
			status = fpnn_channel_answer(&conn->channel, &quest->frame, 0,
										 fpnn_buf_head(&quest->answer),
										 fpnn_buf_len(&quest->answer));
		/* a code of 20009 for a payload that is none closes, as the vendor's does */
		if (status != FPNN_OK || quest->code == FPNN_CODE_INVALID_PACKAGE)
			conn->ended = true;
	}
	fpnn_buf_free(&quest->answer);
}

void
gate_net_flush(GateNet *net)
{
	dlist_iter	iter;

	dlist_foreach(iter, &net->conns)
	{
		GateConn   *conn = dlist_container(GateConn, node, iter.cur);

		if (!conn->ended)
			do_write(conn);
	}
	sweep(net);
}
