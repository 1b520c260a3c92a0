/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Which ways there are to scan a foreign table, and what they cost.
 *
 * A history is read by its keys, so a path needs a value for each of them: from
 * the table's own clauses, or from other tables, on the inner side of a nested
 * loop; then it is a path that is parameterized by those.  There is one for each
 * set of tables that together give the keys, as for indexes.
 *
 * PostgreSQL wants a path without parameters, too.  When there is none, it gets one
 * that costs more than anything else, and can't become a plan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"

#include "compat.h"
#include "fdw/borrow.h"
#include "fdw/condition.h"
#include "fdw/fdw.h"

/* Of the path that can't be executed; as many rows that nobody would hash them. */
#define IMPOSSIBLE_COST 1.0e60
#define IMPOSSIBLE_ROWS 1.0e15

/* Of a table without a condition on its keys, to estimate joins by; as eqsel() has it. */
#define CONVERSATIONS 200

/* Sets of outer tables that are looked at. */
#define MAX_OUTER_SETS 50

/* RelOptInfo.fdw_private */
typedef struct FdwRel
{
	RtmTable *table;
	RtmPlace  place;
	List	 *own;		   /* clauses: the query's on this table alone, its partition's bounds */
	bool	  default_uid; /* an option says as whom is read, and nothing in the query does */
} FdwRel;

/* ForeignPath.fdw_private; NIL: it can't be executed */
#define PATH_ORDER		0 /* list of fields */
#define PATH_DESCENDING 1
#define PATH_LOAN		2 /* list of field, table and value; NIL: none */
#define PATH_NAMING		3 /* clauses that name keys, besides those that the scan checks */

/* What the table holds as a partition, as clauses of a query about it. */
static List *
partition_clauses(Oid relid, Index index)
{
	Relation rel = table_open(relid, NoLock);
	List	*clauses = RelationGetPartitionQual(rel);

	table_close(rel, NoLock);
	if (clauses && index != 1)
	{
		clauses = copyObject(clauses);
		ChangeVarNodes((Node *) clauses, 1, (int) index, 0);
	}
	return clauses;
}

/* ---- estimates ---- */

/* How many values a condition names. */
static double
count_values(PlannerInfo *root, const RtmCondition *condition)
{
	double	  n = 0;
	ListCell *cell;

	foreach (cell, condition->values)
	{
		Node *value = lfirst(cell);

		n += type_is_array(getBaseType(exprType(value))) ? rtm_estimate_array_length(root, value)
														 : 1;
	}
	return Max(n, 1);
}

/* Of the clauses, those that aren't used up by naming a key; *conversations: how many are read. */
static List *
other_clauses(const RtmPlace *place, List *clauses, double *conversations)
{
	List	 *others = NIL;
	double	  values[RTM_NUM_KEYS] = {0};
	ListCell *cell;

	foreach (cell, clauses)
	{
		bool used = false;

		for (int i = 0; i < place->table->nkeys && !used; i++)
		{
			RtmCondition *c = rtm_match_clause(place, lfirst(cell), place->table->keys[i]);
			double		 *n = &values[i];

			/* a further one is a filter: fewer rows, so that a path that has it isn't given up */
			used = c != NULL && c->compare == RTM_IS_IN && *n == 0;
			if (used)
				*n = count_values(place->root, c);
		}
		if (!used && IsA(lfirst(cell), RestrictInfo))
			others = lappend(others, lfirst(cell));
	}
	*conversations = 1;
	for (int i = 0; i < place->table->nkeys; i++)
		*conversations *= Max(values[i], 1);
	return others;
}

/* What a scan by these clauses gives, and takes. */
typedef struct Estimate
{
	double rows;
	Cost   startup;
	Cost   total;
} Estimate;

/*
 * The first pages of all conversations are asked for together: each after the
 * first costs a tenth.  Of a query's limit nothing is known here; a scan that is
 * ended early costs its part.
 */
static Estimate
estimate(const FdwRel *fdw, RelOptInfo *rel, List *clauses, const RtmLoan *loan)
{
	const RtmTable *table = fdw->table;
	double			conversations;
	List		   *others = other_clauses(&fdw->place, clauses, &conversations);
	double			pages = ceil(table->rows / RTM_MAX_PAGE) + 1;
	double			read;
	QualCost		cost;
	Estimate		e;

	if (loan)
		conversations *= loan->rows;
	read = conversations * table->rows;
	e.rows = clamp_row_est(read *
						   clauselist_selectivity(fdw->place.root, others, 0, JOIN_INNER, NULL));
	cost_qual_eval(&cost, others, fdw->place.root);
	e.startup = table->startup_cost + table->call_cost * (1 + (conversations - 1) / 10) +
				cost.startup + rel->reltarget->cost.startup;
	e.total = e.startup + table->call_cost * (pages - 1) * conversations +
			  (cpu_tuple_cost + cost.per_tuple) * read + rel->reltarget->cost.per_tuple * e.rows;
	return e;
}

void
rtm_plan_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	FdwRel *fdw = palloc0(sizeof(FdwRel));
	bool	bound = true;

	fdw->table = rtm_foreign_table(relid, rel->userid);
	fdw->place.root = root;
	fdw->place.relid = rel->relid;
	fdw->place.table = fdw->table;
	fdw->own = list_concat(partition_clauses(relid, rel->relid), rel->baserestrictinfo);
	rel->fdw_private = fdw;

	for (int i = 0; i < fdw->table->nkeys; i++)
		if (fdw->table->keys[i] != RTM_COLUMN_UID)
			bound = bound && rtm_clauses_bind(&fdw->place, fdw->own, fdw->table->keys[i]);
	rel->tuples = fdw->table->rows * (bound ? 1 : CONVERSATIONS);
	rel->rows = estimate(fdw, rel, fdw->own, NULL).rows * (bound ? 1 : CONVERSATIONS);
}

/* ---- order ---- */

/* The field that is ordered by, of those that a history is in the order of, or RTM_NO_FIELD. */
static int
field_of_pathkey(const FdwRel *fdw, const PathKey *key)
{
	static const RtmFieldId ordered[] = {RTM_COLUMN_ID, RTM_COLUMN_MTIME, RTM_COLUMN_SENT};
	ListCell			   *cell;

	foreach (cell, rtm_eclass_members(key->pk_eclass, (int) fdw->place.relid))
	{
		Node *expr = (Node *) ((const EquivalenceMember *) lfirst(cell))->em_expr;

		for (int i = 0; i < lengthof(ordered); i++)
			if (IsA(expr, Var) && rtm_is_column(&fdw->place, expr, ordered[i]) &&
				(ordered[i] == RTM_COLUMN_ID || fdw->table->time_ordered) &&
				rtm_is_usual_order(expr, key->pk_opfamily))
				return ordered[i];
	}
	return RTM_NO_FIELD;
}

/*
 * As much of the order that the query wants as a scan gives: a history is in the
 * order of id and of time, both in the same direction.
 */
static List *
wanted_order(PlannerInfo *root, const FdwRel *fdw, List **fields, bool *descending)
{
	List	 *pathkeys = NIL;
	ListCell *cell;

	*fields = NIL;
	foreach (cell, root->query_pathkeys)
	{
		PathKey *key = lfirst_node(PathKey, cell);
		int		 field = field_of_pathkey(fdw, key);
		bool	 down = rtm_pathkey_descends(key);

		if (field == RTM_NO_FIELD || list_length(*fields) == RTM_MAX_ORDER ||
			(pathkeys && down != *descending))
			break;
		*descending = down;
		*fields = lappend_int(*fields, field);
		pathkeys = lappend(pathkeys, key);
	}
	return pathkeys;
}

/* ---- paths ---- */

/* Arguments of matches_key() */
typedef struct KeyOfPlace
{
	const RtmPlace *place;
	RtmFieldId		field;
} KeyOfPlace;

static bool
matches_key(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em,
			void *arg)
{
	const KeyOfPlace *key = arg;

	return rtm_is_column(key->place, (Node *) em->em_expr, key->field);
}

static List *
add_set(List *sets, Relids set)
{
	ListCell *cell;

	foreach (cell, sets)
		if (bms_equal(lfirst(cell), set))
			return sets;
	return list_length(sets) < MAX_OUTER_SETS ? lappend(sets, set) : sets;
}

/*
 * Is it the uid of a foreign table that an option gives it?  Two tables that are joined by
 * such columns don't say to each other as whom they are read.
 */
static bool
is_given_uid(PlannerInfo *root, const Node *expr)
{
	const Var		 *var = (const Var *) expr;
	const RelOptInfo *rel;
	ListCell		 *cell;

	if (!IsA(expr, Var) || var->varlevelsup != 0 || var->varattno <= 0)
		return false;
	rel = root->simple_rel_array[var->varno];
	if (rel && rel->fdwroutine && rel->fdwroutine->GetForeignPaths == rtm_plan_paths)
	{
		const RtmTable *table = ((const FdwRel *) rel->fdw_private)->table;

		return table->has_uid && table->attnums[RTM_COLUMN_UID] == var->varattno;
	}
	foreach (cell, root->append_rel_list)
	{
		const AppendRelInfo *child = lfirst(cell);

		if (child->parent_relid == (Index) var->varno &&
			is_given_uid(root, list_nth(child->translated_vars, var->varattno - 1)))
			return true;
	}
	return false;
}

/* Does the condition name what the key is to be? */
static bool
names_key(const FdwRel *fdw, const RtmCondition *c)
{
	return c && c->compare == RTM_IS_IN &&
		   !(c->field == RTM_COLUMN_UID && fdw->table->has_uid && list_length(c->values) == 1 &&
			 is_given_uid(fdw->place.root, linitial(c->values)));
}

/* Of join clauses, those that name the key's value, and that a scan could be given. */
static List *
add_naming(List *naming, const FdwRel *fdw, RelOptInfo *rel, List *clauses, RtmFieldId field)
{
	ListCell *cell;

	foreach (cell, clauses)
	{
		RestrictInfo *rinfo = lfirst(cell);
		RtmCondition *c = join_clause_is_movable_to(rinfo, rel)
							  ? rtm_match_clause(&fdw->place, (Node *) rinfo->clause, field)
							  : NULL;

		if (names_key(fdw, c))
			naming = lappend(naming, rinfo);
	}
	return naming;
}

static List *
naming_clauses(PlannerInfo *root, const FdwRel *fdw, RelOptInfo *rel, RtmFieldId field)
{
	KeyOfPlace key = {&fdw->place, field};
	List	  *naming = add_naming(NIL, fdw, rel, rel->joininfo, field);

	if (!rel->has_eclass_joins)
		return naming;
	return add_naming(naming, fdw, rel,
					  generate_implied_equalities_for_column(root, rel, matches_key, &key,
															 rel->lateral_referencers),
					  field);
}

/* Has the key a value without another table? */
static bool
is_own(const FdwRel *fdw, List *clauses, RtmFieldId field)
{
	return (field == RTM_COLUMN_UID && fdw->default_uid) ||
		   rtm_clauses_bind(&fdw->place, clauses, field);
}

/* The sets of outer tables that each could give a key its value; an empty one: none is needed. */
static List *
sources_of_key(PlannerInfo *root, const FdwRel *fdw, RelOptInfo *rel, RtmFieldId field)
{
	List	 *sources = NIL;
	ListCell *cell;

	if (is_own(fdw, fdw->own, field))
		sources = lappend(sources, bms_copy(rel->lateral_relids));
	foreach (cell, naming_clauses(root, fdw, rel, field))
	{
		Relids outer = bms_union(lfirst_node(RestrictInfo, cell)->clause_relids,
								 rel->lateral_relids);

		sources = add_set(sources, bms_del_member(outer, (int) rel->relid));
	}
	return sources;
}

/*
 * Add clauses that name the keys for which there is none among those that a scan with these
 * outer tables checks; false: a key has no value.  Of columns that are all equal PostgreSQL
 * has a scan check one clause, which may be about another column than the key.
 */
static bool
bind_keys(PlannerInfo *root, const FdwRel *fdw, RelOptInfo *rel, Relids outer, List *clauses,
		  List **naming)
{
	Relids all = bms_union(rel->relids, outer);

	for (int i = 0; i < fdw->table->nkeys; i++)
	{
		RtmFieldId field = fdw->table->keys[i];
		bool	   bound = is_own(fdw, clauses, field);
		ListCell  *cell;

		foreach (cell, bound ? NIL : naming_clauses(root, fdw, rel, field))
		{
			RestrictInfo *rinfo = lfirst(cell);

			if (bound || !bms_is_subset(rinfo->clause_relids, all))
				continue;
			*naming = lappend(*naming, rinfo);
			bound = true;
		}
		if (!bound)
			return false;
	}
	return true;
}

static void
add_scan_path(PlannerInfo *root, RelOptInfo *rel, const Estimate *e, List *pathkeys, Relids outer,
			  List *private)
{
	add_path(rel, (Path *) rtm_make_foreign_path(root, rel, e->rows, e->startup, e->total, pathkeys,
												 outer, private, 0));
}

/* Add a path, and another one in the wanted order. */
static void
add_scan_paths(PlannerInfo *root, const FdwRel *fdw, RelOptInfo *rel, const Estimate *e,
			   Relids outer, List *loan, List *naming)
{
	bool  descending = false;
	List *order;
	List *pathkeys = wanted_order(root, fdw, &order, &descending);

	add_scan_path(root, rel, e, NIL, outer, list_make4(NIL, makeBoolean(false), loan, naming));
	if (pathkeys)
		add_scan_path(root, rel, e, pathkeys, outer,
					  list_make4(order, makeBoolean(descending), loan, naming));
}

/* Add the paths for a set of outer tables; false: it doesn't bind the keys. */
static bool
add_paths_for(PlannerInfo *root, const FdwRel *fdw, RelOptInfo *rel, Relids outer)
{
	ParamPathInfo *info = bms_is_empty(outer) ? NULL : get_baserel_parampathinfo(root, rel, outer);
	List		  *clauses = list_copy(fdw->own);
	List		  *naming = NIL;
	Estimate	   e;

	if (info)
		clauses = list_concat(clauses, info->ppi_clauses);
	if (!bind_keys(root, fdw, rel, outer, clauses, &naming))
		return false;
	e = estimate(fdw, rel, list_concat(clauses, naming), NULL);
	if (info)
		info->ppi_rows = e.rows;
	add_scan_paths(root, fdw, rel, &e, outer, NIL, naming);
	return true;
}

/* The one key that has no value of its own, or RTM_NO_FIELD. */
static int
single_foreign_key(const FdwRel *fdw)
{
	int found = RTM_NO_FIELD;

	for (int i = 0; i < fdw->table->nkeys; i++)
	{
		if (is_own(fdw, fdw->own, fdw->table->keys[i]))
			continue;
		if (found != RTM_NO_FIELD)
			return RTM_NO_FIELD;
		found = fdw->table->keys[i];
	}
	return found;
}

/* Add the paths that have a key's values from another table as a whole; false: none. */
static bool
add_borrowing_paths(PlannerInfo *root, const FdwRel *fdw, RelOptInfo *rel)
{
	int		  field = single_foreign_key(fdw);
	RtmLoan	 *best = NULL;
	Estimate  e;
	ListCell *cell;

	if (field == RTM_NO_FIELD)
		return false;
	foreach (cell, naming_clauses(root, fdw, rel, field))
	{
		RtmLoan *loan = rtm_find_loan(&fdw->place, rel, lfirst(cell), field);

		if (loan && (best == NULL || loan->rows < best->rows))
			best = loan;
	}
	if (best == NULL)
		return false;
	e = estimate(fdw, rel, fdw->own, best);
	add_scan_paths(
		root, fdw, rel, &e, NULL,
		list_make3(makeInteger(best->field), makeInteger((int) best->relid), best->value), NIL);
	return true;
}

void
rtm_plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	FdwRel	 *fdw = rel->fdw_private;
	List	 *sets = list_make1(bms_copy(rel->lateral_relids));
	bool	  possible = false;
	ListCell *cell;

	fdw->default_uid = fdw->table->has_uid && naming_clauses(root, fdw, rel, RTM_COLUMN_UID) == NIL;
	for (int i = 0; i < fdw->table->nkeys; i++)
	{
		List	 *sources = sources_of_key(root, fdw, rel, fdw->table->keys[i]);
		List	 *product = NIL;
		ListCell *source;

		foreach (cell, sets)
			foreach (source, sources)
				product = add_set(product, bms_union(lfirst(cell), lfirst(source)));
		sets = product;
	}
	foreach (cell, sets)
		if (add_paths_for(root, fdw, rel, lfirst(cell)))
			possible = possible || bms_equal(lfirst(cell), rel->lateral_relids);
	if (!add_borrowing_paths(root, fdw, rel) && !possible)
		add_path(rel, (Path *) rtm_make_foreign_path(root, rel, IMPOSSIBLE_ROWS, IMPOSSIBLE_COST,
													 IMPOSSIBLE_COST, NIL, rel->lateral_relids, NIL,
													 RTM_DISABLED));
}

/* The naming clauses of a path that is parameterized by a child of another table, now. */
List *
rtm_plan_for_child(PlannerInfo *root, List *private, RelOptInfo *child)
{
	ListCell *cell;

	if (private == NIL)
		return NIL;
	private = list_copy(private);
	cell = list_nth_cell(private, PATH_NAMING);
	lfirst(cell) = rtm_translate_for_child(root, lfirst(cell), child);
	return private;
}

/* ---- the plan ---- */

/* "a", "a" and "b"; with a condition: a query that works */
static void
describe_keys(const RtmTable *table, const FdwRel *fdw, StringInfo missing, StringInfo example,
			  int *nmissing)
{
	const char *separator = " WHERE ";

	appendStringInfo(example, "SELECT * FROM %s", table->name);
	for (int i = 0; i < table->nkeys; i++)
	{
		RtmFieldId	field = table->keys[i];
		AttrNumber	attnum = table->attnums[field];
		const char *name = attnum ? get_attname(table->relid, attnum, false)
								  : rtm_field_name(field);

		if (field == RTM_COLUMN_UID && fdw->default_uid)
			continue;
		appendStringInfo(example, "%s%s = %d", separator, quote_identifier(name),
						 field == RTM_COLUMN_UID	? 1001
						 : field == RTM_COLUMN_OUID ? 1002
													: 101);
		separator = " AND ";
		if (rtm_clauses_bind(&fdw->place, fdw->own, field))
			continue;
		appendStringInfo(missing, "%s\"%s\"", (*nmissing)++ ? " and " : "", name);
	}
}

/* No plan reads the table: the first key without a column has to be mended in the table itself. */
pg_noreturn static void
raise_impossible(const FdwRel *fdw)
{
	const RtmTable *table = fdw->table;
	StringInfoData	missing;
	StringInfoData	example;
	int				nmissing = 0;

	for (int i = 0; i < table->nkeys; i++)
		if (table->attnums[table->keys[i]] == 0 &&
			!(table->keys[i] == RTM_COLUMN_UID && table->has_uid))
			ereport(ERROR, (errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
							errmsg("foreign table %s cannot be read: it has no column \"%s\"",
								   table->name, rtm_field_name(table->keys[i])),
							errhint("ALTER FOREIGN TABLE %s ADD COLUMN %s bigint%s", table->name,
									rtm_field_name(table->keys[i]),
									table->keys[i] == RTM_COLUMN_UID
										? ", or give it or the user mapping the option uid."
										: ".")));
	initStringInfo(&missing);
	initStringInfo(&example);
	describe_keys(table, fdw, &missing, &example, &nmissing);
	ereport(
		ERROR,
		(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
		 errmsg("foreign table %s cannot be read without %s for column%s %s", table->name,
				nmissing > 1 ? "values" : "a value", nmissing > 1 ? "s" : "", missing.data),
		 errdetail(
			 "A history is read by its conversation; nothing in the query says, before rows are read, which ones."),
		 errhint(
			 "This works: %s. Instead of a number there can be = ANY (array), or the column of a table that is joined.",
			 example.data)));
}

/* The conditions as they go into the plan; their values are appended to *exprs. */
static List *
list_conditions(const FdwRel *fdw, List *clauses, List **exprs)
{
	List	 *list = NIL;
	ListCell *cell;

	foreach (cell, rtm_match_clauses(&fdw->place, clauses))
	{
		const RtmCondition *c = lfirst(cell);

		list = lappend(list, list_make3_int(c->field, c->compare, list_length(c->values)));
		*exprs = list_concat(*exprs, copyObject(c->values));
	}
	return list;
}

/* A message has no place, and whoever deletes by it would delete them all. */
static void
check_system_column(const RtmTable *table, int column)
{
	if (column == SelfItemPointerAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of foreign table %s have no system column \"ctid\"", table->name),
				 errhint("A message is identified by its conversation and its id.")));
}

/*
 * The columns that anybody looks at, as a list of attribute numbers; 0: the whole row.
 * The plan's own list may name all, where that spares a projection.
 */
static List *
needed_columns(const RelOptInfo *rel, const RtmTable *table, List *quals)
{
	Bitmapset *needed = NULL;
	List	  *columns = NIL;
	int		   i = -1;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &needed);
	pull_varattnos((Node *) quals, rel->relid, &needed);
	while ((i = bms_next_member(needed, i)) >= 0)
	{
		int column = i + FirstLowInvalidHeapAttributeNumber;

		check_system_column(table, column);
		columns = lappend_int(columns, column);
	}
	return columns;
}

/*
 * What a partition's bounds say besides the query's clauses: a message is in one partition, and
 * nobody but us holds it to that.
 */
static List *
without_implied(List *bounds, List *quals)
{
	List	 *others = NIL;
	ListCell *cell;

	foreach (cell, bounds)
		if (!predicate_implied_by(list_make1(lfirst(cell)), quals, false))
			others = lappend(others, lfirst(cell));
	return others;
}

ForeignScan *
rtm_plan_scan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *best, List *tlist,
			  List *clauses, Plan *outer)
{
	const FdwRel *fdw = rel->fdw_private;
	List		 *bounds = partition_clauses(relid, rel->relid);
	List		 *exprs = NIL;
	List		 *quals;
	List		 *said;
	List		 *conditions;
	List *private;
	List *loan;

	if (best->fdw_private == NIL)
		raise_impossible(fdw);
	loan = list_nth(best->fdw_private, PATH_LOAN);
	said = list_concat_copy(bounds, clauses);
	said = list_concat(said, list_nth(best->fdw_private, PATH_NAMING));
	conditions = list_conditions(fdw, said, &exprs);
	if (loan)
	{
		Index other = (Index) intVal(lsecond(loan));

		conditions = lappend(conditions, list_make3_int(intVal(linitial(loan)), RTM_IS_IN, 1));
		exprs = lappend(exprs, rtm_take_loan(root, other, lthird(loan)));
	}

	quals = extract_actual_clauses(clauses, false);
	quals = list_concat(quals, without_implied(bounds, quals));
	private = list_make5(
		makeInteger((int) rel->userid), conditions, list_nth(best->fdw_private, PATH_ORDER),
		list_nth(best->fdw_private, PATH_DESCENDING), needed_columns(rel, fdw->table, quals));
	return make_foreignscan(tlist, quals, rel->relid, exprs, private, NIL, NIL, outer);
}
