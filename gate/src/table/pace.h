/*-------------------------------------------------------------------------
 *
 * pace.h
 *	  Log lines that somebody outside could cause without end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_PACE_H
#define GATE_PACE_H

/* One kind of line; zeroed at first. */
typedef struct GatePace
{
	int64 began; /* the minute that is counted; rtm_now_ms() */
	int	  lines; /* in it */
	int	  left_out;
} GatePace;

/*
 * May a line of this kind be written now?  Some a minute are; *left_out is then how
 * many weren't since the last one.
 */
extern bool gate_pace(GatePace *pace, int *left_out);

/* For errdetail_internal(): what is to be said of them, or "". */
extern const char *gate_pace_text(int left_out);

#endif /* GATE_PACE_H */
