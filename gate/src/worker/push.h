/*-------------------------------------------------------------------------
 *
 * push.h
 *	  Messages to the connections that listen.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_PUSH_H
#define GATE_PUSH_H

#include "net/net.h"

/* Push what a quest sent, if it did, to those who listen; after its commit. */
extern void gate_push(GateNet *net, const GateQuest *quest);

#endif /* GATE_PUSH_H */
