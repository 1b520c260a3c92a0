/*-------------------------------------------------------------------------
 *
 * sender.c
 *	  The worker that delivers a database's queued requests.
 *
 * There may be several (rtm.senders), each with foreign servers of its own.  One loop: read what is new, let every lane do what it can, write down what
 * became of requests, wait for a socket, a time or the latch, which a commit
 * sets.  No transaction is open while it waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "host.h"
#include "session.h"
#include "outbox/enqueue/prepared.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/deliver/confirm.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/lane.h"
#include "outbox/deliver/options.h"
#include "outbox/origin/origin.h"
#include "outbox/deliver/reader.h"
#include "outbox/deliver/schedule.h"
#include "outbox/deliver/settle.h"
#include "outbox/record/relations.h"
#include "outbox/record/request_table.h"
#include "outbox/deliver/sockets.h"
#include "outbox/record/ticket.h"
#include "outbox/workers/local_gate.h"
#include "outbox/workers/turns.h"
#include "outbox/workers/worker.h"
#include "outbox/workers/under_way.h"

/* What is through is written down when it is so many, or so old (milliseconds). */
#define SETTLE_ROWS	 1000
#define SETTLE_DELAY 50
#define LOCKED_DELAY 1000

/* Microseconds between two looks at the table, at least. */
#define GATHER_TIME 2000

/* Pauses between two looks at what the standbys have, in milliseconds. */
#define SHORTEST_LOOK 1
#define LONGEST_LOOK  100

/* Changes of servers, mappings and roles are noticed within, in milliseconds. */
#define CATALOG_CHECK 1000

/* Prepared transactions that were committed, too. */
#define PREPARED_CHECK 1000

/* What the loop keeps from turn to turn; times are rtm_now_ms(). */
typedef struct Sender
{
	OutboxDatabase *entry;
	ResourceOwner	traffic;		/* owns what signing takes from the server */
	int64			next_purge;		/* of results */
	int64			next_release;	/* of scheduled requests */
	int64			finished_since; /* there is something to settle; 0: there isn't */
	OutboxSettled	settled;		/* what the last settlement left */
	int64			read_us;		/* rtm_now_us(): the last look at the table */
	int64			catalog_checked;
	int64			prepared_checked;
	bool			gathering; /* commits that may come soon are waited for */
} Sender;

/* Open the table in a new transaction; ends the process when it is gone. */
static Relation
begin(LOCKMODE lock)
{
	const OutboxRelations *relations;
	Relation			   rel = NULL;

	rtm_begin_transaction();
	relations = outbox_relations(true);

	/* first, as rtm_retry() and others do */
	if (relations && lock == RowExclusiveLock)
		LockRelationOid(relations->tables[OUTBOX_RESULTS], lock);
	if (relations)
		rel = outbox_try_open(OUTBOX_REQUESTS, lock);
	if (rel == NULL)
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

/* The first sender has chores that are done once, whoever sends. */
static bool
is_first(void)
{
	return outbox_my_sender() == 0;
}

/* Bind the outbox to this server. */
static void
claim(OutboxDatabase *entry, Relation rel)
{
	(void) outbox_claim(entry);
	commit(rel);

	/* those of prepared transactions have their origin only now */
	outbox_note_prepared(entry, 0);
	outbox_wake_sender(entry, 0, OUTBOX_CHORE_PREPARED | OUTBOX_CHORE_CALLBACKS);
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
let_commits_gather(Sender *sender)
{
	int64 now = rtm_now_us();

	if (outbox_reader_is_current() && now - sender->read_us < GATHER_TIME)
		return true;
	sender->read_us = now;
	return false;
}

static void
read_turn(Sender *sender)
{
	Relation rel;
	bool	 held;

	sender->gathering = false;
	if (!outbox_reader_has_work())
		return;
	sender->gathering = let_commits_gather(sender);
	if (sender->gathering)
		return;
	pgstat_report_activity(STATE_RUNNING, "rtm sender: reading requests");
	rel = begin(AccessShareLock);
	held = outbox_read(rel);
	commit(rel);
	if (held)
		show_held(sender->entry, true);
}

/*
 * What the standbys have by now may leave.  They don't tell us: who waits for long looks
 * less often.  When the next time; PG_INT64_MAX: nothing waits.
 */
static int64
confirm_turn(Sender *sender)
{
	int64		since = 0;
	TimestampTz at = 0;
	int64		waited;

	if (!dlist_is_empty(&outbox_queue.unconfirmed))
		since = outbox_confirm(outbox_lsn_on_standbys());
	waited = rtm_now_ms() - since;
	if (since != 0)
		at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), -waited);
	pg_atomic_write_u64(&sender->entry->senders[outbox_my_sender()].unconfirmed_since, (uint64) at);
	if (since == 0)
		return PG_INT64_MAX;
	return rtm_now_ms() + Min(Max(waited / 4, SHORTEST_LOOK), LONGEST_LOOK);
}

/*
 * Deleting rows in large batches costs less, most of all those who commit at the
 * same time; but nobody waits for a result, or a repetition's reason.
 */
static bool
must_settle(const Sender *sender)
{
	const OutboxQueue	*q = &outbox_queue;
	const OutboxSettled *left = &sender->settled;
	int64				 age = rtm_now_ms() - sender->finished_since;

	if (q->nfinished == left->locked && q->ntouched == left->locked_touched)
		return age >= LOCKED_DELAY;
	if (q->nfinished - left->locked >= SETTLE_ROWS || q->nresults > left->locked_results ||
		q->ntouched > left->locked_touched)
		return true;
	return pg_atomic_read_u32(&sender->entry->waiters) > 0 || age >= SETTLE_DELAY;
}

/* Tell those who wait for what was settled. */
static void
announce(Sender *sender)
{
	OutboxDatabase *entry = sender->entry;

	outbox_works();
	if (sender->settled.callbacks)
		outbox_wake_sender(entry, 0, OUTBOX_CHORE_CALLBACKS);
	if (sender->settled.results && sender->next_purge == PG_INT64_MAX)
		sender->next_purge = rtm_now_ms() + 1000 * (int64) Max(outbox_result_ttl, 1);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&entry->waiters) > 0)
		ConditionVariableBroadcast(&entry->finished);
}

/* True: something was written, which lanes may have waited for. */
static bool
settle_turn(Sender *sender)
{
	Relation rel;

	if (outbox_queue.nfinished == 0 && outbox_queue.ntouched == 0)
	{
		sender->finished_since = 0;
		return false;
	}
	if (sender->finished_since == 0)
		sender->finished_since = rtm_now_ms();
	if (!must_settle(sender))
		return false;
	sender->finished_since = 0;
	pgstat_report_activity(STATE_RUNNING, "rtm sender: settling requests");
	rel = begin(RowExclusiveLock);
	sender->settled = outbox_settle(rel);
	commit(rel);
	outbox_settled();
	announce(sender);
	pgstat_report_stat(false);
	return true;
}

/* Before reading: what is due by now goes first. */
static void
release_turn(Sender *sender)
{
	Relation rel;

	if (rtm_now_ms() < sender->next_release)
		return;
	rel = begin(RowExclusiveLock);
	sender->next_release = outbox_release_due(sender->entry);
	commit(rel);
	for (int i = 1; i < outbox_senders; i++)
		outbox_wake_sender(sender->entry, i, 0);
}

static void
purge_turn(Sender *sender)
{
	Relation rel;

	if (rtm_now_ms() < sender->next_purge)
		return;
	rel = begin(RowExclusiveLock);
	sender->next_purge = outbox_purge();
	commit(rel);
}

/* See changes of the catalogues also while there is nothing to read. */
static void
catalog_turn(Sender *sender)
{
	int64		  now = rtm_now_ms();
	MemoryContext context = CurrentMemoryContext;

	if (now - sender->catalog_checked < CATALOG_CHECK)
		return;
	sender->catalog_checked = now;
	rtm_begin_transaction();
	outbox_forget_dropped_servers();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/* Nobody may have told that a prepared transaction was committed. */
static bool
is_prepared_due(Sender *sender)
{
	if (!is_first() || !outbox_any_prepared(sender->entry) ||
		rtm_now_ms() - sender->prepared_checked < PREPARED_CHECK)
		return false;
	sender->prepared_checked = rtm_now_ms();
	return true;
}

static void
release_prepared(OutboxDatabase *entry)
{
	Relation rel = begin(RowExclusiveLock);

	outbox_release_prepared(entry);
	commit(rel);
}

/*
 * What others have asked for in shared memory.  The flags are taken first: who asks while a chore is
 * being done asks for it again.
 */
static void
do_chores(Sender *sender)
{
	OutboxDatabase *entry = sender->entry;
	uint32			chores = pg_atomic_exchange_u32(&entry->senders[outbox_my_sender()].chores, 0);

	if (chores & OUTBOX_CHORE_INSTALLED)
	{
		/* waits for whoever drops it; see begin() */
		commit(begin(AccessShareLock));
		if (!outbox_is_installed())
			proc_exit(0);

		/* DROP and CREATE EXTENSION: the note is gone, what it says isn't */
		claim(entry, begin(AccessShareLock));
	}
	if (chores & OUTBOX_CHORE_PREPARED || is_prepared_due(sender))
		release_prepared(entry);
	if (chores & OUTBOX_CHORE_DISCARDED)
	{
		Relation rel = begin(AccessShareLock);

		outbox_notice_discarded(rel);
		commit(rel);
	}
	if (chores & OUTBOX_CHORE_SCHEDULED)
	{
		outbox_look_at_schedule();
		sender->next_release = 0;
	}
	if (chores & OUTBOX_CHORE_CALLBACKS)
		outbox_look_for_callbacks();
	if (chores & OUTBOX_CHORE_HELD ||
		(chores & OUTBOX_CHORE_DISCARDED && pg_atomic_read_u32(&entry->holding)))
	{
		Relation rel = begin(AccessShareLock);

		outbox_read_held_again();
		show_held(entry, outbox_look_for_held(entry));
		commit(rel);
	}
}

/*
 * Every lane that has something to do has a turn, urgent ones first, in the order in which they
 * woke up; one that wakes up again meanwhile comes after the sockets were looked at.
 * When the next turn is due by time.
 */
static int64
lanes_turn(Sender *sender)
{
	int64		  back;
	dlist_head	  awake = DLIST_STATIC_INIT(awake);
	dlist_head	  others = DLIST_STATIC_INIT(others);
	MemoryContext context = CurrentMemoryContext;

	(void) outbox_wake_by_time(rtm_now_ms());
	while (!dlist_is_empty(&outbox_queue.awake))
	{
		Lane *lane = dlist_head_element(Lane, awake_node, &outbox_queue.awake);

		dlist_delete(&lane->awake_node);
		dlist_push_tail(lane->key.urgent ? &awake : &others, &lane->awake_node);
	}
	while (!dlist_is_empty(&awake) || !dlist_is_empty(&others))
	{
		Lane *lane = dlist_head_element(Lane, awake_node,
										dlist_is_empty(&awake) ? &others : &awake);

		dlist_delete(&lane->awake_node);
		lane->awake = false;
		CurrentResourceOwner = sender->traffic; /* a transaction that ended has left none */
		outbox_lane_turn(lane);
		MemoryContextSwitchTo(context);
	}
	back = outbox_wake_by_time(rtm_now_ms());
	return dlist_is_empty(&outbox_queue.awake) ? back : 0;
}

/* Settings have changed: whatever waits may not have to. */
static void
wake_all_lanes(void)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_queue.lanes)
		outbox_wake_lane(dlist_container(Lane, node, iter.cur));
}

/* What the sender waits for, for pg_stat_activity. */
static const char *
what_for(const Sender *sender)
{
	dlist_iter iter;

	if (sender->gathering)
		return NULL;
	if (outbox_pause)
		return "rtm sender: paused, see the setting rtm.pause";
	dlist_foreach (iter, &outbox_queue.servers)
	{
		if (dlist_container(Server, node, iter.cur)->nin_flight > 0)
			return "rtm sender: waiting for answers";
	}
	if (!dlist_is_empty(&outbox_queue.unconfirmed))
		return "rtm sender: waiting for a synchronous standby";
	return outbox_queue.nrows > 0 ? "rtm sender: waiting to try again"
								  : "rtm sender: waiting for requests";
}

/* ---- the loop ---- */

/* When the next turn is due at the latest; `until`: for the lanes. */
static int64
next_turn(const Sender *sender, int64 until)
{
	bool locked = sender->settled.locked + sender->settled.locked_touched > 0;

	until = Min(until, Min(sender->next_purge, sender->next_release));
	if (outbox_queue.nrows > 0)
		until = Min(until, rtm_now_ms() + CATALOG_CHECK);
	if (is_first() && outbox_any_prepared(sender->entry))
		until = Min(until, rtm_now_ms() + PREPARED_CHECK);
	if (sender->finished_since != 0)
		until = Min(until, sender->finished_since + (locked ? LOCKED_DELAY : SETTLE_DELAY));
	if (outbox_reader_has_work())
		until = sender->gathering ? rtm_now_ms() + GATHER_TIME / 1000 : 0;
	return until;
}

/*
 * One turn of the loop.  Whatever was written down, or asked for meanwhile, makes the next one begin
 * at once; else it waits until the earliest time that anybody has named.
 */
static void
turn(Sender *sender)
{
	MemoryContext context = CurrentMemoryContext;
	int64		  confirmed;
	int64		  until;

	if (outbox_housekeeping())
	{
		sender->next_purge = 0;
		wake_all_lanes();
		outbox_look_for_callbacks();
	}
	if (outbox_under_way_has_room_again())
		wake_all_lanes();
	do_chores(sender);
	release_turn(sender);
	read_turn(sender);
	MemoryContextSwitchTo(context);
	if (outbox_queue.nrows > 0)
		catalog_turn(sender);
	confirmed = confirm_turn(sender);
	until = Min(confirmed, lanes_turn(sender));
	if (settle_turn(sender))
		until = 0;
	purge_turn(sender);
	MemoryContextSwitchTo(context);
	if (is_first())
		until = Min(until, outbox_callbacks_turn(sender->entry));
	until = next_turn(sender, until);
	CurrentResourceOwner = sender->traffic;
	outbox_wait(until, !sender->gathering, what_for(sender));
}

/* Tickets that were drawn from now on are above all that are in the table. */
static void
open_outbox(OutboxDatabase *entry)
{
	Relation	 rel = begin(AccessShareLock);
	OutboxRange *hands;
	int			 n;

	outbox_raise_tickets(outbox_last_ticket());
	entry->opened = true;
	outbox_begin_under_way(entry);
	outbox_queue_init(entry, outbox_look_at_tickets(&hands, &n));
	claim(entry, rel);
	rel = begin(AccessShareLock);
	show_held(entry, outbox_look_for_held(entry));
	commit(rel);
}

static void
run_sender(OutboxDatabase *entry)
{
	Sender		  sender = {.entry = entry,
							.next_release = is_first() ? 0 : PG_INT64_MAX,
							.traffic = ResourceOwnerCreate(NULL, "rtm sender")};
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "rtm sender turn",
												  ALLOCSET_DEFAULT_SIZES);

	outbox_connections_init();
	outbox_options_watch();
	open_outbox(entry);
	for (;;)
	{
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		turn(&sender);
	}
}

void
rtm_sender_main(Datum arg)
{
	OutboxDatabase *entry = outbox_begin_worker();

	if (is_first())
		outbox_start_local_gate();
	run_sender(entry);
}
