/*-------------------------------------------------------------------------
 *
 * field.h
 *	  What a column of a foreign table can be: a field of a message, or a key
 *	  of its conversation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_FIELD_H
#define RTM_FDW_FIELD_H

#include "method/history.h"

typedef enum RtmFieldId
{
	/* keys */
	RTM_COLUMN_UID, /* as whom it is read */
	RTM_COLUMN_OUID,
	RTM_COLUMN_GID,
	RTM_COLUMN_RID,

	RTM_COLUMN_ID,
	RTM_COLUMN_DIRECTION,
	RTM_COLUMN_FROM,
	RTM_COLUMN_TO,
	RTM_COLUMN_MTYPE,
	RTM_COLUMN_MID,
	RTM_COLUMN_MSG,
	RTM_COLUMN_ATTRS,
	RTM_COLUMN_MTIME,
	RTM_COLUMN_SENT, /* mtime as timestamptz */
	RTM_COLUMN_MSG_BINARY,
	RTM_COLUMN_ATTRS_BINARY
} RtmFieldId;

#define RTM_NUM_KEYS   (RTM_COLUMN_RID + 1)
#define RTM_NUM_FIELDS (RTM_COLUMN_ATTRS_BINARY + 1)

#define RTM_NO_FIELD (-1)

/* The name of the field, which is the column's unless an option says otherwise. */
extern const char *rtm_field_name(RtmFieldId field);

/* The type that IMPORT FOREIGN SCHEMA gives it, as SQL has it. */
extern const char *rtm_field_type(RtmFieldId field);

/* The field of that name that such conversations have, or RTM_NO_FIELD. */
extern int rtm_find_field(const char *name, RtmConversation conversation);

/* Do conversations of that type have it? */
extern bool rtm_has_field(RtmConversation conversation, RtmFieldId field);

/* May a column of that type have it?  Else *types are those that may, in words. */
extern bool rtm_field_fits(RtmFieldId field, Oid type, const char **types);

/*
 * A message's field as a value of that type, palloc()ed; keys are those of its
 * conversation.  NULL: a sender who isn't known; text that is none in the
 * database's encoding, or no JSON for a column of json or jsonb.  Raises 22003 for
 * a number that the type can't hold.
 */
extern NullableDatum rtm_field_value(RtmFieldId field, Oid type, const RtmMessage *message,
									 const int64 *keys);

/*
 * A column's value as an argument of a method, which takes bigint and text; in a
 * msg of type bytea it is left as it is.
 */
extern NullableDatum rtm_field_argument(Oid type, NullableDatum value);

/* Between milliseconds since 1970 and timestamptz; out of its range: -infinity, infinity. */
extern TimestampTz rtm_time_of(int64 mtime);

#endif /* RTM_FDW_FIELD_H */
