/*-------------------------------------------------------------------------
 *
 * queue.h
 *	  What the sender has in memory: requests, in the order in which they have
 *	  to leave.
 *
 * A lane is the way to one foreign server for one role, with a connection of
 * its own.  The requests of a conversation at a server leave one at a time, in
 * the order of their tickets, whatever their lanes; conversations don't wait for
 * each other.
 *
 * Only part of a long outbox is in memory.  A server whose part is full, or a
 * conversation of it, has a place in the table, `next`, from which on its rows
 * have yet to be read.  See reader.c.
 *
 * What lanes and servers have to do with sockets is in traffic.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_QUEUE_H
#define OUTBOX_QUEUE_H

#include "access/xlogdefs.h"
#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "storage/itemptr.h"

#include "outbox/record/row.h"
#include "outbox/workers/registry.h"

/*
 * How much of a server's and of a conversation's is in memory at most; see also
 * rtm.sender_memory.
 */
#define OUTBOX_SERVER_ROWS		 8192
#define OUTBOX_CONVERSATION_ROWS 256

/*
 * Of a server that is full, requests of a role that are in memory all the same, whoever's
 * fill it, and of all such roles together.
 */
#define OUTBOX_ROLE_ROWS  1024
#define OUTBOX_OTHER_ROWS OUTBOX_SERVER_ROWS

typedef enum RequestState
{
	REQUEST_QUEUED,		 /* behind another one of its conversation */
	REQUEST_UNCONFIRMED, /* in queue.unconfirmed: standbys have yet to have it, or its mark */
	REQUEST_READY,		 /* in lane->ready */
	REQUEST_DELAYED,	 /* in lane->delayed, a heap: failed, to be repeated */
	REQUEST_IN_FLIGHT,	 /* in lane->in_flight */
	REQUEST_FINISHED	 /* in queue.finished: through; its row has yet to go */
} RequestState;

typedef struct Server		Server;
typedef struct Lane			Lane;
typedef struct Conversation Conversation;
typedef struct Request		Request;

/* A request's place in a conversation. */
typedef struct Membership
{
	dlist_node	  node; /* in conversation->queue */
	Request		 *request;
	Conversation *conversation;
} Membership;

/* A quest that was sent for a request; see lane.c. */
typedef struct Quest
{
	uint32 connection; /* lane's serial; 0: there is none */
	uint32 seq;
} Quest;

struct Request
{
	OutboxRow		 row;	 /* in the request's own memory */
	char			*params; /* row.params, when they were made anew; palloc()ed, or NULL */
	ItemPointerData	 tid;
	Size			 bytes; /* that it takes in memory */
	Lane			*lane;
	RequestState	 state;
	dlist_node		 node;		/* in the list that the state says */
	pairingheap_node heap_node; /* in lane->delayed */
	Membership		*members;	/* its conversations: one, but for several recipients */
	int				 nmembers;
	int				 nheads;		/* of how many it is the first */
	Membership		 own_member;	/* room for one */
	int64			 seen;			/* rtm_now_us(): it came into memory */
	int				 under_way;		/* its place in under_way.h; 0: none */
	bool			 maybe_sent;	/* the gate may know it already */
	bool			 marked;		/* any call: its row says that it is being sent */
	bool			 renamed;		/* its mid is another one than in the table */
	bool			 must_note;		/* not to be sent before the table knows what is touched */
	bool			 suspect;		/* it was lost together with others */
	bool			 discarded;		/* its row is gone: not to be sent */
	bool			 looking;		/* it asks for the message that the gate has */
	bool			 expired;		/* finished: its time was over */
	bool			 leaves_result; /* finished: its row isn't only deleted */
	int64			 settle_after;	/* rtm_now_ms(): its row was locked; 0: not */
	bool			 settled;		/* finished, and its row is gone */
	bool			 touched;		/* attempts and error are news to the table */
	bool			 noted;			/* touched, and the table knows by now */
	XLogRecPtr		 lsn;			/* unconfirmed: what the standbys must have */
	int64			 lsn_since;		/* unconfirmed: rtm_now_ms() */
	dlist_node		 touched_node;
	int64			 not_before; /* delayed: rtm_now_ms() */
	int64			 deadline;	 /* in flight: rtm_now_ms() */
	int64			 asked_us;	 /* in flight: when it was asked */
	Quest			 quest;		 /* in flight */
	Quest			 late;		 /* an earlier one: its answer counts as well */
	int				 timeouts;	 /* quests of which no answer came in time */

	/* how it ended, or why it will be repeated; palloc()ed, or NULL */
	int	  code; /* 0: well */
	char *error;
	bool  error_from_gate; /* it is the gate's text, as it came */
	int64 mtime;		   /* 0: unknown */
	char *answer;		   /* payload */
	int	  answer_len;
};

typedef struct ConversationKey
{
	Server *server;
	int64	kind; /* RtmConversation or OUTBOX_OTHER */
	int64	a;
	int64	b;
} ConversationKey;

struct Conversation
{
	ConversationKey key;
	dlist_head		queue; /* of Membership */
	int				n;
	int64			next;	   /* 0: all of it is in memory */
	bool			refilling; /* by the pass that is under way */
	bool			held;	   /* `next` is a held row, that somebody has to decide about */
	dlist_node		cut_node;  /* when next isn't 0: in server->cut, or in server->held */
};

/*
 * What is urgent is apart from all else: a server's two classes have memory, conversations
 * and lanes of their own, and the same traffic.
 */
typedef struct ServerKey
{
	Oid	   oid;
	uint32 urgent; /* 0 or 1: a key has no bytes between its fields */
} ServerKey;

/* A class of a foreign server: what its lanes have in common. */
struct Server
{
	ServerKey			  key;		/* hash key */
	dlist_node			  node;		/* in queue.servers */
	int					  nlanes;	/* that know it */
	int					  nrows;	/* in memory, finished ones not counted */
	int					  ndelayed; /* of them */
	int					  nin_flight;
	Size				  nbytes;	/* in memory, finished ones too */
	int64				  next;		/* 0: all of it is in memory, or cut */
	struct bloom_filter	 *left;		/* conversations of rows from there on, or NULL */
	dlist_head			  cut;		/* conversations with a `next` */
	dlist_head			  held;		/* likewise, but nothing of them may be read */
	bool				  cut_idle; /* the last pass over them found no room */
	struct ServerTraffic *traffic;	/* of both classes */
};

/* Apart are requests that were under way when a connection was lost; see lane.c. */
typedef struct LaneKey
{
	Oid	   server;
	Oid	   owner;
	uint32 urgent; /* 0 or 1, as above */
	uint32 apart;
} LaneKey;

struct Lane
{
	LaneKey key; /* hash key */
	Server *server;

	dlist_head	ready;
	pairingheap delayed; /* by the time that they wait for */
	dlist_head	in_flight;
	int			nready;
	int			nin_flight;
	int			nrequests; /* in memory, finished ones too */

	dlist_node node; /* in queue.lanes */
	bool	   awake;
	dlist_node awake_node; /* in queue.awake */

	struct LaneTraffic *traffic;
};

/* All of it.  Whoever else changes lists and numbers does so by the functions below. */
typedef struct OutboxQueue
{
	OutboxDatabase *entry; /* as given to outbox_queue_init() */
	dlist_head		lanes;
	int				nlanes;
	dlist_head		awake; /* lanes that have something to do */
	dlist_head		servers;
	int				nrows; /* in memory, finished ones not counted */

	dlist_head unconfirmed; /* requests, in the order of what standbys must have */
	dlist_head finished;	/* requests that are through */
	int		   nfinished;
	int		   nresults; /* of them, that leave a result */
	dlist_head touched;	 /* requests with news for their rows */
	int		   ntouched;
} OutboxQueue;

extern OutboxQueue outbox_queue;

/* Begin with nothing; rows below `old` may have been sent by a predecessor. */
extern void outbox_queue_init(OutboxDatabase *entry, int64 old);

extern Server *outbox_server(Oid server, bool urgent);

/* The other class of a server, or NULL: it isn't known. */
extern Server *outbox_other_class(const Server *server);

/* The lane of a role, or the one beside it; made if there is none. */
extern Lane *outbox_lane(Oid server, Oid owner, bool urgent, bool apart);

/*
 * Forget a lane that has no requests, or a server of which no lane and no row is
 * known any more.  Their traffic must have been given back: see traffic.c.
 */
extern void outbox_drop_lane(Lane *lane);
extern bool outbox_server_is_idle(const Server *server);
extern void outbox_drop_server(Server *server);

/* The lane has something to do: it gets a turn. */
extern void outbox_wake_lane(Lane *lane);

/* Is the request with that ticket in memory? */
extern bool outbox_knows(int64 seq);

/* Is there no more room for the server's rows, or a row's conversations? */
extern bool outbox_server_full(const Server *server);
extern bool outbox_row_has_room(Server *server, const OutboxRow *row);

/*
 * A server that is full: a row from server->next on is left in the table, where the server
 * comes to it later.  May it be taken instead, as its role has little in memory, and no row of
 * its conversations was left before it?  Then nobody waits for all of another role's backlog.
 */
extern void outbox_leave(Server *server, const OutboxRow *row);
extern bool outbox_may_pass(Server *server, const OutboxRow *row);

/* All rows of the server have been read. */
extern void outbox_all_read(Server *server);

/*
 * Rows of these conversations from `next` on are left in the table.  A row that
 * comes behind such a place must not be taken; see outbox_row_is_cut().
 */
extern void outbox_cut(Server *server, const OutboxRow *row);
extern bool outbox_row_is_cut(Server *server, const OutboxRow *row);
extern void outbox_uncut(Conversation *conversation);

/*
 * The row is held, and what is behind it in its conversations has to wait.  Somebody has
 * decided about some: these places are read again.
 */
extern void outbox_hold(Server *server, const OutboxRow *row);
extern void outbox_read_held_again(void);

/* How many conversations a row is in, and the i-th, NULL if not in memory. */
extern int			 outbox_count_conversations(const OutboxRow *row);
extern Conversation *outbox_conversation(Server *server, const OutboxRow *row, int i);

/* Take a row into memory.  Of use when standbys have `lsn`; 0: at once. */
extern Request *outbox_add(const OutboxRow *row, ItemPointer tid, XLogRecPtr lsn);

/*
 * The standbys have all up to there: what waited for that goes on.  Since when the
 * first one waits that still has to (rtm_now_ms()); 0: there is none.
 */
extern int64 outbox_confirm(XLogRecPtr lsn);

/*
 * The states of a request.  Ready again: by its lane or another one of the
 * server's, before or behind what else is ready there.  Delayed: it is sent at
 * `not_before` (rtm_now_ms()); if that may be long, what its conversation has
 * behind it goes back to the table.
 */
extern void outbox_set_in_flight(Request *request);
extern void outbox_set_ready_again(Request *request, Lane *lane, bool first);
extern void outbox_set_delayed(Request *request, int64 not_before, bool long_time);

/*
 * Delayed requests whose time has come become ready; when the next one's does,
 * PG_INT64_MAX: never.  One that must be noted first doesn't: see outbox_noted().
 */
extern int64 outbox_wake_delayed(Lane *lane, int64 now);

/* The table knows the request's news, which count when standbys have `lsn`; 0: at once. */
extern void outbox_noted(Request *request, XLogRecPtr lsn);

/* It is through: its conversations go on.  It stays known. */
extern void outbox_set_finished(Request *request, bool leaves_result);

/* It takes more memory, or (negative) less. */
extern void outbox_count_bytes(Request *request, int64 bytes);

/*
 * Requests that aren't under way, and for which `gone` is true, won't be sent;
 * each is finished when its turn comes.
 */
extern void outbox_discard_if(bool (*gone)(Request *request, void *arg), void *arg);

/* Forget a finished request, whose row is gone. */
extern void outbox_drop(Request *request);

extern void outbox_touch(Request *request);

#endif /* OUTBOX_QUEUE_H */
