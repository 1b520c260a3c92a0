/*-------------------------------------------------------------------------
 *
 * session.h
 *	  The session of a background worker, which no setting of its database or role
 *	  reaches: for workers of both libraries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_SESSION_H
#define RTM_SESSION_H

/*
 * The first thing that a worker does: from now on it ends at SIGTERM and notes SIGHUP
 * (ConfigReloadPending).  The configuration files are read again, as a reload while the
 * process began went by it.
 */
extern void rtm_session_hear_signals(void);

/*
 * Before BackgroundWorkerInitializeConnection...(): what anybody may set keeps
 * the value of the configuration files, whatever ALTER DATABASE or ALTER ROLE
 * says; `prefix` begins the names of settings that may be said there all the same
 * (NULL: none).  Those that superusers set (log_min_messages, say) are theirs.
 */
extern void rtm_session_before_connect(const char *prefix);

/*
 * After it: the process is who it connected as, search_path is pg_catalog,
 * transactions are read committed and may write, no time ends a statement or a
 * transaction, and nobody else's trigger, rule or policy is carried out (those of
 * ENABLE ALWAYS aside, which take a table's owner).
 */
extern void rtm_session_after_connect(void);

/*
 * Begin a transaction whose now() is this moment: elsewhere that of the client's statement,
 * which here would be the process's start for ever, in pg_stat_activity as well.
 */
extern void rtm_begin_transaction(void);

/*
 * Try something in a transaction of its own, which body(arg) begins and commits.  NULL:
 * it went well; else the transaction was rolled back, and the error is in the current
 * memory context, which is the same afterwards, as is the resource owner.  A cancel is
 * an error like any other.
 */
extern ErrorData *rtm_attempt(void (*body)(void *arg), void *arg);

#endif /* RTM_SESSION_H */
