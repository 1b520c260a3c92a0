/*-------------------------------------------------------------------------
 *
 * waitset.c
 *	  The set of sockets that the gate waits for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "net/gate_conn.h"

void
gate_set_drop(GateNet *net)
{
	if (net->set)
		FreeWaitEventSet(net->set);
	net->set = NULL;
}

static uint32
wanted_events(const GateConn *conn)
{
	size_t pending = fpnn_channel_pending(&conn->channel);
	bool   waits = conn->is_ready || conn->held_back;
	bool   full = pending >= GATE_MAX_UNREAD ||
				(waits && fpnn_buf_len(&conn->channel.in) >= GATE_MAX_UNREAD);

	return (full ? 0 : WL_SOCKET_READABLE) | (pending > 0 ? WL_SOCKET_WRITEABLE : 0);
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
void
gate_set_make(GateNet *net)
{
	dlist_iter iter;

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
	dlist_foreach (iter, &net->conns)
		add_to_set(net, dlist_container(GateConn, node, iter.cur));
}

void
gate_set_wait_for(GateNet *net, GateConn *conn)
{
	uint32 events = wanted_events(conn);

	if (net->set == NULL)
		return; /* gate_set_make() does */
	if (conn->position >= 0 && conn->events != events)
	{
		ModifyWaitEvent(net->set, conn->position, events, NULL);
		conn->events = events;
	}
	else if (conn->position < 0 && net->set_used < net->set_size)
		add_to_set(net, conn);
	else if (conn->position < 0)
		gate_set_drop(net);
}
