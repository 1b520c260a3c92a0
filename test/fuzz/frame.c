/*-------------------------------------------------------------------------
 *
 * frame.c
 *	  Fuzz target: a stream of frames through a channel.
 *
 * The stream must give the same frames whole and in portions, and everything
 * that is answered must parse again.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "fpnn/channel.h"
#include "fpnn/payload.h"

typedef struct Seen
{
	size_t	   frames;
	size_t	   bytes;
	FpnnStatus status;
} Seen;

static void
look_at(FpnnChannel *ch, const FpnnFrame *frame)
{
	FpnnDoc	   doc;
	FpnnStatus status;

	require(frame->length <= ch->max_frame);
	status = fpnn_doc_open(&doc, frame->payload, frame->payload_len);
	if (status == FPNN_OK)
		fpnn_doc_close(&doc);
	require(fpnn_channel_error(ch, frame, 20004, "unknown method") == FPNN_OK);
}

static Seen
feed(const uint8_t *data, size_t size, size_t portion)
{
	Seen		seen = {0, 0, FPNN_MORE};
	FpnnChannel ch;

	fpnn_channel_init(&ch, &fuzz_env, 1024 * 1024);
	for (size_t pos = 0; pos < size && seen.status == FPNN_MORE; pos += portion)
	{
		size_t	  n = size - pos < portion ? size - pos : portion;
		uint8_t	 *where;
		size_t	  room;
		FpnnFrame frame;

		require(fpnn_channel_room(&ch, n, &where, &room) == FPNN_OK);
		memcpy(where, data + pos, n);
		require(fpnn_channel_received(&ch, n) == FPNN_OK);
		while ((seen.status = fpnn_channel_next(&ch, &frame)) == FPNN_OK)
		{
			look_at(&ch, &frame);
			seen.frames++;
			seen.bytes += frame.length;
		}
	}
	if (seen.status == FPNN_MORE)
		require(fpnn_channel_pending(&ch) > 0 || fpnn_buf_len(&ch.in) <= size);
	fpnn_channel_free(&ch);
	return seen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Seen whole = feed(data, size, size + 1);
	Seen single = feed(data, size, 1);
	Seen some = feed(data, size, 7);

	require(whole.frames == single.frames && whole.frames == some.frames);
	require(whole.bytes == single.bytes && whole.bytes == some.bytes);
	require(whole.status == single.status && whole.status == some.status);
	return 0;
}
