/*-------------------------------------------------------------------------
 *
 * lane.h
 *	  The traffic of a lane: connecting, sending, answers, repeating.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_LANE_H
#define OUTBOX_LANE_H

#include "outbox/deliver/queue.h"

/* From now on lanes whose server, mapping or role changes become stale. */
extern void outbox_lane_init(void);

/*
 * Read server and mapping again.  Not in a transaction: it makes its own.  What
 * is wrong with them is kept in lane->broken.
 */
extern void outbox_lane_load(Lane *lane);

/* Something happened on the lane's socket: WL_SOCKET_... */
extern void outbox_lane_event(Lane *lane, uint32 events);

/*
 * Do whatever can be done now; then when to come back at the latest
 * (rtm_now_ms()), PG_INT64_MAX if nothing is to be done without an event.
 */
extern int64 outbox_lane_turn(Lane *lane);

#endif /* OUTBOX_LANE_H */
