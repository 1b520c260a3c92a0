/*-------------------------------------------------------------------------
 *
 * call.c
 *	  One synchronous quest and its answer, from inside a backend.
 *
 * Called by src/sql.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <time.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "client/call.h"
#include "client/client_guc.h"
#include "client/error.h"
#include "client/peer.h"
#include "client/request.h"
#include "client/text.h"
#include "fpnn/catalog.h"

/* Where the time of a call goes, in rtm_now_ms(). */
typedef struct Deadlines
{
	int64 connect; /* milliseconds */
	int64 quest;   /* milliseconds; 0: `total` counts */
	int64 total;   /* point in time; 0: none */
} Deadlines;

/*
 * A quest under way.  It is in its peer's list until it is answered, given up, or
 * its connection is closed.
 */
struct RtmAsk
{
	RtmPeerAsk	  link;
	RtmCall		  call;
	StringInfo	  params;
	int			  nparams;
	Deadlines	  deadlines;
	MemoryContext context;
	char		 *server; /* that it was sent to */
	char		 *endpoint;
	bool		  kept;	   /* the connection was there before it was sent */
	uint64		  written; /* to the connection, until then */
	bool		  resent;
	int64		  asked_at; /* rtm_now_ms() */

	/* what the answer leaves behind */
	bool	 answered;
	bool	 nomem;
	uint8	 status;
	uint8_t *payload;
	size_t	 len;
	FpnnDoc	 doc;
};

static void
keep_answer(void *arg, const FpnnFrame *answer)
{
	RtmAsk *ask = arg;

	rtm_peer_unlink(&ask->link);
	ask->answered = true;
	ask->status = answer->status;
	ask->len = answer->payload_len;
	ask->payload = MemoryContextAllocExtended(ask->context, Max(answer->payload_len, 1),
											  MCXT_ALLOC_NO_OOM);
	if (ask->payload)
		memcpy(ask->payload, answer->payload, answer->payload_len);
	else
		ask->nomem = true;
}

/* Nobody has asked. */
static void
ignore_answer(void *arg, const FpnnFrame *answer)
{
}

static void
close_doc(void *arg)
{
	fpnn_doc_close(&((RtmAsk *) arg)->doc);
}

static Deadlines
deadlines_of(const RtmCall *call, const RtmOptions *options)
{
	Deadlines d = {0};

	d.connect = options->connect_timeout > 0 ? ceil(options->connect_timeout * 1000)
											 : rtm_connect_timeout;
	if (call->timeout > 0)
	{
		double ms = Min(ceil(call->timeout * 1000), (double) INT_MAX);

		d.total = rtm_now_ms() + (int64) ms;
		d.connect = Min(d.connect, (int64) ms);
	}
	else
		d.quest = options->quest_timeout > 0 ? ceil(options->quest_timeout * 1000)
											 : rtm_quest_timeout;
	return d;
}

static void
raise_failed(const RtmPeer *peer)
{
	bool plain = peer->options->encryption == RTM_ENCRYPTION_NONE;

	ereport(
		ERROR,
		(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
		 errmsg("could not connect to server \"%s\"", peer->name),
		 errdetail("%s", peer->conn->why.data),
		 plain
			 ? errhint("Check that the gate is up and the option endpoint of the server is right.")
			 : errhint(
				   "Check that the gate is up, and the server's options endpoint, encryption and those that go with it.")));
}

static void
raise_lost(const RtmPeer *peer, int code, const char *why, const char *hint)
{
	rtm_raise_code(code,
				   psprintf(code == FPNN_CODE_CLOSED
								? "the connection to server \"%s\" was lost before the answer"
								: "server \"%s\" sent what is no FPNN",
							peer->name),
				   why, hint);
}

static void
raise_timeout(const RtmPeer *peer, const char *method)
{
	rtm_raise_code(
		FPNN_CODE_TIMEOUT, psprintf("no answer from server \"%s\" in time", peer->name),
		psprintf("%s didn't answer the quest \"%s\".", peer->conn->endpoint.data, method),
		"The quest may have been carried out. Raise the call's timeout, the server's option quest_timeout or the setting rtm.quest_timeout if the gate is only slow.");
}

/*
 * A connection that owes an answer is closed when the new one is there: the
 * vendor's framework writes a late answer to whoever has its descriptor by then.
 */
static void
connect_peer(RtmPeer *peer, Deadlines *d)
{
	int64 timeout = d->connect;

	if (d->total)
		timeout = Max(Min(timeout, d->total - rtm_now_ms()), 1);
	if (peer->conn && peer->conn->state == RTM_CONN_READY)
		rtm_peer_set_aside(peer);
	else
		rtm_peer_disconnect(peer);
	peer->conn = rtm_conn_open(peer->options, timeout);
	while (peer->conn->state < RTM_CONN_READY)
		rtm_peer_wait(peer, PG_INT64_MAX);
	rtm_peer_drop_previous(peer);
	if (peer->conn->state == RTM_CONN_FAILED)
		raise_failed(peer);
	if (peer->conn->state == RTM_CONN_LOST)
		raise_lost(
			peer, peer->conn->code, peer->conn->why.data,
			"Check that the endpoint is an RTM server gate, with the encryption that the server's options say.");
}

static void
note_pong(void *arg, const FpnnFrame *answer)
{
	((RtmPeer *) arg)->pong = true;
}

/*
 * Does the gate at the other end still answer?  What was forgotten on the way, by a
 * firewall or with a machine, says nothing, and a quest would wait for all of its time.
 */
static bool
answers_ping(RtmPeer *peer, const Deadlines *d)
{
	static const uint8 empty_map = 0x80;
	RtmConn			  *conn = peer->conn;
	int64			   now = rtm_now_ms();
	int64			   deadline = now + RTM_PROBE_TIME;
	uint32			   seq;

	if (d->total)
		deadline = Min(deadline, now + (d->total - now) / 2);
	peer->pong = false;
	if (rtm_conn_ask(conn, "*ping", &empty_map, 1, note_pong, peer, &seq) != FPNN_OK)
		return false;
	rtm_conn_flush(conn);
	while (!peer->pong && conn->state == RTM_CONN_READY && rtm_now_ms() < deadline)
		rtm_peer_wait(peer, deadline);
	if (!peer->pong)
		rtm_conn_forget(conn, seq);
	return peer->pong && conn->state == RTM_CONN_READY;
}

/*
 * Is the kept connection good?  Also takes what came while nobody waited.  One
 * that still owes the answer to a call that was cancelled, or ran out of time,
 * may hang for good.
 */
static bool
is_alive(RtmPeer *peer, const Deadlines *d)
{
	RtmConn *conn = peer->conn;

	if (conn == NULL)
		return false;
	if (conn->state == RTM_CONN_READY)
		rtm_conn_step(conn, conn->sock, WL_SOCKET_READABLE);
	if (conn->state != RTM_CONN_READY || rtm_conn_owes(conn))
		return false;
	return rtm_now_ms() - peer->heard < RTM_IDLE_TIME || answers_ping(peer, d);
}

/* Send the quest on its peer's connection, which is ready. */
static void
send_quest(RtmAsk *ask, RtmPeer *peer)
{
	RtmConn		  *conn = peer->conn;
	const RtmCall *call = &ask->call;
	const FpnnBuf *payload;
	FpnnStatus	   status;

	ask->written = conn->written;
	payload = rtm_sign_request(peer->options, call->method, ask->params->data, ask->params->len,
							   ask->nparams);
	status = rtm_conn_ask(conn, call->method, fpnn_buf_head(payload), fpnn_buf_len(payload),
						  keep_answer, ask, &ask->link.seq);
	if (status == FPNN_TOO_LARGE)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the quest \"%s\" is too large", call->method),
						errdetail("A whole frame has at most %zu bytes.", FPNN_MAX_FRAME)));
	if (status == FPNN_BAD_METHOD)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid name of a method"),
				 errhint("It has 1 to %d bytes.", FPNN_MAX_METHOD)));
	if (status != FPNN_OK)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	rtm_peer_link(peer, &ask->link);
	ask->asked_at = rtm_now_ms();
	ask->server = MemoryContextStrdup(ask->context, peer->name);
	ask->endpoint = MemoryContextStrdup(ask->context, conn->endpoint.data);
	rtm_conn_flush(conn);
}

/* Send it, on the connection that there is, or a new one. */
static void
begin(RtmAsk *ask, RtmPeer *peer)
{
	PG_TRY();
	{
		ask->kept = is_alive(peer, &ask->deadlines);
		if (!ask->kept)
			connect_peer(peer, &ask->deadlines);
	}
	PG_CATCH();
	{
		rtm_peer_disconnect(peer);
		PG_RE_THROW();
	}
	PG_END_TRY();
	send_quest(ask, peer);
}

/*
 * No answer will come; an error in the middle of a frame costs the connection, while
 * one between two frames is good for the next call.
 */
static void
give_up(RtmAsk *ask)
{
	RtmPeer *peer = ask->link.peer;

	if (peer == NULL)
		return;
	rtm_conn_forget(ask->link.conn, ask->link.seq);
	rtm_peer_unlink(&ask->link);
	if (peer->conn && rtm_conn_midway(peer->conn))
		rtm_peer_disconnect(peer);
}

/* Its memory context is reset. */
static void
drop_ask(void *arg)
{
	RtmAsk *ask = arg;

	give_up(ask);
	close_doc(ask);
}

/* The call's peer, when it is the call's turn. */
static RtmPeer *
peer_in_turn(const RtmCall *call)
{
	RtmPeer *peer = rtm_peer(call->server, call->role);
	RtmRate *rate = call->rate;

	if (rate == NULL)
		return peer;
	rate->server = peer->server;
	rate->limit = peer->options->rate_limit;
	rtm_rate_wait(rate);

	/* the server may have been altered meanwhile */
	return rtm_peer(call->server, call->role);
}

RtmAsk *
rtm_ask(const RtmCall *call, StringInfo params, int nparams)
{
	RtmAsk				  *ask = palloc0(sizeof(RtmAsk));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	RtmPeer				  *peer = peer_in_turn(call);

	ask->call = *call;
	ask->deadlines = deadlines_of(call, peer->options);
	ask->params = params;
	ask->nparams = nparams;
	ask->context = CurrentMemoryContext;
	callback->func = drop_ask;
	callback->arg = ask;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	begin(ask, peer);
	return ask;
}

void
rtm_ask_abandon(RtmAsk *ask)
{
	if (ask->link.peer == NULL)
		return;
	rtm_conn_redirect(ask->link.conn, ask->link.seq, ignore_answer);
	rtm_peer_unlink(&ask->link);
}

/* May its answer still come? */
static bool
is_under_way(const RtmAsk *ask)
{
	const RtmPeer *peer = ask->link.peer;

	return peer != NULL && peer->conn == ask->link.conn && peer->conn->state == RTM_CONN_READY;
}

bool
rtm_ask_is_over(RtmAsk *ask)
{
	if (is_under_way(ask))
		rtm_conn_step(ask->link.conn, ask->link.conn->sock, WL_SOCKET_READABLE);
	return !is_under_way(ask);
}

/* Wait for the answer, or until the connection is gone. */
static void
wait_for(RtmAsk *ask)
{
	const Deadlines *d = &ask->deadlines;
	int64			 deadline = d->total ? d->total : rtm_now_ms() + d->quest;

	/* what came meanwhile counts before the time does */
	while (!rtm_ask_is_over(ask))
	{
		if (rtm_now_ms() >= deadline)
			raise_timeout(ask->link.peer, ask->call.method);
		rtm_peer_wait(ask->link.peer, deadline);
	}
}

void
rtm_ask_await(RtmAsk *ask)
{
	PG_TRY();
	{
		wait_for(ask);
	}
	PG_CATCH();
	{
		give_up(ask);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * The connection was lost: ask once more when that does no harm, as a kept connection
 * that took no byte of the quest was dead already, or the quest may be repeated.
 */
static void
ask_again(RtmAsk *ask)
{
	RtmPeer *peer = ask->link.peer ? ask->link.peer : rtm_peer(ask->call.server, ask->call.role);
	RtmConn *conn = ask->link.peer ? ask->link.conn : NULL;
	int		 code = conn && conn->state == RTM_CONN_LOST ? conn->code : FPNN_CODE_CLOSED;
	bool	 untouched = conn && ask->kept && conn->written == ask->written;

	if (code != FPNN_CODE_CLOSED || (!untouched && (!ask->call.idempotent || ask->resent)))
		raise_lost(
			peer, code, conn ? conn->why.data : "another call closed it",
			code != FPNN_CODE_CLOSED
				? "Check that the endpoint is an RTM server gate, with the encryption that the server's options say."
				: "The quest may have been carried out.");
	if (!untouched)
		ask->resent = true;
	rtm_peer_unlink(&ask->link);
	begin(ask, peer);
}

/*
 * The answer as the caller gets it.  What msgpack-c allocated goes with the ask's memory context;
 * a payload that can't be read costs the connection, as nothing behind it can be trusted.
 */
static RtmAnswer *
make_answer(RtmAsk *ask)
{
	RtmAnswer *answer = palloc0(sizeof(RtmAnswer));
	FpnnStatus status = FPNN_NOMEM;

	if (!ask->nomem)
		status = fpnn_doc_open(&ask->doc, ask->payload, ask->len);
	if (status == FPNN_NOMEM)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (status != FPNN_OK)
	{
		RtmPeer *peer = rtm_peer(ask->call.server, ask->call.role);
		char	*why = psprintf("%s: %s", ask->endpoint, fpnn_status_text(status));

		rtm_peer_disconnect(peer);
		raise_lost(peer, FPNN_CODE_INVALID_PACKAGE, why,
				   "Check that the endpoint is an RTM server gate.");
	}
	answer->map = ask->doc.map;
	answer->size = ask->len;
	answer->resent = ask->resent;
	answer->server = ask->server;
	answer->endpoint = ask->endpoint;
	if (ask->status != 0)
	{
		const char *ex;
		size_t		len;

		answer->code = rtm_read_error(answer->map, &ex, &len);
		answer->ex = rtm_shown_from_wire(ex, len);
	}
	return answer;
}

/* Wait for the answer, asking again when the connection is lost. */
static RtmAnswer *
receive(RtmAsk *ask)
{
	for (;;)
	{
		rtm_ask_await(ask);
		if (ask->answered)
			return make_answer(ask);
		ask_again(ask);
	}
}

/* It was refused, as there were too many, and nothing was done. */
static void
begin_anew(RtmAsk *ask)
{
	fpnn_doc_close(&ask->doc);
	pfree(ask->payload);
	ask->payload = NULL;
	ask->answered = false;
	begin(ask, peer_in_turn(&ask->call));
}

RtmAnswer *
rtm_ask_wait(RtmAsk *ask)
{
	MemoryContext old = MemoryContextSwitchTo(ask->context);
	RtmRate		 *rate = ask->call.rate;
	RtmAnswer	 *answer = receive(ask);

	while (rate && answer->code == RTM_CODE_FREQUENCY && rtm_rate_refused(rate, ask->asked_at))
	{
		begin_anew(ask);
		answer = receive(ask);
	}
	if (rate && answer->code == 0)
		rtm_rate_good(rate);
	MemoryContextSwitchTo(old);
	return answer;
}

RtmAnswer *
rtm_call(const RtmCall *call, StringInfo params, int nparams)
{
	return rtm_ask_wait(rtm_ask(call, params, nparams));
}
