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

#include "outbox/workers/local_gate.h"
#include "outbox/workers/worker.h"
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
	BackgroundWorker worker = outbox_describe_worker(EXTENSION, "rtm_gate_main", "rtm gate");

	if (!is_installed() || !library_is_here())
		return;
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	snprintf(worker.bgw_name, BGW_MAXLEN, "rtm gate of database %u", MyDatabaseId);
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		ereport(LOG, (errmsg("no worker process is left for the local gate"),
					  errhint("Increase the setting max_worker_processes.")));
}
