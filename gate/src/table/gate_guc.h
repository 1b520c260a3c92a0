/*-------------------------------------------------------------------------
 *
 * gate_guc.h
 *	  Settings of the local gate; a reload changes them while it runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_GUC_H
#define GATE_GUC_H

extern bool gate_enforce_membership;
extern bool gate_refuse_repeated_salt;
extern int	gate_rate_limit;	   /* quests a second of a project; 0: no limit */
extern int	gate_history_days;	   /* 0: no limit */
extern int	gate_history_messages; /* of a conversation; 0: no limit */
extern int	gate_max_clock_skew;   /* seconds */
extern int	gate_max_connections;
extern int	gate_memory_limit;	/* kilobytes, of all connections' buffers */
extern int	gate_ping_interval; /* milliseconds; 0: none */
extern int	gate_idle_timeout;	/* milliseconds; 0: none */

/* Is a message of this type kept in histories, by rtm_gate.saved_types? */
extern bool gate_is_saved(int64 mtype);

extern void gate_guc_init(void);

#endif /* GATE_GUC_H */
