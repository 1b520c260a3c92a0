/*-------------------------------------------------------------------------
 *
 * admin.c
 *	  The methods about groups, rooms, bans, the blacklist, and listening.
 *
 * Parameters and answers are those that the vendor's server
 * SDKs send and read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "judge/judge.h"
#include "table/member.h"

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

/* ---- groups and rooms ---- */

static void
count_rooms(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	GateIds rooms = args->uids;
	int64  *rids;
	int64  *counts;
	int		n;

	if (rooms.n > RTM_MAX_RECIPIENTS)
		gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	else
	{
		rids = gate_member_count_rooms(args->pid, rooms.ids, rooms.n, &counts, &n);
		answer_room_counts(quest, rids, counts, n);
	}
}

bool
gate_check_uids(GateQuest *quest, const GateIds *uids)
{
	if (uids->n == 0)
		return gate_quest_fail(quest, RTM_CODE_EMPTY_PARAM, NULL);
	if (uids->n > RTM_MAX_ADDED)
		return gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	for (int i = 0; i < uids->n; i++)
		if (uids->ids[i] < 0)
			return gate_quest_fail(quest, RTM_CODE_INVALID_PID, NULL);
	return true;
}

static void
add_group_members(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	int64		   gid = args->conversation.a;
	const GateIds *uids = &args->uids;

	if (!gate_check_uids(quest, uids))
		return;
	if (gate_member_count_others(args->pid, gid, uids->ids, uids->n) + uids->n > RTM_MAX_MEMBERS)
	{
		gate_quest_fail(quest, RTM_CODE_MAX_MEMBERS, NULL);
		return;
	}
	gate_member_add(args->pid, RTM_GROUP, gid, uids->ids, uids->n);
	answer_nothing(quest);
}

static void
delete_group_members(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	if (!gate_check_uids(quest, &args->uids))
		return;
	gate_member_remove(args->pid, RTM_GROUP, args->conversation.a, args->uids.ids, args->uids.n);
	answer_nothing(quest);
}

static void
delete_group(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_delete_group(args->pid, args->conversation.a);
	answer_nothing(quest);
}

static void
add_member(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_add(args->pid, method->conversation, args->conversation.a, &args->uid, 1);
	answer_nothing(quest);
}

static void
delete_member(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_remove(args->pid, method->conversation, args->conversation.a, &args->uid, 1);
	answer_nothing(quest);
}

static void
list_members(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	int	   n;
	int64 *uids = gate_member_list(args->pid, method->conversation, args->conversation.a, &n);

	answer_ids(quest, "uids", uids, n);
}

static void
list_groups(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	int	   n;
	int64 *gids = gate_member_groups(args->pid, args->uid, &n);

	answer_ids(quest, "gids", gids, n);
}

static void
is_member(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	answer_ok(quest,
			  gate_member_is(args->pid, method->conversation, args->conversation.a, args->uid));
}

/* ---- bans and the blacklist ---- */

static void
ban(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_ban(args->pid, method->conversation, args->any_id, args->conversation.a, args->uid,
					args->seconds);
	answer_nothing(quest);
}

static void
unban(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_unban(args->pid, method->conversation, args->any_id, args->conversation.a,
					  args->uid);
	answer_nothing(quest);
}

static void
is_banned(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	answer_ok(quest, gate_member_is_banned(args->pid, method->conversation, args->conversation.a,
										   args->uid));
}

static void
block(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_block(args->pid, args->uid, args->seconds);
	answer_nothing(quest);
}

static void
unblock(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	gate_member_unblock(args->pid, args->uid);
	answer_nothing(quest);
}

static void
is_blocked(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	answer_ok(quest, gate_member_is_blocked(args->pid, args->uid));
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
set_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args)
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
add_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	if (add_lists(quest, args))
		answer_nothing(quest);
}

static void
remove_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	for (GateSource source = 0; source < GATE_SOURCES; source++)
		gate_listen_remove(quest->listener, args->pid, source, args->listen[source].ids,
						   args->listen[source].n);
	answer_nothing(quest);
}

const GateHandler gate_admin_handlers[RTM_NUM_METHODS] = {
	[RTM_GET_MESSAGE_NUM] = gate_run_count,
	[RTM_ADD_GROUP_MEMBERS] = add_group_members,
	[RTM_DELETE_GROUP_MEMBERS] = delete_group_members,
	[RTM_DELETE_GROUP] = delete_group,
	[RTM_GET_GROUP_MEMBERS] = list_members,
	[RTM_IS_GROUP_MEMBER] = is_member,
	[RTM_GET_USER_GROUPS] = list_groups,
	[RTM_ADD_GROUP_BAN] = ban,
	[RTM_REMOVE_GROUP_BAN] = unban,
	[RTM_IS_BAN_OF_GROUP] = is_banned,
	[RTM_ADD_ROOM_MEMBER] = add_member,
	[RTM_DELETE_ROOM_MEMBER] = delete_member,
	[RTM_GET_ROOM_MEMBERS] = list_members,
	[RTM_GET_ROOM_COUNT] = count_rooms,
	[RTM_ADD_ROOM_BAN] = ban,
	[RTM_REMOVE_ROOM_BAN] = unban,
	[RTM_IS_BAN_OF_ROOM] = is_banned,
	[RTM_ADD_PROJECT_BLACK] = block,
	[RTM_REMOVE_PROJECT_BLACK] = unblock,
	[RTM_IS_PROJECT_BLACK] = is_blocked,
	[RTM_ADD_LISTEN] = add_listen,
	[RTM_REMOVE_LISTEN] = remove_listen,
	[RTM_SET_LISTEN] = set_listen,
};
