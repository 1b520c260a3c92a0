/*-------------------------------------------------------------------------
 *
 * member.h
 *	  Who belongs to which group and room, who is banned, who is blocked; and
 *	  what follows for a message.
 *
 * All of these run between gate_spi_begin() and gate_spi_end().
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_MEMBER_H
#define GATE_MEMBER_H

#include "table/store.h"

/*
 * May uid write to the conversation, or read its history?  0, or the code that
 * says why not.
 */
extern int gate_member_may_send(const GateConversation *c, int64 uid);
extern int gate_member_may_read(const GateConversation *c, int64 uid);

/* Has uid the other user on his own blacklist? */
extern bool gate_member_refuses(int64 pid, int64 uid, int64 other);

/* type is RTM_GROUP or RTM_ROOM.  Users that are members already stay so. */
extern void gate_member_add(int64 pid, RtmConversation type, int64 xid, const int64 *uids, int n);
extern void gate_member_remove(int64 pid, RtmConversation type, int64 xid, const int64 *uids,
							   int n);
extern bool gate_member_is(int64 pid, RtmConversation type, int64 xid, int64 uid);

/* How many members the group has that aren't among these. */
extern int64 gate_member_count_others(int64 pid, int64 gid, const int64 *uids, int n);

/* The members, or a user's groups, in order. */
extern int64 *gate_member_list(int64 pid, RtmConversation type, int64 xid, int *n);
extern int64 *gate_member_groups(int64 pid, int64 uid, int *n);

/* The rooms, each once and in order, with how many members each has. */
extern int64 *gate_member_count_rooms(int64 pid, const int64 *rids, int nrids, int64 **counts,
									  int *n);

/* Members and bans of a group; its messages stay. */
extern void gate_member_delete_group(int64 pid, int64 gid);

/*
 * Bans: in one group or room, or (any) in all of them; for seconds from now, 0
 * for ever.  is_banned: in this one, or in all.
 */
extern void gate_member_ban(int64 pid, RtmConversation type, bool any, int64 xid, int64 uid,
							int64 seconds);
extern void gate_member_unban(int64 pid, RtmConversation type, bool any, int64 xid, int64 uid);
extern bool gate_member_is_banned(int64 pid, RtmConversation type, int64 xid, int64 uid);

/* The project's blacklist. */
extern void gate_member_block(int64 pid, int64 uid, int64 seconds);
extern void gate_member_unblock(int64 pid, int64 uid);
extern bool gate_member_is_blocked(int64 pid, int64 uid);

/* Forget bans that have ended. */
extern void gate_member_purge(void);

#endif /* GATE_MEMBER_H */
