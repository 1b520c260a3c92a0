/*-------------------------------------------------------------------------
 *
 * start.c
 *	  How a gate is asked for, and how it is told from one that runs already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_foreign_data_wrapper.h"
#include "miscadmin.h"

#include "worker/start.h"

bool
gate_register(Oid database, const GateWorkerArgs *args, pid_t notify,
			  BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	StaticAssertStmt(sizeof(GateWorkerArgs) <= BGW_EXTRALEN,
					 "GateWorkerArgs must fit into bgw_extra");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = notify;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker.bgw_library_name, "rtm_gate", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "rtm_gate_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "rtm gate of database %u", database);
	strlcpy(worker.bgw_type, "rtm gate", BGW_MAXLEN);
	memcpy(worker.bgw_extra, args, sizeof(GateWorkerArgs));
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/*
 * A lock that no SQL function takes, of the method of advisory locks: only such a
 * lock of the session outlives a transaction that fails.
 */
void
gate_lock_tag(LOCKTAG *tag)
{
	memset(tag, 0, sizeof(LOCKTAG));
	tag->locktag_field1 = MyDatabaseId;
	tag->locktag_field2 = ForeignDataWrapperRelationId;
	tag->locktag_type = LOCKTAG_USERLOCK;
	tag->locktag_lockmethodid = USER_LOCKMETHOD;
}

int
gate_running(void)
{
	LockData *locks = GetLockStatusData();
	LOCKTAG	  tag;

	gate_lock_tag(&tag);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->holdMask != 0 && memcmp(&lock->locktag, &tag, sizeof(tag)) == 0)
			return lock->pid;
	}
	return 0;
}
