/*-------------------------------------------------------------------------
 *
 * chore.c
 *	  At commit, tell the workers what there is to do for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "outbox/enqueue/chore.h"
#include "outbox/enqueue/prepared.h"

/* Chores that are for the callbacks' worker as well. */
#define FOR_CALLBACKS OUTBOX_CHORE_HELD

static uint32 chores; /* of this transaction */

void
outbox_chore_at_commit(uint32 more)
{
	chores |= more;
}

static void
tell(OutboxDatabase *entry)
{
	/* new rows are found without being told */
	if (chores & ~OUTBOX_CHORE_READ)
		pg_atomic_fetch_or_u32(&entry->chores, chores & ~OUTBOX_CHORE_READ);
	outbox_wake(entry, OUTBOX_SENDER);
	if (chores & FOR_CALLBACKS)
		outbox_wake(entry, OUTBOX_CALLBACKS);
}

static void
at_transaction(XactEvent event, void *arg)
{
	OutboxDatabase *entry;

	if (chores == 0 ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE))
		return;
	entry = event == XACT_EVENT_ABORT ? NULL
									  : outbox_this_database(chores & OUTBOX_CHORE_INSTALLED);
	if (entry && event == XACT_EVENT_COMMIT)
		tell(entry);
	else if (entry)
		outbox_note_prepared(entry, chores & ~OUTBOX_CHORE_READ);
	chores = 0;
}

void
outbox_chore_init(void)
{
	RegisterXactCallback(at_transaction, NULL);
}
