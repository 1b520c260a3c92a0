/*-------------------------------------------------------------------------
 *
 * stored.c
 *	  Methods that are one statement about the gate's tables: from the quest's
 *	  parameters to the statement's, from its rows to the answer.
 *
 * Both are told by the method's row in the catalogue; see table/gate_statement.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "judge/judge.h"
#include "table/gate_statement.h"

/* ---- parameters ---- */

static Oid
type_of(const RtmParam *param)
{
	switch (rtm_param_types[param->type].wire)
	{
		case RTM_WIRE_INT:
			return INT8OID;
		case RTM_WIRE_BOOL:
			return BOOLOID;
		case RTM_WIRE_INTS:
			return INT8ARRAYOID;
		case RTM_WIRE_TEXT:
		case RTM_WIRE_TEXTS:
			break;
	}
	return BYTEAOID;
}

static Datum
ints_value(const msgpack_object *map, const char *key)
{
	const msgpack_object_array *array = NULL;
	int64					   *values;
	int64_t						value = 0;

	(void) fpnn_map_array(map, key, &array);
	values = palloc(sizeof(int64) * Max(array->size, 1));
	for (uint32 i = 0; i < array->size; i++)
	{
		(void) fpnn_object_int(&array->ptr[i], &value);
		values[i] = value;
	}
	return gate_int8_array(values, (int) array->size);
}

/* A parameter that is there, and whose type has been looked at. */
static Datum
value_of(const RtmParam *param, const msgpack_object *map)
{
	int64_t		number = 0;
	bool		flag = false;
	const char *text = "";
	size_t		len = 0;

	switch (rtm_param_types[param->type].wire)
	{
		case RTM_WIRE_INT:
			(void) fpnn_map_int(map, param->wire, &number);
			return Int64GetDatum(number);
		case RTM_WIRE_BOOL:
			(void) fpnn_map_bool(map, param->wire, &flag);
			return BoolGetDatum(flag);
		case RTM_WIRE_INTS:
			return ints_value(map, param->wire);
		case RTM_WIRE_TEXT:
		case RTM_WIRE_TEXTS:
			break;
	}
	(void) fpnn_map_text(map, param->wire, &text, &len);
	return PointerGetDatum(cstring_to_text_with_len(text, (int) len));
}

/* A list of users or rooms, as the service takes it. */
static bool
check_list(GateQuest *quest, const GateIds *list)
{
	if (list->n == 0)
		return gate_quest_fail(quest, RTM_CODE_EMPTY_PARAM, NULL);
	if (list->n > RTM_MAX_ADDED)
		return gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	for (int i = 0; i < list->n; i++)
		if (list->ids[i] < 0)
			return gate_quest_fail(quest, RTM_CODE_INVALID_PID, NULL);
	return true;
}

/* Limits of the service, those that it is said to have. */
static bool
check_params(GateQuest *quest, const RtmMethod *method, const GateArgs *args)
{
	for (const RtmParam *p = method->params; p->type != RTM_PARAM_END; p++)
	{
		size_t		max = p->type == RTM_PARAM_ATTRS ? RTM_MAX_ATTRS : RTM_MAX_MSG;
		const char *text;
		size_t		len;

		if (p->type == RTM_PARAM_UIDS && !check_list(quest, &args->uids))
			return false;
		if (fpnn_map_text(args->map, p->wire, &text, &len) == FPNN_OK && len > max)
			return gate_quest_fail(quest, RTM_CODE_TOO_LARGE, NULL);
	}
	return true;
}

static uint64
run(GatePlan *plan, const RtmMethod *method, const GateArgs *args)
{
	Datum values[RTM_MAX_PARAMS + 1] = {Int64GetDatum(args->pid)};
	char  nulls[RTM_MAX_PARAMS + 2] = "          ";
	int	  n = 1;

	plan->types[0] = INT8OID;
	for (const RtmParam *p = method->params; p->type != RTM_PARAM_END; p++, n++)
	{
		plan->types[n] = type_of(p);
		if (p->type == RTM_PARAM_UIDS)
			values[n] = gate_int8_array(args->uids.ids, args->uids.n);
		else if (gate_args_has(args->map, p->wire))
			values[n] = value_of(p, args->map);
		else
			nulls[n] = 'n';
	}
	return gate_spi_run(plan, values, nulls);
}

/* ---- the answer ---- */

static void
pack_bytes(msgpack_packer *packer, Datum value)
{
	bytea *bytes = DatumGetByteaPP(value);

	fpnn_pack_text_len(packer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static void
pack_ints(msgpack_packer *packer, Datum value)
{
	Datum *values;
	int	   n;

	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, NULL, &n);
	msgpack_pack_array(packer, (size_t) n);
	for (int i = 0; i < n; i++)
		msgpack_pack_int64(packer, DatumGetInt64(values[i]));
}

/* The rows of one map: its keys are text, as the SDKs read them. */
static void
pack_map(msgpack_packer *packer, int place, int nrows)
{
	int n = 0;

	for (int i = 0; i < nrows; i++)
		n += DatumGetInt64(gate_spi_column(i, 1, NULL)) == place;
	msgpack_pack_map(packer, (size_t) n);
	for (int i = 0; i < nrows; i++)
	{
		Datum value = gate_spi_column(i, 3, NULL);

		if (DatumGetInt64(gate_spi_column(i, 1, NULL)) != place)
			continue;
		fpnn_pack_text(packer, gate_spi_text(i, 2));
		if (gate_spi_type(3) == INT8OID)
			msgpack_pack_int64(packer, DatumGetInt64(value));
		else if (gate_spi_type(3) == INT8ARRAYOID)
			pack_ints(packer, value);
		else
			pack_bytes(packer, value);
	}
}

static void
pack_list(msgpack_packer *packer, int nrows)
{
	msgpack_pack_array(packer, (size_t) nrows);
	for (int i = 0; i < nrows; i++)
		msgpack_pack_int64(packer, DatumGetInt64(gate_spi_column(i, 1, NULL)));
}

static void
pack_field(msgpack_packer *packer, const RtmField *field, int place, int nrows)
{
	fpnn_pack_text(packer, field->wire);
	if (field->type == RTM_FIELD_JSON)
		pack_map(packer, place, nrows);
	else if (field->type == RTM_FIELD_INTS)
		pack_list(packer, nrows);
	else if (field->type == RTM_FIELD_TEXT)
		pack_bytes(packer, gate_spi_column(0, place + 1, NULL));
	else if (field->type == RTM_FIELD_BOOL && DatumGetBool(gate_spi_column(0, place + 1, NULL)))
		msgpack_pack_true(packer);
	else if (field->type == RTM_FIELD_BOOL)
		msgpack_pack_false(packer);
	else
		msgpack_pack_int64(packer, DatumGetInt64(gate_spi_column(0, place + 1, NULL)));
}

void
gate_run_stored(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	GateStatement  *statement = gate_statement(method);
	const RtmField *fields = rtm_method_fields(method);
	msgpack_packer	packer;
	int				nrows;
	int				nfields = 0;

	if (!check_params(quest, method, args))
		return;
	nrows = (int) run(&statement->plan, method, args);
	if (nrows == 0 && statement->none != 0)
	{
		gate_quest_fail(quest, statement->none, NULL);
		return;
	}
	while (fields[nfields].type != RTM_FIELD_END)
		nfields++;
	if (nrows == 0 && fields[0].optional)
		nfields = 0;
	gate_answer_begin(quest, &packer, (size_t) nfields);
	for (int i = 0; i < nfields; i++)
		pack_field(&packer, &fields[i], i, nrows);
}
