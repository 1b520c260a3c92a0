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
 * methods' parameters are those that the vendor's server SDKs send.  Left out are
 * files and real-time calls (RTC), and the IM library's methods.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CATALOG_H
#define FPNN_CATALOG_H

#include "fpnn/code.h"
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

/* ---- kinds ---- */

/* What a call does: see rtm_kinds. */
typedef enum RtmKind
{
	RTM_KIND_SEND,
	RTM_KIND_HISTORY,
	RTM_KIND_DELETE,
	RTM_KIND_INFO,
	RTM_KIND_ASK,	 /* any other question; its answer is said by the row */
	RTM_KIND_CHANGE, /* comes to the same when it is done twice */
	RTM_KIND_ONCE,	 /* doesn't: what came in between would be changed as well */
	RTM_KIND_LISTEN, /* for this connection only: there are no SQL functions */
	RTM_KIND_ANY	 /* no row's: a method by its name, rtm_call(); the last one */
} RtmKind;

#define RTM_NUM_KINDS (RTM_KIND_ANY + 1)

/* What a field of an answer is, with the type that it has in SQL. */
typedef enum RtmFieldType
{
	RTM_FIELD_END = 0,
	RTM_FIELD_INT64,	/* bigint */
	RTM_FIELD_INT32,	/* integer */
	RTM_FIELD_BOOL,		/* boolean */
	RTM_FIELD_TEXT,		/* text; NULL when it is none in the database's encoding */
	RTM_FIELD_BINARY,	/* bytea: a field that RTM_FIELD_TEXT has, when that is NULL */
	RTM_FIELD_INTS,		/* bigint[] */
	RTM_FIELD_TEXTS,	/* text[]; with NULL for what is no text in it */
	RTM_FIELD_JSON,		/* jsonb: whatever it is */
	RTM_FIELD_ANSWER,	/* jsonb: the whole answer */
	RTM_FIELD_MESSAGES, /* rtm_message[]: a page of a history */
	RTM_FIELD_MID		/* bigint: the request's mid, which is in no answer */
} RtmFieldType;

typedef struct RtmField
{
	const char	*wire; /* key in the answer's map; NULL: none */
	RtmFieldType type;
	bool		 optional; /* NULL when the answer has no such key, or nil */
} RtmField;

#define RTM_MAX_FIELDS 7

/* May a quest whose answer was lost be sent again? */
typedef enum RtmRepeat
{
	RTM_REPEAT_UNSAID, /* by no kind */
	RTM_REPEAT_NEVER,  /* it may do the same thing twice */
	RTM_REPEAT_BY_MID, /* with a mid that nobody else uses: the gate refuses the second one */
	RTM_REPEAT_ALWAYS  /* it asks only, or comes to the same */
} RtmRepeat;

/* What the outbox keeps of a good answer. */
typedef enum RtmKeep
{
	RTM_KEEP_NOTHING,
	RTM_KEEP_MTIME, /* the field mtime */
	RTM_KEEP_ANSWER /* all of it */
} RtmKeep;

typedef struct RtmKindTraits
{
	const char *name; /* as rtm_methods() shows it */
	RtmKeep		keep; /* for a callback and for rtm_result */
	RtmRepeat	repeat;

	/*
	 * The code that, as the answer to a quest that was repeated, says that the
	 * first one had been carried out; 0: there is none.
	 */
	int done_code;

	/*
	 * A callback gets the answer in front of the error: as one value of this
	 * type of the extension, whose columns are the fields, or with NULL as an
	 * argument for each field.
	 */
	const char *row_type;

	/* the columns of the SQL function's result, in their order; none: see the row */
	RtmField fields[RTM_MAX_FIELDS + 1];
} RtmKindTraits;

extern const RtmKindTraits rtm_kinds[RTM_NUM_KINDS];

/* ---- parameters ---- */

/* Conversations, with the numbers that `type` has on the wire. */
typedef enum RtmConversation
{
	RTM_NO_CONVERSATION = 0,
	RTM_P2P = 1,
	RTM_GROUP = 2,
	RTM_ROOM = 3,
	RTM_BROADCAST = 4
} RtmConversation;

/* "p2p", "group", "room", "broadcast"; NULL for none. */
extern const char *rtm_conversation_name(RtmConversation conversation);

/* What a parameter is: see rtm_param_types. */
typedef enum RtmParamType
{
	RTM_PARAM_END = 0,
	RTM_PARAM_UID,
	RTM_PARAM_UIDS, /* not empty; of rooms, too */
	RTM_PARAM_ID,	/* gid, rid, and any other number from 0 up */
	RTM_PARAM_MTYPE,
	RTM_PARAM_MSG, /* has a bytea overload in SQL */
	RTM_PARAM_ATTRS,
	RTM_PARAM_NEW_MID, /* 0 and default: a new one */
	RTM_PARAM_MID,
	RTM_PARAM_DESC,
	RTM_PARAM_NUM,	  /* NULL: all, paging on */
	RTM_PARAM_CURSOR, /* differs from page to page */
	RTM_PARAM_MTYPES,
	RTM_PARAM_TYPE,		   /* an RtmConversation */
	RTM_PARAM_CHOICE,	   /* of the method's own enumeration */
	RTM_PARAM_OPTION_TYPE, /* of push options: 0 p2p, 1 group */
	RTM_PARAM_ANY_ID,	   /* left out: every gid or rid, no uid, ... */
	RTM_PARAM_SECONDS,
	RTM_PARAM_IDS,
	RTM_PARAM_EVENTS,
	RTM_PARAM_TEXT,
	RTM_PARAM_SOME_TEXT, /* left out with NULL */
	RTM_PARAM_FLAG		 /* the last one */
} RtmParamType;

#define RTM_NUM_PARAM_TYPES (RTM_PARAM_FLAG + 1)

/* How a parameter is packed. */
typedef enum RtmWireType
{
	RTM_WIRE_INT,
	RTM_WIRE_BOOL,
	RTM_WIRE_TEXT, /* str; bin too is taken for one */
	RTM_WIRE_INTS, /* array of int */
	RTM_WIRE_TEXTS /* array of str */
} RtmWireType;

/* What NULL in SQL stands for. */
typedef enum RtmNull
{
	RTM_NULL_REFUSED, /* the parameter is required */
	RTM_NULL_DEFAULT, /* a value that goes into the quest */
	RTM_NULL_LEFT_OUT /* the quest has no such key */
} RtmNull;

typedef struct RtmParamTraits
{
	const char *sql; /* type in SQL, as format_type() writes it */
	RtmWireType wire;
	RtmNull		null;

	/* of an integer, or of each one in a list: from min to max; else code */
	int64_t min;
	int64_t max;
	int		code;
} RtmParamTraits;

/* By RtmParamType; that of RTM_PARAM_END is empty. */
extern const RtmParamTraits rtm_param_types[RTM_NUM_PARAM_TYPES];

typedef struct RtmParam
{
	const char	*name; /* of the SQL argument */
	const char	*wire; /* key in the quest's map */
	RtmParamType type;
} RtmParam;

/* ---- methods ---- */

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
	 * counts in either order).  NULL: none.  See conversation.h.
	 */
	const char *key_a;
	const char *key_b;

	/* its type, an RtmConversation, and what it is are parameters: "type", "xid", "from" */
	bool by_type;

	/* delmsg and getmsg: there is a row, and an SQL function, for each type */
	bool has_type;
	bool xid_zero; /* ... xid 0, there being no such argument */

	/* in the order of the SQL arguments; ends with RTM_PARAM_END */
	RtmParam params[RTM_MAX_PARAMS + 1];

	/* of RTM_KIND_ASK: as RtmKindTraits has them */
	RtmField fields[RTM_MAX_FIELDS + 1];
} RtmMethod;

/* Indexes into rtm_methods, in any order. */
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
	RTM_GET_MESSAGE_NUM,
	RTM_EDIT_MESSAGE,
	RTM_CLEAN_MESSAGE,
	RTM_DELETE_CONVERSATION_MESSAGES,
	RTM_CLEAR_USER_MESSAGES,
	RTM_CLEAR_PROJECT_MESSAGES,
	RTM_GET_TOKEN,
	RTM_REMOVE_TOKEN,
	RTM_KICKOUT,
	RTM_GET_ONLINE_USERS,
	RTM_SET_USER_INFO,
	RTM_GET_USER_INFO,
	RTM_GET_USER_OPEN_INFO,
	RTM_ADD_SESSIONS,
	RTM_REMOVE_SESSIONS,
	RTM_ADD_PROJECT_BLACK,
	RTM_REMOVE_PROJECT_BLACK,
	RTM_IS_PROJECT_BLACK,
	RTM_ADD_PROJECT_BAN,
	RTM_REMOVE_PROJECT_BAN,
	RTM_IS_PROJECT_BAN,
	RTM_ADD_FRIENDS,
	RTM_DELETE_FRIENDS,
	RTM_GET_FRIENDS,
	RTM_IS_FRIEND,
	RTM_IS_FRIENDS,
	RTM_ADD_BLACKS,
	RTM_DELETE_BLACKS,
	RTM_GET_BLACKS,
	RTM_IS_BLACK,
	RTM_IS_BLACKS,
	RTM_ADD_GROUP_MEMBERS,
	RTM_DELETE_GROUP_MEMBERS,
	RTM_DELETE_GROUP,
	RTM_GET_GROUP_MEMBERS,
	RTM_GET_GROUP_COUNT,
	RTM_IS_GROUP_MEMBER,
	RTM_GET_USER_GROUPS,
	RTM_ADD_GROUP_BAN,
	RTM_REMOVE_GROUP_BAN,
	RTM_IS_BAN_OF_GROUP,
	RTM_SET_GROUP_INFO,
	RTM_GET_GROUP_INFO,
	RTM_CLEAR_PROJECT_GROUP,
	RTM_ADD_ROOM_MEMBER,
	RTM_DELETE_ROOM_MEMBER,
	RTM_ADD_ROOM_MEMBERS,
	RTM_DELETE_ROOM_MEMBERS,
	RTM_ADD_USER_ROOMS,
	RTM_DELETE_USER_ROOMS,
	RTM_GET_ROOM_MEMBERS,
	RTM_GET_ROOM_COUNT,
	RTM_ADD_ROOM_BAN,
	RTM_REMOVE_ROOM_BAN,
	RTM_IS_BAN_OF_ROOM,
	RTM_SET_ROOM_INFO,
	RTM_GET_ROOM_INFO,
	RTM_DATA_SET,
	RTM_DATA_GET,
	RTM_DATA_DELETE,
	RTM_ADD_DEVICE,
	RTM_REMOVE_DEVICE,
	RTM_ADD_DEVICE_PUSH_OPTION,
	RTM_REMOVE_DEVICE_PUSH_OPTION,
	RTM_GET_DEVICE_PUSH_OPTION,
	RTM_TRANSLATE,
	RTM_PROFANITY,
	RTM_SPEECH_TO_TEXT,
	RTM_TEXT_CHECK,
	RTM_IMAGE_CHECK,
	RTM_AUDIO_CHECK,
	RTM_VIDEO_CHECK,
	RTM_ADD_LISTEN,
	RTM_REMOVE_LISTEN,
	RTM_SET_LISTEN,
	RTM_NUM_METHODS
} RtmMethodId;

extern const RtmMethod rtm_methods[RTM_NUM_METHODS];

/* The row with this name in the API (without rtm_), len bytes; or NULL. */
extern const RtmMethod *rtm_method_by_call(const char *call, size_t len);

/*
 * The row with this name on the wire, or NULL.  Of rows that share one, the row
 * of that type; with RTM_NO_CONVERSATION the first.
 */
extern const RtmMethod *rtm_method_by_wire(const char *method, RtmConversation type);

/* The first row of that kind for such a conversation, or NULL. */
extern const RtmMethod *rtm_method_of(RtmKind kind, RtmConversation conversation);

/* The columns of its result, ending with RTM_FIELD_END; NULL: as below. */
extern const RtmField *rtm_method_fields(const RtmMethod *method);

/* The traits of a row's kind; NULL: those of a method by its name, rtm_call(). */
extern const RtmKindTraits *rtm_method_traits(const RtmMethod *method);

/*
 * May it be sent again when its answer was lost?  own_mid: its mid was made for
 * it, or it is known that the gate had no message with it.
 */
extern bool rtm_method_repeatable(const RtmMethod *method, bool own_mid);

/* Does it ask about nobody in particular?  Then there is no order that it has to keep. */
extern bool rtm_method_alone(const RtmMethod *method);

extern int rtm_method_nparams(const RtmMethod *method);

#endif /* FPNN_CATALOG_H */
