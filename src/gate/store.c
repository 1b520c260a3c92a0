/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The tables of the local gate, through SPI.
 *
 * Called by quest.c, gate.c and control.c.  Results are in the memory context
 * that was current in gate_store_begin().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "gate/gate.h"

/* Prepared once a process, when first used. */
typedef struct StorePlan
{
	const char *sql;
	int			nargs;
	Oid			types[12];
	SPIPlanPtr	plan;
} StorePlan;

static MemoryContext results;

void
gate_store_begin(void)
{
	results = CurrentMemoryContext;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
gate_store_end(void)
{
	SPI_finish();
}

static uint64
run(StorePlan *plan, const Datum *values, const char *nulls)
{
	int			rc;

	if (plan->plan == NULL)
	{
		SPIPlanPtr	prepared = SPI_prepare(plan->sql, plan->nargs, plan->types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		plan->plan = prepared;
	}
	rc = SPI_execute_plan(plan->plan, (Datum *) values, nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(rc));
	return SPI_processed;
}

static Datum
column(int row, int number, bool *isnull)
{
	bool		null;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &null);

	if (isnull)
		*isnull = null;
	return value;
}

static char *
text_column(int row, int number)
{
	char	   *text = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);

	return text ? MemoryContextStrdup(results, text) : NULL;
}

bool
gate_store_config(GateConfig *config)
{
	static StorePlan plan = {"SELECT enabled, listen, port, certificate, certificate_key FROM rtm_gate.config"};

	if (run(&plan, NULL, NULL) == 0)
		return false;
	config->enabled = DatumGetBool(column(0, 1, NULL));
	config->listen = text_column(0, 2);
	config->port = DatumGetInt32(column(0, 3, NULL));
	config->certificate = text_column(0, 4);
	config->certificate_key = text_column(0, 5);
	return true;
}

void
gate_store_set_certificate(const char *certificate, const char *key)
{
	static StorePlan plan = {"UPDATE rtm_gate.config SET certificate = $1, certificate_key = $2", 2, {TEXTOID, TEXTOID}};
	Datum		values[2] = {0};
	const char *nulls = certificate ? "  " : "nn";

	if (certificate)
	{
		values[0] = CStringGetTextDatum(certificate);
		values[1] = CStringGetTextDatum(key);
	}
	run(&plan, values, nulls);
}

void
gate_store_set_config(const GateConfig *config)
{
	static StorePlan plan = {
		"INSERT INTO rtm_gate.config (enabled, listen, port) VALUES ($1, $2, $3) "
		"ON CONFLICT (singleton) DO UPDATE SET enabled = excluded.enabled, listen = excluded.listen, port = excluded.port",
		3, {BOOLOID, TEXTOID, INT4OID}
	};
	Datum		values[] = {BoolGetDatum(config->enabled), CStringGetTextDatum(config->listen),
	Int32GetDatum(config->port)};

	run(&plan, values, NULL);
}

char *
gate_store_secret(int64 pid)
{
	static StorePlan plan = {"SELECT secret FROM rtm_gate.project WHERE pid OPERATOR(pg_catalog.=) $1", 1, {INT8OID}};
	Datum		values[] = {Int64GetDatum(pid)};

	return run(&plan, values, NULL) ? text_column(0, 1) : NULL;
}

void
gate_store_set_secret(int64 pid, const char *secret)
{
	static StorePlan plan = {
		"INSERT INTO rtm_gate.project (pid, secret) VALUES ($1, $2) "
		"ON CONFLICT (pid) DO UPDATE SET secret = excluded.secret",
		2, {INT8OID, TEXTOID}
	};
	Datum		values[] = {Int64GetDatum(pid), CStringGetTextDatum(secret)};

	run(&plan, values, NULL);
}

static Datum
body_datum(const GateBody *body)
{
	return PointerGetDatum(cstring_to_text_with_len(body->bytes ? body->bytes : "", (int) body->len));
}

bool
gate_store_insert(const GateConversation *c, const GateMessage *m)
{
	static StorePlan plan = {
		"INSERT INTO rtm_gate.message (type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (type, a, b, mid) DO NOTHING",
		12, {INT2OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT2OID, BYTEAOID, BOOLOID, BYTEAOID, BOOLOID, INT8OID}
	};
	Datum		values[] = {
		Int16GetDatum(c->type), Int64GetDatum(c->a), Int64GetDatum(c->b), Int64GetDatum(m->mid),
		Int64GetDatum(m->from), Int64GetDatum(m->to), Int16GetDatum((int16) m->mtype),
		body_datum(&m->msg), BoolGetDatum(m->msg.bin), body_datum(&m->attrs), BoolGetDatum(m->attrs.bin),
		Int64GetDatum(m->mtime)
	};

	return run(&plan, values, NULL) > 0;
}

static GateBody
body_column(int row, int number)
{
	bool		isnull;
	Datum		value = column(row, number, &isnull);
	GateBody	body = {0};
	MemoryContext old = MemoryContextSwitchTo(results);
	bytea	   *bytes = isnull ? NULL : DatumGetByteaPCopy(value);

	MemoryContextSwitchTo(old);
	body.bytes = bytes ? VARDATA(bytes) : "";
	body.len = bytes ? VARSIZE(bytes) - VARHDRSZ : 0;
	body.bin = DatumGetBool(column(row, number + 1, NULL));
	return body;
}

#define MESSAGE_COLUMNS "id, from_uid, to_uid, mid, mtype::pg_catalog.int8, deleted, mtime, msg, msg_is_bin, attrs, attrs_is_bin"

static void
message_row(int row, GateMessage *m)
{
	m->id = DatumGetInt64(column(row, 1, NULL));
	m->from = DatumGetInt64(column(row, 2, NULL));
	m->to = DatumGetInt64(column(row, 3, NULL));
	m->mid = DatumGetInt64(column(row, 4, NULL));
	m->mtype = DatumGetInt64(column(row, 5, NULL));
	m->deleted = DatumGetBool(column(row, 6, NULL));
	m->mtime = DatumGetInt64(column(row, 7, NULL));
	m->msg = body_column(row, 8);
	m->attrs = body_column(row, 10);
}

static Datum
mtypes_datum(const GatePage *page)
{
	Datum	   *elements;

	if (page->mtypes == NULL)
		return (Datum) 0;
	elements = palloc(sizeof(Datum) * page->nmtypes);
	for (int i = 0; i < page->nmtypes; i++)
		elements[i] = Int32GetDatum(page->mtypes[i]);
	return PointerGetDatum(construct_array(elements, page->nmtypes, INT4OID, 4, true, TYPALIGN_INT));
}

/*
 * Messages are stored in the order of their ids and of their times, so that
 * one index serves both ends of the range.
 */
#define IN_RANGE \
	" AND ($4 OPERATOR(pg_catalog.=) 0 OR mtime OPERATOR(pg_catalog.>=) $4)" \
	" AND ($5 OPERATOR(pg_catalog.=) 0 OR mtime OPERATOR(pg_catalog.<=) $5)" \
	" AND ($6 IS NULL OR mtype OPERATOR(pg_catalog.=) ANY ($6))"
#define HISTORY_TYPES 8, {INT2OID, INT8OID, INT8OID, INT8OID, INT8OID, INT4ARRAYOID, INT8OID, INT8OID}
#define HISTORY_FROM \
	"SELECT " MESSAGE_COLUMNS " FROM rtm_gate.message" \
	" WHERE type OPERATOR(pg_catalog.=) $1 AND a OPERATOR(pg_catalog.=) $2 AND b OPERATOR(pg_catalog.=) $3"

int
gate_store_history(const GateConversation *c, const GatePage *page, GateMessage *messages)
{
	static StorePlan forward = {HISTORY_FROM IN_RANGE " AND id OPERATOR(pg_catalog.>) $7 ORDER BY id LIMIT $8", HISTORY_TYPES};
	static StorePlan backward = {HISTORY_FROM IN_RANGE " AND id OPERATOR(pg_catalog.<) $7 ORDER BY id DESC LIMIT $8", HISTORY_TYPES};
	int64		lastid = page->lastid;
	Datum		values[8];
	char		nulls[9] = "        ";
	int			n;

	if (page->desc && lastid == 0)
		lastid = PG_INT64_MAX;
	values[0] = Int16GetDatum(c->type);
	values[1] = Int64GetDatum(c->a);
	values[2] = Int64GetDatum(c->b);
	values[3] = Int64GetDatum(page->begin);
	values[4] = Int64GetDatum(page->end);
	values[5] = mtypes_datum(page);
	values[6] = Int64GetDatum(lastid);
	values[7] = Int64GetDatum(page->num);
	if (page->mtypes == NULL)
		nulls[5] = 'n';
	n = (int) run(page->desc ? &backward : &forward, values, nulls);
	for (int i = 0; i < n; i++)
		message_row(i, &messages[i]);
	return n;
}

#define OF_MID \
	" WHERE type OPERATOR(pg_catalog.=) $1 AND a OPERATOR(pg_catalog.=) $2 AND b OPERATOR(pg_catalog.=) $3" \
	" AND mid OPERATOR(pg_catalog.=) $4 AND NOT deleted"
#define OF_MID_TYPES 4, {INT2OID, INT8OID, INT8OID, INT8OID}

bool
gate_store_message(const GateConversation *c, int64 mid, GateMessage *message)
{
	static StorePlan plan = {"SELECT " MESSAGE_COLUMNS " FROM rtm_gate.message" OF_MID, OF_MID_TYPES};
	Datum		values[] = {Int16GetDatum(c->type), Int64GetDatum(c->a), Int64GetDatum(c->b), Int64GetDatum(mid)};

	if (run(&plan, values, NULL) == 0)
		return false;
	message_row(0, message);
	return true;
}

/* The row stays, as history entries of deleted messages do; its contents go. */
bool
gate_store_delete(const GateConversation *c, int64 mid)
{
	static StorePlan plan = {"UPDATE rtm_gate.message SET deleted = true, msg = '', attrs = ''" OF_MID, OF_MID_TYPES};
	Datum		values[] = {Int16GetDatum(c->type), Int64GetDatum(c->a), Int64GetDatum(c->b), Int64GetDatum(mid)};

	return run(&plan, values, NULL) > 0;
}

void
gate_store_count(RtmConversation type, int64 xid, const GatePage *page, int64 *senders, int64 *num)
{
	/* of a user, everything he sent or got; $3 is there for IN_RANGE's numbers */
	static StorePlan plan = {
		"SELECT count(DISTINCT from_uid), count(*) FROM rtm_gate.message"
		" WHERE type OPERATOR(pg_catalog.=) $1 AND NOT deleted AND $3 OPERATOR(pg_catalog.=) 0"
		" AND (a OPERATOR(pg_catalog.=) $2 OR ($1 OPERATOR(pg_catalog.=) 1 AND b OPERATOR(pg_catalog.=) $2))" IN_RANGE,
		6, {INT2OID, INT8OID, INT8OID, INT8OID, INT8OID, INT4ARRAYOID}
	};
	Datum		values[] = {Int16GetDatum(type), Int64GetDatum(xid), Int64GetDatum(0),
		Int64GetDatum(page->begin), Int64GetDatum(page->end), mtypes_datum(page)};
	char		nulls[7] = "      ";

	if (page->mtypes == NULL)
		nulls[5] = 'n';
	run(&plan, values, nulls);
	*senders = DatumGetInt64(column(0, 1, NULL));
	*num = DatumGetInt64(column(0, 2, NULL));
}

char *
gate_store_private_key(void)
{
	static StorePlan plan = {"SELECT private_key FROM rtm_gate.config"};

	return run(&plan, NULL, NULL) ? text_column(0, 1) : NULL;
}

char *
gate_store_public_key(void)
{
	static StorePlan plan = {"SELECT public_key FROM rtm_gate.config"};

	return run(&plan, NULL, NULL) ? text_column(0, 1) : NULL;
}

void
gate_store_set_keys(const char *private_pem, const char *public_pem)
{
	static StorePlan plan = {"UPDATE rtm_gate.config SET private_key = $1, public_key = $2", 2, {TEXTOID, TEXTOID}};
	Datum		values[] = {CStringGetTextDatum(private_pem), CStringGetTextDatum(public_pem)};

	run(&plan, values, NULL);
}

int64
gate_store_last_mtime(void)
{
	static StorePlan plan = {"SELECT mtime FROM rtm_gate.message ORDER BY id DESC LIMIT 1"};

	return run(&plan, NULL, NULL) ? DatumGetInt64(column(0, 1, NULL)) : 0;
}
