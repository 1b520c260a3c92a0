/*-------------------------------------------------------------------------
 *
 * left.c
 *	  Which conversations have rows that were left in the table for want of room
 *	  in their lane.
 *
 * A note is taken for right as long as its lane hasn't read on beyond it.  A message
 * to several users is noted once, by its sender: whatever else he is part of counts
 * as behind it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "fpnn/catalog.h"
#include "outbox/deliver/left.h"
#include "outbox/record/outbox_guc.h"

/* The part of rtm.sender_memory that a server's notes may take. */
#define PART 4

/* The kind of a note by sender; the others are RtmConversation. */
#define BY_SENDER (-1)

typedef struct Note
{
	uint64 key;	  /* of the conversation; 64 bits of a hash are as good as all of it */
	int64  last;  /* seq of its last row that was left */
	Oid	   owner; /* the lane's; InvalidOid: rows of several lanes */
	char   status;
} Note;

#define SH_PREFIX			 notes
#define SH_ELEMENT_TYPE		 Note
#define SH_KEY_TYPE			 uint64
#define SH_KEY				 key
#define SH_HASH_KEY(tb, key) ((uint32) (key))
#define SH_EQUAL(tb, a, b)	 ((a) == (b))
#define SH_SCOPE			 static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct OutboxNotes
{
	MemoryContext context;
	notes_hash	 *table;
} OutboxNotes;

static uint64
key_of(int kind, int64 a, int64 b)
{
	int64 parts[] = {kind, a, b};

	return hash_bytes_extended((const unsigned char *) parts, sizeof(parts), 0);
}

static uint64
row_key(const OutboxRow *row)
{
	return row->recipients ? key_of(BY_SENDER, row->key_a, 0)
						   : key_of(row->conversation, row->key_a, row->key_b);
}

/* ---- what is noted ---- */

static OutboxNotes *
make_notes(Server *server)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "rtm rows that were left",
												  ALLOCSET_DEFAULT_SIZES);
	OutboxNotes	 *notes = MemoryContextAllocZero(context, sizeof(OutboxNotes));

	notes->context = context;
	notes->table = notes_create(context, 256, NULL);
	server->notes = notes;
	return notes;
}

static Size
bytes_of(const OutboxNotes *notes)
{
	return notes ? notes->table->size * sizeof(Note) : 0;
}

static bool
is_full(const OutboxNotes *notes)
{
	/* it doubles when it has to grow */
	return notes->table->members + 1 >= notes->table->grow_threshold &&
		   2 * bytes_of(notes) > (Size) outbox_sender_memory * 1024 / PART;
}

/* Is there a row that was left, at `last` or before, by a lane of that owner? */
static bool
is_left(const Server *server, Oid owner, int64 last)
{
	const Lane *lane = outbox_find_lane(server->oid, owner);

	return lane && lane->next != 0 && lane->next <= last;
}

/* The first place from which on any lane but one has left rows. */
static int64
first_left(const Server *server, const Lane *but)
{
	int64	   first = PG_INT64_MAX;
	dlist_iter iter;

	dlist_foreach (iter, unconstify(dlist_head *, &server->left))
	{
		const Lane *lane = dlist_container(Lane, left_node, iter.cur);

		if (lane != but)
			first = Min(first, lane->next);
	}
	return first;
}

bool
outbox_may_leave(const Server *server)
{
	return server->notes == NULL || !is_full(server->notes);
}

bool
outbox_leave(Lane *lane, const OutboxRow *row)
{
	Server		*server = lane->server;
	OutboxNotes *notes = server->notes ? server->notes : make_notes(server);
	uint64		 key = row_key(row);
	Note		*note = notes_lookup(notes->table, key);
	bool		 found;

	if (note == NULL && is_full(notes))
		return false;
	if (note == NULL)
	{
		note = notes_insert(notes->table, key, &found);
		note->owner = lane->key.owner;
		note->last = row->seq;
	}
	else if (note->owner != lane->key.owner)
		note->owner = OidIsValid(note->owner) && !is_left(server, note->owner, note->last)
						  ? lane->key.owner
						  : InvalidOid;
	note->last = Max(note->last, row->seq);
	if (lane->next == 0)
		dlist_push_tail(&server->left, &lane->left_node);
	if (lane->next == 0 || row->seq < lane->next)
		lane->next = row->seq;
	server->left_low = Min(server->left_low, row->seq);
	return true;
}

void
outbox_read_on(Lane *lane, int64 next)
{
	Server *server = lane->server;

	lane->next = next;
	if (next == 0)
	{
		dlist_delete(&lane->left_node);
		outbox_wake_lane(lane); /* it may be given back */
	}
	server->left_low = first_left(server, NULL);
	if (dlist_is_empty(&server->left) && server->notes)
	{
		MemoryContextDelete(server->notes->context);
		server->notes = NULL;
	}
}

/* ---- who is behind ---- */

static bool
is_behind(const Lane *lane, uint64 key, int64 seq)
{
	const Server *server = lane->server;
	Note		 *note = notes_lookup(server->notes->table, key);

	if (note == NULL || note->owner == lane->key.owner)
		return false;
	if (OidIsValid(note->owner))
		return is_left(server, note->owner, Min(note->last, seq));
	return first_left(server, lane) <= Min(note->last, seq);
}

static bool
is_pair_behind(const Lane *lane, int64 a, int64 b, int64 seq)
{
	return is_behind(lane, key_of(RTM_P2P, Min(a, b), Max(a, b)), seq) ||
		   is_behind(lane, key_of(BY_SENDER, a, 0), seq) ||
		   is_behind(lane, key_of(BY_SENDER, b, 0), seq);
}

bool
outbox_left_before(const Lane *lane, const OutboxRow *row)
{
	if (lane->server->notes == NULL || lane->server->left_low >= row->seq)
		return false;
	for (int i = 0; row->recipients && i < row->nrecipients; i++)
		if (is_pair_behind(lane, row->key_a, row->recipients[i], row->seq))
			return true;
	if (row->recipients)
		return false;
	if (row->conversation == RTM_P2P)
		return is_pair_behind(lane, row->key_a, row->key_b, row->seq);
	return is_behind(lane, key_of(row->conversation, row->key_a, row->key_b), row->seq);
}
