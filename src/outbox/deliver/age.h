/*-------------------------------------------------------------------------
 *
 * age.h
 *	  How old a request is, whatever is done to the machine's clock.
 *
 * Rows say when they were queued, by the wall clock, which may be set, or be
 * wrong for a while.  The sender counts on from the wall clock by one that is
 * never set; a wall clock that goes apart from that is believed when it has kept
 * to it for a minute.  Pure; knows nothing of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_AGE_H
#define OUTBOX_AGE_H

#include <stdint.h>

/* All in microseconds; begins with zeros. */
typedef struct OutboxClock
{
	int64_t offset;	   /* from the steady clock to the time; 0: not begun */
	int64_t odd;	   /* the offset that the wall clock shows instead */
	int64_t odd_since; /* on the steady clock; 0: it doesn't */
} OutboxClock;

/* A wall clock that is less apart than this is followed at once. */
#define OUTBOX_CLOCK_SLACK INT64_C(1000000)

/* One that is more apart is believed after this. */
#define OUTBOX_CLOCK_TRUST INT64_C(60000000)

/* The time, on the wall clock's scale, from what both clocks show. */
extern int64_t outbox_clock_time(OutboxClock *clock, int64_t wall, int64_t steady);

/*
 * Age of a request that was queued at `queued` (wall clock) and is known here
 * since `seen`; `time` is that of outbox_clock_time().  Not less than the time
 * that it is known.
 */
extern int64_t outbox_age(int64_t queued, int64_t seen, int64_t time, int64_t steady);

#endif /* OUTBOX_AGE_H */
