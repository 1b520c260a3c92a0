/*-------------------------------------------------------------------------
 *
 * mid.h
 *	  Message ids (mid): unique, growing with time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_MID_H
#define FPNN_MID_H

#include <stdint.h>

/*
 * The vendor's clients put milliseconds since the epoch above 14 bits that
 * they fill with a random number and a sequence (protocol.md, `mid`).  We keep
 * the scale and count in the low bits.
 */
#define FPNN_MID_SHIFT 14

/*
 * The mid to use after `last` at the time now_ms (milliseconds since the
 * epoch): the first of this millisecond, or last + 1 when that isn't larger,
 * also when the clock was set back.  Whoever calls makes `last` shared by all
 * that must not collide, and replaces it atomically.
 */
static inline int64_t
fpnn_mid_next(int64_t last, int64_t now_ms)
{
	int64_t first = (int64_t) ((uint64_t) now_ms << FPNN_MID_SHIFT);

	return first > last ? first : last + 1;
}

#endif /* FPNN_MID_H */
