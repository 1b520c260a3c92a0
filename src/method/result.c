/*-------------------------------------------------------------------------
 *
 * result.c
 *	  Answers as values of SQL, as the catalogue describes them.
 *
 * Used by the functions that ask, by callbacks and by the outbox's views.
 * Everything is allocated in the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "method/history.h"
#include "method/jsonb.h"
#include "method/result.h"
#include "client/text.h"

/* An answer with the document that it points into. */
typedef struct Unpacked
{
	RtmAnswer answer;
	FpnnDoc	  doc;
} Unpacked;

static void
close_doc(void *arg)
{
	fpnn_doc_close(&((Unpacked *) arg)->doc);
}

RtmAnswer *
rtm_unpack(const char *bytes, size_t len, int nparams)
{
	Unpacked			  *u = palloc0(sizeof(Unpacked));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	StringInfoData		   payload;
	FpnnStatus			   status;

	initStringInfo(&payload);
	if (nparams >= 0)
	{
		msgpack_packer packer;

		rtm_packer_init(&packer, &payload);
		msgpack_pack_map(&packer, (size_t) nparams);
	}
	appendBinaryStringInfo(&payload, bytes, (int) len);
	callback->func = close_doc;
	callback->arg = u;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	status = fpnn_doc_open(&u->doc, (const uint8_t *) payload.data, (size_t) payload.len);
	if (status == FPNN_NOMEM)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (status != FPNN_OK)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("these bytes are no packed map: %s", fpnn_status_text(status))));
	u->answer.map = u->doc.map;
	u->answer.server = "outbox";
	u->answer.endpoint = "outbox";
	return &u->answer;
}

RtmResult
rtm_result_of(const RtmRequest *request, const RtmAnswer *answer, const char *what)
{
	RtmResult result = {.method = request->method,
						.reader = {.answer = answer, .what = what},
						.mid = request->mid,
						.mtime = rtm_null_column(),
						.uid = rtm_request_int(request, "uid"),
						.ouid = rtm_request_int(request, "ouid")};

	return result;
}

/* ---- messages of a page ---- */

/* An integer, or NULL for a user who isn't known. */
static NullableDatum
user_column(const RtmMessage *m, int64 uid)
{
	return m->users_known ? rtm_column(Int64GetDatum(uid)) : rtm_null_column();
}

/* A value of the type rtm_message. */
static Datum
message_value(const RtmMessage *m, bool p2p, TupleDesc desc)
{
	NullableDatum columns[11];

	columns[0] = rtm_column(Int64GetDatum(m->id));
	columns[1] = user_column(m, m->from_uid);
	columns[2] = rtm_column(Int32GetDatum(m->mtype));
	columns[3] = rtm_column(Int64GetDatum(m->mid));
	rtm_body_from_wire(m->msg.bytes, m->msg.len, &columns[4], &columns[7]);
	rtm_body_from_wire(m->attrs.bytes, m->attrs.len, &columns[5], &columns[10]);
	columns[6] = rtm_column(Int64GetDatum(m->mtime));
	columns[8] = p2p ? rtm_column(Int32GetDatum(m->direction)) : rtm_null_column();
	columns[9] = p2p ? user_column(m, m->to_uid) : rtm_null_column();
	return heap_copy_tuple_as_datum(rtm_form_tuple(desc, columns, lengthof(columns)), desc);
}

/* The messages of a page as rtm_message[]. */
static NullableDatum
messages_column(const RtmResult *result, Oid array_type)
{
	Oid		  type = get_element_type(array_type);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(type, -1);
	bool	  p2p = result->method->conversation == RTM_P2P;
	RtmPage	  page;
	Datum	 *messages;
	int		  n = 0;
	int16	  len;
	bool	  by_value;
	char	  align;

	rtm_page_read(&page, &result->reader, result->method, result->uid, result->ouid);
	messages = palloc(sizeof(Datum) * Max(page.entries->size, 1));
	for (uint32 i = 0; i < page.entries->size; i++)
	{
		RtmMessage message;

		if (rtm_page_message(&page, i, &message))
			messages[n++] = message_value(&message, p2p, desc);
	}
	get_typlenbyvalalign(type, &len, &by_value, &align);
	return rtm_column(PointerGetDatum(construct_array(messages, n, type, len, by_value, align)));
}

/* ---- fields ---- */

static NullableDatum
text_column(const RtmReader *reader, const char *wire, bool binary)
{
	NullableDatum text;
	NullableDatum bytes;

	rtm_read_body(reader, wire, &text, &bytes);
	return binary ? bytes : text;
}

/* What a field has in SQL; InvalidOid: an array of the extension's type. */
static Oid
field_type(RtmFieldType type)
{
	switch (type)
	{
		case RTM_FIELD_INT64:
		case RTM_FIELD_MID:
			return INT8OID;
		case RTM_FIELD_INT32:
			return INT4OID;
		case RTM_FIELD_BOOL:
			return BOOLOID;
		case RTM_FIELD_TEXT:
			return TEXTOID;
		case RTM_FIELD_BINARY:
			return BYTEAOID;
		case RTM_FIELD_INTS:
			return INT8ARRAYOID;
		case RTM_FIELD_TEXTS:
			return TEXTARRAYOID;
		case RTM_FIELD_JSON:
		case RTM_FIELD_ANSWER:
			return JSONBOID;
		case RTM_FIELD_MESSAGES:
		case RTM_FIELD_END:
			break;
	}
	return InvalidOid;
}

/* A field of an answer that is there. */
static NullableDatum
answer_column(const RtmResult *result, const RtmField *field, Oid type)
{
	const RtmReader *reader = &result->reader;

	if (field->optional && !rtm_answer_has(reader, field->wire))
		return rtm_null_column();
	switch (field->type)
	{
		case RTM_FIELD_INT64:
			return rtm_column(Int64GetDatum(rtm_read_int(reader, field->wire)));
		case RTM_FIELD_INT32:
			return rtm_column(Int32GetDatum(rtm_read_int32(reader, field->wire)));
		case RTM_FIELD_BOOL:
			return rtm_column(BoolGetDatum(rtm_read_bool(reader, field->wire)));
		case RTM_FIELD_TEXT:
			return text_column(reader, field->wire, false);
		case RTM_FIELD_BINARY:
			return text_column(reader, field->wire, true);
		case RTM_FIELD_INTS:
			return rtm_column(rtm_read_ints(reader, field->wire));
		case RTM_FIELD_TEXTS:
			return rtm_column(rtm_read_texts(reader, field->wire));
		case RTM_FIELD_JSON:
			return rtm_column(JsonbPGetDatum(rtm_read_jsonb(reader, field->wire)));
		case RTM_FIELD_ANSWER:
			return rtm_column(JsonbPGetDatum(rtm_answer_jsonb(reader)));
		case RTM_FIELD_MESSAGES:
			return messages_column(result, type);
		case RTM_FIELD_MID:
			return rtm_column(Int64GetDatum(result->mid));
		case RTM_FIELD_END:
			break;
	}
	return rtm_null_column();
}

static NullableDatum
kept_column(const RtmResult *result, const RtmField *field)
{
	if (field->type == RTM_FIELD_MID)
		return rtm_column(Int64GetDatum(result->mid));
	if (field->wire && strcmp(field->wire, "mtime") == 0 &&
		rtm_method_traits(result->method)->keep == RTM_KEEP_MTIME)
		return result->mtime;
	return rtm_null_column();
}

int
rtm_result_columns(const RtmResult *result, const Oid *types, NullableDatum *columns)
{
	const RtmField *fields = rtm_method_fields(result->method);
	int				n = 0;

	for (; fields[n].type != RTM_FIELD_END; n++)
	{
		Oid wanted = field_type(fields[n].type);

		if (OidIsValid(wanted) ? types[n] != wanted : !OidIsValid(get_element_type(types[n])))
			elog(ERROR, "column %d of what %s returns has the wrong type", n + 1,
				 result->reader.what);
		columns[n] = result->reader.answer ? answer_column(result, &fields[n], types[n])
										   : kept_column(result, &fields[n]);
	}
	return n;
}

HeapTuple
rtm_result_tuple(const RtmResult *result, TupleDesc desc)
{
	NullableDatum columns[RTM_MAX_FIELDS];
	Oid			  types[RTM_MAX_FIELDS] = {0};

	for (int i = 0; i < Min(desc->natts, RTM_MAX_FIELDS); i++)
		types[i] = TupleDescAttr(desc, i)->atttypid;
	return rtm_form_tuple(desc, columns, rtm_result_columns(result, types, columns));
}

/* ---- callbacks ---- */

static Oid
type_of_extension(const char *name, Oid schema)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
							   ObjectIdGetDatum(schema));

	if (!OidIsValid(type))
		elog(ERROR, "type %s of extension \"rtm\" does not exist", name);
	return type;
}

int
rtm_callback_types(const RtmMethod *method, Oid schema, Oid *types)
{
	const RtmKindTraits *traits = rtm_method_traits(method);
	const RtmField		*fields = rtm_method_fields(method);
	int					 n = 0;

	if (traits->row_type)
		types[n++] = type_of_extension(traits->row_type, schema);
	else
		for (; fields[n].type != RTM_FIELD_END; n++)
			types[n] = field_type(fields[n].type);
	types[n++] = type_of_extension("rtm_error", schema);
	return n;
}

int
rtm_callback_args(const RtmResult *result, const Oid *types, NullableDatum *args)
{
	const RtmKindTraits *traits = rtm_method_traits(result->method);
	TupleDesc			 desc;

	if (traits->row_type == NULL)
		return rtm_result_columns(result, types, args);
	args[0] = rtm_null_column();
	if (result->reader.answer)
	{
		desc = lookup_rowtype_tupdesc_copy(types[0], -1);
		args[0] = rtm_column(heap_copy_tuple_as_datum(rtm_result_tuple(result, desc), desc));
	}
	return 1;
}

HeapTuple
rtm_error_tuple(int code, const char *message, TupleDesc desc)
{
	char		  state[6];
	NullableDatum columns[3];

	rtm_code_sqlstate(code, state);
	if (message == NULL)
		message = rtm_code_text(code);
	columns[0] = rtm_column(Int32GetDatum(code));
	columns[1] = rtm_column(CStringGetTextDatum(state));
	columns[2] = rtm_column(CStringGetTextDatum(message ? message : "unknown error"));
	return rtm_form_tuple(desc, columns, lengthof(columns));
}
