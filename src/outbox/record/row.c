/*-------------------------------------------------------------------------
 *
 * row.c
 *	  A request: a row of rtm_request and, when it is through, of rtm_finished.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "outbox/record/relations.h"
#include "outbox/record/row.h"

static const char *const status_names[] = {
	[OUTBOX_STATUS_DONE] = "done",
	[OUTBOX_STATUS_FAILED] = "failed",
	[OUTBOX_STATUS_EXPIRED] = "expired",
};

const char *
outbox_status_name(OutboxStatus status)
{
	return status_names[status];
}

static OutboxStatus
read_status(Datum value)
{
	int			len;
	const char *name = outbox_read_bytes(value, &len);

	for (OutboxStatus i = 0; i < lengthof(status_names); i++)
		if (strncmp(status_names[i], name, len) == 0 && status_names[i][len] == '\0')
			return i;
	return OUTBOX_STATUS_DONE;
}

static Datum
text_value(const char *bytes, int len)
{
	return PointerGetDatum(cstring_to_text_with_len(bytes, len));
}

Datum
outbox_ids_value(const int64 *ids, int n)
{
	Datum *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(ids[i]);
	return PointerGetDatum(
		construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
name_value(const OutboxName *name, bool *null)
{
	*null = name->bytes == NULL;
	return *null ? (Datum) 0 : text_value(name->bytes, name->len);
}

void
outbox_row_values(const OutboxRow *row, Datum *values, bool *nulls)
{
	memset(nulls, 0, sizeof(bool) * OUTBOX_NCOLUMNS);
	values[OUTBOX_SEQ - 1] = Int64GetDatum(row->seq);
	values[OUTBOX_ID - 1] = Int64GetDatum(row->id);
	values[OUTBOX_OWNER - 1] = ObjectIdGetDatum(row->owner);
	values[OUTBOX_SERVER - 1] = ObjectIdGetDatum(row->server);
	values[OUTBOX_CONVERSATION - 1] = Int16GetDatum(row->conversation);
	values[OUTBOX_NPARAMS - 1] = Int32GetDatum(row->nparams);
	values[OUTBOX_MID_MADE - 1] = BoolGetDatum(row->mid_made);
	values[OUTBOX_ATTEMPTS - 1] = Int32GetDatum(row->attempts);
	values[OUTBOX_KEY_A - 1] = Int64GetDatum(row->key_a);
	values[OUTBOX_KEY_B - 1] = Int64GetDatum(row->key_b);
	values[OUTBOX_ENQUEUED_AT - 1] = TimestampTzGetDatum(row->enqueued_at);
	values[OUTBOX_TIMEOUT - 1] = Float8GetDatum(row->timeout);
	values[OUTBOX_CALL - 1] = text_value(row->call, row->call_len);
	values[OUTBOX_METHOD - 1] = text_value(row->method, row->method_len);
	values[OUTBOX_PARAMS - 1] = text_value(row->params, row->params_len);
	values[OUTBOX_MID - 1] = Int64GetDatum(row->mid);
	nulls[OUTBOX_MID - 1] = row->mid == 0;
	nulls[OUTBOX_RECIPIENTS - 1] = row->recipients == NULL;
	if (row->recipients)
		values[OUTBOX_RECIPIENTS - 1] = outbox_ids_value(row->recipients, row->nrecipients);
	values[OUTBOX_CALLBACK - 1] = ObjectIdGetDatum(row->callback);
	nulls[OUTBOX_CALLBACK - 1] = !OidIsValid(row->callback);
	values[OUTBOX_CALLBACK_OWNER - 1] = ObjectIdGetDatum(row->callback_owner);
	nulls[OUTBOX_CALLBACK_OWNER - 1] = !OidIsValid(row->callback_owner);
	values[OUTBOX_SEND_AT - 1] = TimestampTzGetDatum(row->send_at);
	nulls[OUTBOX_SEND_AT - 1] = row->send_at == 0;
	values[OUTBOX_EXPIRES_AT - 1] = TimestampTzGetDatum(row->expires_at);
	nulls[OUTBOX_EXPIRES_AT - 1] = row->expires_at == 0;
	values[OUTBOX_URGENT - 1] = BoolGetDatum(true);
	nulls[OUTBOX_URGENT - 1] = !row->urgent;
	nulls[OUTBOX_NEXT_ATTEMPT - 1] = true;
	nulls[OUTBOX_ERROR_CODE - 1] = true;
	nulls[OUTBOX_ERROR - 1] = true;
	values[OUTBOX_ORIGIN - 1] = Int64GetDatum(row->origin);
	values[OUTBOX_OWNER_NAME - 1] = name_value(&row->owner_name, &nulls[OUTBOX_OWNER_NAME - 1]);
	values[OUTBOX_SERVER_NAME - 1] = name_value(&row->server_name, &nulls[OUTBOX_SERVER_NAME - 1]);
	values[OUTBOX_CALLBACK_NAME - 1] = name_value(&row->callback_name,
												  &nulls[OUTBOX_CALLBACK_NAME - 1]);
}

const char *
outbox_read_bytes(Datum value, int *len)
{
	const struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	*len = (int) VARSIZE_ANY_EXHDR(bytes);
	return VARDATA_ANY(bytes);
}

static void
read_recipients(Datum value, OutboxRow *row)
{
	Datum *elements;
	bool  *nulls;
	int64 *recipients;

	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, &nulls, &row->nrecipients);
	recipients = palloc(sizeof(int64) * Max(row->nrecipients, 1));
	for (int i = 0; i < row->nrecipients; i++)
		recipients[i] = DatumGetInt64(elements[i]);
	row->recipients = recipients;
}

static OutboxName
read_name(Datum value, bool null)
{
	OutboxName name = {0};

	if (!null)
		name.bytes = outbox_read_bytes(value, &name.len);
	return name;
}

/* What both tables have: whose request it is, and what it asks for. */
static void
read_shared(const Datum *v, const bool *null, OutboxRow *row)
{
	row->id = DatumGetInt64(v[OUTBOX_ID - 1]);
	row->origin = DatumGetInt64(v[OUTBOX_ORIGIN - 1]);
	row->owner = DatumGetObjectId(v[OUTBOX_OWNER - 1]);
	row->server = DatumGetObjectId(v[OUTBOX_SERVER - 1]);
	row->conversation = DatumGetInt16(v[OUTBOX_CONVERSATION - 1]);
	row->nparams = DatumGetInt32(v[OUTBOX_NPARAMS - 1]);
	row->mid_made = DatumGetBool(v[OUTBOX_MID_MADE - 1]);
	row->attempts = DatumGetInt32(v[OUTBOX_ATTEMPTS - 1]);
	row->key_a = DatumGetInt64(v[OUTBOX_KEY_A - 1]);
	row->key_b = DatumGetInt64(v[OUTBOX_KEY_B - 1]);
	row->enqueued_at = DatumGetTimestampTz(v[OUTBOX_ENQUEUED_AT - 1]);
	row->timeout = DatumGetFloat8(v[OUTBOX_TIMEOUT - 1]);
	row->call = outbox_read_bytes(v[OUTBOX_CALL - 1], &row->call_len);
	row->method = outbox_read_bytes(v[OUTBOX_METHOD - 1], &row->method_len);
	row->params = outbox_read_bytes(v[OUTBOX_PARAMS - 1], &row->params_len);
	if (!null[OUTBOX_MID - 1])
		row->mid = DatumGetInt64(v[OUTBOX_MID - 1]);
	if (!null[OUTBOX_RECIPIENTS - 1])
		read_recipients(v[OUTBOX_RECIPIENTS - 1], row);
	if (!null[OUTBOX_CALLBACK - 1])
		row->callback = DatumGetObjectId(v[OUTBOX_CALLBACK - 1]);
	if (!null[OUTBOX_CALLBACK_OWNER - 1])
		row->callback_owner = DatumGetObjectId(v[OUTBOX_CALLBACK_OWNER - 1]);
	if (!null[OUTBOX_SEND_AT - 1])
		row->send_at = DatumGetTimestampTz(v[OUTBOX_SEND_AT - 1]);
	if (!null[OUTBOX_EXPIRES_AT - 1])
		row->expires_at = DatumGetTimestampTz(v[OUTBOX_EXPIRES_AT - 1]);
	row->urgent = !null[OUTBOX_URGENT - 1] && DatumGetBool(v[OUTBOX_URGENT - 1]);
	row->owner_name = read_name(v[OUTBOX_OWNER_NAME - 1], null[OUTBOX_OWNER_NAME - 1]);
	row->server_name = read_name(v[OUTBOX_SERVER_NAME - 1], null[OUTBOX_SERVER_NAME - 1]);
	row->callback_name = read_name(v[OUTBOX_CALLBACK_NAME - 1], null[OUTBOX_CALLBACK_NAME - 1]);
}

void
outbox_read_row(HeapTuple tuple, OutboxRow *row)
{
	Datum v[OUTBOX_NCOLUMNS];
	bool  null[OUTBOX_NCOLUMNS];

	heap_deform_tuple(tuple, outbox_columns(OUTBOX_REQUESTS), v, null);
	memset(row, 0, sizeof(*row));
	read_shared(v, null, row);
	row->seq = DatumGetInt64(v[OUTBOX_SEQ - 1]);
	if (!null[OUTBOX_NEXT_ATTEMPT - 1])
		row->next_attempt = DatumGetTimestampTz(v[OUTBOX_NEXT_ATTEMPT - 1]);
}

void
outbox_read_result(HeapTuple tuple, OutboxResult *result)
{
	Datum v[RESULT_NCOLUMNS];
	bool  null[RESULT_NCOLUMNS];

	heap_deform_tuple(tuple, outbox_columns(OUTBOX_RESULTS), v, null);
	memset(result, 0, sizeof(*result));
	read_shared(v, null, &result->row);
	result->tid = tuple->t_self;
	result->status = read_status(v[RESULT_STATUS - 1]);
	if (!null[OUTBOX_ERROR_CODE - 1])
		result->error_code = DatumGetInt32(v[OUTBOX_ERROR_CODE - 1]);
}

bool
outbox_row_is_any_call(const OutboxRow *row)
{
	return row->call_len == 4 && memcmp(row->call, "call", 4) == 0;
}

void
outbox_read_key(HeapTuple tuple, OutboxRow *row)
{
	TupleDesc desc = outbox_columns(OUTBOX_REQUESTS);
	bool	  null;

	row->seq = DatumGetInt64(fastgetattr(tuple, OUTBOX_SEQ, desc, &null));
	row->id = DatumGetInt64(fastgetattr(tuple, OUTBOX_ID, desc, &null));
	row->origin = DatumGetInt64(fastgetattr(tuple, OUTBOX_ORIGIN, desc, &null));
	row->owner = DatumGetObjectId(fastgetattr(tuple, OUTBOX_OWNER, desc, &null));
	row->server = DatumGetObjectId(fastgetattr(tuple, OUTBOX_SERVER, desc, &null));
}

void
outbox_read_conversations(HeapTuple tuple, OutboxRow *row)
{
	TupleDesc desc = outbox_columns(OUTBOX_REQUESTS);
	bool	  null;
	Datum	  recipients;

	outbox_read_key(tuple, row);
	row->conversation = DatumGetInt16(fastgetattr(tuple, OUTBOX_CONVERSATION, desc, &null));
	row->key_a = DatumGetInt64(fastgetattr(tuple, OUTBOX_KEY_A, desc, &null));
	row->key_b = DatumGetInt64(fastgetattr(tuple, OUTBOX_KEY_B, desc, &null));
	row->recipients = NULL;
	recipients = heap_getattr(tuple, OUTBOX_RECIPIENTS, desc, &null);
	if (!null)
		read_recipients(recipients, row);
}
