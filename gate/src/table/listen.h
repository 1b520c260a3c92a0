/*-------------------------------------------------------------------------
 *
 * listen.h
 *	  Which connections listen to which messages.
 *
 * Listening belongs to the connection and is lost with it (protocol.md,
 * "Listening").  There are two forms, which don't touch each other: lists of
 * groups, rooms and users, and everything of a kind.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_LISTEN_H
#define GATE_LISTEN_H

#include "lib/ilist.h"

/* What a listener listens to the messages of. */
typedef enum GateSource
{
	GATE_FROM_USER, /* p2p messages that the user sends */
	GATE_FROM_GROUP,
	GATE_FROM_ROOM,
	GATE_SOURCES
} GateSource;

/* Ids that one connection listens to, all kinds together. */
#define GATE_MAX_SUBSCRIPTIONS 100000

/* ... and all connections together: some 200 MB. */
#define GATE_MAX_ALL_SUBSCRIPTIONS 1000000

/* Part of a connection.  Only listen.c looks inside. */
typedef struct GateListener
{
	dlist_head subscriptions;
	dlist_node all_node[GATE_SOURCES];
	bool	   all[GATE_SOURCES];
	int64	   all_pid[GATE_SOURCES];
	int		   nsubscriptions;
	uint64	   told; /* the message it got last */
} GateListener;

extern void gate_listen_init(void);

/* A connection begins, and listens to nothing. */
extern void gate_listen_begin(GateListener *listener);

/*
 * Listen to ids, or not any more.  False: that would be too many, and nothing
 * was changed.
 */
extern bool gate_listen_add(GateListener *listener, int64 pid, GateSource source, const int64 *ids,
							int n);
extern void gate_listen_remove(GateListener *listener, int64 pid, GateSource source,
							   const int64 *ids, int n);

/* Listen to no ids of this kind any more. */
extern void gate_listen_clear(GateListener *listener, GateSource source);

/* Listen to everything of a kind, of a project. */
extern void gate_listen_all(GateListener *listener, int64 pid, GateSource source, bool all);

/* The connection ends. */
extern void gate_listen_forget(GateListener *listener);

/* Does anybody listen to anything? */
extern bool gate_listen_any(void);

/*
 * Call tell(listener, arg) once for each listener to a message.  tell must not
 * change who listens.
 */
extern void gate_listen_tell(int64 pid, GateSource source, int64 id,
							 void (*tell)(GateListener *listener, void *arg), void *arg);

#endif /* GATE_LISTEN_H */
