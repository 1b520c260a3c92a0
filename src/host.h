/*-------------------------------------------------------------------------
 *
 * host.h
 *	  What the wire layer borrows from this process, and its two clocks, for client
 *	  and gate.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_HOST_H
#define RTM_HOST_H

#include "fpnn/fpnn.h"

/* malloc()ed memory, PostgreSQL's MD5. */
extern const FpnnEnv rtm_env;

/* Milliseconds and microseconds of a clock that is never set. */
extern int64 rtm_now_ms(void);
extern int64 rtm_now_us(void);

/*
 * Microseconds since 1970, by the clock that people set: for what is compared with
 * other machines' times, never for waiting.
 */
extern int64 rtm_wall_us(void);

#endif /* RTM_HOST_H */
