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
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "outbox/record/relations.h"
#include "outbox/workers/identity.h"
#include "outbox/workers/worker.h"
#include "session.h"

/* What a worker is told, in bgw_extra. */
typedef struct WorkerArgs
{
	OutboxWorkerType type;
	Oid				 database;
	int				 place; /* of the database's entry; -1: none */
} WorkerArgs;

static emit_log_hook_type prev_emit_log_hook;

BackgroundWorker
outbox_describe_worker(const char *library, const char *function, const char *type)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, library, sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, type, BGW_MAXLEN);
	strlcpy(worker.bgw_type, type, BGW_MAXLEN);
	return worker;
}

bool
outbox_register_worker(OutboxWorkerType type, Oid database, int place,
					   BackgroundWorkerHandle **handle)
{
	const OutboxWorkerTraits *traits = &outbox_worker_types[type];
	WorkerArgs				  args = {type, database, place};
	BackgroundWorker worker = outbox_describe_worker("rtm", traits->function, traits->name);

	StaticAssertStmt(sizeof(WorkerArgs) <= BGW_EXTRALEN, "arguments fit");
	worker.bgw_notify_pid = handle ? MyProcPid : 0;
	if (type == OUTBOX_SENDER && outbox_senders > 1)
		snprintf(worker.bgw_name, BGW_MAXLEN, "%s %d for database %u", traits->name, place + 1,
				 database);
	else
		snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database %u", traits->name, database);
	memcpy(worker.bgw_extra, &args, sizeof(args));
	return RegisterDynamicBackgroundWorker(&worker, handle);
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

	rtm_begin_transaction();
	installed = !is_template() && outbox_relations(true) != NULL;
	CommitTransactionCommand();
	return installed;
}

/*
 * What ends the process is kept for rtm_stat_worker, also when the server refuses
 * it the connection.  An administrator's or our own SIGTERM is no error.
 */
static void
note_last_words(ErrorData *error)
{
	if (prev_emit_log_hook)
		prev_emit_log_hook(error);
	if (error->elevel < ERROR || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || !error->message)
		return;
	outbox_note_error(error->message);
}

static void
connect_as_superuser(Oid database, const char *name)
{
	rtm_session_before_connect("rtm.");
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	rtm_session_after_connect();
	SetConfigOption("application_name", name, PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_OVERRIDE);
}

OutboxDatabase *
outbox_begin_worker(void)
{
	WorkerArgs		args;
	OutboxDatabase *entry;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	rtm_session_hear_signals();
	entry = outbox_database(args.database, args.place >= 0);
	if (args.place >= 0 && (entry == NULL || !outbox_enter(entry, args.place)))
		proc_exit(0);
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = note_last_words;
	if (args.type == OUTBOX_CALLBACKS)
	{
		OutboxWorker me = outbox_worker(entry, args.place);

		outbox_become(args.database, me.user, me.logs_in);
	}
	else
		connect_as_superuser(args.database, outbox_worker_types[args.type].name);

	/* whoever asks from now on isn't known to be answered by this look; see leave() */
	if (args.type == OUTBOX_SENDER)
		pg_atomic_fetch_and_u32(&entry->senders[args.place].chores,
								~(uint32) OUTBOX_CHORE_INSTALLED);
	if (!outbox_is_installed())
	{
		outbox_leave_for_good();
		proc_exit(0);
	}
	return entry;
}

bool
outbox_housekeeping(void)
{
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	outbox_note_pause();
	return true;
}

/* Has the database the extension?  Then it needs a sender. */
void
rtm_look_main(Datum arg)
{
	OutboxDatabase *entry;

	(void) outbox_begin_worker();
	entry = outbox_database(MyDatabaseId, true);
	if (entry)
		outbox_wake(entry, 0);
	else
		ereport(LOG, (errmsg("too many databases of this server use the outbox of rtm"),
					  errdetail("There can be %d.", OUTBOX_MAX_DATABASES)));
	proc_exit(0);
}
