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
	[RTM_KIND_ASK] = {"ask", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS},
	[RTM_KIND_CHANGE] = {"change", RTM_KEEP_NOTHING, RTM_REPEAT_ALWAYS},
	[RTM_KIND_ONCE] = {"once", RTM_KEEP_NOTHING, RTM_REPEAT_NEVER},
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
	[RTM_PARAM_CHOICE] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, 0, 4, RTM_CODE_INVALID_PARAM},
	[RTM_PARAM_OPTION_TYPE] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, 0, 1,
							   RTM_CODE_INVALID_PARAM},
	[RTM_PARAM_ANY_ID] = {"bigint", RTM_WIRE_INT, RTM_NULL_LEFT_OUT, NOT_NEGATIVE},
	[RTM_PARAM_SECONDS] = {"bigint", RTM_WIRE_INT, RTM_NULL_REFUSED, 0, INT32_MAX,
						   RTM_CODE_INVALID_PARAM},
	[RTM_PARAM_IDS] = {"bigint[]", RTM_WIRE_INTS, RTM_NULL_LEFT_OUT, NOT_NEGATIVE},
	[RTM_PARAM_EVENTS] = {"text[]", RTM_WIRE_TEXTS, RTM_NULL_LEFT_OUT},
	[RTM_PARAM_TEXT] = {"text", RTM_WIRE_TEXT, RTM_NULL_REFUSED},
	[RTM_PARAM_SOME_TEXT] = {"text", RTM_WIRE_TEXT, RTM_NULL_LEFT_OUT},
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
#define P_RIDS {"rids", "rids", RTM_PARAM_UIDS}
#define P_XID {"xid", "xid", RTM_PARAM_ID}
#define P_TYPE {"message_type", "type", RTM_PARAM_TYPE}
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
#define P_PROFILE \
	{"oinfo", "oinfo", RTM_PARAM_SOME_TEXT}, {"pinfo", "pinfo", RTM_PARAM_SOME_TEXT}
#define F_OK {{"ok", RTM_FIELD_BOOL}}
#define F_IDS(key) {{key, RTM_FIELD_INTS}}
#define F_PROFILE {{"oinfo", RTM_FIELD_TEXT}, {"pinfo", RTM_FIELD_TEXT}}
#define F_CHECKED {{"result", RTM_FIELD_INT32}, {"tags", RTM_FIELD_INTS, true}}
/* clang-format on */

const RtmMethod rtm_methods[RTM_NUM_METHODS] = {
	[RTM_SEND_MESSAGE] = {"send_message", "sendmsg", RTM_KIND_SEND, RTM_P2P, .key_a = "from",
						  .key_b = "to",
						  .params = {P_MTYPE, P_FROM, {"to_uid", "to", RTM_PARAM_UID}, P_BODY}},
	[RTM_SEND_MESSAGES] = {"send_messages", "sendmsgs", RTM_KIND_SEND, RTM_P2P, .key_a = "from",
						   .key_b = "tos",
						   .params = {P_MTYPE, P_FROM, {"to_uids", "tos", RTM_PARAM_UIDS}, P_BODY}},
	[RTM_SEND_GROUP_MESSAGE] = {"send_group_message", "sendgroupmsg", RTM_KIND_SEND, RTM_GROUP,
								.key_a = "gid", .params = {P_MTYPE, P_FROM, P_GID, P_BODY}},
	[RTM_SEND_ROOM_MESSAGE] = {"send_room_message", "sendroommsg", RTM_KIND_SEND, RTM_ROOM,
							   .key_a = "rid", .params = {P_MTYPE, P_FROM, P_RID, P_BODY}},
	[RTM_BROADCAST_MESSAGE] = {"broadcast_message", "broadcastmsg", RTM_KIND_SEND, RTM_BROADCAST,
							   .params = {P_MTYPE, P_FROM, P_BODY}},
	[RTM_GET_GROUP_MESSAGE] = {"get_group_message", "getgroupmsg", RTM_KIND_HISTORY, RTM_GROUP,
							   .key_a = "gid", .params = {P_UID, P_GID, P_PAGING}},
	[RTM_GET_ROOM_MESSAGE] = {"get_room_message", "getroommsg", RTM_KIND_HISTORY, RTM_ROOM,
							  .key_a = "rid", .params = {P_UID, P_RID, P_PAGING}},
	[RTM_GET_BROADCAST_MESSAGE] = {"get_broadcast_message", "getbroadcastmsg", RTM_KIND_HISTORY,
								   RTM_BROADCAST, .params = {P_UID, P_PAGING}},
	[RTM_GET_P2P_MESSAGE] = {"get_p2p_message", "getp2pmsg", RTM_KIND_HISTORY, RTM_P2P,
							 .key_a = "uid", .key_b = "ouid",
							 .params = {P_UID, {"ouid", "ouid", RTM_PARAM_UID}, P_PAGING}},
	[RTM_DELETE_P2P_MESSAGE] = {"delete_p2p_message", "delmsg", RTM_KIND_DELETE, RTM_P2P,
								.key_a = "from", .key_b = "xid", .has_type = true,
								.params = {P_MID, P_FROM, {"to_uid", "xid", RTM_PARAM_UID}}},
	[RTM_DELETE_GROUP_MESSAGE] = {"delete_group_message", "delmsg", RTM_KIND_DELETE, RTM_GROUP,
								  .key_a = "xid", .has_type = true,
								  .params = {P_MID, P_FROM, {"gid", "xid", RTM_PARAM_ID}}},
	[RTM_DELETE_ROOM_MESSAGE] = {"delete_room_message", "delmsg", RTM_KIND_DELETE, RTM_ROOM,
								 .key_a = "xid", .has_type = true,
								 .params = {P_MID, P_FROM, {"rid", "xid", RTM_PARAM_ID}}},
	[RTM_DELETE_BROADCAST_MESSAGE] = {"delete_broadcast_message", "delmsg", RTM_KIND_DELETE,
									  RTM_BROADCAST, .has_type = true, .xid_zero = true,
									  .params = {P_MID, P_FROM}},
	[RTM_GET_P2P_MESSAGE_INFO] = {"get_p2p_message_info", "getmsg", RTM_KIND_INFO, RTM_P2P,
								  .key_a = "from", .key_b = "xid", .has_type = true,
								  .params = {P_MID, P_FROM, {"to_uid", "xid", RTM_PARAM_UID}}},
	[RTM_GET_GROUP_MESSAGE_INFO] = {"get_group_message_info", "getmsg", RTM_KIND_INFO, RTM_GROUP,
									.key_a = "xid", .has_type = true,
									.params = {P_MID, P_FROM, {"gid", "xid", RTM_PARAM_ID}}},
	[RTM_GET_ROOM_MESSAGE_INFO] = {"get_room_message_info", "getmsg", RTM_KIND_INFO, RTM_ROOM,
								   .key_a = "xid", .has_type = true,
								   .params = {P_MID, P_FROM, {"rid", "xid", RTM_PARAM_ID}}},
	[RTM_GET_BROADCAST_MESSAGE_INFO] = {"get_broadcast_message_info", "getmsg", RTM_KIND_INFO,
										RTM_BROADCAST, .has_type = true, .xid_zero = true,
										.params = {P_MID, P_FROM}},

	/* xid: the group or room; the types are those of conversations */
	[RTM_GET_MESSAGE_NUM] = {"get_message_num", "getmsgnum", RTM_KIND_ASK, RTM_NO_CONVERSATION,
							 .by_type = true,
							 .params = {P_TYPE,
										P_XID,
										{"mtypes", "mtypes", RTM_PARAM_MTYPES},
										{"begin_time", "begin", RTM_PARAM_CURSOR},
										{"end_time", "end", RTM_PARAM_CURSOR}},
							 .fields = {{"sender", RTM_FIELD_INT32}, {"num", RTM_FIELD_INT32}}},
	[RTM_EDIT_MESSAGE] = {"edit_message", "editmsg", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						  .by_type = true,
						  .params = {P_MID,
									 P_FROM,
									 P_XID,
									 P_TYPE,
									 {"msg", "msg", RTM_PARAM_MSG},
									 {"attrs", "attrs", RTM_PARAM_ATTRS},
									 {"time_limit", "timeLimit", RTM_PARAM_ID}}},
	[RTM_CLEAN_MESSAGE] = {"clean_message", "cleanmsg", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						   .by_type = true,
						   .params = {P_FROM,
									  P_XID,
									  P_TYPE,
									  {"begin_time", "begin", RTM_PARAM_ID},
									  {"end_time", "end", RTM_PARAM_ID}}},
	[RTM_DELETE_CONVERSATION_MESSAGES] = {"delete_conversation_messages", "delconversationmsgs",
										  RTM_KIND_ONCE, RTM_NO_CONVERSATION, .by_type = true,
										  .params = {P_FROM, P_XID, P_TYPE}},
	[RTM_CLEAR_USER_MESSAGES] = {"clear_user_messages", "clearusermsg", RTM_KIND_ONCE,
								 RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID}},
	/* 0 p2p, 1 room, 2 group, 3 broadcast, 4 all: another order than everywhere else */
	[RTM_CLEAR_PROJECT_MESSAGES] = {"clear_project_messages", "clearprojectmsg", RTM_KIND_ONCE,
									RTM_NO_CONVERSATION,
									.params = {{"clear_type", "type", RTM_PARAM_CHOICE}}},
	[RTM_GET_TOKEN] = {"get_token", "gettoken", RTM_KIND_ASK, RTM_NO_CONVERSATION, .key_a = "uid",
					   .params = {P_UID}, .fields = {{"token", RTM_FIELD_TEXT}}},
	[RTM_REMOVE_TOKEN] = {"remove_token", "removetoken", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						  .key_a = "uid", .params = {P_UID}},
	[RTM_KICKOUT] = {"kickout", "kickout", RTM_KIND_ONCE, RTM_NO_CONVERSATION, .key_a = "uid",
					 .params = {P_UID}},
	[RTM_GET_ONLINE_USERS] = {"get_online_users", "getonlineusers", RTM_KIND_ASK,
							  RTM_NO_CONVERSATION, .params = {P_UIDS}, .fields = F_IDS("uids")},
	[RTM_SET_USER_INFO] = {"set_user_info", "setuserinfo", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						   .key_a = "uid", .params = {P_UID, P_PROFILE}},
	[RTM_GET_USER_INFO] = {"get_user_info", "getuserinfo", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						   .key_a = "uid", .params = {P_UID}, .fields = F_PROFILE},
	[RTM_GET_USER_OPEN_INFO] = {"get_user_open_info", "getuseropeninfo", RTM_KIND_ASK,
								RTM_NO_CONVERSATION, .params = {P_UIDS},
								.fields = {{"info", RTM_FIELD_JSON}}},
	[RTM_ADD_SESSIONS] = {"add_sessions", "addsessions", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						  .key_a = "uid", .params = {P_UID, P_UIDS}},
	[RTM_REMOVE_SESSIONS] = {"remove_sessions", "removesessions", RTM_KIND_CHANGE,
							 RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID, P_UIDS}},
	[RTM_ADD_PROJECT_BLACK] = {"add_project_black", "addprojectblack", RTM_KIND_CHANGE,
							   RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID, P_BTIME}},
	[RTM_REMOVE_PROJECT_BLACK] = {"remove_project_black", "removeprojectblack", RTM_KIND_CHANGE,
								  RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID}},
	[RTM_IS_PROJECT_BLACK] = {"is_project_black", "isprojectblack", RTM_KIND_ASK,
							  RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID},
							  .fields = F_OK},
	[RTM_ADD_PROJECT_BAN] = {"add_project_ban", "addprojectban", RTM_KIND_CHANGE,
							 RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID, P_BTIME}},
	[RTM_REMOVE_PROJECT_BAN] = {"remove_project_ban", "removeprojectban", RTM_KIND_CHANGE,
								RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID}},
	[RTM_IS_PROJECT_BAN] = {"is_project_ban", "isprojectban", RTM_KIND_ASK, RTM_NO_CONVERSATION,
							.key_a = "uid", .params = {P_UID}, .fields = F_OK},
	[RTM_ADD_FRIENDS] = {"add_friends", "addfriends", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						 .key_a = "uid", .params = {P_UID, {"friends", "friends", RTM_PARAM_UIDS}}},
	[RTM_DELETE_FRIENDS] = {"delete_friends", "delfriends", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
							.key_a = "uid",
							.params = {P_UID, {"friends", "friends", RTM_PARAM_UIDS}}},
	[RTM_GET_FRIENDS] = {"get_friends", "getfriends", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						 .key_a = "uid", .params = {P_UID}, .fields = F_IDS("uids")},
	[RTM_IS_FRIEND] = {"is_friend", "isfriend", RTM_KIND_ASK, RTM_NO_CONVERSATION, .key_a = "uid",
					   .params = {P_UID, {"fuid", "fuid", RTM_PARAM_UID}}, .fields = F_OK},
	[RTM_IS_FRIENDS] = {"is_friends", "isfriends", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						.key_a = "uid", .params = {P_UID, {"fuids", "fuids", RTM_PARAM_UIDS}},
						.fields = F_IDS("fuids")},
	[RTM_ADD_BLACKS] = {"add_blacks", "addblacks", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						.key_a = "uid", .params = {P_UID, {"blacks", "blacks", RTM_PARAM_UIDS}}},
	[RTM_DELETE_BLACKS] = {"delete_blacks", "delblacks", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						   .key_a = "uid", .params = {P_UID, {"blacks", "blacks", RTM_PARAM_UIDS}}},
	[RTM_GET_BLACKS] = {"get_blacks", "getblacks", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						.key_a = "uid", .params = {P_UID}, .fields = F_IDS("uids")},
	[RTM_IS_BLACK] = {"is_black", "isblack", RTM_KIND_ASK, RTM_NO_CONVERSATION, .key_a = "uid",
					  .params = {P_UID, {"buid", "buid", RTM_PARAM_UID}}, .fields = F_OK},
	[RTM_IS_BLACKS] = {"is_blacks", "isblacks", RTM_KIND_ASK, RTM_NO_CONVERSATION, .key_a = "uid",
					   .params = {P_UID, {"buids", "buids", RTM_PARAM_UIDS}},
					   .fields = F_IDS("buids")},
	[RTM_ADD_GROUP_MEMBERS] = {"add_group_members", "addgroupmembers", RTM_KIND_CHANGE, RTM_GROUP,
							   .key_a = "gid", .params = {P_GID, P_UIDS}},
	[RTM_DELETE_GROUP_MEMBERS] = {"delete_group_members", "delgroupmembers", RTM_KIND_CHANGE,
								  RTM_GROUP, .key_a = "gid", .params = {P_GID, P_UIDS}},
	[RTM_DELETE_GROUP] = {"delete_group", "delgroup", RTM_KIND_CHANGE, RTM_GROUP, .key_a = "gid",
						  .params = {P_GID}},
	[RTM_GET_GROUP_MEMBERS] = {"get_group_members", "getgroupmembers", RTM_KIND_ASK, RTM_GROUP,
							   .key_a = "gid", .params = {P_GID}, .fields = F_IDS("uids")},
	[RTM_GET_GROUP_COUNT] = {"get_group_count", "getgroupcount", RTM_KIND_ASK, RTM_GROUP,
							 .key_a = "gid", .params = {P_GID},
							 .fields = {{"cn", RTM_FIELD_INT32}}},
	[RTM_IS_GROUP_MEMBER] = {"is_group_member", "isgroupmember", RTM_KIND_ASK, RTM_GROUP,
							 .key_a = "gid", .params = {P_GID, P_UID}, .fields = F_OK},
	[RTM_GET_USER_GROUPS] = {"get_user_groups", "getusergroups", RTM_KIND_ASK, RTM_NO_CONVERSATION,
							 .key_a = "uid", .params = {P_UID}, .fields = F_IDS("gids")},
	[RTM_ADD_GROUP_BAN] = {"add_group_ban", "addgroupban", RTM_KIND_CHANGE, RTM_GROUP,
						   .key_a = "gid",
						   .params = {{"gid", "gid", RTM_PARAM_ANY_ID}, P_UID, P_BTIME}},
	[RTM_REMOVE_GROUP_BAN] = {"remove_group_ban", "removegroupban", RTM_KIND_CHANGE, RTM_GROUP,
							  .key_a = "gid", .params = {{"gid", "gid", RTM_PARAM_ANY_ID}, P_UID}},
	[RTM_IS_BAN_OF_GROUP] = {"is_ban_of_group", "isbanofgroup", RTM_KIND_ASK, RTM_GROUP,
							 .key_a = "gid", .params = {P_GID, P_UID}, .fields = F_OK},
	[RTM_SET_GROUP_INFO] = {"set_group_info", "setgroupinfo", RTM_KIND_CHANGE, RTM_GROUP,
							.key_a = "gid", .params = {P_GID, P_PROFILE}},
	[RTM_GET_GROUP_INFO] = {"get_group_info", "getgroupinfo", RTM_KIND_ASK, RTM_GROUP,
							.key_a = "gid", .params = {P_GID}, .fields = F_PROFILE},
	[RTM_CLEAR_PROJECT_GROUP] = {"clear_project_group", "clearprojectgroup", RTM_KIND_ONCE,
								 RTM_NO_CONVERSATION},
	[RTM_ADD_ROOM_MEMBER] = {"add_room_member", "addroommember", RTM_KIND_CHANGE, RTM_ROOM,
							 .key_a = "rid", .params = {P_RID, P_UID}},
	[RTM_DELETE_ROOM_MEMBER] = {"delete_room_member", "delroommember", RTM_KIND_CHANGE, RTM_ROOM,
								.key_a = "rid", .params = {P_RID, P_UID}},
	[RTM_ADD_ROOM_MEMBERS] = {"add_room_members", "addroommembers", RTM_KIND_ASK, RTM_ROOM,
							  .key_a = "rid", .params = {P_RID, P_UIDS},
							  .fields = F_IDS("successedUids")},
	[RTM_DELETE_ROOM_MEMBERS] = {"delete_room_members", "delroommembers", RTM_KIND_ASK, RTM_ROOM,
								 .key_a = "rid", .params = {P_RID, P_UIDS},
								 .fields = F_IDS("successedUids")},
	[RTM_ADD_USER_ROOMS] = {"add_user_rooms", "adduserrooms", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
							.key_a = "uid", .params = {P_UID, P_RIDS}},
	[RTM_DELETE_USER_ROOMS] = {"delete_user_rooms", "deleteuserrooms", RTM_KIND_CHANGE,
							   RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID, P_RIDS}},
	[RTM_GET_ROOM_MEMBERS] = {"get_room_members", "getroommembers", RTM_KIND_ASK, RTM_ROOM,
							  .key_a = "rid", .params = {P_RID}, .fields = F_IDS("uids")},
	[RTM_GET_ROOM_COUNT] = {"get_room_count", "getroomcount", RTM_KIND_ASK, RTM_NO_CONVERSATION,
							.params = {P_RIDS}, .fields = {{"cn", RTM_FIELD_JSON}}},
	[RTM_ADD_ROOM_BAN] = {"add_room_ban", "addroomban", RTM_KIND_CHANGE, RTM_ROOM, .key_a = "rid",
						  .params = {{"rid", "rid", RTM_PARAM_ANY_ID}, P_UID, P_BTIME}},
	[RTM_REMOVE_ROOM_BAN] = {"remove_room_ban", "removeroomban", RTM_KIND_CHANGE, RTM_ROOM,
							 .key_a = "rid", .params = {{"rid", "rid", RTM_PARAM_ANY_ID}, P_UID}},
	[RTM_IS_BAN_OF_ROOM] = {"is_ban_of_room", "isbanofroom", RTM_KIND_ASK, RTM_ROOM, .key_a = "rid",
							.params = {P_RID, P_UID}, .fields = F_OK},
	[RTM_SET_ROOM_INFO] = {"set_room_info", "setroominfo", RTM_KIND_CHANGE, RTM_ROOM,
						   .key_a = "rid", .params = {P_RID, P_PROFILE}},
	[RTM_GET_ROOM_INFO] = {"get_room_info", "getroominfo", RTM_KIND_ASK, RTM_ROOM, .key_a = "rid",
						   .params = {P_RID}, .fields = F_PROFILE},
	[RTM_DATA_SET] = {"data_set", "dataset", RTM_KIND_CHANGE, RTM_NO_CONVERSATION, .key_a = "uid",
					  .params = {P_UID,
								 {"key", "key", RTM_PARAM_TEXT},
								 {"val", "val", RTM_PARAM_TEXT}}},
	[RTM_DATA_GET] = {"data_get", "dataget", RTM_KIND_ASK, RTM_NO_CONVERSATION, .key_a = "uid",
					  .params = {P_UID, {"key", "key", RTM_PARAM_TEXT}},
					  .fields = {{"val", RTM_FIELD_TEXT, true}}},
	[RTM_DATA_DELETE] = {"data_delete", "datadel", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						 .key_a = "uid", .params = {P_UID, {"key", "key", RTM_PARAM_TEXT}}},
	[RTM_ADD_DEVICE] = {"add_device", "adddevice", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						.key_a = "uid",
						.params = {P_UID,
								   {"app_type", "apptype", RTM_PARAM_TEXT},
								   {"device_token", "devicetoken", RTM_PARAM_TEXT}}},
	[RTM_REMOVE_DEVICE] = {"remove_device", "removedevice", RTM_KIND_CHANGE, RTM_NO_CONVERSATION,
						   .key_a = "uid",
						   .params = {P_UID, {"device_token", "devicetoken", RTM_PARAM_TEXT}}},
	/* 0 p2p, 1 group: what isn't pushed */
	[RTM_ADD_DEVICE_PUSH_OPTION] = {"add_device_push_option", "addoption", RTM_KIND_CHANGE,
									RTM_NO_CONVERSATION, .key_a = "uid",
									.params = {P_UID,
											   {"option_type", "type", RTM_PARAM_OPTION_TYPE},
											   P_XID,
											   {"mtypes", "mtypes", RTM_PARAM_MTYPES}}},
	[RTM_REMOVE_DEVICE_PUSH_OPTION] = {"remove_device_push_option", "removeoption", RTM_KIND_CHANGE,
									   RTM_NO_CONVERSATION, .key_a = "uid",
									   .params = {P_UID,
												  {"option_type", "type", RTM_PARAM_OPTION_TYPE},
												  P_XID,
												  {"mtypes", "mtypes", RTM_PARAM_MTYPES}}},
	[RTM_GET_DEVICE_PUSH_OPTION] = {"get_device_push_option", "getoption", RTM_KIND_ASK,
									RTM_NO_CONVERSATION, .key_a = "uid", .params = {P_UID},
									.fields = {{"p2p", RTM_FIELD_JSON}, {"group", RTM_FIELD_JSON}}},
	[RTM_TRANSLATE] = {"translate", "translate", RTM_KIND_ASK, RTM_NO_CONVERSATION,
					   .params = {{"text", "text", RTM_PARAM_TEXT},
								  {"dst", "dst", RTM_PARAM_TEXT},
								  {"src", "src", RTM_PARAM_SOME_TEXT},
								  {"ttype", "type", RTM_PARAM_SOME_TEXT},
								  {"profanity", "profanity", RTM_PARAM_SOME_TEXT},
								  {"post_profanity", "postProfanity", RTM_PARAM_FLAG},
								  {"uid", "uid", RTM_PARAM_ANY_ID}},
					   .fields = {{"source", RTM_FIELD_TEXT},
								  {"target", RTM_FIELD_TEXT},
								  {"sourceText", RTM_FIELD_TEXT},
								  {"targetText", RTM_FIELD_TEXT}}},
	[RTM_PROFANITY] = {"profanity", "profanity", RTM_KIND_ASK, RTM_NO_CONVERSATION,
					   .params = {{"text", "text", RTM_PARAM_TEXT},
								  {"classify", "classify", RTM_PARAM_FLAG},
								  {"uid", "uid", RTM_PARAM_ANY_ID}},
					   .fields = {{"text", RTM_FIELD_TEXT},
								  {"classification", RTM_FIELD_TEXTS, true}}},
	[RTM_SPEECH_TO_TEXT] = {"speech_to_text", "speech2text", RTM_KIND_ASK, RTM_NO_CONVERSATION,
							.params = {{"audio", "audio", RTM_PARAM_MSG},
									   {"audio_type", "type", RTM_PARAM_CHOICE},
									   {"lang", "lang", RTM_PARAM_TEXT},
									   {"codec", "codec", RTM_PARAM_SOME_TEXT},
									   {"srate", "srate", RTM_PARAM_ANY_ID},
									   {"uid", "uid", RTM_PARAM_ANY_ID}},
							.fields = {{"text", RTM_FIELD_TEXT}, {"lang", RTM_FIELD_TEXT}}},
	[RTM_TEXT_CHECK] = {"text_check", "tcheck", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						.params = {{"text", "text", RTM_PARAM_TEXT},
								   {"uid", "uid", RTM_PARAM_ANY_ID}},
						.fields = {{"result", RTM_FIELD_INT32},
								   {"text", RTM_FIELD_TEXT, true},
								   {"tags", RTM_FIELD_INTS, true},
								   {"wlist", RTM_FIELD_TEXTS, true}}},
	[RTM_IMAGE_CHECK] = {"image_check", "icheck", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						 .params = {{"image", "image", RTM_PARAM_MSG},
									{"image_type", "type", RTM_PARAM_CHOICE},
									{"uid", "uid", RTM_PARAM_ANY_ID}},
						 .fields = F_CHECKED},
	[RTM_AUDIO_CHECK] = {"audio_check", "acheck", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						 .params = {{"audio", "audio", RTM_PARAM_MSG},
									{"audio_type", "type", RTM_PARAM_CHOICE},
									{"lang", "lang", RTM_PARAM_TEXT},
									{"codec", "codec", RTM_PARAM_SOME_TEXT},
									{"srate", "srate", RTM_PARAM_ANY_ID},
									{"uid", "uid", RTM_PARAM_ANY_ID}},
						 .fields = F_CHECKED},
	[RTM_VIDEO_CHECK] = {"video_check", "vcheck", RTM_KIND_ASK, RTM_NO_CONVERSATION,
						 .params = {{"video", "video", RTM_PARAM_MSG},
									{"video_type", "type", RTM_PARAM_CHOICE},
									{"video_name", "videoName", RTM_PARAM_TEXT},
									{"uid", "uid", RTM_PARAM_ANY_ID}},
						 .fields = F_CHECKED},
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

const RtmField *
rtm_method_fields(const RtmMethod *method)
{
	if (method && method->fields[0].type != RTM_FIELD_END)
		return method->fields;
	return rtm_method_traits(method)->fields;
}

bool
rtm_method_repeatable(const RtmMethod *method, bool own_mid)
{
	switch (rtm_method_traits(method)->repeat)
	{
		case RTM_REPEAT_ALWAYS:
			return true;
		case RTM_REPEAT_BY_MID:
			return own_mid;
		case RTM_REPEAT_NEVER:
		case RTM_REPEAT_UNSAID:
			break;
	}
	return false;
}

bool
rtm_method_alone(const RtmMethod *method)
{
	return method->kind == RTM_KIND_ASK && method->conversation == RTM_NO_CONVERSATION &&
		   method->key_a == NULL && !method->by_type;
}

int
rtm_method_nparams(const RtmMethod *method)
{
	int n = 0;

	while (method->params[n].type != RTM_PARAM_END)
		n++;
	return n;
}
