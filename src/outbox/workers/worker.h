/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  What the outbox's background workers have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_WORKER_H
#define OUTBOX_WORKER_H

#include "fmgr.h"

#include "outbox/workers/registry.h"

/* Names of the workers, as in pg_stat_activity. */
extern const char *outbox_role_name(OutboxRole role);

/* From _PG_init(), while the library is preloaded. */
extern void outbox_launcher_init(void);

/*
 * Begin a worker of one database: signals, connection, its place in shared
 * memory.  Ends the process if there is nothing for it to do: another one has
 * the place, the database is a template, or has no outbox.
 */
extern OutboxDatabase *outbox_begin_worker(OutboxRole role, Datum database);

/* Settings of the session that the workers' own statements rely on. */
extern void outbox_set_session(OutboxRole role);

/* Is the outbox installed here?  Not in a transaction. */
extern bool outbox_is_installed(void);

/*
 * Run the worker's body; if it raises, the reason is kept for rtm_stat_worker
 * and the process ends, to be started again.
 */
extern void outbox_run_worker(OutboxDatabase *entry, OutboxRole role,
							  void (*body)(OutboxDatabase *entry));

/* Serve interrupts, and read the configuration again if asked to: true then. */
extern bool outbox_housekeeping(void);

extern PGDLLEXPORT void rtm_launcher_main(Datum arg);
extern PGDLLEXPORT void rtm_sender_main(Datum arg);
extern PGDLLEXPORT void rtm_callbacks_main(Datum arg);

#endif /* OUTBOX_WORKER_H */
