/*-------------------------------------------------------------------------
 *
 * start.h
 *	  How a gate is asked for, and how it is told from one that runs already.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_START_H
#define GATE_START_H

#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/lock.h"

#include "compat.h"

/* What a starting gate tells its starter, in a DSM segment. */
typedef struct GateStart
{
	pg_atomic_uint32 state; /* GateStartState */
	Latch			*starter;
	Latch			*gate; /* with GATE_BOUND */
	TransactionId	 xid;  /* that makes the extension, which has to commit first; 0: none */
	int				 port;
	int64			 pid;
	char			 listen[64];
	char			 secret[260];
	char			 why[200];
} GateStart;

typedef enum GateStartState
{
	GATE_STARTING = 0,
	GATE_BOUND, /* it has its port, and listens when the transaction has committed */
	GATE_LISTENING,
	GATE_NOT_LISTENING
} GateStartState;

/*
 * In bgw_extra; bgw_main_arg is the database.  All of it is zero when the gate
 * is started with the server, by a library that knows no more of the gate than
 * its name.
 */
typedef struct GateWorkerArgs
{
	dsm_handle start;	  /* 0: none; configuration from the table */
	bool	   successor; /* of a gate that was terminated, which may still be ending */
} GateWorkerArgs;

/*
 * Ask the postmaster for a gate.  notify is the pid that is told when it
 * starts or ends, or 0.  False: no slot for another worker.
 */
extern bool gate_register(Oid database, const GateWorkerArgs *args, pid_t notify,
						  BackgroundWorkerHandle **handle);

/* The lock that a running gate holds on its database. */
extern void gate_lock_tag(LOCKTAG *tag);

/* The process of this database's gate, or 0. */
extern int gate_running(void);

pg_noreturn extern PGDLLEXPORT void rtm_gate_main(Datum database);

#endif /* GATE_START_H */
