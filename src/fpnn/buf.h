/*-------------------------------------------------------------------------
 *
 * buf.h
 *	  A growing byte buffer with a read position, on the host's memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_BUF_H
#define FPNN_BUF_H

#include "fpnn/fpnn.h"

/*
 * Bytes [start, end) of data are the content.  The buffer owns data, which
 * fpnn_buf_free() gives back.  Pointers into the content are valid until the
 * next call that adds bytes.
 */
typedef struct FpnnBuf
{
	const FpnnEnv *env;
	uint8_t		  *data;
	size_t		   start;
	size_t		   end;
	size_t		   capacity;
	bool		   failed; /* an append ran out of memory */
} FpnnBuf;

extern void fpnn_buf_init(FpnnBuf *buf, const FpnnEnv *env);
extern void fpnn_buf_free(FpnnBuf *buf);

/* Make room for at least `room` bytes after the content. FPNN_NOMEM if none. */
extern FpnnStatus fpnn_buf_reserve(FpnnBuf *buf, size_t room);

/*
 * Append len bytes.  On failure the buffer is marked failed and unchanged; the
 * mark stays until fpnn_buf_reset(), so that a run of appends may be checked
 * once at its end.
 */
extern FpnnStatus fpnn_buf_append(FpnnBuf *buf, const void *bytes, size_t len);

/* Drop the first len bytes (at most all) of the content. */
extern void fpnn_buf_consume(FpnnBuf *buf, size_t len);

/* Empty the buffer; memory beyond `keep` bytes goes back to the host. */
extern void fpnn_buf_reset(FpnnBuf *buf, size_t keep);

/* The same, as msgpack-c's write callback (data is an FpnnBuf). */
extern int fpnn_buf_msgpack_write(void *data, const char *bytes, size_t len);

static inline size_t
fpnn_buf_len(const FpnnBuf *buf)
{
	return buf->end - buf->start;
}

/* NULL while the buffer never held anything. */
static inline uint8_t *
fpnn_buf_head(const FpnnBuf *buf)
{
	return buf->data ? buf->data + buf->start : NULL;
}

#endif /* FPNN_BUF_H */
