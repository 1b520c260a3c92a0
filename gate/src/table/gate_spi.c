/*-------------------------------------------------------------------------
 *
 * gate_spi.c
 *	  The gate's way to its tables: kept plans, results in one context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "table/gate_spi.h"

#define SCHEMA "rtm_gate"

static const char *const tables[] = {
	"config",	"project",		 "message", "group_member", "room_member", "group_ban",
	"room_ban", "project_black", "fault",	"project_ban",	"user_black",  "friend",
	"session",	"token",		 "info",	"user_data",	"device",	   "push_option"};

/* From gate_spi_begin() to its end. */
static struct
{
	MemoryContext results;
	Oid			  caller; /* who was current, with ... */
	int			  caller_context;
	int			  nest_level; /* of settings */
} session;

static Oid
schema_owner(Oid schema)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid		  owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* One of the tables is to be a table, and that role's. */
static void
check_table(const char *name, Oid schema, Oid owner)
{
	HeapTuple tuple = SearchSysCache2(RELNAMENSP, CStringGetDatum(name), ObjectIdGetDatum(schema));
	Form_pg_class table = HeapTupleIsValid(tuple) ? (Form_pg_class) GETSTRUCT(tuple) : NULL;

	if (table == NULL || table->relkind != RELKIND_RELATION)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("there is no table \"%s.%s\"", SCHEMA, name),
						errhint("Drop the extension rtm_gate and create it anew.")));
	if (table->relowner != owner)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s.%s\" doesn't belong to the owner of its schema", SCHEMA, name),
				 errhint("Give the schema and all of its tables to one role.")));
	ReleaseSysCache(tuple);
}

/*
 * The tables are found by their names, in a process that is the superuser's.  So
 * whatever stands behind these names, and whatever hangs on it (a trigger, a
 * default, an index on an expression), is carried out as the one who owns it, and
 * as nothing more.  An error takes that back with its transaction.
 */
static void
become_owner(void)
{
	Oid schema = get_namespace_oid(SCHEMA, false);
	Oid owner = schema_owner(schema);

	for (int i = 0; i < lengthof(tables); i++)
		check_table(tables[i], schema, owner);
	GetUserIdAndSecContext(&session.caller, &session.caller_context);
	SetUserIdAndSecContext(owner, session.caller_context | SECURITY_LOCAL_USERID_CHANGE |
									  SECURITY_RESTRICTED_OPERATION);
}

/* In a session the triggers of others aren't carried out either: see session.h. */
static void
set_for_now(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

void
gate_spi_begin(void)
{
	session.results = CurrentMemoryContext;
	session.nest_level = NewGUCNestLevel();
	set_for_now("search_path", "pg_catalog, pg_temp");
	set_for_now("session_replication_role", "replica");
	become_owner();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
gate_spi_end(void)
{
	SPI_finish();
	SetUserIdAndSecContext(session.caller, session.caller_context);
	AtEOXact_GUC(true, session.nest_level);
}

MemoryContext
gate_spi_results(void)
{
	return session.results;
}

/*
 * A generic plan, as each of these statements has one good plan; and none that has a
 * secret in it, which debug_print_plan would show.
 */
static void
prepare(GatePlan *plan)
{
	SPIPlanPtr prepared;
	int		   nargs = 0;

	while (OidIsValid(plan->types[nargs]))
		nargs++;
	prepared = SPI_prepare_cursor(plan->sql, nargs, plan->types, CURSOR_OPT_GENERIC_PLAN);
	if (prepared == NULL || SPI_keepplan(prepared) != 0)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	plan->plan = prepared;
}

uint64
gate_spi_run(GatePlan *plan, const Datum *values, const char *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	int			  rc;

	if (plan->plan == NULL)
		prepare(plan);
	SPI_freetuptable(SPI_tuptable);
	rc = SPI_execute_plan(plan->plan, (Datum *) values, nulls, false, 0);

	/* SPI leaves its own context as the current one, which ends with it */
	MemoryContextSwitchTo(context);
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(rc));
	return SPI_processed;
}

Datum
gate_spi_column(int row, int number, bool *isnull)
{
	bool  null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &null);

	if (isnull)
		*isnull = null;
	return value;
}

Oid
gate_spi_type(int number)
{
	return SPI_gettypeid(SPI_tuptable->tupdesc, number);
}

char *
gate_spi_text(int row, int number)
{
	char *text = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);

	return text ? MemoryContextStrdup(session.results, text) : NULL;
}

Datum
gate_int8_array(const int64 *values, int n)
{
	Datum *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(
		construct_array(elements, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
