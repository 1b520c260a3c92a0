/*-------------------------------------------------------------------------
 *
 * clock.h
 *	  The gate's times in milliseconds: what messages carry, and what quests are
 *	  compared with.  Waiting goes by rtm_now_ms(), which is never set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_CLOCK_H
#define GATE_CLOCK_H

/* The time of a message; never goes back. */
extern int64 gate_now(void);

/* From now on gate_now() is not before this. */
extern void gate_now_since(int64 mtime);

/* What the wall clock says, whatever the messages' times are. */
extern int64 gate_clock(void);

#endif /* GATE_CLOCK_H */
