/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  What the outbox's background workers have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "outbox/record/relations.h"
#include "outbox/workers/worker.h"

const char *
outbox_role_name(OutboxRole role)
{
	return role == OUTBOX_SENDER ? "rtm sender" : "rtm callbacks";
}

static bool
is_template(void)
{
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	bool template = true;

	if (HeapTupleIsValid(tuple))
	{
		template = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return template;
}

bool
outbox_is_installed(void)
{
	bool installed;

	StartTransactionCommand();
	installed = !is_template() && outbox_relations(true) != NULL;
	CommitTransactionCommand();
	return installed;
}

void
outbox_set_session(OutboxRole role)
{
	SetConfigOption("application_name", outbox_role_name(role), PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
}

OutboxDatabase *
outbox_begin_worker(OutboxRole role, Datum database)
{
	OutboxDatabase *entry = outbox_database(DatumGetObjectId(database), true);

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	if (entry == NULL || !outbox_enter(entry, role))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	outbox_set_session(role);
	if (!outbox_is_installed())
	{
		outbox_leave_for_good();
		proc_exit(0);
	}
	return entry;
}

void
outbox_run_worker(OutboxDatabase *entry, OutboxRole role, void (*body)(OutboxDatabase *entry))
{
	PG_TRY();
	{
		body(entry);
	}
	PG_CATCH();
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		ErrorData	 *error = CopyErrorData();

		outbox_note_error(entry, role, error->message);
		MemoryContextSwitchTo(old);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

bool
outbox_housekeeping(void)
{
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}
