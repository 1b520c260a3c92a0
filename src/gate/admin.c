/*-------------------------------------------------------------------------
 *
 * admin.c
 *	  The methods about groups, rooms, bans, the blacklist, and listening.
 *
 * Called by quest.c.  Parameters and answers are those that the vendor's server
 * SDKs send and read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "gate/handler.h"
#include "gate/member.h"

static void
answer_nothing(GateQuest *quest)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 0);
}

static void
answer_ok(GateQuest *quest, bool ok)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 1);
	gate_answer_bool(&packer, "ok", ok);
}

static void
answer_ids(GateQuest *quest, const char *key, const int64 *ids, int n)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 1);
	gate_answer_ints(&packer, key, ids, n);
}

/* Rooms and numbers of members: the keys are text, as the SDKs read them. */
static void
answer_room_counts(GateQuest *quest, const int64 *rids, const int64 *counts, int n)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 1);
	fpnn_pack_text(&packer, "cn");
	msgpack_pack_map(&packer, n);
	for (int i = 0; i < n; i++)
		gate_answer_int(&packer, psprintf(INT64_FORMAT, rids[i]), counts[i]);
}

static void
count_rooms(GateQuest *quest, const GateArgs *args)
{
	GateIds rooms = args->listen[GATE_FROM_ROOM];
	int64	rid = args->conversation.a;
	int64  *counts;
	int		n;

	if (!rooms.there && !args->any_id)
		rooms = (GateIds){&rid, 1, true};
	if (!rooms.there)
		gate_args_check(quest, "rids", FPNN_NO_KEY);
	else if (rooms.n > RTM_MAX_RECIPIENTS)
		gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	else
	{
		int64 *rids = gate_member_count_rooms(args->pid, rooms.ids, rooms.n, &counts, &n);

		answer_room_counts(quest, rids, counts, n);
	}
}

static int
check_uids(const GateIds *uids)
{
	if (uids->n == 0)
		return RTM_CODE_EMPTY_PARAM;
	if (uids->n > RTM_MAX_ADDED)
		return RTM_CODE_TOO_MANY;
	for (int i = 0; i < uids->n; i++)
		if (uids->ids[i] < 0)
			return RTM_CODE_INVALID_PID;
	return 0;
}

static void
change_members(GateQuest *quest, GateArgs *args, bool add)
{
	int64		   gid = args->conversation.a;
	const GateIds *uids = &args->uids;
	int			   code = check_uids(uids);

	if (code == 0 && add &&
		gate_member_count_others(args->pid, gid, uids->ids, uids->n) + uids->n > RTM_MAX_MEMBERS)
		code = RTM_CODE_MAX_MEMBERS;
	if (code != 0)
	{
		gate_quest_fail(quest, code, NULL);
		return;
	}
	if (add)
		gate_member_add(args->pid, RTM_GROUP, gid, uids->ids, uids->n);
	else
		gate_member_remove(args->pid, RTM_GROUP, gid, uids->ids, uids->n);
	answer_nothing(quest);
}

/* ---- listening ---- */

static bool
add_lists(GateQuest *quest, GateArgs *args)
{
	for (GateSource source = 0; source < GATE_SOURCES; source++)
		if (!gate_listen_add(quest->listener, args->pid, source, args->listen[source].ids,
							 args->listen[source].n))
			return gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	return true;
}

/*
 * Lists and flags don't touch each other, as SDKs send first the ones and then
 * the others when they connect again.  What is absent within its form counts as
 * empty or false; with neither form there, everything ends.
 */
static void
set_listen(GateQuest *quest, GateArgs *args)
{
	bool lists = args->has_events;
	int	 total = 0;

	for (GateSource source = 0; source < GATE_SOURCES; source++)
	{
		lists = lists || args->listen[source].there;
		total += args->listen[source].n;
	}
	if (total > GATE_MAX_SUBSCRIPTIONS)
	{
		gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
		return;
	}
	for (GateSource source = 0; source < GATE_SOURCES; source++)
	{
		if (lists || !args->has_flags)
			gate_listen_clear(quest->listener, source);
		if (args->has_flags || !lists)
			gate_listen_all(quest->listener, args->pid, source, args->flags[source]);
	}
	if (add_lists(quest, args))
		answer_nothing(quest);
}

static void
remove_listen(GateQuest *quest, GateArgs *args)
{
	for (GateSource source = 0; source < GATE_SOURCES; source++)
		gate_listen_remove(quest->listener, args->pid, source, args->listen[source].ids,
						   args->listen[source].n);
	answer_nothing(quest);
}

/* ---- which is which ---- */

static void
run_change(GateQuest *quest, RtmMethodId id, GateArgs *args)
{
	int64			pid = args->pid;
	int64			xid = args->conversation.a;
	RtmConversation type = args->conversation.type;

	switch (id)
	{
		case RTM_DELETE_GROUP:
			gate_member_delete_group(pid, xid);
			break;
		case RTM_ADD_ROOM_MEMBER:
			gate_member_add(pid, type, xid, &args->uid, 1);
			break;
		case RTM_DELETE_ROOM_MEMBER:
			gate_member_remove(pid, type, xid, &args->uid, 1);
			break;
		case RTM_ADD_GROUP_BAN:
		case RTM_ADD_ROOM_BAN:
			gate_member_ban(pid, type, args->any_id, xid, args->uid, args->seconds);
			break;
		case RTM_REMOVE_GROUP_BAN:
		case RTM_REMOVE_ROOM_BAN:
			gate_member_unban(pid, type, args->any_id, xid, args->uid);
			break;
		case RTM_ADD_PROJECT_BLACK:
			gate_member_block(pid, args->uid, args->seconds);
			break;
		case RTM_REMOVE_PROJECT_BLACK:
			gate_member_unblock(pid, args->uid);
			break;
		default:
			Assert(false);
	}
	answer_nothing(quest);
}

void
gate_run_admin(GateQuest *quest, RtmMethodId id, GateArgs *args)
{
	int64			pid = args->pid;
	int64			xid = args->conversation.a;
	RtmConversation type = args->conversation.type;
	int64		   *ids;
	int				n;

	if (args->uid < 0)
	{
		gate_quest_fail(quest, RTM_CODE_INVALID_PID, "invalid uid");
		return;
	}
	switch (id)
	{
		case RTM_ADD_GROUP_MEMBERS:
		case RTM_DELETE_GROUP_MEMBERS:
			change_members(quest, args, id == RTM_ADD_GROUP_MEMBERS);
			break;
		case RTM_GET_GROUP_MEMBERS:
		case RTM_GET_ROOM_MEMBERS:
			ids = gate_member_list(pid, type, xid, &n);
			answer_ids(quest, "uids", ids, n);
			break;
		case RTM_GET_ROOM_COUNT:
			count_rooms(quest, args);
			break;
		case RTM_GET_USER_GROUPS:
			ids = gate_member_groups(pid, args->uid, &n);
			answer_ids(quest, "gids", ids, n);
			break;
		case RTM_IS_GROUP_MEMBER:
			answer_ok(quest, gate_member_is(pid, type, xid, args->uid));
			break;
		case RTM_IS_BAN_OF_GROUP:
		case RTM_IS_BAN_OF_ROOM:
			answer_ok(quest, gate_member_is_banned(pid, type, xid, args->uid));
			break;
		case RTM_IS_PROJECT_BLACK:
			answer_ok(quest, gate_member_is_blocked(pid, args->uid));
			break;
		case RTM_ADD_LISTEN:
			if (add_lists(quest, args))
				answer_nothing(quest);
			break;
		case RTM_REMOVE_LISTEN:
			remove_listen(quest, args);
			break;
		case RTM_SET_LISTEN:
			set_listen(quest, args);
			break;
		default:
			run_change(quest, id, args);
	}
}
