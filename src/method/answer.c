/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  Reading the fields of an answer, and making rows of them.
 *
 * Called by the other files of src/sql.  Results are palloc()ed in the current
 * memory context, the row type of rtm_result_desc() aside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "method/answer.h"
#include "client/text.h"

char *
rtm_function_name(const RtmMethod *method, const char *suffix)
{
	return psprintf("rtm_%s%s", method->call, suffix);
}

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

TupleDesc
rtm_result_desc(FunctionCallInfo fcinfo)
{
	TupleDesc	  desc = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (desc)
		return desc;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = desc;
	return desc;
}
