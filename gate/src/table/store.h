/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The gate's messages and configuration, in tables.
 *
 * All of these run between gate_spi_begin() and gate_spi_end().
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_STORE_H
#define GATE_STORE_H

#include "fpnn/catalog.h"

/* A conversation of a project; a pair of users in the order of their ids. */
typedef struct GateConversation
{
	int64			pid;
	RtmConversation type;
	int64			a;
	int64			b;
} GateConversation;

/* msg or attrs: bytes, and whether they came as msgpack bin. */
typedef struct GateBody
{
	const char *bytes;
	size_t		len;
	bool		bin;
} GateBody;

typedef struct GateMessage
{
	int64	 id;
	int64	 from;
	int64	 to; /* p2p; else 0 */
	int64	 mid;
	int64	 mtype;
	bool	 deleted;
	GateBody msg;
	GateBody attrs;
	int64	 mtime;
} GateMessage;

typedef struct GatePage
{
	bool		 desc;
	int64		 num;
	int64		 begin;	 /* 0: open */
	int64		 end;	 /* 0: open */
	int64		 lastid; /* 0: from the beginning */
	const int64 *mtypes;
	int			 nmtypes; /* 0: all */
} GatePage;

/* What the gate is told to do (the table rtm_gate.config). */
typedef struct GateConfig
{
	bool  enabled;
	char *listen;
	int	  port;
	char *certificate; /* NULL: no TLS */
	char *certificate_key;
	char *public_key; /* PEM; NULL: there are no keys yet */
} GateConfig;

/* ---- configuration ---- */

/* False: the gate was never set up in this database. */
extern bool gate_store_config(GateConfig *config);
extern void gate_store_set_config(const GateConfig *config); /* not the certificate, nor keys */

/* Certificate and key, PEM, both NULL or none. */
extern void gate_store_set_certificate(const char *certificate, const char *key);

/* The project's secret, or NULL. */
extern char *gate_store_secret(int64 pid);
extern void	 gate_store_set_secret(int64 pid, const char *secret);

/* The gate's key pair, PEM; NULL when it has none.  The public one is in GateConfig. */
extern char *gate_store_private_key(void);
extern void	 gate_store_set_keys(const char *private_pem, const char *public_pem);

/* ---- messages ---- */

/* The time of a message, in milliseconds since 1970; never goes back. */
extern int64 gate_now(void);

/* Once, before the first message: gate_now() is not before those in the table. */
extern void gate_store_begin(void);

/* False: the conversation has a message with this mid. */
extern bool gate_store_insert(const GateConversation *c, const GateMessage *m);

/*
 * At most page->num messages that are kept still (see purge.h), deleted ones
 * among them; how many.
 */
extern int gate_store_history(const GateConversation *c, const GatePage *page,
							  GateMessage *messages);

/* False: there is none with this mid, or it was deleted, or isn't kept any more. */
extern bool gate_store_message(const GateConversation *c, int64 mid, GateMessage *message);
extern bool gate_store_delete(const GateConversation *c, int64 mid);

/* Of a conversation of this type, whose a is xid; of p2p, of all of a user's. */
extern void gate_store_count(int64 pid, RtmConversation type, int64 xid, const GatePage *page,
							 int64 *senders, int64 *num);

/* How many messages there are, of all projects. */
extern int64 gate_store_count_all(void);

/*
 * Delete what isn't kept: of a conversation what is beyond rtm_gate.history_messages,
 * and what is older than rtm_gate.history_days, a few thousand at most: how many.
 */
extern void	  gate_store_purge_conversation(const GateConversation *c);
extern uint64 gate_store_purge_older(void);

/* ... of every conversation, however much it is. */
extern void gate_store_purge_all(void);

#endif /* GATE_STORE_H */
