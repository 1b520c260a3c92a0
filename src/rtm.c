/*-------------------------------------------------------------------------
 *
 * rtm.c
 *	  The library's entry point.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "client/client_guc.h"
#include "gate/gate.h"
#include "gate/guc.h"
#include "outbox/outbox.h"

/* RTM_VERSION is rtm.control's, by the Makefile */
#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "rtm", .version = RTM_VERSION);
#else
PG_MODULE_MAGIC;
#endif

void _PG_init(void);

void
_PG_init(void)
{
	rtm_client_init();
	rtm_outbox_init(rtm_gate_launch);
	gate_guc_init();
	MarkGUCPrefixReserved("rtm");
	MarkGUCPrefixReserved("rtm_gate");
}
