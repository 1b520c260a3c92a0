/*-------------------------------------------------------------------------
 *
 * channel.h
 *	  One FPNN connection without its socket: bytes in, frames out, and back.
 *
 * The host moves bytes between socket and channel; the channel knows frames
 * and, through a codec, encryption.  Client and gate use the same one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CHANNEL_H
#define FPNN_CHANNEL_H

#include "fpnn/frame.h"

/*
 * What stands between the socket's bytes and the frames' bytes: ECDH + AES
 * (crypt.h) or TLS (tls.h).  A plain connection has none.
 *
 *	decode	takes what it can from raw (consuming it) and appends clear bytes
 *			to clear.  FPNN_OK also when it had to leave an incomplete piece
 *			in raw.  May add to out (TLS answers its peer while reading).
 *	encode	appends to out the wire form of one whole frame, or (TLS) keeps it
 *			until the handshake is done.
 *	free	wipes its keys and gives everything back.
 */
typedef struct FpnnCodec FpnnCodec;
struct FpnnCodec
{
	FpnnStatus (*decode)(FpnnCodec *codec, FpnnBuf *raw, FpnnBuf *clear, FpnnBuf *out);
	FpnnStatus (*encode)(FpnnCodec *codec, const uint8_t *frame, size_t len, FpnnBuf *out);
	void (*free)(FpnnCodec *codec);
};

typedef struct FpnnChannel
{
	const FpnnEnv *env;
	size_t		   max_frame;
	FpnnCodec	  *codec;
	FpnnBuf		   raw;		  /* received, still encoded; unused if plain */
	FpnnBuf		   in;		  /* received, clear */
	FpnnBuf		   out;		  /* ready for the socket */
	FpnnBuf		   scratch;	  /* a frame on its way into the codec */
	size_t		   frame_len; /* what fpnn_channel_next() gave last */
} FpnnChannel;

extern void fpnn_channel_init(FpnnChannel *ch, const FpnnEnv *env, size_t max_frame);
extern void fpnn_channel_free(FpnnChannel *ch);

/*
 * From now on everything goes through the codec, which the channel owns from
 * here on (also on failure).  Bytes that were received behind the last frame
 * given out are taken as encoded; frames already in `out` stay as they are.
 */
extern FpnnStatus fpnn_channel_set_codec(FpnnChannel *ch, FpnnCodec *codec);

/*
 * Receiving: fpnn_channel_room() says where the host may put at least `want`
 * bytes; fpnn_channel_received() tells that n were put there.
 */
extern FpnnStatus fpnn_channel_room(FpnnChannel *ch, size_t want, uint8_t **where, size_t *room);
extern FpnnStatus fpnn_channel_received(FpnnChannel *ch, size_t n);

/*
 * The next whole frame, if there is one (FPNN_MORE if not).  The frame's
 * pointers are valid until the next call for this channel other than one that
 * sends.  Any other status: the connection must be closed.
 */
extern FpnnStatus fpnn_channel_next(FpnnChannel *ch, FpnnFrame *frame);

/* Give back the memory of buffers that are empty. */
extern void fpnn_channel_trim(FpnnChannel *ch);

/* Are we in the middle of an incoming frame, or of an unsent outgoing byte? */
extern bool fpnn_channel_midway(const FpnnChannel *ch);

/* Sending: frames are added to what the host has to write to the socket. */
extern FpnnStatus fpnn_channel_quest(FpnnChannel *ch, const char *method, bool twoway, uint32_t seq,
									 const void *payload, size_t len);
extern FpnnStatus fpnn_channel_answer(FpnnChannel *ch, const FpnnFrame *quest, uint8_t status,
									  const void *payload, size_t len);

/* Answer a two-way quest with an error: {code, ex}. */
extern FpnnStatus fpnn_channel_error(FpnnChannel *ch, const FpnnFrame *quest, int code,
									 const char *ex);

static inline size_t
fpnn_channel_pending(const FpnnChannel *ch)
{
	return fpnn_buf_len(&ch->out);
}

/* len bytes of ch->out were written to the socket. */
extern void fpnn_channel_sent(FpnnChannel *ch, size_t len);

#endif /* FPNN_CHANNEL_H */
