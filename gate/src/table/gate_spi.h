/*-------------------------------------------------------------------------
 *
 * gate_spi.h
 *	  The gate's way to its tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_SPI_H
#define GATE_SPI_H

#define GATE_MAX_PLAN_ARGS 14

/* A statement, prepared once a process, when it is first used. */
typedef struct GatePlan
{
	const char *sql; /* whatever isn't of the schema rtm_gate is pg_catalog's */
	Oid			types[GATE_MAX_PLAN_ARGS + 1]; /* the last one is 0 */
	void	   *plan;						   /* SPIPlanPtr */
} GatePlan;

/*
 * Everything that touches the tables runs in a transaction between these two, as
 * the role that owns the tables.  Raises 42P01 and 42501 when one of them isn't
 * there, or is another role's than the others.
 * What a statement gives, by the functions below or by those of store.h and
 * member.h, is in the memory context that was current in gate_spi_begin().
 */
extern void			 gate_spi_begin(void);
extern void			 gate_spi_end(void);
extern MemoryContext gate_spi_results(void);

/* Run a statement; how many rows it gave or changed.  nulls may be NULL. */
extern uint64 gate_spi_run(GatePlan *plan, const Datum *values, const char *nulls);

/* A column of the last statement's result, counted from 1. */
extern Datum gate_spi_column(int row, int number, bool *isnull);
extern char *gate_spi_text(int row, int number); /* NULL for NULL */
extern Oid	 gate_spi_type(int number);

/* int64s as a bigint[]. */
extern Datum gate_int8_array(const int64 *values, int n);

#endif /* GATE_SPI_H */
