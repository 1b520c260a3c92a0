/*-------------------------------------------------------------------------
 *
 * test_frame.c
 *	  Frames: captured ones decoded and written again, wrong ones refused.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

static const VBlob *
frame_of(size_t i)
{
	const VCall *call = &unit_calls[i / 2];

	return i % 2 == 0 ? &call->quest : &call->answer;
}

/* Parse an exact copy; the frame points into *copy, which the caller frees. */
static FpnnStatus
parse_copy(const uint8_t *bytes, size_t len, uint8_t **copy, FpnnFrame *frame, size_t *need)
{
	*copy = unit_copy(bytes, len);
	return fpnn_frame_parse(*copy, len, FPNN_MAX_FRAME, frame, need);
}

static void
captured_frames(void)
{
	CHECK_INT(unit_ncalls, 18);
	for (size_t i = 0; i < 2 * unit_ncalls; i++)
	{
		const VCall *call = &unit_calls[i / 2];
		const VBlob *blob = frame_of(i);
		uint8_t		*copy;
		FpnnFrame	 frame;
		FpnnBuf		 out;
		size_t		 need;

		CHECK_INT(parse_copy(blob->bytes, blob->len, &copy, &frame, &need), FPNN_OK);
		CHECK_INT(frame.length, blob->len);
		CHECK_INT(need, blob->len);
		CHECK_INT(frame.seq, i / 2 + 1);
		CHECK_INT(frame.flag, FPNN_FLAG_MSGPACK);
		CHECK(frame.payload + frame.payload_len == copy + blob->len);

		fpnn_buf_init(&out, &unit_env);
		if (i % 2 == 0)
		{
			CHECK_INT(frame.mtype, FPNN_TWOWAY);
			CHECK_INT(frame.version, 0);
			CHECK_BYTES(frame.method, frame.method_len, call->method, strlen(call->method));
			CHECK(fpnn_frame_is(&frame, call->method));
			CHECK(!fpnn_frame_is(&frame, "sendms"));
			CHECK(!fpnn_frame_is(&frame, "*ping"));

			/* the vendor's Python client says version 0, we say 1 */
			CHECK_INT(fpnn_frame_put_quest(&out, call->method, true, frame.seq, frame.payload,
										   frame.payload_len),
					  FPNN_OK);
			CHECK_INT(out.data[4], FPNN_VERSION);
			out.data[4] = 0;
		}
		else
		{
			CHECK_INT(frame.mtype, FPNN_ANSWER);
			CHECK_INT(frame.status, 0);
			CHECK(!fpnn_frame_is(&frame, ""));
			CHECK_INT(fpnn_frame_put_answer(&out, frame.version, frame.flag, frame.status,
											frame.seq, frame.payload, frame.payload_len),
					  FPNN_OK);
		}
		CHECK_BYTES(fpnn_buf_head(&out), fpnn_buf_len(&out), blob->bytes, blob->len);
		fpnn_buf_free(&out);
		free(copy);
	}
}

/* A frame that isn't whole yet asks for more, and says how much. */
static void
truncated_frames(void)
{
	for (size_t i = 0; i < 2 * unit_ncalls; i++)
	{
		const VBlob *blob = frame_of(i);

		for (size_t len = 0; len < blob->len; len++)
		{
			uint8_t	 *copy;
			FpnnFrame frame;
			size_t	  need = 0;

			CHECK_INT(parse_copy(blob->bytes, len, &copy, &frame, &need), FPNN_MORE);
			CHECK_INT(need, len < FPNN_FIXED_HEADER ? FPNN_FIXED_HEADER : blob->len);
			free(copy);
		}
	}
}

static FpnnStatus
status_of(const uint8_t *bytes, size_t len, size_t max_frame)
{
	uint8_t	  *copy = unit_copy(bytes, len);
	FpnnFrame  frame;
	size_t	   need;
	FpnnStatus status = fpnn_frame_parse(copy, len, max_frame, &frame, &need);

	free(copy);
	return status;
}

static void
wrong_headers(void)
{
	static const uint8_t good[] = "FPNN\x01\x80\x01\x04\x00\x00\x00"; /* and a 0 */
	uint8_t				 bytes[12];

	CHECK_INT(status_of(good, 12, FPNN_MAX_FRAME), FPNN_MORE);

	/* every wrong value of every byte, reported as soon as it is there */
	for (size_t pos = 0; pos < 8; pos++)
	{
		for (int value = 0; value < 256; value++)
		{
			FpnnStatus expected = FPNN_MORE;

			memcpy(bytes, good, sizeof(bytes));
			bytes[pos] = (uint8_t) value;
			if (pos < 4 && value != good[pos])
				expected = FPNN_BAD_MAGIC;
			else if (pos == 5 && value != 0x40 && (value & 0xf0) != 0x80 && (value & 0xf0) != 0x40)
				expected = FPNN_BAD_FLAG;
			else if (pos == 6 && value > 2)
				expected = FPNN_BAD_MTYPE;
			else if (pos == 7 && value == 0)
				expected = FPNN_BAD_METHOD;
			CHECK_INT(status_of(bytes, pos + 1, FPNN_MAX_FRAME), expected);
			CHECK_INT(status_of(bytes, 12, FPNN_MAX_FRAME), expected);
		}
	}

	/* an answer's byte 7 is its status: all values are good */
	memcpy(bytes, good, sizeof(bytes));
	bytes[6] = FPNN_ANSWER;
	bytes[7] = 0;
	CHECK_INT(status_of(bytes, 12, FPNN_MAX_FRAME), FPNN_MORE);

	CHECK_INT(status_of((const uint8_t *) "GET / HTTP/1.1\r\n", 16, FPNN_MAX_FRAME),
			  FPNN_BAD_MAGIC);
}

static void
frame_sizes(void)
{
	static const uint32_t sizes[] = {0,			 1,			  0x7fffff,	   0x800000,   0x800001,
									 0x7fffffff, 0x80000000u, 0xfffffff0u, 0xffffffffu};

	for (int mtype = 0; mtype <= 2; mtype++)
	{
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		{
			uint8_t bytes[12] = {'F', 'P', 'N', 'N', 1, 0x80, (uint8_t) mtype, 255};
			size_t	total = (size_t) 12 + (mtype == FPNN_ANSWER ? 0 : 255) +
						   (mtype == FPNN_ONEWAY ? 0 : 4) + sizes[i];

			for (int b = 0; b < 4; b++)
				bytes[8 + b] = (uint8_t) (sizes[i] >> (8 * b));
			CHECK_INT(status_of(bytes, 12, FPNN_MAX_FRAME),
					  total > FPNN_MAX_FRAME ? FPNN_TOO_LARGE : FPNN_MORE);

			/* the limit itself is good, one less isn't */
			if (total <= FPNN_MAX_FRAME)
			{
				CHECK_INT(status_of(bytes, 12, total), FPNN_MORE);
				CHECK_INT(status_of(bytes, 12, total - 1), FPNN_TOO_LARGE);
			}
		}
	}
}

/* All kinds of quests and answers, written and read again. */
static void
round_trips(void)
{
	for (int round = 0; round < 2000; round++)
	{
		char	  method[FPNN_MAX_METHOD + 1];
		size_t	  method_len = 1 + unit_random_below(FPNN_MAX_METHOD);
		size_t	  len = unit_random_below(round % 100 == 0 ? 100000 : 300);
		uint32_t  seq = (uint32_t) unit_random();
		uint8_t	 *payload = malloc(len + 1);
		bool	  twoway = unit_random() & 1;
		uint8_t	 *copy;
		FpnnBuf	  out;
		FpnnFrame frame;
		size_t	  need;

		for (size_t i = 0; i < method_len; i++)
			method[i] = (char) ('a' + unit_random_below(26));
		method[method_len] = '\0';
		for (size_t i = 0; i < len; i++)
			payload[i] = (uint8_t) unit_random();

		fpnn_buf_init(&out, &unit_env);
		CHECK_INT(fpnn_frame_put_quest(&out, method, twoway, seq, payload, len), FPNN_OK);
		CHECK_INT(parse_copy(fpnn_buf_head(&out), fpnn_buf_len(&out), &copy, &frame, &need),
				  FPNN_OK);
		CHECK_INT(frame.mtype, twoway ? FPNN_TWOWAY : FPNN_ONEWAY);
		CHECK_INT(frame.seq, twoway ? seq : 0);
		CHECK(fpnn_frame_is(&frame, method));
		CHECK_BYTES(frame.payload, frame.payload_len, payload, len);
		CHECK_INT(frame.length, fpnn_buf_len(&out));
		free(copy);

		fpnn_buf_reset(&out, SIZE_MAX);
		CHECK_INT(fpnn_frame_put_answer(&out, 0, FPNN_FLAG_JSON, 7, seq, payload, len), FPNN_OK);
		CHECK_INT(parse_copy(fpnn_buf_head(&out), fpnn_buf_len(&out), &copy, &frame, &need),
				  FPNN_OK);
		CHECK_INT(frame.mtype, FPNN_ANSWER);
		CHECK_INT(frame.flag, FPNN_FLAG_JSON);
		CHECK_INT(frame.status, 7);
		CHECK_INT(frame.seq, seq);
		CHECK_BYTES(frame.payload, frame.payload_len, payload, len);
		free(copy);

		fpnn_buf_free(&out);
		free(payload);
	}
}

/* What can't be written isn't, and leaves no half of a frame behind. */
static void
refused_writes(void)
{
	char	method[FPNN_MAX_METHOD + 2];
	FpnnBuf out;

	fpnn_buf_init(&out, &unit_env);
	memset(method, 'm', sizeof(method));
	method[FPNN_MAX_METHOD + 1] = '\0';
	CHECK_INT(fpnn_frame_put_quest(&out, "", true, 1, "", 0), FPNN_BAD_METHOD);
	CHECK_INT(fpnn_frame_put_quest(&out, method, true, 1, "", 0), FPNN_BAD_METHOD);
	CHECK_INT(fpnn_frame_put_quest(&out, "m", true, 1, "", FPNN_MAX_FRAME), FPNN_TOO_LARGE);
	CHECK_INT(fpnn_frame_put_answer(&out, 1, FPNN_FLAG_MSGPACK, 0, 1, "", SIZE_MAX),
			  FPNN_TOO_LARGE);
	CHECK_INT(fpnn_buf_len(&out), 0);

	method[FPNN_MAX_METHOD] = '\0';
	CHECK_INT(fpnn_frame_put_quest(&out, method, true, 1, "\x80", 1), FPNN_OK);
	CHECK_INT(fpnn_buf_len(&out), 16 + FPNN_MAX_METHOD + 1);
	fpnn_buf_free(&out);

	unit_fail_after(0);
	CHECK_INT(fpnn_frame_put_quest(&out, "m", true, 1, "\x80", 1), FPNN_NOMEM);
	CHECK_INT(fpnn_buf_len(&out), 0);
	fpnn_buf_free(&out);
}

/* Damage frames at random: any status will do, a crash or over-read won't. */
static void
damaged_frames(void)
{
	long good = 0;

	for (int round = 0; round < 100000; round++)
	{
		const VBlob *blob = frame_of(unit_random_below(2 * unit_ncalls));
		uint8_t		*copy = unit_copy(blob->bytes, blob->len);
		size_t		 len = blob->len - unit_random_below(4) * unit_random_below(blob->len) / 4;
		uint8_t		*exact;
		FpnnFrame	 frame;
		size_t		 need = 0;
		FpnnStatus	 status;

		for (size_t n = 1 + unit_random_below(4); n > 0; n--)
			copy[unit_random_below(unit_random() & 1 ? 16 : blob->len)] = (uint8_t) unit_random();
		exact = unit_copy(copy, len);
		status = fpnn_frame_parse(exact, len, FPNN_MAX_FRAME, &frame, &need);
		if (status == FPNN_OK)
		{
			FpnnDoc doc;

			good++;
			CHECK(frame.length <= len);
			CHECK(frame.payload + frame.payload_len == exact + frame.length);
			if (fpnn_doc_open(&doc, frame.payload, frame.payload_len) == FPNN_OK)
				fpnn_doc_close(&doc);
		}
		else if (status == FPNN_MORE)
			CHECK(need > len && need <= FPNN_MAX_FRAME);
		CHECK(fpnn_status_text(status)[0] != '\0');
		free(exact);
		free(copy);
	}
	CHECK(good > 1000);
}

/* The buffer under all of it. */
static void
buffers(void)
{
	FpnnBuf	 buf;
	uint8_t *model = malloc(1 << 20);
	size_t	 head = 0;
	size_t	 tail = 0;

	fpnn_buf_init(&buf, &unit_env);
	for (int round = 0; round < 20000; round++)
	{
		if (unit_random() & 1)
		{
			uint8_t bytes[200];
			size_t	len = unit_random_below(sizeof(bytes));

			if (tail + len > 1 << 20)
			{
				memmove(model, model + head, tail - head);
				tail -= head;
				head = 0;
			}
			for (size_t i = 0; i < len; i++)
				model[tail++] = bytes[i] = (uint8_t) unit_random();
			CHECK_INT(fpnn_buf_append(&buf, bytes, len), FPNN_OK);
		}
		else
		{
			size_t len = unit_random_below(250);

			fpnn_buf_consume(&buf, len);
			head = len > tail - head ? tail : head + len;
		}
		if (!CHECK_BYTES(fpnn_buf_head(&buf), fpnn_buf_len(&buf), model + head, tail - head))
			break;
	}
	fpnn_buf_free(&buf);
	CHECK_INT(fpnn_buf_reserve(&buf, SIZE_MAX), FPNN_NOMEM);
	CHECK_INT(fpnn_buf_reserve(&buf, SIZE_MAX / 2), FPNN_NOMEM);

	/* a failed append stays visible until the reset */
	unit_fail_after(0);
	CHECK_INT(fpnn_buf_append(&buf, "x", 1), FPNN_NOMEM);
	unit_fail_after(-1);
	CHECK_INT(fpnn_buf_append(&buf, "x", 1), FPNN_NOMEM);
	CHECK(buf.failed);
	fpnn_buf_reset(&buf, 0);
	CHECK_INT(fpnn_buf_append(&buf, "x", 1), FPNN_OK);
	fpnn_buf_free(&buf);
	free(model);
}

void
test_frames(void)
{
	unit_run("buffers", buffers);
	unit_run("captured frames, decoded and written again", captured_frames);
	unit_run("truncated frames", truncated_frames);
	unit_run("wrong headers", wrong_headers);
	unit_run("sizes of frames", frame_sizes);
	unit_run("frames written and read", round_trips);
	unit_run("frames that can't be written", refused_writes);
	unit_run("damaged frames", damaged_frames);
}
