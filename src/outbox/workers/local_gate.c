/*-------------------------------------------------------------------------
 *
 * local_gate.c
 *	  The local gate's start with the server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "outbox/workers/local_gate.h"
#include "session.h"

#define EXTENSION "rtm_gate"

static bool
is_installed(void)
{
	bool installed;

	rtm_begin_transaction();
	installed = OidIsValid(get_extension_oid(EXTENSION, true));
	CommitTransactionCommand();
	return installed;
}

/*
 * The package may have been removed while the extension stayed; each process that
 * is asked for would say so in the log.  Who has a path of his own knows.
 */
static bool
library_is_here(void)
{
	char path[MAXPGPATH];

	snprintf(path, sizeof(path), "%s/%s%s", pkglib_path, EXTENSION, DLSUFFIX);
	return access(path, F_OK) == 0 || strcmp(Dynamic_library_path, "$libdir") != 0;
}

void
outbox_start_local_gate(void)
{
	BackgroundWorker worker = {0};

	if (!is_installed() || !library_is_here())
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	strlcpy(worker.bgw_library_name, EXTENSION, sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "rtm_gate_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "rtm gate of database %u", MyDatabaseId);
	strlcpy(worker.bgw_type, "rtm gate", BGW_MAXLEN);
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		ereport(LOG, (errmsg("no worker process is left for the local gate"),
					  errhint("Increase the setting max_worker_processes.")));
}
