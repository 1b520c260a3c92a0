/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What EXPLAIN says of a foreign table: the call, what it is told, and with
 *	  ANALYZE what it took.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "fdw/condition.h"
#include "fdw/scan.h"

static const char *
operator_name(RtmCompare compare)
{
	switch (compare)
	{
		case RTM_IS_IN:
			return "=";
		case RTM_IS_ABOVE:
			return ">";
		case RTM_IS_AT_LEAST:
			return ">=";
		case RTM_IS_BELOW:
			return "<";
		case RTM_IS_AT_MOST:
			return "<=";
	}
	return NULL;
}

/* A condition in SQL's words; a value of a joined table's row is $n. */
static char *
describe(const List *condition, List *exprs, int first, List *context)
{
	int			   n = list_nth_int(condition, 2);
	StringInfoData out;

	initStringInfo(&out);
	if (n == 0)
		appendStringInfo(&out, "%s IS NULL", rtm_field_name(linitial_int(condition)));
	for (int i = 0; i < n; i++)
	{
		Node *expr = list_nth(exprs, first + i);
		bool  array = type_is_array(getBaseType(exprType(expr)));

		appendStringInfo(&out, "%s%s %s %s%s%s", i ? " OR " : "",
						 rtm_field_name(linitial_int(condition)),
						 operator_name(list_nth_int(condition, 1)), array ? "ANY (" : "",
						 deparse_expression(expr, context, false, false), array ? ")" : "");
	}
	return out.data;
}

/* The fields that the scan's rows are ordered by. */
static char *
describe_order(const RtmScan *scan)
{
	StringInfoData out;
	ListCell	  *cell;

	initStringInfo(&out);
	foreach (cell, scan->order)
		appendStringInfo(&out, "%s%s%s", out.len ? ", " : "", rtm_field_name(lfirst_int(cell)),
						 scan->descending ? " DESC" : "");
	return out.data;
}

static void
explain_counts(const RtmScan *scan, ExplainState *es)
{
	ExplainPropertyUInteger("Conversations", NULL, scan->nread, es);
	ExplainPropertyUInteger("Calls", NULL, scan->meter.rate.asked, es);
	ExplainPropertyUInteger("Pages", NULL, scan->meter.pages, es);
	ExplainPropertyUInteger("Messages Received", NULL, scan->meter.rows, es);
	if (es->timing)
		ExplainPropertyFloat("Time Waited", "ms", INSTR_TIME_GET_MILLISEC(scan->meter.waited), 3,
							 es);
}

/*
 * Conditions on keys are apart from those that only leave out messages.  The option uid counts when
 * none says as whom.
 */
static void
explain_conditions(const RtmTable *table, const ForeignScan *plan, List *context, ExplainState *es)
{
	List	 *keys = NIL;
	List	 *bounds = NIL;
	bool	  bound = false;
	int		  first = 0;
	ListCell *cell;

	foreach (cell, (List *) list_nth(plan->fdw_private, RTM_PRIVATE_CONDITIONS))
	{
		List *condition = lfirst(cell);
		char *text = describe(condition, plan->fdw_exprs, first, context);

		first += list_nth_int(condition, 2);
		bound = bound || linitial_int(condition) == RTM_COLUMN_UID;
		if (linitial_int(condition) < RTM_NUM_KEYS)
			keys = lappend(keys, text);
		else
			bounds = lappend(bounds, text);
	}
	if (table->has_uid && !bound)
		ExplainPropertyInteger("Read As", NULL, table->uid, es);
	if (keys)
		ExplainPropertyList("Keys", keys, es);
	if (bounds)
		ExplainPropertyList("Bounds", bounds, es);
}

void
rtm_explain_scan(ForeignScanState *node, ExplainState *es)
{
	const RtmScan	  *scan = node->fdw_state;
	const ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;

	if (es->verbose)
		ExplainPropertyText("Server", scan->table->server, es);
	ExplainPropertyText("Method", scan->table->history->method, es);
	explain_conditions(scan->table, plan,
					   set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL), es);
	if (scan->order)
		ExplainPropertyText("Order", describe_order(scan), es);
	if (es->analyze)
		explain_counts(scan, es);
}
