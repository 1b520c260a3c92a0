/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  A process that is a role.
 *
 * The plain way is to connect as the role, as its sessions do.  The server refuses
 * that to roles without LOGIN (until PostgreSQL 17, where a worker may ask for it all
 * the same) and to those without CONNECT on the database, while both may own what is
 * queued: by SECURITY DEFINER, or as somebody else's SET ROLE.  For these the process
 * connects as the server, takes the settings that a session of the role would have,
 * and sets its session's authorization.  The way back, SET SESSION AUTHORIZATION, is
 * what the server itself bars while a function of another owner runs
 * (SECURITY_LOCAL_USERID_CHANGE), in parallel workers too: that is in force from the
 * moment the role's code begins until its transaction has ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "outbox/workers/identity.h"
#include "session.h"

static Oid	my_role;
static bool logged_in; /* else the session's authorization was set */

bool
outbox_may_log_in(Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool	  may = false;

	if (HeapTupleIsValid(tuple))
	{
		may = (RTM_BYPASS_LOGIN_CHECK != 0 || ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin) &&
			  (superuser_arg(role) ||
			   rtm_aclcheck(DatabaseRelationId, MyDatabaseId, role, ACL_CONNECT) == ACLCHECK_OK);
		ReleaseSysCache(tuple);
	}
	return may;
}

/* ---- settings of a role that can't log in ---- */

static bool
is_of_this_user(const struct config_generic *setting)
{
	return (setting->context == PGC_USERSET || setting->context == PGC_SUSET) &&
		   (setting->source == PGC_S_USER || setting->source == PGC_S_DATABASE_USER);
}

/* A setting from before the connection: the server's own, as its files have it. */
typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

static Setting *
copy_settings(int *n)
{
	struct config_generic **settings = rtm_guc_variables(n);
	MemoryContext			old = MemoryContextSwitchTo(TopMemoryContext);
	Setting				   *copies = palloc0(sizeof(Setting) * *n);

	for (int i = 0; i < *n; i++)
	{
		const char *value = GetConfigOption(settings[i]->name, true, false);

		copies[i].name = settings[i]->name;
		copies[i].value = value ? pstrdup(value) : NULL;
	}
	MemoryContextSwitchTo(old);
	return copies;
}

static const char *
value_before(const Setting *before, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(before[i].name, name) == 0)
			return before[i].value;
	return NULL;
}

/*
 * Take back what ALTER ROLE says for the user who connected, and apply what it says
 * for the role: the most special settings last, as they are all of one source.
 */
static void
take_settings_of_role(Oid database, const Setting *before, int nbefore)
{
	int						n;
	struct config_generic **settings = rtm_guc_variables(&n);
	Snapshot				snapshot;
	Relation				rel;

	for (int i = 0; i < n; i++)
	{
		const char *value;

		if (!is_of_this_user(settings[i]))
			continue;

		/* one that wasn't there is nobody's: a name that ALTER ROLE has made up */
		value = value_before(before, nbefore, settings[i]->name);
		if (value || (settings[i]->flags & GUC_CUSTOM_PLACEHOLDER))
			SetConfigOption(settings[i]->name, value ? value : "", PGC_SUSET, settings[i]->source);
	}
	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	snapshot = RegisterSnapshot(GetCatalogSnapshot(DbRoleSettingRelationId));
	ApplySetting(snapshot, InvalidOid, InvalidOid, rel, PGC_S_DATABASE_USER);
	ApplySetting(snapshot, database, InvalidOid, rel, PGC_S_DATABASE_USER);
	ApplySetting(snapshot, InvalidOid, my_role, rel, PGC_S_DATABASE_USER);
	ApplySetting(snapshot, database, my_role, rel, PGC_S_DATABASE_USER);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
}

static void
set_authorization(Oid database, const Setting *before, int nbefore)
{
	HeapTuple tuple;

	rtm_begin_transaction();
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(my_role));
	if (!HeapTupleIsValid(tuple))
		ereport(FATAL, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("the role with OID %u does not exist", my_role)));
	take_settings_of_role(database, before, nbefore);
	SetConfigOption("session_authorization", NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname),
					PGC_SUSET, PGC_S_OVERRIDE);
	ReleaseSysCache(tuple);
	MyProc->roleId = my_role;
	CommitTransactionCommand();
}

/* ---- the process ---- */

void
outbox_become(Oid database, Oid role, bool logs_in)
{
	int		 n = 0;
	Setting *before = logs_in ? NULL : copy_settings(&n);

	my_role = role;
	logged_in = logs_in;

	/* ALTER ROLE ... SET role makes somebody else of it */
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_OVERRIDE);
	if (logs_in)
		BackgroundWorkerInitializeConnectionByOid(database, role, RTM_BYPASS_LOGIN_CHECK);
	else
	{
		BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
		set_authorization(database, before, n);
	}
	if (!outbox_is_still_role())
		ereport(FATAL, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
						errmsg("could not become the role with OID %u", role)));
}

void
outbox_enter_role(void)
{
	if (!logged_in)
		SetUserIdAndSecContext(my_role, SECURITY_LOCAL_USERID_CHANGE);
}

void
outbox_leave_role(void)
{
	if (!logged_in)
		SetUserIdAndSecContext(my_role, 0);
}

bool
outbox_is_still_role(void)
{
	if (GetSessionUserId() == my_role && GetUserId() != my_role)
		SetConfigOption("role", "none", PGC_USERSET, PGC_S_SESSION);
	return GetSessionUserId() == my_role && GetUserId() == my_role;
}
