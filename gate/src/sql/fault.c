/*-------------------------------------------------------------------------
 *
 * fault.c
 *	  The SQL function rtm_gate_fault(), by which somebody asks for a fault.
 *
 * The table has constraints of its own; here a mistake gets a hint.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "fpnn/catalog.h"
#include "table/cache.h"
#include "table/gate_spi.h"

PG_FUNCTION_INFO_V1(rtm_gate_fault);

/* The arguments, in their order. */
enum
{
	ARG_ACTION,
	ARG_METHOD,
	ARG_TYPE,
	ARG_XID,
	ARG_CODE,
	ARG_DELAY,
	ARG_TIMES,
	ARG_PROBABILITY,
	ARG_PID,
	ARG_AFTER,
	NUM_ARGS
};

static void
refuse(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", what), errhint("%s", hint)));
}

static void
check_action(const char *name)
{
	GateFaultAction action;

	if (!gate_fault_action(name, &action))
		refuse(psprintf("unknown action of a fault: \"%s\"", name),
			   "Actions are error, delay, drop, lose, close, taken.");
}

/* A method that the gate doesn't know would never meet the fault. */
static void
check_method(const char *method)
{
	const char		*call = strncmp(method, "rtm_", 4) == 0 ? method + 4 : method;
	const RtmMethod *row = rtm_method_by_call(call, strlen(call));

	if (rtm_method_by_wire(method, RTM_NO_CONVERSATION) != NULL)
		return;
	if (row)
		refuse(psprintf("unknown method: \"%s\"", method),
			   psprintf("Its name on the wire is \"%s\".", row->method));
	refuse(
		psprintf("unknown method: \"%s\"", method),
		"Methods have their names on the wire, as sendgroupmsg; the documentation of the local gate lists them.");
}

/* An argument goes with one action, and with no other. */
static void
check_belongs(const char *action, const char *argument, const char *owner, bool given)
{
	bool wanted = strcmp(action, owner) == 0;

	if (wanted && !given)
		refuse(psprintf("a fault with action \"%s\" needs the argument \"%s\"", action, argument),
			   strcmp(argument, "code") == 0 ? "For example: code => 200010."
											 : "For example: delay => '2 s'.");
	if (!wanted && given)
		refuse(psprintf("a fault with action \"%s\" has no argument \"%s\"", action, argument),
			   psprintf("It belongs to action \"%s\".", owner));
}

static void
check_numbers(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(ARG_TYPE) &&
		(PG_GETARG_INT32(ARG_TYPE) < RTM_P2P || PG_GETARG_INT32(ARG_TYPE) > RTM_BROADCAST))
		refuse(psprintf("unknown type of a conversation: %d", PG_GETARG_INT32(ARG_TYPE)),
			   "1 is p2p, 2 a group, 3 a room, 4 broadcast.");
	if (!PG_ARGISNULL(ARG_XID) && PG_ARGISNULL(ARG_TYPE))
		refuse("the argument \"xid\" needs the argument \"type\"",
			   "1 is p2p, 2 a group, 3 a room, 4 broadcast.");
	if (!PG_ARGISNULL(ARG_CODE) && PG_GETARG_INT32(ARG_CODE) == 0)
		refuse("invalid code: 0", "0 isn't an error; codes are for example 200010 or 20011.");
	if (!PG_ARGISNULL(ARG_TIMES) && PG_GETARG_INT64(ARG_TIMES) < 1)
		refuse(psprintf("invalid times: " INT64_FORMAT, PG_GETARG_INT64(ARG_TIMES)),
			   "Leave it out for a fault that always happens.");
	if (PG_ARGISNULL(ARG_AFTER) || PG_GETARG_INT64(ARG_AFTER) < 0)
		refuse("invalid number of quests that are spared", "It is 0 or more.");
	if (PG_ARGISNULL(ARG_PROBABILITY) ||
		!(PG_GETARG_FLOAT8(ARG_PROBABILITY) > 0 && PG_GETARG_FLOAT8(ARG_PROBABILITY) <= 1))
		refuse("invalid probability", "It is above 0, and 1 at most.");
}

static void
check_delay(const Interval *delay)
{
	int64 microseconds = delay->time + (delay->day + delay->month * INT64CONST(30)) * USECS_PER_DAY;

	if (microseconds < 0 || microseconds > USECS_PER_DAY)
		refuse("invalid delay", "It is a day at most, and not negative.");
}

Datum
rtm_gate_fault(PG_FUNCTION_ARGS)
{
	static GatePlan plan = {
		"INSERT INTO rtm_gate.fault (action, method, type, xid, code, delay, times, probability, pid, after)"
		" VALUES ($1, $2, $3::int2, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
		{TEXTOID, TEXTOID, INT4OID, INT8OID, INT4OID, INTERVALOID, INT8OID, FLOAT8OID, INT8OID,
		 INT8OID}};
	Datum values[NUM_ARGS];
	char  nulls[NUM_ARGS + 1] = {0};
	char *action;
	int64 id;

	if (PG_ARGISNULL(ARG_ACTION))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the action of a fault must not be null")));
	action = text_to_cstring(PG_GETARG_TEXT_PP(ARG_ACTION));
	check_action(action);
	if (!PG_ARGISNULL(ARG_METHOD))
		check_method(text_to_cstring(PG_GETARG_TEXT_PP(ARG_METHOD)));
	check_belongs(action, "code", "error", !PG_ARGISNULL(ARG_CODE));
	check_belongs(action, "delay", "delay", !PG_ARGISNULL(ARG_DELAY));
	check_numbers(fcinfo);
	if (!PG_ARGISNULL(ARG_DELAY))
		check_delay(PG_GETARG_INTERVAL_P(ARG_DELAY));
	for (int i = 0; i < NUM_ARGS; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	gate_spi_begin();
	gate_spi_run(&plan, values, nulls);
	id = DatumGetInt64(gate_spi_column(0, 1, NULL));
	gate_spi_end();
	PG_RETURN_INT64(id);
}
