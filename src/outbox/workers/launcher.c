/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The one process of the server that starts the outbox's workers.
 *
 * It starts what is asked for, and what ended with an error, after a while.  And
 * when the server has started (a standby: when it was promoted) it has somebody
 * look into every database, one after the other, while there is nothing better to
 * do with a process: a database that has the extension asks for its sender then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "host.h"
#include "outbox/record/instance.h"
#include "outbox/workers/worker.h"
#include "session.h"
#include "wait.h"

/* Milliseconds. */
#define LONGEST_WAIT 60000
#define LOOK_AGAIN	 200  /* no process was left to look into a database, or it is busy */
#define FULL_AGAIN	 20	  /* ... nor for a worker: others may always be faster */
#define FULL_LOGGED	 1000 /* the log has it when that lasts so long; then twice as long, ... */

/* datconnlimit of a database that is half dropped, since PostgreSQL 15.4 */
#define INVALID_DATABASE (-2)

#define NO_PROCESS "no worker process is left; increase max_worker_processes"

typedef struct Launcher
{
	List				   *to_look;	/* databases to be looked into, OIDs */
	BackgroundWorkerHandle *looking;	/* who looks into the first of them */
	int64					full_since; /* rtm_now_ms(); 0: there is a process left */
	int64					log_at;		/* the next line about that is due */
} Launcher;

void
outbox_launcher_init(void)
{
	BackgroundWorker worker = outbox_describe_worker("rtm", "rtm_launcher_main", "rtm launcher");

	/* pg_upgrade runs servers that must not change by themselves */
	if (IsBinaryUpgrade)
		return;
	worker.bgw_restart_time = 1;
	RegisterBackgroundWorker(&worker);
}

/* ---- databases ---- */

/* Why no worker can connect to the database; NULL: it can. */
static const char *
why_closed(Form_pg_database database)
{
	if (database->datconnlimit == INVALID_DATABASE)
		return "the database is invalid, as DROP DATABASE was interrupted";
	if (!database->datallowconn)
		return "the database does not accept connections";
	return NULL;
}

/* Databases that may have the extension, in the current memory context. */
static List *
list_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List		 *databases = NIL;
	Relation	  rel;
	TableScanDesc scan;
	HeapTuple	  tuple;

	rtm_begin_transaction();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext	 old = MemoryContextSwitchTo(context);

		if (!database->datistemplate && why_closed(database) == NULL)
			databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

typedef enum Openness
{
	OPEN,
	BUSY, /* a command has the database for itself: whether it is open turns out after that */
	CLOSED,
	GONE
} Openness;

/*
 * Can a worker be started there?  *why: why not.  Looked at under the lock that a
 * new process takes: else it would wait for the command, and find the database closed.
 */
static Openness
openness(Oid oid, const char **why)
{
	Openness  found = BUSY;
	HeapTuple tuple;
	LOCKTAG	  tag;

	*why = "a command has the database for itself";
	rtm_begin_transaction();
	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, oid, 0);
	if (LockAcquire(&tag, RowExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
	{
		AcceptInvalidationMessages();
		tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(oid));
		*why = "the database was dropped";
		found = GONE;
		if (HeapTupleIsValid(tuple))
		{
			*why = why_closed((Form_pg_database) GETSTRUCT(tuple));
			found = *why ? CLOSED : OPEN;
			ReleaseSysCache(tuple);
		}
	}
	CommitTransactionCommand();
	return found;
}

/* ---- workers ---- */

/* No process is left for a worker that somebody waits for: say so, not each time. */
static void
note_full(Launcher *launcher, OutboxDatabase *entry, int place)
{
	int64 now = rtm_now_ms();

	if (launcher->full_since == 0)
	{
		launcher->full_since = now;
		launcher->log_at = now + FULL_LOGGED;
	}
	if (now < launcher->log_at)
		return;
	ereport(LOG, (errmsg("could not start \"%s\" for database %u: no worker process is left",
						 outbox_worker_types[outbox_type_of(place)].name, entry->database),
				  errhint("Increase the setting max_worker_processes.")));
	launcher->log_at = now + 2 * (now - launcher->full_since);
}

typedef enum Start
{
	STARTED,
	NOT_STARTED,
	NOT_NOW,
	FULL /* no process is left */
} Start;

/*
 * Register the worker whose start was claimed.  Whatever comes between gives the claim back: at
 * once where it will pass, after a minute where somebody has to open the database.
 */
static Start
start_worker(OutboxDatabase *entry, int place)
{
	const char *why;
	Openness	is = openness(entry->database, &why);

	if (is != OPEN)
	{
		outbox_not_started(entry, place, is == BUSY, why);
		if (is == GONE)
			outbox_forget_database(entry->database);
		return is == BUSY ? NOT_NOW : NOT_STARTED;
	}
	if (outbox_register_worker(outbox_type_of(place), entry->database, place, NULL))
		return STARTED;
	outbox_not_started(entry, place, true, NO_PROCESS);
	return FULL;
}

/*
 * Start what is due; when something else will be (rtm_now_ms()).  The first that
 * finds no process ends it: senders come before callbacks.
 */
static int64
start_workers(Launcher *launcher)
{
	int64 due = rtm_now_ms() + LONGEST_WAIT;

	for (int place = 0; place < OUTBOX_PLACES; place++)
	{
		OutboxDatabase *entry;

		for (int i = outbox_next_database(0, &entry); i >= 0;
			 i = outbox_next_database(i + 1, &entry))
		{
			Start start = NOT_STARTED;

			if (outbox_claim_start(entry, place, &due))
				start = start_worker(entry, place);
			if (start == NOT_NOW)
				due = Min(due, rtm_now_ms() + LOOK_AGAIN);
			if (start != FULL)
				continue;
			note_full(launcher, entry, place);
			return rtm_now_ms() + FULL_AGAIN;
		}
	}
	launcher->full_since = 0;
	return due;
}

/* ---- looking ---- */

static bool
is_being_looked_into(Launcher *launcher)
{
	pid_t pid;

	if (launcher->looking == NULL)
		return false;
	if (GetBackgroundWorkerPid(launcher->looking, &pid) != BGWH_STOPPED)
		return true;
	pfree(launcher->looking);
	launcher->looking = NULL;
	launcher->to_look = list_delete_first(launcher->to_look);
	return false;
}

/* Has it a sender, or will it get one?  A view makes an entry, and asks for nobody. */
static bool
has_asked(Oid database)
{
	OutboxDatabase *entry = outbox_database(database, false);

	return entry && outbox_worker(entry, OUTBOX_FIRST_SENDER).state != OUTBOX_ABSENT;
}

/* Have the next database looked into; when there is something to do again. */
static int64
look_turn(Launcher *launcher)
{
	int64 now = rtm_now_ms();

	if (is_being_looked_into(launcher))
		return now + LONGEST_WAIT; /* its end sets the latch */
	while (launcher->to_look != NIL)
	{
		Oid			database = linitial_oid(launcher->to_look);
		const char *why;

		Openness is = has_asked(database) ? GONE : openness(database, &why);

		if (is == OPEN && outbox_register_worker(OUTBOX_LOOK, database, -1, &launcher->looking))
			return now + LONGEST_WAIT;
		if (is == OPEN || is == BUSY)
			return now + LOOK_AGAIN;
		launcher->to_look = list_delete_first(launcher->to_look);
	}
	return now + LONGEST_WAIT;
}

/* ---- the loop ---- */

static void
wait_until(int64 due)
{
	int64 left = due - rtm_now_ms();

	pgstat_report_activity(STATE_IDLE, "rtm launcher: waiting for workers to start");
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT,
					 (long) Min(Max(left, 0), LONGEST_WAIT),
					 rtm_wait_event(RTM_WAIT_LAUNCHER_MAIN));
	ResetLatch(MyLatch);
	(void) outbox_housekeeping();
}

void
rtm_launcher_main(Datum arg)
{
	Launcher	  launcher = {0};
	MemoryContext context;

	rtm_session_hear_signals();
	rtm_session_before_connect(NULL);
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	rtm_session_after_connect();
	context = AllocSetContextCreate(TopMemoryContext, "rtm launcher", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	outbox_instance_recovered();
	outbox_set_launcher(MyLatch);
	launcher.to_look = list_databases();
	for (;;)
	{
		int64 due = start_workers(&launcher);

		MemoryContextSwitchTo(context); /* transactions leave another one */
		due = Min(due, launcher.full_since ? due : look_turn(&launcher));
		MemoryContextSwitchTo(context);
		wait_until(due);
	}
}
