/*-------------------------------------------------------------------------
 *
 * limit.h
 *	  How many quests a second a server gets, as the gate's refusals (200010, 200011)
 *	  teach.
 *
 * Refusals in number say that the project's limit is reached: then quests are
 * paced at the rate that went through in that second, after a second's pause,
 * and the rate grows slowly until the next ones.  So several senders that know
 * nothing of each other share a limit.  A few refusals among many answers only
 * take the growth back; a few alone are those requests' own matter.  Pure; knows
 * nothing of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_LIMIT_H
#define OUTBOX_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define OUTBOX_LIMIT_SLOTS 10

/* Times are microseconds of a clock that is never set.  Begins with zeros. */
typedef struct OutboxLimit
{
	double	learnt;		/* quests a second; 0: no limit */
	bool	lost;		/* nothing went through: `learnt` is a guess, and grows fast */
	double	tokens;		/* quests that may leave now */
	int64_t filled;		/* when they were counted */
	int64_t grown;		/* when `learnt` was looked at */
	int64_t closed;		/* nothing leaves before */
	int64_t cut;		/* refusals of what was asked before are no news */
	int64_t refused_at; /* the last one */
	int		failures;	/* cuts in a row with nothing in between that went through */

	/* answers of the last second, by tenths of it */
	int64_t slot; /* the tenth that the last one came in */
	int		good[OUTBOX_LIMIT_SLOTS];
	int		refused[OUTBOX_LIMIT_SLOTS];
} OutboxLimit;

/* Microseconds until a quest may leave; 0: now, and it is counted. */
extern int64_t outbox_limit_wait(OutboxLimit *limit, int64_t now);

/* A quest was let through. */
extern void outbox_limit_good(OutboxLimit *limit, int64_t now);

/*
 * One was refused, that was asked at `asked`.  True: all the server's quests wait,
 * this one too, which needs no pause of its own.
 */
extern bool outbox_limit_refused(OutboxLimit *limit, int64_t asked, int64_t now);

/* Quests a second that are let go, as refusals taught; 0: there were none lately. */
extern int outbox_limit_learnt(const OutboxLimit *limit);

/* Is there a limit? */
extern bool outbox_limit_any(const OutboxLimit *limit);

#endif /* OUTBOX_LIMIT_H */
