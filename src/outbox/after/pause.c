/*-------------------------------------------------------------------------
 *
 * pause.c
 *	  rtm_pause(), rtm_resume().
 *
 * That a server is paused is an option of it: so it is as durable as the server, and
 * dumped, copied, renamed and dropped with it.  What is told to the sender besides is
 * that it has to look: see deliver/discard.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "client/client_guc.h"
#include "client/lookup.h"
#include "client/option.h"
#include "compat.h"
#include "outbox/enqueue/chore.h"

/* A server of rtm that the current role owns, or may grant the use of. */
static ForeignServer *
find_server(const NullableDatum *arg)
{
	char *name = arg->isnull ? rtm_server_name : text_to_cstring(DatumGetTextPP(arg->value));
	Oid	  role = GetUserId();
	Oid	  oid = rtm_find_server(name, role);
	ForeignServer *server;

	LockDatabaseObject(ForeignServerRelationId, oid, 0, ShareUpdateExclusiveLock);
	server = GetForeignServer(oid);
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "rtm") != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is not a server of rtm", name)));
	if (!has_privs_of_role(role, server->owner) &&
		rtm_aclcheck(ForeignServerRelationId, oid, role, ACL_GRANT_OPTION_FOR(ACL_USAGE)) !=
			ACLCHECK_OK)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to pause or resume server \"%s\"", name),
						errhint("Its owner may, and who has USAGE on it WITH GRANT OPTION.")));
	return server;
}

/* Set an option, or drop it (NULL). */
static List *
with_option(List *changes, const ForeignServer *server, char *name, char *value)
{
	bool there = rtm_option_value(server->options, name) != NULL;

	if (value == NULL && !there)
		return changes;
	return lappend(changes, makeDefElemExtended(NULL, name, (Node *) makeString(value),
												value == NULL ? DEFELEM_DROP
												: there		  ? DEFELEM_SET
															  : DEFELEM_ADD,
												-1));
}

/*
 * The other options are none of the caller's business: they may be such that he couldn't set.
 */
static void
change(const ForeignServer *server, char *since, char *by)
{
	AlterForeignServerStmt *alter = makeNode(AlterForeignServerStmt);
	Oid						role;
	int						context;

	alter->servername = server->servername;
	alter->options = with_option(NIL, server, RTM_PAUSED_SINCE, since);
	alter->options = with_option(alter->options, server, RTM_PAUSED_BY, by);
	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE);
	(void) AlterForeignServer(alter);
	SetUserIdAndSecContext(role, context);

	/* another call in the same statement is to see it */
	CommandCounterIncrement();
	outbox_begin_pausing();
}

static bool
is_paused(const ForeignServer *server)
{
	return rtm_option_value(server->options, RTM_PAUSED_SINCE) != NULL;
}

PG_FUNCTION_INFO_V1(rtm_sql_pause);

Datum
rtm_sql_pause(PG_FUNCTION_ARGS)
{
	ForeignServer *server;

	PreventCommandIfReadOnly("rtm_pause()");
	PreventCommandDuringRecovery("rtm_pause()");
	server = find_server(&fcinfo->args[0]);
	if (is_paused(server))
		PG_RETURN_BOOL(false);
	change(server, rtm_since_text(GetCurrentTimestamp()), GetUserNameFromId(GetUserId(), false));
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(rtm_sql_resume);

Datum
rtm_sql_resume(PG_FUNCTION_ARGS)
{
	ForeignServer *server;

	PreventCommandIfReadOnly("rtm_resume()");
	PreventCommandDuringRecovery("rtm_resume()");
	server = find_server(&fcinfo->args[0]);
	if (!is_paused(server))
		PG_RETURN_BOOL(false);
	change(server, NULL, NULL);
	PG_RETURN_BOOL(true);
}
