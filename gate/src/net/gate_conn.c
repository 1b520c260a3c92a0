/*-------------------------------------------------------------------------
 *
 * gate_conn.c
 *	  One connection of the local gate: its bytes, its memory, its end.
 *
 * Nothing here blocks, and nothing a peer sends can do more than close its own
 * connection.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "fpnn/tls.h"
#include "net/gate_conn.h"
#include "table/gate_guc.h"
#include "host.h"
#include "table/pace.h"

/* A connection with less than this in its buffers is never closed for memory. */
#define SMALL_BUFFERS 65536

/* ---- lists ---- */

void
gate_conn_touch(GateNet *net, GateConn *conn)
{
	if (conn->is_touched)
		return;
	conn->is_touched = true;
	dlist_push_tail(&net->touched, &conn->touched_node);
}

void
gate_conn_set_ready(GateNet *net, GateConn *conn, bool ready)
{
	if (conn->is_ready == ready)
		return;
	conn->is_ready = ready;
	if (ready)
		dlist_push_tail(&net->ready, &conn->ready_node);
	else
		dlist_delete(&conn->ready_node);
	gate_conn_touch(net, conn); /* what is waited for depends on it */
}

void
gate_conn_end(GateNet *net, GateConn *conn)
{
	conn->ended = true;
	gate_conn_touch(net, conn);
}

/* What it takes while it is silent. */
static size_t
base_of(const GateConn *conn)
{
	return conn->tls ? GATE_TLS_BYTES : 0;
}

/* Count anew what it takes. */
void
gate_conn_count_held(GateNet *net, GateConn *conn)
{
	const FpnnChannel *ch = &conn->channel;
	size_t held = ch->raw.capacity + ch->in.capacity + ch->out.capacity + ch->scratch.capacity +
				  base_of(conn);

	net->held += held - conn->held;
	conn->held = held;
}

static bool
is_over_limit(const GateNet *net)
{
	return net->held > (size_t) gate_memory_limit * 1024;
}

/* Who takes most pays for it. */
static void
close_largest(GateNet *net)
{
	static GatePace pace;
	GateConn	   *largest = NULL;
	dlist_iter		iter;
	int				left_out;

	dlist_foreach (iter, &net->conns)
	{
		GateConn *conn = dlist_container(GateConn, node, iter.cur);

		if (!conn->ended && conn->held > SMALL_BUFFERS + base_of(conn) &&
			(largest == NULL || conn->held > largest->held))
			largest = conn;
	}
	if (largest == NULL)
		return;
	if (gate_pace(&pace, &left_out))
		ereport(LOG,
				(errmsg("rtm gate closes a connection: its unfinished quest takes %zu bytes",
						largest->held),
				 errdetail(
					 "All connections together take more than the setting rtm_gate.memory_limit.%s",
					 gate_pace_text(left_out))));
	gate_conn_end(net, largest);

	/* given back at the end of the round */
	net->held -= largest->held;
	largest->held = 0;
}

/* ---- its life ---- */

/* The server's half of TLS for a new connection. */
static bool
begin_tls(const GateNet *net, GateConn *conn)
{
	static GatePace pace;
	FpnnCodec	   *codec;
	char			why[FPNN_TLS_WHY];
	int				left_out;

	if (fpnn_tls_server(&rtm_env, net->certificate, strlen(net->certificate), net->certificate_key,
						strlen(net->certificate_key), &codec, why) != FPNN_OK)
	{
		if (gate_pace(&pace, &left_out))
			ereport(LOG, (errmsg("rtm gate cannot use its certificate: %s", why)));
		return false;
	}
	return fpnn_channel_set_codec(&conn->channel, codec) == FPNN_OK;
}

void
gate_conn_new(GateNet *net, int sock)
{
	GateConn *conn = MemoryContextAllocZero(TopMemoryContext, sizeof(GateConn));
	int		  on = 1;

	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->sock = sock;
	conn->position = -1;
	gate_listen_begin(&conn->listener);
	conn->last_byte = rtm_now_ms();
	fpnn_channel_init(&conn->channel, &rtm_env, FPNN_MAX_FRAME);
	dlist_push_tail(&net->conns, &conn->node);
	net->count++;
	conn->tls = net->certificate != NULL;
	conn->ended = conn->tls && !begin_tls(net, conn);
	gate_conn_count_held(net, conn);
	gate_conn_touch(net, conn);
}

void
gate_conn_free(GateNet *net, GateConn *conn)
{
	if (conn->is_ready)
		dlist_delete(&conn->ready_node);
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
	gate_set_drop(net); /* poll() would look at the closed one */
#else
	if (net->dead > net->count + 64)
		gate_set_drop(net);
#endif
}

/* ---- bytes ---- */

static void
take_bytes(GateNet *net, GateConn *conn, size_t n)
{
	uint8_t *where;
	size_t	 room;

	if (fpnn_channel_room(&conn->channel, n, &where, &room) != FPNN_OK)
	{
		gate_conn_end(net, conn);
		return;
	}
	memcpy(where, net->buffer, n);
	if (fpnn_channel_received(&conn->channel, n) != FPNN_OK)
	{
		gate_conn_write(net, conn); /* with TLS there may be an alert to be sent */
		gate_conn_end(net, conn);
		return;
	}
	conn->last_byte = rtm_now_ms();
	gate_conn_set_ready(net, conn, true);
	gate_conn_count_held(net, conn);
	if (is_over_limit(net))
		close_largest(net);
}

void
gate_conn_read(GateNet *net, GateConn *conn)
{
	ssize_t n = recv(conn->sock, net->buffer, GATE_READ_SIZE, 0);

	gate_conn_touch(net, conn);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0)
		gate_conn_end(net, conn);
	else
		take_bytes(net, conn, (size_t) n);
}

void
gate_conn_write(GateNet *net, GateConn *conn)
{
	while (fpnn_channel_pending(&conn->channel) > 0)
	{
		ssize_t n = send(conn->sock, fpnn_buf_head(&conn->channel.out),
						 fpnn_channel_pending(&conn->channel), MSG_NOSIGNAL);

		if (n < 0)
		{
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
				conn->ended = true;
			return;
		}
		fpnn_channel_sent(&conn->channel, (size_t) n);
	}
	if (conn->held_back)
	{
		conn->held_back = false;
		gate_conn_set_ready(net, conn, true);
	}
}

/* ---- what it has to read ---- */

/* Something was added to what a connection has to read: is that too much? */
void
gate_conn_bound_unread(GateNet *net, GateConn *conn, size_t most)
{
	static GatePace pace;
	size_t			pending = fpnn_channel_pending(&conn->channel);
	int				left_out;

	gate_conn_touch(net, conn);
	gate_conn_count_held(net, conn);
	if (pending <= GATE_MAX_UNREAD)
		return;
	gate_conn_write(net, conn);
	pending = fpnn_channel_pending(&conn->channel);
	if (conn->ended || (pending <= most && !is_over_limit(net)))
		return;
	if (gate_pace(&pace, &left_out))
		ereport(LOG,
				(errmsg("rtm gate closes a connection that doesn't read"),
				 errdetail("%zu bytes were waiting for it.%s", pending, gate_pace_text(left_out))));
	gate_conn_end(net, conn);
}

/* ---- time ---- */

/* Quests of the gate's own are numbered from 1 in each connection. */
void
gate_conn_ask(GateNet *net, GateConn *conn, const char *method, const void *payload, size_t len)
{
	if (fpnn_channel_quest(&conn->channel, method, true, ++conn->seq, payload, len) != FPNN_OK)
		conn->ended = true;
	gate_conn_touch(net, conn);
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
	int64				 since = conn->last_ping ? conn->last_ping : conn->last_byte;

	if (gate_ping_interval == 0 || now - since < gate_ping_interval || conn->keyed || !conn->spoke)
		return;
	conn->last_ping = now;
	gate_conn_ask(net, conn, "ping", empty_map, sizeof(empty_map));
}

/* What an idle connection doesn't need. */
static void
cool_down(GateNet *net, GateConn *conn)
{
	FpnnChannel *ch = &conn->channel;

	if (conn->in_batch > 0 || fpnn_channel_midway(ch))
		return;
	fpnn_channel_trim(ch);
	gate_conn_count_held(net, conn);
}

void
gate_conn_check_all(GateNet *net)
{
	int64	   now = rtm_now_ms();
	dlist_iter iter;

	if (now - net->checked < GATE_CHECK_MS)
		return;
	net->checked = now;
	dlist_foreach (iter, &net->conns)
	{
		GateConn *conn = dlist_container(GateConn, node, iter.cur);

		if (gate_idle_timeout > 0 && now - conn->last_byte > gate_idle_timeout)
			gate_conn_end(net, conn);
		if (conn->ended)
			continue;
		maybe_ping(net, conn, now);
		if (conn->held > base_of(conn) && now - conn->last_byte > GATE_CHECK_MS)
			cool_down(net, conn);
	}
}
