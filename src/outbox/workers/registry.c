/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  Shared memory of the outbox: one entry per database, with its two workers.
 *
 * Entries and the states of workers are protected by one lock, which is held
 * for moments only.  An entry's address may be kept by whoever is connected to
 * its database: it is given up only when the database is gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "outbox/record/instance.h"
#include "outbox/workers/registry.h"
#include "outbox/record/ticket.h"

/* Seconds until a worker that failed is started again, at first and at most. */
#define RESTART_FIRST 1
#define RESTART_MOST  60

/* A worker that was registered begins within, in milliseconds. */
#define START_TIMEOUT 60000

typedef struct Registry
{
	LWLock		  *lock;
	Latch		  *launcher;
	OutboxDatabase databases[OUTBOX_MAX_DATABASES];
} Registry;

static Registry				  *registry; /* NULL: not preloaded */
static shmem_request_hook_type prev_shmem_request_hook;
static shmem_startup_hook_type prev_shmem_startup_hook;

/* Of this process, if it is a worker. */
static OutboxDatabase *my_entry;
static OutboxRole	   my_role;
static bool			   for_good; /* the database has no outbox */

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Registry)));
	RequestAddinShmemSpace(MAXALIGN(outbox_tickets_size()));
	RequestAddinShmemSpace(MAXALIGN(outbox_instance_size()));
	RequestNamedLWLockTranche("rtm outbox", 1);
}

static void
init_figures(OutboxDatabase *entry)
{
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *server = &entry->servers[i];

		pg_atomic_init_u64(&server->sent, 0);
		pg_atomic_init_u64(&server->failed, 0);
		pg_atomic_init_u64(&server->retried, 0);
		pg_atomic_init_u64(&server->answers, 0);
		pg_atomic_init_u64(&server->answer_us, 0);
		pg_atomic_init_u64(&server->last_answer_us, 0);
	}
	memset(entry->errors, 0, sizeof(entry->errors));
	entry->counted_since = GetCurrentTimestamp();
}

static void
init_entry(OutboxDatabase *entry)
{
	pg_atomic_init_u64(&entry->prepared, OUTBOX_PREPARED_UNKNOWN);
	pg_atomic_init_u32(&entry->chores, 0);
	pg_atomic_init_u64(&entry->overdue, 0);
	pg_atomic_init_u64(&entry->origin, 0);
	pg_atomic_init_u32(&entry->holding, 0);
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *server = &entry->servers[i];

		server->server = InvalidOid;
		server->unreachable_since = 0;
		server->reason[0] = '\0';
		pg_atomic_init_u32(&server->in_flight, 0);
	}
	init_figures(entry);
}

static void
startup_shmem(void)
{
	bool found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	registry = ShmemInitStruct("rtm outbox", sizeof(Registry), &found);
	if (!found)
	{
		memset(registry, 0, sizeof(Registry));
		registry->lock = &GetNamedLWLockTranche("rtm outbox")->lock;
		for (int i = 0; i < OUTBOX_MAX_DATABASES; i++)
		{
			OutboxDatabase *entry = &registry->databases[i];

			/* these two outlive the entry's database, as somebody may be waiting */
			pg_atomic_init_u32(&entry->waiters, 0);
			ConditionVariableInit(&entry->finished);
			init_entry(entry);
		}
	}
	outbox_tickets_attach();
	outbox_instance_attach();
	LWLockRelease(AddinShmemInitLock);
}

void
outbox_registry_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

bool
outbox_is_preloaded(void)
{
	return registry != NULL;
}

static OutboxDatabase *
find_entry(Oid database)
{
	for (int i = 0; i < OUTBOX_MAX_DATABASES; i++)
		if (registry->databases[i].database == database)
			return &registry->databases[i];
	return NULL;
}

OutboxDatabase *
outbox_database(Oid database, bool make)
{
	OutboxDatabase *entry;

	if (registry == NULL)
		return NULL;
	LWLockAcquire(registry->lock, LW_SHARED);
	entry = find_entry(database);
	LWLockRelease(registry->lock);
	if (entry || !make)
		return entry;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	entry = find_entry(database);
	if (entry == NULL && (entry = find_entry(InvalidOid)) != NULL)
	{
		memset(entry->workers, 0, sizeof(entry->workers));
		entry->opened = false;
		init_entry(entry);
		entry->database = database;
	}
	LWLockRelease(registry->lock);
	return entry;
}

OutboxDatabase *
outbox_this_database(bool make)
{
	static OutboxDatabase *entry;

	/* it is given up with DROP EXTENSION, and may be another database's then */
	if (entry == NULL || entry->database != MyDatabaseId)
		entry = outbox_database(MyDatabaseId, make);
	return entry;
}

int
outbox_next_database(int index, OutboxDatabase **entry)
{
	if (registry == NULL)
		return -1;
	for (; index < OUTBOX_MAX_DATABASES; index++)
		if (OidIsValid(registry->databases[index].database))
		{
			*entry = &registry->databases[index];
			return index;
		}
	return -1;
}

OutboxWorker
outbox_worker(OutboxDatabase *entry, OutboxRole role)
{
	OutboxWorker copy;

	LWLockAcquire(registry->lock, LW_SHARED);
	copy = entry->workers[role];
	LWLockRelease(registry->lock);
	return copy;
}

static void
set_state(OutboxWorker *worker, OutboxState state)
{
	worker->state = state;
	worker->since = GetCurrentTimestamp();
}

void
outbox_wake(OutboxDatabase *entry, OutboxRole role)
{
	OutboxWorker *worker = &entry->workers[role];
	Latch		 *latch = NULL;

	/*
	 * The usual case takes no lock.  A worker that is about to end looks again
	 * after its state changed; see outbox_prepare_to_leave().
	 */
	pg_memory_barrier();
	if (worker->state == OUTBOX_RUNNING)
		latch = worker->latch;
	else
	{
		LWLockAcquire(registry->lock, LW_EXCLUSIVE);
		switch (worker->state)
		{
			case OUTBOX_ABSENT:
				set_state(worker, OUTBOX_WANTED);
				latch = registry->launcher;
				break;
			case OUTBOX_RUNNING:
				latch = worker->latch;
				break;
			default: /* it is on its way */
				worker->again = true;
				break;
		}
		LWLockRelease(registry->lock);
	}
	if (latch)
		SetLatch(latch);
}

/* Lock held. */
static void
fail(OutboxWorker *worker)
{
	int seconds = RESTART_FIRST << Min(worker->failures, 10);

	set_state(worker, OUTBOX_FAILED);
	worker->failures++;
	worker->restart_at = TimestampTzPlusMilliseconds(worker->since,
													 1000 * Min(seconds, RESTART_MOST));
}

bool
outbox_claim_start(OutboxDatabase *entry, OutboxRole role, TimestampTz *due)
{
	OutboxWorker *worker = &entry->workers[role];
	bool		  claimed = false;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (worker->state == OUTBOX_STARTING && worker->pid == 0 &&
		TimestampDifferenceExceeds(worker->since, GetCurrentTimestamp(), START_TIMEOUT))
		fail(worker); /* it never got as far as here */
	if (worker->state == OUTBOX_WANTED ||
		(worker->state == OUTBOX_FAILED && worker->restart_at <= GetCurrentTimestamp()))
	{
		set_state(worker, OUTBOX_STARTING);
		worker->again = false;
		claimed = true;
	}
	else if (worker->state == OUTBOX_FAILED && (*due == 0 || worker->restart_at < *due))
		*due = worker->restart_at;
	LWLockRelease(registry->lock);
	return claimed;
}

void
outbox_start_failed(OutboxDatabase *entry, OutboxRole role)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (entry->workers[role].state == OUTBOX_STARTING)
		fail(&entry->workers[role]);
	LWLockRelease(registry->lock);
}

void
outbox_set_launcher(Latch *latch)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	registry->launcher = latch;
	LWLockRelease(registry->lock);
}

/* Lock held. */
static bool
is_unused(const OutboxDatabase *entry)
{
	return entry->workers[OUTBOX_SENDER].pid == 0 && entry->workers[OUTBOX_CALLBACKS].pid == 0;
}

void
outbox_forget_database(Oid database)
{
	OutboxDatabase *entry;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	entry = find_entry(database);
	if (entry && is_unused(entry))
		entry->database = InvalidOid;
	LWLockRelease(registry->lock);
}

/* Give the worker's place up when its process ends. */
static void
leave(int code, Datum arg)
{
	OutboxWorker *worker = &my_entry->workers[my_role];
	Latch		 *launcher;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	worker->pid = 0;
	worker->latch = NULL;
	if (code != 0)
		fail(worker);
	else
	{
		set_state(worker, worker->again ? OUTBOX_WANTED : OUTBOX_ABSENT);
		worker->again = false;
		worker->failures = 0;
	}
	if (for_good && worker->state == OUTBOX_ABSENT && is_unused(my_entry))
		my_entry->database = InvalidOid;
	launcher = registry->launcher;
	LWLockRelease(registry->lock);
	if (launcher)
		SetLatch(launcher);
}

bool
outbox_enter(OutboxDatabase *entry, OutboxRole role)
{
	OutboxWorker *worker = &entry->workers[role];
	bool		  entered = false;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (worker->pid == 0)
	{
		worker->pid = MyProcPid;
		worker->latch = MyLatch;
		set_state(worker, OUTBOX_RUNNING);
		entered = true;
	}
	LWLockRelease(registry->lock);
	if (entered)
	{
		my_entry = entry;
		my_role = role;
		before_shmem_exit(leave, (Datum) 0);
	}
	return entered;
}

static void
change_state(OutboxWorker *worker, OutboxState state)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	set_state(worker, state);
	LWLockRelease(registry->lock);
}

void
outbox_prepare_to_leave(OutboxDatabase *entry, OutboxRole role)
{
	change_state(&entry->workers[role], OUTBOX_STARTING);
}

void
outbox_stay(OutboxDatabase *entry, OutboxRole role)
{
	change_state(&entry->workers[role], OUTBOX_RUNNING);
}

void
outbox_leave_for_good(void)
{
	for_good = true;
}

void
outbox_works(OutboxDatabase *entry, OutboxRole role)
{
	if (entry->workers[role].failures == 0)
		return;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	entry->workers[role].failures = 0;
	LWLockRelease(registry->lock);
}

void
outbox_note_error(OutboxDatabase *entry, OutboxRole role, const char *error)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	strlcpy(entry->workers[role].error, error, OUTBOX_ERROR_LEN);
	LWLockRelease(registry->lock);
}

OutboxServerStats *
outbox_server_stats(OutboxDatabase *entry, Oid server)
{
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *stats = &entry->servers[i];

		if (stats->server == server)
			return stats;
		if (stats->server == InvalidOid)
		{
			stats->server = server;
			return stats;
		}
	}
	return NULL;
}

void
outbox_show_unreachable(OutboxServerStats *stats, bool unreachable, const char *why)
{
	/* nobody but the sender, who asks, changes it: each answer looks without a lock */
	if (stats == NULL || (!unreachable && stats->unreachable_since == 0))
		return;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (!unreachable)
		stats->unreachable_since = 0;
	else if (stats->unreachable_since == 0)
		stats->unreachable_since = GetCurrentTimestamp();
	strlcpy(stats->reason, why ? why : "", OUTBOX_REASON_LEN);
	LWLockRelease(registry->lock);
}

/* The place of a server and code, or of all that have none.  Lock held. */
static OutboxErrorStats *
error_place(OutboxDatabase *entry, Oid server, int code)
{
	for (int i = 0; i < OUTBOX_MAX_ERRORS - 1; i++)
	{
		OutboxErrorStats *e = &entry->errors[i];

		if (e->server == server && e->code == code)
			return e;
		if (e->server == InvalidOid)
		{
			e->server = server;
			e->code = code;
			return e;
		}
	}
	return &entry->errors[OUTBOX_MAX_ERRORS - 1];
}

void
outbox_count_error(OutboxDatabase *entry, Oid server, int code)
{
	OutboxErrorStats *place;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	place = error_place(entry, server, code);
	place->count++;
	place->last = GetCurrentTimestamp();
	LWLockRelease(registry->lock);
}

OutboxServerStats
outbox_copy_server_stats(const OutboxServerStats *stats)
{
	OutboxServerStats copy;

	LWLockAcquire(registry->lock, LW_SHARED);
	copy = *stats;
	LWLockRelease(registry->lock);
	return copy;
}

OutboxErrorStats
outbox_error_stats(const OutboxDatabase *entry, int i)
{
	OutboxErrorStats copy;

	LWLockAcquire(registry->lock, LW_SHARED);
	copy = entry->errors[i];
	LWLockRelease(registry->lock);
	return copy;
}

void
outbox_reset_stats(OutboxDatabase *entry)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *server = &entry->servers[i];

		pg_atomic_write_u64(&server->sent, 0);
		pg_atomic_write_u64(&server->failed, 0);
		pg_atomic_write_u64(&server->retried, 0);
		pg_atomic_write_u64(&server->answers, 0);
		pg_atomic_write_u64(&server->answer_us, 0);
		pg_atomic_write_u64(&server->last_answer_us, 0);
	}
	memset(entry->errors, 0, sizeof(entry->errors));
	entry->counted_since = GetCurrentTimestamp();
	LWLockRelease(registry->lock);
}
