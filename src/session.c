/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The session of a background worker: see session.h.
 *
 * A value of source PGC_S_OVERRIDE isn't changed by pg_db_role_setting, nor by a
 * configuration file that is read again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "session.h"

void
rtm_session_hear_signals(void)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	/* the server ignores SIGHUP for a process that begins, whose settings are its own at the fork */
	ProcessConfigFile(PGC_SIGHUP);
}

static void
override(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * Those that no file may have are of one transaction or one command, but for role
 * and session_authorization; client_encoding follows the database's.
 */
static bool
is_to_be_kept(const struct config_generic *setting, const char *prefix)
{
	if (setting->context != PGC_USERSET ||
		(setting->flags & (GUC_DISALLOW_IN_FILE | GUC_CUSTOM_PLACEHOLDER)) != 0)
		return false;
	if (strcmp(setting->name, "client_encoding") == 0)
		return false;
	return prefix == NULL || strncmp(setting->name, prefix, strlen(prefix)) != 0;
}

void
rtm_session_before_connect(const char *prefix)
{
	int						n;
	struct config_generic **settings = rtm_guc_variables(&n);

	/* of session_authorization there is no value yet that could be set */
	for (int i = 0; i < n; i++)
	{
		const char *value;

		if (strcmp(settings[i]->name, "session_authorization") == 0)
			settings[i]->source = settings[i]->reset_source = PGC_S_OVERRIDE;
		if (!is_to_be_kept(settings[i], prefix))
			continue;
		value = GetConfigOption(settings[i]->name, true, false);
		if (value)
			override(settings[i]->name, pstrdup(value));
	}
	override("role", "none");
}

void
rtm_session_after_connect(void)
{
	override("client_encoding", GetDatabaseEncodingName());
	override("search_path", "pg_catalog");
	override("session_replication_role", "replica");
	override("default_transaction_isolation", "read committed");
	override("default_transaction_read_only", "off");
	override("default_transaction_deferrable", "off");
	override("statement_timeout", "0");
	override("lock_timeout", "0");
	override("idle_in_transaction_session_timeout", "0");
	rtm_no_transaction_timeout();
}

void
rtm_begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

ErrorData *
rtm_attempt(void (*body)(void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		body(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		HOLD_INTERRUPTS();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
