/*-------------------------------------------------------------------------
 *
 * lane.h
 *	  The traffic of a lane: connecting, sending, answers, repeating.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_LANE_H
#define OUTBOX_LANE_H

#include "outbox/deliver/traffic.h"

/* Something happened on the lane's socket: WL_SOCKET_... */
extern void outbox_lane_event(Lane *lane, uint32 events);

/*
 * Do what can be done now.  The lane gets its next turn when it wakes up: by an
 * event, or at the time that it has set.  It may be gone afterwards.
 */
extern void outbox_lane_turn(Lane *lane);

/*
 * Answers that will never come.  Suspicious: one of the requests may be the cause;
 * they go on apart.
 */
extern void outbox_lane_lose(Lane *lane, int code, const char *why, bool suspicious);

/* Nobody waits for answers to the request any more. */
extern void outbox_forget_quests(Request *request);

#endif /* OUTBOX_LANE_H */
