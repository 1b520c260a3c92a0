/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  What a query's clauses say about a field.
 *
 * An operator is looked up in the B-tree family of the column's side, so that
 * those between different types count, and those that only look alike don't.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "compat.h"
#include "fdw/condition.h"
#include "method/jsonb.h"

/* From there on a double is several whole numbers. */
#define EXACT_DOUBLE 9007199254740992.0

/* ---- columns ---- */

/* Casts of integers under which different ones stay different (of float8: see rtm_condition_int()). */
static bool
keeps_apart(Oid function)
{
	switch (function)
	{
		case F_INT8_INT4:
		case F_INT4_INT8:
		case F_INT2_INT8:
		case F_INT2_INT4:
		case F_NUMERIC_INT8:
		case F_NUMERIC_INT4:
		case F_FLOAT8_INT8:
		case F_FLOAT8_INT4:
			return true;
		default:
			return false;
	}
}

bool
rtm_is_usual_order(const Node *expr, Oid opfamily)
{
	return lookup_type_cache(exprType(expr), TYPECACHE_BTREE_OPFAMILY)->btree_opf == opfamily;
}

bool
rtm_is_column(const RtmPlace *place, const Node *expr, RtmFieldId field)
{
	AttrNumber attnum = place->table->attnums[field];

	if (expr == NULL || attnum == 0)
		return false;
	if (IsA(expr, Var))
		return ((const Var *) expr)->varno == place->relid &&
			   ((const Var *) expr)->varattno == attnum && ((const Var *) expr)->varlevelsup == 0;
	if (field == RTM_COLUMN_SENT)
		return false;

	/* a branch of a UNION ALL has its expressions in one */
	if (IsA(expr, PlaceHolderVar) && ((const PlaceHolderVar *) expr)->phlevelsup == 0)
		return rtm_is_column(place, (const Node *) ((const PlaceHolderVar *) expr)->phexpr, field);
	if (IsA(expr, RelabelType))
		return rtm_is_column(place, (const Node *) ((const RelabelType *) expr)->arg, field);

	/* a double's text isn't that of the whole number */
	if (IsA(expr, CoerceViaIO) && ((const CoerceViaIO *) expr)->resulttype == TEXTOID &&
		exprType((const Node *) ((const CoerceViaIO *) expr)->arg) != FLOAT8OID)
		return rtm_is_column(place, (const Node *) ((const CoerceViaIO *) expr)->arg, field);
	if (IsA(expr, FuncExpr) && keeps_apart(((const FuncExpr *) expr)->funcid))
		return rtm_is_column(place, linitial(((const FuncExpr *) expr)->args), field);
	return false;
}

/* ---- clauses ---- */

static bool
is_known_type(RtmFieldId field, Oid type)
{
	if (field == RTM_COLUMN_SENT)
		return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
	return type == INT8OID || type == INT4OID || type == INT2OID || type == NUMERICOID ||
		   type == FLOAT8OID || type == TEXTOID;
}

/* May the expression be evaluated before a row is there, and read as one of the types? */
static bool
is_value(const RtmPlace *place, Node *expr, RtmFieldId field, bool array)
{
	Oid type = getBaseType(exprType(expr));

	if (array)
		type = get_element_type(type);
	return is_known_type(field, type) &&
		   !bms_is_member((int) place->relid, pull_varnos(place->root, expr)) &&
		   !contain_volatile_functions(expr);
}

/* The operator's strategy between that column expression and a value; 0: it is something else. */
static int
strategy_of(Oid operator, Node * column, Oid collation)
{
	TypeCacheEntry *type = lookup_type_cache(exprType(column), TYPECACHE_BTREE_OPFAMILY);

	if (exprType(column) == TEXTOID &&
		(!OidIsValid(collation) || !get_collation_isdeterministic(collation)))
		return 0;
	if (!OidIsValid(operator) || !OidIsValid(type->btree_opf))
		return 0;
	return get_op_opfamily_strategy(operator, type->btree_opf);
}

static RtmCondition *
make_condition(RtmFieldId field, RtmCompare compare, Node *value)
{
	RtmCondition *condition = palloc0(sizeof(RtmCondition));

	condition->field = field;
	condition->compare = compare;
	condition->values = list_make1(value);
	return condition;
}

/* The field is one of the values; a double may stand for several of what isn't a key. */
static RtmCondition *
make_equality(RtmFieldId field, Node *value)
{
	Oid type = getBaseType(exprType(value));

	if (type_is_array(type))
		type = get_element_type(type);
	if (type == FLOAT8OID && field >= RTM_NUM_KEYS)
		return NULL;
	return make_condition(field, RTM_IS_IN, value);
}

/* column operator value */
static RtmCondition *
match_operator(const RtmPlace *place, Oid operator, Node * column, Node *value, Oid collation,
			   RtmFieldId field)
{
	int strategy;

	if (!rtm_is_column(place, column, field) || !is_value(place, value, field, false))
		return NULL;
	strategy = strategy_of(operator, column, collation);

	/* text has an order of its own */
	if (strategy != BTEqualStrategyNumber && exprType(column) == TEXTOID)
		return NULL;
	switch (strategy)
	{
		case BTEqualStrategyNumber:
			return make_equality(field, value);
		case BTLessStrategyNumber:
			return make_condition(field, RTM_IS_BELOW, value);
		case BTLessEqualStrategyNumber:
			return make_condition(field, RTM_IS_AT_MOST, value);
		case BTGreaterStrategyNumber:
			return make_condition(field, RTM_IS_ABOVE, value);
		case BTGreaterEqualStrategyNumber:
			return make_condition(field, RTM_IS_AT_LEAST, value);
	}
	return NULL;
}

static RtmCondition *
match_opexpr(const RtmPlace *place, OpExpr *op, RtmFieldId field)
{
	RtmCondition *condition;

	if (list_length(op->args) != 2)
		return NULL;
	condition = match_operator(place, op->opno, linitial(op->args), lsecond(op->args),
							   op->inputcollid, field);
	if (condition)
		return condition;
	return match_operator(place, get_commutator(op->opno), lsecond(op->args), linitial(op->args),
						  op->inputcollid, field);
}

/* column = ANY (array) */
static RtmCondition *
match_any(const RtmPlace *place, ScalarArrayOpExpr *any, RtmFieldId field)
{
	Node *column = linitial(any->args);

	if (!any->useOr || !rtm_is_column(place, column, field) ||
		!is_value(place, lsecond(any->args), field, true) ||
		strategy_of(any->opno, column, any->inputcollid) != BTEqualStrategyNumber)
		return NULL;

	/* elements would have to be cast one by one */
	if (field == RTM_COLUMN_SENT)
		return NULL;
	return make_equality(field, lsecond(any->args));
}

/* No message is without its keys: what says so of one names no value. */
static RtmCondition *
match_null(const RtmPlace *place, const NullTest *test, RtmFieldId field)
{
	RtmCondition *none;

	if (field >= RTM_NUM_KEYS || test->nulltesttype != IS_NULL ||
		!rtm_is_column(place, (const Node *) test->arg, field))
		return NULL;
	none = palloc0(sizeof(RtmCondition));
	none->field = field;
	none->compare = RTM_IS_IN;
	return none;
}

/* Each arm of an OR names values: it is one of all of them. */
static RtmCondition *
match_or(const RtmPlace *place, BoolExpr * or, RtmFieldId field)
{
	RtmCondition *all = NULL;
	ListCell	 *cell;

	foreach (cell, or->args)
	{
		RtmCondition *arm = rtm_match_clause(place, lfirst(cell), field);

		if (arm == NULL || arm->compare != RTM_IS_IN)
			return NULL;
		if (all)
			all->values = list_concat(all->values, arm->values);
		else
			all = arm;
	}
	return all;
}

/* What one of an AND's clauses says, values rather than bounds. */
static RtmCondition *
match_and(const RtmPlace *place, BoolExpr *and, RtmFieldId field)
{
	RtmCondition *found = NULL;
	ListCell	 *cell;

	foreach (cell, and->args)
	{
		RtmCondition *condition = rtm_match_clause(place, lfirst(cell), field);

		if (condition && (found == NULL || condition->compare == RTM_IS_IN))
			found = condition;
	}
	return found;
}

RtmCondition *
rtm_match_clause(const RtmPlace *place, Node *clause, RtmFieldId field)
{
	if (IsA(clause, RestrictInfo))
		return rtm_match_clause(place, (Node *) ((RestrictInfo *) clause)->clause, field);
	if (IsA(clause, OpExpr))
		return match_opexpr(place, (OpExpr *) clause, field);
	if (IsA(clause, ScalarArrayOpExpr))
		return match_any(place, (ScalarArrayOpExpr *) clause, field);
	if (IsA(clause, NullTest))
		return match_null(place, (const NullTest *) clause, field);
	if (is_orclause(clause))
		return match_or(place, (BoolExpr *) clause, field);
	if (is_andclause(clause))
		return match_and(place, (BoolExpr *) clause, field);
	return NULL;
}

/* Is there anything that a condition on the field is good for? */
static bool
is_useful(const RtmTable *table, const RtmCondition *condition)
{
	switch (condition->field)
	{
		case RTM_COLUMN_ID:
		case RTM_COLUMN_MTIME:
		case RTM_COLUMN_SENT:
			return true;
		case RTM_COLUMN_MTYPE:
			return condition->compare == RTM_IS_IN;
		default:
			for (int i = 0; i < table->nkeys; i++)
				if (table->keys[i] == condition->field)
					return condition->compare == RTM_IS_IN;
			return false;
	}
}

List *
rtm_match_clauses(const RtmPlace *place, List *clauses)
{
	List	 *conditions = NIL;
	ListCell *cell;

	foreach (cell, clauses)
		for (int field = 0; field < RTM_NUM_FIELDS; field++)
		{
			RtmCondition *condition = rtm_match_clause(place, lfirst(cell), field);

			if (condition && is_useful(place->table, condition))
				conditions = lappend(conditions, condition);
		}
	return conditions;
}

bool
rtm_clauses_bind(const RtmPlace *place, List *clauses, RtmFieldId field)
{
	ListCell *cell;

	foreach (cell, clauses)
	{
		RtmCondition *condition = rtm_match_clause(place, lfirst(cell), field);

		if (condition && condition->compare == RTM_IS_IN)
			return true;
	}
	return false;
}

/* ---- values ---- */

/* As rtm_condition_int() has it. */
static bool
int_of_double(double value, RtmRounding rounding, int64 *result)
{
	if (isnan(value) || (rounding == RTM_EXACT && value != rint(value)))
		return false;
	if (rounding == RTM_EXACT && fabs(value) >= EXACT_DOUBLE)
	{
		if (fabs(value) > (double) PG_INT64_MAX)
			return false;
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("a key of type double precision is out of range: %g", value),
						errdetail("From 2^53 on such a number stands for several ids."),
						errhint("Cast it to bigint.")));
	}

	/* whole numbers nearby are the same number as doubles */
	if (fabs(value) >= EXACT_DOUBLE)
		value = nextafter(value, rounding == RTM_DOWN ? -INFINITY : INFINITY);
	value = rounding == RTM_DOWN ? floor(value) : rounding == RTM_UP ? ceil(value) : value;
	if (value >= -(double) PG_INT64_MIN)
		*result = PG_INT64_MAX;
	else
		*result = value < (double) PG_INT64_MIN ? PG_INT64_MIN : (int64) value;
	return true;
}

static bool
int_of_numeric(Datum value, RtmRounding rounding, int64 *result)
{
	Numeric number = DatumGetNumeric(value);
	double	rough;

	if (rounding == RTM_DOWN)
		number = DatumGetNumeric(DirectFunctionCall1(numeric_floor, value));
	else if (rounding == RTM_UP)
		number = DatumGetNumeric(DirectFunctionCall1(numeric_ceil, value));
	if (!numeric_is_nan(number) && !numeric_is_inf(number) && rtm_whole_number(number, result))
		return true;
	if (rounding == RTM_EXACT)
		return false;
	rough = DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	return int_of_double(rough, rounding, result);
}

/* A text that bigint's output function writes so. */
static bool
int_of_text(Datum value, int64 *result)
{
	char *digits = TextDatumGetCString(value);
	char *end;

	errno = 0;
	*result = strtoll(digits, &end, 10);
	return errno == 0 && *end == '\0' && strcmp(digits, psprintf(INT64_FORMAT, *result)) == 0;
}

bool
rtm_condition_int(Oid type, Datum value, RtmRounding rounding, int64 *result)
{
	switch (type)
	{
		case INT2OID:
			*result = DatumGetInt16(value);
			return true;
		case INT4OID:
			*result = DatumGetInt32(value);
			return true;
		case INT8OID:
			*result = DatumGetInt64(value);
			return true;
		case FLOAT8OID:
			return int_of_double(DatumGetFloat8(value), rounding, result);
		case NUMERICOID:
			return int_of_numeric(value, rounding, result);
		case TEXTOID:
			return int_of_text(value, result);
		default:
			elog(ERROR, "type %u is none of a condition", type);
			return false;
	}
}
