/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The one description of every RTM method: its name in the API and on the
 *	  wire, its parameters, its answer, the conversation it belongs to.
 *
 * The SQL functions, the outbox, the local gate and the reference are driven
 * by this table; adding a method is adding a row (and the CREATE FUNCTION that
 * gives it SQL types, for those that have one).  Source: protocol.md "RTM
 * quests" and "Listening", message-api.md; the names and types of the other
 * methods' parameters are those that the vendor's server SDKs send.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CATALOG_H
#define FPNN_CATALOG_H

#include "fpnn/fpnn.h"

#define RTM_MTYPE_MIN 1
#define RTM_MTYPE_MAX 127

/* The public document's limits; the gate is the judge of them. */
#define RTM_MAX_MSG		   20480 /* bytes */
#define RTM_MAX_ATTRS	   2048	 /* bytes */
#define RTM_MAX_RECIPIENTS 2000
#define RTM_MAX_PAGE	   20	 /* history entries a call */
#define RTM_MAX_ADDED	   100	 /* group members added by one call */
#define RTM_MAX_MEMBERS	   10000 /* of a group */

/* Codes that somebody decides on; rtm_code_text() knows them all. */
#define FPNN_CODE_BAD_KEY			 10005
#define FPNN_CODE_NO_KEY			 10009
#define FPNN_CODE_BAD_TYPE			 10010
#define FPNN_CODE_UNKNOWN			 20001
#define FPNN_CODE_CLOSED			 20002
#define FPNN_CODE_TIMEOUT			 20003
#define FPNN_CODE_UNKNOWN_METHOD	 20004
#define FPNN_CODE_ENCODING			 20005
#define FPNN_CODE_DECODING			 20006
#define FPNN_CODE_INVALID_PACKAGE	 20009
#define FPNN_CODE_QUEUE_FULL		 20011
#define FPNN_CODE_INVALID_CONNECTION 20012
#define FPNN_CODE_STOPPING			 20014
#define RTM_CODE_INVALID_PID		 200001
#define RTM_CODE_INVALID_SIGN		 200002
#define RTM_CODE_INVALID_MTYPE		 200005
#define RTM_CODE_SAME_SIGN			 200006
#define RTM_CODE_INVALID_TIME		 200008
#define RTM_CODE_FREQUENCY			 200010
#define RTM_CODE_REFRESH			 200011
#define RTM_CODE_AUTH_DENIED		 200024
#define RTM_CODE_TOO_LARGE			 200030
#define RTM_CODE_TOO_MANY			 200032
#define RTM_CODE_EMPTY_PARAM		 200033
#define RTM_CODE_INVALID_PARAM		 200034
#define RTM_CODE_NOT_IN_ROOM		 200040
#define RTM_CODE_NOT_MEMBER			 200041
#define RTM_CODE_MAX_MEMBERS		 200042
#define RTM_CODE_BANNED_IN_GROUP	 200044
#define RTM_CODE_BANNED_IN_ROOM		 200045
#define RTM_CODE_SEND_TO_SELF		 200052
#define RTM_CODE_DUPLICATE_MID		 200053
#define RTM_CODE_NOT_FOUND			 200070
#define RTM_CODE_ERROR				 200999

/* What a call does; every row of a kind has the same answer. */
typedef enum RtmKind
{
	RTM_KIND_SEND,		  /* -> mtime */
	RTM_KIND_HISTORY,	  /* -> num, lastid, begin, end, msgs */
	RTM_KIND_DELETE,	  /* -> nothing */
	RTM_KIND_INFO,		  /* -> id, mtype, msg, attrs, mtime */
	RTM_KIND_COUNT,		  /* -> sender, num */
	RTM_KIND_CHANGE,	  /* -> nothing */
	RTM_KIND_CHECK,		  /* -> ok */
	RTM_KIND_UIDS,		  /* -> uids */
	RTM_KIND_GIDS,		  /* -> gids */
	RTM_KIND_ROOM_COUNTS, /* -> cn: a map from rid, as str, to a number */
	RTM_KIND_LISTEN		  /* -> nothing; for this connection only */
} RtmKind;

/* Conversations, with the numbers that `type` has on the wire. */
typedef enum RtmConversation
{
	RTM_NO_CONVERSATION = 0,
	RTM_P2P = 1,
	RTM_GROUP = 2,
	RTM_ROOM = 3,
	RTM_BROADCAST = 4
} RtmConversation;

/* What a parameter is; this decides its SQL type, its check and its default. */
typedef enum RtmParamType
{
	RTM_PARAM_END = 0,
	RTM_PARAM_UID,	   /* bigint, required, not negative */
	RTM_PARAM_UIDS,	   /* bigint[], required, not empty */
	RTM_PARAM_ID,	   /* bigint, required: gid, rid */
	RTM_PARAM_MTYPE,   /* integer, required, 1-127 */
	RTM_PARAM_MSG,	   /* text or bytea, required */
	RTM_PARAM_ATTRS,   /* text, NULL and default: '' */
	RTM_PARAM_NEW_MID, /* bigint, NULL, 0 and default: a new one */
	RTM_PARAM_MID,	   /* bigint, required */
	RTM_PARAM_DESC,	   /* boolean, required */
	RTM_PARAM_NUM,	   /* integer, NULL: all, paging on */
	RTM_PARAM_CURSOR,  /* bigint, left out when NULL */
	RTM_PARAM_MTYPES,  /* integer[], left out when NULL */
	RTM_PARAM_TYPE,	   /* integer, required: an RtmConversation */
	RTM_PARAM_ANY_ID,  /* bigint, left out when NULL: every gid or rid */
	RTM_PARAM_SECONDS, /* integer, required, not negative */
	RTM_PARAM_IDS,	   /* bigint[], left out when NULL */
	RTM_PARAM_EVENTS,  /* text[], left out when NULL */
	RTM_PARAM_FLAG	   /* boolean, left out when NULL */
} RtmParamType;

typedef struct RtmParam
{
	const char	*name; /* of the SQL argument */
	const char	*wire; /* key in the quest's map */
	RtmParamType type;
} RtmParam;

#define RTM_MAX_PARAMS 9

typedef struct RtmMethod
{
	const char	   *call;	/* name in the API, without rtm_ */
	const char	   *method; /* name on the wire */
	RtmKind			kind;
	RtmConversation conversation;

	/*
	 * Names on the wire of the one or two parameters that, with the
	 * conversation's type, say which conversation it is (a pair of users
	 * counts in either order).  NULL: none.
	 */
	const char *key_a;
	const char *key_b;

	/* delmsg and getmsg name the conversation in the quest: type, and xid */
	bool has_type;
	bool xid_zero; /* ... xid 0, there being no such argument */

	/* in the order of the SQL arguments; ends with RTM_PARAM_END */
	RtmParam params[RTM_MAX_PARAMS + 1];
} RtmMethod;

/* Indexes into rtm_methods; the order of the API's page. */
typedef enum RtmMethodId
{
	RTM_SEND_MESSAGE,
	RTM_SEND_MESSAGES,
	RTM_SEND_GROUP_MESSAGE,
	RTM_SEND_ROOM_MESSAGE,
	RTM_BROADCAST_MESSAGE,
	RTM_GET_GROUP_MESSAGE,
	RTM_GET_ROOM_MESSAGE,
	RTM_GET_BROADCAST_MESSAGE,
	RTM_GET_P2P_MESSAGE,
	RTM_DELETE_P2P_MESSAGE,
	RTM_DELETE_GROUP_MESSAGE,
	RTM_DELETE_ROOM_MESSAGE,
	RTM_DELETE_BROADCAST_MESSAGE,
	RTM_GET_P2P_MESSAGE_INFO,
	RTM_GET_GROUP_MESSAGE_INFO,
	RTM_GET_ROOM_MESSAGE_INFO,
	RTM_GET_BROADCAST_MESSAGE_INFO,
	RTM_NUM_CALLS, /* those above are SQL functions */

	RTM_GET_MESSAGE_NUM = RTM_NUM_CALLS,
	RTM_ADD_GROUP_MEMBERS,
	RTM_DELETE_GROUP_MEMBERS,
	RTM_DELETE_GROUP,
	RTM_GET_GROUP_MEMBERS,
	RTM_IS_GROUP_MEMBER,
	RTM_GET_USER_GROUPS,
	RTM_ADD_GROUP_BAN,
	RTM_REMOVE_GROUP_BAN,
	RTM_IS_BAN_OF_GROUP,
	RTM_ADD_ROOM_MEMBER,
	RTM_DELETE_ROOM_MEMBER,
	RTM_GET_ROOM_MEMBERS,
	RTM_GET_ROOM_COUNT,
	RTM_ADD_ROOM_BAN,
	RTM_REMOVE_ROOM_BAN,
	RTM_IS_BAN_OF_ROOM,
	RTM_ADD_PROJECT_BLACK,
	RTM_REMOVE_PROJECT_BLACK,
	RTM_IS_PROJECT_BLACK,
	RTM_ADD_LISTEN,
	RTM_REMOVE_LISTEN,
	RTM_SET_LISTEN,
	RTM_NUM_METHODS
} RtmMethodId;

extern const RtmMethod rtm_methods[RTM_NUM_METHODS];

/*
 * The documented phrase for an FPNN or RTM code, or NULL for one that the
 * document doesn't name.
 */
extern const char *rtm_code_text(int code);

/*
 * The five characters of the SQLSTATE for a code: 2000nn RTMnn, FPNN 100nn
 * FP1nn, 200nn FP2nn, 300nn FP3nn; RTM99 for any other.
 */
extern void rtm_code_sqlstate(int code, char sqlstate[6]);

#endif /* FPNN_CATALOG_H */
