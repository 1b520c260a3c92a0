/*-------------------------------------------------------------------------
 *
 * gate_json.c
 *	  Quests whose payload is JSON, and their answers.
 *
 * PostgreSQL's own parser reads them: first only to see whether it is JSON,
 * which raises nothing, then into a jsonb.  Escapes that jsonb doesn't take are
 * refused by the first look, too: its error would put the text into the log.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "common/jsonapi.h"
#include "common/shortest_dec.h"
#include "common/base64.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"
#include "quest/gate_json.h"

/* ---- reading ---- */

/*
 * Of a number with this exponent, or a larger one, nobody reads more than "too
 * large": as a numeric it would cost its digits, far more than its text.  Nor of
 * one with so many digits.
 */
#define MAX_EXPONENT_DIGITS 2
#define MAX_DIGITS			100

/*
 * Values of a quest: each costs the gate, and whoever waits for it, far more than
 * its two bytes.  No quest has more than ids that a connection may listen to.
 */
#define MAX_VALUES (GATE_MAX_SUBSCRIPTIONS + 1000)

/* Has the exponent that begins behind the "e" at text[i] too many digits? */
static bool
is_vast(const char *text, size_t len, size_t i)
{
	int digits = 0;

	for (i++; i < len && (text[i] == '+' || text[i] == '-' || text[i] == '0'); i++)
		;
	for (; i < len && isdigit((unsigned char) text[i]); i++)
		digits++;
	return digits > MAX_EXPONENT_DIGITS;
}

/*
 * A look at the text before anybody has said who he is: what would cost more to
 * read than its bytes?  The parser recurses, too, and what it says of a deep text is
 * an error.
 */
static bool
is_modest(const char *text, size_t len)
{
	int	 depth = 0;
	int	 values = 0;
	int	 digits = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++)
	{
		digits = !quoted && isdigit((unsigned char) text[i]) ? digits + 1 : 0;
		if (!quoted && (text[i] == ',' || text[i] == ':'))
			values++;
		if (digits > MAX_DIGITS || values > MAX_VALUES)
			return false;
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && (text[i] == '}' || text[i] == ']'))
			depth--;
		else if (!quoted && (text[i] == 'e' || text[i] == 'E') && is_vast(text, len, i))
			return false;
		if (depth > FPNN_MAX_DEPTH)
			return false;
	}
	return true;
}

bool
gate_json_is_object(const char *text, size_t len)
{
	JsonLexContext *lex;
	size_t			i = 0;

	while (i < len && isspace((unsigned char) text[i]))
		i++;
	if (i == len || text[i] != '{' || !is_modest(text, len) ||
		!pg_verify_mbstr(PG_UTF8, text, (int) len, true))
		return false;
	lex = rtm_json_lexer((char *) text, (int) len, PG_UTF8);
	return pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

static void pack_content(msgpack_packer *packer, JsonbContainer *container);

static void
pack_text(msgpack_packer *packer, const JsonbValue *value)
{
	char *wire = pg_server_to_any(value->val.string.val, value->val.string.len, PG_UTF8);

	fpnn_pack_text_len(packer, wire,
					   wire == value->val.string.val ? (size_t) value->val.string.len
													 : strlen(wire));
}

/* An integer where it is one; "1.0" is not, as on the wire. */
static void
pack_number(msgpack_packer *packer, Numeric number)
{
	char	 *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	char	 *end;
	long long value;

	errno = 0;
	value = strtoll(digits, &end, 10);
	if (errno == 0 && *end == '\0')
		msgpack_pack_int64(packer, value);
	else
		msgpack_pack_double(packer, DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																	   NumericGetDatum(number))));
	pfree(digits);
}

static void
pack_value(msgpack_packer *packer, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			pack_text(packer, value);
			break;
		case jbvNumeric:
			pack_number(packer, value->val.numeric);
			break;
		case jbvBool:
			if (value->val.boolean)
				msgpack_pack_true(packer);
			else
				msgpack_pack_false(packer);
			break;
		case jbvBinary:
			pack_content(packer, value->val.binary.data);
			break;
		default:
			msgpack_pack_nil(packer);
	}
}

static void
pack_content(msgpack_packer *packer, JsonbContainer *container)
{
	JsonbIterator	  *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue		   value;

	if (JsonContainerIsObject(container))
		msgpack_pack_map(packer, JsonContainerSize(container));
	else
		msgpack_pack_array(packer, JsonContainerSize(container));
	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			pack_text(packer, &value);
		else if (token == WJB_VALUE || token == WJB_ELEM)
			pack_value(packer, &value);
	}
}

static Jsonb *
parse(const char *text, size_t len)
{
	char *copy = pnstrdup(text, len);
	char *server = pg_any_to_server(copy, (int) len, PG_UTF8);

	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(server)));
}

bool
gate_json_read(GateQuest *quest)
{
	FpnnFrame	  *frame = &quest->frame;
	FpnnBuf		   out;
	msgpack_packer packer;
	Jsonb		  *json;

	if (!(frame->flag & FPNN_FLAG_JSON) || quest->converted)
		return true;
	if (!gate_json_is_object((const char *) frame->payload, frame->payload_len))
		return false;
	json = parse((const char *) frame->payload, frame->payload_len);

	/* the answer's buffer is malloc()ed and released in any case */
	fpnn_packer_init(&packer, &quest->answer);
	pack_content(&packer, &json->root);
	out = quest->answer;
	if (out.failed)
		return false;
	frame->payload_len = fpnn_buf_len(&out);
	frame->payload = memcpy(palloc(frame->payload_len), fpnn_buf_head(&out), frame->payload_len);
	fpnn_buf_reset(&quest->answer, SIZE_MAX);
	quest->converted = true;
	return true;
}

/* ---- writing ---- */

static void write_value(StringInfo out, const msgpack_object *object);

static void
write_base64(StringInfo out, const char *bytes, size_t len)
{
	int size = pg_b64_enc_len((int) len);

	appendStringInfoString(out, "{\"base64\": \"");
	enlargeStringInfo(out, size);
	out->len += Max(pg_b64_encode((const void *) bytes, (int) len, out->data + out->len, size), 0);
	out->data[out->len] = '\0';
	appendStringInfoString(out, "\"}");
}

static void
write_text(StringInfo out, const char *bytes, size_t len)
{
	if (pg_verify_mbstr(PG_UTF8, bytes, (int) len, true))
		escape_json(out, pnstrdup(bytes, len));
	else
		write_base64(out, bytes, len);
}

static void
write_float(StringInfo out, double number)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(number) || isinf(number))
		appendStringInfoString(out, "null");
	else
	{
		double_to_shortest_decimal_buf(number, digits);
		appendStringInfoString(out, digits);
	}
}

static void
write_key(StringInfo out, const msgpack_object *key)
{
	const char *bytes;
	size_t		len;

	if (fpnn_object_text(key, &bytes, &len) == FPNN_OK &&
		pg_verify_mbstr(PG_UTF8, bytes, (int) len, true))
		escape_json(out, pnstrdup(bytes, len));
	else
		appendStringInfoString(out, "\"\"");
}

static void
write_map(StringInfo out, const msgpack_object_map *map)
{
	appendStringInfoChar(out, '{');
	for (uint32 i = 0; i < map->size; i++)
	{
		appendStringInfoString(out, i ? ", " : "");
		write_key(out, &map->ptr[i].key);
		appendStringInfoChar(out, ':');
		write_value(out, &map->ptr[i].val);
	}
	appendStringInfoChar(out, '}');
}

static void
write_array(StringInfo out, const msgpack_object_array *array)
{
	appendStringInfoChar(out, '[');
	for (uint32 i = 0; i < array->size; i++)
	{
		appendStringInfoString(out, i ? ", " : "");
		write_value(out, &array->ptr[i]);
	}
	appendStringInfoChar(out, ']');
}

/* What JSON has no form for (an extension type, an infinite number) is null. */
static void
write_value(StringInfo out, const msgpack_object *object)
{
	const char *bytes;
	size_t		len;

	switch (object->type)
	{
		case MSGPACK_OBJECT_BOOLEAN:
			appendStringInfoString(out, object->via.boolean ? "true" : "false");
			break;
		case MSGPACK_OBJECT_POSITIVE_INTEGER:
			appendStringInfo(out, UINT64_FORMAT, (uint64) object->via.u64);
			break;
		case MSGPACK_OBJECT_NEGATIVE_INTEGER:
			appendStringInfo(out, INT64_FORMAT, (int64) object->via.i64);
			break;
		case MSGPACK_OBJECT_FLOAT32:
		case MSGPACK_OBJECT_FLOAT64:
			write_float(out, object->via.f64);
			break;
		case MSGPACK_OBJECT_STR:
		case MSGPACK_OBJECT_BIN:
			(void) fpnn_object_text(object, &bytes, &len);
			write_text(out, bytes, len);
			break;
		case MSGPACK_OBJECT_ARRAY:
			write_array(out, &object->via.array);
			break;
		case MSGPACK_OBJECT_MAP:
			write_map(out, &object->via.map);
			break;
		default:
			appendStringInfoString(out, "null");
	}
}

static void
write_error(StringInfo out, const GateQuest *quest)
{
	appendStringInfo(out, "{\"code\":%d, \"ex\":", quest->code);
	escape_json(out, quest->ex ? quest->ex : "");
	appendStringInfoChar(out, '}');
}

void
gate_json_write(GateQuest *quest)
{
	StringInfoData text;
	FpnnDoc		   doc = {0};

	if (!(quest->frame.flag & FPNN_FLAG_JSON) || quest->final)
		return;
	initStringInfo(&text);
	if (quest->code == 0 &&
		fpnn_doc_open(&doc, fpnn_buf_head(&quest->answer), fpnn_buf_len(&quest->answer)) == FPNN_OK)
		write_map(&text, &doc.map->via.map);
	else
		write_error(&text, quest);
	fpnn_doc_close(&doc);
	fpnn_buf_reset(&quest->answer, SIZE_MAX);
	(void) fpnn_buf_append(&quest->answer, text.data, (size_t) text.len);
	pfree(text.data);
}
