/*-------------------------------------------------------------------------
 *
 * ticket.h
 *	  Tickets: the order in which transactions commit their requests.
 *
 * A transaction draws its tickets, consecutive ones, when it begins to commit,
 * and has them "in hand" until its commit is visible to everybody (or is none).
 * So a transaction that begins to commit after it saw another one's effects has
 * the greater tickets; and one that isn't visible yet, although tickets behind
 * its own are, is among those in hand.  Both are what the reader lives on.
 *
 * A ticket is a time in microseconds, or the last ticket plus one if that is
 * greater, so tickets grow across restarts too.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_TICKET_H
#define OUTBOX_TICKET_H

/* Tickets [low, high). */
typedef struct OutboxRange
{
	int64 low;
	int64 high;
} OutboxRange;

/* From _PG_init(), while the library is preloaded. */
extern void outbox_tickets_init(void);

/*
 * n tickets, which this backend has in hand until outbox_return_tickets(): the
 * first one.  Not twice without returning.
 */
extern int64 outbox_draw_tickets(int n);

/* The transaction is visible, or aborted, or prepared.  No-op without any. */
extern void outbox_return_tickets(void);

/* Tickets to come are greater than this. */
extern void outbox_raise_tickets(int64 above);

/*
 * The next ticket that will be drawn: every smaller one was.  *n ranges of this
 * database are in hand at this moment; they are put into the array, palloc()ed,
 * in no order.  A snapshot taken afterwards sees every other committed ticket.
 */
extern int64 outbox_look_at_tickets(OutboxRange **ranges, int *n);

#endif /* OUTBOX_TICKET_H */
