/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The one process of the server that starts the outbox's workers.
 *
 * When the server has started (a standby: when it was promoted) it looks into
 * every database once: a sender that finds no outbox ends at once.  From then on
 * it starts what is asked for, and what ended with an error, after a while.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "outbox/record/instance.h"
#include "outbox/workers/worker.h"
#include "wait.h"

/* Databases that are looked into at a time, when the server has started. */
#define LOOK_AT_ONCE 2

void
outbox_launcher_init(void)
{
	BackgroundWorker worker = {0};

	/* pg_upgrade runs servers that must not change by themselves */
	if (IsBinaryUpgrade)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "rtm", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "rtm_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "rtm launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "rtm launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Databases that people connect to, in the current memory context. */
static List *
list_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List		 *databases = NIL;
	Relation	  rel;
	TableScanDesc scan;
	HeapTuple	  tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext	 old = MemoryContextSwitchTo(context);

		if (database->datallowconn && !database->datistemplate)
			databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

static bool
database_exists(Oid database)
{
	bool exists;

	StartTransactionCommand();
	exists = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
	CommitTransactionCommand();
	return exists;
}

static bool
start_worker(OutboxDatabase *entry, OutboxRole role)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "rtm", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name,
			role == OUTBOX_SENDER ? "rtm_sender_main" : "rtm_callbacks_main",
			sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database %u", outbox_role_name(role),
			 entry->database);
	strlcpy(worker.bgw_type, outbox_role_name(role), BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(entry->database);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/* Start what is due; when something else will be, 0 if nothing. */
static TimestampTz
start_workers(void)
{
	OutboxDatabase *entry;
	TimestampTz		due = 0;
	int				failures;

	for (int i = outbox_next_database(0, &entry); i >= 0; i = outbox_next_database(i + 1, &entry))
	{
		for (OutboxRole role = 0; role < OUTBOX_ROLES; role++)
		{
			if (!outbox_claim_start(entry, role, &due))
				continue;
			if (!database_exists(entry->database))
			{
				outbox_start_failed(entry, role);
				outbox_forget_database(entry->database);
				break;
			}
			if (start_worker(entry, role))
				continue;
			outbox_note_error(entry, role,
							  "no worker process is left; increase max_worker_processes");
			outbox_start_failed(entry, role);
			(void) outbox_claim_start(entry, role, &due);

			/* it may last for hours: the first line, the second, the fourth, ... */
			failures = outbox_worker(entry, role).failures;
			if ((failures & (failures - 1)) != 0)
				continue;
			ereport(LOG,
					(errmsg("could not start \"%s\" for database %u: no worker process is left",
							outbox_role_name(role), entry->database),
					 errhint("Increase the setting max_worker_processes.")));
		}
	}
	return due;
}

/* How many workers are on their way. */
static int
count_starting(void)
{
	OutboxDatabase *entry;
	int				n = 0;

	for (int i = outbox_next_database(0, &entry); i >= 0; i = outbox_next_database(i + 1, &entry))
	{
		OutboxState state = outbox_worker(entry, OUTBOX_SENDER).state;

		if (state == OUTBOX_STARTING || state == OUTBOX_WANTED)
			n++;
	}
	return n;
}

static void
wait_until(TimestampTz due)
{
	long timeout = 60000;

	if (due != 0)
		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due) + 1;
	pgstat_report_activity(STATE_IDLE, "rtm launcher: waiting for workers to start");
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT, timeout,
					 rtm_wait_event(RTM_WAIT_LAUNCHER_MAIN));
	ResetLatch(MyLatch);
	(void) outbox_housekeeping();
}

/* Look into every database once, a few at a time, as each takes a process. */
static void
look_into_databases(void)
{
	List	 *databases = list_databases();
	ListCell *cell;

	foreach (cell, databases)
	{
		OutboxDatabase *entry;

		while (count_starting() >= LOOK_AT_ONCE)
		{
			/* others ask for workers meanwhile */
			(void) start_workers();
			wait_until(TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 100));
		}
		entry = outbox_database(lfirst_oid(cell), true);
		if (entry == NULL)
			break;
		outbox_wake(entry, OUTBOX_SENDER);
		(void) start_workers();
	}
	list_free(databases);
}

void
rtm_launcher_main(Datum arg)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	outbox_instance_recovered();
	outbox_set_launcher(MyLatch);
	look_into_databases();
	for (;;)
		wait_until(start_workers());
}
