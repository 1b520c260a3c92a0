/*-------------------------------------------------------------------------
 *
 * member.c
 *	  Members of groups and rooms, bans, the project's blacklist: in tables.
 *
 * A group and a room have the same statements about tables of the same shape;
 * which one it is decides about the plan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "table/cache.h"
#include "table/gate_guc.h"
#include "table/member.h"
#include "table/gate_spi.h"

/* The two forms of a statement, about groups and about rooms. */
typedef struct Pair
{
	GatePlan group;
	GatePlan room;
} Pair;

static GatePlan *
plan_of(Pair *pair, RtmConversation type)
{
	return type == RTM_GROUP ? &pair->group : &pair->room;
}

/* Does the statement give a row? */
static bool
finds(GatePlan *plan, int64 a, int64 b, int64 c)
{
	Datum values[] = {Int64GetDatum(a), Int64GetDatum(b), Int64GetDatum(c)};

	return gate_spi_run(plan, values, NULL) > 0;
}

#define THREE                     \
	3,                            \
	{                             \
		INT8OID, INT8OID, INT8OID \
	}
#define WITH_UIDS                      \
	3,                                 \
	{                                  \
		INT8OID, INT8OID, INT8ARRAYOID \
	}

/* ---- members ---- */

static void
run_with_uids(GatePlan *plan, int64 pid, int64 xid, const int64 *uids, int n)
{
	Datum values[] = {Int64GetDatum(pid), Int64GetDatum(xid), gate_int8_array(uids, n)};

	gate_spi_run(plan, values, NULL);
}

void
gate_member_add(int64 pid, RtmConversation type, int64 xid, const int64 *uids, int n)
{
	static Pair insert = {
		{"INSERT INTO rtm_gate.group_member (pid, gid, uid) SELECT $1, $2, u FROM pg_catalog.unnest($3) u ON CONFLICT DO NOTHING",
		 WITH_UIDS},
		{"INSERT INTO rtm_gate.room_member (pid, rid, uid) SELECT $1, $2, u FROM pg_catalog.unnest($3) u ON CONFLICT DO NOTHING",
		 WITH_UIDS}};

	run_with_uids(plan_of(&insert, type), pid, xid, uids, n);
}

#define OF_GROUP " WHERE pid OPERATOR(pg_catalog.=) $1 AND gid OPERATOR(pg_catalog.=) $2"
#define OF_ROOM	 " WHERE pid OPERATOR(pg_catalog.=) $1 AND rid OPERATOR(pg_catalog.=) $2"
#define OF_UID	 " AND uid OPERATOR(pg_catalog.=) $3"
#define OF_UIDS	 " AND uid OPERATOR(pg_catalog.=) ANY ($3)"

void
gate_member_remove(int64 pid, RtmConversation type, int64 xid, const int64 *uids, int n)
{
	static Pair delete = {{"DELETE FROM rtm_gate.group_member" OF_GROUP OF_UIDS, WITH_UIDS},
						  {"DELETE FROM rtm_gate.room_member" OF_ROOM OF_UIDS, WITH_UIDS}};

	run_with_uids(plan_of(&delete, type), pid, xid, uids, n);
}

bool
gate_member_is(int64 pid, RtmConversation type, int64 xid, int64 uid)
{
	static Pair find = {{"SELECT FROM rtm_gate.group_member" OF_GROUP OF_UID, THREE},
						{"SELECT FROM rtm_gate.room_member" OF_ROOM OF_UID, THREE}};

	return finds(plan_of(&find, type), pid, xid, uid);
}

int64
gate_member_count_others(int64 pid, int64 gid, const int64 *uids, int n)
{
	static GatePlan plan = {"SELECT pg_catalog.count(*) FROM rtm_gate.group_member" OF_GROUP
							" AND NOT uid OPERATOR(pg_catalog.=) ANY ($3)",
							WITH_UIDS};

	run_with_uids(&plan, pid, gid, uids, n);
	return DatumGetInt64(gate_spi_column(0, 1, NULL));
}

/* The only column of what a statement gives. */
static int64 *
list_of(GatePlan *plan, int64 a, int64 b, int *n)
{
	Datum  values[] = {Int64GetDatum(a), Int64GetDatum(b)};
	int64 *list;

	*n = (int) gate_spi_run(plan, values, NULL);
	list = MemoryContextAlloc(gate_spi_results(), sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		list[i] = DatumGetInt64(gate_spi_column(i, 1, NULL));
	return list;
}

int64 *
gate_member_list(int64 pid, RtmConversation type, int64 xid, int *n)
{
	static Pair list = {
		{"SELECT uid FROM rtm_gate.group_member" OF_GROUP " ORDER BY uid", 2, {INT8OID, INT8OID}},
		{"SELECT uid FROM rtm_gate.room_member" OF_ROOM " ORDER BY uid", 2, {INT8OID, INT8OID}}};

	return list_of(plan_of(&list, type), pid, xid, n);
}

int64 *
gate_member_count_rooms(int64 pid, const int64 *rids, int nrids, int64 **counts, int *n)
{
	static GatePlan plan = {
		"SELECT r, (SELECT pg_catalog.count(*) FROM rtm_gate.room_member"
		" WHERE pid OPERATOR(pg_catalog.=) $1 AND rid OPERATOR(pg_catalog.=) r)"
		" FROM (SELECT DISTINCT pg_catalog.unnest($2) AS r) AS rooms ORDER BY r",
		2,
		{INT8OID, INT8ARRAYOID}};
	Datum  values[] = {Int64GetDatum(pid), gate_int8_array(rids, nrids)};
	int64 *rooms;

	*n = (int) gate_spi_run(&plan, values, NULL);
	rooms = MemoryContextAlloc(gate_spi_results(), sizeof(int64) * Max(*n, 1));
	*counts = MemoryContextAlloc(gate_spi_results(), sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		rooms[i] = DatumGetInt64(gate_spi_column(i, 1, NULL));
		(*counts)[i] = DatumGetInt64(gate_spi_column(i, 2, NULL));
	}
	return rooms;
}

int64 *
gate_member_groups(int64 pid, int64 uid, int *n)
{
	static GatePlan plan = {
		"SELECT gid FROM rtm_gate.group_member WHERE pid OPERATOR(pg_catalog.=) $1"
		" AND uid OPERATOR(pg_catalog.=) $2 ORDER BY gid",
		2,
		{INT8OID, INT8OID}};

	return list_of(&plan, pid, uid, n);
}

void
gate_member_delete_group(int64 pid, int64 gid)
{
	static GatePlan members = {"DELETE FROM rtm_gate.group_member" OF_GROUP, 2, {INT8OID, INT8OID}};
	static GatePlan bans = {"DELETE FROM rtm_gate.group_ban" OF_GROUP, 2, {INT8OID, INT8OID}};
	Datum			values[] = {Int64GetDatum(pid), Int64GetDatum(gid)};

	gate_spi_run(&members, values, NULL);
	gate_spi_run(&bans, values, NULL);
}

/* ---- bans ---- */

/* A time from now; for ever is infinity. */
#define UNTIL(seconds)                                                                         \
	" CASE WHEN " seconds " OPERATOR(pg_catalog.<=) 0 THEN 'infinity'::pg_catalog.timestamptz" \
	" ELSE pg_catalog.now() OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => " seconds  \
	"::pg_catalog.float8) END"
#define NOT_OVER " AND until OPERATOR(pg_catalog.>) pg_catalog.now()"

/* The ban of this group or room, or with NULL that of all. */
#define SAME_GROUP \
	" WHERE pid OPERATOR(pg_catalog.=) $1 AND uid OPERATOR(pg_catalog.=) $3 AND gid IS NOT DISTINCT FROM $2"
#define SAME_ROOM \
	" WHERE pid OPERATOR(pg_catalog.=) $1 AND uid OPERATOR(pg_catalog.=) $3 AND rid IS NOT DISTINCT FROM $2"

void
gate_member_ban(int64 pid, RtmConversation type, bool any, int64 xid, int64 uid, int64 seconds)
{
	static Pair insert = {
		{"INSERT INTO rtm_gate.group_ban (pid, gid, uid, until) SELECT $1, $2, $3," UNTIL(
			 "$4") " ON CONFLICT (pid, gid, uid) DO UPDATE SET until = excluded.until",
		 4,
		 {INT8OID, INT8OID, INT8OID, INT8OID}},
		{"INSERT INTO rtm_gate.room_ban (pid, rid, uid, until) SELECT $1, $2, $3," UNTIL(
			 "$4") " ON CONFLICT (pid, rid, uid) DO UPDATE SET until = excluded.until",
		 4,
		 {INT8OID, INT8OID, INT8OID, INT8OID}}};
	Datum values[] = {Int64GetDatum(pid), Int64GetDatum(xid), Int64GetDatum(uid),
					  Int64GetDatum(seconds)};

	gate_spi_run(plan_of(&insert, type), values, any ? " n  " : NULL);
}

void
gate_member_unban(int64 pid, RtmConversation type, bool any, int64 xid, int64 uid)
{
	static Pair delete = {{"DELETE FROM rtm_gate.group_ban" SAME_GROUP, THREE},
						  {"DELETE FROM rtm_gate.room_ban" SAME_ROOM, THREE}};
	Datum values[] = {Int64GetDatum(pid), Int64GetDatum(xid), Int64GetDatum(uid)};

	gate_spi_run(plan_of(&delete, type), values, any ? " n " : NULL);
}

bool
gate_member_is_banned(int64 pid, RtmConversation type, int64 xid, int64 uid)
{
	static Pair find = {
		{"SELECT FROM rtm_gate.group_ban WHERE pid OPERATOR(pg_catalog.=) $1 AND uid OPERATOR(pg_catalog.=) $3"
		 " AND (gid OPERATOR(pg_catalog.=) $2 OR gid IS NULL)" NOT_OVER,
		 THREE},
		{"SELECT FROM rtm_gate.room_ban WHERE pid OPERATOR(pg_catalog.=) $1 AND uid OPERATOR(pg_catalog.=) $3"
		 " AND (rid OPERATOR(pg_catalog.=) $2 OR rid IS NULL)" NOT_OVER,
		 THREE}};

	return finds(plan_of(&find, type), pid, xid, uid);
}

void
gate_member_block(int64 pid, int64 uid, int64 seconds)
{
	static GatePlan plan = {
		"INSERT INTO rtm_gate.project_black (pid, uid, until) SELECT $1, $2," UNTIL(
			"$3") " ON CONFLICT (pid, uid) DO UPDATE SET until = excluded.until",
		THREE};

	(void) finds(&plan, pid, uid, seconds);
}

#define OF_USER \
	" WHERE pid OPERATOR(pg_catalog.=) $1 AND uid OPERATOR(pg_catalog.=) $2 AND $3 OPERATOR(pg_catalog.=) 0"

void
gate_member_unblock(int64 pid, int64 uid)
{
	static GatePlan plan = {"DELETE FROM rtm_gate.project_black" OF_USER, THREE};

	(void) finds(&plan, pid, uid, 0);
}

bool
gate_member_is_blocked(int64 pid, int64 uid)
{
	static GatePlan plan = {"SELECT FROM rtm_gate.project_black" OF_USER NOT_OVER, THREE};

	return finds(&plan, pid, uid, 0);
}

void
gate_member_purge(void)
{
	static GatePlan groups = {
		"DELETE FROM rtm_gate.group_ban WHERE until OPERATOR(pg_catalog.<=) pg_catalog.now()"};
	static GatePlan rooms = {
		"DELETE FROM rtm_gate.room_ban WHERE until OPERATOR(pg_catalog.<=) pg_catalog.now()"};
	static GatePlan blacks = {
		"DELETE FROM rtm_gate.project_black WHERE until OPERATOR(pg_catalog.<=) pg_catalog.now()"};

	static GatePlan bans = {
		"DELETE FROM rtm_gate.project_ban WHERE until OPERATOR(pg_catalog.<=) pg_catalog.now()"};

	if (gate_cache_any_project_ban())
		gate_spi_run(&bans, NULL, NULL);
	if (gate_cache_any_group_ban())
		gate_spi_run(&groups, NULL, NULL);
	if (gate_cache_any_room_ban())
		gate_spi_run(&rooms, NULL, NULL);
	if (gate_cache_any_black())
		gate_spi_run(&blacks, NULL, NULL);
}

/* ---- what follows for a message ---- */

static bool
is_member(const GateConversation *c, int64 uid)
{
	return !gate_enforce_membership || gate_member_is(c->pid, c->type, c->a, uid);
}

static bool
is_muted(int64 pid, int64 uid)
{
	static GatePlan plan = {"SELECT FROM rtm_gate.project_ban" OF_USER NOT_OVER, THREE};

	return finds(&plan, pid, uid, 0);
}

bool
gate_member_refuses(int64 pid, int64 uid, int64 other)
{
	static GatePlan plan = {
		"SELECT FROM rtm_gate.user_black WHERE pid OPERATOR(pg_catalog.=) $1"
		" AND uid OPERATOR(pg_catalog.=) $2 AND black OPERATOR(pg_catalog.=) $3",
		THREE};

	return gate_cache_any_user_black() && finds(&plan, pid, uid, other);
}

int
gate_member_may_send(const GateConversation *c, int64 uid)
{
	int code = gate_member_may_read(c, uid);

	if (code != 0)
		return code;
	if (gate_cache_any_project_ban() && is_muted(c->pid, uid))
		return RTM_CODE_AUTH_DENIED;
	if (c->type == RTM_GROUP && gate_cache_any_group_ban() &&
		gate_member_is_banned(c->pid, c->type, c->a, uid))
		return RTM_CODE_BANNED_IN_GROUP;
	if (c->type == RTM_ROOM && gate_cache_any_room_ban() &&
		gate_member_is_banned(c->pid, c->type, c->a, uid))
		return RTM_CODE_BANNED_IN_ROOM;
	return 0;
}

int
gate_member_may_read(const GateConversation *c, int64 uid)
{
	if (gate_cache_any_black() && gate_member_is_blocked(c->pid, uid))
		return RTM_CODE_AUTH_DENIED;
	if (c->type == RTM_GROUP && !is_member(c, uid))
		return RTM_CODE_NOT_MEMBER;
	if (c->type == RTM_ROOM && !is_member(c, uid))
		return RTM_CODE_NOT_IN_ROOM;
	return 0;
}
