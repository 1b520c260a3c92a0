/*-------------------------------------------------------------------------
 *
 * gate.h
 *	  The local gate: its worker, and how it is started.
 *
 *	control.c	SQL functions that set up, start, stop and look at a gate
 *	gate.c		the worker: batches of quests, one commit for each
 *	system.c	quests that need no transaction
 *	push.c		messages to the connections that listen
 *	net.c		sockets: bytes in, quests out; answers and pushes in, bytes out
 *	conn.c		... one connection
 *	accept.c, waitset.c	... new ones, and waiting for all of them
 *	quest.c		from a quest to its answer
 *	json.c		... whose payload is JSON
 *	limit.c		... may it be asked at all
 *	args.c		... its parameters
 *	fault.c		... faults that somebody asked for (newfault.c: how)
 *	message.c, admin.c	what the methods do
 *	listen.c	which connections listen to what
 *	purge.c		deleting what isn't kept
 *	member.c, store.c	the tables
 *	cache.c		what is known of them without asking
 *	spi.c		the way to them
 *	guc.c		settings
 *
 * Each includes only what stands below it, and this header.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_GATE_H
#define RTM_GATE_H

#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/lock.h"

#include "compat.h"

/* Quests that one transaction carries out. */
#define GATE_BATCH 1024

/* The secret of a project whose row isn't committed yet (rtm_gate_setup()), or NULL. */
extern const char *gate_initial_secret(int64 pid);
extern void		   gate_forget_initial_secret(int64 pid);

/* The gate's time in milliseconds; never goes back. */
extern int64 gate_now(void);

/* What the clock says, in milliseconds, whatever the messages' times are. */
extern int64 gate_clock(void);

/* What a starting gate tells its starter, in a DSM segment. */
typedef struct GateStart
{
	pg_atomic_uint32 state; /* GateStartState */
	Latch			*starter;
	int				 port;
	int64			 pid;
	char			 listen[64];
	char			 secret[260];
	char			 why[200];
} GateStart;

typedef enum GateStartState
{
	GATE_STARTING = 0,
	GATE_LISTENING,
	GATE_NOT_LISTENING
} GateStartState;

/* In bgw_extra. */
typedef struct GateWorkerArgs
{
	Oid		   database;
	dsm_handle start; /* 0: none; configuration from the table */
} GateWorkerArgs;

/*
 * Ask the postmaster for a gate.  notify is the pid that is told when it
 * starts or ends, or 0.  False: no slot for another worker.
 */
extern bool gate_register(const GateWorkerArgs *args, pid_t notify,
						  BackgroundWorkerHandle **handle);

/*
 * Start a database's gate when the server starts, if it has one that is enabled:
 * the worker looks for itself.
 */
extern void rtm_gate_launch(Oid database);

/* The lock that a running gate holds on its database. */
extern void gate_lock_tag(LOCKTAG *tag);

pg_noreturn extern PGDLLEXPORT void rtm_gate_main(Datum arg);

#endif /* RTM_GATE_H */
