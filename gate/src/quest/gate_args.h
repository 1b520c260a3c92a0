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

/* The parameters of any method; those that it has are filled. */
typedef struct GateArgs
{
	int64			 pid;
	GateConversation conversation;
	bool			 any_id;  /* gid or rid isn't there: all of them */
	GateMessage		 message; /* from, to, mid, mtype, msg, attrs */
	int64			 uid;
	GateIds			 tos;
	GateIds			 uids; /* members */
	int64			 seconds;
	int64			 type; /* getmsgnum */
	int64			 xid;
	GatePage		 page;

	int64				  ints[RTM_MAX_PARAMS]; /* every integer, by its place in the row */
	const msgpack_object *map;					/* all of them, as they came */

	/* listening: by GateSource (and the rooms of getroomcount) */
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

/* Any integer, by its name on the wire; 0 when it isn't there. */
extern int64 gate_args_value(const GateArgs *args, const RtmMethod *method, const char *key);

#endif /* GATE_ARGS_H */
