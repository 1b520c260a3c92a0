/*-------------------------------------------------------------------------
 *
 * borrow.c
 *	  The values of a key from a table that it is joined with, all at once.
 *
 * A nested loop reads one history after the other.  When their keys are known before,
 * from a subplan ARRAY(SELECT key FROM the other table WHERE its own conditions), one
 * scan reads them all, merged into the order of time, as many queries of several
 * conversations want it; the join stays as it is, with the scan on its outer side.
 *
 * Nothing is read that the loop wouldn't read, as it could be an error: that somebody
 * isn't a member of a group.  So nothing but the two tables' own conditions may say
 * which rows of the other table take part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/subselect.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "fdw/borrow.h"

/* Of a larger table not all conversations are wanted. */
#define MAX_BORROWED 10000

/* A parameter of an outer query, or of a subplan? */
static bool
has_exec_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC;
	return expression_tree_walker(node, has_exec_param, context);
}

/* Does it mean the same in a query of its own? */
static bool
stands_alone(Node *expr)
{
	return !has_exec_param(expr, NULL) && !contain_subplans(expr) &&
		   !contain_volatile_functions(expr);
}

/* A plain table, read as the query's snapshot has it. */
static bool
is_plain(PlannerInfo *root, RelOptInfo *other)
{
	RangeTblEntry *rte = planner_rt_fetch(other->relid, root);

	return other->reloptkind == RELOPT_BASEREL && rte->rtekind == RTE_RELATION &&
		   (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW ||
			rte->relkind == RELKIND_PARTITIONED_TABLE) &&
		   rte->tablesample == NULL && rte->securityQuals == NIL && root->qual_security_level == 0;
}

/* Is there no condition on the other table but its own and those with ours? */
static bool
is_restricted_by_us_alone(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *other)
{
	Relids	  both = bms_union(rel->relids, other->relids);
	ListCell *cell;

	foreach (cell, other->joininfo)
		if (!bms_is_subset(lfirst_node(RestrictInfo, cell)->clause_relids, both))
			return false;
	foreach (cell, root->eq_classes)
	{
		const EquivalenceClass *ec = lfirst(cell);

		if (bms_is_member((int) other->relid, ec->ec_relids) && !bms_is_subset(ec->ec_relids, both))
			return false;
	}
	foreach (cell, other->baserestrictinfo)
		if (!stands_alone((Node *) lfirst_node(RestrictInfo, cell)->clause))
			return false;
	return true;
}

static bool
is_on(Relids side, const RelOptInfo *rel)
{
	return bms_is_member((int) rel->relid, side);
}

/*
 * May an outer join give us a row of the other table that it hasn't, all NULL?  What is made of
 * those needn't be NULL.
 */
static bool
is_extended(PlannerInfo *root, const RelOptInfo *rel, const RelOptInfo *other)
{
	ListCell *cell;

	foreach (cell, root->join_info_list)
	{
		const SpecialJoinInfo *join = lfirst(cell);
		bool				   full = join->jointype == JOIN_FULL;

		if ((is_on(join->syn_righthand, other) && !is_on(join->syn_righthand, rel)) ||
			(full && is_on(join->syn_lefthand, other) && !is_on(join->syn_lefthand, rel)))
			return true;
	}
	return false;
}

RtmLoan *
rtm_find_loan(const RtmPlace *place, RelOptInfo *rel, RestrictInfo *rinfo, RtmFieldId field)
{
	PlannerInfo	 *root = place->root;
	RtmCondition *condition = rtm_match_clause(place, (Node *) rinfo->clause, field);
	Node		 *value;
	Relids		  others;
	RelOptInfo	 *other;
	RtmLoan		 *loan;
	int			  relid;

	if (condition == NULL || condition->compare != RTM_IS_IN ||
		list_length(condition->values) != 1 || rel->reloptkind != RELOPT_BASEREL ||
		!bms_is_empty(rel->lateral_relids) || root->parse->rowMarks != NIL ||
		(root->parse->commandType != CMD_SELECT && root->parse->commandType != CMD_INSERT))
		return NULL;
	value = linitial(condition->values);
	others = pull_varnos(root, value);
	if (!bms_get_singleton_member(others, &relid) || !stands_alone(value) ||
		type_is_array(getBaseType(exprType(value))) || !OidIsValid(get_array_type(exprType(value))))
		return NULL;
	other = root->simple_rel_array[relid];
	if (other == NULL || !is_plain(root, other) || other->rows > MAX_BORROWED ||
		!is_restricted_by_us_alone(root, rel, other) || is_extended(root, rel, other))
		return NULL;
	loan = palloc0(sizeof(RtmLoan));
	loan->field = field;
	loan->relid = (Index) relid;
	loan->value = value;
	loan->rows = other->rows;
	return loan;
}

/* SELECT value FROM the table WHERE its own conditions */
static Query *
make_query(PlannerInfo *root, Index relid, Node *value)
{
	Query		*query = makeNode(Query);
	RangeTblRef *table = makeNode(RangeTblRef);
	List		*quals = NIL;
	ListCell	*cell;

	foreach (cell, root->simple_rel_array[relid]->baserestrictinfo)
		quals = lappend(quals, copyObject(lfirst_node(RestrictInfo, cell)->clause));
	value = copyObject(value);
	ChangeVarNodes(value, (int) relid, 1, 0);
	ChangeVarNodes((Node *) quals, (int) relid, 1, 0);
	table->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = false;
	rtm_add_table(query, root->parse, planner_rt_fetch(relid, root));
	query->jointree = makeFromExpr(list_make1(table), (Node *) make_ands_explicit(quals));
	query->targetList = list_make1(makeTargetEntry((Expr *) value, 1, pstrdup("key"), false));
	return query;
}

Node *
rtm_take_loan(PlannerInfo *root, Index relid, Node *value)
{
	SubLink *array = makeNode(SubLink);

	array->subLinkType = ARRAY_SUBLINK;
	array->subselect = (Node *) make_query(root, relid, value);
	array->location = -1;
	return SS_process_sublinks(root, (Node *) array, false);
}
