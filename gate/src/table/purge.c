/*-------------------------------------------------------------------------
 *
 * purge.c
 *	  Deleting what the gate doesn't keep.
 *
 * Conversations that got messages are noted, and looked at a few at a time:
 * deleting must hold up nobody who waits for an answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "table/gate_guc.h"
#include "table/member.h"
#include "table/purge.h"
#include "host.h"

/* How often conversations are looked at, and old messages; milliseconds. */
#define CONVERSATIONS_MS 5000
#define AGE_MS			 60000

/* Conversations that one transaction looks at, and that are noted at most. */
#define AT_ONCE	  64
#define MAX_NOTED 10000

typedef struct Key
{
	int64 pid;
	int64 type; /* no padding in a hashed key */
	int64 a;
	int64 b;
} Key;

/* Of the gate's process; times are rtm_now_ms(). */
static struct
{
	HTAB *noted;
	bool  all; /* more than can be noted; at first, who knows */
	int64 conversations_due;
	int64 age_due;
} purge;

void
gate_purge_init(void)
{
	HASHCTL control = {.keysize = sizeof(Key), .entrysize = sizeof(Key), .hcxt = TopMemoryContext};

	purge.noted = hash_create("rtm gate conversations to be purged", 256, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	purge.all = true;
	purge.age_due = rtm_now_ms();
	purge.conversations_due = rtm_now_ms() + CONVERSATIONS_MS;
}

void
gate_purge_note(const GateConversation *c)
{
	Key key = {c->pid, c->type, c->a, c->b};

	if (purge.all)
		return;
	if (gate_history_messages == 0 || hash_get_num_entries(purge.noted) >= MAX_NOTED)
		purge.all = true;
	else
		(void) hash_search(purge.noted, &key, HASH_ENTER, NULL);
}

int64
gate_purge_due(void)
{
	if (gate_history_messages == 0 || (!purge.all && hash_get_num_entries(purge.noted) == 0))
		return purge.age_due;
	return Min(purge.conversations_due, purge.age_due);
}

/* False: they are all done. */
static bool
purge_noted(void)
{
	HASH_SEQ_STATUS scan;
	Key				keys[AT_ONCE];
	Key			   *key;
	int				n = 0;

	hash_seq_init(&scan, purge.noted);
	while (n < AT_ONCE && (key = hash_seq_search(&scan)) != NULL)
		keys[n++] = *key;
	if (n == AT_ONCE)
		hash_seq_term(&scan);
	for (int i = 0; i < n; i++)
	{
		GateConversation c = {keys[i].pid, (RtmConversation) keys[i].type, keys[i].a, keys[i].b};

		gate_store_purge_conversation(&c);
		(void) hash_search(purge.noted, &keys[i], HASH_REMOVE, NULL);
	}
	return n == AT_ONCE;
}

static void
purge_all(void)
{
	HASH_SEQ_STATUS scan;
	Key			   *key;

	gate_store_purge_all();
	purge.all = false;
	hash_seq_init(&scan, purge.noted);
	while ((key = hash_seq_search(&scan)) != NULL)
		(void) hash_search(purge.noted, key, HASH_REMOVE, NULL);
}

void
gate_purge_postpone(void)
{
	purge.conversations_due = purge.age_due = rtm_now_ms() + AGE_MS;
}

void
gate_purge_run(void)
{
	int64 now = rtm_now_ms();

	if (now >= purge.age_due)
	{
		uint64 n = 0;

		if (gate_history_days > 0)
			n = gate_store_purge_older();
		gate_member_purge();
		purge.age_due = n > 0 ? now + 100 : now + AGE_MS;
	}
	if (now >= purge.conversations_due)
	{
		bool more = false;

		if (gate_history_messages > 0 && purge.all)
			purge_all();
		else if (gate_history_messages > 0)
			more = purge_noted();
		purge.conversations_due = more ? now + 100 : now + CONVERSATIONS_MS;
	}
}
