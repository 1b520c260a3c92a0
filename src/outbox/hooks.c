/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  Commands of others that the workers have to know of.
 *
 * DROP DATABASE and its like need the database for themselves: before they run,
 * this library's workers in it are ended, while the command's own lock keeps
 * them from coming back.  After CREATE, ALTER and DROP EXTENSION the workers look
 * for their tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "postmaster/bgworker.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "outbox/enqueue/chore.h"
#include "outbox/hooks.h"
#include "outbox/workers/registry.h"
#include "wait.h"

/* How long ending the workers of a database may take, in milliseconds. */
#define END_TIMEOUT 5000

static ProcessUtility_hook_type prev_process_utility;
static Oid						altered; /* database, by this transaction */

/* ---- databases ---- */

/*
 * The database that a command needs for itself, or InvalidOid.  A command that
 * will be refused must not disturb anybody.
 */
static Oid
database_of(Node *command)
{
	const char *name = NULL;
	Oid			database;
	bool		owned;

	if (IsA(command, DropdbStmt))
		name = ((DropdbStmt *) command)->dbname;
	else if (IsA(command, RenameStmt) && ((RenameStmt *) command)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) command)->subname;
	else if (IsA(command, AlterDatabaseStmt))
	{
		ListCell *cell;

		foreach (cell, ((AlterDatabaseStmt *) command)->options)
		{
			const char *option = lfirst_node(DefElem, cell)->defname;

			if (strcmp(option, "tablespace") == 0 || strcmp(option, "is_template") == 0 ||
				strcmp(option, "allow_connections") == 0)
				name = ((AlterDatabaseStmt *) command)->dbname;
		}
	}
	else if (IsA(command, CreatedbStmt))
	{
		ListCell *cell;

		foreach (cell, ((CreatedbStmt *) command)->options)
		{
			DefElem *option = lfirst_node(DefElem, cell);

			if (strcmp(option->defname, "template") == 0 && option->arg)
				name = defGetString(option);
		}
	}
	if (name == NULL)
		return InvalidOid;
	database = get_database_oid(name, true);
	if (!OidIsValid(database) || database == MyDatabaseId)
		return InvalidOid;
	owned = rtm_owns_database(database, GetUserId());
	return owned ? database : InvalidOid;
}

static bool
is_our_worker(pid_t pid)
{
	const char *type = GetBackgroundWorkerTypeByPid(pid);

	return type && strncmp(type, "rtm ", 4) == 0;
}

/* Send our workers in a database a signal, or none (0); how many there are. */
static int
signal_workers(Oid database, int signal)
{
	int n = 0;

	for (int i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC *proc = &ProcGlobal->allProcs[i];
		pid_t	pid = proc->pid;

		if (pid == 0 || pid == MyProcPid || proc->databaseId != database || !is_our_worker(pid))
			continue;
		(void) kill(pid, signal);
		n++;
	}
	return n;
}

/*
 * End our workers in the database.  The lock is the one that the command takes
 * itself; with it no process can connect any more.
 */
static void
end_workers(Oid database)
{
	/* nothing of ours is there, nor about to be: a template, for example */
	if (outbox_database(database, false) == NULL && signal_workers(database, 0) == 0)
		return;
	LockSharedObject(DatabaseRelationId, database, 0, AccessExclusiveLock);
	for (int i = 0; i < END_TIMEOUT / 10; i++)
	{
		if (signal_workers(database, SIGTERM) == 0)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 rtm_wait_event(RTM_WAIT_WORKERS_END));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * It may be no template any more, or accept connections again: when that is visible,
 * somebody looks, who ends when he finds nothing to do.
 */
static void
look_into_altered(XactEvent event, void *arg)
{
	OutboxDatabase *entry;

	if (!OidIsValid(altered) || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	entry = event == XACT_EVENT_COMMIT ? outbox_database(altered, true) : NULL;
	altered = InvalidOid;
	if (entry == NULL)
		return;
	outbox_wake(entry, 0);
	outbox_restart_now(entry);
}

/* ---- extensions ---- */

static bool
may_change_extension(Node *command)
{
	if (IsA(command, CreateExtensionStmt) || IsA(command, AlterExtensionStmt) ||
		IsA(command, DropOwnedStmt))
		return true;
	if (!IsA(command, DropStmt))
		return false;
	switch (((DropStmt *) command)->removeType)
	{
		case OBJECT_EXTENSION:
		case OBJECT_SCHEMA:
			return true;
		default:
			return false;
	}
}

/* ---- the hook ---- */

static void
process_utility(PlannedStmt *statement, const char *query, bool read_only,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
				DestReceiver *dest, QueryCompletion *completion)
{
	Node *command = statement->utilityStmt;
	bool  changes_extension = may_change_extension(command);
	Oid	  database = context == PROCESS_UTILITY_TOPLEVEL && !RecoveryInProgress()
						 ? database_of(command)
						 : InvalidOid;

	if (OidIsValid(database) && !IsTransactionBlock())
		end_workers(database);
	if (prev_process_utility)
		prev_process_utility(statement, query, read_only, context, params, environment, dest,
							 completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params, environment, dest,
								completion);

	if (changes_extension)
		outbox_chore_at_commit(OUTBOX_CHORE_INSTALLED);
	if (OidIsValid(database) && IsA(command, AlterDatabaseStmt))
		altered = database;
}

void
outbox_hooks_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(look_into_altered, NULL);
}
