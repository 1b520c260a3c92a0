/*-------------------------------------------------------------------------
 *
 * asked.h
 *	  What a gate asks its clients by itself: pings and pushes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_ASKED_H
#define FPNN_ASKED_H

#include "fpnn/channel.h"

/* Who is told of pushes; func NULL: nobody. */
typedef struct FpnnListener
{
	void (*func)(void *arg, const FpnnFrame *push); /* valid during the call only */
	void *arg;
} FpnnListener;

/*
 * Answer a quest that came on a client's channel, as the vendor's SDKs do: pings and
 * pushes with an empty map, anything else with the error for an unknown method.  A push goes to the
 * listener first, whether the gate wants an answer or not.  What fpnn_channel_answer()
 * gives.  Source: protocol.md, "Listening".
 */
extern FpnnStatus fpnn_answer_gate(FpnnChannel *ch, const FpnnFrame *quest,
								   const FpnnListener *listener);

#endif /* FPNN_ASKED_H */
