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
 *	a server	that was full: its rows from server->next up to `position`
 *	the cut		conversations of a server that were full: their rows from
 *				conversation->next up to server->next or `position`
 *
 * Discovery looks at rows behind server->next, too: those of roles with little in memory are
 * taken, if no row of their conversations was left before them.
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
#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outbox/deliver/confirm.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/origin/origin.h"
#include "outbox/deliver/queue.h"
#include "outbox/deliver/reader.h"
#include "outbox/record/request_table.h"
#include "outbox/record/ticket.h"

/* Rows that one batch looks at, at most. */
#define BATCH_ROWS 1000

typedef enum Purpose
{
	DISCOVERY,
	REFILL_SERVER,
	REFILL_CUT
} Purpose;

/* Tickets that were in hand when discovery passed them. */
typedef struct Missing
{
	OutboxRange range; /* as they were drawn */
	int64		from;  /* those that have yet to be read */
} Missing;

/* What one call has come upon. */
typedef struct Batch
{
	XLogRecPtr latest_commit; /* of its rows, as far as they may not be on disk */
	bool	   held;		  /* rows of another origin */
	int64	   replaced;	  /* with `held`: see outbox_replaced_origin() */
} Batch;

/* One scan of the index. */
typedef struct Pass
{
	Purpose	   purpose;
	Server	  *server;	  /* that is refilled; NULL: all of them */
	int		   refilling; /* cut conversations that still are */
	int		   taken;	  /* rows */
	bool	   moved;	  /* a cut conversation's `next` */
	bool	   stopped;	  /* before its end, having done with `last` */
	XLogRecPtr lsn;		  /* of its rows, that standbys must have; 0: none must */
	int64	   last;	  /* seq */
	Batch	  *batch;	  /* that it is part of */
} Pass;

/*
 * How far reading has come.  What is urgent has places of its own, for the same
 * tickets: it is read by itself, and first.
 */
typedef struct Stream
{
	int64	 position; /* of discovery */
	bool	 current;  /* discovery has come to its end */
	Missing *missing;  /* in hand when they were passed */
	int		 nmissing;
	int		 max_missing;
} Stream;

static Stream ordinary;
static Stream urgent = {.position = OUTBOX_URGENT_ROWS};

static Stream *
stream_of(const Server *server)
{
	return server->key.urgent ? &urgent : &ordinary;
}

static bool
has_room(const Server *server)
{
	return server->nrows - server->ndelayed <= OUTBOX_SERVER_ROWS / 2 &&
		   server->nbytes <= (Size) outbox_sender_memory * 1024 / 2;
}

/* A server that was full and has room again, or NULL. */
static Server *
server_with_room(const Stream *stream)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_queue.servers)
	{
		Server *server = dlist_container(Server, node, iter.cur);

		if (stream_of(server) == stream && server->next != 0 && has_room(server))
			return server;
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
cut_has_room(Server *server)
{
	dlist_iter iter;

	if (server->cut_idle || !has_room(server))
		return false;
	dlist_foreach (iter, &server->cut)
	{
		if (wants_rows(dlist_container(Conversation, cut_node, iter.cur)))
			return true;
	}
	return false;
}

static Server *
server_with_cut_room(const Stream *stream)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_queue.servers)
	{
		Server *server = dlist_container(Server, node, iter.cur);

		if (stream_of(server) == stream && cut_has_room(server))
			return server;
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

/* The tickets in hand, and the next one, as places of what is urgent. */
static int64
make_urgent(OutboxRange *hands, int nhands, int64 next)
{
	for (int i = 0; i < nhands; i++)
	{
		hands[i].low = outbox_place(hands[i].low, true);
		hands[i].high = outbox_place(hands[i].high, true);
	}
	return outbox_place(next, true);
}

static bool
has_work(const Stream *stream, int64 next, const OutboxRange *hands, int nhands)
{
	if (next > stream->position)
		return true;
	for (int i = 0; i < stream->nmissing; i++)
		if (!is_in_hand(&stream->missing[i].range, hands, nhands))
			return true;
	return server_with_room(stream) || server_with_cut_room(stream);
}

bool
outbox_reader_has_work(void)
{
	OutboxRange *hands;
	int			 nhands;
	int64		 next = outbox_look_at_tickets(&hands, &nhands);
	bool		 work = has_work(&ordinary, next, hands, nhands);

	next = make_urgent(hands, nhands, next);
	work = work || has_work(&urgent, next, hands, nhands);
	pfree(hands);
	return work;
}

bool
outbox_reader_is_current(void)
{
	return ordinary.current && urgent.current;
}

/* ---- one row ---- */

static void
add(Pass *pass, const OutboxRow *row, ItemPointer tid)
{
	bool standbys = !XLogRecPtrIsInvalid(pass->lsn);

	outbox_add(row, tid, standbys ? Max(pass->lsn, pass->batch->latest_commit) : pass->lsn);
	pass->taken++;
}

/*
 * Take the row into memory, or note that it was left in the table.  False: there
 * is no room for its server.
 */
static bool
take(Pass *pass, Server *server, const OutboxRow *row, ItemPointer tid)
{
	if (outbox_server_full(server))
		return false;
	if (outbox_row_is_cut(server, row))
	{
		/* its other conversations must not overtake it */
		if (row->recipients)
			outbox_cut(server, row);
	}
	else if (!outbox_row_has_room(server, row))
		outbox_cut(server, row);
	else
		add(pass, row, tid);
	return true;
}

static void
discover(Pass *pass, Server *server, const OutboxRow *row, ItemPointer tid)
{
	if (server->next != 0 && row->seq >= server->next)
		add(pass, row, tid);
	else if (!take(pass, server, row, tid))
	{
		server->next = row->seq;
		outbox_leave(server, row);
	}
}

static void
refill_server(Pass *pass, Server *server, const OutboxRow *row, ItemPointer tid)
{
	if (server != pass->server || take(pass, server, row, tid))
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
	pass->moved |= c->next != seq;
	c->next = seq;
	pass->refilling--;
}

/* Must the row be left where it is, for one of its conversations? */
static bool
cut_keeps_row(const Pass *pass, const OutboxRow *row)
{
	if (!outbox_row_has_room(pass->server, row))
		return true;
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(pass->server, row, i);

		if (c && c->next != 0 && row->seq >= c->next && !c->refilling)
			return true;
	}
	return false;
}

/*
 * A row that a pass over the cut conversations of a server comes to.  Once a conversation has no
 * room for a row, it goes on from that row at another time, so that its order is kept.
 */
static void
refill_cut(Pass *pass, Server *server, const OutboxRow *row, ItemPointer tid)
{
	bool keep;

	/* rows before the cut are in memory or done, those of others not for us */
	if (server != pass->server || !outbox_row_is_cut(server, row))
		return;
	if (outbox_server_full(server))
	{
		pass->stopped = true;
		pass->last = row->seq - 1;
		return;
	}
	keep = cut_keeps_row(pass, row);
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(server, row, i);

		if (c == NULL || !c->refilling || row->seq < c->next)
			continue;
		if (keep)
			end_refilling(pass, c, row->seq);
		else
		{
			c->next = row->seq + 1;
			pass->moved = true;
		}
	}
	if (!keep)
		add(pass, row, tid);
	else if (pass->refilling == 0)
	{
		pass->stopped = true;
		pass->last = row->seq - 1;
	}
}

/*
 * A transaction that committed with synchronous_commit off can be seen before it
 * is on disk; nothing of it may be sent before.
 */
static void
note_commit(Batch *batch, TransactionId xid)
{
	XLogRecPtr commit = TransactionIdGetCommitLSN(xid);

	batch->latest_commit = Max(batch->latest_commit, commit);
}

/*
 * Somebody else's row.  One that a promotion left to be decided about goes before what was queued
 * after it, if it goes: its conversations wait.
 */
static void
pass_held(Pass *pass, Server *server, const OutboxRow *row)
{
	Batch *batch = pass->batch;

	if (!batch->held)
		batch->replaced = outbox_replaced_origin();
	batch->held = true;
	if (row->origin != batch->replaced || row->seq < 0)
		return;
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(server, row, i);

		if (c && row->seq >= c->next)
			end_refilling(pass, c, row->seq);
	}
	outbox_hold(server, row);
}

/* Is it behind the place that a full server was left at, which comes to it itself, and may not pass? */
static bool
is_left(Server *server, HeapTuple tuple, int64 seq)
{
	OutboxRow row = {0};

	if (server->next == 0 || seq < server->next)
		return false;
	outbox_read_conversations(tuple, &row);
	if (row.origin == outbox_origin(outbox_queue.entry) && !outbox_row_is_cut(server, &row) &&
		outbox_may_pass(server, &row))
		return false;
	outbox_leave(server, &row);
	return true;
}

/*
 * A row that a pass comes to.  Its key is read first: most rows of a long outbox are known, or are
 * none of this pass's, and needn't be read whole.
 */
static void
deal_with(Pass *pass, HeapTuple tuple)
{
	OutboxRow row;
	Server	 *server;

	outbox_read_key(tuple, &row);
	pass->last = row.seq;
	if (outbox_sender_of(row.server) != outbox_my_sender())
		return;
	server = outbox_server(row.server, outbox_is_urgent(row.seq));
	if (pass->server && server != pass->server)
		return;
	if (outbox_knows(row.seq) || (pass->purpose == DISCOVERY && is_left(server, tuple, row.seq)))
		return;
	outbox_read_row(tuple, &row);
	if (row.origin != outbox_origin(outbox_queue.entry))
	{
		pass_held(pass, server, &row);
		return;
	}
	note_commit(pass->batch, HeapTupleHeaderGetXmin(tuple->t_data));
	switch (pass->purpose)
	{
		case DISCOVERY:
			discover(pass, server, &row, &tuple->t_self);
			break;
		case REFILL_SERVER:
			refill_server(pass, server, &row, &tuple->t_self);
			break;
		case REFILL_CUT:
			refill_cut(pass, server, &row, &tuple->t_self);
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
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm row",
												  ALLOCSET_DEFAULT_SIZES);
	OutboxScan	  scan;
	HeapTuple	  tuple;
	int			  looked = 0;

	PushActiveSnapshot(GetTransactionSnapshot());
	pass->lsn = outbox_lsn_on_disk();
	scan = outbox_begin_scan(rel, OUTBOX_REQUEST_SEQ, low, high, GetActiveSnapshot());
	while (!pass->stopped && HeapTupleIsValid(tuple = outbox_next(&scan)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		deal_with(pass, tuple);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
		if (++looked >= BATCH_ROWS)
			pass->stopped = true;
	}
	outbox_end_scan(&scan);
	PopActiveSnapshot();
	MemoryContextDelete(context);
}

static void
read_server(Batch *batch, Relation rel, Server *server)
{
	Pass  pass = {.purpose = REFILL_SERVER, .server = server, .batch = batch};
	int64 from = server->next;

	/* while it is read, its rows count as read */
	server->next = 0;
	scan(&pass, rel, from, stream_of(server)->position);
	if (pass.stopped)
		server->next = pass.last + 1;
	else
		outbox_all_read(server);
}

/* Go on with the cut conversations of a server that have room. */
static void
read_cut(Batch *batch, Relation rel, Server *server)
{
	Pass			   pass = {.purpose = REFILL_CUT, .server = server, .batch = batch};
	int64			   from = PG_INT64_MAX;
	int64			   to = server->next != 0 ? server->next : stream_of(server)->position;
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &server->cut)
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
	dlist_foreach_modify (iter, &server->cut)
	{
		Conversation *c = dlist_container(Conversation, cut_node, iter.cur);

		if (!c->refilling)
			continue;
		if (pass.stopped)
		{
			pass.moved |= pass.last + 1 > c->next;
			c->next = Max(c->next, pass.last + 1);
			c->refilling = false;
		}
		else
		{
			outbox_uncut(c);
			pass.moved = true;
		}
	}
	server->cut_idle = pass.taken == 0 && !pass.moved;
}

static bool
is_missing(const Stream *stream, const OutboxRange *range)
{
	for (int i = 0; i < stream->nmissing; i++)
		if (stream->missing[i].range.low == range->low)
			return true;
	return false;
}

/* Remember what discovery is about to pass without seeing it. */
static void
remember_missing(Stream *stream, const OutboxRange *hands, int nhands, int64 below)
{
	for (int i = 0; i < nhands; i++)
	{
		if (hands[i].low >= below || is_missing(stream, &hands[i]))
			continue;

		/* visible by now, and so are all others of its transaction */
		if (outbox_knows(hands[i].low))
			continue;
		if (stream->nmissing == stream->max_missing)
		{
			stream->max_missing = Max(16, stream->max_missing * 2);
			stream->missing = stream->missing
								  ? repalloc(stream->missing, sizeof(Missing) * stream->max_missing)
								  : MemoryContextAlloc(TopMemoryContext,
													   sizeof(Missing) * stream->max_missing);
		}
		stream->missing[stream->nmissing].range = hands[i];
		stream->missing[stream->nmissing++].from = hands[i].low;
	}
}

/*
 * Read the tickets that were passed and aren't in hand any more.  False: there are more of them
 * than a batch has, and nothing may be read before the rest, which what comes next may have seen.
 */
static bool
read_missing(Stream *stream, Batch *batch, Relation rel, const OutboxRange *hands, int nhands)
{
	for (int i = stream->nmissing - 1; i >= 0; i--)
	{
		Pass	 pass = {.purpose = DISCOVERY, .batch = batch};
		Missing *m = &stream->missing[i];

		if (is_in_hand(&m->range, hands, nhands))
			continue;
		scan(&pass, rel, m->from, m->range.high);
		if (pass.stopped && pass.last + 1 < m->range.high)
		{
			m->from = pass.last + 1;
			return false;
		}
		*m = stream->missing[--stream->nmissing];
	}
	return true;
}

static void
read_new(Stream *stream, Batch *batch, Relation rel, int64 next, const OutboxRange *hands,
		 int nhands)
{
	Pass pass = {.purpose = DISCOVERY, .batch = batch};

	scan(&pass, rel, stream->position, next);
	stream->position = pass.stopped ? pass.last + 1 : next;
	stream->current = !pass.stopped;
	remember_missing(stream, hands, nhands, stream->position);
}

/*
 * Of what is urgent, or isn't: what was passed, what had no room before, and what nobody has seen
 * yet.
 */
static void
read_stream(Stream *stream, Batch *batch, Relation rel, int64 next, const OutboxRange *hands,
			int nhands)
{
	Server *server;

	if (!read_missing(stream, batch, rel, hands, nhands))
		return;
	server = server_with_cut_room(stream);
	if (server)
		read_cut(batch, rel, server);
	server = server_with_room(stream);
	if (server)
		read_server(batch, rel, server);
	if (stream->position < next)
		read_new(stream, batch, rel, next, hands, nhands);
}

/* On this server's disk, that is; for standbys the requests wait themselves. */
static void
wait_until_safe(XLogRecPtr commit)
{
	if (!XLogRecPtrIsInvalid(commit))
		XLogFlush(commit);
}

bool
outbox_read(Relation rel)
{
	Batch		 batch = {0};
	OutboxRange *hands;
	int			 nhands;

	/* before the snapshots, which see all that isn't in hand by now */
	int64 next = outbox_look_at_tickets(&hands, &nhands);

	OutboxRange *urgent_hands = memcpy(palloc(sizeof(OutboxRange) * Max(nhands, 1)), hands,
									   sizeof(OutboxRange) * nhands);

	read_stream(&urgent, &batch, rel, make_urgent(urgent_hands, nhands, next), urgent_hands,
				nhands);
	read_stream(&ordinary, &batch, rel, next, hands, nhands);
	wait_until_safe(batch.latest_commit);
	return batch.held;
}
