/*-------------------------------------------------------------------------
 *
 * sockets.c
 *	  Waiting for the lanes' sockets, a time, or the latch.
 *
 * The wait set is made anew when a connection came or went, or has got another
 * socket, as it goes from endpoint to endpoint.
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

/* The lane's socket that has to be in the set, as counted by its connection; 0: none. */
static int
generation_of(const LaneTraffic *t)
{
	return t->conn->sock != PGINVALID_SOCKET ? t->conn->generation : 0;
}

static bool
wait_set_fits(void)
{
	dlist_iter iter;

	if (wait_set == NULL || made_for != outbox_connections.changes)
		return false;
	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);

		if (t->generation != generation_of(t))
			return false;
	}
	return true;
}

static void
make_wait_set(void)
{
	dlist_iter iter;

	if (wait_set)
		FreeWaitEventSet(wait_set);
	wait_set = rtm_create_wait_set(outbox_connections.n + 2);
	made_for = outbox_connections.changes;
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);

		t->generation = generation_of(t);
		if (t->generation == 0)
			continue;
		t->events = rtm_conn_events(t->conn);
		t->position = AddWaitEventToSet(wait_set, t->events, t->conn->sock, NULL, t->lane);
	}
}

static void
prepare_wait_set(void)
{
	dlist_iter iter;

	if (!wait_set_fits())
	{
		make_wait_set();
		return;
	}
	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);
		uint32		 events;

		if (t->generation == 0)
			continue;
		events = rtm_conn_events(t->conn);
		if (events != t->events)
			ModifyWaitEvent(wait_set, t->position, events, NULL);
		t->events = events;
	}
}

void
outbox_wait(int64 until, bool latch, const char *what)
{
	WaitEvent events[64];
	int64	  left = until - rtm_now_ms();
	int64	  timeout = Min(Max(left, 0), LONGEST_WAIT);
	uint64	  changes;
	int		  n;

	prepare_wait_set();
	if (timeout > 0 && what)
		pgstat_report_activity(STATE_IDLE, what);
	ModifyWaitEvent(wait_set, LATCH_POSITION, WL_LATCH_SET, latch ? MyLatch : NULL);
	n = WaitEventSetWait(wait_set, (long) timeout, events, lengthof(events),
						 rtm_wait_event(RTM_WAIT_SENDER_MAIN));

	/* what an event does may close other lanes' connections: their events are void */
	changes = outbox_connections.changes;
	for (int i = 0; i < n; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (events[i].user_data && changes == outbox_connections.changes)
			outbox_lane_event(events[i].user_data, events[i].events);
	}
}
