/*-------------------------------------------------------------------------
 *
 * handler.h
 *	  What the methods do, once a quest has been checked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_HANDLER_H
#define GATE_HANDLER_H

#include "gate/args.h"

/* message.c: the kinds send, history, delete, info and count. */
extern void gate_run_message(GateQuest *quest, const RtmMethod *method, GateArgs *args);

/* admin.c: the others. */
extern void gate_run_admin(GateQuest *quest, RtmMethodId id, GateArgs *args);

#endif /* GATE_HANDLER_H */
