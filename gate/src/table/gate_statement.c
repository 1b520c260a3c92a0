/*-------------------------------------------------------------------------
 *
 * gate_statement.c
 *	  The methods that are one statement about the gate's tables.
 *
 * They are run with the search_path pg_catalog: see gate_spi_begin().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "table/gate_statement.h"

/* ---- messages ---- */

#define DELETE_MESSAGES \
	"UPDATE rtm_gate.message SET deleted = true, msg = '', attrs = '' WHERE pid = $1 AND NOT deleted"

/* The conversation of type $4 that $2 and $3, or $3 alone, are in. */
#define OF_CONVERSATION                                                    \
	" AND type = $4"                                                       \
	" AND a = CASE $4 WHEN 1 THEN LEAST($2, $3) WHEN 4 THEN 0 ELSE $3 END" \
	" AND b = CASE $4 WHEN 1 THEN GREATEST($2, $3) ELSE 0 END"

/* The gate's clock is this one, as far as an edit cares. */
#define AGE "(EXTRACT(epoch FROM clock_timestamp()) * 1000 - mtime)"

/* ---- what users have ---- */

#define ADD_TO(table, column)                                                \
	"INSERT INTO rtm_gate." table " (pid, uid, " column ") SELECT $1, $2, u" \
	" FROM unnest($3) u ON CONFLICT DO NOTHING"
#define REMOVE_FROM(table, column) \
	"DELETE FROM rtm_gate." table " WHERE pid = $1 AND uid = $2 AND " column " = ANY ($3)"
#define LIST(table, column) \
	"SELECT " column " FROM rtm_gate." table " WHERE pid = $1 AND uid = $2 ORDER BY 1"
#define IS_IN(table, column) \
	"SELECT EXISTS (SELECT FROM rtm_gate." table " WHERE pid = $1 AND uid = $2 AND " column " = $3)"
#define WHICH(table, column)                                                            \
	"SELECT " column " FROM rtm_gate." table " WHERE pid = $1 AND uid = $2 AND " column \
	" = ANY ($3) ORDER BY 1"

/* An interval of 0 seconds and less is for ever. */
#define UNTIL(seconds) \
	"CASE WHEN " seconds " <= 0 THEN 'infinity' ELSE now() + make_interval(secs => " seconds ") END"
#define BAN(table)                                                            \
	"INSERT INTO rtm_gate." table " (pid, uid, until) SELECT $1, $2, " UNTIL( \
		"$3") " ON CONFLICT (pid, uid) DO UPDATE SET until = excluded.until"
#define UNBAN(table) "DELETE FROM rtm_gate." table " WHERE pid = $1 AND uid = $2"
#define IS_BANNED(table) \
	"SELECT EXISTS (SELECT FROM rtm_gate." table " WHERE pid = $1 AND uid = $2 AND until > now())"

/* In a group or room $2; when that isn't given, or is 0, in all of them. */
#define GIVEN "NULLIF(GREATEST($2, 0), 0)"
#define BAN_IN(table, id)                                                        \
	"INSERT INTO rtm_gate." table " (pid, " id ", uid, until) SELECT $1, " GIVEN \
	", $3, " UNTIL("$4") " ON CONFLICT (pid, " id ", uid) DO UPDATE SET until = excluded.until"
#define UNBAN_IN(table, id)                                              \
	"DELETE FROM rtm_gate." table " WHERE pid = $1 AND uid = $3 AND " id \
	" IS NOT DISTINCT FROM " GIVEN
#define IS_BANNED_IN(table, id)                                                          \
	"SELECT EXISTS (SELECT FROM rtm_gate." table " WHERE pid = $1 AND uid = $3 AND (" id \
	" = $2 OR " id " IS NULL) AND until > now())"

#define MAX_MEMBERS CppAsString2(RTM_MAX_MEMBERS)
#define MEMBERS(of, id) \
	"SELECT uid FROM rtm_gate." of "_member WHERE pid = $1 AND " id " = $2 ORDER BY uid"
#define REMOVE_MEMBERS(of, id, which) \
	"DELETE FROM rtm_gate." of "_member WHERE pid = $1 AND " id " = $2 AND uid " which

/* Of users, groups and rooms: what isn't given stays as it is. */
#define SET_INFO(type)                                                           \
	"INSERT INTO rtm_gate.info (pid, type, xid, oinfo, pinfo) VALUES ($1, " type \
	", $2, COALESCE($3, ''), COALESCE($4, '')) ON CONFLICT (pid, type, xid)"     \
	" DO UPDATE SET oinfo = COALESCE($3, info.oinfo), pinfo = COALESCE($4, info.pinfo)"
#define GET_INFO(type)                                                             \
	"SELECT COALESCE(i.oinfo, ''), COALESCE(i.pinfo, '') FROM (VALUES (1)) AS one" \
	" LEFT JOIN rtm_gate.info i ON i.pid = $1 AND i.type = " type " AND i.xid = $2"

/* The longest text that is part of a key. */
#define FITS(text) " WHERE octet_length(" text ") <= 2048"

static GateStatement statements[RTM_NUM_METHODS] = {
	[RTM_EDIT_MESSAGE] =
		{{"UPDATE rtm_gate.message SET msg = $6, msg_is_bin = false, attrs = $7, attrs_is_bin = false"
		  " WHERE pid = $1 AND type = $5 AND type IN (2, 3) AND a = $4 AND b = 0 AND mid = $2"
		  " AND from_uid = $3 AND saved AND NOT deleted AND ($8 = 0 OR " AGE " <= $8)"},
		 RTM_CODE_NOT_FOUND},
	[RTM_CLEAN_MESSAGE] = {{DELETE_MESSAGES OF_CONVERSATION
							" AND ($4 <> 4 OR $2 = 0 OR from_uid = $2) AND mtime >= $5"
							" AND ($6 = 0 OR mtime <= $6)"}},
	[RTM_DELETE_CONVERSATION_MESSAGES] = {{DELETE_MESSAGES OF_CONVERSATION " AND from_uid = $2"}},
	[RTM_CLEAR_USER_MESSAGES] = {{DELETE_MESSAGES " AND from_uid = $2"}},
	[RTM_CLEAR_PROJECT_MESSAGES] = {{DELETE_MESSAGES
									 " AND ($2 = 4 OR type = (ARRAY[1, 3, 2, 4])[$2 + 1])"}},

	[RTM_GET_TOKEN] =
		{{"INSERT INTO rtm_gate.token (pid, uid, token) VALUES ($1, $2, encode(uuid_send(gen_random_uuid()), 'hex'))"
		  " ON CONFLICT (pid, uid) DO UPDATE SET token = excluded.token"
		  " RETURNING convert_to(token, 'UTF8')"}},
	[RTM_REMOVE_TOKEN] = {{"DELETE FROM rtm_gate.token WHERE pid = $1 AND uid = $2"}},

	/* nobody logs in */
	[RTM_KICKOUT] = {{"SELECT"}},
	[RTM_GET_ONLINE_USERS] = {{"SELECT 0::bigint WHERE false"}},

	[RTM_SET_USER_INFO] = {{SET_INFO("1")}},
	[RTM_GET_USER_INFO] = {{GET_INFO("1")}},
	[RTM_GET_USER_OPEN_INFO] = {{"SELECT 0::bigint, xid, oinfo FROM rtm_gate.info"
								 " WHERE pid = $1 AND type = 1 AND xid = ANY ($2) ORDER BY xid"}},
	[RTM_ADD_SESSIONS] = {{ADD_TO("session", "ouid")}},
	[RTM_REMOVE_SESSIONS] = {{REMOVE_FROM("session", "ouid")}},
	[RTM_ADD_PROJECT_BLACK] = {{BAN("project_black")}},
	[RTM_REMOVE_PROJECT_BLACK] = {{UNBAN("project_black")}},
	[RTM_IS_PROJECT_BLACK] = {{IS_BANNED("project_black")}},
	[RTM_ADD_PROJECT_BAN] = {{BAN("project_ban")}},
	[RTM_REMOVE_PROJECT_BAN] = {{UNBAN("project_ban")}},
	[RTM_IS_PROJECT_BAN] = {{IS_BANNED("project_ban")}},

	[RTM_ADD_FRIENDS] = {{ADD_TO("friend", "friend")}},
	[RTM_DELETE_FRIENDS] = {{REMOVE_FROM("friend", "friend")}},
	[RTM_GET_FRIENDS] = {{LIST("friend", "friend")}},
	[RTM_IS_FRIEND] = {{IS_IN("friend", "friend")}},
	[RTM_IS_FRIENDS] = {{WHICH("friend", "friend")}},
	[RTM_ADD_BLACKS] = {{ADD_TO("user_black", "black")}},
	[RTM_DELETE_BLACKS] = {{REMOVE_FROM("user_black", "black")}},
	[RTM_GET_BLACKS] = {{LIST("user_black", "black")}},
	[RTM_IS_BLACK] = {{IS_IN("user_black", "black")}},
	[RTM_IS_BLACKS] = {{WHICH("user_black", "black")}},

	/* a member who is there already counts once */
	[RTM_ADD_GROUP_MEMBERS] =
		{{"WITH room AS (SELECT FROM rtm_gate.group_member WHERE pid = $1 AND gid = $2"
		  " AND uid <> ALL ($3) HAVING count(*) + cardinality($3) <= " MAX_MEMBERS "),"
		  " new AS (INSERT INTO rtm_gate.group_member (pid, gid, uid) SELECT $1, $2, u"
		  " FROM room, unnest($3) u ON CONFLICT DO NOTHING) SELECT FROM room"},
		 RTM_CODE_MAX_MEMBERS},
	[RTM_DELETE_GROUP_MEMBERS] = {{REMOVE_MEMBERS("group", "gid", "= ANY ($3)")}},
	[RTM_DELETE_GROUP] =
		{{"WITH members AS (DELETE FROM rtm_gate.group_member WHERE pid = $1 AND gid = $2),"
		  " bans AS (DELETE FROM rtm_gate.group_ban WHERE pid = $1 AND gid = $2)"
		  " DELETE FROM rtm_gate.info WHERE pid = $1 AND type = 2 AND xid = $2"}},
	[RTM_GET_GROUP_MEMBERS] = {{MEMBERS("group", "gid")}},
	[RTM_IS_GROUP_MEMBER] = {{"SELECT EXISTS (SELECT FROM rtm_gate.group_member"
							  " WHERE pid = $1 AND gid = $2 AND uid = $3)"}},
	[RTM_GET_USER_GROUPS] = {{LIST("group_member", "gid")}},
	[RTM_ADD_GROUP_BAN] = {{BAN_IN("group_ban", "gid")}},
	[RTM_REMOVE_GROUP_BAN] = {{UNBAN_IN("group_ban", "gid")}},
	[RTM_IS_BAN_OF_GROUP] = {{IS_BANNED_IN("group_ban", "gid")}},
	[RTM_GET_GROUP_COUNT] =
		{{"SELECT count(*) FROM rtm_gate.group_member WHERE pid = $1 AND gid = $2"}},
	[RTM_SET_GROUP_INFO] = {{SET_INFO("2")}},
	[RTM_GET_GROUP_INFO] = {{GET_INFO("2")}},
	[RTM_CLEAR_PROJECT_GROUP] =
		{{"WITH members AS (DELETE FROM rtm_gate.group_member WHERE pid = $1),"
		  " bans AS (DELETE FROM rtm_gate.group_ban WHERE pid = $1 AND gid IS NOT NULL)"
		  " DELETE FROM rtm_gate.info WHERE pid = $1 AND type = 2"}},

	[RTM_ADD_ROOM_MEMBER] = {{"INSERT INTO rtm_gate.room_member (pid, rid, uid) VALUES ($1, $2, $3)"
							  " ON CONFLICT DO NOTHING"}},
	[RTM_DELETE_ROOM_MEMBER] = {{REMOVE_MEMBERS("room", "rid", "= $3")}},
	[RTM_GET_ROOM_MEMBERS] = {{MEMBERS("room", "rid")}},
	[RTM_GET_ROOM_COUNT] =
		{{"SELECT 0::bigint, r, (SELECT count(*) FROM rtm_gate.room_member"
		  " WHERE pid = $1 AND rid = r) FROM (SELECT DISTINCT unnest($2)) rooms (r) ORDER BY r"}},
	[RTM_ADD_ROOM_BAN] = {{BAN_IN("room_ban", "rid")}},
	[RTM_REMOVE_ROOM_BAN] = {{UNBAN_IN("room_ban", "rid")}},
	[RTM_IS_BAN_OF_ROOM] = {{IS_BANNED_IN("room_ban", "rid")}},
	[RTM_ADD_ROOM_MEMBERS] =
		{{"WITH new AS (INSERT INTO rtm_gate.room_member (pid, rid, uid) SELECT $1, $2, u"
		  " FROM unnest($3) u ON CONFLICT DO NOTHING) SELECT DISTINCT u FROM unnest($3) u ORDER BY u"}},
	[RTM_DELETE_ROOM_MEMBERS] =
		{{"WITH gone AS (DELETE FROM rtm_gate.room_member WHERE pid = $1 AND rid = $2 AND uid = ANY ($3))"
		  " SELECT DISTINCT u FROM unnest($3) u ORDER BY u"}},
	[RTM_ADD_USER_ROOMS] = {{"INSERT INTO rtm_gate.room_member (pid, rid, uid) SELECT $1, r, $2"
							 " FROM unnest($3) r ON CONFLICT DO NOTHING"}},
	[RTM_DELETE_USER_ROOMS] =
		{{"DELETE FROM rtm_gate.room_member WHERE pid = $1 AND uid = $2 AND rid = ANY ($3)"}},
	[RTM_SET_ROOM_INFO] = {{SET_INFO("3")}},
	[RTM_GET_ROOM_INFO] = {{GET_INFO("3")}},

	[RTM_DATA_SET] = {{"INSERT INTO rtm_gate.user_data (pid, uid, key, val)"
					   " SELECT $1, $2, $3, $4" FITS(
						   "$3") " ON CONFLICT (pid, uid, key) DO UPDATE SET val = excluded.val"},
					  RTM_CODE_TOO_LARGE},
	[RTM_DATA_GET] =
		{{"SELECT val FROM rtm_gate.user_data WHERE pid = $1 AND uid = $2 AND key = $3"}},
	[RTM_DATA_DELETE] =
		{{"DELETE FROM rtm_gate.user_data WHERE pid = $1 AND uid = $2 AND key = $3"}},
	[RTM_ADD_DEVICE] =
		{{"INSERT INTO rtm_gate.device (pid, uid, apptype, devicetoken)"
		  " SELECT $1, $2, $3, $4" FITS(
			  "$4") " ON CONFLICT (pid, uid, devicetoken) DO UPDATE SET apptype = excluded.apptype"},
		 RTM_CODE_TOO_LARGE},
	[RTM_REMOVE_DEVICE] =
		{{"DELETE FROM rtm_gate.device WHERE pid = $1 AND uid = $2 AND devicetoken = $3"}},

	/* an mtype of 0 stands for all */
	[RTM_ADD_DEVICE_PUSH_OPTION] =
		{{"INSERT INTO rtm_gate.push_option (pid, uid, type, xid, mtype) SELECT $1, $2, $3, $4, m"
		  " FROM unnest(COALESCE(NULLIF($5, '{}'), '{0}')) m ON CONFLICT DO NOTHING"}},
	[RTM_REMOVE_DEVICE_PUSH_OPTION] =
		{{"DELETE FROM rtm_gate.push_option WHERE pid = $1 AND uid = $2 AND type = $3 AND xid = $4"
		  " AND (COALESCE(cardinality($5), 0) = 0 OR mtype = ANY ($5))"}},
	[RTM_GET_DEVICE_PUSH_OPTION] =
		{{"SELECT type::bigint, xid, array_agg(mtype::bigint ORDER BY mtype) FROM rtm_gate.push_option"
		  " WHERE pid = $1 AND uid = $2 GROUP BY type, xid ORDER BY type, xid"}},
};

GateStatement *
gate_statement(const RtmMethod *method)
{
	GateStatement *statement = &statements[method - rtm_methods];

	return statement->plan.sql ? statement : NULL;
}
