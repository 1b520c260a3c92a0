/*-------------------------------------------------------------------------
 *
 * net.c
 *	  Sockets of the local gate.
 *
 * Called by gate.c, and by push.c.  Nothing here blocks but gate_net_wait(),
 * and nothing a peer sends can do more than close its own connection.
 *
 * What a round costs depends on the connections with something to do, not on
 * how many there are: those are in the lists `ready` (may have a whole frame)
 * and `touched` (something to write, to wait for, or to end).  A connection ends
 * in settle() only, so that whoever holds a pointer within a round may use it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
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
#include "gate/guc.h"
#include "gate/net.h"
#include "host.h"
#include "wait.h"

#define READ_SIZE		65536
#define MAX_EVENTS		256
#define ACCEPT_AT_ONCE	64

/* Payload bytes, and quests that read, of one batch. */
#define BATCH_BYTES		(16 * 1024 * 1024)
#define BATCH_READS		64

/* Descriptors beside those of connections and of PostgreSQL's own files. */
#define SPARE_FDS		64

/* How often idle connections are looked at, and how long one stays warm. */
#define CHECK_MS		1000

/* A connection with less than this in its buffers is never closed for memory. */
#define SMALL_BUFFERS	65536

/* No more connections were possible; try again so much later. */
#define ACCEPT_PAUSE_MS 200

struct GateConn
{
	dlist_node	node;			/* GateNet.conns */
	dlist_node	ready_node;
	dlist_node	touched_node;
	bool		is_ready;
	bool		is_touched;
	int			sock;
	FpnnChannel channel;
	GateListener listener;
	int			position;		/* in the wait set; -1: not yet */
	uint32		events;			/* waited for */
	int64		last_byte;		/* rtm_now_ms() */
	int64		last_ping;		/* 0: never */
	size_t		held;			/* bytes of its buffers, counted in GateNet.held */
	uint32		seq;			/* of the gate's own quests */
	bool		tls;
	bool		spoke;			/* has asked something */
	bool		keyed;			/* a *key is being answered: what follows is encrypted */
	bool		ended;			/* to be closed */
	int			in_batch;		/* quests and answers that refer to it */
};

/* An answer that leaves later. */
typedef struct LateAnswer
{
	dlist_node	node;			/* GateNet.late, in no order */
	int64		due;
	GateQuest	quest;			/* with copies of its own */
} LateAnswer;

struct GateNet
{
	int			listener;
	bool		accepting;
	int64		accept_again;	/* when, if not */
	WaitEventSet *set;			/* NULL: to be made anew */
	int			set_size;
	int			set_used;
	dlist_head	conns;
	dlist_head	ready;
	dlist_head	touched;
	dlist_head	late;
	int			count;
	int			max_fds;		/* connections that descriptors are left for */
	int			dead;			/* places in the set of connections that have ended */
	size_t		held;
	int64		checked;
	int64		complained;		/* in the log, that there are too many */
	uint8	   *buffer;			/* READ_SIZE */
	const char *certificate;	/* NULL: no TLS */
	const char *certificate_key;
};

/* ---- listening ---- */

/*
 * Each connection takes a descriptor.  PostgreSQL's own limit for a process
 * counts files only, so the process's limit is raised by what the connections
 * take, as far as the system lets it; how many there may be.
 */
static int
raise_fd_limit(int wanted)
{
	struct rlimit limit;
	rlim_t		need = (rlim_t) max_safe_fds + SPARE_FDS + (rlim_t) wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 100;
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < need)
	{
		limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? need : Min(need, limit.rlim_max);
		(void) setrlimit(RLIMIT_NOFILE, &limit);
		(void) getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need)
		return wanted;
	return Max((int) limit.rlim_cur - max_safe_fds - SPARE_FDS, 16);
}

/* A listening socket; -1 and *why. */
static int
open_listener(const char *address, int *port, const char **why)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
	.ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *info;
	struct sockaddr_storage bound;
	socklen_t	len = sizeof(bound);
	int			sock;
	int			on = 1;
	int			rc = getaddrinfo(address, psprintf("%d", *port), &hints, &info);

	if (rc != 0)
	{
		*why = gai_strerror(rc);
		return -1;
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
		return -1;
	}
	freeaddrinfo(info);
	*port = ntohs(bound.ss_family == AF_INET6 ?
				  ((struct sockaddr_in6 *) &bound)->sin6_port :
				  ((struct sockaddr_in *) &bound)->sin_port);
	return sock;
}

GateNet *
gate_net_listen(const char *address, int *port, const char **why)
{
	GateNet    *net;
	int			sock = open_listener(address, port, why);

	if (sock < 0)
		return NULL;
	ReserveExternalFD();
	net = MemoryContextAllocZero(TopMemoryContext, sizeof(GateNet));
	net->buffer = MemoryContextAlloc(TopMemoryContext, READ_SIZE);
	net->listener = sock;
	net->accepting = true;
	net->max_fds = raise_fd_limit(gate_max_connections);
	if (net->max_fds < gate_max_connections)
		ereport(LOG,
				(errmsg("rtm gate takes %d connections at most", net->max_fds),
				 errdetail("The setting %s is %d, but the system's limit of file descriptors leaves no more.",
						   "rtm_gate.max_connections", gate_max_connections)));
	dlist_init(&net->conns);
	dlist_init(&net->ready);
	dlist_init(&net->touched);
	dlist_init(&net->late);
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

/* ---- lists ---- */

static void
touch(GateNet *net, GateConn *conn)
{
	if (conn->is_touched)
		return;
	conn->is_touched = true;
	dlist_push_tail(&net->touched, &conn->touched_node);
}

static void
set_ready(GateNet *net, GateConn *conn, bool ready)
{
	if (conn->is_ready == ready)
		return;
	conn->is_ready = ready;
	if (ready)
		dlist_push_tail(&net->ready, &conn->ready_node);
	else
		dlist_delete(&conn->ready_node);
}

static void
end(GateNet *net, GateConn *conn)
{
	conn->ended = true;
	touch(net, conn);
}

/* Count anew what its buffers take. */
static void
count_held(GateNet *net, GateConn *conn)
{
	const FpnnChannel *ch = &conn->channel;
	size_t		held = ch->raw.capacity + ch->in.capacity + ch->out.capacity + ch->scratch.capacity;

	net->held += held - conn->held;
	conn->held = held;
}

static bool
is_over_limit(const GateNet *net, const GateConn *conn)
{
	return net->held > (size_t) gate_memory_limit * 1024 && conn->held > SMALL_BUFFERS;
}

/* ---- the wait set ---- */

static void
drop_set(GateNet *net)
{
	if (net->set)
		FreeWaitEventSet(net->set);
	net->set = NULL;
}

static uint32
wanted_events(const GateConn *conn)
{
	size_t		pending = fpnn_channel_pending(&conn->channel);

	return (pending < GATE_MAX_UNREAD ? WL_SOCKET_READABLE : 0) |
		(pending > 0 ? WL_SOCKET_WRITEABLE : 0);
}

static void
add_to_set(GateNet *net, GateConn *conn)
{
	conn->events = wanted_events(conn);
	conn->position = AddWaitEventToSet(net->set, conn->events, conn->sock, NULL, conn);
	net->set_used++;
}

/*
 * A set can't lose members, so it is made anew when too many places belong to
 * connections that have ended (closing the socket has taken them out of epoll).
 */
static void
make_set(GateNet *net)
{
	dlist_iter	iter;

	net->set_size = net->count * 2 + 64;
	net->set = rtm_create_wait_set(net->set_size);
	AddWaitEventToSet(net->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(net->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	net->set_used = 2;
	if (net->accepting)
	{
		AddWaitEventToSet(net->set, WL_SOCKET_READABLE, net->listener, NULL, NULL);
		net->set_used++;
	}
	net->dead = 0;
	dlist_foreach(iter, &net->conns)
		add_to_set(net, dlist_container(GateConn, node, iter.cur));
}

static void
wait_for(GateNet *net, GateConn *conn)
{
	uint32		events = wanted_events(conn);

	if (net->set == NULL)
		return;					/* make_set() does */
	if (conn->position >= 0 && conn->events != events)
	{
		ModifyWaitEvent(net->set, conn->position, events, NULL);
		conn->events = events;
	}
	else if (conn->position < 0 && net->set_used < net->set_size)
		add_to_set(net, conn);
	else if (conn->position < 0)
		drop_set(net);
}

/* ---- the life of a connection ---- */

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

	dlist_foreach_modify(iter, &net->late)
	{
		LateAnswer *late = dlist_container(LateAnswer, node, iter.cur);

		if (late->quest.conn == conn)
			forget_late_answer(late);
	}
}

static void
end_conn(GateNet *net, GateConn *conn)
{
	set_ready(net, conn, false);
	forget_late_answers(net, conn);
	gate_listen_forget(&conn->listener);
	if (conn->position >= 0)
		net->dead++;
	net->held -= conn->held;
	close(conn->sock);
	fpnn_channel_free(&conn->channel);
	dlist_delete(&conn->node);
	pfree(conn);
	net->count--;
#ifndef __linux__
	drop_set(net);				/* poll() would look at the closed one */
#else
	if (net->dead > net->count + 64)
		drop_set(net);
#endif
}

static void do_write(GateNet *net, GateConn *conn);

/* Write, end and wait for what the round has touched. */
static void
settle(GateNet *net)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &net->touched)
	{
		GateConn   *conn = dlist_container(GateConn, touched_node, iter.cur);

		if (!conn->ended)
			do_write(net, conn);
		if (conn->ended && conn->in_batch > 0)
			continue;
		dlist_delete(&conn->touched_node);
		conn->is_touched = false;
		if (conn->ended)
		{
			end_conn(net, conn);
			continue;
		}
		count_held(net, conn);
		wait_for(net, conn);
	}
	if (net->set == NULL)
		make_set(net);
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
new_conn(GateNet *net, int sock)
{
	GateConn   *conn = MemoryContextAllocZero(TopMemoryContext, sizeof(GateConn));
	int			on = 1;

	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->sock = sock;
	conn->position = -1;
	conn->last_byte = rtm_now_ms();
	fpnn_channel_init(&conn->channel, &rtm_env, FPNN_MAX_FRAME);
	dlist_push_tail(&net->conns, &conn->node);
	net->count++;
	conn->tls = net->certificate != NULL;
	conn->ended = conn->tls && !begin_tls(net, conn);
	touch(net, conn);
}

static void
complain(GateNet *net, const char *what)
{
	int64		now = rtm_now_ms();

	if (net->complained && now - net->complained < 60000)
		return;
	net->complained = now;
	ereport(LOG,
			(errmsg("rtm gate turns connections away: %s", what),
			 errdetail("There are %d connections.", net->count)));
}

/* Nobody can be accepted: don't wake up for it again and again. */
static void
pause_accepting(GateNet *net)
{
	complain(net, strerror(errno));
	net->accepting = false;
	net->accept_again = rtm_now_ms() + ACCEPT_PAUSE_MS;
	drop_set(net);
}

/* A client that is one too many learns it at once: its connection is closed. */
static void
accept_some(GateNet *net)
{
	for (int i = 0; i < ACCEPT_AT_ONCE; i++)
	{
		int			sock = accept4(net->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (sock < 0)
		{
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_accepting(net);
			return;
		}
		if (net->count >= Min(gate_max_connections, net->max_fds))
		{
			complain(net, "there are too many");
			close(sock);
		}
		else
			new_conn(net, sock);
	}
}

/* ---- bytes ---- */

static void
take_bytes(GateNet *net, GateConn *conn, size_t n)
{
	uint8_t    *where;
	size_t		room;

	if (fpnn_channel_room(&conn->channel, n, &where, &room) != FPNN_OK)
	{
		end(net, conn);
		return;
	}
	memcpy(where, net->buffer, n);
	if (fpnn_channel_received(&conn->channel, n) != FPNN_OK)
	{
		do_write(net, conn);	/* with TLS there may be an alert to be sent */
		end(net, conn);
		return;
	}
	conn->last_byte = rtm_now_ms();
	set_ready(net, conn, true);
	count_held(net, conn);
	if (is_over_limit(net, conn))
	{
		ereport(LOG,
				(errmsg("rtm gate closes a connection: its unfinished quest takes %zu bytes", conn->held),
				 errdetail("All connections together take more than the setting rtm_gate.memory_limit.")));
		end(net, conn);
	}
}

static void
do_read(GateNet *net, GateConn *conn)
{
	ssize_t		n = recv(conn->sock, net->buffer, READ_SIZE, 0);

	touch(net, conn);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0)
		end(net, conn);
	else
		take_bytes(net, conn, (size_t) n);
}

static void
do_write(GateNet *net, GateConn *conn)
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

/* ---- time ---- */

/* Quests of the gate's own are numbered from 1 in each connection. */
static void
ask(GateNet *net, GateConn *conn, const char *method, const void *payload, size_t len)
{
	if (fpnn_channel_quest(&conn->channel, method, true, ++conn->seq, payload, len) != FPNN_OK)
		conn->ended = true;
	touch(net, conn);
}

/*
 * A client that was pinged once is pinged on, whether it is idle or not: the
 * vendor's Node SDK waits for the next one.  One that is in the middle of a
 * handshake isn't.
 */
static void
maybe_ping(GateNet *net, GateConn *conn, int64 now)
{
	static const uint8_t empty_map[] = {0x80};
	int64		since = conn->last_ping ? conn->last_ping : conn->last_byte;

	if (gate_ping_interval == 0 || now - since < gate_ping_interval || conn->keyed || !conn->spoke)
		return;
	conn->last_ping = now;
	ask(net, conn, "ping", empty_map, sizeof(empty_map));
}

/* What an idle connection doesn't need. */
static void
cool_down(GateNet *net, GateConn *conn)
{
	FpnnChannel *ch = &conn->channel;

	if (conn->in_batch > 0 || fpnn_channel_midway(ch))
		return;
	fpnn_channel_trim(ch);
	count_held(net, conn);
}

static void
check_idle(GateNet *net)
{
	int64		now = rtm_now_ms();
	dlist_iter	iter;

	if (now - net->checked < CHECK_MS)
		return;
	net->checked = now;
	dlist_foreach(iter, &net->conns)
	{
		GateConn   *conn = dlist_container(GateConn, node, iter.cur);

		if (gate_idle_timeout > 0 && now - conn->last_byte > gate_idle_timeout)
			end(net, conn);
		if (conn->ended)
			continue;
		maybe_ping(net, conn, now);
		if (conn->held > 0 && now - conn->last_byte > CHECK_MS)
			cool_down(net, conn);
	}
}

static void put_answer(GateNet *net, GateQuest *quest);

/* Answers that were put off; when the next one is due, or 0. */
static int64
send_late_answers(GateNet *net)
{
	int64		now = rtm_now_ms();
	int64		due = 0;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &net->late)
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

/* How long to wait at most. */
static int64
next_thing(GateNet *net, int64 timeout_ms)
{
	int64		due = send_late_answers(net);

	if (net->count > 0)
		timeout_ms = Min(timeout_ms, CHECK_MS);
	if (due != 0)
		timeout_ms = Min(timeout_ms, Max(due - rtm_now_ms(), 0));
	if (!net->accepting)
		timeout_ms = Min(timeout_ms, ACCEPT_PAUSE_MS);
	if (!dlist_is_empty(&net->ready))
		timeout_ms = 0;
	return timeout_ms;
}

static void
maybe_accept_again(GateNet *net)
{
	if (net->accepting || rtm_now_ms() < net->accept_again)
		return;
	net->accepting = true;
	drop_set(net);
}

void
gate_net_wait(GateNet *net, int64 timeout_ms)
{
	WaitEvent	events[MAX_EVENTS];
	int			n;
	bool		accepting = false;

	maybe_accept_again(net);
	check_idle(net);
	timeout_ms = next_thing(net, timeout_ms);
	settle(net);
	n = WaitEventSetWait(net->set, (long) Min(timeout_ms, INT_MAX), events, MAX_EVENTS,
						 rtm_wait_event(RTM_WAIT_GATE_MAIN));
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
			{
				do_write(net, conn);
				touch(net, conn);
			}
			if (!conn->ended && (events[i].events & WL_SOCKET_READABLE))
				do_read(net, conn);
		}
	}
	if (accepting)
		accept_some(net);
}

/* ---- quests ---- */

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
	int			quests;
	int			reads;			/* their answers are large */
	int64		bytes;
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
}

/*
 * The next quest of a connection; false: there is none, and it isn't ready any
 * more.  Behind *key nothing can be read before that is answered.
 */
static bool
next_quest(GateNet *net, GateConn *conn, FpnnFrame *frame)
{
	while (!conn->ended && !conn->keyed)
	{
		FpnnStatus	status = fpnn_channel_next(&conn->channel, frame);

		if (status == FPNN_MORE)
			break;
		if (status != FPNN_OK)
		{
			end(net, conn);
			break;
		}
		if (frame->mtype == FPNN_ANSWER)
			continue;			/* to a push or a ping */
		if (!fpnn_frame_is(frame, FPNN_CRYPT_METHOD))
			return true;
		/* it has to be the first quest */
		conn->keyed = true;
		if (!conn->tls && !conn->spoke && frame->mtype == FPNN_TWOWAY)
			return true;
		end(net, conn);
	}
	set_ready(net, conn, false);
	return false;
}

/* Each connection in turn, so that none waits for another's thousands. */
int
gate_net_take(GateNet *net, GateQuest *quests, int max)
{
	Room		room = {max, BATCH_READS, BATCH_BYTES};
	int			n = 0;

	while (has_room(&room) && !dlist_is_empty(&net->ready))
	{
		GateConn   *conn = dlist_head_element(GateConn, ready_node, &net->ready);
		int			share = dlist_has_next(&net->ready, &conn->ready_node) ? 16 : max;
		FpnnFrame	frame;

		while (share-- > 0 && has_room(&room) && next_quest(net, conn, &frame))
		{
			keep_quest(&quests[n++], conn, &frame);
			conn->spoke = true;
			take_room(&room, &frame);
		}
		if (conn->is_ready)
		{
			/* behind the others */
			set_ready(net, conn, false);
			set_ready(net, conn, true);
		}
	}
	return n;
}

/* ---- answers ---- */

/* Something was added to what a connection has to read: is that too much? */
static void
bound_unread(GateNet *net, GateConn *conn, size_t most)
{
	size_t		pending = fpnn_channel_pending(&conn->channel);

	touch(net, conn);
	count_held(net, conn);
	if (pending <= GATE_MAX_UNREAD)
		return;
	do_write(net, conn);
	pending = fpnn_channel_pending(&conn->channel);
	if (conn->ended || (pending <= most && !is_over_limit(net, conn)))
		return;
	ereport(LOG,
			(errmsg("rtm gate closes a connection that doesn't read"),
			 errdetail("%zu bytes were waiting for it.", pending)));
	end(net, conn);
}

static void
put_answer(GateNet *net, GateQuest *quest)
{
	FpnnChannel *ch = &quest->conn->channel;
	bool		as_is = quest->code == 0 || (quest->frame.flag & FPNN_FLAG_JSON);
	FpnnStatus	status;

	if (as_is)
		status = fpnn_channel_answer(ch, &quest->frame, quest->code != 0,
									 fpnn_buf_head(&quest->answer), fpnn_buf_len(&quest->answer));
	else
		status = fpnn_channel_error(ch, &quest->frame, quest->code, quest->ex);
	if (status != FPNN_OK)
		end(net, quest->conn);
	else
		bound_unread(net, quest->conn, SIZE_MAX);
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
	fpnn_buf_init(&quest->answer, &rtm_env);	/* it has moved */
	dlist_push_tail(&net->late, &late->node);
}

/* What follows the *key quest is encrypted, the answer to it included. */
static void
begin_codec(GateNet *net, GateQuest *quest)
{
	GateConn   *conn = quest->conn;

	if (fpnn_channel_set_codec(&conn->channel, quest->codec) != FPNN_OK)
		end(net, conn);
	quest->codec = NULL;
	conn->keyed = false;
	set_ready(net, conn, true);
}

void
gate_net_answer(GateNet *net, GateQuest *quest)
{
	GateConn   *conn = quest->conn;

	conn->in_batch--;
	if (quest->close)
		end(net, conn);
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
gate_net_push(GateNet *net, GateListener *listener, const char *method, const void *payload, size_t len)
{
	GateConn   *conn = (GateConn *) ((char *) listener - offsetof(GateConn, listener));

	if (conn->ended)
		return;
	ask(net, conn, method, payload, len);
	bound_unread(net, conn, GATE_MAX_PUSHED);
}

void
gate_net_flush(GateNet *net)
{
	settle(net);
}
