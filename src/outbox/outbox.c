/*-------------------------------------------------------------------------
 *
 * outbox.c
 *	  The outbox, as the library sees it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "outbox/enqueue/enqueue.h"
#include "outbox/record/outbox_guc.h"
#include "outbox/hooks.h"
#include "outbox/outbox.h"
#include "outbox/record/instance.h"
#include "outbox/record/ticket.h"
#include "outbox/workers/registry.h"
#include "outbox/workers/worker.h"

void
rtm_outbox_init(void)
{
	outbox_guc_init();
	if (!process_shared_preload_libraries_in_progress)
		return;

	/* pg_upgrade's server is no place for anybody else to connect and write */
	if (IsBinaryUpgrade)
		return;
	outbox_registry_init();
	outbox_tickets_init();
	outbox_instance_init();
	outbox_enqueue_init();
	outbox_hooks_init();
	outbox_launcher_init();
}
