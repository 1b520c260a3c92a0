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

#include "client/guc.h"
#include "gate/gate.h"
#include "gate/guc.h"
#include "outbox/outbox.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	rtm_client_init();
	rtm_outbox_init(rtm_gate_launch);
	gate_guc_init();
	MarkGUCPrefixReserved("rtm");
	MarkGUCPrefixReserved("rtm_gate");
}
