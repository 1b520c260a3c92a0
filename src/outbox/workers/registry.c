/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  Who works for which database: shared memory of the outbox.
 *
 * Entries and the states of workers are protected by one lock, which is held
 * for moments only.  An entry's address may be kept by whoever is connected to
 * its database: it is given up only when the database is gone, or has no outbox.
 *
 * Times that processes compare are of the monotonic clock, which all processes of
 * a machine share: nothing waits for hours because somebody has set the time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "host.h"
#include "outbox/workers/registry.h"
#include "shmem.h"

/* Seconds until a worker that failed is started again, at first and at most. */
#define RESTART_FIRST 1
#define RESTART_MOST  60

/* A worker that was registered begins within, in milliseconds. */
#define START_TIMEOUT 60000

#define LOCK_NAME "rtm outbox"

const OutboxWorkerTraits outbox_worker_types[OUTBOX_WORKER_TYPES] = {
	[OUTBOX_SENDER] = {"rtm sender", "rtm_sender_main", RTM_WAIT_SENDER_MAIN, true},
	[OUTBOX_CALLBACKS] = {"rtm callbacks", "rtm_callbacks_main", RTM_WAIT_CALLBACK_MAIN, false},
	[OUTBOX_LOOK] = {"rtm look", "rtm_look_main", RTM_WAIT_LAUNCHER_MAIN, false},
};

typedef struct Registry
{
	LWLock		  *lock;
	Latch		  *launcher;
	OutboxDatabase databases[OUTBOX_MAX_DATABASES];
	OutboxUnderWay under_way[FLEXIBLE_ARRAY_MEMBER]; /* each database's senders' */
} Registry;

static Registry *registry; /* NULL: not preloaded */

/* Of this process, if it is a worker with a place. */
static OutboxDatabase *my_entry;
static OutboxWorker	  *my_place;
static bool			   for_good; /* the database has no outbox */

static Size
registry_size(void)
{
	return offsetof(Registry, under_way) +
		   sizeof(OutboxUnderWay) * OUTBOX_MAX_DATABASES * outbox_senders;
}

OutboxUnderWay *
outbox_under_way(const OutboxDatabase *entry, int sender)
{
	return &registry->under_way[(entry - registry->databases) * outbox_senders + sender];
}

int
outbox_sender_of(Oid server)
{
	return outbox_senders == 1 ? 0 : (int) (murmurhash32(server) % (uint32) outbox_senders);
}

static void
init_entry(OutboxDatabase *entry)
{
	memset(entry->workers, 0, sizeof(entry->workers));
	entry->opened = false;
	pg_atomic_init_u64(&entry->prepared, OUTBOX_PREPARED_UNKNOWN);
	pg_atomic_init_u32(&entry->discards, 0);
	for (int i = 0; i < OUTBOX_MAX_SENDERS; i++)
	{
		pg_atomic_init_u32(&entry->senders[i].chores, 0);
		pg_atomic_init_u64(&entry->senders[i].unconfirmed_since, 0);
	}
	for (int i = 0; i < outbox_senders; i++)
		pg_atomic_init_u32(&outbox_under_way(entry, i)->n, 0);
	pg_atomic_init_u32(&entry->role_waits, 0);
	pg_atomic_init_u64(&entry->errors_logged_at, 0);
	pg_atomic_init_u32(&entry->errors_unlogged, 0);
	pg_atomic_init_u64(&entry->origin, 0);
	pg_atomic_init_u32(&entry->holding, 0);
	outbox_init_figures(&entry->figures, outbox_registry_lock());
}

static void
attach(void)
{
	bool found;

	registry = ShmemInitStruct(LOCK_NAME, registry_size(), &found);
	if (found)
		return;
	registry->launcher = NULL;
	registry->lock = &GetNamedLWLockTranche(LOCK_NAME)->lock;
	for (int i = 0; i < OUTBOX_MAX_DATABASES; i++)
	{
		OutboxDatabase *entry = &registry->databases[i];

		/* these two outlive the entry's database, as somebody may be waiting */
		pg_atomic_init_u32(&entry->waiters, 0);
		ConditionVariableInit(&entry->finished);
		entry->database = InvalidOid;
		init_entry(entry);
	}
}

void
outbox_registry_init(void)
{
	static const RtmShmem part = {LOCK_NAME, registry_size, attach};

	rtm_shmem_register(&part);
}

bool
outbox_is_preloaded(void)
{
	return registry != NULL;
}

LWLock *
outbox_registry_lock(void)
{
	return registry->lock;
}

/* ---- entries ---- */

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

	/* processes without a database, such as launchers, have no outbox */
	if (registry == NULL || !OidIsValid(database))
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

/* Lock held. */
static bool
is_unused(const OutboxDatabase *entry)
{
	for (int i = 0; i < OUTBOX_PLACES; i++)
		if (entry->workers[i].pid != 0)
			return false;
	return true;
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

/* ---- states ---- */

OutboxWorkerType
outbox_type_of(int place)
{
	return place < OUTBOX_CALLBACK_PLACE ? OUTBOX_SENDER : OUTBOX_CALLBACKS;
}

OutboxWorker
outbox_worker(OutboxDatabase *entry, int place)
{
	OutboxWorker copy;

	LWLockAcquire(registry->lock, LW_SHARED);
	copy = entry->workers[place];
	LWLockRelease(registry->lock);
	return copy;
}

/* Lock held. */
static void
set_state(OutboxWorker *worker, OutboxState state)
{
	worker->state = state;
	worker->since = GetCurrentTimestamp();
	worker->since_ms = rtm_now_ms();
}

/* Lock held. */
static void
fail(OutboxWorker *worker)
{
	int seconds = RESTART_FIRST << Min(worker->failures, 10);

	set_state(worker, OUTBOX_FAILED);
	worker->failures++;
	worker->restart_at = worker->since_ms + 1000 * Min(seconds, RESTART_MOST);
}

static void
wake(Latch *latch)
{
	if (latch)
		SetLatch(latch);
}

uint32
outbox_chores(OutboxDatabase *entry, int sender)
{
	return pg_atomic_read_u32(&entry->senders[sender].chores);
}

void
outbox_wake_sender(OutboxDatabase *entry, int sender, uint32 chores)
{
	OutboxWorker *worker = &entry->workers[OUTBOX_FIRST_SENDER + sender];
	Latch		 *latch = NULL;

	if (chores)
		pg_atomic_fetch_or_u32(&entry->senders[sender].chores, chores);

	/* the usual case takes no lock */
	pg_memory_barrier();
	if (worker->state == OUTBOX_RUNNING)
	{
		wake(worker->latch);
		return;
	}
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
		case OUTBOX_WANTED:
		case OUTBOX_STARTING:
		case OUTBOX_FAILED: /* it is on its way */
			worker->again = true;
			break;
	}
	LWLockRelease(registry->lock);
	wake(latch);
}

void
outbox_wake(OutboxDatabase *entry, uint32 chores)
{
	for (int i = outbox_senders - 1; i >= 0; i--)
		outbox_wake_sender(entry, i, i == 0 ? chores : chores & ~(uint32) OUTBOX_FIRST_CHORES);
}

/* ---- the sender's side ---- */

/* The role's place, if it has one.  Lock held. */
static OutboxWorker *
place_of(OutboxDatabase *entry, Oid user)
{
	for (int i = OUTBOX_CALLBACK_PLACE; i < OUTBOX_PLACES; i++)
		if (entry->workers[i].state != OUTBOX_ABSENT && entry->workers[i].user == user)
			return &entry->workers[i];
	return NULL;
}

bool
outbox_wake_callbacks(OutboxDatabase *entry, Oid user)
{
	OutboxWorker *worker;
	Latch		 *latch = NULL;

	LWLockAcquire(registry->lock, LW_SHARED);
	worker = place_of(entry, user);
	if (worker)
		latch = worker->latch;
	LWLockRelease(registry->lock);
	wake(latch);
	return worker != NULL;
}

/* Those who run callbacks end, or look whether they should. */
static void
wake_all_callbacks(OutboxDatabase *entry)
{
	Latch *latches[OUTBOX_PLACES];

	LWLockAcquire(registry->lock, LW_SHARED);
	for (int i = OUTBOX_CALLBACK_PLACE; i < OUTBOX_PLACES; i++)
		latches[i] = entry->workers[i].latch;
	LWLockRelease(registry->lock);
	for (int i = OUTBOX_CALLBACK_PLACE; i < OUTBOX_PLACES; i++)
		wake(latches[i]);
}

bool
outbox_want_callbacks(OutboxDatabase *entry, Oid user, bool logs_in, int places)
{
	OutboxWorker *free_place = NULL;
	Latch		 *latch = NULL;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = OUTBOX_CALLBACK_PLACE; i < OUTBOX_CALLBACK_PLACE + places && !free_place; i++)
		if (entry->workers[i].state == OUTBOX_ABSENT)
			free_place = &entry->workers[i];
	if (free_place)
	{
		free_place->user = user;
		free_place->logs_in = logs_in;
		free_place->overdue = 0;
		free_place->full = false;
		free_place->error[0] = '\0';
		set_state(free_place, OUTBOX_WANTED);
		latch = registry->launcher;
	}
	LWLockRelease(registry->lock);
	wake(latch);
	if (free_place)
		return true;
	pg_atomic_write_u32(&entry->role_waits, 1);
	wake_all_callbacks(entry);
	return false;
}

Oid
outbox_take_failure(OutboxDatabase *entry, int64 *overdue)
{
	Oid user = InvalidOid;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = OUTBOX_CALLBACK_PLACE; i < OUTBOX_PLACES && !OidIsValid(user); i++)
	{
		OutboxWorker *worker = &entry->workers[i];

		if (worker->state != OUTBOX_FAILED)
			continue;
		user = worker->user;
		*overdue = worker->overdue;
		set_state(worker, OUTBOX_ABSENT);
	}
	LWLockRelease(registry->lock);
	return user;
}

/* ---- the launcher's side ---- */

bool
outbox_claim_start(OutboxDatabase *entry, int place, int64 *due)
{
	OutboxWorker *worker = &entry->workers[place];
	bool		  restarts = outbox_worker_types[outbox_type_of(place)].restarts;
	int64		  now = rtm_now_ms();
	bool		  claimed = false;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (worker->state == OUTBOX_STARTING && worker->pid == 0)
	{
		/* one that never got as far as its place */
		if (now - worker->since_ms >= START_TIMEOUT)
			fail(worker);
		else
			*due = Min(*due, worker->since_ms + START_TIMEOUT);
	}
	if (worker->state == OUTBOX_WANTED ||
		(worker->state == OUTBOX_FAILED && restarts && worker->restart_at <= now))
	{
		set_state(worker, OUTBOX_STARTING);
		worker->again = false;
		claimed = true;
	}
	else if (worker->state == OUTBOX_FAILED && restarts)
		*due = Min(*due, worker->restart_at);
	LWLockRelease(registry->lock);
	return claimed;
}

void
outbox_not_started(OutboxDatabase *entry, int place, bool passing, const char *why)
{
	OutboxWorker *worker = &entry->workers[place];

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (worker->state == OUTBOX_STARTING && worker->pid == 0)
	{
		if (passing)
		{
			worker->state = OUTBOX_WANTED;
			worker->full = true;
		}
		else
		{
			fail(worker);
			worker->restart_at = worker->since_ms + 1000 * RESTART_MOST;
		}
		strlcpy(worker->error, why, OUTBOX_ERROR_LEN);
	}
	LWLockRelease(registry->lock);
}

void
outbox_set_launcher(Latch *latch)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	registry->launcher = latch;
	LWLockRelease(registry->lock);
}

void
outbox_restart_now(OutboxDatabase *entry)
{
	Latch *latch;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < OUTBOX_PLACES; i++)
		entry->workers[i].restart_at = 0;
	latch = registry->launcher;
	LWLockRelease(registry->lock);
	wake(latch);
}

/* ---- the worker's side ---- */

/*
 * Give the place up when the process ends.  A sender that somebody asked for
 * meanwhile is wanted again; of a worker for callbacks its sender learns, which
 * knows whose turn it is.
 */
static void
leave(int code, Datum arg)
{
	int	   place = (int) (my_place - my_entry->workers);
	Latch *launcher;
	Latch *sender;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	my_place->pid = 0;
	my_place->latch = NULL;
	if (code != 0)
		fail(my_place);
	else
	{
		set_state(my_place, my_place->again ? OUTBOX_WANTED : OUTBOX_ABSENT);
		my_place->again = false;
		my_place->failures = 0;

		/* who installs the extension, and saw us running, has relied on our look at it */
		pg_memory_barrier();
		if (outbox_type_of(place) == OUTBOX_SENDER &&
			(outbox_chores(my_entry, place) & OUTBOX_CHORE_INSTALLED))
			set_state(my_place, OUTBOX_WANTED);
	}
	if (for_good && my_place->state == OUTBOX_ABSENT && is_unused(my_entry))
		my_entry->database = InvalidOid;
	launcher = registry->launcher;
	sender = my_entry->workers[OUTBOX_FIRST_SENDER].latch;
	LWLockRelease(registry->lock);
	if (OidIsValid(my_place->user))
	{
		pg_atomic_fetch_or_u32(&my_entry->senders[0].chores, OUTBOX_CHORE_CALLBACKS);
		wake(sender);
	}
	wake(launcher);
}

int
outbox_my_sender(void)
{
	return (int) (my_place - my_entry->workers) - OUTBOX_FIRST_SENDER;
}

bool
outbox_enter(OutboxDatabase *entry, int place)
{
	OutboxWorker *worker = &entry->workers[place];
	bool		  entered = false;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	if (worker->pid == 0 && worker->state == OUTBOX_STARTING)
	{
		worker->pid = MyProcPid;
		worker->latch = MyLatch;
		worker->full = false;
		worker->paused = outbox_pause;
		set_state(worker, OUTBOX_RUNNING);
		entered = true;
	}
	LWLockRelease(registry->lock);
	if (entered)
	{
		my_entry = entry;
		my_place = worker;
		before_shmem_exit(leave, (Datum) 0);
	}
	return entered;
}

void
outbox_leave_for_good(void)
{
	for_good = true;
}

void
outbox_works(void)
{
	if (my_place->failures == 0)
		return;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	my_place->failures = 0;
	LWLockRelease(registry->lock);
}

void
outbox_note_pause(void)
{
	if (my_place == NULL || my_place->paused == outbox_pause)
		return;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	my_place->paused = outbox_pause;
	LWLockRelease(registry->lock);
}

void
outbox_note_error(const char *error)
{
	if (my_place == NULL)
		return;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	strlcpy(my_place->error, error, OUTBOX_ERROR_LEN);
	LWLockRelease(registry->lock);
}

void
outbox_note_overdue(int64 id)
{
	/* from a signal handler: a single store, which nobody else makes */
	my_place->overdue = id;
}
