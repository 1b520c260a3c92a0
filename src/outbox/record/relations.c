/*-------------------------------------------------------------------------
 *
 * relations.c
 *	  The outbox's relations: where they are, and that they are what this code
 *	  takes them for.
 *
 * Rows are inserted, found and deleted without a statement, so nothing that a
 * statement would see to (triggers, rules, partitions) happens; and what a row
 * says about its owner is believed.  So a table is looked at before it is used,
 * once after each change of it.  An ordinary role can't make it one that isn't
 * right: table and schema are a superuser's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"

#include "compat.h"
#include "outbox/record/columns.h"
#include "outbox/record/relations.h"

/* A column that this code reads and writes by its place. */
typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

typedef struct Table
{
	const char	 *name;
	int			  ncolumns;
	const Column *columns;
} Table;

static const Column request_columns[OUTBOX_NCOLUMNS] = {
	[OUTBOX_SEQ - 1] = {"seq", INT8OID},
	[OUTBOX_ID - 1] = {"id", INT8OID},
	[OUTBOX_ORIGIN - 1] = {"origin", INT8OID},
	[OUTBOX_OWNER - 1] = {"owner", OIDOID},
	[OUTBOX_SERVER - 1] = {"server", OIDOID},
	[OUTBOX_CONVERSATION - 1] = {"conversation", INT2OID},
	[OUTBOX_NPARAMS - 1] = {"nparams", INT4OID},
	[OUTBOX_MID_MADE - 1] = {"mid_made", BOOLOID},
	[OUTBOX_ATTEMPTS - 1] = {"attempts", INT4OID},
	[OUTBOX_KEY_A - 1] = {"key_a", INT8OID},
	[OUTBOX_KEY_B - 1] = {"key_b", INT8OID},
	[OUTBOX_ENQUEUED_AT - 1] = {"enqueued_at", TIMESTAMPTZOID},
	[OUTBOX_TIMEOUT - 1] = {"timeout", FLOAT8OID},
	[OUTBOX_CALL - 1] = {"call", TEXTOID},
	[OUTBOX_METHOD - 1] = {"method", TEXTOID},
	[OUTBOX_PARAMS - 1] = {"params", BYTEAOID},
	[OUTBOX_MID - 1] = {"mid", INT8OID},
	[OUTBOX_RECIPIENTS - 1] = {"recipients", INT8ARRAYOID},
	[OUTBOX_CALLBACK - 1] = {"callback", OIDOID},
	[OUTBOX_OWNER_NAME - 1] = {"owner_name", TEXTOID},
	[OUTBOX_SERVER_NAME - 1] = {"server_name", TEXTOID},
	[OUTBOX_CALLBACK_NAME - 1] = {"callback_name", TEXTOID},
	[OUTBOX_CALLBACK_OWNER - 1] = {"callback_owner", OIDOID},
	[OUTBOX_SEND_AT - 1] = {"send_at", TIMESTAMPTZOID},
	[OUTBOX_EXPIRES_AT - 1] = {"expires_at", TIMESTAMPTZOID},
	[OUTBOX_URGENT - 1] = {"urgent", BOOLOID},
	[OUTBOX_ERROR_CODE - 1] = {"error_code", INT4OID},
	[OUTBOX_ERROR - 1] = {"error", TEXTOID},
	[OUTBOX_NEXT_ATTEMPT - 1] = {"next_attempt", TIMESTAMPTZOID},
};

/* Those between, which have no name here, are request_columns. */
static const Column result_columns[RESULT_NCOLUMNS] = {
	[RESULT_FINISHED_AT - 1] = {"finished_at", TIMESTAMPTZOID},
	[RESULT_STATUS - 1] = {"status", TEXTOID},
	[RESULT_ANSWER - 1] = {"answer", BYTEAOID},
	[RESULT_MTIME - 1] = {"mtime", INT8OID},
	[RESULT_CALLBACK_DUE - 1] = {"callback_due", INT8OID},
	[RESULT_CALLBACK_ERROR - 1] = {"callback_error", TEXTOID},
	[RESULT_CALLBACK_ATTEMPTS - 1] = {"callback_attempts", INT4OID},
	[RESULT_CALLBACK_BEGUN - 1] = {"callback_begun", TIMESTAMPTZOID},
};

static const Column origin_columns[] = {
	{"system_identifier", INT8OID}, {"database", OIDOID}, {"instance", INT8OID},
	{"timeline", INT8OID},			{"origin", INT8OID},  {"since", TIMESTAMPTZOID},
	{"replaced", INT8OID},
};

static const Table tables[OUTBOX_TABLES] = {
	[OUTBOX_REQUESTS] = {"rtm_request", lengthof(request_columns), request_columns},
	[OUTBOX_RESULTS] = {"rtm_finished", lengthof(result_columns), result_columns},
	[OUTBOX_ORIGINS] = {"rtm_origin", lengthof(origin_columns), origin_columns},
};

/* Which table has an index, on which column. */
static const struct
{
	OutboxTable table;
	AttrNumber	column;
} indexes[OUTBOX_INDEXES] = {
	[OUTBOX_REQUEST_SEQ] = {OUTBOX_REQUESTS, OUTBOX_SEQ},
	[OUTBOX_REQUEST_ID] = {OUTBOX_REQUESTS, OUTBOX_ID},
	[OUTBOX_RESULT_ID] = {OUTBOX_RESULTS, OUTBOX_ID},
};

/* What is known of the relations, until one of them changes. */
static struct
{
	OutboxRelations relations;
	Oid				schema;					/* OUTBOX_SCHEMA */
	bool			known;					/* the above is right */
	bool			checked[OUTBOX_TABLES]; /* the table is as it should be */
	Oid				indexes[OUTBOX_INDEXES];
	uint64			changes; /* counts invalidations */
} cache;

/* ---- where they are ---- */

static void
forget_relation(Datum arg, Oid relid)
{
	for (OutboxTable i = 0; i < OUTBOX_TABLES; i++)
		if (relid == InvalidOid || relid == cache.relations.tables[i])
		{
			cache.known = cache.checked[i] = false;
			cache.changes++;
		}
}

static void
forget_schema(Datum arg, int id, uint32 hash)
{
	cache.known = false;
	cache.changes++;
}

static void
watch_changes(void)
{
	static bool watching;

	if (watching)
		return;
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_schema, (Datum) 0);
	watching = true;
}

/* Whoever owns the schema could put other tables, and functions, in place of ours. */
static void
check_schema(Oid schema)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid		  owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	if (!OidIsValid(owner) || !superuser_arg(owner))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("schema \"%s\" does not belong to a superuser", OUTBOX_SCHEMA),
						errdetail("Its owner could make any role the owner of a request."),
						errhint("Run ALTER SCHEMA %s OWNER TO a superuser.", OUTBOX_SCHEMA)));
}

/* Where the extension's functions, types and views are; raises 3F000 without it. */
static Oid
extension_schema(void)
{
	Oid			schema = InvalidOid;
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("rtm"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (!OidIsValid(schema))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA),
						errmsg("extension \"rtm\" is not installed in this database"),
						errhint("Run CREATE EXTENSION rtm.")));
	return schema;
}

static bool
find_relations(OutboxRelations *found)
{
	found->schema = extension_schema();
	cache.schema = get_namespace_oid(OUTBOX_SCHEMA, true);
	if (!OidIsValid(cache.schema))
		return false;
	for (OutboxTable i = 0; i < OUTBOX_TABLES; i++)
	{
		found->tables[i] = get_relname_relid(tables[i].name, cache.schema);
		if (!OidIsValid(found->tables[i]))
			return false;
	}
	found->ids = get_relname_relid("rtm_request_id_seq", cache.schema);
	return OidIsValid(found->ids);
}

const OutboxRelations *
outbox_relations(bool missing_ok)
{
	OutboxRelations found;

	if (cache.known)
		return &cache.relations;
	watch_changes();
	if (missing_ok && !OidIsValid(get_extension_oid("rtm", true)))
		return NULL;
	if (!find_relations(&found))
	{
		if (missing_ok)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the outbox of extension \"rtm\" does not exist in schema \"%s\"",
						OUTBOX_SCHEMA),
				 errhint("Somebody has dropped or renamed it: drop and create the extension.")));
	}
	check_schema(cache.schema);
	cache.relations = found;
	cache.known = true;
	return &cache.relations;
}

/* ---- what they are ---- */

static const Column *
column_of(const Table *table, int i)
{
	return table->columns[i].name ? &table->columns[i] : &request_columns[i];
}

TupleDesc
outbox_columns(OutboxTable table)
{
	static TupleDesc descs[OUTBOX_TABLES];
	const Table		*t = &tables[table];
	MemoryContext	 old;
	TupleDesc		 desc;

	if (descs[table])
		return descs[table];
	old = MemoryContextSwitchTo(TopMemoryContext);
	desc = CreateTemplateTupleDesc(t->ncolumns);
	for (int i = 0; i < t->ncolumns; i++)
		TupleDescInitEntry(desc, i + 1, column_of(t, i)->name, column_of(t, i)->type, -1, 0);
	MemoryContextSwitchTo(old);
	return descs[table] = desc;
}

pg_noreturn static void
refuse(Relation rel, const char *why)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the outbox cannot be used: table \"%s.%s\" was altered", OUTBOX_SCHEMA,
						   RelationGetRelationName(rel)),
					errdetail_internal("%s", why), errhint("Undo that; what is queued waits.")));
}

/*
 * A column more is read by nobody and written as null: so it must need no value,
 * and have none of its own, which it would silently go without.
 */
static void
check_columns(const Table *table, Relation rel)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < table->ncolumns; i++)
	{
		const Column	 *column = column_of(table, i);
		Form_pg_attribute a = i < desc->natts ? TupleDescAttr(desc, i) : NULL;

		if (a == NULL || a->attisdropped || strcmp(NameStr(a->attname), column->name) != 0)
			refuse(rel, psprintf("Column %d is not \"%s\" any more.", i + 1, column->name));
		if (a->atttypid != column->type)
			refuse(rel,
				   psprintf("Column \"%s\" has the type %s instead of %s.", NameStr(a->attname),
							format_type_be(a->atttypid), format_type_be(column->type)));
	}
	for (int i = table->ncolumns; i < desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(desc, i);

		if (!a->attisdropped &&
			(a->attnotnull || a->atthasdef || a->attidentity != '\0' || a->attgenerated != '\0'))
			refuse(rel,
				   psprintf("Column \"%s\", which was added, has a default or may not be null.",
							NameStr(a->attname)));
	}
}

/* None but the extension's own, which has to be there, and for everybody. */
static void
check_triggers(Relation rel)
{
	const TriggerDesc *triggers = rel->trigdesc;
	bool			   guarded = false;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *t = &triggers->triggers[i];

		if (get_func_namespace(t->tgfoid) != cache.schema)
			refuse(rel,
				   psprintf("It has the trigger \"%s\", which would not be fired.", t->tgname));
		guarded |= t->tgenabled == TRIGGER_FIRES_ALWAYS && TRIGGER_FOR_INSERT(t->tgtype) &&
				   TRIGGER_FOR_UPDATE(t->tgtype) && TRIGGER_FOR_ROW(t->tgtype);
	}
	if (!guarded)
		refuse(rel, psprintf("Its trigger \"%s_guard\" is missing or not enabled ALWAYS.",
							 RelationGetRelationName(rel)));
}

static bool
has_children(Relation rel)
{
	return rel->rd_rel->relhassubclass &&
		   find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL;
}

static void
check_kind(Relation rel)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		refuse(rel, "Its access method is not \"heap\".");
	if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		refuse(rel, "It is not logged: a crash would empty it.");
	if (rel->rd_rel->relispartition || has_children(rel))
		refuse(rel, "It is part of an inheritance tree.");
	if (rel->rd_rules != NULL)
		refuse(rel, "It has rules, which would not be applied.");
}

/* Does a column by itself begin a B-tree that has all rows? */
static bool
is_index_on(Oid oid, AttrNumber column)
{
	Relation	  index = index_open(oid, AccessShareLock);
	Form_pg_index form = index->rd_index;
	bool		  is = index->rd_rel->relam == BTREE_AM_OID && form->indisvalid &&
			  form->indkey.values[0] == column && (index->rd_indoption[0] & INDOPTION_DESC) == 0 &&
			  heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);

	index_close(index, NoLock);
	return is;
}

static void
find_indexes(OutboxTable table, Relation rel)
{
	List *list = RelationGetIndexList(rel);

	for (OutboxIndex i = 0; i < OUTBOX_INDEXES; i++)
	{
		ListCell *cell;

		if (indexes[i].table != table)
			continue;
		cache.indexes[i] = InvalidOid;
		foreach (cell, list)
		{
			if (is_index_on(lfirst_oid(cell), indexes[i].column))
				cache.indexes[i] = lfirst_oid(cell);
		}
		if (!OidIsValid(cache.indexes[i]))
			refuse(rel, psprintf("It has no index on \"%s\".",
								 column_of(&tables[table], indexes[i].column - 1)->name));
	}
	list_free(list);
}

static void
check_table(OutboxTable table, Relation rel)
{
	uint64 before = cache.changes;

	/* a role can lose this without any change of the table */
	if (!superuser_arg(rel->rd_rel->relowner))
		refuse(rel, "It does not belong to a superuser.");
	if (cache.checked[table])
		return;
	check_kind(rel);
	check_columns(&tables[table], rel);
	check_triggers(rel);
	find_indexes(table, rel);
	cache.checked[table] = before == cache.changes;
}

Relation
outbox_open(OutboxTable table, LOCKMODE lock)
{
	Relation rel = table_open(outbox_relations(false)->tables[table], lock);

	check_table(table, rel);
	return rel;
}

Relation
outbox_try_open(OutboxTable table, LOCKMODE lock)
{
	const OutboxRelations *relations = outbox_relations(true);
	Relation			   rel = relations ? try_table_open(relations->tables[table], lock) : NULL;

	if (rel)
		check_table(table, rel);
	return rel;
}

void
outbox_check_tables(void)
{
	for (OutboxTable i = 0; i < OUTBOX_TABLES; i++)
	{
		if (i == OUTBOX_REQUESTS)
			table_close(outbox_open(i, RowExclusiveLock), NoLock);
		else if (!cache.checked[i])
			table_close(outbox_open(i, AccessShareLock), AccessShareLock);
	}
}

void
outbox_lock_tables(void)
{
	/* in the order in which rtm_retry(), rtm_discard() and the sender come to them */
	static const OutboxTable order[] = {OUTBOX_RESULTS, OUTBOX_REQUESTS, OUTBOX_ORIGINS};

	for (int i = 0; i < lengthof(order); i++)
		table_close(outbox_open(order[i], RowExclusiveLock), NoLock);
}

Oid
outbox_index(OutboxIndex index)
{
	return cache.indexes[index];
}
