/*-------------------------------------------------------------------------
 *
 * callbacks.c
 *	  The worker that runs one role's callbacks, one after the other, each in a
 *	  transaction of its own, in a process that is the role.
 *
 * The row that asks for the callback changes in the same transaction.  So what a
 * callback does in the database is done once; what it does elsewhere may happen
 * again, when the server crashes before that transaction is on disk.  A callback
 * that fails isn't repeated: its error is kept.  One that takes the process along
 * is, as its attempt was noted before it began (due.h).
 *
 * A callback that takes too long is cancelled.  One that goes on all the same is
 * ended with the process, and noted as failed by the sender.
 *
 * What a callback leaves in the session (temporary tables, cursors, session locks,
 * settings, another role) doesn't last; what others could lock goes before its
 * transaction ends.  (LISTEN is refused to background workers by the server.)
 *
 * The worker ends when it has had nothing to do for a while, when others wait for
 * its place and it has had its time, and at the latest after a minute, so that its
 * session has the role's settings of today.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "host.h"
#include "outbox/after/invoke.h"
#include "outbox/enqueue/enqueue.h"
#include "outbox/origin/origin.h"
#include "outbox/record/due.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/workers/identity.h"
#include "outbox/workers/worker.h"
#include "session.h"
#include "wait.h"

/* Milliseconds. */
#define IDLE_TIMEOUT 10000 /* after which the worker ends */
#define LOCKED_DELAY 1000  /* until what somebody has locked, or has to wait, is looked at */
#define TURN		 1000  /* time of a role when others wait */
#define LONGEST_TURN 60000 /* of a process */
#define LAST_WORDS	 5000  /* to end in, for a callback that was cancelled */
#define QUICK_BATCH	 100   /* a batch that took less is followed by a larger one */

/* Callbacks whose beginning is noted at once. */
#define MOST_AT_ONCE 100

/* Of this process. */
static struct
{
	OutboxDatabase *entry;
	Oid				role;
	int64			origin;	 /* of the rows that are ours */
	int64			current; /* callback that runs */
	TimeoutId		end_timeout;
} worker;

/* Timeout handler: the cancel was of no use. */
static void
end_process(void)
{
	outbox_note_overdue(worker.current);
	InterruptPending = true;
	ProcDiePending = true;
	SetLatch(MyLatch);
}

/* ---- our own transactions ---- */

/*
 * One in which no setting of the role matters: statement.c sees to the user and the
 * search path.
 */
static void
begin_own(void)
{
	rtm_begin_transaction();
	XactReadOnly = false;
	XactIsoLevel = XACT_READ_COMMITTED;
	XactDeferrable = false;
	(void) set_config_option("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
							 true, 0, false);
}

static void
commit_own(MemoryContext context)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

static void
note_failure(int64 id, const char *error, MemoryContext context)
{
	begin_own();
	(void) outbox_fail_due(worker.origin, id, error);
	commit_own(context);
}

/* Is there anything of the role that waits, for whatever? */
static bool
any_is_due(MemoryContext context)
{
	Oid next;

	begin_own();
	next = outbox_next_due_owner(worker.origin, worker.role - 1);
	commit_own(context);
	return next == worker.role;
}

/* ---- one callback ---- */

/*
 * What the callback leaves and others could hold on to: cursors, whose queries would
 * run when the transaction ends, and temporary tables, which other sessions could lock
 * once they are committed: the process would wait for them when it ends.
 */
static void
leave_nothing(void)
{
	PortalHashTableDeleteAll();
	ResetTempTableNamespace();
}

static void
start_clock(void)
{
	if (outbox_callback_timeout == 0)
		return;
	enable_timeout_after(STATEMENT_TIMEOUT, outbox_callback_timeout);
	enable_timeout_after(worker.end_timeout,
						 Min(outbox_callback_timeout, INT_MAX - LAST_WORDS) + LAST_WORDS);
}

static void
stop_clock(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	disable_timeout(worker.end_timeout, false);
}

/*
 * The callback, as the role, up to the end of its transaction.  A commit is as safe as
 * the role's own are; only one that has nothing to lose but the note that it was run
 * needn't wait for the disk.
 */
static void
run_due(const OutboxDue *due)
{
	XLogRecPtr written = XactLastRecEnd;

	outbox_enter_role();
	PushActiveSnapshot(GetTransactionSnapshot());
	outbox_invoke(due, worker.role);
	AfterTriggerFireDeferred();
	leave_nothing();
	PopActiveSnapshot();
	if (XactLastRecEnd == written && !outbox_has_queued())
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * The transaction of one callback, which notes its end as well.  It is the role's: of
 * its isolation level, and read-only if the role's are.
 */
static void
run_transaction(void *arg)
{
	int64	  id = *(int64 *) arg;
	OutboxDue due;
	bool	  read_only;

	rtm_begin_transaction();
	read_only = XactReadOnly;
	XactReadOnly = false;
	if (outbox_end_due(worker.origin, worker.role, id, outbox_keep_results, &due))
	{
		CommandCounterIncrement();
		XactReadOnly = read_only;
		worker.current = id;
		start_clock();
		run_due(&due);
	}
	CommitTransactionCommand();
}

/* Nothing that a callback has set is in force for the next one. */
static void
reset_session(void)
{
	DropAllPreparedStatements();
	LockReleaseAll(USER_LOCKMETHOD, true);
	ResetSequenceCaches();
	ResetAllOptions();
	if (!outbox_is_still_role())
		proc_exit(0);
}

/*
 * In the log a database's failures have a line each rtm.log_interval: whose callbacks
 * fail fills no disk.  All of them are in rtm_result.
 */
static void
log_failure(int64 id, const char *error)
{
	OutboxDatabase *entry = worker.entry;
	int64			now = rtm_now_ms();
	uint64			last = pg_atomic_read_u64(&entry->errors_logged_at);
	uint32			others;

	if ((last != 0 && now - (int64) last < outbox_log_interval) ||
		!pg_atomic_compare_exchange_u64(&entry->errors_logged_at, &last, (uint64) now))
	{
		pg_atomic_fetch_add_u32(&entry->errors_unlogged, 1);
		return;
	}
	others = pg_atomic_exchange_u32(&entry->errors_unlogged, 0);
	ereport(LOG,
			(errmsg("a callback of request " INT64_FORMAT " failed: %.*s", id,
					pg_mbcliplen(error, (int) strnlen(error, 2 * OUTBOX_CALLBACK_ERROR),
								 OUTBOX_CALLBACK_ERROR),
					error),
			 others ? errdetail("%u others have failed since the last line about one.", others) : 0,
			 errhint("See the column callback_error of the view rtm_result.")));
}

/*
 * Run one, whose attempt is noted already, and note its end.  An error before the role's code began
 * is ours, and ends the process; any other one is the callback's.
 */
static void
run_callback(int64 id, MemoryContext context)
{
	ErrorData *error;

	pgstat_report_activity(STATE_RUNNING,
						   psprintf("rtm callbacks: callback of request " INT64_FORMAT, id));
	worker.current = 0;
	error = rtm_attempt(run_transaction, &id);
	stop_clock();
	QueryCancelPending = false;
	outbox_leave_role();
	reset_session();
	if (error == NULL)
		return;
	if (worker.current == 0)
		ReThrowError(error);
	note_failure(id, error->message, context);
	log_failure(id, error->message);
	FreeErrorData(error);
}

/* ---- the worker ---- */

/* One that was begun before, and took its process along. */
static bool
run_again(MemoryContext context)
{
	int	  attempts = 0;
	int64 id;

	begin_own();
	id = outbox_begin_again(worker.origin, worker.role, &attempts);
	commit_own(context);
	if (id == 0)
		return false;
	if (attempts < outbox_callback_attempts)
		run_callback(id, context);
	else
		note_failure(id, psprintf("its process ended while it ran, %d times", attempts), context);
	return true;
}

/*
 * Run the next ones; false: there is nothing.  As long as they are quick the
 * beginning of more and more of them is noted at once.
 */
static bool
run_batch(MemoryContext context, int *size)
{
	int64  since = rtm_now_ms();
	int64 *ids = palloc(sizeof(int64) * *size);
	int	   n;

	begin_own();
	n = outbox_begin_due(worker.origin, worker.role, *size, ids);
	commit_own(context);
	for (int i = 0; i < n; i++)
	{
		(void) outbox_housekeeping();
		run_callback(ids[i], context);
	}
	*size = rtm_now_ms() - since < QUICK_BATCH ? Min(*size * 2, MOST_AT_ONCE) : 1;
	pgstat_report_stat(false);
	return n > 0;
}

/* The memory of a turn is the current context. */
static bool
run_some(int *size)
{
	MemoryContext context = CurrentMemoryContext;
	bool		  some;

	if (outbox_pause)
		return false;
	pgstat_report_activity(STATE_RUNNING, "rtm callbacks: looking for callbacks");
	some = run_batch(context, size);
	some |= run_again(context);
	if (some)
		outbox_works();
	return some;
}

static bool
has_had_its_turn(int64 since)
{
	int64 age = rtm_now_ms() - since;

	return age >= LONGEST_TURN ||
		   (age >= TURN && pg_atomic_read_u32(&worker.entry->role_waits) != 0);
}

/* True: there may be something to do; false: there was nothing for long enough. */
static bool
wait_for_more(int64 *idle_since)
{
	bool  waits = any_is_due(CurrentMemoryContext);
	int64 left;

	if (*idle_since == 0)
		*idle_since = rtm_now_ms();
	left = *idle_since + IDLE_TIMEOUT - rtm_now_ms();
	if (pg_atomic_read_u32(&worker.entry->role_waits) != 0 || (left <= 0 && !waits))
		return false;
	pgstat_report_activity(STATE_IDLE, "rtm callbacks: waiting for callbacks");
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 waits ? LOCKED_DELAY : left, rtm_wait_event(RTM_WAIT_CALLBACK_MAIN));
	ResetLatch(MyLatch);
	return true;
}

static void
find_origin(void)
{
	begin_own();
	worker.origin = outbox_origin(worker.entry);
	CommitTransactionCommand();
}

void
rtm_callbacks_main(Datum arg)
{
	MemoryContext context;
	int64		  since = rtm_now_ms();
	int64		  idle_since = 0;
	int			  size = 1;

	worker.entry = outbox_begin_worker();
	worker.role = GetUserId();
	worker.end_timeout = RegisterTimeout(USER_TIMEOUT, end_process);
	find_origin();
	context = AllocSetContextCreate(TopMemoryContext, "rtm callbacks", ALLOCSET_DEFAULT_SIZES);
	while (!has_had_its_turn(since))
	{
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		(void) outbox_housekeeping();
		if (!outbox_is_installed())
			break;
		MemoryContextSwitchTo(context);
		if (run_some(&size))
			idle_since = 0;
		else if (!wait_for_more(&idle_since))
			break;
	}
	proc_exit(0);
}
