/*-------------------------------------------------------------------------
 *
 * borrow.h
 *	  The values of a key from a table that it is joined with, all at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_BORROW_H
#define RTM_FDW_BORROW_H

#include "fdw/condition.h"

/* A key whose values are those of an expression over another table's rows. */
typedef struct RtmLoan
{
	RtmFieldId field;
	Index	   relid;
	Node	  *value;
	double	   rows; /* of the other table, by estimate */
} RtmLoan;

/*
 * Can the key's values be had, by this join clause, before the join?  NULL: not so that
 * exactly what the join would read is read.
 */
extern RtmLoan *rtm_find_loan(const RtmPlace *place, RelOptInfo *rel, RestrictInfo *rinfo,
							  RtmFieldId field);

/* When a plan is made: an array with the values, of which a subplan sees to it. */
extern Node *rtm_take_loan(PlannerInfo *root, Index relid, Node *value);

#endif /* RTM_FDW_BORROW_H */
