/*-------------------------------------------------------------------------
 *
 * gate_guc.c
 *	  Settings of the local gate.
 *
 * The gate's process takes them from the configuration file, also when that is
 * reloaded, and from ALTER DATABASE when it starts.  What a session sets for
 * itself is of no use to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "compat.h"
#include "fpnn/catalog.h"
#include "table/gate_guc.h"

bool gate_enforce_membership;
bool gate_refuse_repeated_salt;
int	 gate_rate_limit;
int	 gate_history_days;
int	 gate_history_messages;
int	 gate_max_clock_skew;
int	 gate_max_connections;
int	 gate_memory_limit;
int	 gate_ping_interval;
int	 gate_idle_timeout;

static char		  *saved_types;
static const bool *saved_of; /* by mtype, of saved_types; NULL: all are */

bool
gate_is_saved(int64 mtype)
{
	return saved_of == NULL || (mtype >= 0 && mtype <= RTM_MTYPE_MAX && saved_of[mtype]);
}

/* "30" or "40-50", of a comma-separated list. */
static bool
read_range(const char *text, bool *saved)
{
	int first;
	int last;
	int end = -1;

	if (sscanf(text, " %d - %d %n", &first, &last, &end) != 2 || end < 0 || text[end] != '\0')
	{
		end = -1;
		if (sscanf(text, " %d %n", &first, &end) != 1 || end < 0 || text[end] != '\0')
			return false;
		last = first;
	}
	if (first < RTM_MTYPE_MIN || last > RTM_MTYPE_MAX || first > last)
		return false;
	for (int i = first; i <= last; i++)
		saved[i] = true;
	return true;
}

/* What is valid becomes an array by mtype, which is the setting's extra. */
static bool
check_saved_types(char **value, void **extra, GucSource source)
{
	bool  saved[RTM_MTYPE_MAX + 1] = {0};
	char *rest;
	char *item;
	bool  good = true;

	if (**value == '\0')
		return true;
	rest = pstrdup(*value);
	while (good && (item = strsep(&rest, ",")) != NULL)
		good = read_range(item, saved);
	if (!good)
	{
		GUC_check_errdetail("It is a list of message types and ranges of them, such as \"%s\".",
							"30, 32, 40-50");
		return false;
	}
	*extra = rtm_guc_extra(sizeof(saved));
	if (*extra)
		memcpy(*extra, saved, sizeof(saved));
	return *extra != NULL;
}

static void
assign_saved_types(const char *value, void *extra)
{
	saved_of = extra;
}

/* What the service does: the limits of protocol.md. */
static void
define_behaviour(void)
{
	DefineCustomBoolVariable(
		"rtm_gate.enforce_membership",
		"Only members write to a group or room and read its history.",
		"Without it every group and room is open, as it is for a server's signed quests.",
		&gate_enforce_membership, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("rtm_gate.refuse_repeated_salt",
							 "Refuse a quest whose salt was used before.",
							 "The vendor's Python SDK repeats salts when it sends fast.",
							 &gate_refuse_repeated_salt, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm_gate.rate_limit", "Quests a second that the local gate takes from a project.",
		"0 stands for no limit.", &gate_rate_limit, 0, 0, INT_MAX, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm_gate.history_days", "Days for which the local gate keeps messages.",
		"0 stands for no limit.", &gate_history_days, 7, 0, 36500, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm_gate.history_messages",
							"Messages of a conversation that the local gate keeps.",
							"0 stands for no limit.", &gate_history_messages, 500, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"rtm_gate.saved_types", "Message types that the local gate keeps in histories.",
		"Empty stands for all; the service keeps 30, 32, 40-50 and those that its console says.",
		&saved_types, "", PGC_SUSET, 0, check_saved_types, assign_saved_types, NULL);
	DefineCustomIntVariable(
		"rtm_gate.max_clock_skew",
		"By how much the time of a quest may differ from the local gate's clock.", NULL,
		&gate_max_clock_skew, 300, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
}

static void
define_resources(void)
{
	DefineCustomIntVariable("rtm_gate.max_connections",
							"Connections that the local gate holds at the same time.",
							"Each takes a file descriptor.", &gate_max_connections, 5000, 1, 100000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm_gate.memory_limit",
		"Memory for what the local gate's connections have sent and not yet read.",
		"Beyond it the connections that need the most are closed.", &gate_memory_limit, 256 * 1024,
		32 * 1024, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm_gate.ping_interval",
							"Time after which the local gate pings an idle client.",
							"0 stands for never.", &gate_ping_interval, 20 * 1000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm_gate.idle_timeout",
		"Time after which the local gate closes a connection that sends nothing.",
		"0 stands for never.", &gate_idle_timeout, 60 * 1000, 0, INT_MAX, PGC_SUSET, GUC_UNIT_MS,
		NULL, NULL, NULL);
}

void
gate_guc_init(void)
{
	define_behaviour();
	define_resources();
}
