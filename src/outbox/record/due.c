/*-------------------------------------------------------------------------
 *
 * due.c
 *	  Callbacks that are due: rows of rtm_finished with callback_due.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "outbox/record/due.h"
#include "outbox/record/row.h"
#include "outbox/record/statement.h"

/*
 * One that was begun and didn't end is left alone for 5 seconds, then 10, 20, ...; a
 * clock that was set back doesn't make it wait longer.
 */
#define HAS_WAITED                                                               \
	"(callback_begun > clock_timestamp() OR callback_begun <= clock_timestamp()" \
	" - interval '5 seconds' * (1 << least(callback_attempts - 1, 8)))"

#define DUE "FROM rtm_internal.rtm_finished WHERE callback_due IS NOT NULL AND origin = $1"

static OutboxStatement any_due = {"SELECT " DUE " LIMIT 1", 1, {INT8OID}};

static OutboxStatement next_owner = {
	"SELECT owner " DUE " AND owner > $2 AND (callback_begun IS NULL OR " HAS_WAITED ")"
	" ORDER BY owner LIMIT 1",
	2,
	{INT8OID, OIDOID},
};

static OutboxStatement give_up = {
	"UPDATE rtm_internal.rtm_finished SET callback_due = NULL, callback_begun = NULL,"
	" callback_error = $3 WHERE ctid = ANY (ARRAY (SELECT ctid " DUE
	" AND owner = $2 LIMIT 1000 FOR UPDATE SKIP LOCKED))",
	3,
	{INT8OID, OIDOID, TEXTOID},
};

static OutboxStatement find_new = {
	"SELECT id " DUE " AND owner = $2 AND callback_begun IS NULL"
	" ORDER BY callback_due LIMIT $3 FOR UPDATE SKIP LOCKED",
	3,
	{INT8OID, OIDOID, INT4OID},
};

static OutboxStatement begin_all = {
	"UPDATE rtm_internal.rtm_finished SET callback_attempts = coalesce(callback_attempts, 0) + 1,"
	" callback_begun = clock_timestamp() WHERE id = ANY ($2) AND origin = $1",
	2,
	{INT8OID, INT8ARRAYOID},
};

/*
 * They are among the first ones, as callbacks begin in their order: those behind a
 * million others aren't looked for in vain each time.
 */
static OutboxStatement find_begun = {
	"SELECT id, callback_attempts FROM rtm_internal.rtm_finished WHERE ctid = (SELECT ctid"
	" FROM (SELECT ctid, callback_begun, callback_attempts, callback_due " DUE
	" AND owner = $2 ORDER BY callback_due LIMIT 1000) AS f WHERE callback_begun IS NOT NULL"
	" AND " HAS_WAITED " ORDER BY callback_due LIMIT 1) FOR UPDATE SKIP LOCKED",
	2,
	{INT8OID, OIDOID},
};

#define ONE_DUE "(SELECT ctid " DUE " AND id = $3 AND owner = $2 FOR UPDATE SKIP LOCKED)"

/* Columns of the two that follow. */
enum
{
	END_CALLBACK = 1,
	END_CALL,
	END_MID,
	END_MTIME,
	END_ANSWER,
	END_ERROR_CODE,
	END_ERROR,
	END_PARAMS,
	END_NPARAMS
};

#define END_COLUMNS \
	" RETURNING callback, call, mid, mtime, answer, error_code, error, params, nparams"

static OutboxStatement end_kept = {
	"UPDATE rtm_internal.rtm_finished SET callback_due = NULL, callback_begun = NULL,"
	" callback_error = NULL WHERE ctid = " ONE_DUE END_COLUMNS,
	3,
	{INT8OID, OIDOID, INT8OID},
};

static OutboxStatement end_done = {
	"DELETE FROM rtm_internal.rtm_finished WHERE status = 'done' AND ctid = " ONE_DUE END_COLUMNS,
	3,
	{INT8OID, OIDOID, INT8OID},
};

static OutboxStatement fail_one = {
	"UPDATE rtm_internal.rtm_finished SET callback_due = NULL, callback_begun = NULL,"
	" callback_error = $3 WHERE ctid = (SELECT ctid " DUE " AND id = $2 FOR UPDATE SKIP LOCKED)",
	3,
	{INT8OID, INT8OID, TEXTOID},
};

static Datum
error_datum(const char *error)
{
	int len = pg_mbcliplen(error, strnlen(error, OUTBOX_CALLBACK_ERROR + MAX_MULTIBYTE_CHAR_LEN),
						   OUTBOX_CALLBACK_ERROR);

	return PointerGetDatum(cstring_to_text_with_len(error, len));
}

/* ---- whose ---- */

bool
outbox_any_due(int64 origin)
{
	Datum value = Int64GetDatum(origin);

	return outbox_run_alone(&any_due, &value) > 0;
}

Oid
outbox_next_due_owner(int64 origin, Oid after)
{
	Datum values[] = {Int64GetDatum(origin), ObjectIdGetDatum(after)};
	Oid	  owner = InvalidOid;

	outbox_begin_sql();
	if (outbox_run(&next_owner, values, NULL) > 0)
		owner = DatumGetObjectId(outbox_column(0, 1, NULL));
	outbox_end_sql();
	return owner;
}

int64
outbox_give_up_due(int64 origin, Oid owner, const char *error)
{
	Datum values[] = {Int64GetDatum(origin), ObjectIdGetDatum(owner), error_datum(error)};

	return (int64) outbox_run_alone(&give_up, values);
}

/* ---- a role's ---- */

static void
note_begin(int64 origin, const int64 *ids, int n)
{
	Datum values[] = {Int64GetDatum(origin), outbox_ids_value(ids, n)};

	(void) outbox_run(&begin_all, values, NULL);

	/* whatever the role has set: a crash must find it */
	ForceSyncCommit();
}

int
outbox_begin_due(int64 origin, Oid owner, int max, int64 *ids)
{
	Datum values[] = {Int64GetDatum(origin), ObjectIdGetDatum(owner), Int32GetDatum(max)};
	int	  n;

	outbox_begin_sql();
	n = (int) outbox_run(&find_new, values, NULL);
	for (int i = 0; i < n; i++)
		ids[i] = DatumGetInt64(outbox_column(i, 1, NULL));
	if (n > 0)
		note_begin(origin, ids, n);
	outbox_end_sql();
	return n;
}

int64
outbox_begin_again(int64 origin, Oid owner, int *attempts)
{
	Datum values[] = {Int64GetDatum(origin), ObjectIdGetDatum(owner)};
	int64 found = 0;

	outbox_begin_sql();
	if (outbox_run(&find_begun, values, NULL) > 0)
	{
		found = DatumGetInt64(outbox_column(0, 1, NULL));
		*attempts = DatumGetInt32(outbox_column(0, 2, NULL));
		note_begin(origin, &found, 1);
	}
	outbox_end_sql();
	return found;
}

static NullableDatum
copied(int column)
{
	NullableDatum c;

	c.value = outbox_copy_column(0, column, &c.isnull);
	return c;
}

static void
read_ended(OutboxDue *due)
{
	char		 *call = TextDatumGetCString(outbox_column(0, END_CALL, NULL));
	NullableDatum error = copied(END_ERROR);
	bool		  null;

	due->function = DatumGetObjectId(outbox_column(0, END_CALLBACK, NULL));
	due->method = rtm_method_by_call(call, strlen(call));
	due->mid = DatumGetInt64(outbox_column(0, END_MID, &null));
	due->mtime = copied(END_MTIME);
	due->answer = copied(END_ANSWER);
	due->params = copied(END_PARAMS).value;
	due->nparams = DatumGetInt32(outbox_column(0, END_NPARAMS, NULL));
	due->code = DatumGetInt32(outbox_column(0, END_ERROR_CODE, &null));
	due->failed = !null;
	due->error = error.isnull ? NULL : TextDatumGetCString(error.value);
}

bool
outbox_end_due(int64 origin, Oid owner, int64 id, bool keep, OutboxDue *due)
{
	Datum values[] = {Int64GetDatum(origin), ObjectIdGetDatum(owner), Int64GetDatum(id)};
	bool  found;

	memset(due, 0, sizeof(*due));
	due->id = id;
	outbox_begin_sql();
	found = (!keep && outbox_run(&end_done, values, NULL) > 0) ||
			outbox_run(&end_kept, values, NULL) > 0;
	if (found)
		read_ended(due);
	outbox_end_sql();
	return found;
}

bool
outbox_fail_due(int64 origin, int64 id, const char *error)
{
	Datum values[] = {Int64GetDatum(origin), Int64GetDatum(id), error_datum(error)};

	return outbox_run_alone(&fail_one, values) > 0;
}
