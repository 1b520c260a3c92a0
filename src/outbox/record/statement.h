/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  SQL on the outbox's tables: kept plans, run as a superuser.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_STATEMENT_H
#define OUTBOX_STATEMENT_H

#define OUTBOX_MAX_ARGS 10

/*
 * A statement, prepared once a process, when it is first used.  Tables are named
 * with OUTBOX_SCHEMA, where nobody but a superuser makes anything; everything else
 * is pg_catalog's, which is all that the search path has.
 */
typedef struct OutboxStatement
{
	const char *sql;
	int			nargs;
	Oid			types[OUTBOX_MAX_ARGS];
	void	   *plan; /* SPIPlanPtr */
} OutboxStatement;

/*
 * Statements run between these two, in a transaction, with the rights of the
 * bootstrap superuser, whoever asks, and with a snapshot of this moment.  Raises what
 * outbox_open() does of any of the tables, which are locked from now on.  Functions
 * of others that a statement comes to (a DBA's index on an expression) can do no
 * more than in a view's: SECURITY_RESTRICTED_OPERATION.  An error in between needs
 * no care but the transaction's end.
 */
extern void outbox_begin_sql(void);
extern void outbox_end_sql(void);

/* Run a statement; how many rows it gave or changed.  nulls may be NULL: none. */
extern uint64 outbox_run(OutboxStatement *statement, const Datum *values, const char *nulls);

/* The same with nothing else between begin and end; what a query gives is gone. */
extern uint64 outbox_run_alone(OutboxStatement *statement, const Datum *values);

/*
 * A column of the last statement's result, row and column counted from 0 and 1.  It
 * lives until the next statement; a copy lives in the memory context that was
 * current in outbox_begin_sql().  isnull may be NULL.
 */
extern Datum outbox_column(uint64 row, int column, bool *isnull);
extern Datum outbox_copy_column(uint64 row, int column, bool *isnull);

#endif /* OUTBOX_STATEMENT_H */
