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

#include "lib/bloomfilter.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "fpnn/catalog.h"
#include "host.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/deliver/queue.h"
#include "outbox/workers/under_way.h"

/* A full server's unread rows are of so many conversations, as a guess; kB. */
#define LEFT_CONVERSATIONS 500000
#define LEFT_MEMORY		   1024

typedef struct Known
{
	int64	 seq; /* hash key */
	Request *request;
} Known;

OutboxQueue outbox_queue;

/* Where it is found; all of it in memory of its own. */
static struct
{
	MemoryContext context;
	HTAB		 *known;		 /* Known */
	HTAB		 *conversations; /* Conversation */
	HTAB		 *servers;		 /* Server */
	HTAB		 *lanes;		 /* Lane */
	int64		  old_ticket;	 /* rows below may have been sent by a predecessor */
} store;

static HTAB *
make_table(const char *name, long n, Size key, Size entry)
{
	HASHCTL control = {.keysize = key, .entrysize = entry, .hcxt = store.context};

	return hash_create(name, n, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
outbox_queue_init(OutboxDatabase *entry, int64 old)
{
	store.context = AllocSetContextCreate(TopMemoryContext, "rtm queue", ALLOCSET_DEFAULT_SIZES);
	store.known = make_table("rtm requests", 1024, sizeof(int64), sizeof(Known));
	store.conversations = make_table("rtm conversations", 1024, sizeof(ConversationKey),
									 sizeof(Conversation));
	store.servers = make_table("rtm servers", 16, sizeof(ServerKey), sizeof(Server));
	store.lanes = make_table("rtm lanes", 64, sizeof(LaneKey), sizeof(Lane));
	store.old_ticket = old;

	memset(&outbox_queue, 0, sizeof(outbox_queue));
	outbox_queue.entry = entry;
	dlist_init(&outbox_queue.lanes);
	dlist_init(&outbox_queue.awake);
	dlist_init(&outbox_queue.servers);
	dlist_init(&outbox_queue.unconfirmed);
	dlist_init(&outbox_queue.finished);
	dlist_init(&outbox_queue.touched);
}

/* When the request may leave. */
static int64
time_of(const Request *request)
{
	return request->must_note ? PG_INT64_MAX : request->not_before;
}

/* The heap has its first one on top. */
static int
later(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	int64 at_a = time_of(pairingheap_const_container(Request, heap_node, a));
	int64 at_b = time_of(pairingheap_const_container(Request, heap_node, b));

	return at_a < at_b ? 1 : at_a > at_b ? -1 : 0;
}

/* ---- lanes ---- */

Server *
outbox_server(Oid oid, bool urgent)
{
	ServerKey key = {oid, urgent};
	bool	  found;
	Server	 *server = hash_search(store.servers, &key, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) server + sizeof(ServerKey), 0, sizeof(Server) - sizeof(ServerKey));
		dlist_init(&server->cut);
		dlist_init(&server->held);
		dlist_push_tail(&outbox_queue.servers, &server->node);
	}
	return server;
}

Server *
outbox_other_class(const Server *server)
{
	ServerKey key = {server->key.oid, !server->key.urgent};

	return hash_search(store.servers, &key, HASH_FIND, NULL);
}

static Lane *
find_lane(Oid server, Oid owner, bool urgent)
{
	LaneKey key = {server, owner, urgent, false};

	return hash_search(store.lanes, &key, HASH_FIND, NULL);
}

Lane *
outbox_lane(Oid server, Oid owner, bool urgent, bool apart)
{
	LaneKey key = {server, owner, urgent, apart};
	bool	found;
	Lane   *lane;

	lane = hash_search(store.lanes, &key, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) lane + sizeof(LaneKey), 0, sizeof(Lane) - sizeof(LaneKey));
		lane->server = outbox_server(server, urgent);
		lane->server->nlanes++;
		dlist_init(&lane->ready);
		lane->delayed.ph_compare = later;
		dlist_init(&lane->in_flight);
		dlist_push_tail(&outbox_queue.lanes, &lane->node);
		outbox_queue.nlanes++;
	}
	return lane;
}

bool
outbox_server_is_idle(const Server *server)
{
	return server->nlanes == 0 && server->next == 0 &&
		   dlist_is_empty(unconstify(dlist_head *, &server->cut)) &&
		   dlist_is_empty(unconstify(dlist_head *, &server->held));
}

void
outbox_drop_lane(Lane *lane)
{
	Assert(lane->nrequests == 0 && lane->traffic == NULL);
	if (lane->awake)
		dlist_delete(&lane->awake_node);
	dlist_delete(&lane->node);
	outbox_queue.nlanes--;
	lane->server->nlanes--;
	hash_search(store.lanes, &lane->key, HASH_REMOVE, NULL);
}

void
outbox_drop_server(Server *server)
{
	Assert(outbox_server_is_idle(server));
	dlist_delete(&server->node);
	hash_search(store.servers, &server->key, HASH_REMOVE, NULL);
}

void
outbox_wake_lane(Lane *lane)
{
	if (lane->awake)
		return;
	lane->awake = true;
	dlist_push_tail(&outbox_queue.awake, &lane->awake_node);
}

bool
outbox_knows(int64 seq)
{
	return hash_search(store.known, &seq, HASH_FIND, NULL) != NULL;
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

	return hash_search(store.conversations, &key, HASH_FIND, NULL);
}

static Conversation *
make_conversation(const ConversationKey *key)
{
	bool		  found;
	Conversation *c = hash_search(store.conversations, key, HASH_ENTER, &found);

	if (!found)
	{
		dlist_init(&c->queue);
		c->n = 0;
		c->next = 0;
		c->refilling = c->held = false;
	}
	return c;
}

/* Forget a conversation of which nothing is left to know. */
static void
release_conversation(Conversation *c)
{
	if (c->n == 0 && c->next == 0)
		hash_search(store.conversations, &c->key, HASH_REMOVE, NULL);
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
	if (dlist_is_empty(&server->cut) && dlist_is_empty(&server->held))
		return false;
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		Conversation *c = outbox_conversation(server, row, i);

		if (c && c->next != 0 && row->seq >= c->next)
			return true;
	}
	return false;
}

static void
set_cut(Conversation *c, int64 seq, bool held)
{
	Server *server = c->key.server;

	if (c->next != 0)
		dlist_delete(&c->cut_node);
	dlist_push_tail(held ? &server->held : &server->cut, &c->cut_node);
	c->next = seq;
	c->held = held;
}

/* What says of which conversations a full server has left rows. */
static void
note_left(Server *server, const ConversationKey *key)
{
	if (server->left == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(store.context);

		server->left = bloom_create(LEFT_CONVERSATIONS, LEFT_MEMORY, 0);
		MemoryContextSwitchTo(old);
	}
	bloom_add_element(server->left, (unsigned char *) key, sizeof(*key));
}

void
outbox_leave(Server *server, const OutboxRow *row)
{
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		ConversationKey key = key_of(server, row, i);

		note_left(server, &key);
	}
}

bool
outbox_may_pass(Server *server, const OutboxRow *row)
{
	const Lane *lane = find_lane(row->server, row->owner, server->key.urgent);

	if ((lane && lane->nrequests >= OUTBOX_ROLE_ROWS) ||
		server->nrows - server->ndelayed >= OUTBOX_SERVER_ROWS + OUTBOX_OTHER_ROWS ||
		server->nbytes >= (Size) outbox_sender_memory * 1024 * 2 ||
		!outbox_row_has_room(server, row))
		return false;
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		ConversationKey key = key_of(server, row, i);

		if (server->left && !bloom_lacks_element(server->left, (unsigned char *) &key, sizeof(key)))
			return false;
	}
	return true;
}

void
outbox_all_read(Server *server)
{
	if (server->left)
		bloom_free(server->left);
	server->left = NULL;
}

/* Leave the conversation's rows from seq on in the table. */
static void
cut_at(Conversation *c, int64 seq)
{
	Server *server = c->key.server;

	/* a row that had passed others */
	if (server->next != 0 && seq >= server->next)
		note_left(server, &c->key);
	if (c->next == 0 || seq < c->next)
		set_cut(c, seq, false);
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
outbox_hold(Server *server, const OutboxRow *row)
{
	for (int i = 0; i < outbox_count_conversations(row); i++)
	{
		ConversationKey key = key_of(server, row, i);
		Conversation   *c = make_conversation(&key);

		/* behind a cut it is found again */
		if (c->next == 0 || row->seq <= c->next)
			set_cut(c, row->seq, true);
	}
}

void
outbox_read_held_again(void)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_queue.servers)
	{
		Server *server = dlist_container(Server, node, iter.cur);

		while (!dlist_is_empty(&server->held))
		{
			Conversation *c = dlist_head_element(Conversation, cut_node, &server->held);

			set_cut(c, c->next, false);
		}
		server->cut_idle = false;
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

/* Of all its conversations; so is each request that is neither queued nor unconfirmed. */
static bool
is_first(const Request *request)
{
	return request->nheads == request->nmembers;
}

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
			pairingheap_remove(&lane->delayed, &request->heap_node);
			return;
		case REQUEST_IN_FLIGHT:
			lane->nin_flight--;
			lane->server->nin_flight--;
			break;
		case REQUEST_UNCONFIRMED:
			break;
		case REQUEST_QUEUED:
		case REQUEST_FINISHED:
			return;
	}
	dlist_delete(&request->node);
}

static void
set_ready(Request *request, bool first)
{
	Lane *lane = request->lane;

	request->state = REQUEST_READY;
	lane->nready++;
	if (first)
		dlist_push_head(&lane->ready, &request->node);
	else
		dlist_push_tail(&lane->ready, &request->node);
	outbox_wake_lane(lane);
}

/* Whoever discards it has only its row to deal with. */
static void
end_under_way(Request *request)
{
	outbox_end_under_way(request->under_way);
	request->under_way = 0;
}

/* A copy of the row with memory of its own; one chunk for all. */
static Request *
copy_row(const OutboxRow *row)
{
	Size recipients = sizeof(int64) * row->nrecipients;
	Size size = MAXALIGN(sizeof(Request)) + recipients + row->call_len + row->method_len + 1 +
				row->params_len;
	Request *request = MemoryContextAlloc(store.context, size);
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

/*
 * Put the request at the end of each of its conversations.  It is ready when it is the first of all
 * of them, which nheads counts.
 */
static void
join_conversations(Request *request)
{
	const OutboxRow *row = &request->row;

	request->nmembers = outbox_count_conversations(row);
	request->members = &request->own_member;
	if (row->recipients)
		request->members = MemoryContextAllocZero(store.context,
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

/* It is the first one of all its conversations, and need not wait for standbys. */
static void
take_turn(Request *request)
{
	if (request->discarded)
		outbox_set_finished(request, false);
	else
		set_ready(request, false);
}

/* Positions only grow, so that the list is in their order. */
static void
set_unconfirmed(Request *request, XLogRecPtr lsn)
{
	dlist_head *list = &outbox_queue.unconfirmed;

	leave_list(request);
	request->state = REQUEST_UNCONFIRMED;
	request->lsn = lsn;
	request->lsn_since = rtm_now_ms();
	if (!dlist_is_empty(list))
		request->lsn = Max(lsn, dlist_tail_element(Request, node, list)->lsn);
	dlist_push_tail(list, &request->node);
}

Request *
outbox_add(const OutboxRow *row, ItemPointer tid, XLogRecPtr lsn)
{
	Lane	*lane = outbox_lane(row->server, row->owner, outbox_is_urgent(row->seq), false);
	Request *request = copy_row(row);
	Known	*k = hash_search(store.known, &row->seq, HASH_ENTER, NULL);

	k->request = request;
	request->lane = lane;
	request->tid = *tid;
	request->seen = rtm_now_us();
	request->maybe_sent = outbox_ticket(row->seq) < store.old_ticket || row->attempts > 0;
	lane->nrequests++;
	lane->server->nrows++;
	outbox_queue.nrows++;
	lane->server->nbytes += request->bytes;
	join_conversations(request);
	if (lsn != InvalidXLogRecPtr)
		set_unconfirmed(request, lsn);
	else if (is_first(request))
		take_turn(request);
	return request;
}

void
outbox_set_in_flight(Request *request)
{
	leave_list(request);
	request->state = REQUEST_IN_FLIGHT;
	request->lane->nin_flight++;
	request->lane->server->nin_flight++;
	dlist_push_tail(&request->lane->in_flight, &request->node);
}

void
outbox_set_ready_again(Request *request, Lane *lane, bool first)
{
	Assert(request->lane->server == lane->server);
	leave_list(request);
	end_under_way(request);
	if (lane != request->lane)
	{
		request->lane->nrequests--;
		request->lane = lane;
		lane->nrequests++;
	}
	set_ready(request, first);
}

void
outbox_count_bytes(Request *request, int64 bytes)
{
	request->bytes += bytes;
	request->lane->server->nbytes += bytes;
}

void
outbox_touch(Request *request)
{
	if (request->touched)
		return;
	dlist_push_tail(&outbox_queue.touched, &request->touched_node);
	request->touched = true;
	outbox_queue.ntouched++;
}

static void
untouch(Request *request)
{
	if (!request->touched)
		return;
	dlist_delete(&request->touched_node);
	request->touched = false;
	outbox_queue.ntouched--;
}

/*
 * The request's memory is given back.  Whoever still has a pointer to it must have been told: it is
 * in no list but `touched`, and no quest of it waits for an answer.
 */
static void
forget(Request *request)
{
	request->lane->nrequests--;
	request->lane->server->nbytes -= request->bytes;
	if (request->lane->nrequests == 0)
		outbox_wake_lane(request->lane);
	hash_search(store.known, &request->row.seq, HASH_REMOVE, NULL);
	untouch(request);
	end_under_way(request);
	if (request->members != &request->own_member)
		pfree(request->members);
	if (request->error)
		pfree(request->error);
	if (request->answer)
		pfree(request->answer);
	if (request->params)
		pfree(request->params);
	pfree(request);
}

/* It waits no more. */
static void
uncount(Request *request)
{
	request->lane->server->nrows--;
	outbox_queue.nrows--;
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
	end_under_way(request);
	request->state = REQUEST_DELAYED;
	request->not_before = not_before;
	request->lane->server->ndelayed++;
	pairingheap_add(&request->lane->delayed, &request->heap_node);
	outbox_wake_lane(request->lane);
	if (long_time && request->nmembers == 1)
		evict_tail(request->own_member.conversation);
}

void
outbox_set_finished(Request *request, bool leaves_result)
{
	leave_list(request);
	request->state = REQUEST_FINISHED;
	dlist_push_tail(&outbox_queue.finished, &request->node);
	outbox_queue.nfinished++;
	request->leaves_result = leaves_result;
	if (leaves_result)
		outbox_queue.nresults++;
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
		head->nheads++;
		if (is_first(head) && (head->discarded || head->state != REQUEST_UNCONFIRMED))
			take_turn(head);
	}
}

void
outbox_discard_if(bool (*gone)(Request *request, void *arg), void *arg)
{
	HASH_SEQ_STATUS scan;
	Known		   *k;

	hash_seq_init(&scan, store.known);
	while ((k = hash_seq_search(&scan)) != NULL)
	{
		Request *request = k->request;

		if (request->state == REQUEST_IN_FLIGHT || request->state == REQUEST_FINISHED ||
			!gone(request, arg))
			continue;
		request->discarded = true;
		if (is_first(request))
			outbox_set_finished(request, false);
	}
}

void
outbox_drop(Request *request)
{
	Assert(request->state == REQUEST_FINISHED);
	dlist_delete(&request->node);
	outbox_queue.nfinished--;
	if (request->leaves_result)
		outbox_queue.nresults--;
	forget(request);
}

int64
outbox_wake_delayed(Lane *lane, int64 now)
{
	while (!pairingheap_is_empty(&lane->delayed))
	{
		Request *first = pairingheap_container(Request, heap_node,
											   pairingheap_first(&lane->delayed));

		if (time_of(first) > now)
			return time_of(first);
		outbox_set_ready_again(first, lane, false);
	}
	return PG_INT64_MAX;
}

void
outbox_noted(Request *request, XLogRecPtr lsn)
{
	untouch(request);
	if (request->must_note && request->state == REQUEST_DELAYED)
		set_unconfirmed(request, lsn);
	else
		request->must_note = false;
}

/* What the request waited for is on the standbys' disks. */
static void
set_confirmed(Request *request)
{
	if (request->must_note)
	{
		request->must_note = false;
		outbox_set_delayed(request, request->not_before, false);
		return;
	}
	leave_list(request);
	request->state = REQUEST_QUEUED;
	if (is_first(request))
		take_turn(request);
}

int64
outbox_confirm(XLogRecPtr lsn)
{
	dlist_head *list = &outbox_queue.unconfirmed;

	while (!dlist_is_empty(list))
	{
		Request *first = dlist_head_element(Request, node, list);

		if (first->lsn > lsn)
			return first->lsn_since;
		set_confirmed(first);
	}
	return 0;
}
