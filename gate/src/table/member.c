/*-------------------------------------------------------------------------
 *
 * member.c
 *	  What follows from members, bans and blacklists for a message.
 *
 * A group and a room have the same statements about tables of the same shape.  Of
 * the rules most have no rows, which is known without asking: see cache.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "table/cache.h"
#include "table/gate_guc.h"
#include "table/gate_spi.h"
#include "table/member.h"

/* Does the statement give a row?  Its arguments are the project and two ids. */
static bool
finds(GatePlan *plan, int64 pid, int64 id, int64 uid)
{
	Datum values[] = {Int64GetDatum(pid), Int64GetDatum(id), Int64GetDatum(uid)};

	for (int i = 0; i < lengthof(values); i++)
		plan->types[i] = INT8OID;
	return gate_spi_run(plan, values, NULL) > 0;
}

static bool
is_member(const GateConversation *c, int64 uid)
{
	static GatePlan group = {
		"SELECT FROM rtm_gate.group_member WHERE pid = $1 AND gid = $2 AND uid = $3"};
	static GatePlan room = {
		"SELECT FROM rtm_gate.room_member WHERE pid = $1 AND rid = $2 AND uid = $3"};

	return !gate_enforce_membership ||
		   finds(c->type == RTM_GROUP ? &group : &room, c->pid, c->a, uid);
}

/* Is uid banned by that rule, in the group or room id where it is one of those? */
static bool
is_banned(GateRule rule, int64 pid, int64 id, int64 uid)
{
	static GatePlan plans[GATE_RULES] = {
		[GATE_GROUP_BAN] = {"SELECT FROM rtm_gate.group_ban WHERE pid = $1 AND uid = $3"
							" AND (gid = $2 OR gid IS NULL) AND until > now()"},
		[GATE_ROOM_BAN] = {"SELECT FROM rtm_gate.room_ban WHERE pid = $1 AND uid = $3"
						   " AND (rid = $2 OR rid IS NULL) AND until > now()"},
		[GATE_PROJECT_BLACK] = {"SELECT FROM rtm_gate.project_black WHERE pid = $1 AND uid = $3"
								" AND until > now()"},
		[GATE_PROJECT_BAN] = {"SELECT FROM rtm_gate.project_ban WHERE pid = $1 AND uid = $3"
							  " AND until > now()"},
		[GATE_USER_BLACK] = {"SELECT FROM rtm_gate.user_black WHERE pid = $1 AND uid = $2"
							 " AND black = $3"},
	};

	return gate_cache_any(rule) && finds(&plans[rule], pid, id, uid);
}

bool
gate_member_refuses(int64 pid, int64 uid, int64 other)
{
	return is_banned(GATE_USER_BLACK, pid, uid, other);
}

int
gate_member_may_send(const GateConversation *c, int64 uid)
{
	int code = gate_member_may_read(c, uid);

	if (code != 0)
		return code;
	if (is_banned(GATE_PROJECT_BAN, c->pid, 0, uid))
		return RTM_CODE_AUTH_DENIED;
	if (c->type == RTM_GROUP && is_banned(GATE_GROUP_BAN, c->pid, c->a, uid))
		return RTM_CODE_BANNED_IN_GROUP;
	if (c->type == RTM_ROOM && is_banned(GATE_ROOM_BAN, c->pid, c->a, uid))
		return RTM_CODE_BANNED_IN_ROOM;
	return 0;
}

int
gate_member_may_read(const GateConversation *c, int64 uid)
{
	if (is_banned(GATE_PROJECT_BLACK, c->pid, 0, uid))
		return RTM_CODE_AUTH_DENIED;
	if (c->type == RTM_GROUP && !is_member(c, uid))
		return RTM_CODE_NOT_MEMBER;
	if (c->type == RTM_ROOM && !is_member(c, uid))
		return RTM_CODE_NOT_IN_ROOM;
	return 0;
}

void
gate_member_purge(void)
{
	static GatePlan plans[GATE_RULES] = {
		[GATE_GROUP_BAN] = {"DELETE FROM rtm_gate.group_ban WHERE until <= now()"},
		[GATE_ROOM_BAN] = {"DELETE FROM rtm_gate.room_ban WHERE until <= now()"},
		[GATE_PROJECT_BLACK] = {"DELETE FROM rtm_gate.project_black WHERE until <= now()"},
		[GATE_PROJECT_BAN] = {"DELETE FROM rtm_gate.project_ban WHERE until <= now()"},
	};

	for (GateRule rule = 0; rule < GATE_RULES; rule++)
		if (plans[rule].sql && gate_cache_any(rule))
			gate_spi_run(&plans[rule], NULL, NULL);
}
