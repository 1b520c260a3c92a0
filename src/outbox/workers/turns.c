/*-------------------------------------------------------------------------
 *
 * turns.c
 *	  Whose callbacks run: the sender's part.
 *
 * A role whose callbacks are due gets one worker, as long as there are places
 * (rtm.callback_workers); above that roles take turns, in the order of their OIDs.
 * Who waits is told to those who have a place, by entry->role_waits: they end when
 * they have had their time.  A role whose worker ended with an error is left alone for
 * a while, which doubles: it can't keep the others from a place, nor fill the log.
 *
 * The sender does it, as it is there all the time: nobody needs a process only to
 * find out whether one is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "host.h"
#include "session.h"
#include "outbox/record/due.h"
#include "outbox/workers/identity.h"
#include "outbox/workers/turns.h"

/* Milliseconds. */
#define PAUSE_FIRST 1000
#define PAUSE_MOST	60000
#define LOOK_AGAIN	1000 /* something is due, but has to wait; more after a round that took long */

/* Roles that are looked at in one turn. */
#define ROLES_AT_ONCE 100

/* A role whose worker has failed; forgotten when it hasn't for PAUSE_MOST. */
typedef struct Pause
{
	struct Pause *next;
	Oid			  user;
	int			  failures; /* in a row */
	int64		  until;	/* rtm_now_ms() */
} Pause;

/* Of this process, the sender. */
static struct
{
	Pause *pauses;
	bool   look;	/* a round is to begin */
	bool   looking; /* one is under way: from `begin` on, at `at`, all around or not yet */
	Oid	   begin;
	Oid	   at;
	bool   around;
	int64  since; /* rtm_now_ms(): the round began */
	int64  again; /* rtm_now_ms(): the next round, unless somebody asks for one */
} turns = {.look = true};

void
outbox_look_for_callbacks(void)
{
	turns.look = true;
}

/* ---- pauses ---- */

static Pause *
find_pause(Oid user)
{
	Pause *pause = turns.pauses;

	while (pause && pause->user != user)
		pause = pause->next;
	return pause;
}

static void
pause_role(Oid user)
{
	Pause *pause = find_pause(user);

	if (pause == NULL)
	{
		pause = MemoryContextAllocZero(TopMemoryContext, sizeof(Pause));
		pause->user = user;
		pause->next = turns.pauses;
		turns.pauses = pause;
	}
	pause->until = rtm_now_ms() + Min((int64) PAUSE_FIRST << Min(pause->failures, 10), PAUSE_MOST);
	pause->failures++;
}

static void
forget_old_pauses(int64 now)
{
	for (Pause **link = &turns.pauses; *link;)
	{
		Pause *pause = *link;

		if (now < pause->until + PAUSE_MOST)
		{
			link = &pause->next;
			continue;
		}
		*link = pause->next;
		pfree(pause);
	}
}

/* ---- turns ---- */

/*
 * Whose worker has ended with an error has to wait; a callback that could only be ended
 * with its process has failed.
 */
static void
take_failures(OutboxDatabase *entry, int64 origin)
{
	MemoryContext context = CurrentMemoryContext;
	int64		  overdue = 0;
	Oid			  user;

	while (OidIsValid(user = outbox_take_failure(entry, &overdue)))
	{
		turns.look = true;
		if (overdue == 0)
		{
			pause_role(user);
			continue;
		}

		/* it was ended on purpose; if the row is locked, it is run again after a while */
		rtm_begin_transaction();
		(void) outbox_fail_due(origin, overdue,
							   "it did not end in time, and took no notice of being cancelled");
		CommitTransactionCommand();
		MemoryContextSwitchTo(context);
	}
}

typedef enum Given
{
	GIVEN,	 /* it has a place, or needs none */
	PAUSED,	 /* it has to wait, and others needn't */
	NO_PLACE /* all are taken */
} Given;

/* In a transaction. */
static Given
give_place(OutboxDatabase *entry, int64 origin, Oid user, int64 now)
{
	Pause *pause = find_pause(user);

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(user)))
	{
		char why[80];

		snprintf(why, sizeof(why), "the role that queued it (OID %u) was dropped", user);
		if (outbox_give_up_due(origin, user, why) > 0)
			turns.look = true; /* there may be more */
		return GIVEN;
	}
	if (outbox_wake_callbacks(entry, user))
		return GIVEN;
	if (pause && now < pause->until)
		return PAUSED;
	if (!outbox_want_callbacks(entry, user, outbox_may_log_in(user), outbox_callback_workers))
		return NO_PLACE;
	return GIVEN;
}

/*
 * Give places to roles, some at a time; a round goes all around once, and the next
 * one begins where this one ends.  In a transaction.  True: somebody waits for a place.
 */
static bool
give_places(OutboxDatabase *entry, int64 origin, int64 now)
{
	for (int i = 0; i < ROLES_AT_ONCE; i++)
	{
		Oid user = outbox_next_due_owner(origin, turns.at);

		if (!OidIsValid(user) && !turns.around)
		{
			turns.around = true;
			user = outbox_next_due_owner(origin, InvalidOid);
		}
		turns.looking = OidIsValid(user) && !(turns.around && user > turns.begin);
		if (!turns.looking)
			return false;
		if (give_place(entry, origin, user, now) == NO_PLACE)
		{
			turns.looking = false;
			return true;
		}
		turns.at = user;
	}
	return false;
}

static void
begin_round(int64 now)
{
	if (turns.looking)
		return;
	turns.look = false;
	turns.looking = true;
	turns.around = false;
	turns.begin = turns.at;
	turns.since = now;
	turns.again = PG_INT64_MAX;
	forget_old_pauses(now);
}

int64
outbox_callbacks_turn(OutboxDatabase *entry)
{
	int64		  origin = (int64) pg_atomic_read_u64(&entry->origin);
	MemoryContext context = CurrentMemoryContext;
	int64		  now = rtm_now_ms();
	bool		  waits;

	take_failures(entry, origin);
	if (outbox_pause)
		return PG_INT64_MAX;
	if (!turns.look && !turns.looking && now < turns.again)
		return turns.again;
	begin_round(now);
	rtm_begin_transaction();
	waits = give_places(entry, origin, now);
	if (!turns.looking && outbox_any_due(origin))
		turns.again = now + LOOK_AGAIN + 10 * (now - turns.since);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	if (!waits && !turns.looking)
		pg_atomic_write_u32(&entry->role_waits, 0);
	return turns.look || turns.looking ? 0 : turns.again;
}
