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
#include "compat.h"
#include "outbox/outbox.h"

RTM_MODULE_MAGIC("rtm");

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	rtm_client_init();
	rtm_outbox_init();
	MarkGUCPrefixReserved("rtm");
}
