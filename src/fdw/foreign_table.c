/*-------------------------------------------------------------------------
 *
 * foreign_table.c
 *	  A foreign table: its options, its columns, its methods.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "client/lookup.h"
#include "client/option.h"
#include "fdw/foreign_table.h"

#define DEFAULT_STARTUP_COST 100.0
#define DEFAULT_CALL_COST	 100.0
#define DEFAULT_ROWS		 500.0 /* what the service keeps of a conversation */
#define DEFAULT_BATCH_SIZE	 100

/* The table's option, or else its server's; NULL: neither has it. */
static const char *
option_of(const ForeignTable *table, const ForeignServer *server, const char *name)
{
	const char *value = rtm_option_value(table->options, name);

	return value ? value : rtm_option_value(server->options, name);
}

static double
number_of(const ForeignTable *table, const ForeignServer *server, const char *name,
		  double otherwise)
{
	const char *value = option_of(table, server, name);

	return value ? strtod(value, NULL) : otherwise;
}

static bool
flag_of(const ForeignTable *table, const ForeignServer *server, const char *name)
{
	const char *value = option_of(table, server, name);
	bool		flag = true;

	if (value)
		(void) parse_bool(value, &flag);
	return flag;
}

static RtmConversation
conversation_of(const ForeignTable *table)
{
	const char *name = rtm_option_value(table->options, "conversation");

	for (int c = RTM_P2P; name && c <= RTM_BROADCAST; c++)
		if (strcmp(rtm_conversation_name(c), name) == 0)
			return c;
	return RTM_NO_CONVERSATION; /* the validator sees to it that there is one */
}

/* As whom it is read, by an option of the table or of the role's mapping. */
static void
find_uid(RtmTable *table, const ForeignTable *ft, Oid role)
{
	const char *uid = rtm_option_value(ft->options, "uid");

	if (uid == NULL)
		uid = rtm_mapping_option(table->server_oid, OidIsValid(role) ? role : GetUserId(), "uid");
	table->has_uid = uid != NULL;
	if (uid)
		table->uid = strtoll(uid, NULL, 10);
}

/* The names of all fields, for a hint. */
static char *
list_fields(RtmConversation conversation)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < RTM_NUM_FIELDS; i++)
		if (rtm_has_field(conversation, i))
			appendStringInfo(&list, "%s%s", list.len ? ", " : "", rtm_field_name(i));
	return list.data;
}

/* Which field the column has: by its option column_name, or else its own name. */
static int
field_of(const RtmTable *table, Form_pg_attribute att)
{
	const char *name = rtm_option_value(GetForeignColumnOptions(table->relid, att->attnum),
										"column_name");
	const char *types;
	int			field;

	if (name == NULL)
		name = NameStr(att->attname);
	field = rtm_find_field(name, table->conversation);
	if (field == RTM_NO_FIELD)
		ereport(ERROR, (errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
						errmsg("column \"%s\" of foreign table %s is no field of a %s message",
							   NameStr(att->attname), table->name,
							   rtm_conversation_name(table->conversation)),
						errhint("Name it, or its option column_name, as one of: %s.",
								list_fields(table->conversation))));
	if (!rtm_field_fits(field, att->atttypid, &types))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				 errmsg("column \"%s\" of foreign table %s cannot be of type %s",
						NameStr(att->attname), table->name, format_type_be(att->atttypid)),
				 errhint("Types of the field \"%s\" are: %s.", rtm_field_name(field), types)));
	if (table->attnums[field] != 0)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
						errmsg("two columns of foreign table %s are the field \"%s\"", table->name,
							   rtm_field_name(field))));
	return field;
}

static void
read_columns(RtmTable *table, TupleDesc desc)
{
	table->ncolumns = desc->natts;
	table->columns = palloc0(sizeof(RtmTableColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		table->columns[i].field = RTM_NO_FIELD;
		table->columns[i].type = att->atttypid;
		if (att->attisdropped)
			continue;
		table->columns[i].field = field_of(table, att);
		table->attnums[table->columns[i].field] = att->attnum;
	}
}

/* The methods, by the catalogue; the history's first parameters are the keys. */
static void
find_methods(RtmTable *table)
{
	table->history = rtm_method_of(RTM_KIND_HISTORY, table->conversation);
	table->send = rtm_method_of(RTM_KIND_SEND, table->conversation);
	if (table->conversation == RTM_GROUP || table->conversation == RTM_ROOM)
		table->edit = rtm_method_by_wire("editmsg", RTM_NO_CONVERSATION);
	table->remove = rtm_method_of(RTM_KIND_DELETE, table->conversation);
	for (const RtmParam *p = table->history->params; p->type != RTM_PARAM_END; p++)
		if (p->type == RTM_PARAM_UID || p->type == RTM_PARAM_ID)
			table->keys[table->nkeys++] = rtm_find_field(p->name, table->conversation);
}

RtmTable *
rtm_foreign_table(Oid relid, Oid role)
{
	RtmTable	  *table = palloc0(sizeof(RtmTable));
	Relation	   rel = table_open(relid, NoLock);
	ForeignTable  *ft = GetForeignTable(relid);
	ForeignServer *server = GetForeignServer(ft->serverid);

	table->relid = relid;
	table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
											 RelationGetRelationName(rel));
	table->server = server->servername;
	table->server_oid = server->serverid;
	table->conversation = conversation_of(ft);
	find_methods(table);
	find_uid(table, ft, role);
	read_columns(table, RelationGetDescr(rel));
	table->queued = flag_of(ft, server, "queued");
	table->batch_size = (int) number_of(ft, server, "batch_size", DEFAULT_BATCH_SIZE);
	table->time_ordered = flag_of(ft, server, "time_ordered");
	table->startup_cost = number_of(ft, server, "fdw_startup_cost", DEFAULT_STARTUP_COST);
	table->call_cost = number_of(ft, server, "fdw_call_cost", DEFAULT_CALL_COST);
	table->rows = number_of(ft, server, "fdw_rows", DEFAULT_ROWS);
	table_close(rel, NoLock);
	return table;
}
