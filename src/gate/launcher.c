/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Starts gates when the server starts, if the library is preloaded.
 *
 * It asks each database's gate to start; one without the extension, or whose
 * gate is disabled, ends that worker at once.
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
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "gate/gate.h"

void
rtm_gate_init(void)
{
	BackgroundWorker worker = {0};

	if (!process_shared_preload_libraries_in_progress)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 10;
	strlcpy(worker.bgw_library_name, "rtm", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "rtm_gate_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "rtm launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "rtm launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Databases that people connect to, in the current memory context. */
static List *
list_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *databases = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old = MemoryContextSwitchTo(context);

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

void
rtm_gate_launcher_main(Datum arg)
{
	List	   *databases;
	ListCell   *cell;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	databases = list_databases();
	foreach(cell, databases)
	{
		GateArgs	args = {.database = lfirst_oid(cell)};
		BackgroundWorkerHandle *handle;
		pid_t		pid;

		/* one after the other: there may be fewer slots than databases */
		if (!gate_register(&args, MyProcPid, &handle))
		{
			ereport(LOG,
					(errmsg("no worker process is left to look for local gates"),
					 errhint("Increase the setting max_worker_processes.")));
			break;
		}
		(void) WaitForBackgroundWorkerStartup(handle, &pid);
	}
	proc_exit(0);
}
