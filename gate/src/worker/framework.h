/*-------------------------------------------------------------------------
 *
 * framework.h
 *	  Quests that need no transaction: the framework's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_SYSTEM_H
#define GATE_SYSTEM_H

#include "net/net.h"

/* Does the quest need no transaction?  Then it has been carried out. */
extern bool gate_system_run(GateQuest *quest, const GateNet *net);

#endif /* GATE_SYSTEM_H */
