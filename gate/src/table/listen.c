/*-------------------------------------------------------------------------
 *
 * listen.c
 *	  Which connections listen to which messages.
 *
 * A hash table has an entry for each id that somebody listens to, with the
 * list of those who do; a listener has the list of its own subscriptions.  So a
 * message costs as much as there are listeners to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "table/listen.h"

typedef struct TopicKey
{
	int64 pid;
	int64 id;
	int64 source; /* GateSource; no padding in a hashed key */
} TopicKey;

typedef struct Topic
{
	TopicKey   key;
	dlist_head subscriptions;
} Topic;

typedef struct Subscription
{
	dlist_node	  of_topic;
	dlist_node	  of_listener;
	Topic		 *topic;
	GateListener *listener;
} Subscription;

/* Of the gate's process. */
static struct
{
	HTAB		 *topics;
	MemoryContext context;
	dlist_head	  everything[GATE_SOURCES];
	int64		  total; /* subscriptions, and listeners to everything */
	uint64		  messages;
} listening;

void
gate_listen_init(void)
{
	HASHCTL control = {.keysize = sizeof(TopicKey), .entrysize = sizeof(Topic)};

	listening.context = AllocSetContextCreate(TopMemoryContext, "rtm gate listeners",
											  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = listening.context;
	listening.topics = hash_create("rtm gate topics", 256, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < GATE_SOURCES; i++)
		dlist_init(&listening.everything[i]);
}

void
gate_listen_begin(GateListener *listener)
{
	memset(listener, 0, sizeof(GateListener));
	dlist_init(&listener->subscriptions);
}

static Subscription *
find(const GateListener *listener, const Topic *topic)
{
	dlist_iter iter;

	dlist_foreach (iter, (dlist_head *) &topic->subscriptions)
	{
		Subscription *s = dlist_container(Subscription, of_topic, iter.cur);

		if (s->listener == listener)
			return s;
	}
	return NULL;
}

static void
end_subscription(Subscription *s)
{
	Topic *topic = s->topic;

	dlist_delete(&s->of_topic);
	dlist_delete(&s->of_listener);
	s->listener->nsubscriptions--;
	listening.total--;
	pfree(s);
	if (dlist_is_empty(&topic->subscriptions))
		(void) hash_search(listening.topics, &topic->key, HASH_REMOVE, NULL);
}

static void
subscribe(GateListener *listener, TopicKey key)
{
	bool		  found;
	Topic		 *topic = hash_search(listening.topics, &key, HASH_ENTER, &found);
	Subscription *s;

	if (!found)
		dlist_init(&topic->subscriptions);
	else if (find(listener, topic))
		return;
	s = MemoryContextAlloc(listening.context, sizeof(Subscription));
	s->topic = topic;
	s->listener = listener;
	dlist_push_tail(&topic->subscriptions, &s->of_topic);
	dlist_push_tail(&listener->subscriptions, &s->of_listener);
	listener->nsubscriptions++;
	listening.total++;
}

bool
gate_listen_add(GateListener *listener, int64 pid, GateSource source, const int64 *ids, int n)
{
	if (n > GATE_MAX_SUBSCRIPTIONS - listener->nsubscriptions ||
		n > GATE_MAX_ALL_SUBSCRIPTIONS - listening.total)
		return false;
	for (int i = 0; i < n; i++)
		subscribe(listener, (TopicKey){pid, ids[i], source});
	return true;
}

void
gate_listen_remove(GateListener *listener, int64 pid, GateSource source, const int64 *ids, int n)
{
	for (int i = 0; i < n; i++)
	{
		TopicKey	  key = {pid, ids[i], source};
		Topic		 *topic = hash_search(listening.topics, &key, HASH_FIND, NULL);
		Subscription *s = topic ? find(listener, topic) : NULL;

		if (s)
			end_subscription(s);
	}
}

void
gate_listen_clear(GateListener *listener, GateSource source)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &listener->subscriptions)
	{
		Subscription *s = dlist_container(Subscription, of_listener, iter.cur);

		if (s->topic->key.source == source)
			end_subscription(s);
	}
}

void
gate_listen_all(GateListener *listener, int64 pid, GateSource source, bool all)
{
	if (listener->all[source] && !all)
	{
		dlist_delete(&listener->all_node[source]);
		listening.total--;
	}
	else if (!listener->all[source] && all)
	{
		dlist_push_tail(&listening.everything[source], &listener->all_node[source]);
		listening.total++;
	}
	listener->all[source] = all;
	listener->all_pid[source] = pid;
}

void
gate_listen_forget(GateListener *listener)
{
	for (GateSource source = 0; source < GATE_SOURCES; source++)
	{
		gate_listen_all(listener, 0, source, false);
		gate_listen_clear(listener, source);
	}
}

bool
gate_listen_any(void)
{
	return listening.total > 0;
}

void
gate_listen_tell(int64 pid, GateSource source, int64 id,
				 void (*tell)(GateListener *listener, void *arg), void *arg)
{
	TopicKey   key = {pid, id, source};
	Topic	  *topic = hash_search(listening.topics, &key, HASH_FIND, NULL);
	dlist_iter iter;

	listening.messages++;
	if (topic)
	{
		dlist_foreach (iter, &topic->subscriptions)
		{
			GateListener *listener = dlist_container(Subscription, of_topic, iter.cur)->listener;

			listener->told = listening.messages;
			tell(listener, arg);
		}
	}
	dlist_foreach (iter, &listening.everything[source])
	{
		GateListener *listener = dlist_container(GateListener, all_node[source], iter.cur);

		if (listener->all_pid[source] == pid && listener->told != listening.messages)
			tell(listener, arg);
	}
}
