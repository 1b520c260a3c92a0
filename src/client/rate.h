/*-------------------------------------------------------------------------
 *
 * rate.h
 *	  How fast one asks: by a server's option rate_limit, which all who ask of it in
 *	  this cluster share out, and by the gate's refusals.
 *
 * Whoever wants to ask takes a turn, which says when; turns are handed out in the
 * order in which they were wanted, each a rate_limit-th of a second after the one
 * before.  What wasn't used in the last twentieth of a second may be made up for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_RATE_H
#define RTM_RATE_H

/* Of one who asks.  Begins with zeros. */
typedef struct RtmRate
{
	Oid	   server;
	int	   limit; /* quests a second; 0: no limit */
	int64  turn;  /* taken, and not used yet: rtm_now_us(); 0: none is */
	uint64 asked; /* quests in all, those that were refused too */

	/* after refusals, rtm_now_ms() */
	int64 pause; /* the last one; 0: none since one was let through */
	int64 paused_until;
} RtmRate;

/*
 * Microseconds until a quest may leave, 0: now.  Takes a turn, unless there is one
 * that wasn't used.
 */
extern int64 rtm_rate_left(RtmRate *rate);

/* A quest leaves. */
extern void rtm_rate_use(RtmRate *rate);

/* Wait, interruptibly, for a turn, and use it.  Raises what an interrupt raises. */
extern void rtm_rate_wait(RtmRate *rate);

/*
 * A quest was refused, as there were too many, that was asked at `asked_at`
 * (rtm_now_ms()).  Wait, longer each time, unless somebody with the same rate has done
 * so since it was asked.  False, without a wait: that was done often enough.
 */
extern bool rtm_rate_refused(RtmRate *rate, int64 asked_at);

/* One was let through. */
extern void rtm_rate_good(RtmRate *rate);

/* The shared memory of turns; part of rtm_client_init(). */
extern void rtm_rate_init(void);

#endif /* RTM_RATE_H */
