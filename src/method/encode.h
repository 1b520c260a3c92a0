/*-------------------------------------------------------------------------
 *
 * encode.h
 *	  From the arguments of an SQL function to a quest's parameters, as the
 *	  method catalogue describes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ENCODE_H
#define RTM_ENCODE_H

#include "lib/stringinfo.h"

#include "fpnn/conversation.h"
#include "fpnn/payload.h"

/* Where a page of history begins: what is given goes into the quest. */
typedef struct RtmCursor
{
	bool  has_begin;
	bool  has_end;
	bool  has_lastid;
	int64 begin;
	int64 end;
	int64 lastid;
} RtmCursor;

/* An integer that a quest has; there is false for none, and for different recipients. */
typedef struct RtmInt
{
	bool  there;
	int64 value;
} RtmInt;

/*
 * A quest to be.  The pointers go with the memory context that was current in
 * rtm_encode().
 */
typedef struct RtmRequest
{
	const RtmMethod *method;

	int64 mid;		/* 0: the method has none */
	bool  mid_made; /* it was made here, not given */

	/* the integers among the parameters, by their index in the method's row */
	RtmInt ints[RTM_MAX_PARAMS];

	RtmConversationKey key;
	const int64		  *recipients; /* NULL: the method has none */
	int				   nrecipients;

	/* history: how many messages are wanted, 0 for all; where to begin */
	int64	  num;
	RtmCursor cursor;

	/* packed pairs of key and value, without pid, salt, ts and sign */
	StringInfoData params;
	int			   nparams;

	/* the same up to what differs from page to page */
	int fixed_len;
	int fixed_nparams;
} RtmRequest;

/*
 * Check the arguments and pack them.  args are the method's as the catalogue
 * lists them; `binary` says that msg is bytea.  A history's first page asks
 * for `num` messages, RTM_MAX_PAGE when that is NULL; nothing caps it.
 *
 * Raises 22004 for a NULL, or a NULL in an array, 2202E for an array of
 * several dimensions, RTM05 for an mtype out of range, RTM33 for no
 * recipients, RTM34 for a negative id, and what rtm_text_to_wire() raises.
 */
extern void rtm_encode(RtmRequest *request, const RtmMethod *method, const NullableDatum *args,
					   bool binary);

/* A parameter of it that is an integer, by its name on the wire; 0 when it has none. */
extern int64 rtm_request_int(const RtmRequest *request, const char *wire);

/* Pack a history's next page anew: at most num messages from the cursor on. */
extern void rtm_encode_page(RtmRequest *request, int64 num, const RtmCursor *cursor);

/* The group, the room or the (first) other user of a send; 0: it has none. */
extern int64 rtm_request_target(const RtmRequest *send);

/*
 * Pack the quest that asks for a message (method getmsg); xid is the target of
 * its send.
 */
extern void rtm_encode_lookup(RtmConversation type, int64 mid, int64 from, int64 xid,
							  StringInfo params, int *nparams);

/* Another mid for a send that has one: in params, and wherever else it is kept. */
extern void rtm_encode_mid(RtmRequest *send, int64 mid);

/* Append the packed parameters of a send to out, with this mid.  Raises XX000 if they have none. */
extern void rtm_replace_mid(StringInfo out, const char *params, int len, int64 mid);

/* Pack into a StringInfo, which msgpack-c's packer then writes to. */
extern void rtm_packer_init(msgpack_packer *packer, StringInfo out);

#endif /* RTM_ENCODE_H */
