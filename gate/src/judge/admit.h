/*-------------------------------------------------------------------------
 *
 * admit.h
 *	  Whether a project may ask at all: its signature, the clock, how often, and
 *	  not the same twice.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_ADMIT_H
#define GATE_ADMIT_H

#include "quest/quest.h"

/*
 * Project, signature, clock, the rate, the salt: what every quest but the
 * framework's own needs.  *pid becomes the project.  False: the quest has
 * failed.  A quest that is run again, as its transaction failed, isn't counted
 * again.
 */
extern bool gate_admit(GateQuest *quest, const msgpack_object *map, int64 *pid);

#endif /* GATE_ADMIT_H */
