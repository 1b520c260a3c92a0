/*-------------------------------------------------------------------------
 *
 * import.c
 *	  IMPORT FOREIGN SCHEMA: a table for each type of conversation.
 *
 * LIMIT TO and EXCEPT are PostgreSQL's own, which leaves out what isn't wanted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "client/option.h"
#include "fdw/fdw.h"
#include "fdw/field.h"

/* The one schema there is on the other side. */
#define REMOTE_SCHEMA "rtm"

/* CREATE FOREIGN TABLE; the options are the table's, a uid leaves out its column. */
static char *
create_command(RtmConversation conversation, const char *server, List *options)
{
	const char	  *separator = "";
	bool		   has_uid = rtm_option_value(options, "uid") != NULL;
	StringInfoData sql;
	ListCell	  *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s_message (",
					 rtm_conversation_name(conversation));
	for (int i = 0; i < RTM_NUM_FIELDS; i++)
	{
		if (!rtm_has_field(conversation, i) || (i == RTM_COLUMN_UID && has_uid))
			continue;
		appendStringInfo(&sql, "%s%s %s", separator, rtm_field_name(i), rtm_field_type(i));
		separator = ", ";
	}
	appendStringInfo(&sql, ") SERVER %s OPTIONS (conversation %s", quote_identifier(server),
					 quote_literal_cstr(rtm_conversation_name(conversation)));
	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		appendStringInfo(&sql, ", %s %s", quote_identifier(option->defname),
						 quote_literal_cstr(defGetString(option)));
	}
	appendStringInfoString(&sql, ")");
	return sql.data;
}

List *
rtm_import_schema(ImportForeignSchemaStmt *stmt, Oid server)
{
	List *commands = NIL;

	if (strcmp(stmt->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR, (errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
						errmsg("there is no schema \"%s\" in an RTM project", stmt->remote_schema),
						errhint("The only one is called " REMOTE_SCHEMA ".")));
	for (int c = RTM_P2P; c <= RTM_BROADCAST; c++)
		commands = lappend(commands,
						   create_command(c, GetForeignServer(server)->servername, stmt->options));
	return commands;
}
