/*-------------------------------------------------------------------------
 *
 * frame.h
 *	  FPNN frames over TCP: an incremental parser and a writer.
 *
 * Layout, all integers little endian (protocol.md, "FPNN frame"):
 *
 *	0	4	magic "FPNN"
 *	4	1	version
 *	5	1	flag: 0x80 msgpack, 0x40 JSON, 0x20 zip, 0x10 encrypt
 *	6	1	mtype: 0 one-way quest, 1 two-way quest, 2 answer
 *	7	1	ss: quest: length of the method's name; answer: status
 *	8	4	psize: length of the payload
 *	12	4	seq; absent in a one-way quest
 *		ss	method (quests only)
 *		psize	payload
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_FRAME_H
#define FPNN_FRAME_H

#include "fpnn/buf.h"

#define FPNN_FLAG_MSGPACK 0x80
#define FPNN_FLAG_JSON	  0x40

#define FPNN_VERSION	  1	 /* what the framework's own clients send */
#define FPNN_FIXED_HEADER 12 /* bytes before seq */
#define FPNN_MAX_METHOD	  255

typedef enum FpnnMtype
{
	FPNN_ONEWAY = 0,
	FPNN_TWOWAY = 1,
	FPNN_ANSWER = 2
} FpnnMtype;

/*
 * A parsed frame.  The pointers lie in the bytes that were parsed and live as
 * long as those do.  method isn't terminated by a zero byte.
 */
typedef struct FpnnFrame
{
	uint8_t		   version;
	uint8_t		   flag;
	FpnnMtype	   mtype;
	uint8_t		   status; /* answers: 0 = good */
	uint32_t	   seq;	   /* 0 in a one-way quest */
	const char	  *method; /* quests */
	size_t		   method_len;
	const uint8_t *payload;
	size_t		   payload_len;
	size_t		   length; /* of the whole frame */
} FpnnFrame;

/*
 * Parse the frame at the beginning of bytes[0, len).
 *
 *	FPNN_OK		*frame is filled; the next frame begins at frame->length
 *	FPNN_MORE	what is there is the beginning of a good frame; *need is how
 *				many bytes, counted from the frame's first, must be there
 *				before another call can get further (the whole frame once its
 *				header has been seen)
 *	other		the stream is broken, and nothing behind can be trusted
 *
 * A wrong header is reported as soon as the wrong byte is there, and an
 * oversized frame before anybody allocates for it.  max_frame bounds the
 * whole frame.  Nothing is allocated; no byte at or behind len is read.
 */
extern FpnnStatus fpnn_frame_parse(const uint8_t *bytes, size_t len, size_t max_frame,
								   FpnnFrame *frame, size_t *need);

/* Does the frame's method have this name? */
extern bool fpnn_frame_is(const FpnnFrame *frame, const char *method);

/*
 * Append a whole frame.  seq is ignored for a one-way quest.  FPNN_BAD_METHOD
 * for a name that is empty or longer than 255 bytes, FPNN_TOO_LARGE beyond
 * FPNN_MAX_FRAME, FPNN_NOMEM; then nothing was appended.
 */
extern FpnnStatus fpnn_frame_put_quest(FpnnBuf *out, const char *method, bool twoway, uint32_t seq,
									   const void *payload, size_t len);
extern FpnnStatus fpnn_frame_put_answer(FpnnBuf *out, uint8_t version, uint8_t flag, uint8_t status,
										uint32_t seq, const void *payload, size_t len);

#endif /* FPNN_FRAME_H */
