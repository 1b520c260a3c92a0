/*-------------------------------------------------------------------------
 *
 * left.h
 *	  Which conversations have rows that were left in the table for want of room
 *	  in their lane.
 *
 * A lane that has its part of a server's room leaves its further rows in the
 * table, from lane->next on, and the rows of other lanes are read past them.  None
 * of those may overtake a row of its own conversation that was left: so the
 * conversations of rows that are left are noted here, with the last such row of
 * each.
 *
 * The notes of a server are bounded.  When there is no room for one more, all of
 * the server's rows wait from there on (server->next), as the notes are thrown
 * away only when their rows have been read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_LEFT_H
#define OUTBOX_LEFT_H

#include "outbox/deliver/queue.h"

/*
 * Leave the row, and what its lane has behind it, in the table.  False: there is
 * no room to note that.
 */
extern bool outbox_leave(Lane *lane, const OutboxRow *row);

/* Has a conversation of the row rows of another lane that were left before it? */
extern bool outbox_left_before(const Lane *lane, const OutboxRow *row);

/* The lane has read on, up to `next`; 0: all. */
extern void outbox_read_on(Lane *lane, int64 next);

/* Is there room for notes again, after there was none? */
extern bool outbox_may_leave(const Server *server);

#endif /* OUTBOX_LEFT_H */
