/*-------------------------------------------------------------------------
 *
 * traffic.h
 *	  What lanes and servers have to do with gates: connections, pauses, limits.
 *
 * A lane is in one of these states; each says where it is found and what ends it:
 *
 *	idle		nothing is ready: in nobody's list, until a request or its time comes
 *	unread		options->stale: its options are read in the next turn, or at options.again
 *	broken		options.broken: they are of no use, and what is ready fails
 *	paused		until paused_until, after failures
 *	waiting		in connections.waiting: for one of the connections that there may be
 *	connecting	conn isn't ready; until then nothing is sent
 *	sending		conn is ready
 *
 * Used by the sender's files only.  Times are rtm_now_ms(), but where it says us.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_TRAFFIC_H
#define OUTBOX_TRAFFIC_H

#include "lib/pairingheap.h"

#include "client/conn.h"
#include "client/option.h"
#include "client/rate.h"
#include "outbox/deliver/limit.h"
#include "outbox/deliver/queue.h"

/* How often the log hears of a trouble; see report.c. */
typedef struct LogPace
{
	int64 next;		/* no line before */
	int64 interval; /* milliseconds; 0: no line was written yet */
	int64 skipped;	/* lines that were left out */
} LogPace;

/*
 * Of a foreign server, both classes.  While there is a limit, lanes stand in line for
 * their turns, one quest each, what is urgent in a line of its own.
 */
typedef struct ServerTraffic
{
	int				   nclasses; /* that know it */
	dlist_head		   line[2];	 /* LaneTraffic; the second one is the urgent */
	int				   nurgent;	 /* urgent turns since one that wasn't */
	OutboxLimit		   limit;
	RtmRate			   pacing;			  /* its option rate_limit, as far as it was read */
	OutboxServerStats *stats;			  /* NULL: no room */
	int64			   unreachable_since; /* 0: it isn't, or wasn't tried */
	int64			   failed_attempts;	  /* to reach it, since then */
	LogPace			   pace;			  /* of lines about that */

	/* its options, as they were when they could last be read; 0: the settings */
	int	   max_attempts;
	double max_age;		/* seconds */
	double retry_delay; /* seconds */
} ServerTraffic;

/* A lane's foreign server and user mapping, as far as they are known. */
typedef struct LaneOptions
{
	char		  name[NAMEDATALEN];	   /* of the foreign server */
	char		  owner_name[NAMEDATALEN]; /* of the role */
	RtmOptions	 *options;				   /* NULL: not read, or of no use */
	MemoryContext context;				   /* of the options */
	char		 *broken;				   /* why nothing can be sent, or NULL */
	uint32		  server_hash;			   /* for invalidation; once they were read */
	uint32		  role_hash;
	bool		  stale;	   /* they have to be read again */
	int64		  stale_until; /* what is under way may end, before they are replaced */
	int64		  again;	   /* they couldn't be read: not before; 0: at once */
	int			  failures;	   /* to read them, in a row */
} LaneOptions;

typedef struct LaneTraffic
{
	Lane	   *lane;
	LaneOptions options;

	RtmConn	  *conn;
	dlist_node conn_node; /* in connections.all, with a connection */
	bool	   fresh;	  /* no answer came on this connection yet */
	uint32	   serial;	  /* counts connections, made and closed */
	int64	   connected_at;
	int64	   last_answer;
	int64	   last_asked;	  /* pings too */
	int64	   last_used;	  /* pings not */
	int64	   ping_deadline; /* a ping is under way; 0: none */
	int64	   next_deadline; /* no quest's time ends before */

	/* in the wait set; see sockets.c */
	int generation; /* of the connection's sockets */
	int position;	/* of the first of them */

	bool	   waiting; /* for a connection */
	dlist_node waiting_node;

	bool	   in_line;	   /* for a turn */
	bool	   waits_turn; /* that has to come */
	dlist_node line_node;

	int	  failures;		/* in a row */
	int	  losses;		/* of connections, in a row, without an answer */
	int64 paused_until; /* 0: not */
	int64 paused_us;	/* when it was last paused: what was asked before is no news */

	/*
	 * Apart: how many requests are asked together, and whether these are still
	 * under way.  Halved by a loss, doubled when all were answered.
	 */
	int	 window;
	bool batch;

	/* in the heap of lanes that want a turn at a time */
	pairingheap_node timer_node;
	int64			 turn_at; /* 0: not in it */
} LaneTraffic;

/* Made when they are asked for the first time. */
extern LaneTraffic	 *outbox_traffic(Lane *lane);
extern ServerTraffic *outbox_server_traffic(Server *server);

/*
 * Give back a lane that has no requests, no connection and no options, and its
 * server if that is the last one that knew it.
 */
extern void outbox_release_lane(Lane *lane);

/* Milliseconds to wait after so many failures in a row: doubles, with jitter. */
extern int64 outbox_backoff(Server *server, int failures);

/* How often its requests are tried, and how long, in microseconds; 0: no limit. */
extern int	 outbox_attempts_for(Server *server);
extern int64 outbox_age_for(Server *server);

/* Nothing leaves on the lane for a while, which doubles with each failure. */
extern void outbox_pause_lane(Lane *lane);

/* The lane wants a turn at that time at the latest (PG_INT64_MAX: it doesn't). */
extern void outbox_set_timer(Lane *lane, int64 at);

/* Lanes whose time has come are awake; when the next one's does. */
extern int64 outbox_wake_by_time(int64 now);

#endif /* OUTBOX_TRAFFIC_H */
