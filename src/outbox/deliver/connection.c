/*-------------------------------------------------------------------------
 *
 * connection.c
 *	  The lanes' connections to gates, of which there are so many at most.
 *
 * There are at most rtm.sender_connections of them, and as many as the process has
 * file descriptors for.  When lanes have to wait for one, they stand in line; those
 * that have one give it up when they have nothing to send, or have had it for a
 * while.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/fd.h"

#include "client/client_guc.h"
#include "host.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/report.h"
#include "outbox/record/outbox_guc.h"

/*
 * How long a lane keeps its connection while others wait for one, and when the
 * first of those looks again.  Milliseconds.
 */
#define CONNECTION_TURN 1000
#define TURN_CHECK		20

OutboxConnections outbox_connections;

void
outbox_connections_init(void)
{
	dlist_init(&outbox_connections.all);
	dlist_init(&outbox_connections.waiting);
}

/* Who is the first in line by now may try. */
static void
wake_first(void)
{
	if (!dlist_is_empty(&outbox_connections.waiting))
		outbox_wake_lane(
			dlist_head_element(LaneTraffic, waiting_node, &outbox_connections.waiting)->lane);
}

void
outbox_stop_waiting(Lane *lane)
{
	LaneTraffic *t = lane->traffic;

	if (!t->waiting)
		return;
	t->waiting = false;
	dlist_delete(&t->waiting_node);
	wake_first();
}

void
outbox_close(Lane *lane)
{
	LaneTraffic *t = lane->traffic;

	if (t->conn == NULL)
		return;
	rtm_conn_close(t->conn);
	t->conn = NULL;
	dlist_delete(&t->conn_node);
	outbox_connections.n--;
	outbox_connections.changes++;
	t->ping_deadline = 0;
	t->serial++;
	outbox_wake_lane(lane);
	wake_first();
}

bool
outbox_must_yield(const Lane *lane, int64 now)
{
	return !dlist_is_empty(&outbox_connections.waiting) &&
		   now - lane->traffic->connected_at >= CONNECTION_TURN;
}

/* Could the lane do without its connection at this moment? */
static bool
may_yield(const Lane *lane, int64 now)
{
	return lane->traffic->conn->state == RTM_CONN_READY && lane->nin_flight == 0 &&
		   (lane->nready == 0 || outbox_must_yield(lane, now));
}

/* Close the connection that was of no use for the longest time.  False: all are. */
static bool
take_spare(int64 now)
{
	LaneTraffic *spare = NULL;
	dlist_iter	 iter;

	dlist_foreach (iter, &outbox_connections.all)
	{
		LaneTraffic *t = dlist_container(LaneTraffic, conn_node, iter.cur);

		if (may_yield(t->lane, now) && (spare == NULL || t->last_used < spare->last_used))
			spare = t;
	}
	if (spare)
		outbox_close(spare->lane);
	return spare != NULL;
}

/* Has the process a file descriptor for one more? */
static bool
has_descriptor(void)
{
	if (!AcquireExternalFD())
		return false;
	ReleaseExternalFD();
	return true;
}

/* May there be one more, if need be in place of another one? */
static bool
make_room(int64 now)
{
	if (outbox_connections.n >= outbox_sender_connections && !take_spare(now))
		return false;
	if (has_descriptor())
		return true;
	outbox_note_descriptors(outbox_connections.n);
	return take_spare(now) && has_descriptor();
}

static void
stand_in_line(LaneTraffic *t)
{
	if (t->waiting)
		return;
	t->waiting = true;
	dlist_push_tail(&outbox_connections.waiting, &t->waiting_node);
}

bool
outbox_connect(Lane *lane, int64 *at)
{
	LaneTraffic *t = lane->traffic;
	RtmOptions	*o = t->options.options;
	int64		 now = rtm_now_ms();
	int64		 timeout = o->connect_timeout > 0 ? (int64) ceil(o->connect_timeout * 1000)
												  : rtm_connect_timeout;

	*at = PG_INT64_MAX;
	stand_in_line(t);
	if (dlist_head_node(&outbox_connections.waiting) != &t->waiting_node)
		return false;
	if (!make_room(now))
	{
		*at = now + TURN_CHECK;
		return false;
	}
	outbox_stop_waiting(lane);
	t->conn = rtm_conn_open(o, timeout);
	dlist_push_tail(&outbox_connections.all, &t->conn_node);
	outbox_connections.n++;
	outbox_connections.changes++;
	t->serial++;
	t->fresh = true;
	t->connected_at = t->last_asked = t->last_used = t->last_answer = rtm_now_ms();
	return true;
}

/* ---- answers that nobody waits for ---- */

static void
forget_quest(const Lane *lane, Quest *quest)
{
	const LaneTraffic *t = lane->traffic;

	if (t && t->conn && quest->connection == t->serial)
		rtm_conn_forget(t->conn, quest->seq);
	quest->connection = 0;
}

void
outbox_forget_quests(Request *request)
{
	forget_quest(request->lane, &request->quest);
	forget_quest(request->lane, &request->late);
}

void
outbox_keep_quest(Request *request)
{
	if (request->looking)
		forget_quest(request->lane, &request->quest);
	else
	{
		forget_quest(request->lane, &request->late);
		request->late = request->quest;
	}
	request->quest.connection = 0;
}
