/*-------------------------------------------------------------------------
 *
 * wanted.c
 *	  What a scan is to read, when the values of its conditions are known.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "fdw/wanted.h"

RtmConditionState *
rtm_init_conditions(List *conditions, List *exprs, PlanState *parent)
{
	RtmConditionState *states = palloc0(sizeof(RtmConditionState) * (list_length(conditions) + 1));
	RtmConditionState *state = states;
	int				   next = 0;
	ListCell		  *cell;

	foreach (cell, conditions)
	{
		List *condition = lfirst(cell);

		state->field = linitial_int(condition);
		state->compare = lsecond_int(condition);
		state->n = lthird_int(condition);
		state->values = palloc(sizeof(ExprState *) * state->n);
		state->types = palloc(sizeof(Oid) * state->n);
		state->arrays = palloc(sizeof(bool) * state->n);
		for (int i = 0; i < state->n; i++)
		{
			Expr *expr = list_nth(exprs, next++);
			Oid	  type = getBaseType(exprType((Node *) expr));

			state->arrays[i] = type_is_array(type);
			state->types[i] = state->arrays[i] ? get_element_type(type) : type;
			state->values[i] = ExecInitExpr(expr, parent);
		}
		state++;
	}
	return states;
}

/* ---- sets ---- */

static int
compare_ints(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

static void
make_set(RtmIntSet *set)
{
	int n = 0;

	qsort(set->values, set->n, sizeof(int64), compare_ints);
	for (int i = 0; i < set->n; i++)
		if (n == 0 || set->values[n - 1] != set->values[i])
			set->values[n++] = set->values[i];
	set->n = n;
	set->given = true;
}

/* What is in both; a set without a condition has everything. */
static void
intersect(RtmIntSet *set, const RtmIntSet *other)
{
	int n = 0;

	if (!set->given)
	{
		*set = *other;
		return;
	}
	for (int i = 0; i < set->n; i++)
		if (other->values &&
			bsearch(&set->values[i], other->values, other->n, sizeof(int64), compare_ints))
			set->values[n++] = set->values[i];
	set->n = n;
}

/* ---- values ---- */

/* Milliseconds of a timestamptz, rounded down or up. */
static int64
milliseconds(TimestampTz time, RtmRounding rounding)
{
	int64 ms = time / 1000;

	if (TIMESTAMP_IS_NOBEGIN(time))
		return PG_INT64_MIN;
	if (TIMESTAMP_IS_NOEND(time))
		return PG_INT64_MAX;
	if (time % 1000 < 0 && rounding == RTM_DOWN)
		ms--;
	if (time % 1000 > 0 && rounding == RTM_UP)
		ms++;
	return ms + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;
}

/* A value that `sent` is compared with; one that is beyond all timestamps is infinite. */
static TimestampTz
time_of(Oid type, Datum value)
{
	int			overflow = 0;
	TimestampTz time = type == DATEOID
						   ? date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow)
					   : type == TIMESTAMPOID
						   ? timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow)
						   : DatumGetTimestampTz(value);

	if (overflow > 0)
		TIMESTAMP_NOEND(time);
	else if (overflow < 0)
		TIMESTAMP_NOBEGIN(time);
	return time;
}

static bool
int_of(RtmFieldId field, Oid type, Datum value, RtmRounding rounding, int64 *result)
{
	if (field != RTM_COLUMN_SENT)
		return rtm_condition_int(type, value, rounding, result);
	*result = milliseconds(time_of(type, value), rounding);
	return true;
}

/* May a message have it in this field?  What may not, no gate needs to be asked about. */
static bool
is_possible(RtmFieldId field, int64 value)
{
	if (field == RTM_COLUMN_MTYPE)
		return value >= RTM_MTYPE_MIN && value <= RTM_MTYPE_MAX;
	return field >= RTM_NUM_KEYS || value >= 0;
}

static void
add_value(RtmIntSet *set, RtmFieldId field, Oid type, Datum value)
{
	RtmRounding rounding = field == RTM_COLUMN_SENT ? RTM_DOWN : RTM_EXACT;
	int64		number;

	if (int_of(field, type, value, rounding, &number) && is_possible(field, number))
		set->values[set->n++] = number;
}

static void
add_array(RtmIntSet *set, RtmFieldId field, Oid type, Datum array)
{
	Datum *elements;
	bool  *nulls;
	int16  len;
	bool   by_value;
	char   align;
	int	   n;

	get_typlenbyvalalign(type, &len, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(array), type, len, by_value, align, &elements, &nulls, &n);
	if (n > 0)
		set->values = set->values
						  ? repalloc_huge(set->values, sizeof(int64) * ((Size) set->n + n + 16))
						  : MemoryContextAllocHuge(CurrentMemoryContext,
												   sizeof(int64) * ((Size) n + 16));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			add_value(set, field, type, elements[i]);
}

/* The values of a condition; a NULL is none of them. */
static RtmIntSet
values_of(const RtmConditionState *c, ExprContext *context)
{
	RtmIntSet set = {0};

	for (int i = 0; i < c->n; i++)
	{
		bool  isnull;
		Datum value = ExecEvalExpr(c->values[i], context, &isnull);

		if (isnull)
			continue;
		if (c->arrays[i])
		{
			add_array(&set, c->field, c->types[i], value);
			continue;
		}
		set.values = set.values ? repalloc_huge(set.values, sizeof(int64) * ((Size) set.n + 16))
								: palloc(sizeof(int64) * 16);
		add_value(&set, c->field, c->types[i], value);
	}
	make_set(&set);
	return set;
}

/* ---- bounds ---- */

static void
at_least(RtmWanted *wanted, RtmFieldId field, int64 value)
{
	int64 before = value > PG_INT64_MIN ? value - 1 : value;

	if (field == RTM_COLUMN_ID)
		wanted->after_id = Max(wanted->after_id, before);
	else if (field == RTM_COLUMN_MTIME || field == RTM_COLUMN_SENT)
		wanted->from = Max(wanted->from, value);
}

static void
at_most(RtmWanted *wanted, RtmFieldId field, int64 value)
{
	int64 behind = value < PG_INT64_MAX ? value + 1 : value;

	if (field == RTM_COLUMN_ID)
		wanted->before_id = Min(wanted->before_id, behind);
	else if (field == RTM_COLUMN_MTIME || field == RTM_COLUMN_SENT)
		wanted->to = Min(wanted->to, value);
}

/* A bound; one that is rounded says a little less than its clause, which is checked again. */
static void
apply_bound(RtmWanted *wanted, const RtmConditionState *c, ExprContext *context)
{
	bool		lower = c->compare == RTM_IS_ABOVE || c->compare == RTM_IS_AT_LEAST;
	RtmRounding rounding = lower ? RTM_DOWN : RTM_UP;
	bool		isnull;
	Datum		value = ExecEvalExpr(c->values[0], context, &isnull);
	int64		number;

	if (isnull)
		wanted->nothing = true;
	else if (!int_of(c->field, c->types[0], value, rounding, &number))
		return;
	else if (lower && c->field == RTM_COLUMN_ID && c->compare == RTM_IS_ABOVE)
		wanted->after_id = Max(wanted->after_id, number);
	else if (!lower && c->field == RTM_COLUMN_ID && c->compare == RTM_IS_BELOW)
		wanted->before_id = Min(wanted->before_id, number);
	else if (lower)
		at_least(wanted, c->field, number);
	else
		at_most(wanted, c->field, number);
}

static void
apply_values(RtmWanted *wanted, const RtmConditionState *c, ExprContext *context)
{
	RtmIntSet set = values_of(c, context);

	if (c->field < RTM_NUM_KEYS)
		intersect(&wanted->keys[c->field], &set);
	else if (c->field == RTM_COLUMN_MTYPE)
		intersect(&wanted->mtypes, &set);
	else if (set.n > 0)
	{
		at_least(wanted, c->field, set.values[0]);
		at_most(wanted, c->field,
				set.values[set.n - 1] +
					(c->field == RTM_COLUMN_SENT && set.values[set.n - 1] < PG_INT64_MAX));
	}
	if (set.n == 0)
		wanted->nothing = true;
}

void
rtm_evaluate(const RtmTable *table, const RtmConditionState *conditions, int n,
			 ExprContext *context, RtmWanted *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->after_id = wanted->from = PG_INT64_MIN;
	wanted->before_id = wanted->to = PG_INT64_MAX;
	for (int i = 0; i < n; i++)
		if (conditions[i].compare == RTM_IS_IN)
			apply_values(wanted, &conditions[i], context);
		else
			apply_bound(wanted, &conditions[i], context);
	for (int i = 0; i < table->nkeys; i++)
		if (wanted->keys[table->keys[i]].given && wanted->keys[table->keys[i]].n == 0)
			wanted->nothing = true;
	if ((wanted->mtypes.given && wanted->mtypes.n == 0) || wanted->from > wanted->to ||
		wanted->after_id >= wanted->before_id || wanted->after_id + 1 == wanted->before_id)
		wanted->nothing = true;
}

static void
describe_set(const RtmIntSet *set, StringInfo out)
{
	appendBinaryStringInfo(out, (const char *) &set->given, sizeof(set->given));
	appendBinaryStringInfo(out, (const char *) &set->n, sizeof(set->n));
	if (set->n > 0)
		appendBinaryStringInfo(out, (const char *) set->values, (int) sizeof(int64) * set->n);
}

void
rtm_describe_wanted(const RtmWanted *wanted, StringInfo out)
{
	const int64 bounds[] = {wanted->nothing, wanted->after_id, wanted->before_id, wanted->from,
							wanted->to};

	appendBinaryStringInfo(out, (const char *) bounds, sizeof(bounds));
	for (int i = 0; i < RTM_NUM_KEYS; i++)
		describe_set(&wanted->keys[i], out);
	describe_set(&wanted->mtypes, out);
}
