/*-------------------------------------------------------------------------
 *
 * wait.h
 *	  What our processes wait for, as pg_stat_activity shows it.
 *
 * From PostgreSQL 17 on each kind of waiting has its name there
 * (wait_event_type 'Extension'); before, all of them are 'Extension'.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_WAIT_H
#define RTM_WAIT_H

/* Kinds of waiting; their names are in wait.c and in doc/reference.md. */
typedef enum RtmWait
{
	RTM_WAIT_CONNECT,	  /* for a connection to a gate, keys agreed */
	RTM_WAIT_GATE_ANSWER, /* for the answer to a quest */
	RTM_WAIT_TURN,		  /* until a server's rate_limit, or its gate, lets a quest through */
	RTM_WAIT_RESULT,	  /* rtm_wait(): for a queued request's end */
	RTM_WAIT_WORKERS_END, /* for workers to leave a database */
	RTM_WAIT_SENDER_MAIN,
	RTM_WAIT_CALLBACK_MAIN,
	RTM_WAIT_LAUNCHER_MAIN,
	RTM_WAIT_GATE_MAIN,
	RTM_WAIT_GATE_START /* for a local gate to listen */
} RtmWait;

#define RTM_WAITS (RTM_WAIT_GATE_START + 1)

/*
 * The wait_event_info to give to WaitLatch() and its like.  Raises when the
 * server has no room for another name; not in the postmaster.
 */
extern uint32 rtm_wait_event(RtmWait wait);

#endif /* RTM_WAIT_H */
