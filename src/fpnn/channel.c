/*-------------------------------------------------------------------------
 *
 * channel.c
 *	  One FPNN connection without its socket: bytes in, frames out, and back.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/channel.h"

#include <string.h>

#include "fpnn/payload.h"

/* Buffers that grew for a large frame shrink again once they are empty. */
#define FPNN_KEEP_BUFFER ((size_t) 256 * 1024)

void
fpnn_channel_init(FpnnChannel *ch, const FpnnEnv *env, size_t max_frame)
{
	memset(ch, 0, sizeof(*ch));
	ch->env = env;
	ch->max_frame = max_frame;
	fpnn_buf_init(&ch->raw, env);
	fpnn_buf_init(&ch->in, env);
	fpnn_buf_init(&ch->out, env);
	fpnn_buf_init(&ch->scratch, env);
}

void
fpnn_channel_free(FpnnChannel *ch)
{
	if (ch->codec)
		ch->codec->free(ch->codec);
	ch->codec = NULL;
	fpnn_buf_free(&ch->raw);
	fpnn_buf_free(&ch->in);
	fpnn_buf_free(&ch->out);
	fpnn_buf_free(&ch->scratch);
}

/* Drop the frame that was given out last, now that nobody looks at it. */
static void
drop_given_frame(FpnnChannel *ch)
{
	if (ch->frame_len > 0)
	{
		fpnn_buf_consume(&ch->in, ch->frame_len);
		ch->frame_len = 0;
		if (fpnn_buf_len(&ch->in) == 0)
			fpnn_buf_reset(&ch->in, FPNN_KEEP_BUFFER);
	}
}

FpnnStatus
fpnn_channel_set_codec(FpnnChannel *ch, FpnnCodec *codec)
{
	FpnnStatus status;

	ch->codec = codec;
	drop_given_frame(ch);
	status = fpnn_buf_append(&ch->raw, fpnn_buf_head(&ch->in), fpnn_buf_len(&ch->in));
	fpnn_buf_consume(&ch->in, fpnn_buf_len(&ch->in));
	if (status != FPNN_OK)
		return status;
	return fpnn_channel_received(ch, 0);
}

FpnnStatus
fpnn_channel_room(FpnnChannel *ch, size_t want, uint8_t **where, size_t *room)
{
	FpnnBuf	  *buf = ch->codec ? &ch->raw : &ch->in;
	FpnnStatus status;

	drop_given_frame(ch);
	status = fpnn_buf_reserve(buf, want);
	if (status != FPNN_OK)
		return status;
	*where = buf->data + buf->end;
	*room = buf->capacity - buf->end;
	return FPNN_OK;
}

FpnnStatus
fpnn_channel_received(FpnnChannel *ch, size_t n)
{
	FpnnStatus status;

	if (ch->codec == NULL)
	{
		ch->in.end += n;
		return FPNN_OK;
	}
	ch->raw.end += n;
	status = ch->codec->decode(ch->codec, &ch->raw, &ch->in, &ch->out);
	if (fpnn_buf_len(&ch->raw) == 0)
		fpnn_buf_reset(&ch->raw, FPNN_KEEP_BUFFER);
	return status;
}

FpnnStatus
fpnn_channel_next(FpnnChannel *ch, FpnnFrame *frame)
{
	FpnnStatus status;
	size_t	   need;

	drop_given_frame(ch);
	if (fpnn_buf_len(&ch->in) == 0)
		return FPNN_MORE;
	status = fpnn_frame_parse(fpnn_buf_head(&ch->in), fpnn_buf_len(&ch->in), ch->max_frame, frame,
							  &need);
	if (status == FPNN_OK)
		ch->frame_len = frame->length;
	return status;
}

void
fpnn_channel_trim(FpnnChannel *ch)
{
	FpnnBuf *bufs[] = {&ch->raw, &ch->in, &ch->out};

	drop_given_frame(ch);
	for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		if (fpnn_buf_len(bufs[i]) == 0)
			fpnn_buf_reset(bufs[i], 0);
	fpnn_buf_reset(&ch->scratch, 0); /* nothing stays in it */
}

bool
fpnn_channel_midway(const FpnnChannel *ch)
{
	return fpnn_buf_len(&ch->out) > 0 || fpnn_buf_len(&ch->raw) > 0 ||
		   fpnn_buf_len(&ch->in) > ch->frame_len;
}

/*
 * Where the next frame is to be written: straight into `out`, or beside it
 * when a codec has to see it first.
 */
static FpnnBuf *
begin_frame(FpnnChannel *ch)
{
	if (ch->codec == NULL)
		return &ch->out;
	fpnn_buf_reset(&ch->scratch, FPNN_KEEP_BUFFER);
	return &ch->scratch;
}

static FpnnStatus
end_frame(FpnnChannel *ch, FpnnStatus status)
{
	if (status != FPNN_OK || ch->codec == NULL)
		return status;
	return ch->codec->encode(ch->codec, fpnn_buf_head(&ch->scratch), fpnn_buf_len(&ch->scratch),
							 &ch->out);
}

FpnnStatus
fpnn_channel_quest(FpnnChannel *ch, const char *method, bool twoway, uint32_t seq,
				   const void *payload, size_t len)
{
	return end_frame(ch, fpnn_frame_put_quest(begin_frame(ch), method, twoway, seq, payload, len));
}

FpnnStatus
fpnn_channel_answer(FpnnChannel *ch, const FpnnFrame *quest, uint8_t status, const void *payload,
					size_t len)
{
	if (quest->mtype != FPNN_TWOWAY)
		return FPNN_OK;
	return end_frame(ch, fpnn_frame_put_answer(begin_frame(ch), quest->version, quest->flag, status,
											   quest->seq, payload, len));
}

FpnnStatus
fpnn_channel_error(FpnnChannel *ch, const FpnnFrame *quest, int code, const char *ex)
{
	FpnnBuf		   body;
	msgpack_packer packer;
	FpnnStatus	   status = FPNN_NOMEM;

	fpnn_buf_init(&body, ch->env);
	fpnn_packer_init(&packer, &body);
	msgpack_pack_map(&packer, 2);
	fpnn_pack_text(&packer, "code");
	msgpack_pack_int(&packer, code);
	fpnn_pack_text(&packer, "ex");
	fpnn_pack_text(&packer, ex);
	if (!body.failed)
		status = fpnn_channel_answer(ch, quest, 1, fpnn_buf_head(&body), fpnn_buf_len(&body));
	fpnn_buf_free(&body);
	return status;
}

void
fpnn_channel_sent(FpnnChannel *ch, size_t len)
{
	fpnn_buf_consume(&ch->out, len);
	if (fpnn_buf_len(&ch->out) == 0)
		fpnn_buf_reset(&ch->out, FPNN_KEEP_BUFFER);
}
