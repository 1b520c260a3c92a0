/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The rows of the method catalogue, and the traits of kinds and parameters.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/catalog.h"

#include <string.h>

const RtmKindTraits rtm_kinds[RTM_NUM_KINDS] = {
	[RTM_KIND_SEND] = {"send", RTM_KEEP_MTIME, RTM_REPEAT_BY_MID, RTM_CODE_DUPLICATE_MID,
					   .fields = {{NULL, RTM_FIELD_MID}, {"mtime", RTM_FIELD_INT64}}},
	[RTM_KIND_HISTORY] = {"history", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS,
						  .row_type = "rtm_history_result",
						  .fields = {{"num", RTM_FIELD_INT32},
									 {"lastid", RTM_FIELD_INT64},
									 {"begin", RTM_FIELD_INT64},
									 {"end", RTM_FIELD_INT64},
									 {"msgs", RTM_FIELD_MESSAGES}}},
	[RTM_KIND_DELETE] = {"delete", RTM_KEEP_NOTHING, RTM_REPEAT_ALWAYS, RTM_CODE_NOT_FOUND},
	[RTM_KIND_INFO] = {"info", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS, .row_type = "rtm_message_info",
					   .fields = {{"id", RTM_FIELD_INT64},
								  {"mtype", RTM_FIELD_INT32},
								  {"msg", RTM_FIELD_TEXT},
								  {"attrs", RTM_FIELD_TEXT},
								  {"mtime", RTM_FIELD_INT64},
								  {"msg", RTM_FIELD_BINARY},
								  {"attrs", RTM_FIELD_BINARY}}},
	[RTM_KIND_COUNT] = {"count", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS,
						.fields = {{"sender", RTM_FIELD_INT32}, {"num", RTM_FIELD_INT32}}},
	[RTM_KIND_CHANGE] = {"change", RTM_KEEP_NOTHING, RTM_REPEAT_NEVER},
	[RTM_KIND_CHECK] = {"check", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS,
						.fields = {{"ok", RTM_FIELD_BOOL}}},
	[RTM_KIND_UIDS] = {"uids", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS,
					   .fields = {{"uids", RTM_FIELD_INTS}}},
	[RTM_KIND_GIDS] = {"gids", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS,
					   .fields = {{"gids", RTM_FIELD_INTS}}},
	[RTM_KIND_ROOM_COUNTS] = {"room counts", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS,
							  .fields = {{"cn", RTM_FIELD_JSON}}},
	[RTM_KIND_LISTEN] = {"listen", RTM_KEEP_NOTHING, RTM_REPEAT_ALWAYS},
	[RTM_KIND_ANY] = {"any", RTM_KEEP_ANSWER, RTM_REPEAT_NEVER,
					  .fields = {{NULL, RTM_FIELD_ANSWER}}},
};

/* Ids are from 0 up, and any int64; what no gate can know is refused here. */
#define NOT_NEGATIVE 0, INT64_MAX, RTM_CODE_INVALID_PARAM
#define AN_MTYPE	 RTM_MTYPE_MIN, RTM_MTYPE_MAX, RTM_CODE_INVALID_MTYPE

const RtmParamTraits rtm_param_types[RTM_NUM_PARAM_TYPES] = {
	[RTM_PARAM_UID] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, NOT_NEGATIVE},
	[RTM_PARAM_UIDS] = {"bigint[]", RTM_WIRE_INTS, RTM_NULL_REFUSED, NOT_NEGATIVE},
	[RTM_PARAM_ID] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, NOT_NEGATIVE},
	[RTM_PARAM_MTYPE] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, AN_MTYPE},
	[RTM_PARAM_MSG] = {"text", RTM_WIRE_TEXT, RTM_NULL_REFUSED},
	[RTM_PARAM_ATTRS] = {"text", RTM_WIRE_TEXT, RTM_NULL_DEFAULT},
	[RTM_PARAM_NEW_MID] = {"bigint", RTM_WIRE_INT, RTM_NULL_DEFAULT, NOT_NEGATIVE},
	[RTM_PARAM_MID] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, NOT_NEGATIVE},
	[RTM_PARAM_DESC] = {"boolean", RTM_WIRE_BOOL, RTM_NULL_REFUSED},
	[RTM_PARAM_NUM] = {"bigint", RTM_WIRE_INT, RTM_NULL_DEFAULT, 1, INT32_MAX,
					   RTM_CODE_INVALID_PARAM},
	[RTM_PARAM_CURSOR] = {"bigint", RTM_WIRE_INT, RTM_NULL_LEFT_OUT, NOT_NEGATIVE},
	[RTM_PARAM_MTYPES] = {"bigint[]", RTM_WIRE_INTS, RTM_NULL_LEFT_OUT, AN_MTYPE},
	[RTM_PARAM_TYPE] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, RTM_P2P, RTM_BROADCAST,
						RTM_CODE_INVALID_PARAM},
	[RTM_PARAM_ANY_ID] = {"bigint", RTM_WIRE_INT, RTM_NULL_LEFT_OUT, NOT_NEGATIVE},
	[RTM_PARAM_SECONDS] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, INT32_MIN, INT32_MAX,
						   RTM_CODE_INVALID_PARAM},
	[RTM_PARAM_IDS] = {"bigint[]", RTM_WIRE_INTS, RTM_NULL_LEFT_OUT, NOT_NEGATIVE},
	[RTM_PARAM_EVENTS] = {"text[]", RTM_WIRE_TEXTS, RTM_NULL_LEFT_OUT},
	[RTM_PARAM_FLAG] = {"boolean", RTM_WIRE_BOOL, RTM_NULL_LEFT_OUT},
};

/* ---- methods: the arguments that rows of one kind have in common ---- */
/* clang-format off */
#define P_MTYPE {"mtype", "mtype", RTM_PARAM_MTYPE}
#define P_FROM {"from_uid", "from", RTM_PARAM_UID}
#define P_UID {"uid", "uid", RTM_PARAM_UID}
#define P_UIDS {"uids", "uids", RTM_PARAM_UIDS}
#define P_GID {"gid", "gid", RTM_PARAM_ID}
#define P_RID {"rid", "rid", RTM_PARAM_ID}
#define P_MID {"mid", "mid", RTM_PARAM_MID}
#define P_BTIME {"btime", "btime", RTM_PARAM_SECONDS}
#define P_BODY \
	{"msg", "msg", RTM_PARAM_MSG}, {"attrs", "attrs", RTM_PARAM_ATTRS}, \
	{"mid", "mid", RTM_PARAM_NEW_MID}
#define P_PAGING \
	{"descending", "desc", RTM_PARAM_DESC}, {"num", "num", RTM_PARAM_NUM}, \
	{"begin_time", "begin", RTM_PARAM_CURSOR}, {"end_time", "end", RTM_PARAM_CURSOR}, \
	{"lastid", "lastid", RTM_PARAM_CURSOR}, {"mtypes", "mtypes", RTM_PARAM_MTYPES}
#define P_LISTEN \
	{"gids", "gids", RTM_PARAM_IDS}, {"rids", "rids", RTM_PARAM_IDS}, \
	{"uids", "uids", RTM_PARAM_IDS}, {"events", "events", RTM_PARAM_EVENTS}
/* clang-format on */

const RtmMethod rtm_methods[RTM_NUM_METHODS] = {
	[RTM_SEND_MESSAGE] = {"send_message", "sendmsg", RTM_KIND_SEND, RTM_P2P, .key_a = "from",
						  .key_b = "to", .sql = true,
						  .params = {P_MTYPE, P_FROM, {"to_uid", "to", RTM_PARAM_UID}, P_BODY}},
	[RTM_SEND_MESSAGES] = {"send_messages", "sendmsgs", RTM_KIND_SEND, RTM_P2P, .key_a = "from",
						   .key_b = "tos", .sql = true,
						   .params = {P_MTYPE, P_FROM, {"to_uids", "tos", RTM_PARAM_UIDS}, P_BODY}},
	[RTM_SEND_GROUP_MESSAGE] = {"send_group_message", "sendgroupmsg", RTM_KIND_SEND, RTM_GROUP,
								.key_a = "gid", .sql = true,
								.params = {P_MTYPE, P_FROM, P_GID, P_BODY}},
	[RTM_SEND_ROOM_MESSAGE] = {"send_room_message", "sendroommsg", RTM_KIND_SEND, RTM_ROOM,
							   .key_a = "rid", .sql = true,
							   .params = {P_MTYPE, P_FROM, P_RID, P_BODY}},
	[RTM_BROADCAST_MESSAGE] = {"broadcast_message", "broadcastmsg", RTM_KIND_SEND, RTM_BROADCAST,
							   .sql = true, .params = {P_MTYPE, P_FROM, P_BODY}},
	[RTM_GET_GROUP_MESSAGE] = {"get_group_message", "getgroupmsg", RTM_KIND_HISTORY, RTM_GROUP,
							   .key_a = "gid", .sql = true, .params = {P_UID, P_GID, P_PAGING}},
	[RTM_GET_ROOM_MESSAGE] = {"get_room_message", "getroommsg", RTM_KIND_HISTORY, RTM_ROOM,
							  .key_a = "rid", .sql = true, .params = {P_UID, P_RID, P_PAGING}},
	[RTM_GET_BROADCAST_MESSAGE] = {"get_broadcast_message", "getbroadcastmsg", RTM_KIND_HISTORY,
								   RTM_BROADCAST, .sql = true, .params = {P_UID, P_PAGING}},
	[RTM_GET_P2P_MESSAGE] = {"get_p2p_message", "getp2pmsg", RTM_KIND_HISTORY, RTM_P2P,
							 .key_a = "uid", .key_b = "ouid", .sql = true,
							 .params = {P_UID, {"ouid", "ouid", RTM_PARAM_UID}, P_PAGING}},
	[RTM_DELETE_P2P_MESSAGE] = {"delete_p2p_message", "delmsg", RTM_KIND_DELETE, RTM_P2P,
								.key_a = "from", .key_b = "xid", .sql = true, .has_type = true,
								.params = {P_MID, P_FROM, {"to_uid", "xid", RTM_PARAM_UID}}},
	[RTM_DELETE_GROUP_MESSAGE] = {"delete_group_message", "delmsg", RTM_KIND_DELETE, RTM_GROUP,
								  .key_a = "xid", .sql = true, .has_type = true,
								  .params = {P_MID, P_FROM, {"gid", "xid", RTM_PARAM_ID}}},
	[RTM_DELETE_ROOM_MESSAGE] = {"delete_room_message", "delmsg", RTM_KIND_DELETE, RTM_ROOM,
								 .key_a = "xid", .sql = true, .has_type = true,
								 .params = {P_MID, P_FROM, {"rid", "xid", RTM_PARAM_ID}}},
	[RTM_DELETE_BROADCAST_MESSAGE] = {"delete_broadcast_message", "delmsg", RTM_KIND_DELETE,
									  RTM_BROADCAST, .sql = true, .has_type = true,
									  .xid_zero = true, .params = {P_MID, P_FROM}},
	[RTM_GET_P2P_MESSAGE_INFO] = {"get_p2p_message_info", "getmsg", RTM_KIND_INFO, RTM_P2P,
								  .key_a = "from", .key_b = "xid", .sql = true, .has_type = true,
								  .params = {P_MID, P_FROM, {"to_uid", "xid", RTM_PARAM_UID}}},
	[RTM_GET_GROUP_MESSAGE_INFO] = {"get_group_message_info", "getmsg", RTM_KIND_INFO, RTM_GROUP,
									.key_a = "xid", .sql = true, .has_type = true,
									.params = {P_MID, P_FROM, {"gid", "xid", RTM_PARAM_ID}}},
	[RTM_GET_ROOM_MESSAGE_INFO] = {"get_room_message_info", "getmsg", RTM_KIND_INFO, RTM_ROOM,
								   .key_a = "xid", .sql = true, .has_type = true,
								   .params = {P_MID, P_FROM, {"rid", "xid", RTM_PARAM_ID}}},
	[RTM_GET_BROADCAST_MESSAGE_INFO] = {"get_broadcast_message_info", "getmsg", RTM_KIND_INFO,
										RTM_BROADCAST, .sql = true, .has_type = true,
										.xid_zero = true, .params = {P_MID, P_FROM}},

	/* the type and id of a conversation; of P2P, a user's */
	[RTM_GET_MESSAGE_NUM] = {"get_message_num", "getmsgnum", RTM_KIND_COUNT, RTM_NO_CONVERSATION,
							 .params = {{"message_type", "type", RTM_PARAM_TYPE},
										{"xid", "xid", RTM_PARAM_ID},
										{"mtypes", "mtypes", RTM_PARAM_MTYPES},
										{"begin_time", "begin", RTM_PARAM_CURSOR},
										{"end_time", "end", RTM_PARAM_CURSOR}}},
	[RTM_ADD_GROUP_MEMBERS] = {"add_group_members", "addgroupmembers", RTM_KIND_CHANGE, RTM_GROUP,
							   .key_a = "gid", .params = {P_GID, P_UIDS}},
	[RTM_DELETE_GROUP_MEMBERS] = {"delete_group_members", "delgroupmembers", RTM_KIND_CHANGE,
								  RTM_GROUP, .key_a = "gid", .params = {P_GID, P_UIDS}},
	[RTM_DELETE_GROUP] = {"delete_group", "delgroup", RTM_KIND_CHANGE, RTM_GROUP, .key_a = "gid",
						  .params = {P_GID}},
	[RTM_GET_GROUP_MEMBERS] = {"get_group_members", "getgroupmembers", RTM_KIND_UIDS, RTM_GROUP,
							   .key_a = "gid", .params = {P_GID}},
	[RTM_IS_GROUP_MEMBER] = {"is_group_member", "isgroupmember", RTM_KIND_CHECK, RTM_GROUP,
							 .key_a = "gid", .params = {P_GID, P_UID}},
	[RTM_GET_USER_GROUPS] = {"get_user_groups", "getusergroups", RTM_KIND_GIDS, RTM_NO_CONVERSATION,
							 .params = {P_UID}},
	[RTM_ADD_GROUP_BAN] = {"add_group_ban", "addgroupban", RTM_KIND_CHANGE, RTM_GROUP,
						   .key_a = "gid",
						   .params = {{"gid", "gid", RTM_PARAM_ANY_ID}, P_UID, P_BTIME}},
	[RTM_REMOVE_GROUP_BAN] = {"remove_group_ban", "removegroupban", RTM_KIND_CHANGE, RTM_GROUP,
							  .key_a = "gid", .params = {{"gid", "gid", RTM_PARAM_ANY_ID}, P_UID}},
	[RTM_IS_BAN_OF_GROUP] = {"is_ban_of_group", "isbanofgroup", RTM_KIND_CHECK, RTM_GROUP,
							 .key_a = "gid", .params = {P_GID, P_UID}},
	[RTM_ADD_ROOM_MEMBER] = {"add_room_member", "addroommember", RTM_KIND_CHANGE, RTM_ROOM,
							 .key_a = "rid", .params = {P_RID, P_UID}},
	[RTM_DELETE_ROOM_MEMBER] = {"delete_room_member", "delroommember", RTM_KIND_CHANGE, RTM_ROOM,
								.key_a = "rid", .params = {P_RID, P_UID}},
	[RTM_GET_ROOM_MEMBERS] = {"get_room_members", "getroommembers", RTM_KIND_UIDS, RTM_ROOM,
							  .key_a = "rid", .params = {P_RID}},

	/* SDKs send rids; the C++ one sends one rid */
	[RTM_GET_ROOM_COUNT] = {"get_room_count", "getroomcount", RTM_KIND_ROOM_COUNTS, RTM_ROOM,
							.key_a = "rid",
							.params = {{"rids", "rids", RTM_PARAM_IDS},
									   {"rid", "rid", RTM_PARAM_ANY_ID}}},
	[RTM_ADD_ROOM_BAN] = {"add_room_ban", "addroomban", RTM_KIND_CHANGE, RTM_ROOM, .key_a = "rid",
						  .params = {{"rid", "rid", RTM_PARAM_ANY_ID}, P_UID, P_BTIME}},
	[RTM_REMOVE_ROOM_BAN] = {"remove_room_ban", "removeroomban", RTM_KIND_CHANGE, RTM_ROOM,
							 .key_a = "rid", .params = {{"rid", "rid", RTM_PARAM_ANY_ID}, P_UID}},
	[RTM_IS_BAN_OF_ROOM] = {"is_ban_of_room", "isbanofroom", RTM_KIND_CHECK, RTM_ROOM,
							.key_a = "rid", .params = {P_RID, P_UID}},
	[RTM_ADD_PROJECT_BLACK] = {"add_project_black", "addprojectblack", RTM_KIND_CHANGE,
							   RTM_NO_CONVERSATION, .params = {P_UID, P_BTIME}},
	[RTM_REMOVE_PROJECT_BLACK] = {"remove_project_black", "removeprojectblack", RTM_KIND_CHANGE,
								  RTM_NO_CONVERSATION, .params = {P_UID}},
	[RTM_IS_PROJECT_BLACK] = {"is_project_black", "isprojectblack", RTM_KIND_CHECK,
							  RTM_NO_CONVERSATION, .params = {P_UID}},
	[RTM_ADD_LISTEN] = {"add_listen", "addlisten", RTM_KIND_LISTEN, RTM_NO_CONVERSATION,
						.params = {P_LISTEN}},
	[RTM_REMOVE_LISTEN] = {"remove_listen", "removelisten", RTM_KIND_LISTEN, RTM_NO_CONVERSATION,
						   .params = {P_LISTEN}},
	[RTM_SET_LISTEN] = {"set_listen", "setlisten", RTM_KIND_LISTEN, RTM_NO_CONVERSATION,
						.params = {P_LISTEN,
								   {"p2p", "p2p", RTM_PARAM_FLAG},
								   {"group", "group", RTM_PARAM_FLAG},
								   {"room", "room", RTM_PARAM_FLAG},
								   {"ev", "ev", RTM_PARAM_FLAG}}},
};

const char *
rtm_conversation_name(RtmConversation conversation)
{
	switch (conversation)
	{
		case RTM_P2P:
			return "p2p";
		case RTM_GROUP:
			return "group";
		case RTM_ROOM:
			return "room";
		case RTM_BROADCAST:
			return "broadcast";
		case RTM_NO_CONVERSATION:
			break;
	}
	return NULL;
}

const RtmMethod *
rtm_method_by_call(const char *call, size_t len)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
		if (strlen(rtm_methods[i].call) == len && memcmp(rtm_methods[i].call, call, len) == 0)
			return &rtm_methods[i];
	return NULL;
}

const RtmMethod *
rtm_method_by_wire(const char *method, RtmConversation type)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *row = &rtm_methods[i];

		if (strcmp(row->method, method) == 0 &&
			(!row->has_type || type == RTM_NO_CONVERSATION || row->conversation == type))
			return row;
	}
	return NULL;
}

const RtmMethod *
rtm_method_of(RtmKind kind, RtmConversation conversation)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
		if (rtm_methods[i].kind == kind && rtm_methods[i].conversation == conversation)
			return &rtm_methods[i];
	return NULL;
}

const RtmKindTraits *
rtm_method_traits(const RtmMethod *method)
{
	return &rtm_kinds[method ? method->kind : RTM_KIND_ANY];
}

bool
rtm_method_repeatable(const RtmMethod *method, bool own_mid)
{
	RtmRepeat repeat = rtm_method_traits(method)->repeat;

	if (method && method->repeat != RTM_REPEAT_AS_KIND)
		repeat = method->repeat;
	switch (repeat)
	{
		case RTM_REPEAT_ALWAYS:
			return true;
		case RTM_REPEAT_BY_MID:
			return own_mid;
		case RTM_REPEAT_NEVER:
		case RTM_REPEAT_AS_KIND:
			break;
	}
	return false;
}

int
rtm_method_nparams(const RtmMethod *method)
{
	int n = 0;

	while (method->params[n].type != RTM_PARAM_END)
		n++;
	return n;
}
