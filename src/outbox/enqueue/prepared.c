/*-------------------------------------------------------------------------
 *
 * prepared.c
 *	  Requests of prepared transactions (two-phase commit).
 *
 * PREPARE TRANSACTION writes the rows with tickets below zero, where no sender
 * looks.  When the transaction is committed they are visible, and whoever commits
 * requests next gives them tickets before he draws his own, which may depend on
 * them: he may have waited for their locks.  Who carries COMMIT PREPARED out does so
 * too, when the statement's own transaction ends, be it a session or a subscription's
 * apply worker; and the sender, each second, for those of whom nothing is heard.
 *
 * entry->prepared says whether there may be any: a count of what was prepared
 * (since there was none), with the chores that may come of it in the upper half.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "outbox/enqueue/prepared.h"
#include "outbox/origin/origin.h"
#include "outbox/record/request_table.h"
#include "outbox/record/statement.h"
#include "outbox/record/ticket.h"

#define COUNT(prepared)	 ((uint32) (prepared))
#define CHORES(prepared) ((uint32) ((prepared) >> 32))

static OutboxStatement find_prepared = {
	"SELECT FROM pg_catalog.pg_prepared_xact() AS p (transaction, gid, prepared, owner, database)"
	" WHERE p.database = $1 LIMIT 1",
	1,
	{OIDOID},
};

void
outbox_note_prepared(OutboxDatabase *entry, uint32 chores)
{
	uint64 was = pg_atomic_read_u64(&entry->prepared);
	uint64 is;

	do
		is = ((uint64) (CHORES(was) | chores) << 32) | Max((uint32) (COUNT(was) + 1), 1);
	while (!pg_atomic_compare_exchange_u64(&entry->prepared, &was, is));
}

bool
outbox_any_prepared(OutboxDatabase *entry)
{
	return COUNT(pg_atomic_read_u64(&entry->prepared)) != 0;
}

uint32
outbox_prepared_chores(OutboxDatabase *entry)
{
	return CHORES(pg_atomic_read_u64(&entry->prepared));
}

/*
 * COMMIT PREPARED calls no hook and no callback but those of the transaction that it
 * is run in, which writes to the WAL without having an id: there is little else that
 * does.  VACUUM does, but must not get one: others' snapshots leave it out, and what it would
 * write they would take for aborted.
 */
bool
outbox_may_have_finished_prepared(void)
{
	return max_prepared_xacts > 0 && XactLastRecEnd != InvalidXLogRecPtr &&
		   !TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		   (MyProc->statusFlags & PROC_IN_VACUUM) == 0;
}

/* Rows that are being taken. */
typedef struct Taking
{
	OutboxBacklog *prepared;
	int64		   origin;
	bool		   wait;
	bool		   left; /* somebody else has one in hand, and what comes after it */
} Taking;

/*
 * All who take go upwards, and who doesn't wait stops where somebody is: else two would share
 * the rows of one transaction, and its order would be lost.
 */
static bool
take_row(Relation rel, HeapTuple tuple, OutboxRow *row, void *arg)
{
	Taking		  *taking = arg;
	OutboxDeletion deletion = OUTBOX_GONE;

	if (row->origin == taking->origin && !taking->left)
		deletion = outbox_delete(rel, &tuple->t_self, GetCurrentCommandId(true), taking->wait);
	if (deletion == OUTBOX_DELETED)
	{
		row->enqueued_at = GetCurrentTimestamp(); /* its age counts from now */
		outbox_add_to_backlog(taking->prepared, row);
	}
	taking->left |= deletion == OUTBOX_LOCKED;
	return false;
}

/* Take the rows that are committed: the snapshot, of one moment, has a transaction's all or none. */
static void
take_rows(Taking *taking)
{
	Relation rel = outbox_open(OUTBOX_REQUESTS, RowExclusiveLock);

	PushActiveSnapshot(GetLatestSnapshot());
	(void) outbox_for_rows(rel, PG_INT64_MIN, OUTBOX_SCHEDULED, take_row, taking);
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

OutboxBacklog *
outbox_take_prepared(OutboxDatabase *entry, bool wait, bool *left)
{
	Taking taking = {.wait = wait};

	*left = false;
	if (!outbox_any_prepared(entry))
		return NULL;
	taking.origin = outbox_origin(entry);
	taking.prepared = outbox_make_backlog(taking.origin);
	take_rows(&taking);
	*left = taking.left;
	if (outbox_count_backlog(taking.prepared) > 0)
		return taking.prepared;
	outbox_end_backlog(taking.prepared);
	return NULL;
}

/* Is any transaction of this database prepared? */
static bool
is_any_prepared(void)
{
	Datum database = ObjectIdGetDatum(MyDatabaseId);

	return outbox_run_alone(&find_prepared, &database) > 0;
}

void
outbox_release_prepared(OutboxDatabase *entry)
{
	/* in this order: what is prepared later changes the count, what isn't any more is seen */
	uint64		   was = pg_atomic_read_u64(&entry->prepared);
	bool		   more = is_any_prepared();
	bool		   left;
	OutboxBacklog *prepared = outbox_take_prepared(entry, false, &left);
	uint32		   chores = CHORES(was);

	if (prepared)
	{
		int64 seq = outbox_draw_tickets(outbox_count_backlog(prepared));

		chores |= outbox_insert_backlog(prepared, seq);
		outbox_end_backlog(prepared);
	}
	chores &= ~(uint32) OUTBOX_CHORE_PREPARED;
	if (chores)
		outbox_wake(entry, chores); /* before it is forgotten: see discard.c */
	if (!more && !left)
		(void) pg_atomic_compare_exchange_u64(&entry->prepared, &was, 0);
}
