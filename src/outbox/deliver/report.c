/*-------------------------------------------------------------------------
 *
 * report.c
 *	  What the server's log says about gates and failures, and how often.
 *
 * The first line of a trouble is written at once.  While it lasts the next ones
 * are rtm.log_interval apart, then twice that, up to 60 times, and each tells how
 * many it stands for; one more tells that the gate is back.  A line has the
 * server, the endpoint and the code, but nothing that the gate or a user said.
 *
 * The same events are counted for rtm_stat_error and rtm_stat_server.
 *
 * Used by the sender only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "fpnn/catalog.h"
#include "host.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/deliver/report.h"

#define LONGEST_INTERVAL 60 /* times rtm.log_interval */

/* Failures of one kind that the log may hear of. */
typedef struct Kind
{
	Oid		server;
	int		code;
	bool	for_good;
	LogPace pace;
} Kind;

#define MAX_KINDS 64

static Kind kinds[MAX_KINDS];
static int	nkinds;

/* May a line be written?  Otherwise it is counted for the next one. */
static bool
may_log(LogPace *pace)
{
	int64 now = rtm_now_ms();
	int64 first = Max(outbox_log_interval, 1);

	/* a trouble that was over begins anew */
	if (pace->interval != 0 && pace->skipped == 0 && now >= pace->next + pace->interval)
		pace->interval = 0;
	if (pace->interval != 0 && now < pace->next)
	{
		pace->skipped++;
		return false;
	}
	pace->interval = pace->interval == 0 ? first
										 : Min(pace->interval * 2, first * LONGEST_INTERVAL);
	pace->next = now + pace->interval;
	return true;
}

/* How many lines were left out since the last one. */
static int64
take_skipped(LogPace *pace)
{
	int64 skipped = pace->skipped;

	pace->skipped = 0;
	return skipped;
}

static const char *
endpoint_of(const Lane *lane)
{
	const LaneTraffic *t = lane->traffic;
	const RtmOptions  *o = t->options.options;

	if (t->conn)
		return t->conn->endpoint.data;
	return o && o->nendpoints > 0 ? o->endpoints[0].text : "none";
}

/* Bytes of a text that somebody else made that are shown. */
#define MOST_TEXT 1000

char *
outbox_clean_text(const char *text, MemoryContext context)
{
	size_t len = strlen(text);
	char  *copy;

	if (len > MOST_TEXT)
		len = pg_mbcliplen(text, (int) len, MOST_TEXT);
	copy = MemoryContextAlloc(context, len + 1);
	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char) text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	copy[len] = '\0';
	return copy;
}

/* ---- gates ---- */

void
outbox_note_unreachable(Lane *lane, const char *why)
{
	ServerTraffic *server = outbox_server_traffic(lane->server);
	char		  *text = outbox_clean_text(why, CurrentMemoryContext);

	if (server->unreachable_since == 0)
		server->unreachable_since = rtm_now_ms();
	server->failed_attempts++;
	outbox_show_unreachable(&outbox_queue.entry->figures, server->stats, true, text);
	if (may_log(&server->pace))
		ereport(LOG, (errmsg("server \"%s\" of rtm cannot be reached: %s",
							 lane->traffic->options.name, text),
					  errdetail("Code %d; role \"%s\"; " INT64_FORMAT
								" more failed attempts since the last such line.",
								FPNN_CODE_CLOSED, lane->traffic->options.owner_name,
								take_skipped(&server->pace))));
	pfree(text);
}

void
outbox_note_reachable(Lane *lane)
{
	ServerTraffic *server = outbox_server_traffic(lane->server);

	/* a sender that ended, or a queue that was emptied, may have left it so */
	outbox_show_unreachable(&outbox_queue.entry->figures, server->stats, false, NULL);
	if (server->unreachable_since == 0)
		return;
	ereport(LOG,
			(errmsg("server \"%s\" of rtm answers again (endpoint %s), after " INT64_FORMAT
					" s and " INT64_FORMAT " failed attempts",
					lane->traffic->options.name, endpoint_of(lane),
					(rtm_now_ms() - server->unreachable_since) / 1000, server->failed_attempts)));
	server->unreachable_since = 0;
	server->failed_attempts = 0;
	memset(&server->pace, 0, sizeof(server->pace));
}

void
outbox_show_limit(Lane *lane)
{
	static LogPace pace;
	ServerTraffic *server = outbox_server_traffic(lane->server);
	int			   learnt = outbox_limit_learnt(&server->limit);

	if (learnt == 0 || !may_log(&pace))
		return;
	ereport(LOG, (errmsg("server \"%s\" of rtm limits the project: going on at %d quests a second",
						 lane->traffic->options.name, learnt),
				  errhint("Set the option rate_limit of the server to the project's limit, or a "
						  "part of it if others use it.")));
}

void
outbox_note_descriptors(int connections)
{
	static LogPace pace;

	if (!may_log(&pace))
		return;
	ereport(LOG, (errmsg("the sender of rtm has no file descriptor left for another connection, "
						 "with %d open",
						 connections),
				  errhint("Increase max_files_per_process, or lower rtm.sender_connections; "
						  "until then connections take turns.")));
}

/* ---- requests ---- */

static Kind *
find_kind(Oid server, int code, bool for_good)
{
	Kind *kind = kinds;

	for (int i = 0; i < nkinds; i++)
		if (kinds[i].server == server && kinds[i].code == code && kinds[i].for_good == for_good)
			return &kinds[i];

	/* when there is no room, the one that was quiet for the longest time goes */
	if (nkinds < MAX_KINDS)
		kind = &kinds[nkinds++];
	else
		for (int i = 1; i < nkinds; i++)
			if (kinds[i].pace.next < kind->pace.next)
				kind = &kinds[i];
	memset(kind, 0, sizeof(*kind));
	kind->server = server;
	kind->code = code;
	kind->for_good = for_good;
	return kind;
}

void
outbox_note_failure(const Request *request, int code, bool for_good)
{
	Lane	   *lane = request->lane;
	Kind	   *kind;
	const char *text = rtm_code_text(code);
	char		sqlstate[6];

	outbox_count_error(&outbox_queue.entry->figures, lane->key.server, code);

	/* that the gate can't be reached is told once for all of them */
	if (code == FPNN_CODE_CLOSED && !for_good)
		return;
	kind = find_kind(lane->key.server, code, for_good);
	if (!may_log(&kind->pace))
		return;
	rtm_code_sqlstate(code, sqlstate);
	ereport(LOG, (errmsg(for_good ? "request " INT64_FORMAT
									" to server \"%s\" of rtm failed: code %d (%s), %s"
								  : "request " INT64_FORMAT
									" to server \"%s\" of rtm will be repeated: code %d (%s), %s",
						 request->row.id, lane->traffic->options.name, code, sqlstate,
						 text ? text : "unknown error"),
				  errdetail("Endpoint %s; " INT64_FORMAT
							" more with this code since the last such line.",
							endpoint_of(lane), take_skipped(&kind->pace)),
				  for_good ? errhint("See the view rtm_result.") : 0));
}

void
outbox_note_renamed(const Request *request, int64 was)
{
	static LogPace pace;

	if (!may_log(&pace))
		return;
	ereport(LOG,
			(errmsg("request " INT64_FORMAT " to server \"%s\" of rtm is sent with another mid",
					request->row.id, request->lane->traffic->options.name),
			 errdetail("The gate has another message with the mid " INT64_FORMAT "; " INT64_FORMAT
					   " more since the last such line.",
					   was, take_skipped(&pace)),
			 errhint("Another cluster may send to the same project with the same mids.")));
}
