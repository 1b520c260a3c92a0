/*-------------------------------------------------------------------------
 *
 * sender.c
 *	  The worker that delivers a database's queued requests.
 *
 * One loop: read what is new, let every lane do what it can, write down what
 * became of requests, wait for a socket, a time or the latch, which a commit
 * sets.  No transaction is open while it waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "host.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/deliver/lane.h"
#include "outbox/origin/origin.h"
#include "outbox/deliver/reader.h"
#include "outbox/deliver/settle.h"
#include "outbox/record/ticket.h"
#include "outbox/workers/local_gate.h"
#include "outbox/workers/worker.h"
#include "wait.h"

/* What is through is written down when it is so many, or so old (milliseconds). */
#define SETTLE_ROWS	 1000
#define SETTLE_DELAY 50
#define LOCKED_DELAY 1000

/* Microseconds between two looks at the table, at least. */
#define GATHER_TIME 2000

/* Of the latch in the wait set. */
#define LATCH_POSITION 0

/* Changes of servers, mappings and roles are noticed within, in milliseconds. */
#define CATALOG_CHECK 1000

/* Times are looked at again after, in milliseconds. */
#define LONGEST_WAIT 60000

static WaitEventSet *wait_set;
static ResourceOwner traffic_owner; /* of what signing takes from the server */
static int64		 next_purge;
static bool			 has_origin; /* the table, when it was opened the last time */
static bool			 gathering;	 /* commits that may come soon are waited for */

/* Open the table in a new transaction; ends the process when it is gone. */
static Relation
begin(LOCKMODE lock)
{
	const OutboxRelations *relations;
	Relation			   rel = NULL;

	StartTransactionCommand();
	relations = outbox_relations(true);
	if (relations)
	{
		/* first, as rtm_retry() and others do: ALTER EXTENSION UPDATE locks both */
		if (lock == RowExclusiveLock)
			LockRelationOid(relations->finished, lock);
		rel = try_table_open(relations->request, lock);
	}

	/* it may have changed before it was locked */
	relations = rel ? outbox_relations(true) : NULL;
	if (relations)
		has_origin = OidIsValid(relations->origin);
	else
	{
		AbortCurrentTransaction();
		proc_exit(0);
	}
	return rel;
}

static void
commit(Relation rel)
{
	table_close(rel, NoLock);
	CommitTransactionCommand();
}

/* Bind the outbox to this server; again when the table has got an origin. */
static void
claim(OutboxDatabase *entry, Relation rel)
{
	outbox_claim(entry);
	commit(rel);

	/* those of prepared transactions have their origin only now */
	pg_atomic_fetch_add_u32(&entry->held, 1);
	pg_atomic_fetch_add_u32(&entry->held_for_sender, 1);
	pg_atomic_fetch_or_u32(&entry->chores, OUTBOX_CHORE_PREPARED);
	rel = begin(AccessShareLock);
	if (outbox_callbacks_are_due())
		outbox_wake(entry, OUTBOX_CALLBACKS);
	commit(rel);
}

/* The table as the reader needs it, with the origin known. */
static Relation
begin_reading(OutboxDatabase *entry)
{
	Relation rel = begin(AccessShareLock);

	while (has_origin && outbox_own_origin == 0)
	{
		claim(entry, rel);
		rel = begin(AccessShareLock);
	}
	return rel;
}

/* ---- turns ---- */

static void
show_held(OutboxDatabase *entry, bool any)
{
	bool known = pg_atomic_exchange_u32(&entry->holding, any) != 0;

	if (any && !known)
		ereport(
			LOG,
			(errmsg("requests in the outbox of database %u are held, as they were not queued by it",
					MyDatabaseId),
			 errhint(
				 "See the view rtm_outbox; rtm_adopt_held() sends them from here, rtm_discard_held() deletes them.")));
}

/*
 * While commits come one after the other, a few of them are read together: each
 * look at the table takes time from those who commit.  Meanwhile the latch is
 * let alone: who commits finds it set, and has nothing to do to wake us.
 */
static bool
let_commits_gather(void)
{
	static int64 last;
	int64		 now = rtm_now_us();

	if (outbox_reader_is_current() && now - last < GATHER_TIME)
		return true;
	last = now;
	return false;
}

static void
read_turn(OutboxDatabase *entry)
{
	Relation rel;

	gathering = false;
	if (!outbox_reader_has_work())
		return;
	gathering = let_commits_gather();
	if (gathering)
		return;
	pgstat_report_activity(STATE_RUNNING, "rtm sender: reading requests");
	rel = begin_reading(entry);
	outbox_read(rel);
	commit(rel);
	if (outbox_found_held)
		show_held(entry, true);
	outbox_found_held = false;
}

/*
 * Deleting rows in large batches costs less, most of all those who commit at the
 * same time; but nobody waits for a result, or a repetition's reason.
 */
static bool
must_settle(OutboxDatabase *entry, int64 since)
{
	int64 age = rtm_now_ms() - since;
	bool  only_locked = outbox_nfinished == outbox_nlocked &&
					   outbox_ntouched == outbox_nlocked_touched;

	if (only_locked)
		return age >= LOCKED_DELAY;
	if (outbox_nfinished - outbox_nlocked >= SETTLE_ROWS ||
		outbox_nresults > outbox_nlocked_results || outbox_ntouched > outbox_nlocked_touched)
		return true;
	return pg_atomic_read_u32(&entry->waiters) > 0 || age >= SETTLE_DELAY;
}

/* True: something was written, which lanes may have waited for. */
static bool
settle_turn(OutboxDatabase *entry, int64 *since)
{
	Relation rel;

	if (outbox_nfinished == 0 && dlist_is_empty(&outbox_touched))
	{
		*since = 0;
		return false;
	}
	if (*since == 0)
		*since = rtm_now_ms();

	if (!must_settle(entry, *since))
		return false;
	*since = 0;

	pgstat_report_activity(STATE_RUNNING, "rtm sender: settling requests");
	rel = begin(RowExclusiveLock);
	outbox_settle(rel);
	commit(rel);
	outbox_settled();
	outbox_works(entry, OUTBOX_SENDER);
	if (outbox_made_callbacks)
		outbox_wake(entry, OUTBOX_CALLBACKS);
	if (outbox_made_results && next_purge == PG_INT64_MAX)
		next_purge = rtm_now_ms() + 1000 * (int64) Max(outbox_result_ttl, 1);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&entry->waiters) > 0)
		ConditionVariableBroadcast(&entry->finished);
	pgstat_report_stat(false);
	return true;
}

static void
purge_turn(void)
{
	Relation rel;

	if (rtm_now_ms() < next_purge)
		return;
	rel = begin(RowExclusiveLock);
	next_purge = outbox_purge();
	commit(rel);
}

static void
load_stale_lanes(void)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_lanes)
	{
		Lane *lane = dlist_container(Lane, node, iter.cur);

		if (lane->stale &&
			(!lane->stale_read || lane->nin_flight == 0 || rtm_now_ms() >= lane->stale_until))
			outbox_lane_load(lane);
	}
}

/* See changes of the catalogues also while there is nothing to read. */
static void
catalog_turn(void)
{
	static int64 checked;
	int64		 now = rtm_now_ms();

	if (now - checked >= CATALOG_CHECK)
	{
		MemoryContext context = CurrentMemoryContext;

		checked = now;
		StartTransactionCommand();
		CommitTransactionCommand();
		MemoryContextSwitchTo(context);
	}
	load_stale_lanes();
}

static void
do_chores(OutboxDatabase *entry)
{
	uint32 chores = pg_atomic_exchange_u32(&entry->chores, 0);

	if (chores & OUTBOX_CHORE_INSTALLED)
	{
		/* waits for whoever drops it; see begin() */
		commit(begin(AccessShareLock));
		if (!outbox_is_installed())
			proc_exit(0);

		/* DROP and CREATE EXTENSION: the note is gone, what it says isn't */
		claim(entry, begin(AccessShareLock));
	}
	if (chores & OUTBOX_CHORE_PREPARED)
	{
		uint32	 reasons = pg_atomic_read_u32(&entry->held_for_sender);
		Relation rel = begin(RowExclusiveLock);

		outbox_release_held();
		commit(rel);
		pg_atomic_fetch_sub_u32(&entry->held_for_sender, reasons);
		pg_atomic_fetch_sub_u32(&entry->held, reasons);
	}
	if (chores & OUTBOX_CHORE_DISCARDED)
	{
		Relation rel = begin(AccessShareLock);

		outbox_notice_discarded(rel);
		commit(rel);
	}
	if (chores & OUTBOX_CHORE_HELD ||
		(chores & OUTBOX_CHORE_DISCARDED && pg_atomic_read_u32(&entry->holding)))
	{
		Relation rel = begin(AccessShareLock);

		show_held(entry, outbox_look_for_held());
		commit(rel);
	}
}

/* Every lane does what it can; when the first one wants to be called again. */
static int64
lanes_turn(void)
{
	int64	   back = PG_INT64_MAX;
	dlist_iter iter;

	/* a transaction that ended has left none */
	CurrentResourceOwner = traffic_owner;
	dlist_foreach (iter, &outbox_lanes)
	{
		int64 lane_back = outbox_lane_turn(dlist_container(Lane, node, iter.cur));

		back = Min(back, lane_back);
	}
	return back;
}

static bool
has_requests(void)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_servers)
	{
		if (dlist_container(Server, node, iter.cur)->nrows > 0)
			return true;
	}
	return false;
}

/* ---- waiting ---- */

/* What the sender waits for, for pg_stat_activity. */
static const char *
what_for(void)
{
	bool	   ready = false;
	dlist_iter iter;

	if (outbox_pause)
		return "rtm sender: paused, see the setting rtm.pause";
	dlist_foreach (iter, &outbox_lanes)
	{
		Lane *lane = dlist_container(Lane, node, iter.cur);

		if (lane->nin_flight > 0)
			return "rtm sender: waiting for answers";
		ready |= lane->nready > 0 || !dlist_is_empty(&lane->delayed);
	}
	return ready ? "rtm sender: waiting to try again" : "rtm sender: waiting for requests";
}

static int
count_lanes(void)
{
	int		   n = 0;
	dlist_iter iter;

	dlist_foreach (iter, &outbox_lanes)
		n++;
	return n;
}

static bool
wait_set_fits(void)
{
	dlist_iter iter;

	if (wait_set == NULL)
		return false;
	dlist_foreach (iter, &outbox_lanes)
	{
		Lane	*lane = dlist_container(Lane, node, iter.cur);
		RtmConn *conn = lane->conn;

		if (lane->waited_serial != lane->serial ||
			lane->generation != (conn && conn->sock != PGINVALID_SOCKET ? conn->generation : 0))
			return false;
	}
	return true;
}

/*
 * A new set, as a socket in the old one was closed, or there is one more.
 */
static void
make_wait_set(void)
{
	dlist_iter iter;

	if (wait_set)
		FreeWaitEventSet(wait_set);
	wait_set = rtm_create_wait_set(count_lanes() + 2);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	dlist_foreach (iter, &outbox_lanes)
	{
		Lane	*lane = dlist_container(Lane, node, iter.cur);
		RtmConn *conn = lane->conn;

		lane->generation = 0;
		lane->waited_serial = lane->serial;
		if (conn == NULL || conn->sock == PGINVALID_SOCKET)
			continue;
		lane->generation = conn->generation;
		lane->events = rtm_conn_events(conn);
		lane->position = AddWaitEventToSet(wait_set, lane->events, conn->sock, NULL, lane);
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
	dlist_foreach (iter, &outbox_lanes)
	{
		Lane  *lane = dlist_container(Lane, node, iter.cur);
		uint32 events;

		if (lane->generation == 0)
			continue;
		events = rtm_conn_events(lane->conn);
		if (events != lane->events)
			ModifyWaitEvent(wait_set, lane->position, events, NULL);
		lane->events = events;
	}
}

/* Wait until `until` at most (rtm_now_ms()), and serve the sockets. */
static void
wait(int64 until)
{
	WaitEvent events[16];
	int64	  left = until - rtm_now_ms();
	int64	  timeout = Min(Max(left, 0), LONGEST_WAIT);
	int		  n;

	CurrentResourceOwner = traffic_owner;
	prepare_wait_set();
	if (timeout > 0 && !gathering)
		pgstat_report_activity(STATE_IDLE, what_for());
	ModifyWaitEvent(wait_set, LATCH_POSITION, WL_LATCH_SET, gathering ? NULL : MyLatch);
	n = WaitEventSetWait(wait_set, (long) timeout, events, lengthof(events),
						 rtm_wait_event(RTM_WAIT_SENDER_MAIN));
	for (int i = 0; i < n; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (events[i].user_data)
			outbox_lane_event(events[i].user_data, events[i].events);
	}
}

/* ---- the loop ---- */

static void
serve(OutboxDatabase *entry)
{
	MemoryContext turn = AllocSetContextCreate(TopMemoryContext, "rtm sender turn",
											   ALLOCSET_DEFAULT_SIZES);
	int64		  finished_since = 0;

	for (;;)
	{
		int64 until;

		MemoryContextReset(turn);
		MemoryContextSwitchTo(turn);
		if (outbox_housekeeping())
			next_purge = 0;
		do_chores(entry);
		read_turn(entry);
		MemoryContextSwitchTo(turn);
		if (has_requests())
			catalog_turn();
		MemoryContextSwitchTo(turn);
		until = lanes_turn();
		if (settle_turn(entry, &finished_since))
			until = 0;
		purge_turn();
		MemoryContextSwitchTo(turn);

		until = Min(until, next_purge);
		if (has_requests())
			until = Min(until, rtm_now_ms() + CATALOG_CHECK);
		if (finished_since != 0)
			until = Min(until, finished_since + (outbox_nlocked + outbox_nlocked_touched > 0
													 ? LOCKED_DELAY
													 : SETTLE_DELAY));
		if (outbox_reader_has_work())
			until = gathering ? rtm_now_ms() + GATHER_TIME / 1000 : 0;
		wait(until);
	}
}

/* Tickets that were drawn from now on are above all that are in the table. */
static void
open_outbox(OutboxDatabase *entry)
{
	Relation	 rel = begin(AccessShareLock);
	OutboxRange *hands;
	int			 n;

	PushActiveSnapshot(GetTransactionSnapshot());
	outbox_raise_tickets(outbox_last_seq());
	PopActiveSnapshot();
	entry->opened = true;
	outbox_queue_init(entry, outbox_look_at_tickets(&hands, &n));
	claim(entry, rel);
	rel = begin(AccessShareLock);
	show_held(entry, outbox_look_for_held());
	commit(rel);
}

static void
run_sender(OutboxDatabase *entry)
{
	traffic_owner = ResourceOwnerCreate(NULL, "rtm sender");
	outbox_lane_init();
	open_outbox(entry);
	serve(entry);
}

void
rtm_sender_main(Datum arg)
{
	OutboxDatabase *entry = outbox_begin_worker(OUTBOX_SENDER, arg);

	outbox_start_local_gate();
	outbox_run_worker(entry, OUTBOX_SENDER, run_sender);
}
