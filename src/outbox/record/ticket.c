/*-------------------------------------------------------------------------
 *
 * ticket.c
 *	  Tickets: the order in which transactions commit their requests.
 *
 * Drawing and noting what is in hand is one step under a spinlock, which is
 * held for a few instructions; the reader holds it while it copies what is in
 * hand, which is as many entries as transactions commit at that moment.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "host.h"
#include "outbox/record/ticket.h"
#include "shmem.h"

typedef struct Hand
{
	Oid			database;
	OutboxRange range;
} Hand;

typedef struct Tickets
{
	slock_t lock;
	int64	next; /* ticket to come, at least */
	int		nhands;
	int		max_hands;
	Hand	hands[FLEXIBLE_ARRAY_MEMBER]; /* those in use first */
} Tickets;

static Tickets *tickets;
static bool		in_hand;   /* of this backend */
static int64	my_ticket; /* the first of them */

static Size
tickets_size(void)
{
	return add_size(offsetof(Tickets, hands), mul_size(sizeof(Hand), MaxBackends));
}

static void
tickets_attach(void)
{
	bool found;

	tickets = ShmemInitStruct("rtm tickets", tickets_size(), &found);
	if (found)
		return;
	memset(tickets, 0, sizeof(*tickets));
	SpinLockInit(&tickets->lock);
	tickets->max_hands = MaxBackends;
}

void
outbox_tickets_init(void)
{
	static const RtmShmem part = {NULL, tickets_size, tickets_attach};

	rtm_shmem_register(&part);
}

int64
outbox_draw_tickets(int n)
{
	int64 now = rtm_wall_us();
	int64 first;
	Hand *hand;

	Assert(!in_hand);
	SpinLockAcquire(&tickets->lock);
	Assert(tickets->nhands < tickets->max_hands);
	first = Max(tickets->next, now);
	tickets->next = first + n;
	hand = &tickets->hands[tickets->nhands++];
	hand->database = MyDatabaseId;
	hand->range.low = first;
	hand->range.high = first + n;
	SpinLockRelease(&tickets->lock);
	in_hand = true;
	my_ticket = first;
	return first;
}

void
outbox_return_tickets(void)
{
	if (!in_hand)
		return;
	in_hand = false;
	SpinLockAcquire(&tickets->lock);
	for (int i = 0; i < tickets->nhands; i++)
		if (tickets->hands[i].range.low == my_ticket)
		{
			tickets->hands[i] = tickets->hands[--tickets->nhands];
			break;
		}
	SpinLockRelease(&tickets->lock);
}

void
outbox_raise_tickets(int64 above)
{
	SpinLockAcquire(&tickets->lock);
	tickets->next = Max(tickets->next, above + 1);
	SpinLockRelease(&tickets->lock);
}

int64
outbox_look_at_tickets(OutboxRange **ranges, int *n)
{
	/* room first: nothing may be allocated under a spinlock */
	OutboxRange *found = palloc(sizeof(OutboxRange) * tickets->max_hands);
	int64		 next;

	*n = 0;
	SpinLockAcquire(&tickets->lock);
	next = tickets->next;
	for (int i = 0; i < tickets->nhands; i++)
		if (tickets->hands[i].database == MyDatabaseId)
			found[(*n)++] = tickets->hands[i].range;
	SpinLockRelease(&tickets->lock);
	*ranges = found;
	return next;
}
