/*-------------------------------------------------------------------------
 *
 * options.h
 *	  What a lane knows of its foreign server and user mapping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_OPTIONS_H
#define OUTBOX_OPTIONS_H

#include "outbox/deliver/traffic.h"

/* From now on lanes whose server, mapping or role changes become stale. */
extern void outbox_options_watch(void);

/*
 * Statistics of servers that were dropped since the last time are given back.
 * Needs a transaction.
 */
extern void outbox_forget_dropped_servers(void);

/* Forget them, the secret first of all. */
extern void outbox_options_drop(Lane *lane);

/*
 * Is a new look at server and mapping due?  *at: when, if not now (rtm_now_ms(),
 * PG_INT64_MAX: never).
 */
extern bool outbox_options_due(const Lane *lane, int64 *at);

/*
 * Read server and mapping again.  Not in a transaction: it makes its own.  Of no
 * use are a server, mapping or role that doesn't exist, missing privileges, bad
 * options: then traffic->options.broken says why.  Any other error passes, and
 * the lane waits.
 */
extern void outbox_options_read(Lane *lane);

#endif /* OUTBOX_OPTIONS_H */
