/*-------------------------------------------------------------------------
 *
 * queue.c
 *	  What the sender has in memory: requests, in the order in which they have
 *	  to leave.
 *
 * Used by the sender only.  Knows nothing of tables and sockets.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "fpnn/catalog.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/deliver/queue.h"

typedef struct Known
{
	int64	 seq; /* hash key */
	Request *request;
} Known;

dlist_head outbox_lanes = DLIST_STATIC_INIT(outbox_lanes);
dlist_head outbox_servers = DLIST_STATIC_INIT(outbox_servers);
dlist_head outbox_finished = DLIST_STATIC_INIT(outbox_finished);
dlist_head outbox_touched = DLIST_STATIC_INIT(outbox_touched);
int		   outbox_nfinished;
int		   outbox_nresults;
int		   outbox_ntouched;

static MemoryContext   queue_context;
static HTAB			  *known;
static HTAB			  *conversations;
static HTAB			  *servers;
static OutboxDatabase *entry;
static int64		   old_seq;

void
outbox_queue_init(OutboxDatabase *database, int64 old)
{
	HASHCTL seqs = {.keysize = sizeof(int64), .entrysize = sizeof(Known)};
	HASHCTL keys = {.keysize = sizeof(ConversationKey), .entrysize = sizeof(Conversation)};
	HASHCTL oids = {.keysize = sizeof(Oid), .entrysize = sizeof(Server)};

	queue_context = AllocSetContextCreate(TopMemoryContext, "rtm queue", ALLOCSET_DEFAULT_SIZES);
	seqs.hcxt = keys.hcxt = oids.hcxt = queue_context;
	known = hash_create("rtm requests", 1024, &seqs, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	conversations = hash_create("rtm conversations", 1024, &keys,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	servers = hash_create("rtm servers", 16, &oids, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	entry = database;
	old_seq = old;
}

OutboxDatabase *
outbox_queue_entry(void)
{
	return entry;
}

/* ---- lanes ---- */

Server *
outbox_server(Oid oid)
{
	bool	found;
	Server *server = hash_search(servers, &oid, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) server + sizeof(Oid), 0, sizeof(Server) - sizeof(Oid));
		dlist_init(&server->cut);
		server->tokens = 1;
		server->stats = outbox_server_stats(entry, oid);
		dlist_push_tail(&outbox_servers, &server->node);
	}
	return server;
}

static Lane *
find_lane(Oid server, Oid owner)
{
	dlist_iter iter;
	Lane	  *lane;

	dlist_foreach (iter, &outbox_lanes)
	{
		lane = dlist_container(Lane, node, iter.cur);
		if (lane->key.server == server && lane->key.owner == owner)
			return lane;
	}
	lane = MemoryContextAllocZero(queue_context, sizeof(Lane));
	lane->key.server = server;
	lane->key.owner = owner;
	lane->server = outbox_server(server);
	lane->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(server));
	lane->stale = true;
	lane->next_deadline = PG_INT64_MAX;
	dlist_init(&lane->ready);
	dlist_init(&lane->delayed);
	dlist_init(&lane->in_flight);
	dlist_push_tail(&outbox_lanes, &lane->node);
	return lane;
}

bool
outbox_knows(int64 seq)
{
	return hash_search(known, &seq, HASH_FIND, NULL) != NULL;
}

bool
outbox_server_full(const Server *server)
{
	/* what waits for its repetition may be any number */
	return server->nrows - server->ndelayed >= OUTBOX_SERVER_ROWS ||
		   server->nbytes >= (Size) outbox_sender_memory * 1024;
}

/* ---- conversations ---- */

/* The i-th conversation of a row. */
static ConversationKey
key_of(Server *server, const OutboxRow *row, int i)
{
	ConversationKey key = {.server = server, .kind = row->conversation};

	if (row->recipients)
	{
		key.a = Min(row->key_a, row->recipients[i]);
		key.b = Max(row->key_a, row->recipients[i]);
	}
	else
	{
		key.a = row->key_a;
		key.b = row->key_b;
	}
	return key;
}

int
outbox_count_conversations(const OutboxRow *row)
{
	return row->recipients ? row->nrecipients : 1;
}

Conversation *
outbox_conversation(Server *server, const OutboxRow *row, int i)
{
	ConversationKey key = key_of(server, row, i);

	return hash_search(conversations, &key, HASH_FIND, NULL);
}

static Conversation *
make_conversation(const ConversationKey *key)
{
	bool		  found;
	Conversation *c = hash_search(conversations, key, HASH_ENTER, &found);

	if (!found)
	{
		dlist_init(&c->queue);
		c->n = 0;
		c->next = 0;
		c->refilling = false;
	}
	return c;
}

/* Forget a conversation of which nothing is left to know. */
static void
release_conversation(Conversation *c)
{
	if (c->n == 0 && c->next == 0)
		hash_search(conversations, &c->key, HASH_REMOVE, NULL);
}

bool
outbox_row_has_room(Server *server, const OutboxRow *row)
{
	Conversation *c;

	/* several recipients: too many to wait until there is room for all */
	if (row->recipients)
		return true;
	c = outbox_conversation(server, row, 0);
	return c == NULL || c->n < OUTBOX_CONVERSATION_ROWS;
}

bool
outbox_row_is_cut(Server *server, const OutboxRow *row)
{
	if (dlist_is_empty(&server->cut))
		return false;
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(server, row, i);

		if (c && c->next != 0 && row->seq >= c->next)
			return true;
	}
	return false;
}

/* Leave the conversation's rows from seq on in the table. */
static void
cut_at(Conversation *c, int64 seq)
{
	if (c->next == 0)
		dlist_push_tail(&c->key.server->cut, &c->cut_node);
	if (c->next == 0 || seq < c->next)
		c->next = seq;
}

void
outbox_cut(Server *server, const OutboxRow *row)
{
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		ConversationKey key = key_of(server, row, i);

		cut_at(make_conversation(&key), row->seq);
	}
}

void
outbox_uncut(Conversation *c)
{
	if (c->next == 0)
		return;
	c->next = 0;
	c->refilling = false;
	dlist_delete(&c->cut_node);
	release_conversation(c);
}

/* ---- requests ---- */

/* The request leaves the list that its state says. */
static void
leave_list(Request *request)
{
	Lane *lane = request->lane;

	switch (request->state)
	{
		case REQUEST_READY:
			lane->nready--;
			break;
		case REQUEST_DELAYED:
			lane->server->ndelayed--;
			break;
		case REQUEST_IN_FLIGHT:
			lane->nin_flight--;
			break;
		case REQUEST_QUEUED:
		case REQUEST_FINISHED:
			return;
	}
	dlist_delete(&request->node);
}

static void
set_ready(Request *request)
{
	request->state = REQUEST_READY;
	request->lane->nready++;
	dlist_push_tail(&request->lane->ready, &request->node);
}

/* A copy of the row with memory of its own; one chunk for all. */
static Request *
copy_row(const OutboxRow *row)
{
	Size recipients = sizeof(int64) * row->nrecipients;
	Size size = MAXALIGN(sizeof(Request)) + recipients + row->call_len + row->method_len + 1 +
				row->params_len;
	Request *request = MemoryContextAlloc(queue_context, size);
	char	*p = (char *) request + MAXALIGN(sizeof(Request));

	memset(request, 0, sizeof(Request));
	request->row = *row;
	request->row.owner_name = request->row.server_name = request->row.callback_name = (OutboxName){
		0};
	request->bytes = size + sizeof(Membership) * row->nrecipients;
	if (row->recipients)
		request->row.recipients = memcpy(p, row->recipients, recipients);
	p += recipients;
	request->row.call = memcpy(p, row->call, row->call_len);
	p += row->call_len;
	request->row.method = memcpy(p, row->method, row->method_len);
	p += row->method_len;
	*p++ = '\0';
	request->row.params = memcpy(p, row->params, row->params_len);
	return request;
}

static void
join_conversations(Request *request)
{
	const OutboxRow *row = &request->row;

	request->nmembers = outbox_count_conversations(row);
	request->members = &request->own_member;
	if (row->recipients)
		request->members = MemoryContextAllocZero(queue_context,
												  sizeof(Membership) * request->nmembers);
	for (int i = 0; i < request->nmembers; i++)
	{
		Membership	   *member = &request->members[i];
		ConversationKey key = key_of(request->lane->server, row, i);
		Conversation   *c = make_conversation(&key);

		member->request = request;
		member->conversation = NULL;

		/* a recipient who is named twice */
		if (c->n > 0 && dlist_tail_element(Membership, node, &c->queue)->request == request)
		{
			request->nheads++;
			continue;
		}
		member->conversation = c;
		dlist_push_tail(&c->queue, &member->node);
		if (c->n++ == 0)
			request->nheads++;
	}
}

Request *
outbox_add(const OutboxRow *row, ItemPointer tid)
{
	Lane	*lane = find_lane(row->server, row->owner);
	Request *request = copy_row(row);
	Known	*k = hash_search(known, &row->seq, HASH_ENTER, NULL);

	k->request = request;
	request->lane = lane;
	request->tid = *tid;
	request->maybe_sent = row->seq < old_seq || row->attempts > 0;
	lane->server->nrows++;
	lane->server->nbytes += request->bytes;
	join_conversations(request);
	if (request->nheads == request->nmembers)
		set_ready(request);
	return request;
}

void
outbox_set_in_flight(Request *request)
{
	leave_list(request);
	request->state = REQUEST_IN_FLIGHT;
	request->lane->nin_flight++;
	dlist_push_tail(&request->lane->in_flight, &request->node);
}

void
outbox_set_ready_again(Request *request)
{
	leave_list(request);
	set_ready(request);
}

static void
forget(Request *request)
{
	hash_search(known, &request->row.seq, HASH_REMOVE, NULL);
	outbox_untouch(request);
	if (request->members != &request->own_member)
		pfree(request->members);
	if (request->error)
		pfree(request->error);
	if (request->answer)
		pfree(request->answer);
	pfree(request);
}

static void
uncount(Request *request)
{
	request->lane->server->nrows--;
	request->lane->server->nbytes -= request->bytes;
}

/*
 * What is behind the head of a conversation goes back to the table, so that a
 * conversation that has to wait takes no room.  Only rows of this conversation
 * alone.
 */
static void
evict_tail(Conversation *c)
{
	while (c->n > 1)
	{
		Request *last = dlist_tail_element(Membership, node, &c->queue)->request;

		if (last->state != REQUEST_QUEUED || last->nmembers != 1)
			return;
		cut_at(c, last->row.seq);
		dlist_delete(&last->own_member.node);
		c->n--;
		uncount(last);
		forget(last);
	}
}

void
outbox_set_delayed(Request *request, int64 not_before, bool long_time)
{
	leave_list(request);
	request->state = REQUEST_DELAYED;
	request->not_before = not_before;
	request->lane->server->ndelayed++;
	dlist_push_tail(&request->lane->delayed, &request->node);
	if (long_time && request->nmembers == 1)
		evict_tail(request->own_member.conversation);
}

void
outbox_set_finished(Request *request, bool leaves_result)
{
	leave_list(request);
	request->state = REQUEST_FINISHED;
	dlist_push_tail(&outbox_finished, &request->node);
	outbox_nfinished++;
	request->leaves_result = leaves_result;
	if (leaves_result)
		outbox_nresults++;
	uncount(request);
	request->lane->server->cut_idle = false;

	for (int i = 0; i < request->nmembers; i++)
	{
		Conversation *c = request->members[i].conversation;
		Request		 *head;

		if (c == NULL)
			continue;
		dlist_delete(&request->members[i].node);
		c->n--;
		if (c->n == 0)
		{
			release_conversation(c);
			continue;
		}
		head = dlist_head_element(Membership, node, &c->queue)->request;
		if (++head->nheads < head->nmembers)
			continue;
		if (head->discarded)
			outbox_set_finished(head, false);
		else
			set_ready(head);
	}
}

void
outbox_discard_if(bool (*gone)(Request *request, void *arg), void *arg)
{
	HASH_SEQ_STATUS scan;
	Known		   *k;

	hash_seq_init(&scan, known);
	while ((k = hash_seq_search(&scan)) != NULL)
	{
		Request *request = k->request;

		if (request->state == REQUEST_IN_FLIGHT || request->state == REQUEST_FINISHED ||
			!gone(request, arg))
			continue;
		request->discarded = true;
		if (request->state != REQUEST_QUEUED)
			outbox_set_finished(request, false);
	}
}

void
outbox_drop(Request *request)
{
	Assert(request->state == REQUEST_FINISHED);
	dlist_delete(&request->node);
	outbox_nfinished--;
	if (request->leaves_result)
		outbox_nresults--;
	forget(request);
}

void
outbox_touch(Request *request)
{
	if (request->touched)
		return;
	dlist_push_tail(&outbox_touched, &request->touched_node);
	request->touched = true;
	outbox_ntouched++;
}

void
outbox_untouch(Request *request)
{
	if (!request->touched)
		return;
	dlist_delete(&request->touched_node);
	request->touched = false;
	outbox_ntouched--;
}
