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
	if (lane->conn)
		return lane->conn->endpoint.data;
	return lane->options && lane->options->nendpoints > 0 ? lane->options->endpoints[0].text
														  : "none";
}

/* ---- gates ---- */

void
outbox_note_unreachable(Lane *lane, const char *why)
{
	Server *server = lane->server;

	if (server->unreachable_since == 0)
		server->unreachable_since = rtm_now_ms();
	server->failed_attempts++;
	outbox_show_unreachable(server->stats, true, why);
	if (!may_log(&server->pace))
		return;
	ereport(LOG, (errmsg("server \"%s\" of rtm cannot be reached: %s", lane->name, why),
				  errdetail("Code %d; role \"%s\"; " INT64_FORMAT
							" more failed attempts since the last such line.",
							FPNN_CODE_CLOSED, lane->owner_name, take_skipped(&server->pace))));
}

void
outbox_note_reachable(Lane *lane)
{
	Server *server = lane->server;

	/* a sender that ended, or a queue that was emptied, may have left it so */
	outbox_show_unreachable(server->stats, false, NULL);
	if (server->unreachable_since == 0)
		return;
	ereport(LOG,
			(errmsg("server \"%s\" of rtm answers again (endpoint %s), after " INT64_FORMAT
					" s and " INT64_FORMAT " failed attempts",
					lane->name, endpoint_of(lane),
					(rtm_now_ms() - server->unreachable_since) / 1000, server->failed_attempts)));
	server->unreachable_since = 0;
	server->failed_attempts = 0;
	memset(&server->pace, 0, sizeof(server->pace));
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

	outbox_count_error(outbox_queue_entry(), lane->key.server, code);

	/* that the gate can't be reached is told once for all of them */
	if (code == FPNN_CODE_CLOSED && !for_good)
		return;
	kind = find_kind(lane->key.server, code, for_good);
	if (!may_log(&kind->pace))
		return;
	rtm_code_sqlstate(code, sqlstate);
	ereport(
		LOG,
		(errmsg(for_good ? "request " INT64_FORMAT
						   " to server \"%s\" of rtm failed: code %d (%s), %s"
						 : "request " INT64_FORMAT
						   " to server \"%s\" of rtm will be repeated: code %d (%s), %s",
				request->row.id, lane->name, code, sqlstate, text ? text : "unknown error"),
		 errdetail("Endpoint %s; " INT64_FORMAT " more with this code since the last such line.",
				   endpoint_of(lane), take_skipped(&kind->pace)),
		 for_good ? errhint("See the view rtm_result.") : 0));
}
