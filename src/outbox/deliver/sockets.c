/*-------------------------------------------------------------------------
 *
 * sockets.c
 *	  Waiting for the lanes' sockets, a time, or the latch.
 *
 * The wait set is made anew when a connection came or went, or has got other
 * sockets, as it goes from name to address to endpoint.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"

#include "compat.h"
#include "host.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/lane.h"
#include "outbox/deliver/sockets.h"
#include "wait.h"

/* Of the latch in the wait set. */
#define LATCH_POSITION 0

/* Times are looked at again after, in milliseconds. */
#define LONGEST_WAIT 60000

static WaitEventSet *wait_set;
static uint64		 made_for; /* outbox_connections.changes */

static bool
wait_set_fits(void)
{
	dlist_iter iter;

	if (wait_set == NULL || made_for != outbox_connections.changes)
		return false;
	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);

		if (t->generation != t->conn->generation)
			return false;
	}
	return true;
}

/* How many sockets all connections have. */
static int
count_sockets(void)
{
	RtmSocket  sockets[RTM_MAX_SOCKETS];
	dlist_iter iter;
	int		   n = 0;

	dlist_foreach (iter, &outbox_connections.all)
		n += rtm_conn_sockets(dlist_container(LaneTraffic, conn_node, iter.cur)->conn, sockets);
	return n;
}

/* Connections keep where their sockets begin in the set, for prepare_wait_set(). */
static void
make_wait_set(void)
{
	RtmSocket  sockets[RTM_MAX_SOCKETS];
	dlist_iter iter;
	int		   position = LATCH_POSITION + 2;

	if (wait_set)
		FreeWaitEventSet(wait_set);
	wait_set = rtm_create_wait_set(position + count_sockets());
	made_for = outbox_connections.changes;
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);
		int			 n = rtm_conn_sockets(t->conn, sockets);

		t->generation = t->conn->generation;
		t->position = position;
		position += n;
		for (int i = 0; i < n; i++)
			AddWaitEventToSet(wait_set, sockets[i].events, sockets[i].sock, NULL, t->lane);
	}
}

static void
prepare_wait_set(void)
{
	RtmSocket  sockets[RTM_MAX_SOCKETS];
	dlist_iter iter;

	if (!wait_set_fits())
	{
		make_wait_set();
		return;
	}
	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);
		int			 n = rtm_conn_sockets(t->conn, sockets);

		for (int i = 0; i < n; i++)
			ModifyWaitEvent(wait_set, t->position + i, sockets[i].events, NULL);
	}
}

/* Are those sockets still the lane's?  What an event does may change them, or another lane's. */
static bool
is_current(const Lane *lane)
{
	return made_for == outbox_connections.changes &&
		   lane->traffic->generation == lane->traffic->conn->generation;
}

void
outbox_wait(int64 until, bool latch, const char *what)
{
	WaitEvent events[64];
	int64	  left = until - rtm_now_ms();
	int64	  timeout = Min(Max(left, 0), LONGEST_WAIT);
	int		  n;

	prepare_wait_set();
	if (timeout > 0 && what)
		pgstat_report_activity(STATE_IDLE, what);
	ModifyWaitEvent(wait_set, LATCH_POSITION, WL_LATCH_SET, latch ? MyLatch : NULL);
	n = WaitEventSetWait(wait_set, (long) timeout, events, lengthof(events),
						 rtm_wait_event(RTM_WAIT_SENDER_MAIN));

	for (int i = 0; i < n; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (events[i].user_data && is_current(events[i].user_data))
			outbox_lane_event(events[i].user_data, events[i].fd, events[i].events);
	}
}
