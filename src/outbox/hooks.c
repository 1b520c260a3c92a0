/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  Commands of others that the workers have to know of.
 *
 * DROP DATABASE and its like need the database for themselves: before they run,
 * this library's workers in it are ended, while the command's own lock keeps
 * them from coming back.  COMMIT PREPARED makes rows visible that have no ticket
 * yet.  After CREATE, ALTER and DROP EXTENSION the workers look for their
 * tables.
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
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "outbox/enqueue/enqueue.h"
#include "outbox/hooks.h"
#include "outbox/workers/registry.h"
#include "outbox/record/row.h"
#include "wait.h"

/* How long ending the workers of a database may take, in milliseconds. */
#define END_TIMEOUT 5000

static ProcessUtility_hook_type prev_process_utility;
static bool						extension_changed; /* by this transaction */
static OutboxDatabase		   *committing;		   /* COMMIT PREPARED is under way */
static bool						release_failed;

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
#if PG_VERSION_NUM >= 160000
	owned = object_ownercheck(DatabaseRelationId, database, GetUserId());
#else
	owned = pg_database_ownercheck(database, GetUserId());
#endif
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

/* It may be no template any more; a worker that finds nothing to do ends. */
static void
look_into(Oid database)
{
	OutboxDatabase *entry = outbox_database(database, true);

	if (entry)
		outbox_wake(entry, OUTBOX_SENDER);
}

/* ---- COMMIT PREPARED ---- */

/*
 * Give the rows that just became visible their tickets.  The commit can't be
 * undone, so nothing here may look as if it had failed: what can't be done now
 * is left to the sender.
 */
static void
release_prepared(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	if (outbox_relations(true) == NULL)
		return;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		outbox_release_held();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		release_failed = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* From here on, whoever commits requests looks for those that we commit. */
static void
begin_commit_prepared(void)
{
	committing = outbox_database(MyDatabaseId, false);
	release_failed = false;
	if (committing)
		pg_atomic_fetch_add_u32(&committing->held, 1);
}

static void
end_commit_prepared(bool committed)
{
	if (committed && !release_failed)
		pg_atomic_fetch_sub_u32(&committing->held, 1);
	else
	{
		pg_atomic_fetch_add_u32(&committing->held_for_sender, 1);
		pg_atomic_fetch_or_u32(&committing->chores, OUTBOX_CHORE_PREPARED);
		outbox_wake(committing, OUTBOX_SENDER);
	}
	committing = NULL;
}

static bool
is_commit_prepared(Node *command)
{
	return IsA(command, TransactionStmt) &&
		   ((TransactionStmt *) command)->kind == TRANS_STMT_COMMIT_PREPARED;
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

static void
at_commit(XactEvent event, void *arg)
{
	OutboxDatabase *entry;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (committing)
		end_commit_prepared(event == XACT_EVENT_COMMIT);
	if (extension_changed && event == XACT_EVENT_COMMIT &&
		(entry = outbox_database(MyDatabaseId, true)) != NULL)
	{
		pg_atomic_fetch_or_u32(&entry->chores, OUTBOX_CHORE_INSTALLED);
		outbox_wake(entry, OUTBOX_SENDER);
	}
	extension_changed = false;
}

/* ---- the hook ---- */

static void
process_utility(PlannedStmt *statement, const char *query, bool read_only,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
				DestReceiver *dest, QueryCompletion *completion)
{
	Node *command = statement->utilityStmt;
	bool  commits_prepared = is_commit_prepared(command) && !RecoveryInProgress();
	bool  changes_extension = may_change_extension(command);
	Oid	  database = context == PROCESS_UTILITY_TOPLEVEL && !RecoveryInProgress()
						 ? database_of(command)
						 : InvalidOid;

	if (OidIsValid(database) && !IsTransactionBlock())
		end_workers(database);
	if (commits_prepared)
		begin_commit_prepared();

	if (prev_process_utility)
		prev_process_utility(statement, query, read_only, context, params, environment, dest,
							 completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params, environment, dest,
								completion);

	if (commits_prepared)
		release_prepared();
	if (changes_extension)
		extension_changed = true;
	if (OidIsValid(database) && IsA(command, AlterDatabaseStmt))
		look_into(database);
}

void
outbox_hooks_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(at_commit, NULL);
}
