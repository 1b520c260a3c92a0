/*-------------------------------------------------------------------------
 *
 * crypt.c
 *	  Fuzz target: what an encrypted peer sends.
 *
 * The first byte says what the others are:
 *	0-127	encrypted bytes of a channel: even stream, odd package mode, with the
 *			keys of a captured connection
 *	128-	a peer's point on one of the captured curves
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "fpnn/crypt.h"
#include "unit.h"
#include "vectors.h"

#define NUM_CRYPTS (sizeof(v_crypts) / sizeof(v_crypts[0]))

/* Decode in portions; without a break the frames are the same. */
static size_t
decode(const VCrypt *v, bool package, const uint8_t *data, size_t size, size_t portion)
{
	FpnnCryptMode mode = {v->bits, package};
	FpnnChannel	  ch;
	FpnnCodec	 *codec = NULL;
	FpnnFrame	  frame;
	FpnnStatus	  status = FPNN_OK;
	size_t		  frames = 0;

	fpnn_channel_init(&ch, &fuzz_env, 1024 * 1024);
	require(fpnn_crypt_codec(&fuzz_env, v->secret.bytes, v->secret.len, mode, 1024 * 1024,
							 &codec) == FPNN_OK);
	require(fpnn_channel_set_codec(&ch, codec) == FPNN_OK);
	for (size_t pos = 0; pos < size && status == FPNN_OK; pos += portion)
	{
		size_t	 n = size - pos < portion ? size - pos : portion;
		uint8_t *where;
		size_t	 room;

		require(fpnn_channel_room(&ch, n, &where, &room) == FPNN_OK);
		memcpy(where, data + pos, n);
		status = fpnn_channel_received(&ch, n);
		while (status == FPNN_OK)
		{
			status = fpnn_channel_next(&ch, &frame);
			if (status == FPNN_OK)
			{
				frames++;
				require(fpnn_channel_error(&ch, &frame, 20004, "unknown method") == FPNN_OK);
			}
		}
		if (status == FPNN_MORE)
			status = FPNN_OK;
	}
	fpnn_channel_free(&ch);
	return status == FPNN_OK ? frames : SIZE_MAX;
}

/* What is encoded decodes again. */
static void
round_trip(const VCrypt *v, bool package, const uint8_t *data, size_t size)
{
	FpnnCryptMode mode = {v->bits, package};
	FpnnCodec	 *codec = NULL;
	FpnnChannel	  ch;
	FpnnBuf		  frame;
	FpnnBuf		  wire;

	fpnn_channel_init(&ch, &fuzz_env, FPNN_MAX_FRAME);
	fpnn_buf_init(&frame, &fuzz_env);
	fpnn_buf_init(&wire, &fuzz_env);
	require(fpnn_frame_put_quest(&frame, "m", true, 1, data, size) == FPNN_OK);
	require(fpnn_crypt_codec(&fuzz_env, v->secret.bytes, v->secret.len, mode, FPNN_MAX_FRAME,
							 &codec) == FPNN_OK);
	require(codec->encode(codec, fpnn_buf_head(&frame), fpnn_buf_len(&frame), &wire) == FPNN_OK);
	codec->free(codec);
	require(decode(v, package, fpnn_buf_head(&wire), fpnn_buf_len(&wire), 5) == 1);
	fpnn_buf_free(&frame);
	fpnn_buf_free(&wire);
	fpnn_channel_free(&ch);
}

static void
try_point(const VCrypt *v, const uint8_t *data, size_t size)
{
	static FpnnBuf pems[NUM_CRYPTS];
	FpnnBuf		  *pem = &pems[v - v_crypts];
	FpnnKeyQuest   quest = {{v->bits, true}, data, size};
	FpnnCodec	  *codec = NULL;

	if (pem->data == NULL)
	{
		FpnnBuf ignored;

		fpnn_buf_init(pem, &fuzz_env);
		fpnn_buf_init(&ignored, &fuzz_env);
		require(fpnn_crypt_make_pair(v->curve, pem, &ignored) == FPNN_OK);
		fpnn_buf_free(&ignored);
	}
	if (fpnn_crypt_server(&fuzz_env, (const char *) fpnn_buf_head(pem), fpnn_buf_len(pem), &quest,
						  4096, &codec) == FPNN_OK)
		codec->free(codec);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const VCrypt *v;
	size_t		  frames;

	if (size == 0)
		return 0;
	v = &v_crypts[data[0] / 2 % NUM_CRYPTS];
	if (data[0] >= 128)
		try_point(&v_crypts[data[0] % NUM_CRYPTS], data + 1, size - 1);
	else
	{
		frames = decode(v, data[0] & 1, data + 1, size - 1, size);
		require(frames == decode(v, data[0] & 1, data + 1, size - 1, 3) || frames == SIZE_MAX);
		if (size < 300)
			round_trip(v, data[0] & 1, data + 1, size - 1);
	}
	return 0;
}
