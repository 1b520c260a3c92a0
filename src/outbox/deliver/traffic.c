/*-------------------------------------------------------------------------
 *
 * traffic.c
 *	  What lanes and servers have to do with gates: making it, giving it back,
 *	  pauses and times.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/memutils.h"

#include "host.h"
#include "outbox/deliver/traffic.h"
#include "outbox/record/outbox_guc.h"

static int later(const pairingheap_node *a, const pairingheap_node *b, void *arg);

static pairingheap timers = {.ph_compare = later};

LaneTraffic *
outbox_traffic(Lane *lane)
{
	if (lane->traffic == NULL)
	{
		lane->traffic = MemoryContextAllocZero(TopMemoryContext, sizeof(LaneTraffic));
		lane->traffic->lane = lane;
		lane->traffic->next_deadline = PG_INT64_MAX;
		lane->traffic->options.stale = true;
	}
	return lane->traffic;
}

ServerTraffic *
outbox_server_traffic(Server *server)
{
	Server *other;

	if (server->traffic)
		return server->traffic;
	other = outbox_other_class(server);
	if (other && other->traffic)
		server->traffic = other->traffic;
	else
	{
		server->traffic = MemoryContextAllocZero(TopMemoryContext, sizeof(ServerTraffic));
		server->traffic->stats = outbox_server_stats(&outbox_queue.entry->figures, server->key.oid);
		dlist_init(&server->traffic->line[false]);
		dlist_init(&server->traffic->line[true]);
	}
	server->traffic->nclasses++;
	return server->traffic;
}

/* What is left of it is the other class's. */
static void
release_server_traffic(Server *server)
{
	if (server->traffic && --server->traffic->nclasses == 0)
		pfree(server->traffic);
	server->traffic = NULL;
}

void
outbox_release_lane(Lane *lane)
{
	Server *server = lane->server;

	if (lane->traffic)
	{
		Assert(lane->traffic->conn == NULL && !lane->traffic->waiting &&
			   lane->traffic->options.options == NULL);
		outbox_set_timer(lane, PG_INT64_MAX);
		pfree(lane->traffic);
		lane->traffic = NULL;
	}
	outbox_drop_lane(lane);
	if (outbox_server_is_idle(server))
	{
		release_server_traffic(server);
		outbox_drop_server(server);
	}
}

/* ---- pauses ---- */

int
outbox_attempts_for(Server *server)
{
	int option = outbox_server_traffic(server)->max_attempts;

	return option > 0 ? option : outbox_max_attempts;
}

int64
outbox_age_for(Server *server)
{
	double option = outbox_server_traffic(server)->max_age;

	return (int64) ((option > 0 ? option : outbox_max_age) * USECS_PER_SEC);
}

int64
outbox_backoff(Server *server, int failures)
{
	double option = outbox_server_traffic(server)->retry_delay;
	double delay = (option > 0 ? option * 1000 : outbox_retry_delay) *
				   pow(2, Min(failures, 30) - 1);

	/* a server's own may be longer than the longest */
	delay = Min(delay, Max(outbox_max_retry_delay, option * 1000));
	return (int64) (delay * (0.5 + 0.5 * pg_prng_double(&pg_global_prng_state))) + 1;
}

void
outbox_pause_lane(Lane *lane)
{
	LaneTraffic *t = lane->traffic;

	t->failures++;
	t->paused_us = rtm_now_us();
	t->paused_until = rtm_now_ms() + outbox_backoff(lane->server, t->failures);
	outbox_wake_lane(lane);
}

/* ---- times ---- */

/* The heap has its first one on top. */
static int
later(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	int64 at_a = pairingheap_const_container(LaneTraffic, timer_node, a)->turn_at;
	int64 at_b = pairingheap_const_container(LaneTraffic, timer_node, b)->turn_at;

	return at_a < at_b ? 1 : at_a > at_b ? -1 : 0;
}

void
outbox_set_timer(Lane *lane, int64 at)
{
	LaneTraffic *t = lane->traffic;

	if (at == PG_INT64_MAX)
		at = 0;
	if (t->turn_at == at)
		return;
	if (t->turn_at != 0)
		pairingheap_remove(&timers, &t->timer_node);
	t->turn_at = at;
	if (at != 0)
		pairingheap_add(&timers, &t->timer_node);
}

int64
outbox_wake_by_time(int64 now)
{
	while (!pairingheap_is_empty(&timers))
	{
		LaneTraffic *t = pairingheap_container(LaneTraffic, timer_node, pairingheap_first(&timers));

		if (t->turn_at > now)
			return t->turn_at;
		outbox_set_timer(t->lane, PG_INT64_MAX);
		outbox_wake_lane(t->lane);
	}
	return PG_INT64_MAX;
}
