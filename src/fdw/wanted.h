/*-------------------------------------------------------------------------
 *
 * wanted.h
 *	  What a scan is to read, when the values of its conditions are known.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_WANTED_H
#define RTM_FDW_WANTED_H

#include "lib/stringinfo.h"
#include "nodes/execnodes.h"

#include "fdw/condition.h"

/* Whole numbers, ascending, each once. */
typedef struct RtmIntSet
{
	bool   given; /* there was a condition */
	int	   n;
	int64 *values;
} RtmIntSet;

typedef struct RtmWanted
{
	bool	  nothing; /* no row can be true to the conditions */
	RtmIntSet keys[RTM_NUM_KEYS];
	RtmIntSet mtypes;

	/* exclusive; the least and the greatest bigint stand for no bound */
	int64 after_id;
	int64 before_id;

	/* milliseconds, inclusive; the same */
	int64 from;
	int64 to;
} RtmWanted;

/* Conditions of a plan, ready to be evaluated. */
typedef struct RtmConditionState
{
	RtmFieldId	field;
	RtmCompare	compare;
	int			n;
	ExprState **values;
	Oid		   *types; /* of the value, or of its elements */
	bool	   *arrays;
} RtmConditionState;

/* Conditions as fdw.h describes them, with their expressions. */
extern RtmConditionState *rtm_init_conditions(List *conditions, List *exprs, PlanState *parent);

/* Evaluate them, into the current memory context. */
extern void rtm_evaluate(const RtmTable *table, const RtmConditionState *conditions, int n,
						 ExprContext *context, RtmWanted *wanted);

/* The same wanted, the same bytes. */
extern void rtm_describe_wanted(const RtmWanted *wanted, StringInfo out);

#endif /* RTM_FDW_WANTED_H */
