/*-------------------------------------------------------------------------
 *
 * result_row.c
 *	  A request that is through: a row of rtm_finished.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"

#include "outbox/record/relations.h"
#include "outbox/record/result_row.h"

static OutboxName
read_name(Datum value, bool null)
{
	OutboxName name = {0};

	if (!null)
		name.bytes = outbox_read_bytes(value, &name.len);
	return name;
}

/* Whose request it was, and what it asked for. */
static void
read_request(const Datum *v, const bool *null, OutboxRow *row)
{
	row->id = DatumGetInt64(v[RESULT_ID - 1]);
	row->origin = DatumGetInt64(v[RESULT_ORIGIN - 1]);
	row->owner = DatumGetObjectId(v[RESULT_OWNER - 1]);
	row->server = DatumGetObjectId(v[RESULT_SERVER - 1]);
	row->conversation = DatumGetInt16(v[RESULT_CONVERSATION - 1]);
	row->nparams = DatumGetInt32(v[RESULT_NPARAMS - 1]);
	row->mid_made = DatumGetBool(v[RESULT_MID_MADE - 1]);
	row->attempts = DatumGetInt32(v[RESULT_ATTEMPTS - 1]);
	row->key_a = DatumGetInt64(v[RESULT_KEY_A - 1]);
	row->key_b = DatumGetInt64(v[RESULT_KEY_B - 1]);
	row->enqueued_at = DatumGetTimestampTz(v[RESULT_ENQUEUED_AT - 1]);
	row->timeout = DatumGetFloat8(v[RESULT_TIMEOUT - 1]);
	row->call = outbox_read_bytes(v[RESULT_CALL - 1], &row->call_len);
	row->method = outbox_read_bytes(v[RESULT_METHOD - 1], &row->method_len);
	row->params = outbox_read_bytes(v[RESULT_PARAMS - 1], &row->params_len);
	if (!null[RESULT_MID - 1])
		row->mid = DatumGetInt64(v[RESULT_MID - 1]);
	if (!null[RESULT_RECIPIENTS - 1])
		outbox_read_recipients(v[RESULT_RECIPIENTS - 1], row);
	if (!null[RESULT_CALLBACK - 1])
		row->callback = DatumGetObjectId(v[RESULT_CALLBACK - 1]);
	if (!null[RESULT_CALLBACK_OWNER - 1])
		row->callback_owner = DatumGetObjectId(v[RESULT_CALLBACK_OWNER - 1]);
	row->owner_name = read_name(v[RESULT_OWNER_NAME - 1], null[RESULT_OWNER_NAME - 1]);
	row->server_name = read_name(v[RESULT_SERVER_NAME - 1], null[RESULT_SERVER_NAME - 1]);
	row->callback_name = read_name(v[RESULT_CALLBACK_NAME - 1], null[RESULT_CALLBACK_NAME - 1]);
}

void
outbox_read_result(HeapTuple tuple, OutboxResult *result)
{
	Datum		v[RESULT_NCOLUMNS];
	bool		null[RESULT_NCOLUMNS];
	const char *status;
	int			len;

	heap_deform_tuple(tuple, outbox_columns(OUTBOX_RESULTS), v, null);
	memset(result, 0, sizeof(*result));
	read_request(v, null, &result->row);
	result->tid = tuple->t_self;
	status = outbox_read_bytes(v[RESULT_STATUS - 1], &len);
	result->failed = len == 6 && memcmp(status, "failed", 6) == 0;
	if (!null[RESULT_ERROR_CODE - 1])
		result->error_code = DatumGetInt32(v[RESULT_ERROR_CODE - 1]);
	result->callback_due = !null[RESULT_CALLBACK_DUE - 1];
}
