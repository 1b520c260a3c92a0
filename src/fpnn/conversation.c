/*-------------------------------------------------------------------------
 *
 * conversation.c
 *	  Which conversation a quest belongs to.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/conversation.h"

static RtmConversationKey
make_key(RtmConversation type, int64_t a, int64_t b)
{
	RtmConversationKey key = {.type = type, .a = a, .b = b};

	return key;
}

RtmConversationKey
rtm_pair_key(int64_t uid, int64_t ouid)
{
	return uid < ouid ? make_key(RTM_P2P, uid, ouid) : make_key(RTM_P2P, ouid, uid);
}

/* False when the row says that there is such a parameter, and there is none. */
static bool
find_part(const char *wire, RtmFindInt find, const void *quest, int64_t *value)
{
	*value = 0;
	return wire == NULL || find(quest, wire, value);
}

/* A quest that names the conversation by a type and an id, as delmsg does. */
static RtmConversationKey
key_of_type(RtmFindInt find, const void *quest)
{
	int64_t type = RTM_NO_CONVERSATION;
	int64_t xid = 0;
	int64_t from;

	if (!find(quest, "type", &type) || !find(quest, "xid", &xid))
		return make_key(RTM_NO_CONVERSATION, 0, 0);
	switch (type)
	{
		case RTM_P2P:
			return find(quest, "from", &from) ? rtm_pair_key(from, xid)
											  : make_key(RTM_NO_CONVERSATION, 0, 0);
		case RTM_GROUP:
		case RTM_ROOM:
			return make_key((RtmConversation) type, xid, 0);
		case RTM_BROADCAST:
			return make_key(RTM_BROADCAST, 0, 0);
	}
	return make_key(RTM_NO_CONVERSATION, 0, 0);
}

RtmConversationKey
rtm_conversation_key(const RtmMethod *method, RtmFindInt find, const void *quest)
{
	int64_t a;
	int64_t b;
	bool	one;

	if (method->by_type)
		return key_of_type(find, quest);
	(void) find_part(method->key_a, find, quest, &a);
	one = find_part(method->key_b, find, quest, &b);
	if (method->conversation != RTM_P2P)
		return make_key(method->conversation, a, b);
	return one ? rtm_pair_key(a, b) : make_key(RTM_P2P, a, RTM_SEVERAL);
}

/*
 * The names are those of all methods of the vendor's server SDKs.  Of a list (of
 * recipients, of users who come into a group) find() knows nothing.
 */
RtmConversationKey
rtm_conversation_of_any(const char *method, RtmFindInt find, const void *quest)
{
	const RtmMethod *row = rtm_method_by_wire(method, RTM_NO_CONVERSATION);
	int64_t			 a;
	int64_t			 b;

	if (row && row->conversation == RTM_BROADCAST && !row->has_type)
		return make_key(RTM_BROADCAST, 0, 0);
	if (find(quest, "gid", &a))
		return make_key(RTM_GROUP, a, 0);
	if (find(quest, "rid", &a))
		return make_key(RTM_ROOM, a, 0);
	if (find(quest, "from", &a) && find(quest, "to", &b))
		return rtm_pair_key(a, b);
	if (find(quest, "from", &a) && find(quest, "xid", &b))
		return key_of_type(find, quest);
	if (find(quest, "uid", &a) && find(quest, "ouid", &b))
		return rtm_pair_key(a, b);
	return make_key(RTM_NO_CONVERSATION, 0, 0);
}
