/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  Reading the fields of an answer, and making rows of them.
 *
 * Results are palloc()ed in the current memory context, row types aside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"

#include "client/error.h"
#include "client/text.h"
#include "method/answer.h"

static void
need(const RtmReader *reader, const char *key, FpnnStatus status)
{
	if (status != FPNN_OK)
		rtm_raise_bad_answer(reader->answer, reader->what, key, status);
}

int64
rtm_read_int(const RtmReader *reader, const char *key)
{
	int64_t value = 0;

	need(reader, key, fpnn_map_int(reader->answer->map, key, &value));
	return value;
}

int32
rtm_read_int32(const RtmReader *reader, const char *key)
{
	int64 value = rtm_read_int(reader, key);

	if (value < PG_INT32_MIN || value > PG_INT32_MAX)
		need(reader, key, FPNN_BAD_TYPE);
	return (int32) value;
}

bool
rtm_read_bool(const RtmReader *reader, const char *key)
{
	bool value = false;

	need(reader, key, fpnn_map_bool(reader->answer->map, key, &value));
	return value;
}

Datum
rtm_read_ints(const RtmReader *reader, const char *key)
{
	const msgpack_object_array *array = NULL;
	Datum					   *values;

	need(reader, key, fpnn_map_array(reader->answer->map, key, &array));
	values = palloc(sizeof(Datum) * Max(array->size, 1));
	for (uint32 i = 0; i < array->size; i++)
	{
		int64_t value = 0;

		need(reader, key, fpnn_object_int(&array->ptr[i], &value));
		values[i] = Int64GetDatum(value);
	}
	return PointerGetDatum(construct_array(values, (int) array->size, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

Datum
rtm_read_texts(const RtmReader *reader, const char *key)
{
	const msgpack_object_array *array = NULL;
	ArrayBuildState			   *texts = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	need(reader, key, fpnn_map_array(reader->answer->map, key, &array));
	for (uint32 i = 0; i < array->size; i++)
	{
		const char	 *bytes = NULL;
		size_t		  len = 0;
		NullableDatum text;
		NullableDatum binary;

		need(reader, key, fpnn_object_text(&array->ptr[i], &bytes, &len));
		rtm_body_from_wire(bytes, len, &text, &binary);
		(void) accumArrayResult(texts, text.value, text.isnull, TEXTOID, CurrentMemoryContext);
	}
	return makeArrayResult(texts, CurrentMemoryContext);
}

bool
rtm_answer_has(const RtmReader *reader, const char *key)
{
	const msgpack_object *value = fpnn_map_get(reader->answer->map, key);

	return value && value->type != MSGPACK_OBJECT_NIL;
}

void
rtm_read_body(const RtmReader *reader, const char *key, NullableDatum *text, NullableDatum *binary)
{
	const char *bytes = NULL;
	size_t		len = 0;

	need(reader, key, fpnn_map_text(reader->answer->map, key, &bytes, &len));
	rtm_body_from_wire(bytes, len, text, binary);
}

HeapTuple
rtm_form_tuple(TupleDesc desc, const NullableDatum *columns, int n)
{
	Datum *values = palloc(sizeof(Datum) * n);
	bool  *nulls = palloc(sizeof(bool) * n);

	if (desc->natts != n)
		elog(ERROR, "result type has %d columns instead of %d", desc->natts, n);
	for (int i = 0; i < n; i++)
	{
		values[i] = columns[i].value;
		nulls[i] = columns[i].isnull;
	}
	return heap_form_tuple(desc, values, nulls);
}

void
rtm_put_row(FunctionCallInfo fcinfo, const NullableDatum *columns, int n)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_puttuple(result->setResult, rtm_form_tuple(result->setDesc, columns, n));
}

TupleDesc
rtm_make_result_desc(FunctionCallInfo fcinfo)
{
	TupleDesc	  desc;
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
	return desc;
}

TupleDesc
rtm_result_desc(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = rtm_make_result_desc(fcinfo);
	return fcinfo->flinfo->fn_extra;
}
