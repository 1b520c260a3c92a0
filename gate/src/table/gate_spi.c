/*-------------------------------------------------------------------------
 *
 * gate_spi.c
 *	  The gate's way to its tables: kept plans, results in one context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "table/gate_spi.h"

static MemoryContext results;

void
gate_spi_begin(void)
{
	results = CurrentMemoryContext;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
gate_spi_end(void)
{
	SPI_finish();
}

MemoryContext
gate_spi_results(void)
{
	return results;
}

uint64
gate_spi_run(GatePlan *plan, const Datum *values, const char *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	int			  rc;

	if (plan->plan == NULL)
	{
		/*
		 * A generic plan, as each of these statements has one good plan; and
		 * none that has a secret in it, which debug_print_plan would show.
		 */
		SPIPlanPtr prepared = SPI_prepare_cursor(plan->sql, plan->nargs, plan->types,
												 CURSOR_OPT_GENERIC_PLAN);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		plan->plan = prepared;
	}
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

char *
gate_spi_text(int row, int number)
{
	char *text = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);

	return text ? MemoryContextStrdup(results, text) : NULL;
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

Datum
gate_int4_array(const int32 *values, int n)
{
	Datum *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, INT4OID, 4, true, TYPALIGN_INT));
}
