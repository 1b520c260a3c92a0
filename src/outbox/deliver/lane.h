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

/* Something happened on one of the lane's sockets: WL_SOCKET_... */
extern void outbox_lane_event(Lane *lane, pgsocket sock, uint32 events);

/*
 * Do what can be done now.  The lane gets its next turn when it wakes up: by an
 * event, or at the time that it has set.  It may be gone afterwards.
 */
extern void outbox_lane_turn(Lane *lane);

#endif /* OUTBOX_LANE_H */
