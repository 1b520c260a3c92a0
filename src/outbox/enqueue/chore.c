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
#include "utils/resowner.h"

#include "outbox/enqueue/chore.h"
#include "outbox/enqueue/prepared.h"

static uint32		   chores;	   /* of this transaction */
static OutboxDatabase *discarding; /* it is counted there */
static bool			   pausing;	   /* until the caches' invalidations are sent, too */

void
outbox_chore_at_commit(uint32 more)
{
	chores |= more;
}

/* New rows are found without being told; what was held may have callbacks. */
static void
tell(OutboxDatabase *entry)
{
	uint32 told = chores & ~OUTBOX_CHORE_READ;

	if (told & OUTBOX_CHORE_HELD)
		told |= OUTBOX_CHORE_CALLBACKS;
	outbox_wake(entry, told);
}

void
outbox_begin_discarding(void)
{
	outbox_chore_at_commit(OUTBOX_CHORE_DISCARDED);
	if (discarding == NULL && (discarding = outbox_this_database(false)) != NULL)
		pg_atomic_fetch_add_u32(&discarding->discards, 1);
}

void
outbox_begin_pausing(void)
{
	outbox_begin_discarding();
	pausing = discarding != NULL;
}

/* When the transaction is through, and the workers told. */
static void
end_discarding(void)
{
	if (discarding)
		pg_atomic_fetch_sub_u32(&discarding->discards, 1);
	discarding = NULL;
}

/*
 * The workers are told of what a transaction did when it has committed, and of what it
 * may yet do when it is prepared.
 */
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
	{
		tell(entry);

		/* its sender, which saw no extension, has given the entry up meanwhile */
		if (entry->database != MyDatabaseId &&
			(entry = outbox_this_database(chores & OUTBOX_CHORE_INSTALLED)) != NULL)
			tell(entry);
	}
	else if (entry)
		outbox_note_prepared(entry, chores & ~OUTBOX_CHORE_READ);
	if (!pausing)
		end_discarding();
	chores = 0;
}

/* What the transaction has changed in a catalogue is seen by others from here on. */
static void
after_transaction(ResourceReleasePhase phase, bool commit, bool top, void *arg)
{
	if (!pausing || !top || phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	pausing = false;
	outbox_wake(discarding, OUTBOX_CHORE_DISCARDED);
	end_discarding();
}

void
outbox_chore_init(void)
{
	RegisterXactCallback(at_transaction, NULL);
	RegisterResourceReleaseCallback(after_transaction, NULL);
}
