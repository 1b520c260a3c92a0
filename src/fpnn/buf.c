/*-------------------------------------------------------------------------
 *
 * buf.c
 *	  A growing byte buffer with a read position, on the host's memory.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/buf.h"

#include <string.h>

#define FPNN_BUF_FIRST 1024

void
fpnn_buf_init(FpnnBuf *buf, const FpnnEnv *env)
{
	memset(buf, 0, sizeof(*buf));
	buf->env = env;
}

void
fpnn_buf_free(FpnnBuf *buf)
{
	const FpnnEnv *env = buf->env;

	if (buf->data)
		env->resize(buf->data, 0);
	fpnn_buf_init(buf, env);
}

FpnnStatus
fpnn_buf_reserve(FpnnBuf *buf, size_t room)
{
	size_t	 len = fpnn_buf_len(buf);
	size_t	 capacity;
	uint8_t *data;

	if (buf->data && buf->capacity - buf->end >= room)
		return FPNN_OK;

	if (room > SIZE_MAX / 4 || len > SIZE_MAX / 4)
		return FPNN_NOMEM;

	/* what was consumed may already be room enough */
	if (buf->data && buf->start > 0 && buf->capacity - len >= room && buf->start >= len)
	{
		memcpy(buf->data, buf->data + buf->start, len);
		buf->start = 0;
		buf->end = len;
		return FPNN_OK;
	}

	capacity = buf->capacity ? buf->capacity : FPNN_BUF_FIRST;
	while (capacity < len + room)
		capacity *= 2;

	data = buf->env->resize(NULL, capacity);
	if (data == NULL)
		return FPNN_NOMEM;
	if (len > 0)
		memcpy(data, fpnn_buf_head(buf), len);
	if (buf->data)
		buf->env->resize(buf->data, 0);
	buf->data = data;
	buf->capacity = capacity;
	buf->start = 0;
	buf->end = len;
	return FPNN_OK;
}

FpnnStatus
fpnn_buf_append(FpnnBuf *buf, const void *bytes, size_t len)
{
	if (buf->failed || fpnn_buf_reserve(buf, len) != FPNN_OK)
	{
		buf->failed = true;
		return FPNN_NOMEM;
	}
	if (len > 0)
		memcpy(buf->data + buf->end, bytes, len);
	buf->end += len;
	return FPNN_OK;
}

void
fpnn_buf_consume(FpnnBuf *buf, size_t len)
{
	if (len >= fpnn_buf_len(buf))
		buf->start = buf->end = 0;
	else
		buf->start += len;
}

void
fpnn_buf_reset(FpnnBuf *buf, size_t keep)
{
	if (buf->capacity > keep)
		fpnn_buf_free(buf);
	buf->start = buf->end = 0;
	buf->failed = false;
}

int
fpnn_buf_msgpack_write(void *data, const char *bytes, size_t len)
{
	return fpnn_buf_append((FpnnBuf *) data, bytes, len) == FPNN_OK ? 0 : -1;
}
