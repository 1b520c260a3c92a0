/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  What the gate knows of its tables without asking.
 *
 * The process of the gate owns it.  It is read again, as a whole, when one of
 * the tables has changed: they are small, and a change is rare.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "table/cache.h"
#include "table/gate_spi.h"

static const char *const watched_names[] = {"project",		 "fault",		"group_ban", "room_ban",
											"project_black", "project_ban", "user_black"};

/* Of the gate's process. */
static struct
{
	Oid			  watched[lengthof(watched_names)];
	bool		  fresh;
	HTAB		 *projects; /* by pid; stay, so that counts do */
	MemoryContext context;	/* of faults */
	GateFault	 *faults;
	int			  nfaults;
	bool		  any[GATE_RULES];
} cache;

static void
on_change(Datum arg, Oid relid)
{
	if (!OidIsValid(relid))
		cache.fresh = false;
	for (int i = 0; i < lengthof(cache.watched); i++)
		if (cache.watched[i] == relid)
			cache.fresh = false;
}

void
gate_cache_init(void)
{
	HASHCTL control = {
		.keysize = sizeof(int64), .entrysize = sizeof(GateProject), .hcxt = TopMemoryContext};

	cache.projects = hash_create("rtm gate projects", 16, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache.context = AllocSetContextCreate(TopMemoryContext, "rtm gate faults",
										  ALLOCSET_SMALL_SIZES);
	CacheRegisterRelcacheCallback(on_change, (Datum) 0);
}

/* The entry of a project, with this secret. */
static GateProject *
keep_project(int64 pid, const char *secret)
{
	bool		 found;
	GateProject *project = hash_search(cache.projects, &pid, HASH_ENTER, &found);

	if (found && project->secret)
	{
		explicit_bzero(project->secret, strlen(project->secret));
		pfree(project->secret);
	}
	if (!found)
		project->second = project->quests = 0;
	project->secret = MemoryContextStrdup(TopMemoryContext, secret);
	project->known = true;
	project->first = false;
	return project;
}

void
gate_cache_first_secret(int64 pid, const char *secret)
{
	keep_project(pid, secret)->first = true;
}

/* But for the one whose row isn't committed yet. */
static void
forget_projects(void)
{
	HASH_SEQ_STATUS scan;
	GateProject	   *project;

	hash_seq_init(&scan, cache.projects);
	while ((project = hash_seq_search(&scan)) != NULL)
		project->known = project->first;
}

static void
load_projects(void)
{
	static GatePlan plan = {"SELECT pid, secret FROM rtm_gate.project"};
	int				n = (int) gate_spi_run(&plan, NULL, NULL);

	forget_projects();
	for (int i = 0; i < n; i++)
	{
		int64 pid = DatumGetInt64(gate_spi_column(i, 1, NULL));

		(void) keep_project(pid, gate_spi_text(i, 2));
	}
}

bool
gate_fault_action(const char *name, GateFaultAction *action)
{
	static const char *const names[] = {"error", "delay", "drop", "lose", "close", "taken"};

	*action = GATE_FAULT_ERROR;
	for (; *action < lengthof(names); (*action)++)
		if (strcmp(name, names[*action]) == 0)
			return true;
	return false;
}

static int64
int_column(int row, int number)
{
	bool  isnull;
	Datum value = gate_spi_column(row, number, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/*
 * Those that can still happen, the oldest first.  What is read stays where quests find
 * it until the next reading; an error leaves none.
 */
static void
load_faults(void)
{
	static GatePlan plan = {
		"SELECT id, action, pid, method, type::int8, xid, code::int8,"
		" (EXTRACT(epoch FROM delay) * 1000)::int8, probability,"
		" after - hits"
		" FROM rtm_gate.fault WHERE times IS NULL OR hits - after < times ORDER BY id"};
	MemoryContext old;

	cache.nfaults = 0;
	MemoryContextReset(cache.context);
	cache.nfaults = (int) gate_spi_run(&plan, NULL, NULL);
	old = MemoryContextSwitchTo(cache.context);
	cache.faults = palloc0(sizeof(GateFault) * Max(cache.nfaults, 1));
	for (int i = 0; i < cache.nfaults; i++)
	{
		GateFault *fault = &cache.faults[i];
		char	  *method = gate_spi_text(i, 4);

		fault->id = int_column(i, 1);
		if (!gate_fault_action(gate_spi_text(i, 2), &fault->action))
			elog(ERROR, "unknown action of a fault: \"%s\"", gate_spi_text(i, 2));
		fault->pid = int_column(i, 3);
		fault->method = method ? pstrdup(method) : NULL;
		fault->type = (RtmConversation) int_column(i, 5);
		(void) gate_spi_column(i, 6, &fault->has_xid);
		fault->has_xid = !fault->has_xid;
		fault->xid = int_column(i, 6);
		fault->code = (int) int_column(i, 7);
		fault->delay_ms = int_column(i, 8);
		fault->probability = DatumGetFloat8(gate_spi_column(i, 9, NULL));
		fault->spared = int_column(i, 10);
	}
	MemoryContextSwitchTo(old);
}

static void
load_bans(void)
{
	static GatePlan plan = {
		"SELECT EXISTS (SELECT FROM rtm_gate.group_ban), EXISTS (SELECT FROM rtm_gate.room_ban),"
		" EXISTS (SELECT FROM rtm_gate.project_black), EXISTS (SELECT FROM rtm_gate.project_ban),"
		" EXISTS (SELECT FROM rtm_gate.user_black)"};

	gate_spi_run(&plan, NULL, NULL);
	for (GateRule rule = 0; rule < GATE_RULES; rule++)
		cache.any[rule] = DatumGetBool(gate_spi_column(0, rule + 1, NULL));
}

/* A change that comes while we read makes it stale again. */
static void
refresh(void)
{
	Oid schema;

	if (cache.fresh)
		return;
	schema = get_namespace_oid("rtm_gate", false);
	for (int i = 0; i < lengthof(cache.watched); i++)
		cache.watched[i] = get_relname_relid(watched_names[i], schema);
	cache.fresh = true;
	PG_TRY();
	{
		load_projects();
		load_faults();
		load_bans();
	}
	PG_CATCH();
	{
		cache.fresh = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

GateProject *
gate_cache_project(int64 pid)
{
	GateProject *project;

	refresh();
	project = hash_search(cache.projects, &pid, HASH_FIND, NULL);
	return project && project->known ? project : NULL;
}

const GateFault *
gate_cache_faults(int *n)
{
	refresh();
	*n = cache.nfaults;
	return cache.faults;
}

bool
gate_cache_any(GateRule rule)
{
	refresh();
	return cache.any[rule];
}

PG_FUNCTION_INFO_V1(rtm_gate_tell_gate);

/* The trigger of the watched tables. */
Datum
rtm_gate_tell_gate(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function \"%s\" was not called by a trigger", "tell_gate")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL); /* not SQL NULL */
}
