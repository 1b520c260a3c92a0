/*-------------------------------------------------------------------------
 *
 * mid_layout.h
 *	  Message ids (mid): which one comes next.
 *
 * A mid has the milliseconds since 2020 above 22 low bits.  Whoever makes mids (a
 * server, say) draws a start at random, where its run begins in each millisecond,
 * and counts on from there.  Nobody has to be told who he is: clones, standbys and
 * servers that begin anew draw anew, so a clock that was set back, or stood, doesn't
 * matter either.  All starts are shifted with the time, by the same for all, so that
 * the low bits of one maker's mids are spread evenly (for who shares out by mid % n).
 *
 * How likely two are to meet.  With k mids a millisecond each, the runs of two makers
 * overlap when their starts are less than k apart: with a probability of (2k - 1) /
 * 2^22.  At 1,000 messages a second each that is 1 of 4 million for a pair, 1 of
 * 35,000 that there is such a pair among 16 makers, and 1 of 9 among 1,000.  A run is
 * bounded (FPNN_MID_RUN), so that 1 of 33,000 is the worst for a pair, whatever
 * they send.  Made anew 12 times a year, some two of 16 makers are alike at some time
 * with 1 of 1,500 a year (1,000 makers: nearly always some are).  That isn't enough to
 * collide: both have to send to the same conversation in the same millisecond, and
 * the same number of messages into their runs.  The gate then refuses one of the two,
 * which draws another start, so that such a pair costs one repeated message, once.
 *
 * The vendor's clients put milliseconds since 1970 above 14 bits (protocol.md, `mid`):
 * these are smaller than any of ours until the year 3700, those that applications
 * count from 1 anyway.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_MID_LAYOUT_H
#define FPNN_MID_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define FPNN_MID_SHIFT	22
#define FPNN_MID_STARTS (UINT32_C(1) << FPNN_MID_SHIFT)

/*
 * So many mids are made of a millisecond at most; the next one is borrowed from the
 * next millisecond.  64,000 a second can last; 10,000 at once are 0.15 s ahead.
 */
#define FPNN_MID_RUN 64

/*
 * The mid after `last` (0: there is none), with runs that begin at `start` (less than
 * FPNN_MID_STARTS), at now_ms (milliseconds since 1970).  It is positive and larger
 * than `last`, whatever the clock says: one before 2026 or after 2089 is taken for
 * those years'.  Whoever calls makes `last` and `start` shared by all that must not collide,
 * and replaces `last` atomically.  A new start takes effect in the next millisecond.
 */
extern int64_t fpnn_mid_next(int64_t last, uint32_t start, int64_t now_ms);

/* Can this start have made it? */
extern bool fpnn_mid_is_from(int64_t mid, uint32_t start);

#endif /* FPNN_MID_LAYOUT_H */
