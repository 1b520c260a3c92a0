/*-------------------------------------------------------------------------
 *
 * relations.h
 *	  The outbox's relations: where they are, and that they are what this code
 *	  takes them for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_RELATIONS_H
#define OUTBOX_RELATIONS_H

#include "access/tupdesc.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"

/*
 * The schema that the tables are in.  It belongs to a superuser, and so does what
 * is in it: SQL text may name it.
 */
#define OUTBOX_SCHEMA "rtm_internal"

typedef enum OutboxTable
{
	OUTBOX_REQUESTS, /* rtm_request, see row.h */
	OUTBOX_RESULTS,	 /* rtm_finished, see row.h */
	OUTBOX_ORIGINS,	 /* rtm_origin, see origin.c */
	OUTBOX_TABLES
} OutboxTable;

typedef struct OutboxRelations
{
	Oid schema;				   /* of the extension: functions, types, views */
	Oid tables[OUTBOX_TABLES]; /* of the tables, in OUTBOX_SCHEMA */
	Oid ids;				   /* sequence of requests' ids */
} OutboxRelations;

/*
 * The extension's relations in this database, looked up once.  Raises 3F000 when
 * it isn't installed, unless missing_ok: NULL then.  Raises 55000 when the schema
 * isn't a superuser's.
 */
extern const OutboxRelations *outbox_relations(bool missing_ok);

/*
 * Open a table.  Raises 55000 when it isn't as the extension made it: columns that
 * are read by their place, a heap that is logged, no trigger but the extension's,
 * no rule, no partition, a superuser's.  More columns, indexes and checks are no
 * harm, as long as they need nothing of us.
 */
extern Relation outbox_open(OutboxTable table, LOCKMODE lock);

/* The same; NULL when the table, or the extension, is gone. */
extern Relation outbox_try_open(OutboxTable table, LOCKMODE lock);

/*
 * The same check for all tables, of which those that have changed are opened.  The
 * one of requests is locked, in ROW EXCLUSIVE MODE.
 */
extern void outbox_check_tables(void);

/*
 * Lock all tables until the transaction ends, so that nobody can add a trigger, and
 * check them: what a statement fires runs with the rights of whoever runs it.
 */
extern void outbox_lock_tables(void);

/* The first columns of a table, which this code knows; lives as long as the process. */
extern TupleDesc outbox_columns(OutboxTable table);

/*
 * Indexes by their first column, found when the table was opened: of rtm_request
 * on seq and on id, of rtm_finished on id.
 */
typedef enum OutboxIndex
{
	OUTBOX_REQUEST_SEQ,
	OUTBOX_REQUEST_ID,
	OUTBOX_RESULT_ID,
	OUTBOX_INDEXES
} OutboxIndex;

/* Of a table that is open. */
extern Oid outbox_index(OutboxIndex index);

#endif /* OUTBOX_RELATIONS_H */
