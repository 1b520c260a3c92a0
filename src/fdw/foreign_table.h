/*-------------------------------------------------------------------------
 *
 * foreign_table.h
 *	  A foreign table: whose conversations it shows, in which columns, by which
 *	  methods.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_FOREIGN_TABLE_H
#define RTM_FDW_FOREIGN_TABLE_H

#include "utils/rel.h"

#include "fdw/field.h"

typedef struct RtmTableColumn
{
	int field; /* RtmFieldId; RTM_NO_FIELD: it was dropped */
	Oid type;
} RtmTableColumn;

typedef struct RtmTable
{
	Oid				relid;
	char		   *name; /* with its schema, quoted where it must be */
	char		   *server;
	Oid				server_oid;
	RtmConversation conversation;

	const RtmMethod *history;
	const RtmMethod *send;
	const RtmMethod *edit; /* NULL: the service doesn't */
	const RtmMethod *remove;

	int				ncolumns; /* the row type's, dropped ones too */
	RtmTableColumn *columns;
	AttrNumber		attnums[RTM_NUM_FIELDS]; /* of a field's column; 0: it has none */

	/* keys of a conversation's history, uid first */
	int		   nkeys;
	RtmFieldId keys[2];
	bool	   has_uid; /* an option has it: for reading without a condition on it */
	int64	   uid;

	bool   queued;
	int	   batch_size;
	bool   time_ordered; /* messages of a history are in the order of time */
	double startup_cost;
	double call_cost;
	double rows; /* of a conversation, by estimate */
} RtmTable;

/*
 * Look at a foreign table that is locked, as it is for the role (0: the current
 * one), in the current memory context.  Raises HV005 for a column that is no
 * field, HV004 for a type that doesn't fit, 42701 for a field that two columns
 * have.
 */
extern RtmTable *rtm_foreign_table(Oid relid, Oid role);

#endif /* RTM_FDW_FOREIGN_TABLE_H */
