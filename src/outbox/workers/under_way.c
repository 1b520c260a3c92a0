/*-------------------------------------------------------------------------
 *
 * under_way.c
 *	  Which requests are being sent: see under_way.h.
 *
 * Places are given out from the first on, the last one that became free first, so
 * that only those below a small number have to be looked through.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "outbox/workers/under_way.h"

/* The sender's own. */
static OutboxUnderWay *mine;
static uint16		   unused[OUTBOX_UNDER_WAY]; /* places below the number that became free */
static int			   nunused;
static bool			   was_full; /* and somebody was told so */

void
outbox_begin_under_way(OutboxDatabase *entry)
{
	mine = outbox_under_way(entry, outbox_my_sender());
	nunused = 0;
	pg_atomic_write_u32(&mine->n, 0);
}

bool
outbox_under_way_has_room(void)
{
	if (nunused > 0 || pg_atomic_read_u32(&mine->n) < OUTBOX_UNDER_WAY)
		return true;
	was_full = true;
	return false;
}

bool
outbox_under_way_has_room_again(void)
{
	bool again = was_full && nunused > 0;

	was_full = was_full && !again;
	return again;
}

int
outbox_set_under_way(int64 seq)
{
	uint32 n = pg_atomic_read_u32(&mine->n);
	uint32 place = nunused > 0 ? unused[--nunused] : n;

	Assert(place < OUTBOX_UNDER_WAY);
	pg_atomic_write_u64(&mine->tickets[place], (uint64) seq);
	if (place == n)
	{
		pg_write_barrier();
		pg_atomic_write_u32(&mine->n, n + 1);
	}

	/* before anybody's discarding is looked for */
	pg_memory_barrier();
	return (int) place + 1;
}

void
outbox_end_under_way(int place)
{
	if (place == 0)
		return;
	pg_atomic_write_u64(&mine->tickets[place - 1], 0);
	unused[nunused++] = (uint16) (place - 1);
}

static bool
is_among(OutboxUnderWay *list, int64 seq)
{
	uint32 n = pg_atomic_read_u32(&list->n);

	pg_read_barrier();
	for (uint32 i = 0; i < n; i++)
		if (pg_atomic_read_u64(&list->tickets[i]) == (uint64) seq)
			return true;
	return false;
}

bool
outbox_is_under_way(OutboxDatabase *entry, int64 seq)
{
	/* behind the lock of the row */
	pg_memory_barrier();
	for (int i = 0; i < outbox_senders; i++)
		if (is_among(outbox_under_way(entry, i), seq))
			return true;
	return false;
}
