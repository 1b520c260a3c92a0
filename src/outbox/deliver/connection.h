/*-------------------------------------------------------------------------
 *
 * connection.h
 *	  The lanes' connections to gates, of which there are so many at most.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_CONNECTION_H
#define OUTBOX_CONNECTION_H

#include "outbox/deliver/traffic.h"

typedef struct OutboxConnections
{
	dlist_head all; /* LaneTraffic with a connection */
	int		   n;
	uint64	   changes; /* counts connections that were made or closed */
	dlist_head waiting; /* LaneTraffic that wait for one, who came first in front */
} OutboxConnections;

extern OutboxConnections outbox_connections;

extern void outbox_connections_init(void);

/*
 * Begin to connect the lane, whose options are known, if there may be one more
 * connection now.  False: it is in line, and gets a turn when it is the first one;
 * *at: when it has to look again by itself (rtm_now_ms()).
 */
extern bool outbox_connect(Lane *lane, int64 *at);

/* It needs none any more. */
extern void outbox_stop_waiting(Lane *lane);

/* Close the lane's connection, if there is one. */
extern void outbox_close(Lane *lane);

/* Has the lane to send no more, as others wait for its connection? */
extern bool outbox_must_yield(const Lane *lane, int64 now);

/* Nobody waits for answers to the request any more. */
extern void outbox_forget_quests(Request *request);

/*
 * Its time is over, but its answer counts when it comes; that of one before doesn't
 * any more.
 */
extern void outbox_keep_quest(Request *request);

#endif /* OUTBOX_CONNECTION_H */
