/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The rows of the method catalogue, and the table of codes.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/catalog.h"

#include <stdio.h>

/* The arguments that rows of one kind have in common. */
#define P_MTYPE                           \
	{                                     \
		"mtype", "mtype", RTM_PARAM_MTYPE \
	}
#define P_FROM                            \
	{                                     \
		"from_uid", "from", RTM_PARAM_UID \
	}
#define P_MID                       \
	{                               \
		"mid", "mid", RTM_PARAM_MID \
	}
#define P_BODY                                                          \
	{"msg", "msg", RTM_PARAM_MSG}, {"attrs", "attrs", RTM_PARAM_ATTRS}, \
	{                                                                   \
		"mid", "mid", RTM_PARAM_NEW_MID                                 \
	}
#define P_UID                       \
	{                               \
		"uid", "uid", RTM_PARAM_UID \
	}
#define P_PAGING                                                                          \
	{"descending", "desc", RTM_PARAM_DESC}, {"num", "num", RTM_PARAM_NUM},                \
		{"begin_time", "begin", RTM_PARAM_CURSOR}, {"end_time", "end", RTM_PARAM_CURSOR}, \
		{"lastid", "lastid", RTM_PARAM_CURSOR},                                           \
	{                                                                                     \
		"mtypes", "mtypes", RTM_PARAM_MTYPES                                              \
	}

#define P_GID                      \
	{                              \
		"gid", "gid", RTM_PARAM_ID \
	}
#define P_RID                      \
	{                              \
		"rid", "rid", RTM_PARAM_ID \
	}
#define P_UIDS                         \
	{                                  \
		"uids", "uids", RTM_PARAM_UIDS \
	}
#define P_BTIME                             \
	{                                       \
		"btime", "btime", RTM_PARAM_SECONDS \
	}
#define P_LISTEN                                                      \
	{"gids", "gids", RTM_PARAM_IDS}, {"rids", "rids", RTM_PARAM_IDS}, \
		{"uids", "uids", RTM_PARAM_IDS},                              \
	{                                                                 \
		"events", "events", RTM_PARAM_EVENTS                          \
	}

/* A method without a conversation of its own, or about a group or a room. */
#define PLAIN(call, method, kind)	 call, method, kind, RTM_NO_CONVERSATION, NULL, NULL, false, false
#define OF_GROUP(call, method, kind) call, method, kind, RTM_GROUP, "gid", NULL, false, false
#define OF_ROOM(call, method, kind)	 call, method, kind, RTM_ROOM, "rid", NULL, false, false

const RtmMethod rtm_methods[RTM_NUM_METHODS] = {
	[RTM_SEND_MESSAGE] = {"send_message",
						  "sendmsg",
						  RTM_KIND_SEND,
						  RTM_P2P,
						  "from",
						  "to",
						  false,
						  false,
						  {P_MTYPE, P_FROM, {"to_uid", "to", RTM_PARAM_UID}, P_BODY}},
	[RTM_SEND_MESSAGES] = {"send_messages",
						   "sendmsgs",
						   RTM_KIND_SEND,
						   RTM_P2P,
						   "from",
						   "tos",
						   false,
						   false,
						   {P_MTYPE, P_FROM, {"to_uids", "tos", RTM_PARAM_UIDS}, P_BODY}},
	[RTM_SEND_GROUP_MESSAGE] = {"send_group_message",
								"sendgroupmsg",
								RTM_KIND_SEND,
								RTM_GROUP,
								"gid",
								NULL,
								false,
								false,
								{P_MTYPE, P_FROM, {"gid", "gid", RTM_PARAM_ID}, P_BODY}},
	[RTM_SEND_ROOM_MESSAGE] = {"send_room_message",
							   "sendroommsg",
							   RTM_KIND_SEND,
							   RTM_ROOM,
							   "rid",
							   NULL,
							   false,
							   false,
							   {P_MTYPE, P_FROM, {"rid", "rid", RTM_PARAM_ID}, P_BODY}},
	[RTM_BROADCAST_MESSAGE] = {"broadcast_message",
							   "broadcastmsg",
							   RTM_KIND_SEND,
							   RTM_BROADCAST,
							   NULL,
							   NULL,
							   false,
							   false,
							   {P_MTYPE, P_FROM, P_BODY}},
	[RTM_GET_GROUP_MESSAGE] = {"get_group_message",
							   "getgroupmsg",
							   RTM_KIND_HISTORY,
							   RTM_GROUP,
							   "gid",
							   NULL,
							   false,
							   false,
							   {P_UID, {"gid", "gid", RTM_PARAM_ID}, P_PAGING}},
	[RTM_GET_ROOM_MESSAGE] = {"get_room_message",
							  "getroommsg",
							  RTM_KIND_HISTORY,
							  RTM_ROOM,
							  "rid",
							  NULL,
							  false,
							  false,
							  {P_UID, {"rid", "rid", RTM_PARAM_ID}, P_PAGING}},
	[RTM_GET_BROADCAST_MESSAGE] = {"get_broadcast_message",
								   "getbroadcastmsg",
								   RTM_KIND_HISTORY,
								   RTM_BROADCAST,
								   NULL,
								   NULL,
								   false,
								   false,
								   {P_UID, P_PAGING}},
	[RTM_GET_P2P_MESSAGE] = {"get_p2p_message",
							 "getp2pmsg",
							 RTM_KIND_HISTORY,
							 RTM_P2P,
							 "uid",
							 "ouid",
							 false,
							 false,
							 {P_UID, {"ouid", "ouid", RTM_PARAM_UID}, P_PAGING}},
	[RTM_DELETE_P2P_MESSAGE] = {"delete_p2p_message",
								"delmsg",
								RTM_KIND_DELETE,
								RTM_P2P,
								"from",
								"xid",
								true,
								false,
								{P_MID, P_FROM, {"to_uid", "xid", RTM_PARAM_UID}}},
	[RTM_DELETE_GROUP_MESSAGE] = {"delete_group_message",
								  "delmsg",
								  RTM_KIND_DELETE,
								  RTM_GROUP,
								  "xid",
								  NULL,
								  true,
								  false,
								  {P_MID, P_FROM, {"gid", "xid", RTM_PARAM_ID}}},
	[RTM_DELETE_ROOM_MESSAGE] = {"delete_room_message",
								 "delmsg",
								 RTM_KIND_DELETE,
								 RTM_ROOM,
								 "xid",
								 NULL,
								 true,
								 false,
								 {P_MID, P_FROM, {"rid", "xid", RTM_PARAM_ID}}},
	[RTM_DELETE_BROADCAST_MESSAGE] = {"delete_broadcast_message",
									  "delmsg",
									  RTM_KIND_DELETE,
									  RTM_BROADCAST,
									  NULL,
									  NULL,
									  true,
									  true,
									  {P_MID, P_FROM}},
	[RTM_GET_P2P_MESSAGE_INFO] = {"get_p2p_message_info",
								  "getmsg",
								  RTM_KIND_INFO,
								  RTM_P2P,
								  "from",
								  "xid",
								  true,
								  false,
								  {P_MID, P_FROM, {"to_uid", "xid", RTM_PARAM_UID}}},
	[RTM_GET_GROUP_MESSAGE_INFO] = {"get_group_message_info",
									"getmsg",
									RTM_KIND_INFO,
									RTM_GROUP,
									"xid",
									NULL,
									true,
									false,
									{P_MID, P_FROM, {"gid", "xid", RTM_PARAM_ID}}},
	[RTM_GET_ROOM_MESSAGE_INFO] = {"get_room_message_info",
								   "getmsg",
								   RTM_KIND_INFO,
								   RTM_ROOM,
								   "xid",
								   NULL,
								   true,
								   false,
								   {P_MID, P_FROM, {"rid", "xid", RTM_PARAM_ID}}},
	[RTM_GET_BROADCAST_MESSAGE_INFO] = {"get_broadcast_message_info",
										"getmsg",
										RTM_KIND_INFO,
										RTM_BROADCAST,
										NULL,
										NULL,
										true,
										true,
										{P_MID, P_FROM}},

	/* the type and id of a conversation; of P2P, a user's */
	[RTM_GET_MESSAGE_NUM] = {PLAIN("get_message_num", "getmsgnum", RTM_KIND_COUNT),
							 {{"message_type", "type", RTM_PARAM_TYPE},
							  {"xid", "xid", RTM_PARAM_ID},
							  {"mtypes", "mtypes", RTM_PARAM_MTYPES},
							  {"begin_time", "begin", RTM_PARAM_CURSOR},
							  {"end_time", "end", RTM_PARAM_CURSOR}}},
	[RTM_ADD_GROUP_MEMBERS] = {OF_GROUP("add_group_members", "addgroupmembers", RTM_KIND_CHANGE),
							   {P_GID, P_UIDS}},
	[RTM_DELETE_GROUP_MEMBERS] = {OF_GROUP("delete_group_members", "delgroupmembers",
										   RTM_KIND_CHANGE),
								  {P_GID, P_UIDS}},
	[RTM_DELETE_GROUP] = {OF_GROUP("delete_group", "delgroup", RTM_KIND_CHANGE), {P_GID}},
	[RTM_GET_GROUP_MEMBERS] = {OF_GROUP("get_group_members", "getgroupmembers", RTM_KIND_UIDS),
							   {P_GID}},
	[RTM_IS_GROUP_MEMBER] = {OF_GROUP("is_group_member", "isgroupmember", RTM_KIND_CHECK),
							 {P_GID, P_UID}},
	[RTM_GET_USER_GROUPS] = {PLAIN("get_user_groups", "getusergroups", RTM_KIND_GIDS), {P_UID}},
	[RTM_ADD_GROUP_BAN] = {OF_GROUP("add_group_ban", "addgroupban", RTM_KIND_CHANGE),
						   {{"gid", "gid", RTM_PARAM_ANY_ID}, P_UID, P_BTIME}},
	[RTM_REMOVE_GROUP_BAN] = {OF_GROUP("remove_group_ban", "removegroupban", RTM_KIND_CHANGE),
							  {{"gid", "gid", RTM_PARAM_ANY_ID}, P_UID}},
	[RTM_IS_BAN_OF_GROUP] = {OF_GROUP("is_ban_of_group", "isbanofgroup", RTM_KIND_CHECK),
							 {P_GID, P_UID}},
	[RTM_ADD_ROOM_MEMBER] = {OF_ROOM("add_room_member", "addroommember", RTM_KIND_CHANGE),
							 {P_RID, P_UID}},
	[RTM_DELETE_ROOM_MEMBER] = {OF_ROOM("delete_room_member", "delroommember", RTM_KIND_CHANGE),
								{P_RID, P_UID}},
	[RTM_GET_ROOM_MEMBERS] = {OF_ROOM("get_room_members", "getroommembers", RTM_KIND_UIDS),
							  {P_RID}},
	/* SDKs send rids; the C++ one sends one rid */
	[RTM_GET_ROOM_COUNT] = {OF_ROOM("get_room_count", "getroomcount", RTM_KIND_ROOM_COUNTS),
							{{"rids", "rids", RTM_PARAM_IDS}, {"rid", "rid", RTM_PARAM_ANY_ID}}},
	[RTM_ADD_ROOM_BAN] = {OF_ROOM("add_room_ban", "addroomban", RTM_KIND_CHANGE),
						  {{"rid", "rid", RTM_PARAM_ANY_ID}, P_UID, P_BTIME}},
	[RTM_REMOVE_ROOM_BAN] = {OF_ROOM("remove_room_ban", "removeroomban", RTM_KIND_CHANGE),
							 {{"rid", "rid", RTM_PARAM_ANY_ID}, P_UID}},
	[RTM_IS_BAN_OF_ROOM] = {OF_ROOM("is_ban_of_room", "isbanofroom", RTM_KIND_CHECK),
							{P_RID, P_UID}},
	[RTM_ADD_PROJECT_BLACK] = {PLAIN("add_project_black", "addprojectblack", RTM_KIND_CHANGE),
							   {P_UID, P_BTIME}},
	[RTM_REMOVE_PROJECT_BLACK] = {PLAIN("remove_project_black", "removeprojectblack",
										RTM_KIND_CHANGE),
								  {P_UID}},
	[RTM_IS_PROJECT_BLACK] = {PLAIN("is_project_black", "isprojectblack", RTM_KIND_CHECK), {P_UID}},
	[RTM_ADD_LISTEN] = {PLAIN("add_listen", "addlisten", RTM_KIND_LISTEN), {P_LISTEN}},
	[RTM_REMOVE_LISTEN] = {PLAIN("remove_listen", "removelisten", RTM_KIND_LISTEN), {P_LISTEN}},
	[RTM_SET_LISTEN] = {PLAIN("set_listen", "setlisten", RTM_KIND_LISTEN),
						{P_LISTEN,
						 {"p2p", "p2p", RTM_PARAM_FLAG},
						 {"group", "group", RTM_PARAM_FLAG},
						 {"room", "room", RTM_PARAM_FLAG},
						 {"ev", "ev", RTM_PARAM_FLAG}}},
};

static const struct
{
	int			code;
	const char *text;
} codes[] = {
	{10001, "unknown protocol error"},
	{10002, "not supported"},
	{10003, "invalid package"},
	{10004, "JSON conversion error"},
	{10005, "map key is not a string"},
	{10006, "payload is not a map"},
	{10007, "invalid method type"},
	{10008, "invalid protocol type"},
	{10009, "key not found"},
	{10010, "type conversion error"},
	{20001, "unknown error"},
	{20002, "connection closed"},
	{20003, "timeout"},
	{20004, "unknown method"},
	{20005, "encoding error"},
	{20006, "decoding error"},
	{20007, "send error"},
	{20008, "receive error"},
	{20009, "invalid package"},
	{20010, "HTTP error"},
	{20011, "work queue full"},
	{20012, "invalid connection"},
	{20013, "forbidden"},
	{20014, "server stopping"},
	{20015, "cancelled"},
	{30001, "compression error"},
	{30002, "decompression error"},
	{200001, "invalid pid or uid"},
	{200002, "invalid pid or sign"},
	{200003, "invalid file or sign or token"},
	{200004, "attrs without sign or ext"},
	{200005, "invalid mtype"},
	{200006, "same sign"},
	{200007, "invalid file mtype"},
	{200008, "invalid server time"},
	{200010, "frequency limited"},
	{200011, "refresh screen limited"},
	{200012, "kickout self"},
	{200020, "forbidden method"},
	{200021, "permission denied"},
	{200022, "unauthorized"},
	{200023, "duplicated auth"},
	{200024, "auth denied"},
	{200025, "admin login"},
	{200026, "admin only"},
	{200027, "invalid auth token"},
	{200030, "too large message or attrs"},
	{200031, "too large file or attrs"},
	{200032, "too many items in parameters"},
	{200033, "empty parameter"},
	{200034, "invalid parameter"},
	{200040, "not in room"},
	{200041, "not group member"},
	{200042, "max group members"},
	{200043, "not friend"},
	{200044, "banned in group"},
	{200045, "banned in room"},
	{200046, "empty group"},
	{200047, "max rooms"},
	{200048, "max friends"},
	{200049, "blocked user"},
	{200050, "unsupported language"},
	{200051, "empty translation"},
	{200052, "send to self"},
	{200053, "duplicated mid"},
	{200054, "sensitive words"},
	{200055, "not online"},
	{200056, "translation error"},
	{200057, "profanity stop"},
	{200060, "no config in console"},
	{200061, "unsupported transcribe type"},
	{200070, "message not found"},
	{200999, "unknown error"},
};

const char *
rtm_code_text(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		if (codes[i].code == code)
			return codes[i].text;
	}
	return NULL;
}

void
rtm_code_sqlstate(int code, char sqlstate[6])
{
	if (code == RTM_CODE_ERROR)
		snprintf(sqlstate, 6, "RTM99");
	else if (code >= 200000 && code <= 200099)
		snprintf(sqlstate, 6, "RTM%02u", (unsigned) (code - 200000) % 100);
	else if ((code >= 10000 && code <= 10099) || (code >= 20000 && code <= 20099) ||
			 (code >= 30000 && code <= 30099))
		snprintf(sqlstate, 6, "FP%u%02u", (unsigned) code / 10000 % 10, (unsigned) code % 100);
	else
		snprintf(sqlstate, 6, "RTM99");
}
