/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  Shared memory of the outbox: one entry per database, with its two workers.
 *
 * A worker is started by the launcher, when somebody asked for it.  It takes its
 * place in the entry itself and gives it up when its process ends, however that
 * comes (after a crash the whole of shared memory begins anew).
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

#define OUTBOX_MAX_DATABASES 256
#define OUTBOX_MAX_SERVERS	 64 /* per database, with figures of their own */
#define OUTBOX_MAX_ERRORS	 64 /* per database, pairs of server and code */
#define OUTBOX_ERROR_LEN	 256
#define OUTBOX_REASON_LEN	 128

typedef enum OutboxRole
{
	OUTBOX_SENDER,
	OUTBOX_CALLBACKS,
	OUTBOX_ROLES
} OutboxRole;

typedef enum OutboxState
{
	OUTBOX_ABSENT,	 /* there is none, and nobody needs one */
	OUTBOX_WANTED,	 /* the launcher is to start it */
	OUTBOX_STARTING, /* registered with the postmaster */
	OUTBOX_RUNNING,
	OUTBOX_FAILED /* ended with an error; started again at restart_at */
} OutboxState;

typedef struct OutboxWorker
{
	OutboxState state;
	bool		again; /* asked for once more while it was ending */
	pid_t		pid;   /* 0: none */
	Latch	   *latch; /* of its process; stays valid memory */
	TimestampTz since; /* of the state */
	TimestampTz restart_at;
	int			failures;				 /* in a row */
	char		error[OUTBOX_ERROR_LEN]; /* the last one, or "" */
} OutboxWorker;

/* What the sender has done for one foreign server; written by it alone. */
typedef struct OutboxServerStats
{
	Oid				 server;  /* 0: the place is free */
	pg_atomic_uint64 sent;	  /* requests that went well */
	pg_atomic_uint64 failed;  /* requests that failed for good */
	pg_atomic_uint64 retried; /* attempts that will be repeated */
	pg_atomic_uint32 in_flight;
	pg_atomic_uint64 answers;
	pg_atomic_uint64 answer_us; /* sum over all answers */
	pg_atomic_uint64 last_answer_us;
	TimestampTz		 unreachable_since;			/* 0: it isn't, or wasn't tried; this and
									 * the reason are protected by the lock */
	char			 reason[OUTBOX_REASON_LEN]; /* why, or "" */
} OutboxServerStats;

/* Attempts that failed with a code; protected by the lock. */
typedef struct OutboxErrorStats
{
	Oid			server; /* 0: the place is free */
	int			code;	/* 0: all those that found no place */
	int64		count;
	TimestampTz last;
} OutboxErrorStats;

typedef struct OutboxDatabase
{
	Oid			 database; /* 0: the place is free */
	OutboxWorker workers[OUTBOX_ROLES];
	bool		 opened; /* tickets are above all that the table has */

	/* requests and chores of prepared transactions; see prepared.c */
	pg_atomic_uint64 prepared;

	/* what the sender is to look after at its next turn */
	pg_atomic_uint32 chores; /* OUTBOX_CHORE_... */

	/* a callback that could only be ended with its process; 0: none */
	pg_atomic_uint64 overdue;

	/* what requests of this database are marked with; 0: nobody knows yet */
	pg_atomic_uint64 origin;
	pg_atomic_uint32 holding; /* there are requests of other origins */

	pg_atomic_uint32  waiters;	/* backends in rtm_wait() */
	ConditionVariable finished; /* a request is through */
	OutboxServerStats servers[OUTBOX_MAX_SERVERS];
	OutboxErrorStats  errors[OUTBOX_MAX_ERRORS];
	TimestampTz		  counted_since; /* all of these figures */
} OutboxDatabase;

#define OUTBOX_CHORE_INSTALLED 1  /* is the extension still there? */
#define OUTBOX_CHORE_PREPARED  2  /* rows of a COMMIT PREPARED */
#define OUTBOX_CHORE_DISCARDED 4  /* rows that were deleted */
#define OUTBOX_CHORE_HELD	   8  /* rows of other origins were adopted or deleted */
#define OUTBOX_CHORE_READ	   16 /* new rows: only woken, it finds them itself */

/*
 * Of entry->prepared, when nobody knows what was prepared before the server started:
 * there may be something, and any chore may come of it.
 */
#define OUTBOX_PREPARED_UNKNOWN (((uint64) (OUTBOX_CHORE_DISCARDED | OUTBOX_CHORE_HELD) << 32) | 1)

/* From _PG_init(), while the library is preloaded. */
extern void outbox_registry_init(void);

/* Is there shared memory, that is: was the library preloaded? */
extern bool outbox_is_preloaded(void);

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

/* A consistent copy of a worker's state. */
extern OutboxWorker outbox_worker(OutboxDatabase *entry, OutboxRole role);

/* See to it that the worker runs and looks at its work. */
extern void outbox_wake(OutboxDatabase *entry, OutboxRole role);

/* The launcher's side: takes WANTED or FAILED (when due) to STARTING. */
extern bool outbox_claim_start(OutboxDatabase *entry, OutboxRole role, TimestampTz *due);
extern void outbox_start_failed(OutboxDatabase *entry, OutboxRole role);
extern void outbox_set_launcher(Latch *latch);

/* Forget a database that is no more, unless it has a worker. */
extern void outbox_forget_database(Oid database);

/*
 * The worker's side: take its place (false: another process has it), note that
 * its database has no outbox, that it works well, why it is about to fail.
 */
extern bool outbox_enter(OutboxDatabase *entry, OutboxRole role);
extern void outbox_leave_for_good(void);

/*
 * A worker that wants to end because it has nothing to do: from the first on,
 * outbox_wake() counts as a new request; then it looks once more, and either
 * ends or calls the second.
 */
extern void outbox_prepare_to_leave(OutboxDatabase *entry, OutboxRole role);
extern void outbox_stay(OutboxDatabase *entry, OutboxRole role);

extern void outbox_works(OutboxDatabase *entry, OutboxRole role);
extern void outbox_note_error(OutboxDatabase *entry, OutboxRole role, const char *error);

/* The figures of a server; NULL when there is no room. Only for the sender. */
extern OutboxServerStats *outbox_server_stats(OutboxDatabase *entry, Oid server);

/* Whether the gate of a server can be reached, and why not; NULL: no-op. */
extern void outbox_show_unreachable(OutboxServerStats *stats, bool unreachable, const char *why);

/* One more attempt that failed with that code. */
extern void outbox_count_error(OutboxDatabase *entry, Oid server, int code);

/* Consistent copies, for views. */
extern OutboxServerStats outbox_copy_server_stats(const OutboxServerStats *stats);
extern OutboxErrorStats	 outbox_error_stats(const OutboxDatabase *entry, int i);

/* Count anew. */
extern void outbox_reset_stats(OutboxDatabase *entry);

#endif /* OUTBOX_REGISTRY_H */
