/*-------------------------------------------------------------------------
 *
 * template.c
 *	  Text in which columns of a row can stand.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "outbox/enqueue/template.h"

/* Before a column's name. */
#define OLD "old."

typedef struct Part
{
	char *text; /* as it is; NULL: a column */
	Var	 *column;
	char *name;		 /* of it */
	bool  in_string; /* of JSON */
} Part;

/* ---- reading ---- */

static Part *
add_part(OutboxTemplate *t, char *text)
{
	Part *part = palloc0(sizeof(Part));

	part->text = text;
	t->parts = lappend(t->parts, part);
	return part;
}

/* By its name, as it is written in a template. */
static void
add_column(OutboxTemplate *t, Relation rel, const char *name)
{
	TupleDesc desc = RelationGetDescr(rel);
	bool	  old = strncmp(name, OLD, strlen(OLD)) == 0;
	Part	 *part;

	if (old)
		name += strlen(OLD);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(desc, i);

		if (a->attisdropped || strcmp(NameStr(a->attname), name) != 0)
			continue;
		part = add_part(t, NULL);
		part->name = pstrdup(name);
		part->column = makeVar(old ? OUTBOX_OLD_ROW : OUTBOX_ROW, a->attnum, a->atttypid,
							   a->atttypmod, a->attcollation, 0);
		t->old = t->old || old;
		return;
	}
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_COLUMN),
		 errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(rel)),
		 errhint(
			 pg_strcasecmp(name, "new") == 0
				 ? "A column of the new row is written $name, one of the old row $old.name."
				 : "A name is written as the catalogue has it, ${a name} when it isn't only letters and digits; a dollar that is meant as such is $$.")));
}

static bool
is_of_name(char c)
{
	return IS_HIGHBIT_SET(c) || isalnum((unsigned char) c) || c == '_';
}

/* The column that the text behind a dollar begins with; returns what follows. */
static const char *
read_column(OutboxTemplate *t, Relation rel, const char *text)
{
	bool		braces = *text == '{';
	const char *name = braces ? text + 1 : text;
	const char *end = name;

	if (!braces && strncmp(name, OLD, strlen(OLD)) == 0 && is_of_name(name[strlen(OLD)]))
		end += strlen(OLD);
	while (braces ? *end != '\0' && *end != '}' : is_of_name(*end))
		end++;
	if (end == name || (braces && *end == '\0'))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("no column's name behind a dollar"),
						errhint("Write $name or ${name} for a column, $$ for a dollar.")));
	add_column(t, rel, pnstrdup(name, end - name));
	return braces ? end + 1 : end;
}

/* Where a text begins in a string of JSON or not: does it end in one? */
static bool
ends_in_string(const char *text, bool in_string)
{
	for (; *text; text++)
		if (in_string && *text == '\\' && text[1] != '\0')
			text++;
		else if (*text == '"')
			in_string = !in_string;
	return in_string;
}

/* Is it an object or an array of JSON, when columns are values, or in strings? */
static bool
is_json(const OutboxTemplate *t)
{
	StringInfoData probe;
	bool		   in_string = false;
	ListCell	  *cell;

	initStringInfo(&probe);
	foreach (cell, t->parts)
	{
		Part *part = lfirst(cell);

		part->in_string = in_string;
		if (part->text == NULL)
			appendStringInfoString(&probe, in_string ? "" : "null");
		else
		{
			appendStringInfoString(&probe, part->text);
			in_string = ends_in_string(part->text, in_string);
		}
	}
	return strchr("{[", probe.data[strspn(probe.data, " \t\r\n")]) != NULL &&
		   pg_parse_json(rtm_json_lexer(probe.data, probe.len, GetDatabaseEncoding()),
						 &nullSemAction) == JSON_SUCCESS;
}

OutboxTemplate *
outbox_read_template(Relation rel, const char *text)
{
	OutboxTemplate *t = palloc0(sizeof(OutboxTemplate));
	StringInfoData	as_is;

	initStringInfo(&as_is);
	while (*text)
	{
		if (*text != '$' || text[1] == '$')
		{
			appendStringInfoChar(&as_is, *text);
			text += *text == '$' ? 2 : 1;
			continue;
		}
		if (as_is.len > 0)
			add_part(t, pstrdup(as_is.data));
		resetStringInfo(&as_is);
		text = read_column(t, rel, text + 1);
	}
	if (as_is.len > 0 || t->parts == NIL)
		add_part(t, as_is.data);
	t->json = is_json(t);
	return t;
}

/* The part that it is, or NULL: there are several. */
static Part *
only_part(const OutboxTemplate *t)
{
	return list_length(t->parts) == 1 ? linitial(t->parts) : NULL;
}

Oid
outbox_template_type(const OutboxTemplate *t)
{
	Part *part = only_part(t);

	return part && part->column ? part->column->vartype : InvalidOid;
}

/* ---- as an expression ---- */

static Node *
text_const(const char *text)
{
	return (Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(text),
							  false, false);
}

static Node *
call(Oid function, Oid type, List *args)
{
	Oid collation = type == TEXTOID ? DEFAULT_COLLATION_OID : InvalidOid;

	return (Node *) makeFuncExpr(function, type, args, collation, DEFAULT_COLLATION_OID,
								 COERCE_EXPLICIT_CALL);
}

static Node *
cast(Node *node, Oid from, Oid to)
{
	return coerce_to_target_type(NULL, node, from, to, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST,
								 -1);
}

/* coalesce(value, instead) */
static Node *
unless_null(Node *value, const char *instead)
{
	CoalesceExpr *coalesce = makeNode(CoalesceExpr);

	coalesce->coalescetype = TEXTOID;
	coalesce->coalescecollid = DEFAULT_COLLATION_OID;
	coalesce->args = list_make2(value, text_const(instead));
	coalesce->location = -1;
	return (Node *) coalesce;
}

/* A value as JSON: in a string that is there its text, without the quotes. */
static Node *
as_json(const Part *part)
{
	Node *minus_one = (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(-1),
										 false, true);
	Node *value = (Node *) part->column;

	if (part->in_string)
		value = cast(value, part->column->vartype, TEXTOID);
	value = cast(call(F_TO_JSON, JSONOID, list_make1(value)), JSONOID, TEXTOID);
	if (!part->in_string)
		return unless_null(value, "null");
	value = call(F_RIGHT, TEXTOID, list_make2(value, minus_one));
	return unless_null(call(F_LEFT, TEXTOID, list_make2(value, copyObject(minus_one))), "");
}

/*
 * Elements of an array: a column is one of them, or as many as it has if it is an array.  Another
 * could be more than was meant, by commas and braces in it.
 */
static Node *
as_element(const Part *part, Oid array)
{
	Oid	  type = getBaseType(part->column->vartype);
	Oid	  element = get_element_type(type);
	char *name = part->name;

	if (TypeCategory(OidIsValid(element) ? element : type) != TYPCATEGORY_NUMERIC)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" is of type %s, which cannot be an element of %s",
							   name, format_type_be(part->column->vartype), format_type_be(array)),
						errhint("A generated column can have it as a number.")));
	if (OidIsValid(element))
		return call(F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT, TEXTOID,
					list_make3(part->column, text_const(","), text_const("NULL")));
	return unless_null(cast((Node *) part->column, part->column->vartype, TEXTOID), "NULL");
}

/* All parts, one after the other. */
static Node *
concatenation(const OutboxTemplate *t, Oid type)
{
	bool	  array = OidIsValid(get_element_type(getBaseType(type)));
	List	 *args = NIL;
	ListCell *cell;

	foreach (cell, t->parts)
	{
		Part *part = lfirst(cell);

		args = lappend(args, part->text ? text_const(part->text)
							 : array	? as_element(part, type)
							 : t->json	? as_json(part)
										: (Node *) part->column);
	}
	return call(F_CONCAT, TEXTOID, args);
}

static Node *
constant(const char *text, Oid type)
{
	Const *unknown = makeConst(UNKNOWNOID, -1, InvalidOid, -2, CStringGetDatum(pstrdup(text)),
							   false, false);

	return coerce_to_target_type(NULL, (Node *) unknown, UNKNOWNOID, type, -1, COERCION_ASSIGNMENT,
								 COERCE_IMPLICIT_CAST, -1);
}

/* Can text of several parts be read as it, no part of which becomes more than one value? */
static bool
takes_text(Oid type)
{
	Oid element = get_element_type(getBaseType(type));

	return TypeCategory(OidIsValid(element) ? element : type) !=
		   (OidIsValid(element) ? TYPCATEGORY_STRING : TYPCATEGORY_NUMERIC);
}

Expr *
outbox_template_expr(const OutboxTemplate *t, Oid type)
{
	Part *part = only_part(t);
	Node *expr;

	if (part && part->text)
		return (Expr *) constant(part->text, type);
	if (part)
	{
		expr = coerce_to_target_type(NULL, (Node *) part->column, part->column->vartype, type, -1,
									 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
		if (expr == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is of type %s, which cannot be given as %s", part->name,
							format_type_be(part->column->vartype), format_type_be(type)),
					 errhint("A generated column can have it in another type.")));
		return (Expr *) expr;
	}
	if (!takes_text(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("text with columns in it cannot be given as %s", format_type_be(type)),
				 errhint("Give a column by itself, or a constant.")));
	expr = concatenation(t, type);
	return (Expr *) (type == TEXTOID ? expr : cast(expr, TEXTOID, type));
}
