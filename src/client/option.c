/*-------------------------------------------------------------------------
 *
 * option.c
 *	  Options of a foreign server and a user mapping: checked when they are
 *	  set, read when a connection is made.
 *
 * No message of this file says a value of `secret`.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "client/option.h"
#include "compat.h"
#include "fpnn/crypt.h"
#include "fpnn/sign.h"

/* Messages that an INSERT has under way at once: the executor has as many rows in memory. */
#define MAX_BATCH 10000

#define ENDPOINT_HINT                       \
	"Write host:port, up to " CppAsString2( \
		RTM_MAX_ENDPOINTS) " separated by commas, an IPv6 address in brackets."

/* So many bytes of a wrong value are shown. */
#define SHOWN_VALUE 200

/* A cost above it, times rows, would be no number any more. */
#define MAX_COST 1e10

typedef enum OptionType
{
	OPTION_ENDPOINTS,
	OPTION_PID,
	OPTION_SECRET,
	OPTION_CHOICE,
	OPTION_KEY,
	OPTION_FILE,
	OPTION_BOOL,
	OPTION_SECONDS,
	OPTION_COUNT,
	OPTION_BATCH,
	OPTION_SINCE,
	OPTION_ROLE,
	OPTION_COST,
	OPTION_UID,
	OPTION_NAME
} OptionType;

typedef struct OptionDef
{
	const char *name;
	Oid			catalog;
	OptionType	type;
	const char *choices; /* of OPTION_CHOICE, separated by ", " */
} OptionDef;

static const OptionDef option_defs[] = {
	{"endpoint", ForeignServerRelationId, OPTION_ENDPOINTS, NULL},
	{"pid", ForeignServerRelationId, OPTION_PID, NULL},
	{"encryption", ForeignServerRelationId, OPTION_CHOICE, "none, ecdh, tls"},
	{"public_key", ForeignServerRelationId, OPTION_KEY, NULL},
	{"public_key_file", ForeignServerRelationId, OPTION_FILE, NULL},
	{"ecdh_mode", ForeignServerRelationId, OPTION_CHOICE, "stream, package"},
	{"ecdh_bits", ForeignServerRelationId, OPTION_CHOICE, "128, 256"},
	{"tls_ca_file", ForeignServerRelationId, OPTION_FILE, NULL},
	{"tls_verify", ForeignServerRelationId, OPTION_BOOL, NULL},
	{"tls_max_version", ForeignServerRelationId, OPTION_CHOICE, "1.2, 1.3"},
	{"connect_timeout", ForeignServerRelationId, OPTION_SECONDS, NULL},
	{"quest_timeout", ForeignServerRelationId, OPTION_SECONDS, NULL},
	{"rate_limit", ForeignServerRelationId, OPTION_COUNT, NULL},
	{"max_in_flight", ForeignServerRelationId, OPTION_COUNT, NULL},
	{"max_attempts", ForeignServerRelationId, OPTION_COUNT, NULL},
	{"max_age", ForeignServerRelationId, OPTION_SECONDS, NULL},
	{"retry_delay", ForeignServerRelationId, OPTION_SECONDS, NULL},
	{RTM_PAUSED_SINCE, ForeignServerRelationId, OPTION_SINCE, NULL},
	{RTM_PAUSED_BY, ForeignServerRelationId, OPTION_ROLE, NULL},
	{"secret", UserMappingRelationId, OPTION_SECRET, NULL},

	/* foreign tables; those of a server are for its tables without */
	{"conversation", ForeignTableRelationId, OPTION_CHOICE, "p2p, group, room, broadcast"},
	{"uid", ForeignTableRelationId, OPTION_UID, NULL},
	{"uid", UserMappingRelationId, OPTION_UID, NULL},
	{"queued", ForeignTableRelationId, OPTION_BOOL, NULL},
	{"queued", ForeignServerRelationId, OPTION_BOOL, NULL},
	{"batch_size", ForeignTableRelationId, OPTION_BATCH, NULL},
	{"batch_size", ForeignServerRelationId, OPTION_BATCH, NULL},
	{"time_ordered", ForeignTableRelationId, OPTION_BOOL, NULL},
	{"time_ordered", ForeignServerRelationId, OPTION_BOOL, NULL},
	{"fdw_startup_cost", ForeignTableRelationId, OPTION_COST, NULL},
	{"fdw_startup_cost", ForeignServerRelationId, OPTION_COST, NULL},
	{"fdw_call_cost", ForeignTableRelationId, OPTION_COST, NULL},
	{"fdw_call_cost", ForeignServerRelationId, OPTION_COST, NULL},
	{"fdw_rows", ForeignTableRelationId, OPTION_COUNT, NULL},
	{"fdw_rows", ForeignServerRelationId, OPTION_COUNT, NULL},
	{"column_name", AttributeRelationId, OPTION_NAME, NULL},
};

PG_FUNCTION_INFO_V1(rtm_fdw_validator);

pg_noreturn static void bad_value(const char *name, const char *value, const char *hint);

static bool
is_control(char c)
{
	return (unsigned char) c < ' ' || c == 0x7f;
}

/* The beginning of a value, fit for a log line. */
static const char *
shown_value(const char *value)
{
	int	  len = (int) strlen(value);
	bool  whole = len <= SHOWN_VALUE;
	char *shown = psprintf("%.*s%s", whole ? len : pg_mbcliplen(value, len, SHOWN_VALUE), value,
						   whole ? "" : "...");

	for (char *p = shown; *p; p++)
		if (is_control(*p))
			*p = '?';
	return shown;
}

static void
bad_value(const char *name, const char *value, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					errmsg("invalid value for option \"%s\": \"%s\"", name, shown_value(value)),
					errhint("%s", hint)));
	pg_unreachable();
}

static const OptionDef *
find_definition(const char *name, Oid catalog)
{
	for (int i = 0; i < lengthof(option_defs); i++)
		if (option_defs[i].catalog == catalog && strcmp(option_defs[i].name, name) == 0)
			return &option_defs[i];
	return NULL;
}

/* An option of the one object that was given to the other: a hint, else NULL. */
static const char *
misplaced_hint(const char *name, Oid catalog)
{
	if (catalog != UserMappingRelationId && find_definition(name, UserMappingRelationId))
		return psprintf(
			"It belongs to a user mapping: CREATE USER MAPPING FOR ... SERVER ... OPTIONS (%s '...').",
			name);
	if (catalog != ForeignServerRelationId && find_definition(name, ForeignServerRelationId))
		return psprintf("It belongs to a server: ALTER SERVER ... OPTIONS (ADD %s '...').", name);
	return NULL;
}

static void
unknown_option(const char *name, Oid catalog)
{
	const char	  *misplaced = misplaced_hint(name, catalog);
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < lengthof(option_defs); i++)
		if (option_defs[i].catalog == catalog)
			appendStringInfo(&valid, "%s%s", valid.len ? ", " : "", option_defs[i].name);
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
					misplaced	? errhint("%s", misplaced)
					: valid.len ? errhint("Valid options here are: %s.", valid.data)
								: errhint("There are no valid options here.")));
}

/* One "host:port" or "[address]:port", changed in place; false: neither. */
static bool
parse_endpoint(char *text, RtmEndpoint *endpoint)
{
	char		 *colon = strrchr(text, ':');
	char		 *end;
	unsigned long port;

	endpoint->text = pstrdup(text);
	if (colon == NULL || colon == text || colon[1] < '0' || colon[1] > '9' ||
		strlen(text) > RTM_MAX_ENDPOINT)
		return false;
	*colon = '\0';
	endpoint->port = colon + 1;
	port = strtoul(endpoint->port, &end, 10);
	if (*end || port < 1 || port > 65535)
		return false;
	if (text[0] == '[')
	{
		if (colon[-1] != ']' || colon - text < 3)
			return false;
		colon[-1] = '\0';
		endpoint->host = text + 1;
		return true;
	}
	endpoint->host = text;
	return strpbrk(text, ":[] \t/") == NULL;
}

/* It stands in log lines and on terminals as it is. */
static bool
has_control_character(const char *text)
{
	for (; *text; text++)
		if (is_control(*text))
			return true;
	return false;
}

/* Comma-separated endpoints; NULL when one of them isn't, or there are too many. */
static RtmEndpoint *
parse_endpoints(const char *value, int *count)
{
	char		*rest = pstrdup(value);
	RtmEndpoint *list = palloc(sizeof(RtmEndpoint) * RTM_MAX_ENDPOINTS);
	char		*item;

	*count = 0;
	while ((item = strsep(&rest, ",")) != NULL)
	{
		size_t len;

		item += strspn(item, " \t");
		for (len = strlen(item); len > 0 && strchr(" \t", item[len - 1]); len--)
			item[len - 1] = '\0';
		if (*count == RTM_MAX_ENDPOINTS || has_control_character(item) ||
			!parse_endpoint(item, &list[*count]))
			return NULL;
		(*count)++;
	}
	return list;
}

static bool
is_choice(const char *value, const char *choices)
{
	char *rest = pstrdup(choices);
	char *item;

	while ((item = strsep(&rest, ",")) != NULL)
		if (strcmp(item + strspn(item, " "), value) == 0)
			return true;
	return false;
}

static bool
parse_number(const char *value, double *number)
{
	char *end;

	errno = 0;
	*number = strtod(value, &end);
	return end != value && *end == '\0' && errno == 0 && isfinite(*number) && *number >= 0;
}

/* Seconds, or a number with a unit, as for settings. */
static bool
parse_seconds(const char *value, double *number)
{
	return parse_real(value, number, GUC_UNIT_S, NULL) && *number > 0 && *number <= INT_MAX / 1000;
}

static bool
parse_id(const char *value, int64 *id)
{
	char *end;

	errno = 0;
	*id = strtoll(value, &end, 10);
	return end != value && *end == '\0' && errno == 0;
}

char *
rtm_since_text(TimestampTz since)
{
	char *text = palloc(MAXDATELEN + 1);
	int	  utc = 0;

	return JsonEncodeDateTime(text, TimestampTzGetDatum(since), TIMESTAMPTZOID, &utc);
}

/* As rtm_pause() writes it: whoever reads it needs no setting, and gets no error. */
static bool
is_since(const char *value)
{
	Datum since;

	if (strspn(value, "0123456789-T:.+") != strlen(value) || strlen(value) > MAXDATELEN)
		return false;
	since = DirectFunctionCall3(timestamptz_in, CStringGetDatum(value),
								ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return strcmp(rtm_since_text(DatumGetTimestampTz(since)), value) == 0;
}

static void
check_file_option(const char *name)
{
	if (!superuser() && !has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set option \"%s\"", name),
			 errhint(
				 "Only superusers and members of pg_read_server_files may name a file of the server.")));
}

/*
 * Raise what is wrong with an option's value.  A secret is never shown, nor is a key, which may be
 * the wrong one of a pair.
 */
static void
check_option(const OptionDef *def, const char *value)
{
	double		number;
	int64		pid;
	int			count;
	bool		flag;
	const char *curve;

	switch (def->type)
	{
		case OPTION_ENDPOINTS:
			if (parse_endpoints(value, &count) == NULL)
				bad_value(def->name, value, ENDPOINT_HINT);
			break;
		case OPTION_PID:
			if (!parse_id(value, &pid) || pid <= 0)
				bad_value(def->name, value, "The project id is a positive number.");
			break;
		case OPTION_SECRET:
			if (value[0] == '\0' || strlen(value) > FPNN_MAX_SECRET)
				ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
								errmsg("invalid value for option \"%s\"", def->name),
								errhint("A secret has 1 to %d bytes.", FPNN_MAX_SECRET)));
			break;
		case OPTION_CHOICE:
			if (!is_choice(value, def->choices))
				bad_value(def->name, value, psprintf("Valid values are: %s.", def->choices));
			break;
		case OPTION_KEY:
			if (fpnn_crypt_check_public(value, strlen(value), &curve) != FPNN_OK)
				ereport(
					ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("invalid value for option \"%s\"", def->name),
					 errhint(
						 "Give the gate's public key as PEM, on one of the curves secp256k1, secp256r1, secp224r1, secp192r1.")));
			break;
		case OPTION_FILE:
			check_file_option(def->name);
			break;
		case OPTION_BOOL:
			if (!parse_bool(value, &flag))
				bad_value(def->name, value, "Valid values are: true, false.");
			break;
		case OPTION_SECONDS:
			if (!parse_seconds(value, &number))
				bad_value(def->name, value,
						  "Give seconds, more than 0, or a number with a unit such as \"500ms\".");
			break;
		case OPTION_COUNT:
			if (!parse_number(value, &number) || number < 1 || number != floor(number) ||
				number > INT_MAX)
				bad_value(def->name, value, "Give a whole number, more than 0.");
			break;
		case OPTION_BATCH:
			if (!parse_number(value, &number) || number < 1 || number != floor(number) ||
				number > MAX_BATCH)
				bad_value(def->name, value,
						  psprintf("Give a whole number from 1 to %d.", MAX_BATCH));
			break;
		case OPTION_SINCE:
			if (!is_since(value))
				bad_value(def->name, value, "Pause a server with rtm_pause().");
			break;
		case OPTION_ROLE:
			if (has_control_character(value) || strlen(value) >= NAMEDATALEN)
				bad_value(def->name, value, "Pause a server with rtm_pause().");
			break;
		case OPTION_COST:
			if (!parse_number(value, &number) || number > MAX_COST)
				bad_value(def->name, value, "Give a number, at least 0.");
			break;
		case OPTION_UID:
			if (!parse_id(value, &pid) || pid < 0)
				bad_value(def->name, value, "A user's id is a whole number, at least 0.");
			break;
		case OPTION_NAME:
			break;
	}
}

Datum
rtm_fdw_validator(PG_FUNCTION_ARGS)
{
	List	 *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid		  catalog = PG_GETARG_OID(1);
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem			*option = lfirst_node(DefElem, cell);
		const OptionDef *def = find_definition(option->defname, catalog);

		if (def == NULL)
			unknown_option(option->defname, catalog);
		else
			check_option(def, defGetString(option));
	}
	if (catalog == ForeignTableRelationId && rtm_option_value(options, "conversation") == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("a foreign table of rtm needs the option \"conversation\""),
						errhint("Its values are: p2p, group, room, broadcast.")));
	PG_RETURN_VOID();
}

char *
rtm_option_value(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return pstrdup(defGetString(option));
	}
	return NULL;
}

/* The value of an option without which nothing works; `alter` is how to add it. */
static char *
needed_value(List *options, const char *name, const char *object, const char *alter,
			 const char *server)
{
	char *value = rtm_option_value(options, name);

	if (value == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("the %s \"%s\" has no option \"%s\"", object, server, name),
						errhint("Add it with ALTER %s %s OPTIONS (ADD %s '...').", alter,
								quote_identifier(server), name)));
	return value;
}

static double
seconds_value(List *options, const char *name)
{
	char *value = rtm_option_value(options, name);

	double seconds = 0;

	if (value)
		parse_seconds(value, &seconds);
	return seconds;
}

static int
count_value(List *options, const char *name, int otherwise)
{
	char *value = rtm_option_value(options, name);

	return value ? (int) strtod(value, NULL) : otherwise;
}

RtmOptions *
rtm_read_options(List *server_options, List *mapping_options, const char *server)
{
	RtmOptions *o = palloc0(sizeof(RtmOptions));
	char	   *value;

	value = needed_value(server_options, "endpoint", "foreign server", "SERVER", server);
	o->endpoints = parse_endpoints(value, &o->nendpoints);
	if (o->endpoints == NULL)
		bad_value("endpoint", value, ENDPOINT_HINT);
	parse_id(needed_value(server_options, "pid", "foreign server", "SERVER", server), &o->pid);
	o->secret = needed_value(mapping_options, "secret", "user mapping of foreign server",
							 "USER MAPPING FOR ... SERVER", server);

	value = rtm_option_value(server_options, "encryption");
	if (value && strcmp(value, "ecdh") == 0)
		o->encryption = RTM_ENCRYPTION_ECDH;
	else if (value && strcmp(value, "tls") == 0)
		o->encryption = RTM_ENCRYPTION_TLS;
	o->public_key = rtm_option_value(server_options, "public_key");
	o->public_key_file = rtm_option_value(server_options, "public_key_file");
	value = rtm_option_value(server_options, "ecdh_mode");
	o->ecdh_package = value && strcmp(value, "package") == 0;
	value = rtm_option_value(server_options, "ecdh_bits");
	o->ecdh_bits = value ? atoi(value) : 128;
	o->tls_ca_file = rtm_option_value(server_options, "tls_ca_file");
	value = rtm_option_value(server_options, "tls_verify");
	o->tls_verify = true;
	if (value)
		(void) parse_bool(value, &o->tls_verify);
	value = rtm_option_value(server_options, "tls_max_version");
	o->tls_only_1_2 = value && strcmp(value, "1.2") == 0;
	o->connect_timeout = seconds_value(server_options, "connect_timeout");
	o->quest_timeout = seconds_value(server_options, "quest_timeout");
	o->rate_limit = count_value(server_options, "rate_limit", 0);
	o->max_in_flight = count_value(server_options, "max_in_flight", RTM_MAX_IN_FLIGHT);
	o->max_attempts = count_value(server_options, "max_attempts", 0);
	o->max_age = seconds_value(server_options, "max_age");
	o->retry_delay = seconds_value(server_options, "retry_delay");
	o->paused = rtm_option_value(server_options, RTM_PAUSED_SINCE) != NULL;
	return o;
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
same_endpoints(const RtmOptions *a, const RtmOptions *b)
{
	if (a->nendpoints != b->nendpoints)
		return false;
	for (int i = 0; i < a->nendpoints; i++)
		if (strcmp(a->endpoints[i].text, b->endpoints[i].text) != 0)
			return false;
	return true;
}

bool
rtm_same_options(const RtmOptions *a, const RtmOptions *b)
{
	return same_endpoints(a, b) && a->pid == b->pid && same_text(a->secret, b->secret) &&
		   a->encryption == b->encryption && same_text(a->public_key, b->public_key) &&
		   same_text(a->public_key_file, b->public_key_file) &&
		   a->ecdh_package == b->ecdh_package && a->ecdh_bits == b->ecdh_bits &&
		   same_text(a->tls_ca_file, b->tls_ca_file) && a->tls_verify == b->tls_verify &&
		   a->tls_only_1_2 == b->tls_only_1_2;
}
