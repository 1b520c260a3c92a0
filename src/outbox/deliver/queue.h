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
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_QUEUE_H
#define OUTBOX_QUEUE_H

#include "lib/ilist.h"
#include "storage/itemptr.h"

#include "client/conn.h"
#include "client/option.h"
#include "outbox/workers/registry.h"
#include "outbox/record/row.h"

/*
 * How much of a server's and of a conversation's is in memory at most; see also
 * rtm.sender_memory.
 */
#define OUTBOX_SERVER_ROWS		 8192
#define OUTBOX_CONVERSATION_ROWS 256

typedef enum RequestState
{
	REQUEST_QUEUED,	   /* behind another one of its conversation */
	REQUEST_READY,	   /* in lane->ready */
	REQUEST_DELAYED,   /* in lane->delayed: failed, to be repeated */
	REQUEST_IN_FLIGHT, /* in lane->in_flight */
	REQUEST_FINISHED   /* through; its row has yet to go */
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

struct Request
{
	OutboxRow		row; /* in the request's own memory */
	ItemPointerData tid;
	Size			bytes; /* that it takes in memory */
	Lane		   *lane;
	RequestState	state;
	dlist_node		node;	 /* in the list that the state says */
	Membership	   *members; /* its conversations: one, but for several recipients */
	int				nmembers;
	int				nheads;		   /* of how many it is the first */
	Membership		own_member;	   /* room for one */
	bool			maybe_sent;	   /* the gate may know it already */
	bool			marked;		   /* any call: its row says that it is being sent */
	bool			discarded;	   /* its row is gone: not to be sent */
	bool			leaves_result; /* finished: its row isn't only deleted */
	int64			settle_after;  /* rtm_now_ms(): its row was locked; 0: not */
	bool			settled;	   /* finished, and its row is gone */
	bool			touched;	   /* attempts and error are news to the table */
	bool			noted;		   /* touched, and the table knows by now */
	dlist_node		touched_node;
	int64			not_before; /* delayed: rtm_now_ms() */
	int64			deadline;	/* in flight: rtm_now_ms() */
	int64			asked_us;	/* in flight: when it was asked */
	uint32			conn_seq;

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
	dlist_node		cut_node;  /* in server->cut, when next isn't 0 */
};

/* How often the log hears of a trouble; see report.c. */
typedef struct LogPace
{
	int64 next;		/* rtm_now_ms(): no line before */
	int64 interval; /* milliseconds; 0: no line was written yet */
	int64 skipped;	/* lines that were left out */
} LogPace;

/* A foreign server: what its lanes have in common. */
struct Server
{
	Oid				   oid;		 /* hash key */
	dlist_node		   node;	 /* in outbox_servers */
	int				   nrows;	 /* in memory, finished ones not counted */
	int				   ndelayed; /* of them */
	Size			   nbytes;
	int64			   next;	 /* 0: all of it is in memory, or cut */
	dlist_head		   cut;		 /* conversations with a `next` */
	bool			   cut_idle; /* the last pass over them found no room */
	int				   rate;	 /* quests per second; 0: no limit */
	double			   tokens;
	int64			   filled_us;		  /* when tokens was right */
	OutboxServerStats *stats;			  /* NULL: no room */
	int64			   unreachable_since; /* rtm_now_ms(); 0: it isn't, or wasn't tried */
	int64			   failed_attempts;	  /* to reach it, since then */
	LogPace			   pace;			  /* of lines about that */
};

typedef struct LaneKey
{
	Oid server;
	Oid owner;
} LaneKey;

struct Lane
{
	LaneKey		  key;
	Server		 *server;
	char		  name[NAMEDATALEN];	   /* of the foreign server */
	char		  owner_name[NAMEDATALEN]; /* of the role */
	RtmOptions	 *options;				   /* NULL: not read, or of no use */
	MemoryContext context;				   /* of the options */
	char		 *broken;				   /* why nothing can be sent, or NULL */
	uint32		  server_hash;			   /* for invalidation */
	bool		  stale;				   /* options have to be read again */
	bool		  stale_read;			   /* they were, and are of use; see lane.c */
	int64		  stale_until;			   /* rtm_now_ms(): what is under way may end */

	RtmConn *conn;
	bool	 fresh;			/* no answer came on this connection yet */
	uint32	 serial;		/* counts connections, made and closed */
	uint32	 waited_serial; /* of the one in the wait set */
	int		 generation;	/* of its socket there; 0: not in it */
	uint32	 events;
	int		 position;		/* in the wait set */
	int64	 waiting_since; /* rtm_now_ms(): for a connection; 0: not */
	int64	 connected_at;	/* rtm_now_ms() */
	int64	 last_answer;	/* rtm_now_ms() */
	int64	 last_asked;	/* rtm_now_ms(), pings too */
	int64	 last_used;		/* rtm_now_ms(), pings not */
	int64	 ping_deadline; /* rtm_now_ms(): a ping is under way; 0: none */
	int64	 next_deadline; /* rtm_now_ms(): no quest's time ends before */

	int	  failures;		/* in a row */
	int64 paused_until; /* rtm_now_ms(); 0: not */

	dlist_head ready;
	dlist_head delayed;
	dlist_head in_flight;
	int		   nready;
	int		   nin_flight;
	dlist_node node; /* in outbox_lanes */
};

extern dlist_head outbox_lanes;
extern dlist_head outbox_servers;

/* Begin with nothing; rows below `old` may have been sent by a predecessor. */
extern void outbox_queue_init(OutboxDatabase *entry, int64 old);

extern Server *outbox_server(Oid server);

/* As given to outbox_queue_init(). */
extern OutboxDatabase *outbox_queue_entry(void);

/* Is the request with that ticket in memory? */
extern bool outbox_knows(int64 seq);

/* Is there no more room for the server's rows, or a row's conversations? */
extern bool outbox_server_full(const Server *server);
extern bool outbox_row_has_room(Server *server, const OutboxRow *row);

/*
 * Rows of these conversations from `next` on are left in the table.  A row that
 * comes behind such a place must not be taken; see outbox_row_is_cut().
 */
extern void outbox_cut(Server *server, const OutboxRow *row);
extern bool outbox_row_is_cut(Server *server, const OutboxRow *row);
extern void outbox_uncut(Conversation *conversation);

/* How many conversations a row is in, and the i-th, NULL if not in memory. */
extern int			 outbox_count_conversations(const OutboxRow *row);
extern Conversation *outbox_conversation(Server *server, const OutboxRow *row, int i);

/* Take a row into memory. */
extern Request *outbox_add(const OutboxRow *row, ItemPointer tid);

/*
 * The states of a request.  Delayed: it is sent at `not_before`; if that may be
 * long, what its conversation has behind it goes back to the table.
 */
extern void outbox_set_in_flight(Request *request);
extern void outbox_set_ready_again(Request *request);
extern void outbox_set_delayed(Request *request, int64 not_before, bool long_time);

/* It is through: its conversations go on.  It stays known. */
extern void outbox_set_finished(Request *request, bool leaves_result);

/*
 * Requests that aren't under way, and for which `gone` is true, won't be sent;
 * each is finished when its turn comes.
 */
extern void outbox_discard_if(bool (*gone)(Request *request, void *arg), void *arg);

/* Forget a finished request, whose row is gone. */
extern void outbox_drop(Request *request);

/* Requests that are through, and those with news for their rows. */
extern dlist_head outbox_finished;
extern int		  outbox_nfinished;
extern int		  outbox_nresults; /* of them, that leave a result */
extern dlist_head outbox_touched;

extern int outbox_ntouched;

extern void outbox_touch(Request *request);
extern void outbox_untouch(Request *request);

#endif /* OUTBOX_QUEUE_H */
