/*-------------------------------------------------------------------------
 *
 * known.c
 *	  A send whose mid the gate knows: is the gate's message this one?
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/known.h"

#include <string.h>

static bool
same_type(const uint8_t *params, size_t len, const msgpack_object *answer)
{
	int64_t sent;
	int64_t known;

	return fpnn_pairs_int(params, len, "mtype", &sent) == FPNN_OK &&
		   fpnn_map_int(answer, "mtype", &known) == FPNN_OK && sent == known;
}

static bool
same_body(const uint8_t *params, size_t len, const msgpack_object *answer)
{
	msgpack_unpacked sent;
	const char		*a;
	const char		*b;
	size_t			 a_len;
	size_t			 b_len;
	size_t			 begin;
	size_t			 end;
	bool			 same;

	if (fpnn_pairs_find(params, len, "msg", &begin, &end) != FPNN_OK ||
		fpnn_map_text(answer, "msg", &b, &b_len) != FPNN_OK)
		return false;
	msgpack_unpacked_init(&sent);
	same = msgpack_unpack_next(&sent, (const char *) params, end, &begin) ==
			   MSGPACK_UNPACK_SUCCESS &&
		   fpnn_object_text(&sent.data, &a, &a_len) == FPNN_OK && a_len == b_len &&
		   memcmp(a, b, a_len) == 0;
	msgpack_unpacked_destroy(&sent);
	return same;
}

RtmFound
rtm_compare_known(const uint8_t *params, size_t len, const msgpack_object *answer)
{
	int64_t mtype;

	if (fpnn_map_get(answer, "msg") == NULL || fpnn_map_int(answer, "mtype", &mtype) != FPNN_OK)
		return RTM_FOUND_NOTHING;
	return same_type(params, len, answer) && same_body(params, len, answer) ? RTM_FOUND_SAME
																			: RTM_FOUND_OTHER;
}
