/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The gate's messages and configuration, in tables.
 *
 * Messages have ids in the order in which they came, as one process writes
 * them all, so that the order of ids is that of times, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host.h"
#include "table/gate_guc.h"
#include "table/gate_spi.h"
#include "table/store.h"

/* ---- configuration ---- */

bool
gate_store_config(GateConfig *config)
{
	static GatePlan plan = {
		"SELECT enabled, listen, port, certificate, certificate_key, public_key FROM rtm_gate.config"};

	if (gate_spi_run(&plan, NULL, NULL) == 0)
		return false;
	config->enabled = DatumGetBool(gate_spi_column(0, 1, NULL));
	config->listen = gate_spi_text(0, 2);
	config->port = DatumGetInt32(gate_spi_column(0, 3, NULL));
	config->certificate = gate_spi_text(0, 4);
	config->certificate_key = gate_spi_text(0, 5);
	config->public_key = gate_spi_text(0, 6);
	return true;
}

void
gate_store_set_certificate(const char *certificate, const char *key)
{
	static GatePlan plan = {"UPDATE rtm_gate.config SET certificate = $1, certificate_key = $2",
							{TEXTOID, TEXTOID}};
	Datum			values[2] = {0};
	const char	   *nulls = certificate ? "  " : "nn";

	if (certificate)
	{
		values[0] = CStringGetTextDatum(certificate);
		values[1] = CStringGetTextDatum(key);
	}
	gate_spi_run(&plan, values, nulls);
}

void
gate_store_set_config(const GateConfig *config)
{
	static GatePlan plan = {
		"INSERT INTO rtm_gate.config (enabled, listen, port) VALUES ($1, $2, $3) "
		"ON CONFLICT (singleton) DO UPDATE SET enabled = excluded.enabled, listen = excluded.listen, port = excluded.port",
		{BOOLOID, TEXTOID, INT4OID}};
	Datum values[] = {BoolGetDatum(config->enabled), CStringGetTextDatum(config->listen),
					  Int32GetDatum(config->port)};

	gate_spi_run(&plan, values, NULL);
}

char *
gate_store_secret(int64 pid)
{
	static GatePlan plan = {"SELECT secret FROM rtm_gate.project WHERE pid = $1", {INT8OID}};
	Datum			values[] = {Int64GetDatum(pid)};

	return gate_spi_run(&plan, values, NULL) ? gate_spi_text(0, 1) : NULL;
}

void
gate_store_set_secret(int64 pid, const char *secret)
{
	static GatePlan plan = {"INSERT INTO rtm_gate.project (pid, secret) VALUES ($1, $2) "
							"ON CONFLICT (pid) DO UPDATE SET secret = excluded.secret",
							{INT8OID, TEXTOID}};
	Datum			values[] = {Int64GetDatum(pid), CStringGetTextDatum(secret)};

	gate_spi_run(&plan, values, NULL);
}

char *
gate_store_private_key(void)
{
	static GatePlan plan = {"SELECT private_key FROM rtm_gate.config"};

	return gate_spi_run(&plan, NULL, NULL) ? gate_spi_text(0, 1) : NULL;
}

void
gate_store_set_keys(const char *private_pem, const char *public_pem)
{
	static GatePlan plan = {"UPDATE rtm_gate.config SET private_key = $1, public_key = $2",
							{TEXTOID, TEXTOID}};
	Datum			values[] = {CStringGetTextDatum(private_pem), CStringGetTextDatum(public_pem)};

	gate_spi_run(&plan, values, NULL);
}

/* ---- messages ---- */

static int64 last_mtime; /* that gate_now() gave; of the gate's process */

int64
gate_now(void)
{
	last_mtime = Max(last_mtime, rtm_wall_us() / 1000);
	return last_mtime;
}

void
gate_store_begin(void)
{
	static GatePlan plan = {"SELECT max(mtime) FROM rtm_gate.message"};
	bool			isnull;
	Datum			last;

	gate_spi_run(&plan, NULL, NULL);
	last = gate_spi_column(0, 1, &isnull);
	if (!isnull)
		last_mtime = DatumGetInt64(last);
}

static Datum
body_datum(const GateBody *body)
{
	return PointerGetDatum(
		cstring_to_text_with_len(body->bytes ? body->bytes : "", (int) body->len));
}

#define CONVERSATION_TYPES INT8OID, INT2OID, INT8OID, INT8OID

/* The first four arguments of the statements about a conversation. */
static void
conversation_datums(const GateConversation *c, Datum *values)
{
	values[0] = Int64GetDatum(c->pid);
	values[1] = Int16GetDatum(c->type);
	values[2] = Int64GetDatum(c->a);
	values[3] = Int64GetDatum(c->b);
}

bool
gate_store_insert(const GateConversation *c, const GateMessage *m)
{
	static GatePlan plan = {
		"INSERT INTO rtm_gate.message (pid, type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime, saved) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (pid, type, a, b, mid) DO NOTHING",
		{CONVERSATION_TYPES, INT8OID, INT8OID, INT8OID, INT2OID, BYTEAOID, BOOLOID, BYTEAOID,
		 BOOLOID, INT8OID, BOOLOID}};
	static MemoryContext scratch;
	MemoryContext		 context;
	Datum				 values[14];
	bool				 is_new;

	/* a message to thousands isn't copied thousands of times */
	if (scratch == NULL)
		scratch = AllocSetContextCreate(TopMemoryContext, "rtm gate insert",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(scratch);
	context = MemoryContextSwitchTo(scratch);
	conversation_datums(c, values);
	values[4] = Int64GetDatum(m->mid);
	values[5] = Int64GetDatum(m->from);
	values[6] = Int64GetDatum(m->to);
	values[7] = Int16GetDatum((int16) m->mtype);
	values[8] = body_datum(&m->msg);
	values[9] = BoolGetDatum(m->msg.bin);
	values[10] = body_datum(&m->attrs);
	values[11] = BoolGetDatum(m->attrs.bin);
	values[12] = Int64GetDatum(m->mtime);
	values[13] = BoolGetDatum(gate_is_saved(m->mtype));
	is_new = gate_spi_run(&plan, values, NULL) > 0;
	MemoryContextSwitchTo(context);
	return is_new;
}

static GateBody
body_column(int row, int number)
{
	bool		  isnull;
	Datum		  value = gate_spi_column(row, number, &isnull);
	GateBody	  body = {0};
	MemoryContext old = MemoryContextSwitchTo(gate_spi_results());
	bytea		 *bytes = isnull ? NULL : DatumGetByteaPCopy(value);

	MemoryContextSwitchTo(old);
	body.bytes = bytes ? VARDATA(bytes) : "";
	body.len = bytes ? VARSIZE(bytes) - VARHDRSZ : 0;
	body.bin = DatumGetBool(gate_spi_column(row, number + 1, NULL));
	return body;
}

#define MESSAGE_COLUMNS \
	"id, from_uid, to_uid, mid, mtype::int8, deleted, mtime, msg, msg_is_bin, attrs, attrs_is_bin"

static void
message_row(int row, GateMessage *m)
{
	m->id = DatumGetInt64(gate_spi_column(row, 1, NULL));
	m->from = DatumGetInt64(gate_spi_column(row, 2, NULL));
	m->to = DatumGetInt64(gate_spi_column(row, 3, NULL));
	m->mid = DatumGetInt64(gate_spi_column(row, 4, NULL));
	m->mtype = DatumGetInt64(gate_spi_column(row, 5, NULL));
	m->deleted = DatumGetBool(gate_spi_column(row, 6, NULL));
	m->mtime = DatumGetInt64(gate_spi_column(row, 7, NULL));
	m->msg = body_column(row, 8);
	m->attrs = body_column(row, 10);
}

/* ---- what is kept ---- */

/* Messages that came before this time aren't kept. */
static int64
oldest_mtime(void)
{
	if (gate_history_days == 0)
		return 0;
	return rtm_wall_us() / 1000 - gate_history_days * INT64CONST(86400000);
}

#define OF_CONVERSATION             \
	" WHERE pid = $1 AND type = $2" \
	" AND a = $3 AND b = $4"

/* The newest message of a conversation that is beyond what is kept; 0: none. */
static int64
floor_of(const GateConversation *c)
{
	static GatePlan plan = {"SELECT id FROM rtm_gate.message" OF_CONVERSATION
							" ORDER BY id DESC OFFSET $5 LIMIT 1",
							{CONVERSATION_TYPES, INT8OID}};
	Datum			values[5];

	if (gate_history_messages == 0)
		return 0;
	conversation_datums(c, values);
	values[4] = Int64GetDatum(gate_history_messages);
	return gate_spi_run(&plan, values, NULL) ? DatumGetInt64(gate_spi_column(0, 1, NULL)) : 0;
}

void
gate_store_purge_conversation(const GateConversation *c)
{
	static GatePlan plan = {"DELETE FROM rtm_gate.message" OF_CONVERSATION " AND id <="
							" (SELECT id FROM rtm_gate.message" OF_CONVERSATION
							" ORDER BY id DESC OFFSET $5 LIMIT 1)",
							{CONVERSATION_TYPES, INT8OID}};
	Datum			values[5];

	conversation_datums(c, values);
	values[4] = Int64GetDatum(gate_history_messages);
	(void) gate_spi_run(&plan, values, NULL);
}

uint64
gate_store_purge_older(void)
{
	static GatePlan plan = {"DELETE FROM rtm_gate.message WHERE ctid = ANY (ARRAY("
							"SELECT ctid FROM rtm_gate.message WHERE mtime < $1 LIMIT 5000))",
							{INT8OID}};
	Datum			values[] = {Int64GetDatum(oldest_mtime())};

	return gate_spi_run(&plan, values, NULL);
}

void
gate_store_purge_all(void)
{
	static GatePlan plan = {
		"DELETE FROM rtm_gate.message m USING (SELECT id, row_number()"
		" OVER (PARTITION BY pid, type, a, b ORDER BY id DESC) AS place FROM rtm_gate.message) n"
		" WHERE m.id = n.id AND n.place > $1",
		{INT8OID}};
	Datum values[] = {Int64GetDatum(gate_history_messages)};

	(void) gate_spi_run(&plan, values, NULL);
}

/* ---- histories ---- */

#define IN_RANGE                                 \
	" AND saved AND mtime >= $5 AND mtime <= $6" \
	" AND ($7 IS NULL OR mtype = ANY ($7))"

/* The arguments of IN_RANGE. */
static void
range_datums(const GatePage *page, Datum *values, char *nulls)
{
	values[4] = Int64GetDatum(Max(page->begin, oldest_mtime()));
	values[5] = Int64GetDatum(page->end ? page->end : PG_INT64_MAX);
	if (page->nmtypes > 0)
		values[6] = gate_int8_array(page->mtypes, page->nmtypes);
	else
		nulls[6] = 'n';
}

#define HISTORY_TYPES CONVERSATION_TYPES, INT8OID, INT8OID, INT8ARRAYOID, INT8OID, INT8OID, INT8OID
#define HISTORY_FROM                                                            \
	"SELECT " MESSAGE_COLUMNS " FROM rtm_gate.message" OF_CONVERSATION IN_RANGE \
	" AND id > $8 AND id < $9"

int
gate_store_history(const GateConversation *c, const GatePage *page, GateMessage *messages)
{
	static GatePlan forward = {HISTORY_FROM " ORDER BY id LIMIT $10", {HISTORY_TYPES}};
	static GatePlan backward = {HISTORY_FROM " ORDER BY id DESC LIMIT $10", {HISTORY_TYPES}};
	int64			after = floor_of(c);
	int64			before = PG_INT64_MAX;
	Datum			values[10];
	char			nulls[11] = "          ";
	int				n;

	if (!page->desc)
		after = Max(after, page->lastid);
	else if (page->lastid != 0)
		before = page->lastid;
	conversation_datums(c, values);
	range_datums(page, values, nulls);
	values[7] = Int64GetDatum(after);
	values[8] = Int64GetDatum(before);
	values[9] = Int64GetDatum(page->num);
	n = (int) gate_spi_run(page->desc ? &backward : &forward, values, nulls);
	for (int i = 0; i < n; i++)
		message_row(i, &messages[i]);
	return n;
}

void
gate_store_count(int64 pid, RtmConversation type, int64 xid, const GatePage *page, int64 *senders,
				 int64 *num)
{
	static GatePlan plan = {
		"SELECT count(DISTINCT from_uid), count(*) FROM rtm_gate.message"
		" WHERE pid = $1 AND type = $2 AND NOT deleted"
		" AND (a = $3 OR ($4 AND b = $3))" IN_RANGE " AND id > $8",
		{INT8OID, INT2OID, INT8OID, BOOLOID, INT8OID, INT8OID, INT8ARRAYOID, INT8OID}};
	GateConversation c = {pid, type, xid, 0};
	Datum			 values[8];
	char			 nulls[9] = "        ";

	conversation_datums(&c, values);
	values[3] = BoolGetDatum(type == RTM_P2P);
	range_datums(page, values, nulls);
	values[7] = Int64GetDatum(type == RTM_P2P ? 0 : floor_of(&c));
	gate_spi_run(&plan, values, nulls);
	*senders = DatumGetInt64(gate_spi_column(0, 1, NULL));
	*num = DatumGetInt64(gate_spi_column(0, 2, NULL));
}

/* ---- one message ---- */

#define OF_MID                                                \
	OF_CONVERSATION " AND mid = $5 AND saved AND NOT deleted" \
					" AND mtime >= $6 AND id > $7"
#define OF_MID_TYPES CONVERSATION_TYPES, INT8OID, INT8OID, INT8OID

static void
mid_datums(const GateConversation *c, int64 mid, Datum *values)
{
	conversation_datums(c, values);
	values[4] = Int64GetDatum(mid);
	values[5] = Int64GetDatum(oldest_mtime());
	values[6] = Int64GetDatum(floor_of(c));
}

bool
gate_store_message(const GateConversation *c, int64 mid, GateMessage *message)
{
	static GatePlan plan = {"SELECT " MESSAGE_COLUMNS " FROM rtm_gate.message" OF_MID,
							{OF_MID_TYPES}};
	Datum			values[7];

	mid_datums(c, mid, values);
	if (gate_spi_run(&plan, values, NULL) == 0)
		return false;
	message_row(0, message);
	return true;
}

/* The row stays, as history entries of deleted messages do; its contents go. */
bool
gate_store_delete(const GateConversation *c, int64 mid)
{
	static GatePlan plan = {
		"UPDATE rtm_gate.message SET deleted = true, msg = '', attrs = ''" OF_MID, {OF_MID_TYPES}};
	Datum values[7];

	mid_datums(c, mid, values);
	return gate_spi_run(&plan, values, NULL) > 0;
}

int64
gate_store_count_all(void)
{
	static GatePlan plan = {"SELECT count(*) FROM rtm_gate.message"};

	gate_spi_run(&plan, NULL, NULL);
	return DatumGetInt64(gate_spi_column(0, 1, NULL));
}
