/*-------------------------------------------------------------------------
 *
 * limit.h
 *	  Whether a project may ask at all: its signature, the clock, how often, and
 *	  not the same twice.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_LIMIT_H
#define GATE_LIMIT_H

#include "gate/quest.h"

/*
 * Project, signature, clock, the rate, the salt: what every quest but the
 * framework's own needs.  *pid becomes the project.  False: the quest has
 * failed.  A quest that is run again, as its transaction failed, isn't counted
 * again.
 */
extern bool gate_limit_check(GateQuest *quest, const msgpack_object *map, int64 *pid);

#endif /* GATE_LIMIT_H */
