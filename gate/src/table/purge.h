/*-------------------------------------------------------------------------
 *
 * purge.h
 *	  Deleting what the gate doesn't keep: rtm_gate.history_messages of a
 *	  conversation, for rtm_gate.history_days.
 *
 * Nobody sees a message that is beyond that, deleted or not (store.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_PURGE_H
#define GATE_PURGE_H

#include "table/store.h"

extern void gate_purge_init(void);

/* A conversation got a message. */
extern void gate_purge_note(const GateConversation *c);

/* When there is something to do next; rtm_now_ms(). */
extern int64 gate_purge_due(void);

/* Delete some of it; in a transaction between gate_spi_begin() and _end(). */
extern void gate_purge_run(void);

/* It failed: not again at once, since whoever waits for answers pays for it. */
extern void gate_purge_postpone(void);

#endif /* GATE_PURGE_H */
