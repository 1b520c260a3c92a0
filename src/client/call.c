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

/* What the answer leaves behind; lives in a context of its own. */
typedef struct Waiting
{
	MemoryContext context;
	uint32		  seq; /* of the quest that is under way */
	bool		  answered;
	bool		  nomem;
	uint8		  status;
	uint8_t		 *payload;
	size_t		  len;
	FpnnDoc		  doc;
} Waiting;

/* Where the time of a call goes, in rtm_now_ms(). */
typedef struct Deadlines
{
	int64 connect; /* milliseconds */
	int64 quest;   /* milliseconds; 0: `total` counts */
	int64 total;   /* point in time; 0: none */
} Deadlines;

static void
keep_answer(void *arg, const FpnnFrame *answer)
{
	Waiting *waiting = arg;

	waiting->answered = true;
	waiting->status = answer->status;
	waiting->len = answer->payload_len;
	waiting->payload = MemoryContextAllocExtended(waiting->context, Max(answer->payload_len, 1),
												  MCXT_ALLOC_NO_OOM);
	if (waiting->payload)
		memcpy(waiting->payload, answer->payload, answer->payload_len);
	else
		waiting->nomem = true;
}

static void
close_doc(void *arg)
{
	fpnn_doc_close(&((Waiting *) arg)->doc);
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

/* Wait for the answer; false: the connection is lost, or it is too late. */
static bool
await(RtmPeer *peer, Waiting *waiting, int64 deadline)
{
	while (!waiting->answered && peer->conn->state == RTM_CONN_READY)
	{
		if (rtm_now_ms() >= deadline)
			return false;
		rtm_peer_wait(peer, deadline);
	}
	return waiting->answered;
}

/*
 * Does the gate at the other end still answer?  What was forgotten on the way, by a
 * firewall or with a machine, says nothing, and a quest would wait for all of its time.
 */
static bool
answers_ping(RtmPeer *peer, const Deadlines *d, Waiting *waiting)
{
	static const uint8 empty_map = 0x80;
	Waiting			   none = *waiting;
	int64			   now = rtm_now_ms();
	int64			   deadline = now + RTM_PROBE_TIME;
	bool			   answered;

	if (d->total)
		deadline = Min(deadline, now + (d->total - now) / 2);
	if (rtm_conn_ask(peer->conn, "*ping", &empty_map, 1, keep_answer, waiting, &waiting->seq) !=
		FPNN_OK)
		return false;
	rtm_conn_flush(peer->conn);
	answered = await(peer, waiting, deadline);
	if (!answered)
		rtm_conn_forget(peer->conn, waiting->seq);
	*waiting = none;
	return answered && peer->conn->state == RTM_CONN_READY;
}

/*
 * Is the kept connection good?  Also takes what came while nobody waited.  One
 * that still owes the answer to a call that was cancelled, or ran out of time,
 * may hang for good.
 */
static bool
is_alive(RtmPeer *peer, const Deadlines *d, Waiting *waiting)
{
	RtmConn *conn = peer->conn;

	if (conn == NULL)
		return false;
	if (conn->state == RTM_CONN_READY)
		rtm_conn_step(conn, conn->sock, WL_SOCKET_READABLE);
	if (conn->state != RTM_CONN_READY || rtm_conn_owes(conn))
		return false;
	return rtm_now_ms() - peer->heard < RTM_IDLE_TIME || answers_ping(peer, d, waiting);
}

/*
 * Send the quest and wait for its answer, or until the connection is lost, which the caller sees by
 * its state.  The deadline counts from here unless the call as a whole has one.
 */
static void
ask_once(RtmPeer *peer, const RtmCall *call, StringInfo params, int nparams, const Deadlines *d,
		 Waiting *waiting)
{
	RtmConn		  *conn = peer->conn;
	int64		   deadline = d->total ? d->total : rtm_now_ms() + d->quest;
	const FpnnBuf *payload;
	FpnnStatus	   status;

	payload = rtm_sign_request(peer->options, call->method, params->data, params->len, nparams);
	status = rtm_conn_ask(conn, call->method, fpnn_buf_head(payload), fpnn_buf_len(payload),
						  keep_answer, waiting, &waiting->seq);
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
	rtm_conn_flush(conn);

	if (!await(peer, waiting, deadline) && conn->state == RTM_CONN_READY)
		raise_timeout(peer, call->method);
}

/* Ask, and once more when the connection was lost and that does no harm. */
static bool
ask(RtmPeer *peer, const RtmCall *call, StringInfo params, int nparams, Waiting *waiting)
{
	Deadlines d = deadlines_of(call, peer->options);
	bool	  kept = is_alive(peer, &d, waiting);
	bool	  resent = false;

	if (!kept)
		connect_peer(peer, &d);
	for (;;)
	{
		uint64 written = peer->conn->written;

		ask_once(peer, call, params, nparams, &d, waiting);
		if (waiting->answered)
			return resent;

		/* a kept connection that took no byte of the quest was dead already */
		if (kept && peer->conn->code == FPNN_CODE_CLOSED && peer->conn->written == written)
		{
			kept = false;
			connect_peer(peer, &d);
			continue;
		}
		if (peer->conn->code != FPNN_CODE_CLOSED || !call->idempotent || resent)
			break;
		resent = true;
		kept = false;
		connect_peer(peer, &d);
	}
	raise_lost(
		peer, peer->conn->code, peer->conn->why.data,
		peer->conn->code != FPNN_CODE_CLOSED
			? "Check that the endpoint is an RTM server gate, with the encryption that the server's options say."
			: "The quest may have been carried out.");
	return false; /* not reached */
}

/*
 * The answer as the caller gets it.  What msgpack-c allocated goes with the current memory context;
 * a payload that can't be read costs the connection, as nothing behind it can be trusted.
 */
static RtmAnswer *
make_answer(RtmPeer *peer, Waiting *waiting)
{
	RtmAnswer			  *answer = palloc0(sizeof(RtmAnswer));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	FpnnStatus			   status = FPNN_NOMEM;

	callback->func = close_doc;
	callback->arg = waiting;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	if (!waiting->nomem)
		status = fpnn_doc_open(&waiting->doc, waiting->payload, waiting->len);
	if (status == FPNN_NOMEM)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (status != FPNN_OK)
	{
		char *why = psprintf("%s: %s", peer->conn->endpoint.data, fpnn_status_text(status));

		rtm_peer_disconnect(peer);
		raise_lost(peer, FPNN_CODE_INVALID_PACKAGE, why,
				   "Check that the endpoint is an RTM server gate.");
	}
	answer->map = waiting->doc.map;
	answer->size = waiting->len;
	answer->server = pstrdup(peer->name);
	answer->endpoint = pstrdup(peer->conn->endpoint.data);
	if (waiting->status != 0)
	{
		const char *ex;
		size_t		len;

		answer->code = rtm_read_error(answer->map, &ex, &len);
		answer->ex = rtm_shown_from_wire(ex, len);
	}
	return answer;
}

RtmAnswer *
rtm_call(const RtmCall *call, StringInfo params, int nparams)
{
	RtmPeer	  *peer = rtm_peer(call->server);
	Waiting	  *waiting = palloc0(sizeof(Waiting));
	RtmAnswer *answer;
	bool	   resent = false;

	waiting->context = CurrentMemoryContext;
	PG_TRY();
	{
		resent = ask(peer, call, params, nparams, waiting);
	}
	PG_CATCH();
	{
		/* a connection between two frames is good for the next call */
		if (peer->conn)
		{
			rtm_conn_forget(peer->conn, waiting->seq);
			if (rtm_conn_midway(peer->conn))
				rtm_peer_disconnect(peer);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
	answer = make_answer(peer, waiting);
	answer->resent = resent;
	return answer;
}
