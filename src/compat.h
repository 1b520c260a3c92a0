/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between PostgreSQL 15 and 18, in one place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_COMPAT_H
#define RTM_COMPAT_H

#include "access/stratnum.h"
#include "catalog/pg_database.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "commands/explain.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/pathnode.h"
#include "parser/parse_relation.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/selfuncs.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "storage/waiteventset.h"
#endif

/*
 * What a library says of itself; PostgreSQL 18 shows it by
 * pg_get_loaded_modules().  RTM_VERSION is rtm.control's, by the Makefile.
 */
#if PG_VERSION_NUM >= 180000
#define RTM_MODULE_MAGIC(library) PG_MODULE_MAGIC_EXT(.name = library, .version = RTM_VERSION)
#else
#define RTM_MODULE_MAGIC(library) PG_MODULE_MAGIC
#endif

/* Before a declaration; PostgreSQL 18 has it so, too. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* A set that belongs to nobody but its holder, who frees it. */
static inline WaitEventSet *
rtm_create_wait_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* A lexer of len bytes in an encoding, which looks at escapes too. */
static inline JsonLexContext *
rtm_json_lexer(char *text, int len, int encoding)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, len, encoding, true);
#else
	return makeJsonLexContextCstringLen(text, len, encoding, true);
#endif
}

/* All settings there are. */
static inline struct config_generic **
rtm_guc_variables(int *n)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(n);
#else
	*n = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

/* Memory for what a check hook gives to its assign hook; NULL: there is none. */
static inline void *
rtm_guc_extra(size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

/* A session's transactions may last as long as they will. */
static inline void
rtm_no_transaction_timeout(void)
{
#if PG_VERSION_NUM >= 170000
	SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
#endif
}

/* A row's entries in the indexes of its table, none of whose constraints is deferrable. */
static inline void
rtm_insert_index_tuples(ResultRelInfo *target, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false);
#else
	(void) ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL);
#endif
}

/* For a background worker that connects as a role without LOGIN; 0: it can't. */
#if PG_VERSION_NUM >= 170000
#define RTM_BYPASS_LOGIN_CHECK BGWORKER_BYPASS_ROLELOGINCHECK
#else
#define RTM_BYPASS_LOGIN_CHECK 0
#endif

/* For databases, functions and foreign servers. */
static inline AclResult
rtm_aclcheck(Oid catalog, Oid object, Oid role, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(catalog, object, role, mode);
#else
	if (catalog == DatabaseRelationId)
		return pg_database_aclcheck(object, role, mode);
	if (catalog == ProcedureRelationId)
		return pg_proc_aclcheck(object, role, mode);
	return pg_foreign_server_aclcheck(object, role, mode);
#endif
}

static inline bool
rtm_owns_database(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

/* What to wait for, under a name of its own if the server has names of others. */
static inline uint32
rtm_new_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* Shared memory that the first one who asks makes, without preload; NULL: there is none. */
static inline void *
rtm_named_segment(const char *name, Size size, void (*init)(void *segment))
{
#if PG_VERSION_NUM >= 170000
	bool found;

	return GetNamedDSMSegment(name, size, init, &found);
#else
	return NULL;
#endif
}

/* ---- foreign tables ---- */

/* Of a path that isn't to be taken: as many disabled nodes as no other plan has. */
#define RTM_DISABLED 1000

static inline ForeignPath *
rtm_make_foreign_path(PlannerInfo *root, RelOptInfo *rel, double rows, Cost startup, Cost total,
					  List *pathkeys, Relids outer, List *private, int disabled)
{
#if PG_VERSION_NUM >= 180000
	return create_foreignscan_path(root, rel, NULL, rows, disabled, startup, total, pathkeys, outer,
								   NULL, NIL, private);
#elif PG_VERSION_NUM >= 170000
	return create_foreignscan_path(root, rel, NULL, rows, startup, total, pathkeys, outer, NULL,
								   NIL, private);
#else
	return create_foreignscan_path(root, rel, NULL, rows, startup, total, pathkeys, outer, NULL,
								   private);
#endif
}

static inline bool
rtm_pathkey_descends(const PathKey *key)
{
#if PG_VERSION_NUM >= 180000
	return key->pk_cmptype == COMPARE_GT;
#else
	return key->pk_strategy == BTGreaterStrategyNumber;
#endif
}

static inline double
rtm_estimate_array_length(PlannerInfo *root, Node *array)
{
#if PG_VERSION_NUM >= 170000
	return estimate_array_length(root, array);
#else
	return estimate_array_length(array);
#endif
}

/* A query gets another one's table, with what is known of privileges on it, as its only one. */
static inline void
rtm_add_table(Query *query, const Query *from, RangeTblEntry *table)
{
	RangeTblEntry *rte = copyObject(table);

#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex > 0)
	{
		query->rteperminfos = list_make1(copyObject(getRTEPermissionInfo(from->rteperminfos, rte)));
		rte->perminfoindex = 1;
	}
#endif
	query->rtable = list_make1(rte);
}

/* As whom a statement writes a table. */
static inline Oid
rtm_modify_user(ResultRelInfo *rinfo, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	return ExecGetResultRelCheckAsUser(rinfo, estate);
#else
	ResultRelInfo *root = rinfo->ri_RootResultRelInfo ? rinfo->ri_RootResultRelInfo : rinfo;
	Index		   index = root->ri_RangeTableIndex;
	Oid			   role = index ? exec_rt_fetch(index, estate)->checkAsUser : InvalidOid;

	return OidIsValid(role) ? role : GetUserId();
#endif
}

#endif /* RTM_COMPAT_H */
