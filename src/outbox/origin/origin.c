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
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "outbox/record/outbox_guc.h"
#include "outbox/record/instance.h"
#include "outbox/origin/origin.h"
#include "outbox/record/relations.h"
#include "outbox/record/statement.h"

/* Columns of rtm_origin, as the script declares them; relations.c has their types. */
enum
{
	ORIGIN_SYSTEM = 1,
	ORIGIN_DATABASE,
	ORIGIN_INSTANCE,
	ORIGIN_TIMELINE,
	ORIGIN_ORIGIN,
	ORIGIN_SINCE,
	ORIGIN_REPLACED
};

/* What the table says of this database. */
typedef struct Binding
{
	bool  other_system; /* one of them is of another cluster */
	bool  found;		/* one of this database of this cluster */
	int64 instance;
	int64 timeline;
	int64 origin;
	int64 replaced; /* 0: none */
} Binding;

/* Which origin a database goes on with. */
typedef struct Origin
{
	int64		origin;
	int64		replaced; /* by this one, at a promotion; 0: none */
	const char *why;	  /* it isn't the one that the table has; NULL: it is, or there was none */
} Origin;

static OutboxStatement write_down = {
	"INSERT INTO rtm_internal.rtm_origin AS o (system_identifier, database, instance, timeline, origin, since, replaced)"
	" VALUES ($1, $2, $3, $4, $5, clock_timestamp(), nullif($6, 0))"
	" ON CONFLICT (system_identifier, database) DO UPDATE SET instance = excluded.instance,"
	" timeline = excluded.timeline, origin = excluded.origin, since = excluded.since, replaced = excluded.replaced",
	6,
	{INT8OID, OIDOID, INT8OID, INT8OID, INT8OID, INT8OID},
};

static OutboxStatement find_held = {
	"SELECT FROM rtm_internal.rtm_request WHERE origin <> $1"
	" UNION ALL SELECT FROM rtm_internal.rtm_finished WHERE callback_due IS NOT NULL AND origin <> $1 LIMIT 1",
	1,
	{INT8OID},
};

static int64
column(HeapTuple tuple, int attribute, TupleDesc desc)
{
	bool null;

	return DatumGetInt64(fastgetattr(tuple, attribute, desc, &null));
}

/*
 * What rtm_origin says of this database.  Rows of other clusters count too: that the outbox has been
 * elsewhere means that OIDs in its rows mean nothing here.
 */
static void
read_binding(Binding *binding)
{
	Relation	rel = outbox_open(OUTBOX_ORIGINS, AccessShareLock);
	TupleDesc	desc = outbox_columns(OUTBOX_ORIGINS);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	memset(binding, 0, sizeof(*binding));
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool null;

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
		binding->replaced = column(tuple, ORIGIN_REPLACED, desc);
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

/* A standby that isn't to send what its primary had queued leaves the order to whoever decides. */
static Origin
find_origin(const Binding *binding)
{
	OutboxInstance instance = outbox_instance();
	TimeLineID	   timeline = GetWALInsertionTimeLine();
	bool		   promoted = instance.standby || instance.inherited == timeline;
	bool		   same = binding->instance == instance.token && binding->timeline == timeline;
	Origin		   found = {.origin = binding->origin, .replaced = binding->replaced};

	if (binding->found && (same || (promoted && outbox_send_after_promotion)))
		return found;
	found.replaced = promoted ? binding->origin : 0;
	found.origin = new_origin(&instance, timeline);
	if (binding->found)
		found.why = promoted
						? "It is a standby that was promoted, and rtm.send_after_promotion is off."
					: binding->instance == instance.token
						? "It was recovered to a point in time."
						: "It was restored from a backup, recovered to a point in time, or copied.";
	return found;
}

int64
outbox_origin(OutboxDatabase *entry)
{
	Binding binding;
	uint64	known = 0;
	uint64	found;
	bool	recovery;

	/* asked once: a promotion may be under way */
	recovery = RecoveryInProgress();
	if (entry && !recovery && (known = pg_atomic_read_u64(&entry->origin)) != 0)
		return (int64) known;
	read_binding(&binding);
	if (entry == NULL || recovery)
		return binding.origin;
	found = (uint64) find_origin(&binding).origin;

	/* the first one's result counts, should a setting change at this moment */
	if (!pg_atomic_compare_exchange_u64(&entry->origin, &known, found))
		found = known;
	return (int64) found;
}

int64
outbox_replaced_origin(void)
{
	Binding binding;

	read_binding(&binding);
	return find_origin(&binding).replaced;
}

bool
outbox_same_system(void)
{
	Binding binding;

	read_binding(&binding);
	return !binding.other_system;
}

/* ---- writing it down ---- */

static void
write_binding(int64 origin, int64 replaced)
{
	Datum values[] = {Int64GetDatum((int64) GetSystemIdentifier()),
					  ObjectIdGetDatum(MyDatabaseId),
					  Int64GetDatum(outbox_instance().token),
					  Int64GetDatum(GetWALInsertionTimeLine()),
					  Int64GetDatum(origin),
					  Int64GetDatum(replaced)};

	(void) outbox_run_alone(&write_down, values);
}

int64
outbox_claim(OutboxDatabase *entry)
{
	Binding binding;
	Origin	found;
	int64	origin;

	read_binding(&binding);
	found = find_origin(&binding);
	origin = outbox_origin(entry);
	if (binding.found && binding.origin == origin && binding.instance == outbox_instance().token &&
		binding.timeline == GetWALInsertionTimeLine())
		return origin;
	write_binding(origin, found.replaced);
	if (found.why)
		ereport(
			LOG,
			(errmsg(
				 "the outbox of database \"%s\" begins anew: requests that were queued before are held",
				 get_database_name(MyDatabaseId)),
			 errdetail("%s", found.why)));
	return origin;
}

bool
outbox_look_for_held(OutboxDatabase *entry)
{
	Datum origin = Int64GetDatum(outbox_origin(entry));

	return outbox_run_alone(&find_held, &origin) > 0;
}
