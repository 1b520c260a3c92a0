/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  From the table into memory.
 *
 * There are three reasons to read, each with a place in the table from which on
 * it has to go on; every place only moves upwards, so that dead rows are passed
 * once, however many there are:
 *
 *	discovery	rows that nobody has seen yet, from `position` up to the next
 *				ticket to be drawn
 *	a lane		that was full: its rows from lane->next up to `position`
 *	the cut		conversations of a lane that were full: their rows from
 *				conversation->next up to lane->next or `position`
 *
 * A transaction may become visible when discovery has passed its tickets: those
 * in hand when a batch was read are remembered, and are read when they aren't
 * in hand any more (`missing`).
 *
 * A row that is in memory already is never taken a second time.
 *
 * Used by the sender only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outbox/queue.h"
#include "outbox/reader.h"
#include "outbox/ticket.h"

/* Rows that one batch looks at, at most. */
#define BATCH_ROWS	1000

typedef enum Purpose
{
	DISCOVERY,
	REFILL_LANE,
	REFILL_CUT
} Purpose;

/* One scan of the index. */
typedef struct Pass
{
	Purpose		purpose;
	Lane	   *lane;			/* that is refilled; NULL: all lanes */
	int			refilling;		/* cut conversations that still are */
	int			taken;			/* rows */
	bool		stopped;		/* before its end, having done with `last` */
	int64		last;			/* seq */
} Pass;

static int64 position;			/* of discovery */
static bool current;			/* discovery has come to its end */
static OutboxRange *missing;	/* in hand when they were passed */
static int	nmissing;
static int	max_missing;

static bool
has_room(const Lane *lane)
{
	return lane->nrows - lane->ndelayed <= OUTBOX_LANE_ROWS / 2 &&
		lane->nbytes <= OUTBOX_LANE_BYTES / 2;
}

/* A lane that was full and has room again, or NULL. */
static Lane *
lane_with_room(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &outbox_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		if (lane->next != 0 && has_room(lane))
			return lane;
	}
	return NULL;
}

/* Has a cut conversation room, and may its next row leave before long? */
static bool
wants_rows(const Conversation *c)
{
	const Membership *head;

	if (c->n > OUTBOX_CONVERSATION_ROWS / 2)
		return false;
	if (c->n == 0)
		return true;
	head = dlist_head_element(Membership, node, (dlist_head *) &c->queue);
	return head->request->state != REQUEST_DELAYED;
}

static bool
cut_has_room(Lane *lane)
{
	dlist_iter	iter;

	if (lane->cut_idle || !has_room(lane))
		return false;
	dlist_foreach(iter, &lane->cut)
	{
		if (wants_rows(dlist_container(Conversation, cut_node, iter.cur)))
			return true;
	}
	return false;
}

static Lane *
lane_with_cut_room(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &outbox_lanes)
	{
		Lane	   *lane = dlist_container(Lane, node, iter.cur);

		if (cut_has_room(lane))
			return lane;
	}
	return NULL;
}

static bool
is_in_hand(const OutboxRange *range, const OutboxRange *hands, int nhands)
{
	for (int i = 0; i < nhands; i++)
		if (hands[i].low == range->low)
			return true;
	return false;
}

bool
outbox_reader_has_work(void)
{
	OutboxRange *hands;
	int			nhands;
	bool		work = outbox_look_at_tickets(&hands, &nhands) > position;

	for (int i = 0; i < nmissing && !work; i++)
		work = !is_in_hand(&missing[i], hands, nhands);
	pfree(hands);
	return work || lane_with_room() || lane_with_cut_room();
}

bool
outbox_reader_is_current(void)
{
	return current;
}

/* ---- one row ---- */

/*
 * Take the row into memory, or note that it was left in the table.  False: there
 * is no room in its lane.
 */
static bool
take(Pass *pass, Lane *lane, const OutboxRow *row, ItemPointer tid)
{
	if (outbox_lane_full(lane))
		return false;
	if (outbox_row_is_cut(lane, row))
	{
		/* its other conversations must not overtake it */
		if (row->recipients)
			outbox_cut(lane, row);
	}
	else if (!outbox_row_has_room(lane, row))
		outbox_cut(lane, row);
	else
	{
		outbox_add(lane, row, tid);
		pass->taken++;
	}
	return true;
}

static void
discover(Pass *pass, Lane *lane, const OutboxRow *row, ItemPointer tid)
{
	/* a lane that was full comes to it itself */
	if (lane->next != 0 && row->seq >= lane->next)
		return;
	if (!take(pass, lane, row, tid))
		lane->next = row->seq;
}

static void
refill_lane(Pass *pass, Lane *lane, const OutboxRow *row, ItemPointer tid)
{
	if (lane != pass->lane || take(pass, lane, row, tid))
		return;
	pass->stopped = true;
	pass->last = row->seq - 1;
}

/* The conversation can't take this row: it goes on from here another time. */
static void
end_refilling(Pass *pass, Conversation *c, int64 seq)
{
	if (!c->refilling)
		return;
	c->refilling = false;
	c->next = seq;
	pass->refilling--;
}

/* Must the row be left where it is, for one of its conversations? */
static bool
cut_keeps_row(const Pass *pass, const OutboxRow *row)
{
	if (!outbox_row_has_room(pass->lane, row))
		return true;
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(pass->lane, row, i);

		if (c && c->next != 0 && row->seq >= c->next && !c->refilling)
			return true;
	}
	return false;
}

static void
refill_cut(Pass *pass, Lane *lane, const OutboxRow *row, ItemPointer tid)
{
	bool		keep;

	/* rows before the cut are in memory or done, those of others not for us */
	if (lane != pass->lane || !outbox_row_is_cut(lane, row))
		return;
	if (outbox_lane_full(lane))
	{
		pass->stopped = true;
		pass->last = row->seq - 1;
		return;
	}
	keep = cut_keeps_row(pass, row);
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(lane, row, i);

		if (c == NULL || !c->refilling || row->seq < c->next)
			continue;
		if (keep)
			end_refilling(pass, c, row->seq);
		else
			c->next = row->seq + 1;
	}
	if (!keep)
	{
		outbox_add(lane, row, tid);
		pass->taken++;
	}
	else if (pass->refilling == 0)
	{
		pass->stopped = true;
		pass->last = row->seq - 1;
	}
}

static void
deal_with(Pass *pass, HeapTuple tuple, TupleDesc desc)
{
	OutboxRow	row;
	Lane	   *lane;

	outbox_read_key(tuple, desc, &row);
	pass->last = row.seq;
	lane = outbox_lane(row.server, row.owner);
	if (pass->lane && lane != pass->lane)
		return;
	if (pass->purpose == DISCOVERY && lane->next != 0 && row.seq >= lane->next)
		return;
	if (outbox_knows(row.seq))
		return;
	outbox_read_row(tuple, desc, &row);
	switch (pass->purpose)
	{
		case DISCOVERY:
			discover(pass, lane, &row, &tuple->t_self);
			break;
		case REFILL_LANE:
			refill_lane(pass, lane, &row, &tuple->t_self);
			break;
		case REFILL_CUT:
			refill_cut(pass, lane, &row, &tuple->t_self);
			break;
	}
}

/* ---- scans ---- */

/*
 * Deal with the visible rows of [low, high), as many as a batch has.  If there
 * are more, pass->stopped is set.
 */
static void
scan(Pass *pass, Relation rel, int64 low, int64 high)
{
	Relation	index = index_open(outbox_relations(false)->request_index, AccessShareLock);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm row",
												  ALLOCSET_DEFAULT_SIZES);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	int			looked = 0;

	ScanKeyInit(&keys[0], OUTBOX_SEQ, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(low));
	ScanKeyInit(&keys[1], OUTBOX_SEQ, BTLessStrategyNumber, F_INT8LT, Int64GetDatum(high));
	PushActiveSnapshot(GetTransactionSnapshot());
	scan = systable_beginscan_ordered(rel, index, GetActiveSnapshot(), 2, keys);
	while (!pass->stopped &&
		   HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		deal_with(pass, tuple, RelationGetDescr(rel));
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
		if (++looked >= BATCH_ROWS)
			pass->stopped = true;
	}
	systable_endscan_ordered(scan);
	PopActiveSnapshot();
	MemoryContextDelete(context);
	index_close(index, NoLock);
}

static void
read_lane(Relation rel, Lane *lane)
{
	Pass		pass = {.purpose = REFILL_LANE, .lane = lane};
	int64		from = lane->next;

	/* while it is read, its rows count as read */
	lane->next = 0;
	scan(&pass, rel, from, position);
	if (pass.stopped)
		lane->next = pass.last + 1;
}

/* Go on with the cut conversations of a lane that have room. */
static void
read_cut(Relation rel, Lane *lane)
{
	Pass		pass = {.purpose = REFILL_CUT, .lane = lane};
	int64		from = PG_INT64_MAX;
	int64		to = lane->next != 0 ? lane->next : position;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lane->cut)
	{
		Conversation *c = dlist_container(Conversation, cut_node, iter.cur);

		if (!wants_rows(c))
			continue;
		c->refilling = true;
		pass.refilling++;
		from = Min(from, c->next);
	}
	scan(&pass, rel, from, to);

	/* those that weren't stopped have all rows up to here in memory */
	dlist_foreach_modify(iter, &lane->cut)
	{
		Conversation *c = dlist_container(Conversation, cut_node, iter.cur);

		if (!c->refilling)
			continue;
		if (pass.stopped)
		{
			c->next = Max(c->next, pass.last + 1);
			c->refilling = false;
		}
		else
			outbox_uncut(c);
	}
	lane->cut_idle = pass.taken == 0 && pass.last < from;
}

/* Remember what discovery is about to pass without seeing it. */
static void
remember_missing(const OutboxRange *hands, int nhands, int64 below)
{
	for (int i = 0; i < nhands; i++)
	{
		if (hands[i].low >= below || is_in_hand(&hands[i], missing, nmissing))
			continue;

		/* visible by now, and so are all others of its transaction */
		if (outbox_knows(hands[i].low))
			continue;
		if (nmissing == max_missing)
		{
			max_missing = Max(16, max_missing * 2);
			missing = missing ? repalloc(missing, sizeof(OutboxRange) * max_missing)
				: MemoryContextAlloc(TopMemoryContext, sizeof(OutboxRange) * max_missing);
		}
		missing[nmissing++] = hands[i];
	}
}

/* Read the tickets that were passed and aren't in hand any more. */
static void
read_missing(Relation rel, const OutboxRange *hands, int nhands)
{
	for (int i = nmissing - 1; i >= 0; i--)
	{
		Pass		pass = {.purpose = DISCOVERY};
		OutboxRange *range = &missing[i];

		if (is_in_hand(range, hands, nhands))
			continue;
		scan(&pass, rel, range->low, range->high);
		if (pass.stopped)
		{
			/* the rest in the next turn */
			range->low = pass.last + 1;
			return;
		}
		*range = missing[--nmissing];
	}
}

static void
read_new(Relation rel, int64 next, const OutboxRange *hands, int nhands)
{
	Pass		pass = {.purpose = DISCOVERY};

	scan(&pass, rel, position, next);
	position = pass.stopped ? pass.last + 1 : next;
	current = !pass.stopped;
	remember_missing(hands, nhands, position);
}

void
outbox_read(Relation rel)
{
	OutboxRange *hands;
	int			nhands;

	/* before the snapshots, which see all that isn't in hand by now */
	int64		next = outbox_look_at_tickets(&hands, &nhands);
	Lane	   *lane;

	read_missing(rel, hands, nhands);
	lane = lane_with_cut_room();
	if (lane)
		read_cut(rel, lane);
	lane = lane_with_room();
	if (lane)
		read_lane(rel, lane);
	if (position < next)
		read_new(rel, next, hands, nhands);
}
