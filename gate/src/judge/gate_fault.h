/*-------------------------------------------------------------------------
 *
 * gate_fault.h
 *	  Faults that somebody asked for: rtm_gate_fault().
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_FAULT_H
#define GATE_FAULT_H

#include "quest/gate_args.h"

/*
 * Does a fault happen to this quest?  It is counted in its row, and what it
 * says is noted in the quest.  False: the quest isn't to be carried out.
 */
extern bool gate_fault_apply(GateQuest *quest, const GateArgs *args);

#endif /* GATE_FAULT_H */
