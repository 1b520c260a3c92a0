/*-------------------------------------------------------------------------
 *
 * under_way.h
 *	  Which requests are being sent: shared memory, for whoever discards some.
 *
 * The sender says so before it looks whether anybody discards the request, and
 * sends it only if nobody does.  Whoever discards it locks its row, which the sender
 * sees, before looking here.  So one of them sees the other, and neither waits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_UNDER_WAY_H
#define OUTBOX_UNDER_WAY_H

#include "outbox/workers/registry.h"

/* The sender's side.  None is; what an earlier sender left is forgotten. */
extern void outbox_begin_under_way(OutboxDatabase *entry);

/* Is there room for one more?  Who was told that there isn't: is there again? */
extern bool outbox_under_way_has_room(void);
extern bool outbox_under_way_has_room_again(void);

/* This one is now: its place, greater than 0.  There must be room. */
extern int outbox_set_under_way(int64 seq);

/* It isn't any more: its row is gone, or it waits again.  Place 0: it wasn't. */
extern void outbox_end_under_way(int place);

/* The other side: is this request, whose row the caller has locked? */
extern bool outbox_is_under_way(OutboxDatabase *entry, int64 seq);

#endif /* OUTBOX_UNDER_WAY_H */
