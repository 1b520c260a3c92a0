/*-------------------------------------------------------------------------
 *
 * options.c
 *	  What a lane knows of its foreign server and user mapping.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "client/lookup.h"
#include "fpnn/catalog.h"
#include "host.h"
#include "outbox/deliver/connection.h"
#include "outbox/deliver/options.h"
#include "session.h"
#include "outbox/deliver/outcome.h"
#include "outbox/deliver/report.h"

/* How long after a change of options answers are waited for, in milliseconds. */
#define LAST_ANSWERS 5000

/*
 * Somebody may have locked a catalogue (VACUUM FULL, behind a dump): one lane's
 * options aren't worth more time of all.
 */
#define LOCK_TIMEOUT "100ms"

static bool servers_changed = true; /* since their statistics were looked at */

/*
 * A server, mapping, role or membership has changed.  The hash names a server or a role; of
 * mappings nobody can say whose they are.  Lanes without requests look when they get one.
 */
static void
make_stale(Datum arg, int cacheid, uint32 hash)
{
	dlist_iter iter;

	servers_changed |= cacheid == FOREIGNSERVEROID;
	dlist_foreach (iter, &outbox_queue.lanes)
	{
		Lane		*lane = dlist_container(Lane, node, iter.cur);
		LaneOptions *o;

		if (lane->traffic == NULL)
			continue;
		o = &lane->traffic->options;
		if (hash != 0 && ((cacheid == FOREIGNSERVEROID && hash != o->server_hash) ||
						  (cacheid == AUTHOID && hash != o->role_hash)))
			continue;
		if (!o->stale)
			o->stale_until = rtm_now_ms() + LAST_ANSWERS;
		o->stale = true;
		o->again = 0;
		if (lane->nrequests > 0)
			outbox_wake_lane(lane);
	}
}

void
outbox_options_watch(void)
{
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, make_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, make_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, make_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, make_stale, (Datum) 0);
}

/* Nobody counts there any more. */
static void
drop_stats(Oid oid)
{
	dlist_iter iter;

	dlist_foreach (iter, &outbox_queue.servers)
	{
		Server *server = dlist_container(Server, node, iter.cur);

		if (server->key.oid == oid && server->traffic)
			server->traffic->stats = NULL;
	}
	outbox_forget_server(&outbox_queue.entry->figures, oid);
}

void
outbox_forget_dropped_servers(void)
{
	if (!servers_changed)
		return;
	servers_changed = false;
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		Oid server = outbox_queue.entry->figures.servers[i].server;

		if (OidIsValid(server) && outbox_sender_of(server) == outbox_my_sender() &&
			!SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(server)))
			drop_stats(server);
	}
}

static void
wipe(RtmOptions *options)
{
	if (options)
		explicit_bzero(options->secret, strlen(options->secret));
}

static void
set_broken(LaneOptions *o, const char *why)
{
	if (o->broken)
		pfree(o->broken);
	o->broken = why ? MemoryContextStrdup(TopMemoryContext, why) : NULL;
}

void
outbox_options_drop(Lane *lane)
{
	LaneOptions *o = &lane->traffic->options;

	wipe(o->options);
	if (o->context)
		MemoryContextDelete(o->context);
	o->options = NULL;
	o->context = NULL;
	set_broken(o, NULL);
}

bool
outbox_options_due(const Lane *lane, int64 *at)
{
	const LaneOptions *o = &lane->traffic->options;
	int64			   now = rtm_now_ms();

	*at = PG_INT64_MAX;
	if (!o->stale)
		return false;
	*at = o->again;
	return now >= o->again;
}

/* The options as they are now; raises what is wrong with them. */
static RtmOptions *
read_options(Lane *lane)
{
	LaneOptions	  *o = &lane->traffic->options;
	ForeignServer *server;

	o->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(lane->key.server));
	o->role_hash = GetSysCacheHashValue1(AUTHOID, ObjectIdGetDatum(lane->key.owner));
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(lane->key.owner)))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("the role that queued it (OID %u) was dropped", lane->key.owner)));
	server = GetForeignServerExtended(lane->key.server, FSV_MISSING_OK);
	if (server == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("the server (OID %u) was dropped", lane->key.server)));
	strlcpy(o->owner_name, GetUserNameFromId(lane->key.owner, false), NAMEDATALEN);
	strlcpy(o->name, server->servername, NAMEDATALEN);
	(void) rtm_find_server(server->servername, lane->key.owner);
	(void) rtm_find_mapping(lane->key.server, server->servername, lane->key.owner);
	return rtm_server_options(lane->key.server, lane->key.owner, o->name);
}

/* Will it be said again, as long as nobody changes server, mapping or role? */
static bool
is_final(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_UNDEFINED_OBJECT || sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		   sqlerrcode == ERRCODE_WRONG_OBJECT_TYPE ||
		   sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE ||
		   ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_FDW_ERROR);
}

/* What is read, in the caller's memory. */
typedef struct Reading
{
	Lane		 *lane;
	MemoryContext context;
	RtmOptions	 *options;
} Reading;

static void
read_in_transaction(void *arg)
{
	Reading	   *reading = arg;
	RtmOptions *options;

	rtm_begin_transaction();
	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, ERROR, false);
	MemoryContextSwitchTo(reading->context);
	options = read_options(reading->lane);
	CommitTransactionCommand();
	reading->options = options;
}

/* The error is in the caller's memory, NULL: none. */
static ErrorData *
try_options(Lane *lane, MemoryContext context, RtmOptions **options)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Reading		  reading = {lane, context, NULL};
	ErrorData	 *error = rtm_attempt(read_in_transaction, &reading);

	if (error && ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	*options = reading.options;
	MemoryContextSwitchTo(old);
	return error;
}

/* Options that change nothing about a connection. */
static void
take_figures(Lane *lane, RtmOptions *own, const RtmOptions *options)
{
	ServerTraffic *server = outbox_server_traffic(lane->server);

	server->pacing.server = lane->key.server;
	server->pacing.limit = options->rate_limit;
	server->max_attempts = options->max_attempts;
	server->max_age = options->max_age;
	server->retry_delay = options->retry_delay;
	own->connect_timeout = options->connect_timeout;
	own->quest_timeout = options->quest_timeout;
	own->max_in_flight = options->max_in_flight;
	own->paused = options->paused;
}

/* They can't be read now; what is under way goes on with those that there are. */
static void
wait_for_options(Lane *lane, const char *why)
{
	LaneOptions *o = &lane->traffic->options;

	o->again = rtm_now_ms() + outbox_backoff(lane->server, ++o->failures);
	if (o->failures > 1)
		outbox_note_unreachable(lane, psprintf("server and user mapping cannot be read: %s", why));
}

/*
 * What is under way gets some time to end with the options that it began with,
 * unless there are none any more.  True: it has that time still.
 */
static bool
lets_answers_come(Lane *lane)
{
	LaneOptions *o = &lane->traffic->options;

	if (lane->nin_flight == 0 || rtm_now_ms() >= o->stale_until)
		return false;
	o->again = o->stale_until;
	return true;
}

/* Options that mean another connection, or none. */
static void
take_options(Lane *lane, RtmOptions *options, MemoryContext context, const char *broken)
{
	LaneTraffic *t = lane->traffic;

	outbox_close(lane);
	outbox_lose_all(lane, FPNN_CODE_CLOSED,
					"the server or user mapping was changed before the answer", false);
	outbox_options_drop(lane);
	set_broken(&t->options, broken);
	t->options.options = options;
	t->options.context = options ? context : NULL;
	t->options.stale = false;
	if (options)
		take_figures(lane, t->options.options, options);
	t->failures = 0;
	t->paused_until = 0;
}

void
outbox_options_read(Lane *lane)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "rtm options",
												  ALLOCSET_SMALL_SIZES);
	LaneOptions	 *o = &lane->traffic->options;
	RtmOptions	 *options;
	ErrorData	 *error = try_options(lane, context, &options);

	if (error && !is_final(error->sqlerrcode))
		wait_for_options(lane, error->message);
	else if (options && o->options && rtm_same_options(options, o->options))
	{
		/* somebody may have looked after it: try again at once */
		take_figures(lane, o->options, options);
		lane->traffic->paused_until = 0;
		o->stale = false;
		o->failures = 0;
	}
	else if (!error && lets_answers_come(lane))
		o->failures = 0;
	else
	{
		take_options(lane, options, context, error ? error->message : NULL);
		o->failures = 0;
		if (options)
			return;
	}
	wipe(options);
	MemoryContextDelete(context);
}
