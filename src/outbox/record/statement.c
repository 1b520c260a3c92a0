/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  SQL on the outbox's tables: kept plans, run as a superuser.
 *
 * Called by the workers and, for what only SQL can do, by functions of sessions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "outbox/record/relations.h"
#include "outbox/record/statement.h"

/*
 * While statements run.  A plan is kept, and made when the tables may be empty; months later
 * they may have a million rows: it goes by an index wherever there is one, whatever that
 * seems to cost.
 */
static const struct
{
	const char *name;
	const char *value;
} settings[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"enable_seqscan", "off"},
	{"enable_bitmapscan", "off"},
	{"enable_sort", "off"},
	{"enable_indexscan", "on"},
	{"enable_indexonlyscan", "on"},
	{"enable_tidscan", "on"},
	{"max_parallel_workers_per_gather", "0"},
	{"jit", "off"},
};

/* Of those that began and have yet to end; statements don't nest. */
static struct
{
	MemoryContext results; /* current when they began */
	Oid			  user;
	int			  security;
	int			  nest; /* of settings */
} session;

void
outbox_begin_sql(void)
{
	session.results = CurrentMemoryContext;
	outbox_lock_tables();
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&session.user, &session.security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, session.security | SECURITY_LOCAL_USERID_CHANGE |
													  SECURITY_RESTRICTED_OPERATION);
	session.nest = NewGUCNestLevel();
	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	MemoryContextSwitchTo(session.results);
}

void
outbox_end_sql(void)
{
	SPI_finish();
	AtEOXact_GUC(true, session.nest);
	SetUserIdAndSecContext(session.user, session.security);
	PopActiveSnapshot();
}

static void
prepare(OutboxStatement *statement)
{
	SPIPlanPtr plan;

	/* each of these statements has one good plan */
	plan = SPI_prepare_cursor(statement->sql, statement->nargs, statement->types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare a statement of the outbox: %s",
			 SPI_result_code_string(SPI_result));
	statement->plan = plan;
}

uint64
outbox_run(OutboxStatement *statement, const Datum *values, const char *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	int			  rc;

	if (statement->plan == NULL)
		prepare(statement);
	SPI_freetuptable(SPI_tuptable);
	rc = SPI_execute_plan(statement->plan, (Datum *) values, nulls, false, 0);

	/* SPI leaves its own context as the current one, which ends with it */
	MemoryContextSwitchTo(context);
	if (rc < 0)
		elog(ERROR, "a statement of the outbox failed: %s", SPI_result_code_string(rc));
	return SPI_processed;
}

uint64
outbox_run_alone(OutboxStatement *statement, const Datum *values)
{
	uint64 n;

	outbox_begin_sql();
	n = outbox_run(statement, values, NULL);
	outbox_end_sql();
	return n;
}

Datum
outbox_column(uint64 row, int column, bool *isnull)
{
	bool  null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &null);

	if (isnull)
		*isnull = null;
	return value;
}

Datum
outbox_copy_column(uint64 row, int column, bool *isnull)
{
	Form_pg_attribute a = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);
	bool			  null;
	Datum			  value = outbox_column(row, column, &null);
	MemoryContext	  old;

	if (isnull)
		*isnull = null;
	if (null)
		return (Datum) 0;
	old = MemoryContextSwitchTo(session.results);
	value = datumCopy(value, a->attbyval, a->attlen);
	MemoryContextSwitchTo(old);
	return value;
}
