/*-------------------------------------------------------------------------
 *
 * field.c
 *	  What a column of a foreign table can be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "client/text.h"
#include "compat.h"
#include "fdw/field.h"

/* What of JSON isn't taken for JSON, though it may be: deeper, or numbers longer than that. */
#define MAX_JSON_DEPTH	  500
#define MAX_JSON_NUMBER	  1000
#define MAX_JSON_EXPONENT 4

typedef enum FieldClass
{
	FIELD_INT,
	FIELD_TIME,
	FIELD_MSG,
	FIELD_ATTRS,
	FIELD_BYTES
} FieldClass;

#define P2P		  (1 << RTM_P2P)
#define GROUP	  (1 << RTM_GROUP)
#define ROOM	  (1 << RTM_ROOM)
#define BROADCAST (1 << RTM_BROADCAST)
#define ALL		  (P2P | GROUP | ROOM | BROADCAST)

static const struct
{
	const char *name;
	int			conversations; /* that have it */
	FieldClass class;
	const char *type; /* by default */
} fields[RTM_NUM_FIELDS] = {
	[RTM_COLUMN_UID] = {"uid", ALL, FIELD_INT, "bigint"},
	[RTM_COLUMN_OUID] = {"ouid", P2P, FIELD_INT, "bigint"},
	[RTM_COLUMN_GID] = {"gid", GROUP, FIELD_INT, "bigint"},
	[RTM_COLUMN_RID] = {"rid", ROOM, FIELD_INT, "bigint"},
	[RTM_COLUMN_ID] = {"id", ALL, FIELD_INT, "bigint"},
	[RTM_COLUMN_DIRECTION] = {"direction", P2P, FIELD_INT, "integer"},
	[RTM_COLUMN_FROM] = {"from_uid", ALL, FIELD_INT, "bigint"},
	[RTM_COLUMN_TO] = {"to_uid", P2P, FIELD_INT, "bigint"},
	[RTM_COLUMN_MTYPE] = {"mtype", ALL, FIELD_INT, "integer"},
	[RTM_COLUMN_MID] = {"mid", ALL, FIELD_INT, "bigint"},
	[RTM_COLUMN_MSG] = {"msg", ALL, FIELD_MSG, "text"},
	[RTM_COLUMN_ATTRS] = {"attrs", ALL, FIELD_ATTRS, "text"},
	[RTM_COLUMN_MTIME] = {"mtime", ALL, FIELD_INT, "bigint"},
	[RTM_COLUMN_SENT] = {"sent", ALL, FIELD_TIME, "timestamp with time zone"},
	[RTM_COLUMN_MSG_BINARY] = {"msg_binary", ALL, FIELD_BYTES, "bytea"},
	[RTM_COLUMN_ATTRS_BINARY] = {"attrs_binary", ALL, FIELD_BYTES, "bytea"},
};

static const struct
{
	Oid			types[4];
	const char *words;
} classes[] = {
	[FIELD_INT] = {{INT8OID, INT4OID}, "bigint, integer"},
	[FIELD_TIME] = {{TIMESTAMPTZOID}, "timestamp with time zone"},
	[FIELD_MSG] = {{TEXTOID, BYTEAOID, JSONOID, JSONBOID}, "text, bytea, json, jsonb"},
	[FIELD_ATTRS] = {{TEXTOID, JSONOID, JSONBOID}, "text, json, jsonb"},
	[FIELD_BYTES] = {{BYTEAOID}, "bytea"},
};

const char *
rtm_field_name(RtmFieldId field)
{
	return fields[field].name;
}

const char *
rtm_field_type(RtmFieldId field)
{
	return fields[field].type;
}

bool
rtm_has_field(RtmConversation conversation, RtmFieldId field)
{
	return (fields[field].conversations & (1 << conversation)) != 0;
}

int
rtm_find_field(const char *name, RtmConversation conversation)
{
	for (int i = 0; i < RTM_NUM_FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0 && rtm_has_field(conversation, i))
			return i;
	return RTM_NO_FIELD;
}

bool
rtm_field_fits(RtmFieldId field, Oid type, const char **types)
{
	*types = classes[fields[field].class].words;
	for (int i = 0; i < 4; i++)
		if (classes[fields[field].class].types[i] == type)
			return OidIsValid(type);
	return false;
}

/* ---- from a message ---- */

TimestampTz
rtm_time_of(int64 mtime)
{
	int64 shift = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;
	int64 result;

	if (pg_sub_s64_overflow(mtime, shift, &result) || pg_mul_s64_overflow(result, 1000, &result) ||
		!IS_VALID_TIMESTAMP(result))
		return mtime < 0 ? DT_NOBEGIN : DT_NOEND;
	return result;
}

static NullableDatum
int_value(RtmFieldId field, Oid type, int64 value)
{
	if (type == INT8OID)
		return rtm_column(Int64GetDatum(value));
	if (value < PG_INT32_MIN || value > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a message's %s is out of range for type integer", fields[field].name),
				 errhint("Make the column one of type bigint.")));
	return rtm_column(Int32GetDatum((int32) value));
}

/* A number in JSON, from *p on, that a numeric certainly holds; *p is behind it. */
static bool
is_short_number(const char **p)
{
	const char *start = *p;
	size_t		digits = strspn(start, "+-.0123456789");
	const char *e = start + digits;

	if (*e == 'e' || *e == 'E')
	{
		size_t sign = strspn(e + 1, "+-");
		size_t n = strspn(e + 1 + sign, "0123456789");

		*p = e + 1 + sign + n;
		return n <= MAX_JSON_EXPONENT && digits <= MAX_JSON_NUMBER;
	}
	*p = e;
	return digits <= MAX_JSON_NUMBER;
}

/* Is nothing in it that would make jsonb's input function raise for its size? */
static bool
is_moderate(const char *p)
{
	int	 depth = 0;
	bool quoted = false;

	while (*p)
	{
		if (!quoted && *p >= '0' && *p <= '9')
		{
			if (!is_short_number(&p))
				return false;
			continue;
		}
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '[' || *p == '{') && ++depth > MAX_JSON_DEPTH)
			return false;
		else if (!quoted && (*p == ']' || *p == '}'))
			depth--;
		p++;
	}
	return true;
}

/* A text as json or jsonb; NULL when it is none.  Nothing that came raises an error. */
static NullableDatum
json_value(Oid type, char *text)
{
	JsonLexContext *lex;

	if (!is_moderate(text))
		return rtm_null_column();
	lex = rtm_json_lexer(text, (int) strlen(text), GetDatabaseEncoding());
	if (pg_parse_json(lex, &nullSemAction) != JSON_SUCCESS)
		return rtm_null_column();
	if (type == JSONOID)
		return rtm_column(CStringGetTextDatum(text));
	return rtm_column(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

static NullableDatum
body_value(Oid type, RtmBytes body)
{
	NullableDatum plain;
	NullableDatum binary;

	if (type == BYTEAOID)
	{
		bytea *bytes = palloc(VARHDRSZ + body.len);

		SET_VARSIZE(bytes, VARHDRSZ + body.len);
		memcpy(VARDATA(bytes), body.bytes, body.len);
		return rtm_column(PointerGetDatum(bytes));
	}
	rtm_body_from_wire(body.bytes, body.len, &plain, &binary);
	if (type == TEXTOID || plain.isnull)
		return plain;
	return json_value(type, TextDatumGetCString(plain.value));
}

/* The body when it is no text, else NULL. */
static NullableDatum
binary_value(RtmBytes body)
{
	NullableDatum plain;
	NullableDatum binary;

	rtm_body_from_wire(body.bytes, body.len, &plain, &binary);
	return binary;
}

NullableDatum
rtm_field_value(RtmFieldId field, Oid type, const RtmMessage *m, const int64 *keys)
{
	switch (field)
	{
		case RTM_COLUMN_UID:
		case RTM_COLUMN_OUID:
		case RTM_COLUMN_GID:
		case RTM_COLUMN_RID:
			return int_value(field, type, keys[field]);
		case RTM_COLUMN_ID:
			return int_value(field, type, m->id);
		case RTM_COLUMN_DIRECTION:
			return int_value(field, type, m->direction);
		case RTM_COLUMN_FROM:
			return m->users_known ? int_value(field, type, m->from_uid) : rtm_null_column();
		case RTM_COLUMN_TO:
			return m->users_known ? int_value(field, type, m->to_uid) : rtm_null_column();
		case RTM_COLUMN_MTYPE:
			return int_value(field, type, m->mtype);
		case RTM_COLUMN_MID:
			return int_value(field, type, m->mid);
		case RTM_COLUMN_MTIME:
			return int_value(field, type, m->mtime);
		case RTM_COLUMN_SENT:
			return rtm_column(TimestampTzGetDatum(rtm_time_of(m->mtime)));
		case RTM_COLUMN_MSG:
			return body_value(type, m->msg);
		case RTM_COLUMN_ATTRS:
			return body_value(type, m->attrs);
		case RTM_COLUMN_MSG_BINARY:
			return binary_value(m->msg);
		case RTM_COLUMN_ATTRS_BINARY:
			return binary_value(m->attrs);
	}
	return rtm_null_column();
}

/* ---- to a method ---- */

NullableDatum
rtm_field_argument(Oid type, NullableDatum value)
{
	Oid	 output;
	bool varlena;

	if (value.isnull)
		return value;
	if (type == INT4OID)
		value.value = Int64GetDatum(DatumGetInt32(value.value));
	else if (type == JSONOID || type == JSONBOID)
	{
		getTypeOutputInfo(type, &output, &varlena);
		value.value = CStringGetTextDatum(OidOutputFunctionCall(output, value.value));
	}
	return value;
}
