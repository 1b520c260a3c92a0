/*-------------------------------------------------------------------------
 *
 * test_payload.c
 *	  Payloads: captured ones, typed access, hostile msgpack.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "fpnn/known.h"

static void
check_ints(const msgpack_object_array *array, const VField *field)
{
	if (!CHECK_INT(array->size, field->nints))
		return;
	for (size_t i = 0; i < field->nints; i++)
	{
		int64_t value;

		CHECK_INT(fpnn_object_int(&array->ptr[i], &value), FPNN_OK);
		CHECK_INT(value, field->ints[i]);
	}
}

static void
check_field(const msgpack_object *map, const VField *field)
{
	const msgpack_object_array *array;
	const char				   *text;
	size_t						len;
	int64_t						number;
	bool						truth;

	switch (field->type)
	{
		case V_INT:
			if (CHECK_INT(fpnn_map_int(map, field->key, &number), FPNN_OK))
				CHECK_INT(number, field->number);
			CHECK_INT(fpnn_map_bool(map, field->key, &truth), FPNN_BAD_TYPE);
			CHECK_INT(fpnn_map_text(map, field->key, &text, &len), FPNN_BAD_TYPE);
			break;
		case V_BOOL:
			if (CHECK_INT(fpnn_map_bool(map, field->key, &truth), FPNN_OK))
				CHECK_INT(truth, field->number);
			CHECK_INT(fpnn_map_int(map, field->key, &number), FPNN_BAD_TYPE);
			break;
		case V_TEXT:
			if (CHECK_INT(fpnn_map_text(map, field->key, &text, &len), FPNN_OK))
				CHECK_BYTES(text, len, field->text.bytes, field->text.len);
			CHECK_INT(fpnn_map_array(map, field->key, &array), FPNN_BAD_TYPE);
			CHECK_INT(fpnn_map_int(map, field->key, &number), FPNN_BAD_TYPE);
			break;
		case V_INTS:
			if (CHECK_INT(fpnn_map_array(map, field->key, &array), FPNN_OK))
				check_ints(array, field);
			CHECK_INT(fpnn_map_text(map, field->key, &text, &len), FPNN_BAD_TYPE);
			break;
	}
}

static void
check_row(const msgpack_object *object, const VRow *row)
{
	const int64_t		  expected[] = {row->id, row->from, row->mtype, row->mid};
	const msgpack_object *e;
	const char			 *text;
	size_t				  len;
	int64_t				  number;
	bool				  deleted;

	if (!CHECK_INT(object->type, MSGPACK_OBJECT_ARRAY) || !CHECK_INT(object->via.array.size, 8))
		return;
	e = object->via.array.ptr;
	for (int i = 0; i < 4; i++)
	{
		CHECK_INT(fpnn_object_int(&e[i], &number), FPNN_OK);
		CHECK_INT(number, expected[i]);
	}
	CHECK_INT(fpnn_object_bool(&e[4], &deleted), FPNN_OK);
	CHECK(!deleted);
	CHECK_INT(fpnn_object_text(&e[5], &text, &len), FPNN_OK);
	CHECK_BYTES(text, len, row->msg.bytes, row->msg.len);
	CHECK_INT(fpnn_object_text(&e[6], &text, &len), FPNN_OK);
	CHECK_BYTES(text, len, row->attrs.bytes, row->attrs.len);
	CHECK_INT(fpnn_object_int(&e[7], &number), FPNN_OK);
	CHECK_INT(number, row->mtime);
}

/* Pack a payload's values again: the same bytes must come out. */
static void
check_packed_again(const msgpack_object *map, const uint8_t *bytes, size_t len)
{
	FpnnBuf		   out;
	msgpack_packer packer;

	fpnn_buf_init(&out, &unit_env);
	fpnn_packer_init(&packer, &out);
	CHECK_INT(msgpack_pack_object(&packer, *map), 0);
	CHECK(!out.failed);
	CHECK_BYTES(fpnn_buf_head(&out), fpnn_buf_len(&out), bytes, len);
	fpnn_buf_free(&out);
}

static void
captured_payloads(void)
{
	for (size_t i = 0; i < unit_ncalls; i++)
	{
		const VCall				   *call = &unit_calls[i];
		const msgpack_object_array *msgs;
		FpnnFrame					frame;
		FpnnDoc						doc;
		uint8_t					   *copy;
		size_t						need;
		int64_t						number;

		CHECK_INT(
			fpnn_frame_parse(call->quest.bytes, call->quest.len, FPNN_MAX_FRAME, &frame, &need),
			FPNN_OK);
		copy = unit_copy(frame.payload, frame.payload_len);
		CHECK_INT(fpnn_doc_open(&doc, copy, frame.payload_len), FPNN_OK);
		CHECK_INT(doc.map->via.map.size, call->nparams);
		for (const VField *field = call->params; field->key; field++)
			check_field(doc.map, field);
		CHECK_INT(fpnn_map_int(doc.map, "nothing", &number), FPNN_NO_KEY);
		check_packed_again(doc.map, copy, frame.payload_len);
		fpnn_doc_close(&doc);
		free(copy);

		CHECK_INT(
			fpnn_frame_parse(call->answer.bytes, call->answer.len, FPNN_MAX_FRAME, &frame, &need),
			FPNN_OK);
		copy = unit_copy(frame.payload, frame.payload_len);
		CHECK_INT(fpnn_doc_open(&doc, copy, frame.payload_len), FPNN_OK);
		for (const VField *field = call->fields; field->key; field++)
			check_field(doc.map, field);
		if (call->nrows > 0 && CHECK_INT(fpnn_map_array(doc.map, "msgs", &msgs), FPNN_OK) &&
			CHECK_INT(msgs->size, call->nrows))
		{
			for (size_t r = 0; r < call->nrows; r++)
				check_row(&msgs->ptr[r], &call->rows[r]);
		}
		check_packed_again(doc.map, copy, frame.payload_len);
		fpnn_doc_close(&doc);
		fpnn_doc_close(&doc); /* harmless */
		free(copy);
	}
}

static FpnnStatus
open_copy(const void *bytes, size_t len)
{
	uint8_t	  *copy = unit_copy(bytes, len);
	FpnnDoc	   doc;
	FpnnStatus status = fpnn_doc_open(&doc, copy, len);

	if (status == FPNN_OK)
	{
		CHECK(doc.map != NULL);
		fpnn_doc_close(&doc);
	}
	free(copy);
	return status;
}

static void
truncated_payloads(void)
{
	for (size_t i = 0; i < unit_ncalls; i++)
	{
		FpnnFrame frame;
		size_t	  need;

		fpnn_frame_parse(unit_calls[i].answer.bytes, unit_calls[i].answer.len, FPNN_MAX_FRAME,
						 &frame, &need);
		for (size_t len = 0; len < frame.payload_len; len++)
			CHECK_INT(open_copy(frame.payload, len), FPNN_BAD_PAYLOAD);

		/* what follows the map is ignored */
		CHECK_INT(open_copy(unit_calls[i].answer.bytes + 16, unit_calls[i].answer.len - 16),
				  FPNN_OK);
	}
	CHECK_INT(open_copy("\x80\xc1\xff", 3), FPNN_OK);
}

/* Integers are strict, texts are str or bin: one map with every type. */
static void
typed_access(void)
{
	static const struct
	{
		const char *bytes;
		size_t		len;
		bool		is_int;
		int64_t		value;
	} values[] = {
		{"\x00", 1, true, 0},
		{"\x7f", 1, true, 127},
		{"\xff", 1, true, -1},
		{"\xe0", 1, true, -32},
		{"\xcc\xff", 2, true, 255},
		{"\xcd\xff\xff", 3, true, 65535},
		{"\xce\xff\xff\xff\xff", 5, true, INT64_C(4294967295)},
		{"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9, true, INT64_MAX},
		{"\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9, false, 0},
		{"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, false, 0},
		{"\xd0\x80", 2, true, -128},
		{"\xd0\x05", 2, true, 5},
		{"\xd1\x80\x00", 3, true, -32768},
		{"\xd2\x80\x00\x00\x00", 5, true, INT64_C(-2147483648)},
		{"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, true, INT64_MIN},
		{"\xca\x3f\x80\x00\x00", 5, false, 0},
		{"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9, false, 0},
		{"\xc0", 1, false, 0},
		{"\xc2", 1, false, 0},
		{"\xc3", 1, false, 0},
		{"\xa1"
		 "1",
		 2, false, 0},
		{"\xc4\x01"
		 "1",
		 3, false, 0},
		{"\x90", 1, false, 0},
		{"\x80", 1, false, 0},
		{"\xd4\x01\x01", 3, false, 0},
		{"\xc7\x00\x01", 3, false, 0},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		uint8_t		bytes[32] = {0x82, 0xa1, 'k'};
		const char *text = "unchanged";
		size_t		text_len = 9;
		int64_t		number = 42;
		uint8_t	   *copy;
		FpnnDoc		doc;
		bool		is_text = (values[i].bytes[0] & 0xe0) == 0xa0 || values[i].bytes[0] == '\xc4';

		/* the key may be binary, and another key of another type is in the way */
		memcpy(bytes + 3, values[i].bytes, values[i].len);
		memcpy(bytes + 3 + values[i].len, "\xc4\x01k\x07", 4);
		copy = unit_copy(bytes, 7 + values[i].len);
		if (CHECK_INT(fpnn_doc_open(&doc, copy, 7 + values[i].len), FPNN_OK))
		{
			CHECK_INT(fpnn_map_int(doc.map, "k", &number),
					  values[i].is_int ? FPNN_OK : FPNN_BAD_TYPE);
			CHECK_INT(number, values[i].is_int ? values[i].value : 42);
			CHECK_INT(fpnn_map_text(doc.map, "k", &text, &text_len),
					  is_text ? FPNN_OK : FPNN_BAD_TYPE);
			CHECK_BYTES(text, text_len, is_text ? "1" : "unchanged", is_text ? 1 : 9);
			CHECK(fpnn_map_get(fpnn_map_get(doc.map, "k"), "k") == NULL);
			fpnn_doc_close(&doc);
		}
		free(copy);
	}
	CHECK(fpnn_map_get(NULL, "k") == NULL);
}

static void
hostile_payloads(void)
{
	uint8_t	 bytes[FPNN_MAX_DEPTH + 8];
	uint8_t *many;
	size_t	 used;

	CHECK_INT(open_copy("", 0), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x80", 1), FPNN_OK);
	CHECK_INT(open_copy("\x90", 1), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\xc1", 1), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\xa3map", 4), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01", 2), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xc1", 3), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\x02", 3), FPNN_OK);

	/* announced lengths that aren't there */
	CHECK_INT(open_copy("\xdf\xff\xff\xff\xff", 5), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\xdf\x80\x00\x00\x00", 5), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xdd\xff\xff\xff\xff", 7), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xdb\xff\xff\xff\xff", 7), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xc6\xff\xff\xff\xff", 7), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xc9\xff\xff\xff\xff\x01", 8), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xd8\x01", 4), FPNN_BAD_PAYLOAD);
	CHECK_INT(open_copy("\x81\x01\xdb\x00\x00", 5), FPNN_BAD_PAYLOAD);

	/* nesting, up to the limit and past it */
	for (size_t depth = 1; depth <= FPNN_MAX_DEPTH + 1; depth++)
	{
		bytes[0] = 0x81;
		bytes[1] = 0x00;
		memset(bytes + 2, 0x91, depth - 1);
		bytes[1 + depth] = 0x00;
		CHECK_INT(open_copy(bytes, depth + 2),
				  depth <= FPNN_MAX_DEPTH ? FPNN_OK : FPNN_BAD_PAYLOAD);
	}

	/* more values than a payload may have, all of them there */
	many = malloc(FPNN_MAX_VALUES + 10);
	memset(many, 0xc0, FPNN_MAX_VALUES + 10);
	memcpy(many, "\x81\x00\xdd\x00\x0f\xff\xfd", 7);
	CHECK_INT(fpnn_msgpack_check(many, FPNN_MAX_VALUES + 10, &used), FPNN_OK);
	CHECK_INT(used, 7 + FPNN_MAX_VALUES - 3);
	many[6] = 0xfe;
	CHECK_INT(fpnn_msgpack_check(many, FPNN_MAX_VALUES + 10, &used), FPNN_BAD_PAYLOAD);
	free(many);
}

/*
 * What our check accepts, msgpack-c accepts with the same length; what it
 * refuses, msgpack-c refuses, too deep or too many aside (which these short
 * payloads with few nestings can't be).
 */
static void
agreement_with_msgpack_c(void)
{
	long accepted = 0;
	long refused = 0;

	for (int round = 0; round < 100000; round++)
	{
		uint8_t				  bytes[24];
		size_t				  len = 1 + unit_random_below(sizeof(bytes));
		size_t				  used = 0;
		size_t				  offset = 0;
		uint8_t				 *copy;
		FpnnStatus			  status;
		msgpack_unpacked	  unpacked;
		msgpack_unpack_return got;

		for (size_t i = 0; i < len; i++)
		{
			/* lengths are mostly small, types all over the place */
			static const uint8_t types[] = {
				0x80, 0x81, 0x82, 0x90, 0x91, 0x93, 0xa0, 0xa2, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5,
				0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3,
				0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};

			bytes[i] = unit_random() % 3 == 0
						   ? types[unit_random_below(sizeof(types))]
						   : (uint8_t) unit_random_below(unit_random() % 8 == 0 ? 256 : 4);
		}
		copy = unit_copy(bytes, len);
		status = fpnn_msgpack_check(copy, len, &used);

		/*
		 * msgpack-c allocates for lengths before it looks: it must not see
		 * the long ones here.
		 */
		if (status == FPNN_OK || memchr(bytes, 0xdd, len) == NULL)
		{
			if (status != FPNN_OK && memchr(bytes, 0xdf, len) != NULL)
			{
				free(copy);
				continue;
			}
			msgpack_unpacked_init(&unpacked);
			got = msgpack_unpack_next(&unpacked, (const char *) copy, len, &offset);
			if (status == FPNN_OK)
			{
				accepted++;
				CHECK_INT(got, MSGPACK_UNPACK_SUCCESS);
				CHECK_INT(used, offset);
			}
			else
			{
				refused++;
				CHECK_INT(status, FPNN_BAD_PAYLOAD);
				CHECK(got != MSGPACK_UNPACK_SUCCESS);
			}
			msgpack_unpacked_destroy(&unpacked);
		}
		free(copy);
	}
	CHECK(accepted > 1000);
	CHECK(refused > 1000);
}

static void
written_payloads(void)
{
	FpnnBuf		   out;
	msgpack_packer packer;

	fpnn_buf_init(&out, &unit_env);
	fpnn_packer_init(&packer, &out);
	msgpack_pack_map(&packer, 2);
	fpnn_pack_text(&packer, "k");
	fpnn_pack_text_len(&packer, "text", 4);
	fpnn_pack_text(&packer, "b");
	fpnn_pack_bin(&packer, "\0\xff", 2);
	CHECK_BYTES(fpnn_buf_head(&out), fpnn_buf_len(&out),
				"\x82\xa1k\xa4text\xa1"
				"b\xc4\x02\0\xff",
				14);
	fpnn_buf_free(&out);

	/* out of memory in the middle: visible at the end */
	fpnn_buf_init(&out, &unit_env);
	fpnn_packer_init(&packer, &out);
	unit_fail_after(1);
	for (int i = 0; i < 1000; i++)
		fpnn_pack_text(&packer, "text");
	CHECK(out.failed);
	fpnn_buf_free(&out);
}

/* Packed pairs without a header: whole, cut anywhere, and without the key. */
static void
pairs(void)
{
	static const char bytes[] = "\xa5mtype\x33\xa3mid\xcf\x00\x00\x00\x01\x00\x00\x00\x02"
								"\xa3msg\xa3mid\xa3tos\x92\x01\xa3mid\xa2n1\xff";
	size_t			  len = sizeof(bytes) - 1;
	size_t			  begin = 0;
	size_t			  end = 0;
	int64_t			  value = 7;

	for (size_t n = 0; n <= len; n++)
	{
		uint8_t	  *copy = unit_copy(bytes, n);
		FpnnStatus status = fpnn_pairs_find(copy, n, "mid", &begin, &end);

		CHECK_INT(status, n == 0 || n == 7 ? FPNN_NO_KEY : n < 20 ? FPNN_BAD_PAYLOAD : FPNN_OK);
		free(copy);
	}
	CHECK_INT(begin, 11);
	CHECK_INT(end, 20);
	CHECK_INT(fpnn_pairs_int((const uint8_t *) bytes, len, "mid", &value), FPNN_OK);
	CHECK_INT(value, (INT64_C(1) << 32) + 2);
	CHECK_INT(fpnn_pairs_int((const uint8_t *) bytes, len, "n1", &value), FPNN_OK);
	CHECK_INT(value, -1);
	CHECK_INT(fpnn_pairs_int((const uint8_t *) bytes, len, "msg", &value), FPNN_BAD_TYPE);
	CHECK_INT(fpnn_pairs_int((const uint8_t *) bytes, len, "mi", &value), FPNN_NO_KEY);
	CHECK_INT(fpnn_pairs_int((const uint8_t *) bytes, len - 1, "n1", &value), FPNN_BAD_PAYLOAD);
	CHECK_INT(value, -1);
}

static RtmFound
compare(const char *sent, size_t sent_len, const char *known, size_t known_len)
{
	FpnnDoc	 doc;
	RtmFound found;

	CHECK_INT(fpnn_doc_open(&doc, (const uint8_t *) known, known_len), FPNN_OK);
	found = rtm_compare_known((const uint8_t *) sent, sent_len, doc.map);
	fpnn_doc_close(&doc);
	return found;
}

/* Is the message that a gate knows the one that was sent? */
static void
known_messages(void)
{
	static const char sent[] = "\xa5mtype\x33\xa3mid\x05\xa3msg\xa2hi\xa5"
							   "attrs\xa0";
	static const char binary[] = "\xa5mtype\x33\xa3msg\xc4\x02hi";
	static const char none[] = "\xa5mtype\x33";
	static const char same[] = "\x82\xa5mtype\x33\xa3msg\xa2hi";
	static const char type[] = "\x82\xa5mtype\x34\xa3msg\xa2hi";
	static const char body[] = "\x82\xa5mtype\x33\xa3msg\xa2ho";
	static const char longer[] = "\x82\xa5mtype\x33\xa3msg\xa3hi!";
	static const char number[] = "\x82\xa5mtype\x33\xa3msg\x07";
	static const char empty[] = "\x80";
	static const char typeless[] = "\x81\xa3msg\xa2hi";

#define COMPARE(a, b) compare(a, sizeof(a) - 1, b, sizeof(b) - 1)
	CHECK_INT(COMPARE(sent, same), RTM_FOUND_SAME);
	CHECK_INT(COMPARE(binary, same), RTM_FOUND_SAME);
	CHECK_INT(COMPARE(sent, type), RTM_FOUND_OTHER);
	CHECK_INT(COMPARE(sent, body), RTM_FOUND_OTHER);
	CHECK_INT(COMPARE(sent, longer), RTM_FOUND_OTHER);
	CHECK_INT(COMPARE(sent, number), RTM_FOUND_OTHER);
	CHECK_INT(COMPARE(none, same), RTM_FOUND_OTHER);
	CHECK_INT(COMPARE(sent, empty), RTM_FOUND_NOTHING);
	CHECK_INT(COMPARE(sent, typeless), RTM_FOUND_NOTHING);
#undef COMPARE
}

void
test_payloads(void)
{
	unit_run("captured payloads, decoded and packed again", captured_payloads);
	unit_run("truncated payloads", truncated_payloads);
	unit_run("typed access", typed_access);
	unit_run("hostile payloads", hostile_payloads);
	unit_run("payload check and msgpack-c agree", agreement_with_msgpack_c);
	unit_run("written payloads", written_payloads);
	unit_run("packed pairs", pairs);
	unit_run("a message that the gate knows", known_messages);
}
