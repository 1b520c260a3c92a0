/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  A process that is a role.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_IDENTITY_H
#define OUTBOX_IDENTITY_H

/*
 * Could the role connect to this database by itself, which is what
 * outbox_become() wants to know?  Needs a transaction.
 */
extern bool outbox_may_log_in(Oid role);

/*
 * Connect this background worker to a database as a role: session_user,
 * current_user, is_superuser, and the settings of ALTER ROLE and ALTER DATABASE are
 * what a session of the role has.  Nothing that runs in it leads back to anybody
 * else.
 *
 * Who can't log in (NOLOGIN, before PostgreSQL 17; no CONNECT) has a session of the
 * server whose authorization was set to the role: outbox_enter_role() keeps it there.
 */
extern void outbox_become(Oid database, Oid role, bool logs_in);

/*
 * Around what is the role's own code, its transaction's end included.  In a session
 * of a role that can't log in, SET ROLE and SET SESSION AUTHORIZATION raise 42501
 * in between.
 */
extern void outbox_enter_role(void);
extern void outbox_leave_role(void);

/*
 * After it: no role that the code has set lasts.  False: this process is the role no
 * more, and must end.
 */
extern bool outbox_is_still_role(void);

#endif /* OUTBOX_IDENTITY_H */
