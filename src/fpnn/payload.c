/*-------------------------------------------------------------------------
 *
 * payload.c
 *	  Payloads: one msgpack map with string keys.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/payload.h"

#include <string.h>

/* A big-endian unsigned integer of n bytes. */
static uint64_t
get_be(const uint8_t *p, int n)
{
	uint64_t value = 0;

	for (int i = 0; i < n; i++)
		value = value << 8 | p[i];
	return value;
}

/*
 * One value's shape, from its first byte: how many bytes of length field
 * follow, how many bytes of content come behind those beside what the length
 * field says, and how many values each counted item of it holds.
 */
typedef struct Shape
{
	int		 length_bytes; /* 0, 1, 2 or 4 */
	uint64_t inline_count; /* the count when there is no length field */
	int		 extra;		   /* bytes beside the counted ones */
	int		 children;	   /* 0: the count is bytes; 1: array; 2: map */
	bool	 valid;
} Shape;

/* First bytes 0xc0 to 0xdf; in the others the count is in the byte itself. */
static const Shape shapes[32] = {
	{.valid = true},  /* nil */
	{.valid = false}, /* never used */
	{.valid = true},  /* false, true */
	{.valid = true},
	{.length_bytes = 1, .valid = true}, /* bin 8, 16, 32 */
	{.length_bytes = 2, .valid = true},
	{.length_bytes = 4, .valid = true},
	{.length_bytes = 1, .extra = 1, .valid = true}, /* ext: a type byte as well */
	{.length_bytes = 2, .extra = 1, .valid = true},
	{.length_bytes = 4, .extra = 1, .valid = true},
	{.inline_count = 4, .valid = true}, /* float 32, 64 */
	{.inline_count = 8, .valid = true},
	{.inline_count = 1, .valid = true}, /* uint 8 to 64 */
	{.inline_count = 2, .valid = true},
	{.inline_count = 4, .valid = true},
	{.inline_count = 8, .valid = true},
	{.inline_count = 1, .valid = true}, /* int 8 to 64 */
	{.inline_count = 2, .valid = true},
	{.inline_count = 4, .valid = true},
	{.inline_count = 8, .valid = true},
	{.inline_count = 1, .extra = 1, .valid = true}, /* fixext 1 to 16 */
	{.inline_count = 2, .extra = 1, .valid = true},
	{.inline_count = 4, .extra = 1, .valid = true},
	{.inline_count = 8, .extra = 1, .valid = true},
	{.inline_count = 16, .extra = 1, .valid = true},
	{.length_bytes = 1, .valid = true}, /* str 8, 16, 32 */
	{.length_bytes = 2, .valid = true},
	{.length_bytes = 4, .valid = true},
	{.length_bytes = 2, .children = 1, .valid = true}, /* array 16, 32 */
	{.length_bytes = 4, .children = 1, .valid = true},
	{.length_bytes = 2, .children = 2, .valid = true}, /* map 16, 32 */
	{.length_bytes = 4, .children = 2, .valid = true},
};

static Shape
shape_of(uint8_t b)
{
	Shape s = {.valid = true};

	if (b >= 0xc0 && b <= 0xdf)
		return shapes[b - 0xc0];
	if (b >= 0x80 && b <= 0x8f) /* map */
	{
		s.children = 2;
		s.inline_count = b & 0x0f;
	}
	else if (b >= 0x90 && b <= 0x9f) /* array */
	{
		s.children = 1;
		s.inline_count = b & 0x0f;
	}
	else if (b >= 0xa0 && b <= 0xbf) /* str */
		s.inline_count = b & 0x1f;
	return s; /* else a number */
}

FpnnStatus
fpnn_msgpack_check(const uint8_t *bytes, size_t len, size_t *used)
{
	uint64_t open[FPNN_MAX_DEPTH]; /* values still to come, per level */
	int		 depth = 0;
	size_t	 pos = 0;
	size_t	 values = 0;

	do
	{
		Shape	 s;
		uint64_t count;

		if (pos >= len || ++values > FPNN_MAX_VALUES)
			return FPNN_BAD_PAYLOAD;
		s = shape_of(bytes[pos++]);
		if (!s.valid || (size_t) s.length_bytes > len - pos)
			return FPNN_BAD_PAYLOAD;
		count = s.length_bytes ? get_be(bytes + pos, s.length_bytes) : s.inline_count;
		pos += (size_t) s.length_bytes;

		if (s.children == 0)
		{
			if (count + (uint64_t) s.extra > len - pos)
				return FPNN_BAD_PAYLOAD;
			pos += (size_t) count + (size_t) s.extra;
		}
		else if (count > 0)
		{
			/* every value has one byte at least */
			count *= (uint64_t) s.children;
			if (count > len - pos || depth == FPNN_MAX_DEPTH)
				return FPNN_BAD_PAYLOAD;
			open[depth++] = count;
			continue;
		}

		/* a whole value has ended, and with it perhaps what it was in */
		while (depth > 0 && --open[depth - 1] == 0)
			depth--;
	} while (depth > 0);

	*used = pos;
	return FPNN_OK;
}

FpnnStatus
fpnn_doc_open(FpnnDoc *doc, const uint8_t *bytes, size_t len)
{
	FpnnStatus			  status;
	size_t				  used;
	size_t				  offset = 0;
	msgpack_unpack_return got;

	msgpack_unpacked_init(&doc->unpacked);
	doc->map = NULL;

	status = fpnn_msgpack_check(bytes, len, &used);
	if (status != FPNN_OK)
		return status;

	got = msgpack_unpack_next(&doc->unpacked, (const char *) bytes, used, &offset);
	if (got == MSGPACK_UNPACK_NOMEM_ERROR)
		return FPNN_NOMEM;
	if (got < 0 || doc->unpacked.data.type != MSGPACK_OBJECT_MAP)
	{
		fpnn_doc_close(doc);
		return FPNN_BAD_PAYLOAD;
	}
	doc->map = &doc->unpacked.data;
	return FPNN_OK;
}

void
fpnn_doc_close(FpnnDoc *doc)
{
	msgpack_unpacked_destroy(&doc->unpacked);
	doc->map = NULL;
}

const msgpack_object *
fpnn_map_get(const msgpack_object *map, const char *key)
{
	size_t key_len = strlen(key);

	if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++)
	{
		const msgpack_object_kv *kv = &map->via.map.ptr[i];
		const char				*text;
		size_t					 len;

		if (fpnn_object_text(&kv->key, &text, &len) == FPNN_OK && len == key_len &&
			memcmp(text, key, len) == 0)
			return &kv->val;
	}
	return NULL;
}

FpnnStatus
fpnn_object_int(const msgpack_object *object, int64_t *value)
{
	if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		*value = object->via.i64;
	else if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX)
		*value = (int64_t) object->via.u64;
	else
		return FPNN_BAD_TYPE;
	return FPNN_OK;
}

FpnnStatus
fpnn_object_bool(const msgpack_object *object, bool *value)
{
	if (object->type != MSGPACK_OBJECT_BOOLEAN)
		return FPNN_BAD_TYPE;
	*value = object->via.boolean;
	return FPNN_OK;
}

FpnnStatus
fpnn_object_text(const msgpack_object *object, const char **text, size_t *len)
{
	if (object->type == MSGPACK_OBJECT_STR)
	{
		*text = object->via.str.ptr;
		*len = object->via.str.size;
	}
	else if (object->type == MSGPACK_OBJECT_BIN)
	{
		*text = object->via.bin.ptr;
		*len = object->via.bin.size;
	}
	else
		return FPNN_BAD_TYPE;
	if (*len == 0)
		*text = "";
	return FPNN_OK;
}

FpnnStatus
fpnn_map_int(const msgpack_object *map, const char *key, int64_t *value)
{
	const msgpack_object *object = fpnn_map_get(map, key);

	return object ? fpnn_object_int(object, value) : FPNN_NO_KEY;
}

FpnnStatus
fpnn_map_bool(const msgpack_object *map, const char *key, bool *value)
{
	const msgpack_object *object = fpnn_map_get(map, key);

	return object ? fpnn_object_bool(object, value) : FPNN_NO_KEY;
}

FpnnStatus
fpnn_map_text(const msgpack_object *map, const char *key, const char **text, size_t *len)
{
	const msgpack_object *object = fpnn_map_get(map, key);

	return object ? fpnn_object_text(object, text, len) : FPNN_NO_KEY;
}

FpnnStatus
fpnn_map_array(const msgpack_object *map, const char *key, const msgpack_object_array **array)
{
	const msgpack_object *object = fpnn_map_get(map, key);

	if (object == NULL)
		return FPNN_NO_KEY;
	if (object->type != MSGPACK_OBJECT_ARRAY)
		return FPNN_BAD_TYPE;
	*array = &object->via.array;
	return FPNN_OK;
}

FpnnStatus
fpnn_pairs_find(const uint8_t *bytes, size_t len, const char *key, size_t *begin, size_t *end)
{
	size_t key_len = strlen(key);
	size_t pos = 0;
	size_t used;

	while (pos < len)
	{
		bool found = bytes[pos] == (0xa0 | key_len) && len - pos > key_len &&
					 memcmp(bytes + pos + 1, key, key_len) == 0;

		if (fpnn_msgpack_check(bytes + pos, len - pos, &used) != FPNN_OK)
			return FPNN_BAD_PAYLOAD;
		pos += used;
		if (fpnn_msgpack_check(bytes + pos, len - pos, &used) != FPNN_OK)
			return FPNN_BAD_PAYLOAD;
		if (found)
		{
			*begin = pos;
			*end = pos + used;
			return FPNN_OK;
		}
		pos += used;
	}
	return FPNN_NO_KEY;
}

FpnnStatus
fpnn_pairs_int(const uint8_t *bytes, size_t len, const char *key, int64_t *value)
{
	msgpack_unpacked unpacked;
	size_t			 begin;
	size_t			 end;
	FpnnStatus		 status = fpnn_pairs_find(bytes, len, key, &begin, &end);

	if (status != FPNN_OK)
		return status;
	msgpack_unpacked_init(&unpacked);
	status = FPNN_BAD_PAYLOAD;
	if (msgpack_unpack_next(&unpacked, (const char *) bytes, end, &begin) == MSGPACK_UNPACK_SUCCESS)
		status = fpnn_object_int(&unpacked.data, value);
	msgpack_unpacked_destroy(&unpacked);
	return status;
}

void
fpnn_packer_init(msgpack_packer *packer, FpnnBuf *out)
{
	msgpack_packer_init(packer, out, fpnn_buf_msgpack_write);
}

void
fpnn_pack_text_len(msgpack_packer *packer, const char *text, size_t len)
{
	msgpack_pack_str(packer, len);
	msgpack_pack_str_body(packer, text, len);
}

void
fpnn_pack_text(msgpack_packer *packer, const char *text)
{
	fpnn_pack_text_len(packer, text, strlen(text));
}

void
fpnn_pack_bin(msgpack_packer *packer, const void *bytes, size_t len)
{
	msgpack_pack_bin(packer, len);
	msgpack_pack_bin_body(packer, bytes, len);
}
