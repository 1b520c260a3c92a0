/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  The handler of the foreign-data wrapper rtm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "fdw/fdw.h"

PG_FUNCTION_INFO_V1(rtm_fdw_handler);

Datum
rtm_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->ImportForeignSchema = rtm_import_schema;

	routine->GetForeignRelSize = rtm_plan_size;
	routine->GetForeignPaths = rtm_plan_paths;
	routine->ReparameterizeForeignPathByChild = rtm_plan_for_child;
	routine->GetForeignPlan = rtm_plan_scan;
	routine->BeginForeignScan = rtm_scan_begin;
	routine->IterateForeignScan = rtm_scan_next;
	routine->ReScanForeignScan = rtm_scan_again;
	routine->EndForeignScan = rtm_scan_end;
	routine->ExplainForeignScan = rtm_explain_scan;

	routine->IsForeignPathAsyncCapable = rtm_is_async_capable;
	routine->ForeignAsyncRequest = rtm_async_request;
	routine->ForeignAsyncConfigureWait = rtm_async_wait;

	routine->IsForeignRelUpdatable = rtm_is_updatable;
	routine->AddForeignUpdateTargets = rtm_add_targets;
	routine->PlanForeignModify = rtm_plan_modify;
	routine->BeginForeignModify = rtm_modify_begin;
	routine->EndForeignModify = rtm_modify_end;
	routine->BeginForeignInsert = rtm_insert_begin;
	routine->EndForeignInsert = rtm_modify_end;
	routine->GetForeignModifyBatchSize = rtm_batch_size;
	routine->ExecForeignInsert = rtm_insert;
	routine->ExecForeignBatchInsert = rtm_insert_batch;
	routine->ExecForeignUpdate = rtm_update;
	routine->ExecForeignDelete = rtm_delete;
	routine->ExecForeignTruncate = rtm_truncate;
	routine->ExplainForeignModify = rtm_explain_modify;
	PG_RETURN_POINTER(routine);
}
