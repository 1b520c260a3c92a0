/*-------------------------------------------------------------------------
 *
 * member.h
 *	  What follows from members, bans and blacklists for a message.  Who changes
 *	  them, and asks for them, is in gate_statement.c.
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

/* Forget bans that have ended. */
extern void gate_member_purge(void);

#endif /* GATE_MEMBER_H */
