/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  What the gate knows of its tables without asking: projects, faults, and
 *	  whether anybody is banned at all.
 *
 * A trigger on those tables (rtm_gate.tell_gate) makes PostgreSQL's own cache
 * invalidation tell the gate, at the commit of whoever changed them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_CACHE_H
#define GATE_CACHE_H

#include "fpnn/catalog.h"

typedef enum GateFaultAction
{
	GATE_FAULT_ERROR, /* not carried out, answered with a code */
	GATE_FAULT_DELAY, /* carried out, answered late */
	GATE_FAULT_DROP,  /* not carried out, never answered */
	GATE_FAULT_LOSE,  /* carried out, never answered */
	GATE_FAULT_CLOSE, /* not carried out, the connection is closed */
	GATE_FAULT_TAKEN  /* its mid is that of another message, which is stored instead */
} GateFaultAction;

/* By its name in SQL; false: it is none. */
extern bool gate_fault_action(const char *name, GateFaultAction *action);

/* A row of rtm_gate.fault that is still to happen; NULL and 0 are for any. */
typedef struct GateFault
{
	int64			id;
	GateFaultAction action;
	int64			pid;
	char		   *method;
	RtmConversation type;
	bool			has_xid;
	int64			xid;
	int				code;
	int64			delay_ms;
	double			probability;
	int64			spared; /* quests that fit and are still to be spared */
} GateFault;

/* Who may do what: a table each, most of them empty. */
typedef enum GateRule
{
	GATE_GROUP_BAN,
	GATE_ROOM_BAN,
	GATE_PROJECT_BLACK,
	GATE_PROJECT_BAN,
	GATE_USER_BLACK,
	GATE_RULES
} GateRule;

typedef struct GateProject
{
	int64 pid;
	char *secret;
	int64 second; /* that quests were counted in */
	int	  quests;
	bool  known; /* is still in the table */
	bool  first; /* isn't there yet: rtm_gate_setup() has not committed */
} GateProject;

extern void gate_cache_init(void);

/* A project whose row isn't committed yet; once it is, the row counts. */
extern void gate_cache_first_secret(int64 pid, const char *secret);

/*
 * In a transaction between gate_spi_begin() and gate_spi_end(): what the tables
 * say now.  Valid until the next statement that is run.
 */
extern GateProject	   *gate_cache_project(int64 pid); /* or NULL */
extern const GateFault *gate_cache_faults(int *n);
extern bool				gate_cache_any(GateRule rule); /* has its table rows? */

#endif /* GATE_CACHE_H */
