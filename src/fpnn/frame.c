/*-------------------------------------------------------------------------
 *
 * frame.c
 *	  FPNN frames over TCP: an incremental parser and a writer.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/frame.h"

#include <string.h>

static const uint8_t magic[4] = {'F', 'P', 'N', 'N'};

static uint32_t
get_le32(const uint8_t *p)
{
	return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static void
put_le32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t) value;
	p[1] = (uint8_t) (value >> 8);
	p[2] = (uint8_t) (value >> 16);
	p[3] = (uint8_t) (value >> 24);
}

/* What can be said of a header of which only the first len bytes are there. */
static FpnnStatus
check_header(const uint8_t *bytes, size_t len)
{
	size_t n = len < sizeof(magic) ? len : sizeof(magic);

	if (memcmp(bytes, magic, n) != 0)
		return FPNN_BAD_MAGIC;
	if (len > 5)
	{
		bool is_msgpack = (bytes[5] & FPNN_FLAG_MSGPACK) != 0;
		bool is_json = (bytes[5] & FPNN_FLAG_JSON) != 0;

		/* zip and encrypt are defined by the framework but not in use */
		if (is_msgpack == is_json || (bytes[5] & 0x30) != 0)
			return FPNN_BAD_FLAG;
	}
	if (len > 6 && bytes[6] > FPNN_ANSWER)
		return FPNN_BAD_MTYPE;
	if (len > 7 && bytes[6] != FPNN_ANSWER && bytes[7] == 0)
		return FPNN_BAD_METHOD;
	return FPNN_OK;
}

FpnnStatus
fpnn_frame_parse(const uint8_t *bytes, size_t len, size_t max_frame, FpnnFrame *frame, size_t *need)
{
	FpnnStatus	   status;
	const uint8_t *p;
	uint32_t	   psize;
	size_t		   total;

	*need = FPNN_FIXED_HEADER;
	if (len == 0)
		return FPNN_MORE;
	status = check_header(bytes, len);
	if (status != FPNN_OK)
		return status;
	if (len < FPNN_FIXED_HEADER)
		return FPNN_MORE;

	psize = get_le32(bytes + 8);
	if (psize > max_frame)
		return FPNN_TOO_LARGE;

	memset(frame, 0, sizeof(*frame));
	frame->version = bytes[4];
	frame->flag = bytes[5];
	frame->mtype = (FpnnMtype) bytes[6];
	if (frame->mtype == FPNN_ANSWER)
		frame->status = bytes[7];
	else
		frame->method_len = bytes[7];

	total = FPNN_FIXED_HEADER + frame->method_len + psize;
	if (frame->mtype != FPNN_ONEWAY)
		total += 4;
	if (total > max_frame)
		return FPNN_TOO_LARGE;
	*need = total;
	if (len < total)
		return FPNN_MORE;

	p = bytes + FPNN_FIXED_HEADER;
	if (frame->mtype != FPNN_ONEWAY)
	{
		frame->seq = get_le32(p);
		p += 4;
	}
	frame->method = (const char *) p;
	p += frame->method_len;
	frame->payload = p;
	frame->payload_len = psize;
	frame->length = total;
	return FPNN_OK;
}

bool
fpnn_frame_is(const FpnnFrame *frame, const char *method)
{
	size_t len = strlen(method);

	return frame->mtype != FPNN_ANSWER && frame->method_len == len &&
		   memcmp(frame->method, method, len) == 0;
}

/* Append header, optional seq, optional method, payload: one reservation. */
static FpnnStatus
put_frame(FpnnBuf *out, uint8_t version, uint8_t flag, FpnnMtype mtype, uint8_t ss, uint32_t seq,
		  const char *method, size_t method_len, const void *payload, size_t len)
{
	uint8_t header[FPNN_FIXED_HEADER + 4];
	size_t	header_len = FPNN_FIXED_HEADER;

	if (len > FPNN_MAX_FRAME - sizeof(header) - method_len)
		return FPNN_TOO_LARGE;

	memcpy(header, magic, sizeof(magic));
	header[4] = version;
	header[5] = flag;
	header[6] = (uint8_t) mtype;
	header[7] = ss;
	put_le32(header + 8, (uint32_t) len);
	if (mtype != FPNN_ONEWAY)
	{
		put_le32(header + 12, seq);
		header_len += 4;
	}

	if (out->failed || fpnn_buf_reserve(out, header_len + method_len + len) != FPNN_OK)
		return FPNN_NOMEM;
	fpnn_buf_append(out, header, header_len);
	fpnn_buf_append(out, method, method_len);
	fpnn_buf_append(out, payload, len);
	return FPNN_OK;
}

FpnnStatus
fpnn_frame_put_quest(FpnnBuf *out, const char *method, bool twoway, uint32_t seq,
					 const void *payload, size_t len)
{
	size_t method_len = strlen(method);

	if (method_len == 0 || method_len > FPNN_MAX_METHOD)
		return FPNN_BAD_METHOD;
	return put_frame(out, FPNN_VERSION, FPNN_FLAG_MSGPACK, twoway ? FPNN_TWOWAY : FPNN_ONEWAY,
					 (uint8_t) method_len, seq, method, method_len, payload, len);
}

FpnnStatus
fpnn_frame_put_answer(FpnnBuf *out, uint8_t version, uint8_t flag, uint8_t status, uint32_t seq,
					  const void *payload, size_t len)
{
	return put_frame(out, version, flag, FPNN_ANSWER, status, seq, NULL, 0, payload, len);
}
