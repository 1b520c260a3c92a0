/*-------------------------------------------------------------------------
 *
 * sockets.h
 *	  Waiting for the lanes' sockets, a time, or the latch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_SOCKETS_H
#define OUTBOX_SOCKETS_H

/*
 * Wait until `until` at most (rtm_now_ms()), and serve the sockets.  Without
 * `latch` the latch is let alone: who sets it meanwhile has less to do.  `what` is
 * for pg_stat_activity; NULL: nothing new.
 */
extern void outbox_wait(int64 until, bool latch, const char *what);

#endif /* OUTBOX_SOCKETS_H */
