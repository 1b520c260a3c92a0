/*-------------------------------------------------------------------------
 *
 * conversation.h
 *	  Which conversation a quest belongs to: one way for whoever packs a quest,
 *	  queues one, or is asked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CONVERSATION_H
#define FPNN_CONVERSATION_H

#include "fpnn/catalog.h"

/*
 * A conversation.  type is RTM_NO_CONVERSATION when there is none.  A pair of
 * users is {smaller uid, greater uid}; a group or a room is {gid or rid, 0}; the
 * broadcast channel {0, 0}.  A message to several users is in the conversations
 * of its sender with each: then b is RTM_SEVERAL, and a the sender.
 */
typedef struct RtmConversationKey
{
	RtmConversation type;
	int64_t			a;
	int64_t			b;
} RtmConversationKey;

#define RTM_SEVERAL (-1)

/* The value of a quest's parameter, by its name on the wire; false: it has no such integer. */
typedef bool (*RtmFindInt)(const void *quest, const char *wire, int64_t *value);

/* The key of two users, in either order. */
extern RtmConversationKey rtm_pair_key(int64_t uid, int64_t ouid);

/*
 * The conversation of a quest of that row, whose parameters find() tells.  A
 * parameter that isn't there, or is a list, counts as 0, or RTM_SEVERAL as the
 * other one of a pair.
 */
extern RtmConversationKey rtm_conversation_key(const RtmMethod *method, RtmFindInt find,
											   const void *quest);

/*
 * The same for a quest with any method's name, by what its parameters are
 * called.  It has none when they don't say which.
 */
extern RtmConversationKey rtm_conversation_of_any(const char *method, RtmFindInt find,
												  const void *quest);

#endif /* FPNN_CONVERSATION_H */
