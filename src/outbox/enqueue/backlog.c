/*-------------------------------------------------------------------------
 *
 * backlog.c
 *	  What a transaction has queued, until it commits.
 *
 * Rows are kept aside in a tuplestore, which spills to disk.  A subtransaction
 * that is rolled back takes all rows with it that were added since it began: those
 * of its own and of its children.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/table.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "outbox/enqueue/backlog.h"
#include "outbox/origin/names.h"
#include "outbox/record/request_table.h"
#include "outbox/workers/registry.h"

/* What is kept in memory of a transaction's requests, at least: kilobytes. */
#define KEEP_KB 16384

/* Rows [from, to) of the backlog, whose subtransaction was rolled back. */
typedef struct DeadRows
{
	int64 from;
	int64 to;
} DeadRows;

/* Ids [from, to] of requests that a role queued one after the other; a backend draws many in a row. */
typedef struct IdRun
{
	int64 from;
	int64 to;
	Oid	  owner;
} IdRun;

/* A row that was given up. */
typedef struct Discarded
{
	int64			 row;
	SubTransactionId by;
} Discarded;

/* How many rows there were when a subtransaction began. */
typedef struct Savepoint
{
	SubTransactionId id;
	int64			 rows;
} Savepoint;

struct OutboxBacklog
{
	MemoryContext	 context;
	Tuplestorestate *rows;
	bool			 broken; /* adding a row has failed: what is here is anybody's guess */
	int64			 origin;
	int64			 nrows; /* dead ones too */
	int64			 nlive;
	IdRun			*ids;
	int				 nids;
	int				 max_ids;
	DeadRows		*dead; /* in their order, none touching */
	int				 ndead;
	int				 max_dead;
	Discarded		*discarded; /* in their order, none of them dead */
	int				 ndiscarded;
	int				 max_discarded;
	SubTransactionId made_in;	 /* later ones have their savepoint below */
	Savepoint		*savepoints; /* the innermost last */
	int				 nsavepoints;
	int				 max_savepoints;
	MemoryContext	 names;	   /* those of the row named */
	OutboxRow		 named;	   /* the names of its objects are known ... */
	CommandId		 named_in; /* ... in this command; another may rename them */
};

OutboxBacklog *
outbox_make_backlog(int64 origin)
{
	MemoryContext  context = AllocSetContextCreate(TopTransactionContext, "rtm requests",
												   ALLOCSET_SMALL_SIZES);
	ResourceOwner  owner = CurrentResourceOwner;
	MemoryContext  old = MemoryContextSwitchTo(context);
	OutboxBacklog *b = palloc0(sizeof(OutboxBacklog));

	/* a table that can't take the rows is no surprise for the commit, or the sender */
	outbox_check_tables();

	/*
	 * The lock and the store's file belong to the whole transaction: the table
	 * must be there when it commits, whatever is rolled back until then.
	 */
	CurrentResourceOwner = TopTransactionResourceOwner;
	LockRelationOid(outbox_relations(false)->tables[OUTBOX_REQUESTS], RowExclusiveLock);
	b->rows = tuplestore_begin_heap(false, false, Max(work_mem, KEEP_KB));
	CurrentResourceOwner = owner;
	b->context = context;
	b->origin = origin;
	b->made_in = GetCurrentSubTransactionId();
	b->names = AllocSetContextCreate(context, "rtm names", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	return b;
}

void
outbox_end_backlog(OutboxBacklog *b)
{
	tuplestore_end(b->rows);
	MemoryContextDelete(b->context);
}

/* Room for one more element in an array of the backlog. */
static void *
grow(OutboxBacklog *b, void *array, int n, int *max, Size size)
{
	int more = Max(8, *max * 2);

	if (n < *max)
		return array;
	array = array ? repalloc_huge(array, size * more) : MemoryContextAlloc(b->context, size * more);
	*max = more; /* only now: memory may run out, and a savepoint catch that */
	return array;
}

/* ---- rows ---- */

static void
note_id(OutboxBacklog *b, int64 id, Oid owner)
{
	IdRun *last = b->nids > 0 ? &b->ids[b->nids - 1] : NULL;

	if (last && last->to + 1 == id && last->owner == owner)
	{
		last->to = id;
		return;
	}
	b->ids = grow(b, b->ids, b->nids, &b->max_ids, sizeof(IdRun));
	b->ids[b->nids++] = (IdRun){.from = id, .to = id, .owner = owner};
}

/*
 * A tuplestore that failed to write to its file has half of a row there, or none of rows that
 * were in memory; a savepoint, which catches the error, doesn't mend that.
 */
static void
check_whole(const OutboxBacklog *b)
{
	if (b->broken)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("requests that this transaction has queued were lost"),
						errdetail("There was no room for them, in memory or in a temporary file."),
						errhint("Roll back the whole transaction: a savepoint isn't enough.")));
}

void
outbox_add_to_backlog(OutboxBacklog *b, OutboxRow *row)
{
	Datum values[OUTBOX_NCOLUMNS];
	bool  nulls[OUTBOX_NCOLUMNS];

	check_whole(b);
	row->origin = b->origin;
	outbox_row_values(row, values, nulls);
	b->broken = true;
	tuplestore_putvalues(b->rows, outbox_columns(OUTBOX_REQUESTS), values, nulls);
	note_id(b, row->id, row->owner);
	b->nrows++;
	b->nlive++;
	b->broken = false;
}

void
outbox_add_with_names(OutboxBacklog *b, OutboxRow *row)
{
	OutboxRow	 *named = &b->named;
	CommandId	  command = GetCurrentCommandId(false);
	MemoryContext old;

	if (named->owner != row->owner || named->server != row->server ||
		named->callback != row->callback || b->named_in != command)
	{
		memset(named, 0, sizeof(OutboxRow));
		MemoryContextReset(b->names);
		old = MemoryContextSwitchTo(b->names);
		outbox_name_objects(row);
		MemoryContextSwitchTo(old);
		*named = *row;
		b->named_in = command;
	}
	row->owner_name = named->owner_name;
	row->server_name = named->server_name;
	row->callback_name = named->callback_name;
	row->callback_owner = named->callback_owner;
	outbox_add_to_backlog(b, row);
}

int64
outbox_count_backlog(const OutboxBacklog *b)
{
	return b->nlive;
}

bool
outbox_is_in_backlog(const OutboxBacklog *b, int64 id)
{
	for (int i = 0; i < b->nids; i++)
		if (id >= b->ids[i].from && id <= b->ids[i].to)
			return true;
	return false;
}

/* ---- discarding ---- */

static bool
is_dead(const OutboxBacklog *b, int64 row)
{
	for (int i = 0; i < b->ndead; i++)
		if (row >= b->dead[i].from && row < b->dead[i].to)
			return true;
	return false;
}

/* The place of a row among those that were given up; those are mostly given up in their order. */
static int
place_among_discarded(const OutboxBacklog *b, int64 row)
{
	int place = b->ndiscarded;

	while (place > 0 && b->discarded[place - 1].row >= row)
		place--;
	return place;
}

/* False: it has been already, or was rolled back. */
static bool
discard_row(OutboxBacklog *b, int64 row)
{
	int place = place_among_discarded(b, row);

	if ((place < b->ndiscarded && b->discarded[place].row == row) || is_dead(b, row))
		return false;
	b->discarded = grow(b, b->discarded, b->ndiscarded, &b->max_discarded, sizeof(Discarded));
	memmove(&b->discarded[place + 1], &b->discarded[place],
			sizeof(Discarded) * (b->ndiscarded - place));
	b->discarded[place] = (Discarded){.row = row, .by = GetCurrentSubTransactionId()};
	b->ndiscarded++;
	b->nlive--;
	return true;
}

bool
outbox_discard_in_backlog(OutboxBacklog *b, int64 id, bool (*may)(Oid owner, int64 id))
{
	int64 row = 0;

	/* the rows are in the order of the runs; one that was rolled back may have been queued again */
	for (int i = 0; i < b->nids; i++)
	{
		const IdRun *run = &b->ids[i];

		if (id >= run->from && id <= run->to && may(run->owner, id) &&
			discard_row(b, row + id - run->from))
			return true;
		row += run->to - run->from + 1;
	}
	return false;
}

/* What a subtransaction, or a child of it, has given up is there again. */
static void
undo_discards(OutboxBacklog *b, SubTransactionId id)
{
	int kept = 0;

	for (int i = 0; i < b->ndiscarded; i++)
		if (b->discarded[i].by < id)
			b->discarded[kept++] = b->discarded[i];
	b->nlive += b->ndiscarded - kept;
	b->ndiscarded = kept;
}

/* ---- subtransactions ---- */

void
outbox_begin_savepoint(OutboxBacklog *b, SubTransactionId id)
{
	Savepoint *s;

	b->savepoints = grow(b, b->savepoints, b->nsavepoints, &b->max_savepoints, sizeof(Savepoint));
	s = &b->savepoints[b->nsavepoints++];
	s->id = id;
	s->rows = b->nrows;
}

/*
 * Take the subtransaction's mark away: the rows that there were before it.  One
 * without a mark began before the backlog was made, or failed to begin.
 */
static int64
take_savepoint(OutboxBacklog *b, SubTransactionId id)
{
	if (b->nsavepoints > 0 && b->savepoints[b->nsavepoints - 1].id == id)
		return b->savepoints[--b->nsavepoints].rows;
	return id > b->made_in ? b->nrows : 0;
}

void
outbox_end_savepoint(OutboxBacklog *b, SubTransactionId id)
{
	(void) take_savepoint(b, id);
}

void
outbox_undo_savepoint(OutboxBacklog *b, SubTransactionId id)
{
	int64 from = take_savepoint(b, id);
	int64 killed = b->nrows - from;

	undo_discards(b, id);
	while (b->ndead > 0 && b->dead[b->ndead - 1].to >= from)
	{
		DeadRows *last = &b->dead[b->ndead - 1];

		killed -= last->to - Max(last->from, from);
		from = Min(from, last->from);
		b->ndead--;
	}
	if (from == b->nrows)
		return;
	b->dead = grow(b, b->dead, b->ndead, &b->max_dead, sizeof(DeadRows));
	b->dead[b->ndead].from = from;
	b->dead[b->ndead++].to = b->nrows;
	b->nlive -= killed;
}

/* ---- commit ---- */

/*
 * Where a row stands until its time has come, or else `seq`.  What is prepared stands where it is
 * taken from when it is committed.
 */
static int64
place_of(TupleTableSlot *slot, int64 seq, TimestampTz now)
{
	bool		null;
	Datum		value = slot_getattr(slot, OUTBOX_SEND_AT, &null);
	TimestampTz send_at = null ? 0 : DatumGetTimestampTz(value);

	if (!outbox_has_ticket(seq))
		return seq;
	if (send_at > now)
		return OUTBOX_SCHEDULED + send_at;
	(void) slot_getattr(slot, OUTBOX_URGENT, &null);
	return outbox_place(seq, !null);
}

uint32
outbox_insert_backlog(OutboxBacklog *b, int64 seq)
{
	TimestampTz		now = GetCurrentTimestamp();
	bool			scheduled = false;
	MemoryContext	old = MemoryContextSwitchTo(b->context);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(outbox_columns(OUTBOX_REQUESTS),
													&TTSOpsMinimalTuple);
	OutboxBatch	   *batch;
	int				dead = 0;
	int				discarded = 0;

	check_whole(b);
	PushActiveSnapshot(GetTransactionSnapshot());
	batch = outbox_begin_batch();
	for (int64 i = 0; tuplestore_gettupleslot(b->rows, true, false, slot); i++)
	{
		int64 place;

		while (dead < b->ndead && b->dead[dead].to <= i)
			dead++;
		if (dead < b->ndead && b->dead[dead].from <= i)
			continue;
		if (discarded < b->ndiscarded && b->discarded[discarded].row == i)
		{
			discarded++;
			continue;
		}
		place = place_of(slot, seq++, now);
		scheduled |= outbox_is_scheduled(place);
		outbox_add_to_batch(batch, slot, place);
	}
	outbox_end_batch(batch);
	ExecDropSingleTupleTableSlot(slot);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	return OUTBOX_CHORE_READ | (scheduled ? OUTBOX_CHORE_SCHEDULED : 0);
}
