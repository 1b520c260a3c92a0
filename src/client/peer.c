/*-------------------------------------------------------------------------
 *
 * peer.c
 *	  The connections of this backend, one per user mapping.
 *
 * Called by call.c.  A connection is kept until its server or mapping changes,
 * the peer closes it, or a call ends in the middle of a frame.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "client/peer.h"
#include "client/client_guc.h"
#include "client/lookup.h"
#include "compat.h"
#include "wait.h"

static HTAB *peers;
static bool	 any_stale;

/* Behind latch and postmaster: where a wait set has the connection's sockets. */
#define SOCKETS_POS 2

static void
invalidate(Datum arg, int cacheid, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	RtmPeer		   *peer;

	hash_seq_init(&scan, peers);
	while ((peer = hash_seq_search(&scan)) != NULL)
		if (hash == 0 || (cacheid == FOREIGNSERVEROID && hash == peer->server_hash) ||
			(cacheid == USERMAPPINGOID && hash == peer->mapping_hash))
			peer->stale = any_stale = true;
}

static void
init_peers(void)
{
	HASHCTL ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(RtmPeer)};

	peers = hash_create("rtm peers", 8, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, invalidate, (Datum) 0);
}

static void
drop_set(RtmPeer *peer)
{
	if (peer->set)
		FreeWaitEventSet(peer->set);
	peer->set = NULL;
}

void
rtm_peer_link(RtmPeer *peer, RtmPeerAsk *ask)
{
	ask->peer = peer;
	ask->conn = peer->conn;
	dlist_push_tail(&peer->asks, &ask->node);
}

void
rtm_peer_unlink(RtmPeerAsk *ask)
{
	if (ask->peer)
		dlist_delete(&ask->node);
	ask->peer = NULL;
}

/* Close one of the peer's connections: what is under way on it gets no answer. */
static void
close_conn(RtmPeer *peer, RtmConn **conn)
{
	dlist_mutable_iter iter;

	if (*conn == NULL)
		return;
	dlist_foreach_modify (iter, &peer->asks)
	{
		RtmPeerAsk *ask = dlist_container(RtmPeerAsk, node, iter.cur);

		if (ask->conn == *conn)
			rtm_peer_unlink(ask);
	}
	rtm_conn_close(*conn);
	*conn = NULL;
}

void
rtm_peer_disconnect(RtmPeer *peer)
{
	/* the set first: it must not have a socket that was closed */
	drop_set(peer);
	close_conn(peer, &peer->conn);
	close_conn(peer, &peer->previous);
}

void
rtm_peer_drop_previous(RtmPeer *peer)
{
	close_conn(peer, &peer->previous);
}

void
rtm_peer_set_aside(RtmPeer *peer)
{
	RtmConn *conn = peer->conn;

	peer->conn = NULL;
	rtm_peer_disconnect(peer);
	peer->previous = conn;
}

/* Forget the connection and the options. */
static void
reset_peer(RtmPeer *peer)
{
	rtm_peer_disconnect(peer);
	if (peer->options && peer->options->secret)
		explicit_bzero(peer->options->secret, strlen(peer->options->secret));
	peer->options = NULL;
	if (peer->context)
		MemoryContextDelete(peer->context);
	peer->context = NULL;
}

static void
drop_stale(void)
{
	HASH_SEQ_STATUS scan;
	RtmPeer		   *peer;

	any_stale = false;
	hash_seq_init(&scan, peers);
	while ((peer = hash_seq_search(&scan)) != NULL)
	{
		if (!peer->stale)
			continue;
		reset_peer(peer);
		hash_search(peers, &peer->mapping, HASH_REMOVE, NULL);
	}
}

static void
read_peer_options(RtmPeer *peer, Oid server, Oid role)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rtm options",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	peer->options = rtm_server_options(server, role, peer->name);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, TopMemoryContext);
	peer->context = context;
}

RtmPeer *
rtm_peer(const char *server_name, Oid role)
{
	const char *name = server_name ? server_name : rtm_server_name;
	Oid			server;
	Oid			mapping;
	RtmPeer	   *peer;
	bool		found;

	if (peers == NULL)
		init_peers();
	if (!OidIsValid(role))
		role = GetUserId();
	server = rtm_find_server(name, role);
	mapping = rtm_find_mapping(server, name, role);
	if (any_stale)
		drop_stale();

	peer = hash_search(peers, &mapping, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) peer + sizeof(Oid), 0, sizeof(RtmPeer) - sizeof(Oid));
		dlist_init(&peer->asks);
		peer->server = server;
		peer->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(server));
		peer->mapping_hash = GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping));
	}
	if (peer->options == NULL)
		read_peer_options(peer, server, role);
	return peer;
}

/* A wait set that fits the connection's sockets and what it waits for. */
static void
prepare_set(RtmPeer *peer)
{
	RtmSocket sockets[RTM_MAX_SOCKETS];
	int		  n = rtm_conn_sockets(peer->conn, sockets);

	if (peer->set && peer->generation == peer->conn->generation)
	{
		for (int i = 0; i < n; i++)
			ModifyWaitEvent(peer->set, SOCKETS_POS + i, sockets[i].events, NULL);
		return;
	}
	drop_set(peer);
	peer->set = rtm_create_wait_set(SOCKETS_POS + n);
	peer->generation = peer->conn->generation;
	AddWaitEventToSet(peer->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(peer->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < n; i++)
		AddWaitEventToSet(peer->set, sockets[i].events, sockets[i].sock, NULL, NULL);
}

void
rtm_peer_wait(RtmPeer *peer, int64 deadline)
{
	RtmConn	 *conn = peer->conn;
	int64	  step_deadline = rtm_conn_deadline(conn);
	int64	  left;
	WaitEvent event = {.fd = PGINVALID_SOCKET};

	prepare_set(peer);
	if (step_deadline != 0 && step_deadline < deadline)
		deadline = step_deadline;
	left = deadline - rtm_now_ms();
	left = Min(Max(left, 0), INT_MAX);

	if (WaitEventSetWait(peer->set, (long) left, &event, 1,
						 rtm_wait_event(conn->state == RTM_CONN_READY ? RTM_WAIT_GATE_ANSWER
																	  : RTM_WAIT_CONNECT)) > 0)
	{
		if (event.events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else
			peer->heard = rtm_now_ms();
	}
	CHECK_FOR_INTERRUPTS();
	rtm_conn_step(conn, event.fd, event.events & WL_SOCKET_MASK);
}
