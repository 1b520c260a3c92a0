/*-------------------------------------------------------------------------
 *
 * fdw.h
 *	  The routines of the foreign-data wrapper, and what planner and executor
 *	  hand each other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_H
#define RTM_FDW_H

#include "foreign/fdwapi.h"

#include "fdw/foreign_table.h"

/* In which order a scan gives its rows; for each field in turn. */
#define RTM_MAX_ORDER 3

/*
 * ForeignScan.fdw_private: the role to check access as (0: the current one), a
 * list of {field, compare, number of values} for each condition, a list of the
 * fields that rows are ordered by, whether that is descending, a list of the columns
 * that are needed.  The values are fdw_exprs.
 */
typedef enum RtmScanPrivate
{
	RTM_PRIVATE_ROLE,
	RTM_PRIVATE_CONDITIONS,
	RTM_PRIVATE_ORDER,
	RTM_PRIVATE_DESCENDING,
	RTM_PRIVATE_COLUMNS
} RtmScanPrivate;

/* import.c */
extern List *rtm_import_schema(ImportForeignSchemaStmt *stmt, Oid server);

/* plan.c */
extern void			rtm_plan_size(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern void			rtm_plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern List		   *rtm_plan_for_child(PlannerInfo *root, List *private, RelOptInfo *child);
extern ForeignScan *rtm_plan_scan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *best,
								  List *tlist, List *clauses, Plan *outer);

/* scan.c */
extern void			   rtm_scan_begin(ForeignScanState *node, int eflags);
extern TupleTableSlot *rtm_scan_next(ForeignScanState *node);
extern void			   rtm_scan_again(ForeignScanState *node);
extern void			   rtm_scan_end(ForeignScanState *node);

/* append.c */
extern bool rtm_is_async_capable(ForeignPath *path);
extern void rtm_async_request(AsyncRequest *request);
extern void rtm_async_wait(AsyncRequest *request);

/* modify.c */
extern int	 rtm_is_updatable(Relation rel);
extern void	 rtm_add_targets(PlannerInfo *root, Index index, RangeTblEntry *rte, Relation rel);
extern List *rtm_plan_modify(PlannerInfo *root, ModifyTable *plan, Index index, int subplan);
extern void	 rtm_truncate(List *rels, DropBehavior behavior, bool restart_seqs);
extern void	 rtm_modify_begin(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private,
							  int subplan, int eflags);
extern void	 rtm_insert_begin(ModifyTableState *mtstate, ResultRelInfo *rinfo);
extern void	 rtm_modify_end(EState *estate, ResultRelInfo *rinfo);
extern int	 rtm_batch_size(ResultRelInfo *rinfo);
extern TupleTableSlot  *rtm_insert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
								   TupleTableSlot *plan_slot);
extern TupleTableSlot **rtm_insert_batch(EState *estate, ResultRelInfo *rinfo,
										 TupleTableSlot **slots, TupleTableSlot **plan_slots,
										 int *nslots);
extern TupleTableSlot  *rtm_update(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
								   TupleTableSlot *plan_slot);
extern TupleTableSlot  *rtm_delete(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
								   TupleTableSlot *plan_slot);
extern void rtm_explain_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private,
							   int subplan, struct ExplainState *es);

/* explain.c */
extern void rtm_explain_scan(ForeignScanState *node, struct ExplainState *es);

#endif /* RTM_FDW_H */
