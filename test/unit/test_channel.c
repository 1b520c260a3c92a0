/*-------------------------------------------------------------------------
 *
 * test_channel.c
 *	  Channels: captured frames in any portions; quests, answers, errors.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/asked.h"

#include "unit.h"

/* All captured frames in one row. */
static uint8_t *
all_frames(size_t *len)
{
	size_t	 total = 0;
	uint8_t *bytes;

	for (size_t i = 0; i < unit_ncalls; i++)
		total += unit_calls[i].quest.len + unit_calls[i].answer.len;
	bytes = malloc(total);
	*len = 0;
	for (size_t i = 0; i < unit_ncalls; i++)
	{
		memcpy(bytes + *len, unit_calls[i].quest.bytes, unit_calls[i].quest.len);
		*len += unit_calls[i].quest.len;
		memcpy(bytes + *len, unit_calls[i].answer.bytes, unit_calls[i].answer.len);
		*len += unit_calls[i].answer.len;
	}
	return bytes;
}

/* Put n bytes in, as a host does after reading its socket. */
static FpnnStatus
feed(FpnnChannel *ch, const uint8_t *bytes, size_t n)
{
	uint8_t	  *where;
	size_t	   room;
	FpnnStatus status = fpnn_channel_room(ch, n, &where, &room);

	if (status != FPNN_OK)
		return status;
	CHECK(room >= n);
	if (n > 0)
		memcpy(where, bytes, n);
	return fpnn_channel_received(ch, n);
}

/* Take what frames are there and compare them with the captured ones. */
static size_t
take_frames(FpnnChannel *ch, size_t seen)
{
	FpnnFrame  frame;
	FpnnStatus status;

	while ((status = fpnn_channel_next(ch, &frame)) == FPNN_OK)
	{
		const VCall *call = &unit_calls[seen / 2];
		const VBlob *blob = seen % 2 == 0 ? &call->quest : &call->answer;

		CHECK_INT(frame.seq, seen / 2 + 1);
		CHECK_BYTES(frame.payload + frame.payload_len - frame.length, frame.length, blob->bytes,
					blob->len);
		seen++;
	}
	CHECK_INT(status, FPNN_MORE);
	return seen;
}

static void
feed_in_portions(size_t (*portion)(void))
{
	FpnnChannel ch;
	size_t		len;
	uint8_t	   *bytes = all_frames(&len);
	size_t		seen = 0;

	fpnn_channel_init(&ch, &unit_env, FPNN_MAX_FRAME);
	CHECK(!fpnn_channel_midway(&ch));
	for (size_t pos = 0; pos < len;)
	{
		size_t n = portion();

		if (n > len - pos)
			n = len - pos;
		CHECK_INT(feed(&ch, bytes + pos, n), FPNN_OK);
		pos += n;
		seen = take_frames(&ch, seen);
	}
	CHECK_INT(seen, 2 * unit_ncalls);
	CHECK(!fpnn_channel_midway(&ch));
	fpnn_channel_free(&ch);
	free(bytes);
}

static size_t
whole(void)
{
	return SIZE_MAX;
}

static size_t
single(void)
{
	return 1;
}

static size_t
any(void)
{
	return 1 + unit_random_below(unit_random() & 1 ? 16 : 700);
}

static void
portions_whole(void)
{
	feed_in_portions(whole);
}

static void
portions_single(void)
{
	feed_in_portions(single);
}

static void
portions_random(void)
{
	for (int round = 0; round < 300; round++)
		feed_in_portions(any);
}

/* Move everything from one channel to the other. */
static void
carry(FpnnChannel *from, FpnnChannel *to)
{
	size_t n = fpnn_channel_pending(from);

	CHECK_INT(feed(to, fpnn_buf_head(&from->out), n), FPNN_OK);
	fpnn_channel_sent(from, n);
	CHECK_INT(fpnn_channel_pending(from), 0);
}

static void
quest_and_answer(void)
{
	FpnnChannel client;
	FpnnChannel gate;
	FpnnFrame	quest;
	FpnnFrame	answer;
	FpnnDoc		doc;
	int64_t		code = 0;
	const char *ex = "";
	size_t		len = 0;

	fpnn_channel_init(&client, &unit_env, FPNN_MAX_FRAME);
	fpnn_channel_init(&gate, &unit_env, FPNN_MAX_FRAME);

	CHECK_INT(fpnn_channel_quest(&client, "sendmsg", true, 7, "\x80", 1), FPNN_OK);
	CHECK_INT(fpnn_channel_quest(&client, "note", false, 8, "\x80", 1), FPNN_OK);
	CHECK(fpnn_channel_midway(&client));
	carry(&client, &gate);
	CHECK(!fpnn_channel_midway(&client));

	CHECK_INT(fpnn_channel_next(&gate, &quest), FPNN_OK);
	CHECK(fpnn_frame_is(&quest, "sendmsg"));
	CHECK(fpnn_channel_midway(&gate));
	CHECK_INT(fpnn_channel_answer(&gate, &quest, 0, "\x81\xa1k\x05", 4), FPNN_OK);
	CHECK_INT(fpnn_channel_error(&gate, &quest, 200053, "duplicated mid"), FPNN_OK);
	CHECK(fpnn_frame_is(&quest, "sendmsg")); /* sending leaves it alone */
	CHECK_INT(fpnn_channel_next(&gate, &quest), FPNN_OK);
	CHECK(fpnn_frame_is(&quest, "note"));

	/* nobody answers a one-way quest */
	len = fpnn_channel_pending(&gate);
	CHECK_INT(fpnn_channel_answer(&gate, &quest, 0, "\x80", 1), FPNN_OK);
	CHECK_INT(fpnn_channel_error(&gate, &quest, 20004, "unknown method"), FPNN_OK);
	CHECK_INT(fpnn_channel_pending(&gate), len);
	CHECK_INT(fpnn_channel_next(&gate, &quest), FPNN_MORE);

	carry(&gate, &client);
	CHECK_INT(fpnn_channel_next(&client, &answer), FPNN_OK);
	CHECK_INT(answer.seq, 7);
	CHECK_INT(answer.status, 0);
	CHECK_INT(fpnn_channel_next(&client, &answer), FPNN_OK);
	CHECK_INT(answer.seq, 7);
	CHECK_INT(answer.status, 1);
	if (CHECK_INT(fpnn_doc_open(&doc, answer.payload, answer.payload_len), FPNN_OK))
	{
		CHECK_INT(fpnn_map_int(doc.map, "code", &code), FPNN_OK);
		CHECK_INT(code, 200053);
		CHECK_INT(fpnn_map_text(doc.map, "ex", &ex, &len), FPNN_OK);
		CHECK_BYTES(ex, len, "duplicated mid", 14);
		fpnn_doc_close(&doc);
	}
	CHECK_INT(fpnn_channel_next(&client, &answer), FPNN_MORE);

	fpnn_channel_free(&client);
	fpnn_channel_free(&gate);
}

/* A listener that notes what it is given. */
static void
note_push(void *arg, const FpnnFrame *push)
{
	char *said = arg;

	CHECK(said[0] == '\0');
	snprintf(said, 100, "%.*s %u %zu", (int) push->method_len, push->method, push->seq,
			 push->payload_len);
}

/* A gate asks: the client's answer has that status, and the listener was given `given`. */
static void
gate_asks(FpnnListener *listener, const char *method, bool twoway, int status, const char *given)
{
	FpnnChannel client;
	FpnnChannel gate;
	FpnnFrame	frame;
	char	   *said = listener->arg;

	said[0] = '\0';
	fpnn_channel_init(&client, &unit_env, FPNN_MAX_FRAME);
	fpnn_channel_init(&gate, &unit_env, FPNN_MAX_FRAME);
	CHECK_INT(fpnn_channel_quest(&gate, method, twoway, 9, "\x81\xa1k\x05", 4), FPNN_OK);
	carry(&gate, &client);
	CHECK_INT(fpnn_channel_next(&client, &frame), FPNN_OK);
	CHECK_INT(fpnn_answer_gate(&client, &frame, listener), FPNN_OK);
	CHECK_BYTES(said, strlen(said), given, strlen(given));
	carry(&client, &gate);
	CHECK_INT(fpnn_channel_next(&gate, &frame), twoway ? FPNN_OK : FPNN_MORE);
	if (twoway)
	{
		CHECK_INT(frame.seq, 9);
		CHECK_INT(frame.status, status);
	}
	fpnn_channel_free(&client);
	fpnn_channel_free(&gate);
}

static void
pushes(void)
{
	char		 said[100];
	FpnnListener listener = {note_push, said};
	FpnnListener nobody = {NULL, said};

	gate_asks(&listener, "pushmsg", true, 0, "pushmsg 9 4");
	gate_asks(&listener, "pushgroupmsg", true, 0, "pushgroupmsg 9 4");
	gate_asks(&listener, "push", false, 0, "push 0 4");
	gate_asks(&listener, "ping", true, 0, "");
	gate_asks(&listener, "*ping", true, 0, "");
	gate_asks(&listener, "pus", true, 1, "");
	gate_asks(&listener, "sendmsg", true, 1, "");
	gate_asks(&nobody, "pushmsg", true, 0, "");
	gate_asks(&nobody, "sendmsg", true, 1, "");
}

/* The announced length alone must not make anybody allocate. */
static void
oversized_frames(void)
{
	FpnnChannel ch;
	FpnnFrame	frame;

	fpnn_channel_init(&ch, &unit_env, 1000);
	CHECK_INT(feed(&ch, (const uint8_t *) "FPNN\x01\x80\x02\x00\xff\xff\xff\xff", 12), FPNN_OK);
	unit_fail_after(0);
	CHECK_INT(fpnn_channel_next(&ch, &frame), FPNN_TOO_LARGE);
	CHECK_INT(fpnn_channel_next(&ch, &frame), FPNN_TOO_LARGE);
	fpnn_channel_free(&ch);
	unit_fail_after(-1);

	fpnn_channel_init(&ch, &unit_env, FPNN_MAX_FRAME);
	CHECK_INT(feed(&ch, (const uint8_t *) "HTTP", 4), FPNN_OK);
	CHECK_INT(fpnn_channel_next(&ch, &frame), FPNN_BAD_MAGIC);
	fpnn_channel_free(&ch);
}

/* Every allocation of an exchange fails once: a status, no leak, no crash. */
static void
no_memory(void)
{
	static uint8_t payload[100000];
	bool		   done = false;

	for (long n = 0; !done && n < 1000; n++)
	{
		FpnnChannel ch;
		FpnnFrame	frame;
		uint8_t	   *where;
		size_t		room;

		fpnn_channel_init(&ch, &unit_env, FPNN_MAX_FRAME);
		unit_fail_after(n);
		if (fpnn_channel_quest(&ch, "m", true, 1, payload, sizeof(payload)) == FPNN_OK &&
			fpnn_channel_room(&ch, fpnn_channel_pending(&ch), &where, &room) == FPNN_OK)
		{
			memcpy(where, fpnn_buf_head(&ch.out), fpnn_channel_pending(&ch));
			CHECK_INT(fpnn_channel_received(&ch, fpnn_channel_pending(&ch)), FPNN_OK);
			CHECK_INT(fpnn_channel_next(&ch, &frame), FPNN_OK);
			done = fpnn_channel_error(&ch, &frame, 1, "ex") == FPNN_OK;
		}
		unit_fail_after(-1);
		fpnn_channel_free(&ch);
		CHECK(done || n < 10);
	}
	CHECK(done);
}

void
test_channels(void)
{
	unit_run("captured frames through a channel, whole", portions_whole);
	unit_run("captured frames through a channel, byte by byte", portions_single);
	unit_run("captured frames through a channel, random portions", portions_random);
	unit_run("quest and answer", quest_and_answer);
	unit_run("what a gate asks, and who is told of pushes", pushes);
	unit_run("oversized and foreign frames", oversized_frames);
	unit_run("out of memory", no_memory);
}
