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
#include "postmaster/bgworker.h"

#include "outbox/workers/registry.h"

/* From _PG_init(), while the library is preloaded. */
extern void outbox_launcher_init(void);

/*
 * A worker that is connected to databases, once recovery has ended, and isn't started
 * again by itself; type is its name as well.
 */
extern BackgroundWorker outbox_describe_worker(const char *library, const char *function,
											   const char *type);

/*
 * Ask the postmaster for a worker; place: of the database's entry, -1 for none.
 * False: no process is left.  With `handle` the caller is told of start and end by
 * its latch.
 */
extern bool outbox_register_worker(OutboxWorkerType type, Oid database, int place,
								   BackgroundWorkerHandle **handle);

/*
 * Begin a worker: signals, its place in shared memory, the session.  The sender and
 * whoever looks are superusers whose session nobody's settings reach; who runs
 * callbacks is their role, with its settings (identity.h).  Ends the process if
 * there is nothing for it to do: another one has the place, the database is a
 * template, or has no outbox.
 */
extern OutboxDatabase *outbox_begin_worker(void);

/* Is the outbox installed here?  Not in a transaction. */
extern bool outbox_is_installed(void);

/* Serve interrupts, and read the configuration again if asked to: true then. */
extern bool outbox_housekeeping(void);

extern PGDLLEXPORT void rtm_launcher_main(Datum arg);
extern PGDLLEXPORT void rtm_look_main(Datum arg);
extern PGDLLEXPORT void rtm_sender_main(Datum arg);
extern PGDLLEXPORT void rtm_callbacks_main(Datum arg);

#endif /* OUTBOX_WORKER_H */
