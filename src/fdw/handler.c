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
	routine->GetForeignPlan = rtm_plan_scan;
	routine->BeginForeignScan = rtm_scan_begin;
	routine->IterateForeignScan = rtm_scan_next;
	routine->ReScanForeignScan = rtm_scan_again;
	routine->EndForeignScan = rtm_scan_end;
	PG_RETURN_POINTER(routine);
}
