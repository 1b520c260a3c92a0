/*-------------------------------------------------------------------------
 *
 * gate_conn.h
 *	  What net.c, gate_conn.c, waitset.c and accept.c share: one connection, and all
 *	  of them.
 *
 * What a round costs depends on the connections with something to do, not on
 * how many there are: those are in the lists `ready` (may have a whole frame)
 * and `touched` (something to write, to wait for, or to end).  A connection ends
 * in net.c's settle() only, so that whoever holds a pointer within a round may
 * use it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_CONN_H
#define GATE_CONN_H

#include "lib/ilist.h"
#include "storage/latch.h"

#include "fpnn/channel.h"
#include "quest/quest.h"

/* A client isn't listened to while it has this much to read. */
#define GATE_MAX_UNREAD (1024 * 1024)

/* A listener that lets this much lie unread is closed. */
#define GATE_MAX_PUSHED (4 * 1024 * 1024)

#define GATE_READ_SIZE 65536

/* What OpenSSL takes for a connection, which it doesn't tell; measured. */
#define GATE_TLS_BYTES 73728

typedef struct GateNet GateNet; /* what the worker knows of it is in net.h */

struct GateConn
{
	dlist_node	 node; /* GateNet.conns */
	dlist_node	 ready_node;
	dlist_node	 touched_node;
	bool		 is_ready;
	bool		 is_touched;
	int			 sock;
	FpnnChannel	 channel;
	GateListener listener;
	int			 position;	/* in the wait set; -1: not yet */
	uint32		 events;	/* waited for */
	int64		 last_byte; /* rtm_now_ms() */
	int64		 last_ping; /* 0: never */
	size_t		 held;		/* bytes of its buffers, counted in GateNet.held */
	uint32		 seq;		/* of the gate's own quests */
	bool		 tls;
	bool		 spoke;		/* has asked something */
	bool		 keyed;		/* a *key is being answered: what follows is encrypted */
	bool		 held_back; /* no quests are taken until it has read its answers */
	bool		 ended;		/* to be closed */
	int			 in_batch;	/* quests and answers that refer to it */
};

struct GateNet
{
	int			  listener;
	bool		  accepting;
	int64		  accept_again; /* when, if not */
	WaitEventSet *set;			/* NULL: to be made anew */
	int			  set_size;
	int			  set_used;
	dlist_head	  conns;
	dlist_head	  ready;
	dlist_head	  touched;
	dlist_head	  late;
	int			  count;
	int			  max_fds; /* connections that descriptors are left for */
	int			  dead;	   /* places in the set of connections that have ended */
	size_t		  held;
	int64		  checked;
	uint8		 *buffer;	   /* READ_SIZE */
	const char	 *certificate; /* NULL: no TLS */
	const char	 *certificate_key;
};

/* How often idle connections are looked at. */
#define GATE_CHECK_MS 1000

/* ---- gate_conn.c ---- */

/* A connection that was accepted. */
extern void gate_conn_new(GateNet *net, int sock);

/* Close it and give everything back, which settle() alone may do. */
extern void gate_conn_free(GateNet *net, GateConn *conn);

/* There is something to write, to wait for, or to end. */
extern void gate_conn_touch(GateNet *net, GateConn *conn);

/* There may be a whole frame, or there is none. */
extern void gate_conn_set_ready(GateNet *net, GateConn *conn, bool ready);

/* To be closed at the end of the round. */
extern void gate_conn_end(GateNet *net, GateConn *conn);

/* Count anew what its buffers take. */
extern void gate_conn_count_held(GateNet *net, GateConn *conn);

/* Move what can be moved; an error ends the connection. */
extern void gate_conn_read(GateNet *net, GateConn *conn);
extern void gate_conn_write(GateNet *net, GateConn *conn);

/* A quest of the gate's own. */
extern void gate_conn_ask(GateNet *net, GateConn *conn, const char *method, const void *payload,
						  size_t len);

/*
 * Something was added to what it has to read: when that is more than `most`
 * bytes, or memory is short, it is closed.
 */
extern void gate_conn_bound_unread(GateNet *net, GateConn *conn, size_t most);

/* What time brings: the idle end, pings, and give back memory. */
extern void gate_conn_check_all(GateNet *net);

/* ---- waitset.c ---- */

/* Make the set, with all connections. */
extern void gate_set_make(GateNet *net);

/* It has to be made anew. */
extern void gate_set_drop(GateNet *net);

/* Wait for what the connection needs now. */
extern void gate_set_wait_for(GateNet *net, GateConn *conn);

/* ---- accept.c ---- */

/* Take new connections, as many as there is room for. */
extern void gate_accept(GateNet *net);

/* ... again, when that was not possible a while ago. */
extern void gate_accept_again(GateNet *net);

#endif /* GATE_CONN_H */
