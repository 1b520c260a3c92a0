/*-------------------------------------------------------------------------
 *
 * net.h
 *	  The gate's sockets: bytes in, quests out; answers and pushes in, bytes
 *	  out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_NET_H
#define GATE_NET_H

#include "quest/quest.h"

typedef struct GateNet GateNet;

/*
 * Take an address and port (0: any).  NULL and *why when that fails.  *port becomes
 * the real one.  Who connects is refused until gate_net_listen(), which may fail as
 * well.
 */
extern GateNet *gate_net_bind(const char *address, int *port, const char **why);
extern bool		gate_net_listen(GateNet *net, const char **why);

/* Give back one that no connection was made to. */
extern void gate_net_unbind(GateNet *net);

/*
 * Connections that come from now on speak TLS, with this certificate and key
 * (PEM, that stay in place).
 */
extern void gate_net_use_tls(GateNet *net, const char *certificate, const char *key);

/*
 * Wait for something to happen, at most timeout_ms, then move bytes; the latch
 * ends the wait too.
 */
extern void gate_net_wait(GateNet *net, int64 timeout_ms);

/*
 * The quests that are there, at most max, in the order of each connection;
 * memory of the current context.  Each has to be given to gate_net_answer().
 */
extern int gate_net_take(GateNet *net, GateQuest *quests, int max);

/* What came of a quest goes to its connection: at once, later, or never. */
extern void gate_net_answer(GateNet *net, GateQuest *quest);

/* A quest of the gate's own to a connection that listens. */
extern void gate_net_push(GateNet *net, GateListener *listener, const char *method,
						  const void *payload, size_t len);

/* After a batch: write, forget connections that have ended. */
extern void gate_net_flush(GateNet *net);

/* How many connections there are. */
extern int gate_net_count(const GateNet *net);

#endif /* GATE_NET_H */
