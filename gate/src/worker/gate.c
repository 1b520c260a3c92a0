/*-------------------------------------------------------------------------
 *
 * gate.c
 *	  The worker of a local gate.
 *
 * All quests that are there form a batch, which is carried out in one
 * transaction; the answers leave after its commit.  When a batch fails, its
 * quests are carried out one by one, and only the culprit is told 20001.
 *
 * A gate that is terminated by hand asks for a successor, which finds out
 * whether it is still wanted.  So it never runs into a loop of restarts when its
 * database is gone, as a worker that the postmaster restarts would.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "fpnn/crypt.h"
#include "host.h"
#include "judge/judge.h"
#include "net/net.h"
#include "quest/gate_json.h"
#include "session.h"
#include "table/cache.h"
#include "table/gate_guc.h"
#include "table/gate_spi.h"
#include "table/pace.h"
#include "table/purge.h"
#include "wait.h"
#include "worker/framework.h"
#include "worker/push.h"
#include "worker/start.h"

/* Quests that one transaction carries out. */
#define GATE_BATCH 1024

/* How often an idle gate looks whether its extension is still there. */
#define CHECK_MS 1000

static GateWorkerArgs		 args;
static bool					 holding; /* the lock of gate_lock_tag() */
static bool					 serving;
static volatile sig_atomic_t stopped; /* there is to be no successor */

static void
begin(void)
{
	rtm_begin_transaction();
	PushActiveSnapshot(GetTransactionSnapshot());
	gate_spi_begin();
}

static void
commit(void)
{
	gate_spi_end();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Is the extension (still) here?  One that was created anew is another. */
static bool
is_installed(void)
{
	static Oid	  mine = InvalidOid;
	MemoryContext context = CurrentMemoryContext; /* a commit leaves another */
	Oid			  extension;

	rtm_begin_transaction();
	extension = get_extension_oid("rtm_gate", true);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	if (!OidIsValid(mine))
		mine = extension;
	return OidIsValid(extension) && extension == mine;
}

/* rtm_gate_stop(), or the end of a transaction that started it: for good. */
static void
handle_stop(SIGNAL_ARGS)
{
	stopped = true;
	die(postgres_signal_arg);
}

/*
 * Say in the log why something failed.  An error's details, and the text of one about
 * data, may show what a user wrote, so they are left out.
 */
static void
log_error(const char *what, const ErrorData *error)
{
	static GatePace pace;
	int				left_out;

	if (gate_pace(&pace, &left_out))
		ereport(LOG, (errmsg("rtm gate could not %s: %s", what,
							 ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION
								 ? "there is a value that it cannot take"
								 : error->message),
					  errdetail("The error's SQLSTATE is %s.%s",
								unpack_sql_state(error->sqlerrcode), gate_pace_text(left_out))));
}

/* Quests [0, n), which live in a context. */
typedef struct Batch
{
	GateQuest	 *quests;
	int			  n;
	MemoryContext context;
} Batch;

static void
judge_batch(void *arg)
{
	Batch *batch = arg;

	begin();
	for (int i = 0; i < batch->n; i++)
	{
		MemoryContextSwitchTo(batch->context);
		gate_judge(&batch->quests[i]);
		CHECK_FOR_INTERRUPTS();
	}
	commit();
}

/* Carry out quests [0, n) in one transaction; false if it failed. */
static bool
run_together(GateQuest *quests, int n, MemoryContext context)
{
	Batch	   batch = {quests, n, context};
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = rtm_attempt(judge_batch, &batch);
	if (error)
		log_error(n > 1 ? "carry out quests together" : "carry out a quest", error);
	return error == NULL;
}

static void
run_batch(GateQuest *quests, int n, MemoryContext batch)
{
	if (n == 0 || run_together(quests, n, batch))
		return;
	if (!is_installed())
		proc_exit(0);
	for (int i = 0; i < n; i++)
	{
		if (n > 1 && run_together(&quests[i], 1, batch))
			continue;
		gate_quest_forget(&quests[i]);
		(void) gate_quest_fail(&quests[i], FPNN_CODE_UNKNOWN,
							   "the gate could not carry it out; its log says why");
		/* behind a key that was not taken nothing can be read */
		quests[i].close = strcmp(quests[i].frame.method, FPNN_CRYPT_METHOD) == 0;
	}
}

typedef struct Reading
{
	GateQuest	 *quest;
	MemoryContext context;
	bool		  good;
} Reading;

static void
read_in_transaction(void *arg)
{
	Reading *reading = arg;

	rtm_begin_transaction();
	MemoryContextSwitchTo(reading->context);
	reading->good = gate_json_read(reading->quest);
	CommitTransactionCommand();
}

/*
 * Numbers and characters of JSON that PostgreSQL can't take are an error, which
 * must not undo what others asked: each such quest is read by itself.  False: it
 * can't be, which isn't worth a line in the log.
 */
static bool
read_json(GateQuest *quest, MemoryContext batch)
{
	Reading reading = {quest, batch, false};

	MemoryContextSwitchTo(batch);
	return rtm_attempt(read_in_transaction, &reading) == NULL && reading.good;
}

/* Is the quest done with, without the tables? */
static bool
is_simple(GateQuest *quest, const GateNet *net, MemoryContext batch)
{
	if (gate_system_run(quest, net))
		return true;
	if (!(quest->frame.flag & FPNN_FLAG_JSON) || read_json(quest, batch))
		return false;
	gate_quest_forget(quest);
	quest->close = true;
	return true;
}

/* Those that need a transaction first, in their order; the others behind. */
static int
run_simple_ones(GateQuest *quests, int n, const GateNet *net, MemoryContext batch)
{
	int left = 0;

	for (int i = 0; i < n; i++)
	{
		GateQuest quest = quests[i];

		if (is_simple(&quest, net, batch))
			quests[i] = quest;
		else
		{
			quests[i] = quests[left];
			quests[left++] = quest;
		}
	}
	return left;
}

/* What came of the quests goes out, and what they sent, in their order. */
static void
answer_batch(GateNet *net, GateQuest *quests, int n)
{
	for (int i = 0; i < n; i++)
	{
		gate_json_write(&quests[i]);
		gate_net_answer(net, &quests[i]);
		gate_push(net, &quests[i]);
	}
	gate_net_flush(net);
}

/* Deleting what isn't kept; a failure is no reason to end. */
static void
purge_in_transaction(void *arg)
{
	begin();
	gate_purge_run();
	commit();
}

static void
purge(MemoryContext batch)
{
	ErrorData *error;

	MemoryContextSwitchTo(batch);
	error = rtm_attempt(purge_in_transaction, NULL);
	if (error == NULL)
		return;
	log_error("delete what it doesn't keep", error);
	gate_purge_postpone();
}

/* What isn't about quests, now and then. */
static void
do_chores(MemoryContext batch)
{
	static int64 checked;

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (rtm_now_ms() - checked >= CHECK_MS)
	{
		if (checked != 0 && !is_installed())
			proc_exit(0);
		checked = rtm_now_ms();
	}
	if (rtm_now_ms() >= gate_purge_due())
		purge(batch);
}

/*
 * Its only wait is the one for the sockets, with no transaction open.  What a batch
 * needs is in a context of its own, answers that leave later aside.
 */
static void
serve(GateNet *net)
{
	MemoryContext batch = AllocSetContextCreate(TopMemoryContext, "rtm gate batch",
												ALLOCSET_DEFAULT_SIZES);
	GateQuest	 *quests = MemoryContextAllocZero(TopMemoryContext, sizeof(GateQuest) * GATE_BATCH);

	for (;;)
	{
		int	  n;
		int64 timeout;

		pgstat_report_activity(STATE_IDLE, NULL);
		timeout = Max(Min(gate_purge_due() - rtm_now_ms(), CHECK_MS), 0);
		gate_net_wait(net, timeout);
		QueryCancelPending = false; /* there is no statement to cancel */
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(batch);
		MemoryContextSwitchTo(batch);
		do_chores(batch);
		n = gate_net_take(net, quests, GATE_BATCH);
		if (n == 0)
			continue;
		pgstat_report_activity(STATE_RUNNING, "rtm gate: carrying out quests");
		run_batch(quests, run_simple_ones(quests, n, net, batch), batch);
		answer_batch(net, quests, n);
		pgstat_report_stat(false);
	}
}

/*
 * A lock of a session isn't given back by itself when the process ends outside
 * of a transaction.
 */
static void
end_gate(int code, Datum arg)
{
	LOCKTAG tag;

	gate_lock_tag(&tag);
	if (holding)
		LockRelease(&tag, ExclusiveLock, true);
	if (code != 0 && serving && !stopped)
	{
		GateWorkerArgs successor = {.successor = true};

		gate_register(MyDatabaseId, &successor, 0, NULL);
	}
}

static void
tell_starter(GateStart *start, GateStartState state, int port, const char *why)
{
	if (start == NULL)
		return;
	start->port = port;
	strlcpy(start->why, why ? why : "", sizeof(start->why));
	pg_write_barrier();
	pg_atomic_write_u32(&start->state, state);
	SetLatch(start->starter);
}

/*
 * What to listen on: as the starter says, else as the table says.  False: the
 * gate can't run, and *why says it, or isn't wanted.
 */
static bool
read_config(const GateStart *start, GateConfig *config, const char **why)
{
	bool wanted;

	*why = "the extension rtm_gate isn't installed, or not committed yet";
	if (!is_installed())
		return false;
	begin();
	wanted = gate_store_config(config) && config->enabled;
	if (wanted)
		config->listen = MemoryContextStrdup(TopMemoryContext, config->listen);
	if (config->certificate && config->certificate_key)
	{
		config->certificate = MemoryContextStrdup(TopMemoryContext, config->certificate);
		config->certificate_key = MemoryContextStrdup(TopMemoryContext, config->certificate_key);
	}
	gate_store_begin();
	commit();
	return start != NULL || wanted;
}

/*
 * Its predecessor may still be ending, so a successor waits a little for its
 * lock and its port; as does one that somebody asked for.  Of the one that is
 * started with the server nobody minds that there is one already.  `early`: the port
 * is taken, but nobody is listened to yet.
 */
static GateNet *
listen_with_patience(GateConfig *config, bool early, const char **why)
{
	LOCKTAG	 tag;
	GateNet *net = NULL;

	gate_lock_tag(&tag);
	*why = "a gate is already running in this database";
	for (int i = 0; i < 50; i++)
	{
		if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
		{
			holding = true;
			net = gate_net_bind(config->listen, &config->port, why);
			if (net != NULL && (early || gate_net_listen(net, why)))
				return net;
			if (net != NULL)
				gate_net_unbind(net);
			LockRelease(&tag, ExclusiveLock, true);
			holding = false;
		}
		else if (args.start == 0 && !args.successor)
			proc_exit(0);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 50,
						 rtm_wait_event(RTM_WAIT_GATE_START));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return NULL;
}

/*
 * The extension is being created by the transaction that asked for the gate, so
 * there are no tables yet.  Ends with it when it rolls back.
 */
static void
wait_for_commit(GateNet *net, GateStart *start, const GateConfig *config)
{
	const char *why;

	start->gate = MyLatch;
	tell_starter(start, GATE_BOUND, config->port, NULL);
	while (TransactionIdIsInProgress(start->xid))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, CHECK_MS,
						 rtm_wait_event(RTM_WAIT_GATE_START));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (is_installed() && gate_net_listen(net, &why))
		return;
	tell_starter(start, GATE_NOT_LISTENING, 0, NULL);
	proc_exit(0);
}

/* As the starter says: nothing is stored yet. */
static void
take_config(const GateStart *start, GateConfig *config)
{
	config->listen = MemoryContextStrdup(TopMemoryContext, start->listen);
	config->port = start->port;
	if (start->secret[0])
		gate_cache_first_secret(start->pid, start->secret);
}

void
rtm_gate_main(Datum database)
{
	dsm_segment *segment = NULL;
	GateStart	*start = NULL;
	GateConfig	 config = {0};
	GateNet		*net;
	const char	*why;
	bool		 early;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	pqsignal(SIGUSR2, handle_stop);
	rtm_session_hear_signals();
	rtm_session_before_connect("rtm_gate.");
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	rtm_session_after_connect();

	/* whoever holds a lock of the gate's rows must not hold up everybody */
	SetConfigOption("lock_timeout", "2s", PGC_USERSET, PGC_S_OVERRIDE);

	gate_cache_init();
	if (args.start != 0)
	{
		segment = dsm_attach(args.start);
		if (segment == NULL)
			proc_exit(0);
		dsm_pin_mapping(segment);
		start = dsm_segment_address(segment);
	}
	early = start && TransactionIdIsValid(start->xid);
	if (!early && !read_config(start, &config, &why))
	{
		tell_starter(start, GATE_NOT_LISTENING, 0, why);
		proc_exit(0);
	}
	if (start)
		take_config(start, &config);
	gate_listen_init();
	gate_purge_init();
	before_shmem_exit(end_gate, (Datum) 0);
	net = listen_with_patience(&config, early, &why);
	if (net == NULL)
	{
		tell_starter(start, GATE_NOT_LISTENING, 0, why);
		ereport(LOG, (errmsg("rtm gate could not listen on %s port %d: %s", config.listen,
							 config.port, why)));
		proc_exit(0);
	}
	if (early)
		wait_for_commit(net, start, &config);
	if (config.certificate && config.certificate_key)
		gate_net_use_tls(net, config.certificate, config.certificate_key);
	tell_starter(start, GATE_LISTENING, config.port, NULL);
	if (segment)
		dsm_detach(segment);
	serving = true;
	ereport(LOG, (errmsg("rtm gate listens on %s port %d", config.listen, config.port)));
	serve(net);
	pg_unreachable();
}
