/*-------------------------------------------------------------------------
 *
 * asked.c
 *	  What a gate asks its clients by itself: pings and pushes.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/asked.h"

#include <string.h>

#include "fpnn/code.h"

FpnnStatus
fpnn_answer_gate(FpnnChannel *ch, const FpnnFrame *quest, const FpnnListener *listener)
{
	static const uint8_t empty_map = 0x80;
	bool				 push = quest->method_len >= 4 && memcmp(quest->method, "push", 4) == 0;

	if (push && listener->func)
		listener->func(listener->arg, quest);
	if (push || fpnn_frame_is(quest, "ping") || fpnn_frame_is(quest, "*ping"))
		return fpnn_channel_answer(ch, quest, 0, &empty_map, 1);
	return fpnn_channel_error(ch, quest, FPNN_CODE_UNKNOWN_METHOD, "unknown method");
}
