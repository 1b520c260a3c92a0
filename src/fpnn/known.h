/*-------------------------------------------------------------------------
 *
 * known.h
 *	  A send whose mid the gate knows: is the gate's message this one?
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_KNOWN_H
#define RTM_KNOWN_H

#include "fpnn/payload.h"

/* What the gate has under the mid of a send that it refused as a duplicate. */
typedef enum RtmFound
{
	RTM_FOUND_SAME,	  /* type and body are those of the send */
	RTM_FOUND_OTHER,  /* they aren't */
	RTM_FOUND_NOTHING /* it shows none: the service doesn't keep all types */
} RtmFound;

/*
 * Compare a send's packed parameters with the answer to getmsg.  Sender and
 * conversation are in the quest that asks, so type and body are left.
 */
extern RtmFound rtm_compare_known(const uint8_t *params, size_t len, const msgpack_object *answer);

#endif /* RTM_KNOWN_H */
