/*-------------------------------------------------------------------------
 *
 * rate.c
 *	  How fast one asks.
 *
 * Turns of a server are in shared memory: when the next one is.  One that has passed
 * says as much as none, so an entry whose turn has can be taken for another server,
 * and nothing has to be cleaned up.  Where there is no shared memory (as for mids), or
 * no entry, each process counts for itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/wait_event.h"

#include "client/rate.h"
#include "compat.h"
#include "host.h"
#include "shmem.h"
#include "wait.h"

/* Servers that may be asked at the same time, and entries that are looked at for one. */
#define MAX_SERVERS 256
#define PROBES		16

#define NS_PER_S INT64CONST(1000000000)

/* What may be made up for, in microseconds. */
#define BUNCH (USECS_PER_SEC / 20)

/* Milliseconds to wait when the project's limit of calls was reached, again and again. */
#define MIN_PAUSE 100
#define MAX_PAUSE 3200

typedef struct Turns
{
	Oid	  database;
	Oid	  server;
	int	  rate; /* by which they were given */
	int64 next; /* nanoseconds; in the past: the entry is free */
} Turns;

typedef struct TurnTable
{
	slock_t mutex;
	Turns	entries[MAX_SERVERS];
} TurnTable;

static TurnTable *shared_table; /* NULL: there is none */

static void
table_init(void *table)
{
	memset(table, 0, sizeof(TurnTable));
	SpinLockInit(&((TurnTable *) table)->mutex);
}

static Size
table_size(void)
{
	return sizeof(TurnTable);
}

static void
table_attach(void)
{
	bool found;

	shared_table = ShmemInitStruct("rtm turns", table_size(), &found);
	if (!found)
		table_init(shared_table);
}

void
rtm_rate_init(void)
{
	static const RtmShmem part = {NULL, table_size, table_attach};

	if (process_shared_preload_libraries_in_progress)
		rtm_shmem_register(&part);
}

/* Of this process alone. */
static TurnTable *
own_table(void)
{
	static TurnTable  own;
	static TurnTable *table;

	if (table == NULL)
	{
		table_init(&own);
		table = &own;
	}
	return table;
}

static TurnTable *
get_table(void)
{
	if (shared_table == NULL && IsUnderPostmaster)
		shared_table = rtm_named_segment("rtm turns", sizeof(TurnTable), table_init);
	return shared_table ? shared_table : own_table();
}

/* ---- turns ---- */

/* The server's entry, or else one that is free; NULL: neither is there. */
static Turns *
find_turns(TurnTable *table, Oid server, int64 now)
{
	uint32 hash = hash_combine(murmurhash32(MyDatabaseId), murmurhash32(server));
	Turns *free = NULL;

	for (uint32 i = 0; i < PROBES; i++)
	{
		Turns *turns = &table->entries[(hash + i) % MAX_SERVERS];

		if (turns->server == server && turns->database == MyDatabaseId)
			return turns;
		if (free == NULL && turns->next < now - BUNCH * 1000)
			free = turns;
	}
	return free;
}

/* The next turn, in nanoseconds, as `now` is; 0: there is no entry for the server. */
static int64
take_turn(TurnTable *table, Oid server, int rate, int64 now)
{
	int64  period = NS_PER_S / rate;
	int64  at = 0;
	Turns *turns;

	SpinLockAcquire(&table->mutex);
	turns = find_turns(table, server, now);
	if (turns &&
		(turns->server != server || turns->database != MyDatabaseId || turns->rate != rate))
		*turns = (Turns){MyDatabaseId, server, rate, now};
	if (turns)
	{
		at = Max(turns->next, now - Max(BUNCH * 1000 - period, 0));
		turns->next = at + period;
	}
	SpinLockRelease(&table->mutex);
	return at;
}

int64
rtm_rate_left(RtmRate *rate)
{
	int64 now = rtm_now_us();

	if (rate->limit <= 0)
		return 0;
	if (rate->turn == 0)
		rate->turn = take_turn(get_table(), rate->server, rate->limit, now * 1000) / 1000;
	if (rate->turn == 0)
		rate->turn = take_turn(own_table(), rate->server, rate->limit, now * 1000) / 1000;
	return Max(rate->turn - now, 0);
}

void
rtm_rate_use(RtmRate *rate)
{
	rate->turn = 0;
	rate->asked++;
}

/* ---- waiting ---- */

static void
wait_until(int64 end)
{
	for (int64 left; (left = end - rtm_now_ms()) > 0;)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, (long) left,
						 rtm_wait_event(RTM_WAIT_TURN));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
rtm_rate_wait(RtmRate *rate)
{
	for (int64 left; (left = rtm_rate_left(rate)) > 0;)
		wait_until(rtm_now_ms() + (left + 999) / 1000);
	rtm_rate_use(rate);
}

bool
rtm_rate_refused(RtmRate *rate, int64 asked_at)
{
	if (rate->pause == MAX_PAUSE)
		return false;
	if (asked_at >= rate->paused_until)
	{
		rate->pause = Min(Max(rate->pause * 2, MIN_PAUSE), MAX_PAUSE);
		rate->paused_until = rtm_now_ms() + rate->pause;
	}
	wait_until(rate->paused_until);
	return true;
}

void
rtm_rate_good(RtmRate *rate)
{
	rate->pause = 0;
}
