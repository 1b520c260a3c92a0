/*-------------------------------------------------------------------------
 *
 * rtm_gate.c
 *	  The library's entry point.
 *
 * Nothing of it has to be preloaded: a session loads it with the first function
 * that it calls, a gate with its process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "compat.h"
#include "table/gate_guc.h"

RTM_MODULE_MAGIC("rtm_gate");

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	gate_guc_init();
	MarkGUCPrefixReserved("rtm_gate");
}
