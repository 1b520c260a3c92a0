/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  The trigger that keeps statements of others away from the outbox's tables.
 *
 * What a row says about its owner, server and callback is believed.  So rows are
 * written by the extension's own code, most of which fires no trigger, and by
 * superusers; whoever was granted a privilege on the tables, by name, by a default
 * or as a member of pg_write_all_data, can do nothing with it but read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rtm_sql_guard);

Datum
rtm_sql_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "rtm_guard() is a trigger's function");
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" is written by the extension rtm only",
						RelationGetRelationName(trigger->tg_relation)),
				 errhint("Use its functions: rtm_retry(), rtm_discard() and those that queue.")));
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
																	  : trigger->tg_trigtuple);
}
