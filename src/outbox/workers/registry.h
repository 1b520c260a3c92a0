/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  Who works for which database: shared memory of the outbox.
 *
 * Each database that uses the outbox has an entry, and in it a place for each
 * worker that it may have.  A worker is started by the launcher, when somebody
 * asked for it.  It takes its place itself and gives it up when its process ends,
 * however that comes (after a crash the whole of shared memory begins anew).
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_REGISTRY_H
#define OUTBOX_REGISTRY_H

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "outbox/record/outbox_guc.h"
#include "outbox/workers/figures.h"
#include "wait.h"

#define OUTBOX_MAX_DATABASES 256
#define OUTBOX_ERROR_LEN	 256

/* Requests that a sender is sending at once, or whose rows are yet to go. */
#define OUTBOX_UNDER_WAY 4096

/* What a worker is for; outbox_worker_types has a row for each. */
typedef enum OutboxWorkerType
{
	OUTBOX_SENDER,	  /* delivers what is queued, and sees to it that callbacks run */
	OUTBOX_CALLBACKS, /* runs the callbacks of one role, as that role */
	OUTBOX_LOOK,	  /* finds out whether a database has the extension, and ends */
	OUTBOX_WORKER_TYPES
} OutboxWorkerType;

/* Places of an entry: first those of senders, the others for callbacks. */
#define OUTBOX_FIRST_SENDER	  0
#define OUTBOX_CALLBACK_PLACE OUTBOX_MAX_SENDERS /* the first of them */
#define OUTBOX_PLACES		  (OUTBOX_CALLBACK_PLACE + OUTBOX_MAX_CALLBACK_WORKERS)

typedef struct OutboxWorkerTraits
{
	const char *name;	  /* as in pg_stat_activity */
	const char *function; /* its main function in this library */
	RtmWait		wait;	  /* what it waits for when it has nothing to do */
	bool		restarts; /* after an error the launcher starts it again by itself */
} OutboxWorkerTraits;

extern const OutboxWorkerTraits outbox_worker_types[OUTBOX_WORKER_TYPES];

typedef enum OutboxState
{
	OUTBOX_ABSENT,	 /* there is none, and nobody needs one */
	OUTBOX_WANTED,	 /* the launcher is to start it */
	OUTBOX_STARTING, /* registered with the postmaster */
	OUTBOX_RUNNING,	 /* its process has taken the place */
	OUTBOX_FAILED	 /* ended with an error; started again at restart_at, or, if it
					  * doesn't restart, seen to by the sender */
} OutboxState;

typedef struct OutboxWorker
{
	OutboxState state;
	bool		again;		/* asked for once more while it was ending */
	bool		full;		/* WANTED: no process was left for it */
	pid_t		pid;		/* 0: none */
	Latch	   *latch;		/* of its process; stays valid memory */
	TimestampTz since;		/* of the state, for people */
	int64		since_ms;	/* the same, and the next, as rtm_now_ms() */
	int64		restart_at; /* of FAILED */
	int			failures;	/* in a row */
	Oid			user;		/* whose callbacks; else 0 */
	bool		logs_in;	/* that role may connect by itself */
	bool		paused;		/* its process keeps to rtm.pause, which is on */
	int64		overdue;	/* callback that could only be ended with its process; 0: none */
	char		error[OUTBOX_ERROR_LEN]; /* the last one, or "" */
} OutboxWorker;

/* What a sender and others tell each other. */
typedef struct OutboxSender
{
	/* what it is to look after at its next turn: OUTBOX_CHORE_... */
	pg_atomic_uint32 chores;

	/* what it read waits for synchronous standbys since then, a TimestampTz; 0: nothing */
	pg_atomic_uint64 unconfirmed_since;
} OutboxSender;

/* What a sender is sending; see under_way.h. */
typedef struct OutboxUnderWay
{
	pg_atomic_uint32 n;							/* tickets from here on were never used */
	pg_atomic_uint64 tickets[OUTBOX_UNDER_WAY]; /* 0: nobody's */
} OutboxUnderWay;

typedef struct OutboxDatabase
{
	Oid			 database; /* 0: the place is free */
	OutboxWorker workers[OUTBOX_PLACES];
	OutboxSender senders[OUTBOX_MAX_SENDERS];
	bool		 opened; /* tickets are above all that the table has */

	/* requests and chores of prepared transactions; see prepared.c */
	pg_atomic_uint64 prepared;
	pg_atomic_uint32 discards; /* transactions that have discarded requests, under way */

	/* a role has callbacks that are due, and no worker yet: others may end for it */
	pg_atomic_uint32 role_waits;

	/* callbacks' errors in the log: the last line, and how many went without since */
	pg_atomic_uint64 errors_logged_at; /* rtm_now_ms(); 0: none yet */
	pg_atomic_uint32 errors_unlogged;

	/* what requests of this database are marked with; 0: nobody knows yet */
	pg_atomic_uint64 origin;
	pg_atomic_uint32 holding; /* there are requests of other origins */

	pg_atomic_uint32  waiters;	/* backends in rtm_wait() */
	ConditionVariable finished; /* a request is through */
	OutboxFigures	  figures;
} OutboxDatabase;

#define OUTBOX_CHORE_INSTALLED 1  /* is the extension still there? */
#define OUTBOX_CHORE_PREPARED  2  /* rows of a COMMIT PREPARED */
#define OUTBOX_CHORE_DISCARDED 4  /* rows that were deleted */
#define OUTBOX_CHORE_HELD	   8  /* rows of other origins were adopted or deleted */
#define OUTBOX_CHORE_READ	   16 /* new rows: only woken, it finds them itself */
#define OUTBOX_CHORE_CALLBACKS 32 /* callbacks may be due, or a place for them free */
#define OUTBOX_CHORE_SCHEDULED 64 /* new rows that are to be sent later */

/* Chores that are done once, by the first sender. */
#define OUTBOX_FIRST_CHORES \
	(OUTBOX_CHORE_PREPARED | OUTBOX_CHORE_CALLBACKS | OUTBOX_CHORE_SCHEDULED)

/*
 * Of entry->prepared, when nobody knows what was prepared before the server started:
 * there may be something, and any chore may come of it.
 */
#define OUTBOX_PREPARED_UNKNOWN (((uint64) (OUTBOX_CHORE_DISCARDED | OUTBOX_CHORE_HELD) << 32) | 1)

/* From _PG_init(), while the library is preloaded. */
extern void outbox_registry_init(void);

/* Is there shared memory, that is: was the library preloaded? */
extern bool outbox_is_preloaded(void);

/* Protects entries, the states of workers, and figures; held for moments only. */
extern LWLock *outbox_registry_lock(void);

/*
 * The entry of a database.  With `make`, one is made if there is room; NULL:
 * there is none.  Who keeps the address has to check that it is still the
 * database's, after CREATE and DROP EXTENSION.
 */
extern OutboxDatabase *outbox_database(Oid database, bool make);

/* The same of this session's database; it is kept. */
extern OutboxDatabase *outbox_this_database(bool make);

/* Entries one after the other: the index of the next one from `index` on, or -1. */
extern int outbox_next_database(int index, OutboxDatabase **entry);

/* What the worker of a place is. */
extern OutboxWorkerType outbox_type_of(int place);

/* A consistent copy of a worker's state. */
extern OutboxWorker outbox_worker(OutboxDatabase *entry, int place);

/*
 * Which sender has the requests of a foreign server.  One has all of them, as a
 * request may be to several conversations.
 */
extern int outbox_sender_of(Oid server);

/* What a sender of the database is sending. */
extern OutboxUnderWay *outbox_under_way(const OutboxDatabase *entry, int sender);

/* See to it that the senders run and look at their work, with these chores (or 0); or one of them. */
extern void outbox_wake(OutboxDatabase *entry, uint32 chores);
extern void outbox_wake_sender(OutboxDatabase *entry, int sender, uint32 chores);

/* The chores that a sender has yet to do. */
extern uint32 outbox_chores(OutboxDatabase *entry, int sender);

/* ---- the sender's side: who runs callbacks ---- */

/*
 * Ask for a worker for the callbacks of a role that has none.  False: all of the first
 * `places` places are taken; entry->role_waits is set, and those who have them look.
 */
extern bool outbox_want_callbacks(OutboxDatabase *entry, Oid user, bool logs_in, int places);

/* Has the role a worker?  It is woken then. */
extern bool outbox_wake_callbacks(OutboxDatabase *entry, Oid user);

/*
 * A worker for callbacks that has ended with an error: whose, and in *overdue which
 * callback is to be given up (0: none).  InvalidOid: there is none (any more).
 */
extern Oid outbox_take_failure(OutboxDatabase *entry, int64 *overdue);

/* ---- the launcher's side ---- */

/*
 * Take WANTED, or FAILED when it is due, to STARTING.  *due: when something else
 * will be, if that is earlier.
 */
extern bool outbox_claim_start(OutboxDatabase *entry, int place, int64 *due);

/*
 * It could not be started: WANTED again where that is passing, else FAILED, not to be
 * tried for a minute.
 */
extern void outbox_not_started(OutboxDatabase *entry, int place, bool passing, const char *why);

extern void outbox_set_launcher(Latch *latch);

/* What has failed is tried now: the reason may be gone. */
extern void outbox_restart_now(OutboxDatabase *entry);

/* Forget a database that is no more, unless it has a worker. */
extern void outbox_forget_database(Oid database);

/* ---- the worker's side ---- */

/* Take the place of this process; false: another process has it. */
extern bool outbox_enter(OutboxDatabase *entry, int place);

/* Which sender this process is. */
extern int outbox_my_sender(void);

/* The database has no outbox: with the process, its entry goes. */
extern void outbox_leave_for_good(void);

/*
 * It works well; it has read the settings, and keeps to rtm.pause from now on; why it is about
 * to fail; the callback that makes it end.
 */
extern void outbox_works(void);
extern void outbox_note_pause(void);
extern void outbox_note_error(const char *error);
extern void outbox_note_overdue(int64 id);

#endif /* OUTBOX_REGISTRY_H */
