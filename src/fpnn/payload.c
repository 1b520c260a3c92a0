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

static Shape
shape_of(uint8_t b)
{
	Shape s = {.valid = true};

	if (b <= 0x7f || b >= 0xe0)
		return s; /* fixint */
	if (b <= 0x8f)
	{
		s.children = 2;
		s.inline_count = b & 0x0f;
		return s;
	}
	if (b <= 0x9f)
	{
		s.children = 1;
		s.inline_count = b & 0x0f;
		return s;
	}
	if (b <= 0xbf)
	{
		s.inline_count = b & 0x1f;
		return s;
	}

	switch (b)
	{
		case 0xc0: /* nil, false, true */
		case 0xc2:
		case 0xc3:
			break;
		case 0xc4: /* bin 8, 16, 32 */
		case 0xc5:
		case 0xc6:
			s.length_bytes = 1 << (b - 0xc4);
			break;
		case 0xc7: /* ext 8, 16, 32: a type byte as well */
		case 0xc8:
		case 0xc9:
			s.length_bytes = 1 << (b - 0xc7);
			s.extra = 1;
			break;
		case 0xca: /* float 32, 64 */
		case 0xcb:
			s.inline_count = b == 0xca ? 4 : 8;
			break;
		case 0xcc: /* uint 8 to 64 */
		case 0xcd:
		case 0xce:
		case 0xcf:
			s.inline_count = (uint64_t) 1 << (b - 0xcc);
			break;
		case 0xd0: /* int 8 to 64 */
		case 0xd1:
		case 0xd2:
		case 0xd3:
			s.inline_count = (uint64_t) 1 << (b - 0xd0);
			break;
		case 0xd4: /* fixext 1 to 16 */
		case 0xd5:
		case 0xd6:
		case 0xd7:
		case 0xd8:
			s.inline_count = (uint64_t) 1 << (b - 0xd4);
			s.extra = 1;
			break;
		case 0xd9: /* str 8, 16, 32 */
		case 0xda:
		case 0xdb:
			s.length_bytes = 1 << (b - 0xd9);
			break;
		case 0xdc: /* array 16, 32 */
		case 0xdd:
			s.length_bytes = b == 0xdc ? 2 : 4;
			s.children = 1;
			break;
		case 0xde: /* map 16, 32 */
		case 0xdf:
			s.length_bytes = b == 0xde ? 2 : 4;
			s.children = 2;
			break;
		default: /* 0xc1 is never used */
			s.valid = false;
			break;
	}
	return s;
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
