/*-------------------------------------------------------------------------
 *
 * origin.c
 *	  Whose requests the rows of an outbox are.
 *
 * Every request is marked with the origin of the outbox that it was queued in,
 * and the sender leaves those of other origins alone: they are held.  So a row
 * that came into the table in any other way (with a copy of the database or of
 * the cluster, by logical replication, by COPY) is sent by nobody but the one who
 * queued it, until a DBA says so; see adopt.c.
 *
 * An origin is a number that follows from the cluster's system identifier, the
 * database's OID, the instance (instance.h) and the timeline.  The table
 * rtm_origin says which origin a database goes on with, and what that was bound
 * to.  While all of that is the same the origin is; a standby that was promoted
 * goes on with the primary's; anybody else begins with one of his own.
 *
 * Everybody who asks comes to the same result, so that requests can be queued
 * before the sender has written it down.  It is the sender alone who writes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "outbox/record/outbox_guc.h"
#include "outbox/record/instance.h"
#include "outbox/origin/origin.h"
#include "outbox/record/row.h"

/* Columns of rtm_origin. */
enum
{
	ORIGIN_SYSTEM = 1,
	ORIGIN_DATABASE,
	ORIGIN_INSTANCE,
	ORIGIN_TIMELINE,
	ORIGIN_ORIGIN
};

/* What the table says of this database. */
typedef struct Binding
{
	bool  any;			/* the table has rows */
	bool  other_system; /* one of them is of another cluster */
	bool  found;		/* one of this database of this cluster */
	int64 instance;
	int64 timeline;
	int64 origin;
} Binding;

int64 outbox_own_origin;

static int64
column(HeapTuple tuple, int attribute, TupleDesc desc)
{
	bool null;

	return DatumGetInt64(fastgetattr(tuple, attribute, desc, &null));
}

static void
read_binding(Binding *binding)
{
	Relation	rel = table_open(outbox_relations(false)->origin, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	memset(binding, 0, sizeof(*binding));
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool null;

		binding->any = true;
		if (column(tuple, ORIGIN_SYSTEM, desc) != (int64) GetSystemIdentifier())
		{
			binding->other_system = true;
			continue;
		}
		if (DatumGetObjectId(fastgetattr(tuple, ORIGIN_DATABASE, desc, &null)) != MyDatabaseId)
			continue;
		binding->found = true;
		binding->instance = column(tuple, ORIGIN_INSTANCE, desc);
		binding->timeline = column(tuple, ORIGIN_TIMELINE, desc);
		binding->origin = column(tuple, ORIGIN_ORIGIN, desc);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* The origin of an outbox that begins here and now. */
static int64
new_origin(const OutboxInstance *instance, TimeLineID timeline)
{
	uint64 parts[] = {GetSystemIdentifier(), MyDatabaseId, (uint64) instance->token, timeline};
	uint64 hash = hash_bytes_extended((unsigned char *) parts, sizeof(parts), 0);

	return (int64) (hash | 1); /* never 0 */
}

/*
 * Which origin this database goes on with.  *why: the reason why it isn't the one
 * that the table has; NULL: it is, or there was none.
 */
static int64
find_origin(const Binding *binding, const char **why)
{
	OutboxInstance instance = outbox_instance();
	TimeLineID	   timeline = GetWALInsertionTimeLine();
	bool		   promoted = instance.standby || instance.inherited == timeline;

	*why = NULL;
	if (!binding->found)
		return new_origin(&instance, timeline);
	if (binding->instance == instance.token && binding->timeline == timeline)
		return binding->origin;
	if (promoted && outbox_send_after_promotion)
		return binding->origin;
	*why = promoted ? "It is a standby that was promoted, and rtm.send_after_promotion is off."
		   : binding->instance == instance.token
			   ? "It was recovered to a point in time."
			   : "It was restored from a backup, recovered to a point in time, or copied.";
	return new_origin(&instance, timeline);
}

int64
outbox_origin(OutboxDatabase *entry)
{
	Binding		binding;
	const char *why;
	uint64		known = 0;
	uint64		found;
	bool		recovery;

	if (!OidIsValid(outbox_relations(false)->origin))
		return 0;

	/* asked once: a promotion may be under way */
	recovery = RecoveryInProgress();
	if (entry && !recovery && (known = pg_atomic_read_u64(&entry->origin)) != 0)
		return (int64) known;
	read_binding(&binding);
	if (entry == NULL || recovery)
		return binding.origin;
	found = (uint64) find_origin(&binding, &why);

	/* the first one's result counts, should a setting change at this moment */
	if (!pg_atomic_compare_exchange_u64(&entry->origin, &known, found))
		found = known;
	return (int64) found;
}

bool
outbox_same_system(void)
{
	Binding binding;

	read_binding(&binding);
	return !binding.other_system;
}

const char *
outbox_origin_condition(void)
{
	if (outbox_own_origin == 0)
		return "";
	return psprintf(" AND origin OPERATOR(pg_catalog.=) '" INT64_FORMAT "'::pg_catalog.int8",
					outbox_own_origin);
}

const char *
outbox_foreign_condition(void)
{
	if (outbox_own_origin == 0)
		return " AND false";
	return psprintf(" AND (origin OPERATOR(pg_catalog.<>) '" INT64_FORMAT
					"'::pg_catalog.int8 OR origin IS NULL)",
					outbox_own_origin);
}

/* ---- writing it down ---- */

static void
run(const char *query, int nargs, Oid *types, Datum *values)
{
	const char *schema = quote_identifier(get_namespace_name(outbox_relations(false)->schema));

	if (SPI_execute_with_args(psprintf(query, schema, schema), nargs, types, values, NULL, false,
							  0) < 0)
		elog(ERROR, "a statement of the outbox failed");
}

static void
write_binding(int64 origin)
{
	Oid	  types[] = {INT8OID, OIDOID, INT8OID, INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId),
					  Int64GetDatum(outbox_instance().token),
					  Int64GetDatum(GetWALInsertionTimeLine()), Int64GetDatum(origin)};

	run("INSERT INTO %s.rtm_origin (system_identifier, database, instance, timeline, origin, since)"
		" VALUES ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp())"
		" ON CONFLICT (system_identifier, database) DO UPDATE SET instance = excluded.instance,"
		" timeline = excluded.timeline, origin = excluded.origin, since = excluded.since",
		lengthof(types), types, values);
}

/*
 * Rows from before the outbox had an origin, when the extension was updated and
 * the library wasn't preloaded.  Where a server's OID is another server's, they
 * came with pg_upgrade.
 */
static void
mark_old_rows(const char *table, int64 origin)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(origin);

	run(psprintf("UPDATE %%s.%s SET origin = $1 WHERE origin IS NULL"
				 " AND EXISTS (SELECT FROM pg_catalog.pg_foreign_server AS s"
				 " WHERE s.oid OPERATOR(pg_catalog.=) server"
				 " AND s.srvname OPERATOR(pg_catalog.=) server_name::pg_catalog.name)",
				 table),
		1, &type, &value);
}

void
outbox_claim(OutboxDatabase *entry)
{
	Binding		binding;
	const char *why;

	outbox_own_origin = 0;
	if (!OidIsValid(outbox_relations(false)->origin))
		return;
	read_binding(&binding);
	(void) find_origin(&binding, &why);
	outbox_own_origin = outbox_origin(entry);
	if (binding.found && binding.origin == outbox_own_origin &&
		binding.instance == outbox_instance().token &&
		binding.timeline == GetWALInsertionTimeLine())
		return;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	write_binding(outbox_own_origin);
	if (!binding.any)
	{
		mark_old_rows("rtm_request", outbox_own_origin);
		mark_old_rows("rtm_finished", outbox_own_origin);
	}
	SPI_finish();
	PopActiveSnapshot();
	if (why)
		ereport(
			LOG,
			(errmsg(
				 "the outbox of database \"%s\" begins anew: requests that were queued before are held",
				 get_database_name(MyDatabaseId)),
			 errdetail("%s", why)));
}

bool
outbox_look_for_held(void)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(outbox_own_origin);
	bool  any;

	if (outbox_own_origin == 0)
		return false;
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	run("SELECT FROM %s.rtm_request WHERE origin IS DISTINCT FROM $1 UNION ALL"
		" SELECT FROM %s.rtm_finished WHERE callback_due IS NOT NULL AND origin IS DISTINCT FROM $1"
		" LIMIT 1",
		1, &type, &value);
	any = SPI_processed > 0;
	SPI_finish();
	PopActiveSnapshot();
	return any;
}
