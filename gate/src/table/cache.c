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

static Oid			 watched[lengthof(watched_names)];
static bool			 stale = true;
static HTAB			*projects; /* by pid; stay, so that counts do */
static MemoryContext faults_context;
static GateFault	*faults;
static int			 nfaults;
static bool			 any_group_ban;
static bool			 any_room_ban;
static bool			 any_black;
static bool			 any_project_ban;
static bool			 any_user_black;

static void
on_change(Datum arg, Oid relid)
{
	if (!OidIsValid(relid))
		stale = true;
	for (int i = 0; i < lengthof(watched); i++)
		if (watched[i] == relid)
			stale = true;
}

void
gate_cache_init(void)
{
	HASHCTL control = {
		.keysize = sizeof(int64), .entrysize = sizeof(GateProject), .hcxt = TopMemoryContext};

	projects = hash_create("rtm gate projects", 16, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	faults_context = AllocSetContextCreate(TopMemoryContext, "rtm gate faults",
										   ALLOCSET_SMALL_SIZES);
	CacheRegisterRelcacheCallback(on_change, (Datum) 0);
}

/* The entry of a project, with this secret. */
static GateProject *
keep_project(int64 pid, const char *secret)
{
	bool		 found;
	GateProject *project = hash_search(projects, &pid, HASH_ENTER, &found);

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

	hash_seq_init(&scan, projects);
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

static GateFaultAction
fault_action(const char *name)
{
	static const char *const names[] = {"error", "delay", "drop", "lose", "close", "taken"};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (GateFaultAction) i;
	elog(ERROR, "unknown action of a fault: \"%s\"", name);
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
		"SELECT id, action, pid, method, type::pg_catalog.int8, xid, code::pg_catalog.int8,"
		" (EXTRACT(epoch FROM delay) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8, probability,"
		" after OPERATOR(pg_catalog.-) hits"
		" FROM rtm_gate.fault WHERE times IS NULL OR hits OPERATOR(pg_catalog.-) after OPERATOR(pg_catalog.<) times ORDER BY id"};
	MemoryContext old;

	nfaults = 0;
	MemoryContextReset(faults_context);
	nfaults = (int) gate_spi_run(&plan, NULL, NULL);
	old = MemoryContextSwitchTo(faults_context);
	faults = palloc0(sizeof(GateFault) * Max(nfaults, 1));
	for (int i = 0; i < nfaults; i++)
	{
		GateFault *fault = &faults[i];
		char	  *method = gate_spi_text(i, 4);

		fault->id = int_column(i, 1);
		fault->action = fault_action(gate_spi_text(i, 2));
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
	any_group_ban = DatumGetBool(gate_spi_column(0, 1, NULL));
	any_room_ban = DatumGetBool(gate_spi_column(0, 2, NULL));
	any_black = DatumGetBool(gate_spi_column(0, 3, NULL));
	any_project_ban = DatumGetBool(gate_spi_column(0, 4, NULL));
	any_user_black = DatumGetBool(gate_spi_column(0, 5, NULL));
}

/* A change that comes while we read makes it stale again. */
static void
refresh(void)
{
	Oid schema;

	if (!stale)
		return;
	schema = get_namespace_oid("rtm_gate", false);
	for (int i = 0; i < lengthof(watched); i++)
		watched[i] = get_relname_relid(watched_names[i], schema);
	stale = false;
	PG_TRY();
	{
		load_projects();
		load_faults();
		load_bans();
	}
	PG_CATCH();
	{
		stale = true;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

GateProject *
gate_cache_project(int64 pid)
{
	GateProject *project;

	refresh();
	project = hash_search(projects, &pid, HASH_FIND, NULL);
	return project && project->known ? project : NULL;
}

const GateFault *
gate_cache_faults(int *n)
{
	refresh();
	*n = nfaults;
	return faults;
}

bool
gate_cache_any_group_ban(void)
{
	refresh();
	return any_group_ban;
}

bool
gate_cache_any_room_ban(void)
{
	refresh();
	return any_room_ban;
}

bool
gate_cache_any_black(void)
{
	refresh();
	return any_black;
}

bool
gate_cache_any_project_ban(void)
{
	refresh();
	return any_project_ban;
}

bool
gate_cache_any_user_black(void)
{
	refresh();
	return any_user_black;
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
