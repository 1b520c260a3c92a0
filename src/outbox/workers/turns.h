/*-------------------------------------------------------------------------
 *
 * turns.h
 *	  Whose callbacks run: the sender's part.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_TURNS_H
#define OUTBOX_TURNS_H

#include "outbox/workers/registry.h"

/* Callbacks may be due that were not, or a worker has ended: look at the next turn. */
extern void outbox_look_for_callbacks(void);

/*
 * See to it that roles whose callbacks are due have a worker.  When to call it again
 * (rtm_now_ms()) at the latest.  The entry's origin is known.  Makes its own transactions, if it has anything to do.
 */
extern int64 outbox_callbacks_turn(OutboxDatabase *entry);

#endif /* OUTBOX_TURNS_H */
