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
 * can't be made, or breaks at once, pauses the whole lane in the same way, and so
 * does an answer that is about all that goes this way.
 *
 * A request may be what makes the gate close the connection.  So what was under
 * way when one was lost goes on apart, on a connection of its own: in batches,
 * half as large after each loss, until one request is lost alone.  That one waits
 * by itself from then on; the others, and the lane, go on without it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "client/client_guc.h"
#include "client/request.h"
#include "fpnn/code.h"
#include "host.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/discard.h"
#include "outbox/deliver/lane.h"
#include "outbox/deliver/duplicate.h"
#include "outbox/deliver/options.h"
#include "outbox/deliver/outcome.h"
#include "outbox/deliver/report.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/workers/under_way.h"
#include "storage/latch.h"

/* A request that somebody may discard is looked at again after, in milliseconds. */
#define DISCARD_DELAY 50

/* A connection that breaks earlier than this is a failure, in milliseconds. */
#define SHORT_LIFE 1000

/* Apart, so many losses in a row without an answer are no search any more. */
#define SEARCH_LOSSES 12

/*
 * A gate closes a connection on which it got nothing for a minute (protocol.md):
 * one that may be used again is kept open, for some time.  Milliseconds.
 */
#define PING_INTERVAL 20000
#define PING_TIMEOUT  10000
#define KEEP_TIME	  600000

/* Quests that a lane sends before others have their turn. */
#define QUANTUM 256

/* At a server's limit so many urgent quests leave before one that isn't, if there is one. */
#define URGENT_TURNS 8

/* A queued call has at least so many milliseconds, and that is doubled so often. */
#define LEAST_TIMEOUT 1000
#define MOST_DOUBLED  6

/* ---- connections ---- */

/* Why requests wait that could be sent, if only the lane were in order. */
static void
note_waiting(Lane *lane, const char *why)
{
	LaneTraffic		  *t = lane->traffic;
	dlist_mutable_iter iter;
	int				   n = 0;

	dlist_foreach_modify (iter, &lane->ready)
	{
		if (n++ >= t->options.options->max_in_flight)
			break;
		(void) outbox_note_attempt(dlist_container(Request, node, iter.cur), FPNN_CODE_CLOSED, why,
								   t->paused_until - rtm_now_ms());
	}
}

static void
connection_failed(Lane *lane)
{
	char *why = psprintf("could not connect: %s", lane->traffic->conn->why.data);

	outbox_note_unreachable(lane, lane->traffic->conn->why.data);
	outbox_close(lane);
	outbox_pause_lane(lane);
	note_waiting(lane, why);
	pfree(why);
}

/* Is it the gate, or the way to it, rather than what was asked? */
static bool
is_failure(Lane *lane)
{
	LaneTraffic *t = lane->traffic;

	if (lane->key.apart && lane->nin_flight > 0)
		return ++t->losses > SEARCH_LOSSES;

	/* one that was idle may be closed by the gate at any time, but not at once */
	return t->fresh || (lane->nin_flight > 0 && rtm_now_ms() - t->connected_at < SHORT_LIFE);
}

static void
connection_lost(Lane *lane)
{
	LaneTraffic *t = lane->traffic;
	int			 code = t->conn->code;
	char		*why = psprintf("the connection was lost: %s", t->conn->why.data);
	bool		 failure = is_failure(lane);

	if (failure)
		outbox_note_unreachable(lane, t->conn->why.data);
	outbox_close(lane);
	outbox_lose_all(lane, code, why, true);
	pfree(why);
	if (failure)
		outbox_pause_lane(lane);
}

/* After anything that may have changed the connection's state. */
static void
check_connection(Lane *lane)
{
	RtmConn *conn = lane->traffic->conn;

	if (conn && conn->state == RTM_CONN_FAILED)
		connection_failed(lane);
	else if (conn && conn->state == RTM_CONN_LOST)
		connection_lost(lane);
}

void
outbox_lane_event(Lane *lane, pgsocket sock, uint32 events)
{
	RtmConn *conn = lane->traffic->conn;

	if (conn == NULL)
		return;
	outbox_wake_lane(lane);
	rtm_conn_step(conn, sock, events);
	check_connection(lane);
}

static bool
is_ready(const Lane *lane)
{
	RtmConn *conn = lane->traffic->conn;

	return conn && conn->state == RTM_CONN_READY;
}

/* Something to read, or an end. */
static bool
is_readable(const RtmConn *conn)
{
	char byte;

	return conn->sock != PGINVALID_SOCKET &&
		   (conn->state == RTM_CONN_READY || conn->state == RTM_CONN_KEYING) &&
		   recv(conn->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/*
 * What lies in the socket has come, even if we had no time to read it: before
 * anything is called late.
 */
static void
read_socket(Lane *lane)
{
	while (lane->traffic->conn && is_readable(lane->traffic->conn))
		outbox_lane_event(lane, lane->traffic->conn->sock, WL_SOCKET_READABLE);
}

/* Time may be over for connecting, whether anything is to be sent or not. */
static void
step_connecting(Lane *lane, int64 now)
{
	LaneTraffic *t = lane->traffic;

	if (t->conn == NULL || rtm_conn_deadline(t->conn) == 0)
		return;
	if (now >= rtm_conn_deadline(t->conn))
		read_socket(lane);
	if (t->conn)
		rtm_conn_step(t->conn, PGINVALID_SOCKET, 0);
	check_connection(lane);
}

/* ---- pings ---- */

/* RtmAnswerFunc */
static void
ping_answered(void *arg, const FpnnFrame *answer)
{
	Lane *lane = arg;

	lane->traffic->ping_deadline = 0;
	lane->traffic->last_answer = rtm_now_ms();
	outbox_note_reachable(lane);
}

static int64
server_timeout(const Lane *lane)
{
	double seconds = lane->traffic->options.options->quest_timeout;

	return seconds > 0 ? (int64) ceil(Min(seconds * 1000, INT_MAX)) : rtm_quest_timeout;
}

static void
ping(Lane *lane, int64 now, int64 timeout)
{
	static const uint8 empty_map = 0x80;
	LaneTraffic		  *t = lane->traffic;
	uint32			   seq;

	if (rtm_conn_ask(t->conn, "*ping", &empty_map, 1, ping_answered, lane, &seq) != FPNN_OK)
		return;
	t->last_asked = now;
	t->ping_deadline = now + timeout;
	rtm_conn_flush(t->conn);
	check_connection(lane);
}

/*
 * Is it to be asked, before anything is sent, whether the connection is alive?  Then
 * it is, and has little time to answer.
 */
static bool
must_ask_first(Lane *lane, int64 now)
{
	LaneTraffic *t = lane->traffic;

	if (lane->nin_flight > 0 || now - t->last_answer < RTM_IDLE_TIME)
		return false;
	if (t->ping_deadline == 0)
		ping(lane, now, RTM_PROBE_TIME);
	t->ping_deadline = Min(t->ping_deadline, now + RTM_PROBE_TIME);
	return true;
}

/* Not even a ping was answered. */
static void
close_dead(Lane *lane)
{
	bool any = lane->nin_flight > 0;

	if (any)
		outbox_note_unreachable(
			lane, psprintf("%s: no answer in time", lane->traffic->conn->endpoint.data));
	outbox_close(lane);
	outbox_lose_all(lane, FPNN_CODE_CLOSED, "the connection was closed, as no answer came", true);
	if (any)
		outbox_pause_lane(lane);
}

/* Look after the connection; when the next time. */
static int64
keep_alive(Lane *lane, int64 now)
{
	LaneTraffic *t = lane->traffic;

	if (!is_ready(lane))
		return t->conn ? rtm_conn_deadline(t->conn) : PG_INT64_MAX;
	if (t->ping_deadline != 0 && now >= t->ping_deadline)
	{
		read_socket(lane);
		if (t->ping_deadline != 0 && is_ready(lane))
			close_dead(lane);
		return now;
	}
	if (t->ping_deadline != 0 || lane->nin_flight > 0)
		return t->ping_deadline != 0 ? t->ping_deadline : PG_INT64_MAX;
	if (now - t->last_used >= KEEP_TIME || (lane->key.apart && lane->nrequests == 0))
	{
		outbox_close(lane);
		return PG_INT64_MAX;
	}
	if (now - t->last_asked >= PING_INTERVAL)
		ping(lane, now, PING_TIMEOUT);
	return t->ping_deadline != 0 ? t->ping_deadline : t->last_asked + PING_INTERVAL;
}

/* ---- sending ---- */

/* A longer time after each one that was too short: a gate may be slower than thought. */
static int64
quest_timeout(const Request *request)
{
	double ms = request->row.timeout > 0 ? Max(request->row.timeout * 1000, LEAST_TIMEOUT)
										 : server_timeout(request->lane);

	return (int64) ceil(Min(ms * (1 << Min(request->timeouts, MOST_DOUBLED)), INT_MAX));
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
	request->must_note = true;
	request->row.attempts++;
	request->row.next_attempt = 0;
	outbox_touch(request);
	outbox_set_delayed(request, 0, false);
	return false;
}

/* False: it isn't ready any more. */
static bool
may_send(Request *request)
{
	/* what was lost with others gets the chance to learn what became of it */
	if (!request->suspect && outbox_has_expired(request))
	{
		outbox_expire(request);
		return false;
	}
	if (!request->suspect && outbox_is_too_old(request))
	{
		outbox_fail(request, request->error ? request->code : FPNN_CODE_TIMEOUT,
					request->error ? pstrdup(request->error) : "it is older than max_age");
		return false;
	}
	if (outbox_is_being_discarded(request))
	{
		outbox_set_delayed(request, rtm_now_ms() + DISCARD_DELAY, false);
		return false;
	}
	return !outbox_is_any_call(request) || may_send_any_call(request);
}

/*
 * The signed payload, in memory that is used again.  NULL: it can't be signed
 * here, which is no fault of the request (MD5 may be forbidden for a while): the
 * lane waits, and says so.  What was marked as under way isn't any more.
 */
static const FpnnBuf *
sign(Lane *lane, const OutboxQuestText *text)
{
	MemoryContext old = CurrentMemoryContext;
	const FpnnBuf *volatile payload = NULL;

	PG_TRY();
	{
		payload = rtm_sign_request(lane->traffic->options.options, text->method, text->params,
								   text->params_len, text->nparams);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		FlushErrorState();
		outbox_note_unreachable(lane, error->message);
		outbox_pause_lane(lane);
		note_waiting(lane, error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();
	return payload;
}

/* False: nothing can be sent now. */
static bool
ask(Request *request)
{
	Lane		   *lane = request->lane;
	LaneTraffic	   *t = lane->traffic;
	OutboxQuestText text = outbox_quest_text(request);
	const FpnnBuf  *payload = sign(lane, &text);
	FpnnStatus		status;

	if (payload == NULL)
		return false;

	/* who discards it has seen that it isn't under way before, or will see that it is */
	request->under_way = outbox_set_under_way(request->row.seq);
	if (outbox_is_being_discarded(request))
	{
		outbox_set_delayed(request, rtm_now_ms() + DISCARD_DELAY, false);
		return true;
	}
	status = rtm_conn_ask(t->conn, text.method, fpnn_buf_head(payload), fpnn_buf_len(payload),
						  outbox_answered, request, &request->quest.seq);
	if (status == FPNN_NOMEM)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (status != FPNN_OK)
	{
		outbox_fail(request, FPNN_CODE_ENCODING, fpnn_status_text(status));
		return true;
	}
	request->quest.connection = t->serial;
	request->asked_us = rtm_now_us();
	t->last_asked = t->last_used = rtm_now_ms();
	request->deadline = t->last_asked + quest_timeout(request);
	t->next_deadline = Min(t->next_deadline, request->deadline);
	outbox_set_in_flight(request);
	return true;
}

/* May one more be under way? */
static bool
has_window(Lane *lane)
{
	LaneTraffic *t = lane->traffic;
	int			 most = t->options.options->max_in_flight;

	if (!outbox_under_way_has_room())
		return false;
	if (!lane->key.apart || t->window >= most)
		return lane->nin_flight < most;

	/* a batch is over when all of it was answered: the next one may be larger */
	if (lane->nin_flight == 0 && t->batch)
		t->window *= 2;
	if (lane->nin_flight == 0)
		t->batch = false;
	return !t->batch && lane->nin_flight < t->window;
}

/* ---- turns at a server's limit ---- */

static bool
is_limited(const ServerTraffic *server)
{
	return server->pacing.limit > 0 || outbox_limit_any(&server->limit);
}

/*
 * Whose turn is the next one, or NULL: nobody stands in line.  What is urgent goes first,
 * but for a turn now and then.
 */
static Lane *
first_in_line(ServerTraffic *server)
{
	bool urgent = !dlist_is_empty(&server->line[true]) &&
				  (server->nurgent < URGENT_TURNS || dlist_is_empty(&server->line[false]));
	dlist_head *line = &server->line[urgent];

	return dlist_is_empty(line) ? NULL : dlist_head_element(LaneTraffic, line_node, line)->lane;
}

static void
leave_line(Lane *lane)
{
	Lane *next;

	if (!lane->traffic->in_line)
		return;
	dlist_delete(&lane->traffic->line_node);
	lane->traffic->in_line = false;
	next = first_in_line(outbox_server_traffic(lane->server));
	if (next)
		outbox_wake_lane(next);
}

/*
 * Microseconds until the lane may send a quest; 0: now.  PG_INT64_MAX: others are before it, and it
 * is woken when they aren't.
 */
static int64
wait_for_turn(Lane *lane)
{
	ServerTraffic *server = outbox_server_traffic(lane->server);
	LaneTraffic	  *t = lane->traffic;
	int64		   wait;

	if (!is_limited(server))
		return 0;
	if (!t->in_line)
		dlist_push_tail(&server->line[lane->key.urgent], &t->line_node);
	t->in_line = true;
	if (first_in_line(server) != lane)
		return PG_INT64_MAX;
	wait = rtm_rate_left(&server->pacing);
	return wait > 0 ? wait : outbox_limit_wait(&server->limit, rtm_now_us());
}

/* The lane has had its turn: it goes behind the others. */
static void
use_turn(Lane *lane)
{
	ServerTraffic *server = outbox_server_traffic(lane->server);

	rtm_rate_use(&server->pacing);
	server->nurgent = lane->key.urgent ? server->nurgent + 1 : 0;
	leave_line(lane);
}

/* ---- sending ---- */

/* Send what may be sent; when there may be more. */
static int64
send_ready(Lane *lane)
{
	int	  left = is_limited(outbox_server_traffic(lane->server)) ? 1 : QUANTUM;
	int64 wait = 0;

	while (lane->nready > 0 && left > 0 && has_window(lane))
	{
		Request *request = dlist_head_element(Request, node, &lane->ready);

		if (!may_send(request))
			continue;
		wait = wait_for_turn(lane);
		if (wait > 0 || !ask(request))
			break;
		use_turn(lane);
		left--;
	}
	lane->traffic->waits_turn = wait > 0;
	lane->traffic->batch = lane->nin_flight > 0;
	if (lane->traffic->conn)
		rtm_conn_flush(lane->traffic->conn);
	check_connection(lane);
	if (left == 0)
		outbox_wake_lane(lane); /* behind the others */
	return wait > 0 && wait < PG_INT64_MAX ? rtm_now_ms() + (wait + 999) / 1000 : PG_INT64_MAX;
}

static void
fail_ready(Lane *lane)
{
	while (lane->nready > 0)
		outbox_fail(dlist_head_element(Request, node, &lane->ready), FPNN_CODE_INVALID_CONNECTION,
					lane->traffic->options.broken);
}

/* Quests whose time is over. */
static void
check_deadlines(Lane *lane, int64 now)
{
	LaneTraffic		  *t = lane->traffic;
	dlist_mutable_iter iter;
	bool			   silent = false;

	if (now < t->next_deadline)
		return;
	read_socket(lane);
	t->next_deadline = PG_INT64_MAX;
	dlist_foreach_modify (iter, &lane->in_flight)
	{
		Request *request = dlist_container(Request, node, iter.cur);

		if (now < request->deadline)
		{
			t->next_deadline = Min(t->next_deadline, request->deadline);
			continue;
		}
		/* nothing came since it was asked: the connection may be dead */
		silent |= t->last_answer * 1000 < request->asked_us;
		outbox_keep_quest(request);
		outbox_timed_out(request);
	}
	if (silent && is_ready(lane) && t->ping_deadline == 0)
		ping(lane, now, Min(Max(server_timeout(lane), LEAST_TIMEOUT), PING_TIMEOUT));
}

/* ---- turns ---- */

/* Options that have to be read are; when the next time. */
static int64
look_at_options(Lane *lane)
{
	int64 at;

	if (lane->nrequests > 0 && outbox_options_due(lane, &at))
		outbox_options_read(lane);
	(void) outbox_options_due(lane, &at);
	return lane->nrequests > 0 ? at : PG_INT64_MAX;
}

/* May it send, once it has a connection?  *at: when, if it is only not now. */
static bool
wants_connection(Lane *lane, int64 now, int64 *at)
{
	LaneTraffic *t = lane->traffic;

	*at = PG_INT64_MAX;
	if (lane->nready == 0 || t->options.stale || t->options.options == NULL || outbox_pause ||
		t->options.options->paused)
		return false;
	if (t->paused_until > now)
		*at = t->paused_until;
	return t->paused_until <= now;
}

/* Connect and send, as far as that is possible; when there may be more. */
static int64
go(Lane *lane, int64 now)
{
	int64 at;

	if (!wants_connection(lane, now, &at))
	{
		outbox_stop_waiting(lane);
		return at;
	}
	if (lane->traffic->conn == NULL && !outbox_connect(lane, &at))
		return at;
	check_connection(lane);
	if (is_ready(lane) && !outbox_must_yield(lane, now) && !must_ask_first(lane, now))
		at = send_ready(lane);
	if (lane->traffic->paused_until > now)
		at = Min(at, lane->traffic->paused_until);
	return at;
}

static void
show_figures(const Server *server)
{
	OutboxServerStats *stats = server->traffic ? server->traffic->stats : NULL;
	const Server	  *other = outbox_other_class(server);

	if (stats == NULL)
		return;
	pg_atomic_write_u32(&stats->in_flight, server->nin_flight + (other ? other->nin_flight : 0));
	pg_atomic_write_u32(&stats->limited_to, outbox_limit_learnt(&server->traffic->limit));
}

void
outbox_lane_turn(Lane *lane)
{
	LaneTraffic *t = outbox_traffic(lane);
	int64		 now = rtm_now_ms();
	int64		 back;
	int64		 at;

	step_connecting(lane, now);
	check_deadlines(lane, now);
	back = look_at_options(lane);
	at = outbox_wake_delayed(lane, t->options.broken ? PG_INT64_MAX - 1 : now);
	back = Min(back, at);
	if (t->options.broken && !t->options.stale)
		fail_ready(lane);
	t->waits_turn = false;
	at = go(lane, now);
	back = Min(back, at);
	if (!t->waits_turn)
		leave_line(lane);
	at = keep_alive(lane, now);
	back = Min(back, at);
	if (lane->nin_flight > 0)
		back = Min(back, t->next_deadline);
	show_figures(lane->server);
	if (lane->nrequests == 0 && t->conn == NULL)
	{
		outbox_options_drop(lane);
		outbox_release_lane(lane);
	}
	else
		outbox_set_timer(lane, back);
}
