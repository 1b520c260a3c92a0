/*-------------------------------------------------------------------------
 *
 * payload.c
 *	  Fuzz target: the payload check and what msgpack-c makes of a payload.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "fpnn/payload.h"

/* Look at every byte of every value. */
static size_t
walk(const msgpack_object *object)
{
	const char *text;
	size_t		len;
	size_t		sum = 0;

	if (fpnn_object_text(object, &text, &len) == FPNN_OK)
	{
		for (size_t i = 0; i < len; i++)
			sum += (uint8_t) text[i];
	}
	else if (object->type == MSGPACK_OBJECT_ARRAY)
	{
		for (uint32_t i = 0; i < object->via.array.size; i++)
			sum += walk(&object->via.array.ptr[i]);
	}
	else if (object->type == MSGPACK_OBJECT_MAP)
	{
		for (uint32_t i = 0; i < object->via.map.size; i++)
			sum += walk(&object->via.map.ptr[i].key) + walk(&object->via.map.ptr[i].val);
	}
	return sum + 1;
}

static void
typed(const msgpack_object *map, const char *key)
{
	const msgpack_object_array *array;
	const char				   *text;
	size_t						len;
	int64_t						number;
	bool						truth;
	int							good = 0;

	good += fpnn_map_int(map, key, &number) == FPNN_OK;
	good += fpnn_map_bool(map, key, &truth) == FPNN_OK;
	good += fpnn_map_text(map, key, &text, &len) == FPNN_OK;
	good += fpnn_map_array(map, key, &array) == FPNN_OK;
	require(good <= 1);
	require((fpnn_map_get(map, key) != NULL) == (fpnn_map_int(map, key, &number) != FPNN_NO_KEY));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"num",  "lastid", "begin", "end",   "msgs",
									   "id",   "mtype",	 "msg",	  "attrs", "mtime",
									   "code", "ex",	 "ts",	  "",	   NULL};
	size_t					 used = 0;
	FpnnStatus				 checked = fpnn_msgpack_check(data, size, &used);
	FpnnDoc					 doc;
	FpnnStatus				 opened = fpnn_doc_open(&doc, data, size);

	require(checked != FPNN_OK || (used > 0 && used <= size));
	if (opened == FPNN_OK)
	{
		require(checked == FPNN_OK);
		walk(doc.map);
		for (int i = 0; keys[i]; i++)
			typed(doc.map, keys[i]);
		fpnn_doc_close(&doc);
	}
	else if (checked == FPNN_OK)
	{
		/* a good value that isn't a map, and nothing else, is refused */
		require((data[0] & 0xf0) != 0x80 && data[0] != 0xde && data[0] != 0xdf);
	}
	return 0;
}
