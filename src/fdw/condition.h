/*-------------------------------------------------------------------------
 *
 * condition.h
 *	  What a query's clauses say about a field: values that it may have, or
 *	  bounds.
 *
 * A clause implies its conditions and may say more: all clauses are checked again
 * with the rows that come.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_CONDITION_H
#define RTM_FDW_CONDITION_H

#include "nodes/pathnodes.h"

#include "fdw/foreign_table.h"

typedef enum RtmCompare
{
	RTM_IS_IN, /* one of the values, or of the elements of those that are arrays */
	RTM_IS_ABOVE,
	RTM_IS_AT_LEAST,
	RTM_IS_BELOW,
	RTM_IS_AT_MOST
} RtmCompare;

typedef struct RtmCondition
{
	RtmFieldId field;
	RtmCompare compare;
	List	  *values; /* expressions without columns of the table, and none that is volatile */
} RtmCondition;

/* Where clauses are looked at: a foreign table of a query that is planned. */
typedef struct RtmPlace
{
	PlannerInfo	   *root;
	Index			relid;
	const RtmTable *table;
} RtmPlace;

/* Is the expression the field's column, as it is or cast so that different ids stay different? */
extern bool rtm_is_column(const RtmPlace *place, const Node *expr, RtmFieldId field);

/* Is the B-tree family the one that the expression's type is ordered by, unless a query says another? */
extern bool rtm_is_usual_order(const Node *expr, Oid opfamily);

/* What the clause says about the field; NULL: nothing that could be used. */
extern RtmCondition *rtm_match_clause(const RtmPlace *place, Node *clause, RtmFieldId field);

/* All conditions on fields that are good for something, of clauses (RestrictInfos or bare ones). */
extern List *rtm_match_clauses(const RtmPlace *place, List *clauses);

/* Does one of the clauses name the values of the field? */
extern bool rtm_clauses_bind(const RtmPlace *place, List *clauses, RtmFieldId field);

/* ---- values, when it runs ---- */

/*
 * A value of the types that conditions have as a bigint, for a field of whole numbers; false: it
 * equals none.  For a bound, what isn't whole is rounded down or up, and what is
 * too large is the smallest or largest bigint; false only for NaN.
 */
typedef enum RtmRounding
{
	RTM_EXACT,
	RTM_DOWN,
	RTM_UP
} RtmRounding;

extern bool rtm_condition_int(Oid type, Datum value, RtmRounding rounding, int64 *result);

#endif /* RTM_FDW_CONDITION_H */
