/*-------------------------------------------------------------------------
 *
 * lane.c
 *	  The traffic of a lane: connecting, sending, answers, repeating.
 *
 * Used by the sender only.  Never waits, and has no transaction open but for
 * reading options.
 *
 * What is repeated, and how: a request whose answer didn't come, or said "not
 * now", is sent again after a delay that doubles each time.  A connection that
 * can't be made, or breaks at once, pauses the whole lane in the same way, and
 * so does an answer that says "not now", which the project gets as a whole.
 *
 * There are at most rtm.sender_connections connections.  When lanes have to wait
 * for one, those that have one give it up when they have nothing to send, or have
 * had it for a while; who has waited for the longest time comes first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "client/client_guc.h"
#include "client/lookup.h"
#include "client/request.h"
#include "fpnn/catalog.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/deliver/lane.h"
#include "outbox/deliver/outcome.h"
#include "outbox/deliver/report.h"

/* How long after a change of options answers are waited for, in milliseconds. */
#define LAST_ANSWERS 5000

/* A connection that breaks earlier than this is a failure, in milliseconds. */
#define SHORT_LIFE 1000

/*
 * A gate closes a connection on which it got nothing for a minute (protocol.md):
 * one that may be used again is kept open, for some time.  Milliseconds.
 */
#define PING_INTERVAL 20000
#define PING_TIMEOUT  10000
#define KEEP_TIME	  600000

/*
 * How long a lane keeps its connection while others wait for one, and when those
 * look again.  Milliseconds.
 */
#define CONNECTION_TURN 1000
#define TURN_CHECK		20

/* A rate's quests that may leave in a bunch, as part of a second. */
#define BUNCH 0.05

static int	 nconnections;	   /* of all lanes */
static int64 lanes_wait_until; /* rtm_now_ms(): lanes have waited for one lately */

/* ---- options ---- */

static void
make_stale(Datum arg, int cacheid, uint32 hash)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_lanes)
	{
		Lane *lane = dlist_container(Lane, node, iter.cur);

		if (hash == 0 || cacheid != FOREIGNSERVEROID || hash == lane->server_hash)
		{
			if (!lane->stale)
				lane->stale_until = rtm_now_ms() + LAST_ANSWERS;
			lane->stale = true;
			lane->stale_read = false;
		}
	}
}

void
outbox_lane_init(void)
{
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, make_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, make_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, make_stale, (Datum) 0);
}

static void
wipe(RtmOptions *options)
{
	if (options)
		explicit_bzero(options->secret, strlen(options->secret));
}

static void
drop_options(Lane *lane)
{
	wipe(lane->options);
	if (lane->context)
		MemoryContextDelete(lane->context);
	lane->options = NULL;
	lane->context = NULL;
}

static void
set_broken(Lane *lane, const char *why)
{
	if (lane->broken)
		pfree(lane->broken);
	lane->broken = why ? MemoryContextStrdup(TopMemoryContext, why) : NULL;
}

/* The options as they are now; raises what is wrong with them. */
static RtmOptions *
read_options(Lane *lane)
{
	ForeignServer *server;

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(lane->key.owner)))
		ereport(ERROR, (errmsg("the role that queued it (OID %u) was dropped", lane->key.owner)));
	server = GetForeignServerExtended(lane->key.server, FSV_MISSING_OK);
	if (server == NULL)
		ereport(ERROR, (errmsg("the server (OID %u) was dropped", lane->key.server)));
	strlcpy(lane->owner_name, GetUserNameFromId(lane->key.owner, false), NAMEDATALEN);
	(void) rtm_find_server(server->servername, lane->key.owner);
	(void) rtm_find_mapping(lane->key.server, server->servername, lane->key.owner);
	return rtm_server_options(lane->key.server, lane->key.owner, lane->name);
}

/* In a transaction; *why: what is wrong with them, in the caller's memory. */
static RtmOptions *
try_options(Lane *lane, MemoryContext context, char **why)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RtmOptions *volatile options = NULL;

	*why = NULL;
	StartTransactionCommand();
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		options = read_options(lane);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		HOLD_INTERRUPTS();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
		*why = error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return options;
}

static void
close_conn(Lane *lane)
{
	if (lane->conn)
	{
		rtm_conn_close(lane->conn);
		nconnections--;
	}
	lane->conn = NULL;
	lane->ping_deadline = 0;
	lane->serial++;
}

/* ---- connections ---- */

/* Requests that could be sent, if only there were a connection. */
static void
note_no_connection(Lane *lane, const char *why)
{
	dlist_mutable_iter iter;
	int				   n = 0;

	dlist_foreach_modify (iter, &lane->ready)
	{
		if (n++ >= lane->options->max_in_flight)
			break;
		(void) outbox_note_attempt(dlist_container(Request, node, iter.cur), FPNN_CODE_CLOSED, why,
								   lane->paused_until - rtm_now_ms());
	}
}

/* Answers that will never come. */
static void
lose_in_flight(Lane *lane, int code, const char *why)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &lane->in_flight)
	{
		Request *request = dlist_container(Request, node, iter.cur);

		request->maybe_sent = true;
		if (outbox_is_any_call(request))
			outbox_end_badly(request, code, psprintf("%s; it may have been carried out", why));
		else if (outbox_note_attempt(request, code, why, 0))
			outbox_set_ready_again(request);
	}
}

static void
connection_failed(Lane *lane)
{
	char *why = psprintf("could not connect: %s", lane->conn->why.data);

	outbox_note_unreachable(lane, lane->conn->why.data);
	close_conn(lane);
	outbox_pause_lane(lane);
	note_no_connection(lane, why);
	pfree(why);
}

static void
connection_lost(Lane *lane)
{
	int	  code = lane->conn->code;
	char *why = psprintf("the connection was lost: %s", lane->conn->why.data);
	bool  idle = lane->nin_flight == 0;
	bool  short_life = lane->fresh || (!idle && rtm_now_ms() - lane->connected_at < SHORT_LIFE);

	if (short_life)
		outbox_note_unreachable(lane, lane->conn->why.data);
	close_conn(lane);
	lose_in_flight(lane, code, why);
	pfree(why);

	/* one that was idle may be closed by the gate at any time, but not at once */
	if (short_life)
		outbox_pause_lane(lane);
}

/* Options that change nothing about a connection. */
static void
take_figures(Lane *lane, const RtmOptions *options)
{
	lane->server->rate = options->rate_limit;
	lane->options->connect_timeout = options->connect_timeout;
	lane->options->quest_timeout = options->quest_timeout;
	lane->options->max_in_flight = options->max_in_flight;
}

/*
 * What is under way gets some time to end with the options that it began with,
 * unless there are none any more.
 */
void
outbox_lane_load(Lane *lane)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "rtm options",
												  ALLOCSET_SMALL_SIZES);
	char		 *why;
	RtmOptions	 *options = try_options(lane, context, &why);

	lane->stale_read = true;
	if (options && lane->options && rtm_same_options(options, lane->options))
	{
		/* somebody may have looked after it: try again at once */
		take_figures(lane, options);
		lane->paused_until = 0;
		set_broken(lane, NULL);
		wipe(options);
		MemoryContextDelete(context);
		lane->stale = false;
		return;
	}
	if (options && lane->nin_flight > 0 && rtm_now_ms() < lane->stale_until)
	{
		wipe(options);
		MemoryContextDelete(context);
		return;
	}
	lane->stale = false;
	set_broken(lane, why);
	close_conn(lane);
	lose_in_flight(lane, FPNN_CODE_CLOSED,
				   "the server or user mapping was changed before the answer");
	drop_options(lane);
	if (options == NULL)
	{
		MemoryContextDelete(context);
		return;
	}
	lane->options = options;
	lane->context = context;
	take_figures(lane, options);
	lane->failures = 0;
	lane->paused_until = 0;
}

/* Has the lane to give its connection to one that waits? */
static bool
must_yield(const Lane *lane, int64 now)
{
	return now < lanes_wait_until && now - lane->connected_at >= CONNECTION_TURN;
}

/* Could the lane do without its connection at this moment? */
static bool
may_yield(const Lane *lane, int64 now)
{
	return lane->conn && lane->conn->state == RTM_CONN_READY && lane->nin_flight == 0 &&
		   (lane->nready == 0 || must_yield(lane, now));
}

/*
 * Is there a connection for the lane?  One that is of no use elsewhere is closed,
 * for who has waited for the longest time.
 */
static bool
may_connect(Lane *lane, int64 now)
{
	static int64 looked;
	Lane		*spare = NULL;
	dlist_iter	 iter;

	if (nconnections < outbox_sender_connections && now >= lanes_wait_until)
		return true;
	if (lane->waiting_since == 0)
		lane->waiting_since = now;
	lanes_wait_until = now + 10 * TURN_CHECK;
	if (now == looked && nconnections >= outbox_sender_connections)
		return false;
	looked = now;
	dlist_foreach (iter, &outbox_lanes)
	{
		Lane *other = dlist_container(Lane, node, iter.cur);

		if (other->waiting_since != 0 && other->waiting_since < lane->waiting_since)
		{
			looked = 0;
			return false;
		}
		if (may_yield(other, now) && (spare == NULL || other->last_used < spare->last_used))
			spare = other;
	}
	if (nconnections >= outbox_sender_connections)
	{
		if (spare == NULL)
			return false;
		close_conn(spare);
	}
	return true;
}

static void
connect_lane(Lane *lane)
{
	int64 timeout = lane->options->connect_timeout > 0
						? (int64) ceil(lane->options->connect_timeout * 1000)
						: rtm_connect_timeout;

	lane->conn = rtm_conn_open(lane->options, timeout);
	nconnections++;
	lane->waiting_since = 0;
	lane->serial++;
	lane->fresh = true;
	lane->connected_at = lane->last_asked = lane->last_used = rtm_now_ms();
}

/* After anything that may have changed the connection's state. */
static void
check_connection(Lane *lane)
{
	if (lane->conn == NULL)
		return;
	if (lane->conn->state == RTM_CONN_FAILED)
		connection_failed(lane);
	else if (lane->conn->state == RTM_CONN_LOST)
		connection_lost(lane);
}

void
outbox_lane_event(Lane *lane, uint32 events)
{
	if (lane->conn == NULL)
		return;
	rtm_conn_step(lane->conn, events);
	check_connection(lane);
}

/* ---- sending ---- */

static int64
quest_timeout(const Request *request)
{
	double seconds = request->row.timeout > 0 ? request->row.timeout
											  : request->lane->options->quest_timeout;

	return seconds > 0 ? (int64) ceil(Min(seconds * 1000, INT_MAX)) : rtm_quest_timeout;
}

/* Milliseconds until the server's rate allows a quest; 0: it does, and counts. */
static int64
wait_for_rate(Server *server)
{
	int64  now;
	double most;

	if (server->rate == 0)
		return 0;
	now = rtm_now_us();
	most = Max(1, server->rate * BUNCH);
	server->tokens = Min(most, server->tokens +
								   (double) (now - server->filled_us) * server->rate / 1000000);
	server->filled_us = now;
	if (server->tokens >= 1)
	{
		server->tokens -= 1;
		return 0;
	}
	return (int64) ceil((1 - server->tokens) * 1000 / server->rate);
}

/*
 * A call that must not be carried out twice is noted in its row before it is
 * sent.  False: not yet, or never.
 */
static bool
may_send_any_call(Request *request)
{
	if (request->marked)
		return true;
	if (request->row.attempts > 0 && request->row.next_attempt == 0)
	{
		outbox_fail(request, FPNN_CODE_CLOSED,
					"the sender ended before the answer; it may have been carried out");
		return false;
	}
	request->marked = true;
	request->row.attempts++;
	request->row.next_attempt = 0;
	outbox_touch(request);
	outbox_set_delayed(request, 0, false);
	return false;
}

static void
ask(Request *request)
{
	Lane			*lane = request->lane;
	const OutboxRow *row = &request->row;
	const FpnnBuf	*payload;
	FpnnStatus		 status;

	payload = rtm_sign_request(lane->options, row->method, row->params, row->params_len,
							   row->nparams);
	status = rtm_conn_ask(lane->conn, row->method, fpnn_buf_head(payload), fpnn_buf_len(payload),
						  outbox_answered, request, &request->conn_seq);
	if (status == FPNN_NOMEM)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (status != FPNN_OK)
	{
		outbox_fail(request, FPNN_CODE_ENCODING, fpnn_status_text(status));
		return;
	}
	request->asked_us = rtm_now_us();
	lane->last_asked = lane->last_used = rtm_now_ms();
	request->deadline = lane->last_asked + quest_timeout(request);
	lane->next_deadline = Min(lane->next_deadline, request->deadline);
	outbox_set_in_flight(request);
}

/* Send what may be sent; when the rate allows more. */
static int64
send_ready(Lane *lane)
{
	int64 wait = 0;

	while (lane->nready > 0 && lane->nin_flight < lane->options->max_in_flight)
	{
		Request *request = dlist_head_element(Request, node, &lane->ready);

		if (outbox_is_too_old(request))
		{
			outbox_fail(request, request->error ? request->code : FPNN_CODE_TIMEOUT,
						request->error ? pstrdup(request->error) : "it is older than rtm.max_age");
			continue;
		}
		if (outbox_is_any_call(request) && !may_send_any_call(request))
			continue;
		wait = wait_for_rate(lane->server);
		if (wait > 0)
			break;
		ask(request);
	}
	rtm_conn_flush(lane->conn);
	check_connection(lane);
	return wait > 0 ? rtm_now_ms() + wait : PG_INT64_MAX;
}

static void
fail_ready(Lane *lane)
{
	while (lane->nready > 0)
		outbox_fail(dlist_head_element(Request, node, &lane->ready), FPNN_CODE_INVALID_CONNECTION,
					lane->broken);
}

/* Delayed requests whose time has come; when the next one's does. */
static int64
wake_delayed(Lane *lane, int64 now)
{
	dlist_mutable_iter iter;
	int64			   next = PG_INT64_MAX;

	dlist_foreach_modify (iter, &lane->delayed)
	{
		Request *request = dlist_container(Request, node, iter.cur);

		/* what the row doesn't say yet must not happen; settling wakes us */
		if (request->marked && request->touched)
			continue;
		if (request->not_before <= now || lane->broken)
			outbox_set_ready_again(request);
		else
			next = Min(next, request->not_before);
	}
	return next;
}

/* Quests whose time is over. */
static void
check_deadlines(Lane *lane, int64 now)
{
	dlist_mutable_iter iter;
	bool			   hangs = false;

	if (now < lane->next_deadline)
		return;
	lane->next_deadline = PG_INT64_MAX;
	dlist_foreach_modify (iter, &lane->in_flight)
	{
		Request *request = dlist_container(Request, node, iter.cur);

		if (now < request->deadline)
		{
			lane->next_deadline = Min(lane->next_deadline, request->deadline);
			continue;
		}
		/* nothing came since it was asked: the connection may be dead */
		if (lane->last_answer < request->deadline - quest_timeout(request))
			hangs = true;
		rtm_conn_forget(lane->conn, request->conn_seq);
		request->maybe_sent = true;
		if (outbox_is_any_call(request))
			outbox_end_badly(request, FPNN_CODE_TIMEOUT,
							 "no answer in time; it may have been carried out");
		else
			outbox_repeat(request, FPNN_CODE_TIMEOUT, "no answer in time");
	}
	if (hangs && lane->conn)
	{
		outbox_note_unreachable(lane, psprintf("%s: no answer in time", lane->conn->endpoint.data));
		close_conn(lane);
		lose_in_flight(lane, FPNN_CODE_CLOSED, "the connection was closed, as no answer came");
		outbox_pause_lane(lane);
	}
}

/* RtmAnswerFunc */
static void
ping_answered(void *arg, const FpnnFrame *answer)
{
	((Lane *) arg)->ping_deadline = 0;
	outbox_note_reachable(arg);
}

static void
ping(Lane *lane, int64 now)
{
	static const uint8 empty_map = 0x80;
	uint32			   seq;

	if (rtm_conn_ask(lane->conn, "*ping", &empty_map, 1, ping_answered, lane, &seq) != FPNN_OK)
		return;
	lane->last_asked = now;
	lane->ping_deadline = now + PING_TIMEOUT;
	rtm_conn_flush(lane->conn);
	check_connection(lane);
}

/* Look after a connection that has nothing to do; when the next time. */
static int64
keep_alive(Lane *lane, int64 now)
{
	if (lane->conn == NULL || lane->conn->state != RTM_CONN_READY || lane->nin_flight > 0)
		return PG_INT64_MAX;
	if ((lane->ping_deadline != 0 && now >= lane->ping_deadline) ||
		now - lane->last_used >= KEEP_TIME)
	{
		close_conn(lane);
		return PG_INT64_MAX;
	}
	if (lane->ping_deadline == 0 && now - lane->last_asked >= PING_INTERVAL)
		ping(lane, now);
	return lane->ping_deadline != 0 ? lane->ping_deadline : lane->last_asked + PING_INTERVAL;
}

static void
show_in_flight(Lane *lane)
{
	dlist_iter iter;
	uint32	   n = 0;

	if (lane->server->stats == NULL)
		return;
	dlist_foreach (iter, &outbox_lanes)
	{
		Lane *other = dlist_container(Lane, node, iter.cur);

		if (other->server == lane->server)
			n += other->nin_flight;
	}
	pg_atomic_write_u32(&lane->server->stats->in_flight, n);
}

int64
outbox_lane_turn(Lane *lane)
{
	int64 now = rtm_now_ms();
	int64 back;
	int64 alive;

	/* time may be over for connecting, whether anything is to be sent or not */
	if (lane->conn && rtm_conn_deadline(lane->conn) != 0)
	{
		rtm_conn_step(lane->conn, 0);
		check_connection(lane);
	}
	check_deadlines(lane, now);
	back = wake_delayed(lane, now);
	if (lane->nready == 0 || lane->broken || lane->stale || lane->paused_until > now ||
		outbox_pause)
		lane->waiting_since = 0;
	if (lane->broken)
		fail_ready(lane);
	else if (lane->stale || outbox_pause)
		; /* options first; or nothing at all */
	else if (lane->nready > 0 && lane->paused_until > now)
		back = Min(back, lane->paused_until);
	else if (lane->nready > 0)
	{
		if (lane->conn == NULL && may_connect(lane, now))
			connect_lane(lane);
		if (lane->conn == NULL)
			back = Min(back, now + TURN_CHECK);
		check_connection(lane);
		if (lane->conn && lane->conn->state == RTM_CONN_READY && must_yield(lane, now))
			back = Min(back, now + TURN_CHECK);
		else if (lane->conn && lane->conn->state == RTM_CONN_READY)
		{
			int64 rate_allows = send_ready(lane);

			back = Min(back, rate_allows);
		}
		if (lane->paused_until > now)
			back = Min(back, lane->paused_until);
	}
	if (lane->conn && rtm_conn_deadline(lane->conn) != 0)
		back = Min(back, rtm_conn_deadline(lane->conn));
	if (lane->nin_flight > 0)
		back = Min(back, lane->next_deadline);
	alive = keep_alive(lane, now);
	back = Min(back, alive);
	show_in_flight(lane);
	return back;
}
