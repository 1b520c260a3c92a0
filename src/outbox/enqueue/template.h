/*-------------------------------------------------------------------------
 *
 * template.h
 *	  Text in which columns of a row can stand.
 *
 *	$name, ${name}			the column
 *	$old.name, ${old.name}	the column as it was before an UPDATE
 *	$$						a dollar
 *
 * A column by itself is a value of its type.  Without any it is a constant, of the
 * type that is wanted.  Else it is text; where that is an object or an array of
 * JSON, columns are put in as values of it, or inside of its strings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_TEMPLATE_H
#define OUTBOX_TEMPLATE_H

#include "nodes/primnodes.h"
#include "utils/rel.h"

/* Numbers that columns have as Vars. */
#define OUTBOX_ROW	   1
#define OUTBOX_OLD_ROW 2

typedef struct OutboxTemplate
{
	List *parts;
	bool  json;
	bool  old; /* has a column of the old row */
} OutboxTemplate;

/*
 * Read a template, in the current memory context.  Raises 42703 for a column that
 * the table doesn't have, 42601 for a dollar that is neither.
 */
extern OutboxTemplate *outbox_read_template(Relation rel, const char *text);

/* The type of the column that it is by itself, or InvalidOid. */
extern Oid outbox_template_type(const OutboxTemplate *t);

/*
 * An expression of a type, over OUTBOX_ROW and OUTBOX_OLD_ROW of the table.  Raises 42804 when a
 * column can't be assigned to the type, or text isn't wanted, and what the type's
 * input function raises for a constant.
 */
extern Expr *outbox_template_expr(const OutboxTemplate *t, Oid type);

#endif /* OUTBOX_TEMPLATE_H */
