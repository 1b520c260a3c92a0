/*-------------------------------------------------------------------------
 *
 * gate_args.h
 *	  The parameters of a quest, read as the catalogue describes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_ARGS_H
#define GATE_ARGS_H

#include "quest/quest.h"

/* A list; there is false when the quest doesn't have it. */
typedef struct GateIds
{
	int64 *ids;
	int	   n;
	bool   there;
} GateIds;

/* The parameters of any method; those that it has are filled, where a handler wants them. */
typedef struct GateArgs
{
	int64			 pid;
	GateConversation conversation;
	GateMessage		 message; /* from, to, mid, mtype, msg, attrs */
	int64			 uid;
	GateIds			 tos;
	GateIds			 uids; /* members */
	int64			 type; /* getmsgnum */
	int64			 xid;
	GatePage		 page;

	const msgpack_object *map; /* all of them, as they came */

	/* listening: by GateSource */
	GateIds listen[GATE_SOURCES];
	bool	flags[GATE_SOURCES];
	bool	has_events;
	bool	has_flags; /* any of p2p, group, room, ev */
} GateArgs;

/* Is the key there?  nil counts as absent, as some SDKs send it. */
extern bool gate_args_has(const msgpack_object *map, const char *key);

/* False: the quest has failed. */
extern bool gate_args_read(GateQuest *quest, const msgpack_object *map, const RtmMethod *method,
						   GateArgs *args);

/* One parameter of a quest; false: the quest has failed. */
extern bool gate_args_int(GateQuest *quest, const msgpack_object *map, const char *key,
						  int64 *value);
extern bool gate_args_check(GateQuest *quest, const char *key, FpnnStatus status);

#endif /* GATE_ARGS_H */
