/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  Between jsonb and msgpack.
 *
 * Everything is allocated in the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>

#include "common/base64.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "client/error.h"
#include "client/text.h"
#include "method/encode.h"
#include "method/jsonb.h"

#define BYTES_KEY "base64"

static void pack_container(msgpack_packer *packer, JsonbContainer *container);

static void
pack_string(msgpack_packer *packer, const JsonbValue *string)
{
	size_t		len;
	const char *wire = rtm_text_to_wire(string->val.string.val, (size_t) string->val.string.len,
										"params", &len);

	fpnn_pack_text_len(packer, wire, len);
}

bool
rtm_whole_number(Numeric number, int64 *value)
{
	char *digits = numeric_normalize(number); /* "1" for 1.0 */
	char *end;
	bool  whole;

	errno = 0;
	*value = strtoll(digits, &end, 10);
	whole = errno == 0 && *end == '\0';
	pfree(digits);
	return whole;
}

static void
pack_number(msgpack_packer *packer, Numeric number)
{
	int64 value;

	if (rtm_whole_number(number, &value))
		msgpack_pack_int64(packer, value);
	else
		msgpack_pack_double(
			packer, DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(number))));
}

/* The string of an object that stands for bytes, or NULL if it is another. */
static JsonbValue *
bytes_of_object(JsonbContainer *container)
{
	JsonbValue *value;

	if (!JsonContainerIsObject(container) || JsonContainerSize(container) != 1)
		return NULL;
	value = getKeyJsonValueFromContainer(container, BYTES_KEY, strlen(BYTES_KEY), NULL);
	return value && value->type == jbvString ? value : NULL;
}

static void
pack_base64(msgpack_packer *packer, const JsonbValue *string)
{
	int	  size = pg_b64_dec_len(string->val.string.len);
	void *bytes = palloc(Max(size, 1));
	int	  len = pg_b64_decode(string->val.string.val, string->val.string.len, bytes, size);

	if (len < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid base64 in argument \"params\""),
						errhint("An object with the one key \"%s\" stands for bytes.", BYTES_KEY)));
	fpnn_pack_bin(packer, bytes, (size_t) len);
	pfree(bytes);
}

/* A value of an object or an array; nested ones come as jbvBinary. */
static void
pack_value(msgpack_packer *packer, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			msgpack_pack_nil(packer);
			break;
		case jbvString:
			pack_string(packer, value);
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
			pack_container(packer, value->val.binary.data);
			break;
		default:
			elog(ERROR, "unexpected type of jsonb value: %d", (int) value->type);
	}
}

/* The values in an array, or the keys and values in an object. */
static void
pack_content(msgpack_packer *packer, JsonbContainer *container)
{
	JsonbIterator	  *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue		   value;

	/* nested containers come whole, as jbvBinary */
	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			pack_string(packer, &value);
		else if (token == WJB_VALUE || token == WJB_ELEM)
			pack_value(packer, &value);
	}
}

static void
pack_container(msgpack_packer *packer, JsonbContainer *container)
{
	JsonbValue *bytes = bytes_of_object(container);

	check_stack_depth();
	if (bytes)
	{
		pack_base64(packer, bytes);
		return;
	}
	if (JsonContainerIsArray(container))
		msgpack_pack_array(packer, JsonContainerSize(container));
	else
		msgpack_pack_map(packer, JsonContainerSize(container));
	pack_content(packer, container);
}

/* The keys that sign a quest are ours. */
static void
check_reserved(JsonbContainer *container)
{
	static const char *const reserved[] = {"pid", "salt", "ts", "sign"};

	for (int i = 0; i < lengthof(reserved); i++)
	{
		if (getKeyJsonValueFromContainer(container, reserved[i], strlen(reserved[i]), NULL))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"%s\" cannot be given in argument \"params\"", reserved[i]),
							errhint("Every quest gets pid, salt, ts and sign by itself.")));
	}
}

int
rtm_pack_jsonb(const Jsonb *params, StringInfo out)
{
	JsonbContainer *root = (JsonbContainer *) &params->root;
	msgpack_packer	packer;

	if (!JsonContainerIsObject(root))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"params\" must be a JSON object")));
	check_reserved(root);
	rtm_packer_init(&packer, out);
	pack_content(&packer, root);
	return (int) JsonContainerSize(root);
}

/* ---- from msgpack ---- */

static void push_object(JsonbParseState **state, JsonbIteratorToken token,
						const msgpack_object *object);

static JsonbValue
string_value(const char *text, size_t len)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = (char *) text;
	value.val.string.len = (int) len;
	return value;
}

static JsonbValue
numeric_value(const char *digits)
{
	JsonbValue value = {.type = jbvNumeric};

	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(
		numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return value;
}

static JsonbValue
float_value(double number)
{
	char *digits = float8out_internal(number);

	/* JSON has no such number: what to_jsonb() gives for it */
	if (isnan(number) || isinf(number))
		return string_value(digits, strlen(digits));
	return numeric_value(digits);
}

static JsonbValue
base64_value(const char *bytes, size_t len)
{
	int	  size = pg_b64_enc_len((int) len);
	char *text = palloc(Max(size, 1));
	int	  used = pg_b64_encode((const void *) bytes, (int) len, text, size);

	if (used < 0)
		elog(ERROR, "could not encode bytes as base64");
	return string_value(text, (size_t) used);
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = string_value(key, strlen(key));

	pushJsonbValue(state, WJB_KEY, &value);
}

/* Bytes as an object; ext is NULL when they aren't an extension value. */
static void
push_bytes(JsonbParseState **state, const char *bytes, size_t len, const int8 *ext)
{
	JsonbValue value = base64_value(bytes, len);

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_key(state, BYTES_KEY);
	pushJsonbValue(state, WJB_VALUE, &value);
	if (ext)
	{
		value = numeric_value(psprintf("%d", *ext));
		push_key(state, "ext");
		pushJsonbValue(state, WJB_VALUE, &value);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const msgpack_object *object)
{
	const char *bytes;
	size_t		len;
	size_t		server_len;
	char	   *text;
	JsonbValue	value;

	if (fpnn_object_text(object, &bytes, &len) != FPNN_OK)
		return;
	text = rtm_text_from_wire(bytes, len, &server_len);
	if (text == NULL)
	{
		push_bytes(state, bytes, len, NULL);
		return;
	}
	value = string_value(text, server_len);
	pushJsonbValue(state, token, &value);
}

/* Bytes as a key, which has to be a text. */
static const char *
bytes_key(const char *prefix, const char *bytes, size_t len)
{
	JsonbValue value = base64_value(bytes, len);

	return psprintf("%s%.*s", prefix, value.val.string.len, value.val.string.val);
}

static const char *
text_key(const msgpack_object *key)
{
	const char *bytes = NULL;
	size_t		len = 0;
	char	   *text;

	(void) fpnn_object_text(key, &bytes, &len);
	text = rtm_text_from_wire(bytes, len, &len);
	return text ? text : bytes_key("base64:", bytes, len);
}

/*
 * A list or a map is packed again: as JSON its quotes would be escaped once more
 * on each level, and twice as long.
 */
static const char *
container_key(const char *prefix, const msgpack_object *key)
{
	StringInfoData packed;
	msgpack_packer packer;

	initStringInfo(&packed);
	rtm_packer_init(&packer, &packed);
	msgpack_pack_object(&packer, *key);
	return bytes_key(prefix, packed.data, (size_t) packed.len);
}

/* Any value may be a key on the wire; in JSON it is what one can read. */
static const char *
key_text(const msgpack_object *key)
{
	switch (key->type)
	{
		case MSGPACK_OBJECT_NIL:
			return "null";
		case MSGPACK_OBJECT_BOOLEAN:
			return key->via.boolean ? "true" : "false";
		case MSGPACK_OBJECT_POSITIVE_INTEGER:
			return psprintf(UINT64_FORMAT, (uint64) key->via.u64);
		case MSGPACK_OBJECT_NEGATIVE_INTEGER:
			return psprintf(INT64_FORMAT, (int64) key->via.i64);
		case MSGPACK_OBJECT_FLOAT32:
		case MSGPACK_OBJECT_FLOAT64:
			return float8out_internal(key->via.f64);
		case MSGPACK_OBJECT_STR:
		case MSGPACK_OBJECT_BIN:
			return text_key(key);
		case MSGPACK_OBJECT_EXT:
			return bytes_key(psprintf("ext %d base64:", key->via.ext.type), key->via.ext.ptr,
							 key->via.ext.size);
		case MSGPACK_OBJECT_ARRAY:
			return container_key("array base64:", key);
		case MSGPACK_OBJECT_MAP:
			return container_key("map base64:", key);
	}
	return "";
}

static void
push_map(JsonbParseState **state, const msgpack_object *map)
{
	check_stack_depth();
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < map->via.map.size; i++)
	{
		push_key(state, key_text(&map->via.map.ptr[i].key));
		push_object(state, WJB_VALUE, &map->via.map.ptr[i].val);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_array(JsonbParseState **state, const msgpack_object *array)
{
	check_stack_depth();
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < array->via.array.size; i++)
		push_object(state, WJB_ELEM, &array->via.array.ptr[i]);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* A value of a map (token WJB_VALUE) or an array (WJB_ELEM). */
static void
push_object(JsonbParseState **state, JsonbIteratorToken token, const msgpack_object *object)
{
	JsonbValue value = {.type = jbvNull};

	switch (object->type)
	{
		case MSGPACK_OBJECT_NIL:
			break;
		case MSGPACK_OBJECT_BOOLEAN:
			value.type = jbvBool;
			value.val.boolean = object->via.boolean;
			break;
		case MSGPACK_OBJECT_POSITIVE_INTEGER:
			value = numeric_value(psprintf(UINT64_FORMAT, (uint64) object->via.u64));
			break;
		case MSGPACK_OBJECT_NEGATIVE_INTEGER:
			value = numeric_value(psprintf(INT64_FORMAT, (int64) object->via.i64));
			break;
		case MSGPACK_OBJECT_FLOAT32:
		case MSGPACK_OBJECT_FLOAT64:
			value = float_value(object->via.f64);
			break;
		case MSGPACK_OBJECT_STR:
		case MSGPACK_OBJECT_BIN:
			push_text(state, token, object);
			return;
		case MSGPACK_OBJECT_ARRAY:
			push_array(state, object);
			return;
		case MSGPACK_OBJECT_MAP:
			push_map(state, object);
			return;
		case MSGPACK_OBJECT_EXT:
			push_bytes(state, object->via.ext.ptr, object->via.ext.size, &object->via.ext.type);
			return;
	}
	pushJsonbValue(state, token, &value);
}

/* A whole value. */
static Jsonb *
object_jsonb(const msgpack_object *object)
{
	JsonbParseState *state = NULL;
	JsonbValue		*array;

	/* pushed as an element, taken out again: a scalar can't be pushed alone */
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	push_object(&state, WJB_ELEM, object);
	array = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(&array->val.array.elems[0]);
}

Jsonb *
rtm_answer_jsonb(const RtmReader *reader)
{
	return object_jsonb(reader->answer->map);
}

Jsonb *
rtm_read_jsonb(const RtmReader *reader, const char *key)
{
	const msgpack_object *object = fpnn_map_get(reader->answer->map, key);

	if (object == NULL)
		rtm_raise_bad_answer(reader->answer, reader->what, key, FPNN_NO_KEY);
	return object_jsonb(object);
}
