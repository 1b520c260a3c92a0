/*-------------------------------------------------------------------------
 *
 * gate.h
 *	  The local gate: what its files share.
 *
 *	control.c	SQL functions that set up, start, stop and look at a gate
 *	gate.c		the worker: batches of quests, one commit for each
 *	net.c		its sockets: bytes in, quests out; answers in, bytes out
 *	quest.c		checks a quest as protocol.md says, and carries it out
 *	store.c		its tables
 *
 * Each includes only what stands below it, and this header.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_GATE_H
#define RTM_GATE_H

#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/lock.h"

#include "fpnn/catalog.h"
#include "fpnn/channel.h"
#include "fpnn/payload.h"

/* The gate takes a quest whose ts is off by this many seconds at most. */
#define GATE_MAX_CLOCK_SKEW		300

/* A connection is closed this long after its last byte (protocol.md). */
#define GATE_IDLE_MS			60000

/* Quests that one transaction carries out. */
#define GATE_BATCH				256

/* A client isn't listened to while it has this much to read. */
#define GATE_MAX_UNREAD			(4 * 1024 * 1024)

/*
 * ---- net.c ----
 */
typedef struct GateNet GateNet;
typedef struct GateConn GateConn;

/* A quest on its way through a batch; all in the batch's memory. */
typedef struct GateQuest
{
	GateConn   *conn;
	FpnnFrame	frame;			/* method and payload are copies */
	FpnnBuf		answer;			/* payload of a good answer */
	int			code;			/* or an error */
	const char *ex;
	FpnnCodec  *codec;			/* *key: what follows is encrypted by it */
} GateQuest;

/*
 * Listen on an address and port (0: any).  NULL and *why when that fails.
 * *port becomes the real one.
 */
extern GateNet *gate_net_listen(const char *address, int *port, const char **why);

/*
 * Connections that come from now on speak TLS, with this certificate and key
 * (PEM, that stay in place).
 */
extern void gate_net_use_tls(GateNet *net, const char *certificate, const char *key);

/*
 * Wait for something to happen, at most timeout_ms, then move bytes; the latch
 * ends the wait too.
 */
extern void gate_net_wait(GateNet *net, int64 timeout_ms);

/*
 * The quests that are there, at most max, in the order of each connection;
 * memory of the current context.
 */
extern int	gate_net_take(GateNet *net, GateQuest *quests, int max);

/* Queue a quest's answer, and write what can be written of it. */
extern void gate_net_answer(GateNet *net, GateQuest *quest);

/* After a batch: write, forget connections that have ended. */
extern void gate_net_flush(GateNet *net);
extern int	gate_net_count(const GateNet *net);

/*
 * ---- quest.c ----
 */

/* Give back a codec that no connection got. */
extern void gate_quest_drop_codec(GateQuest *quest);

/*
 * Carry out one quest inside a transaction: fills answer, or code and ex.
 * Raises only what a store function raises.
 */
extern void gate_quest_run(GateQuest *quest);

/* Does the quest need no transaction?  Then it has been carried out. */
extern bool gate_quest_run_simple(GateQuest *quest);

/*
 * ---- store.c ----
 */

/* A conversation; a pair of users in the order of their ids. */
typedef struct GateConversation
{
	RtmConversation type;
	int64		a;
	int64		b;
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
	int64		id;
	int64		from;
	int64		to;				/* p2p; else 0 */
	int64		mid;
	int64		mtype;
	bool		deleted;
	GateBody	msg;
	GateBody	attrs;
	int64		mtime;
} GateMessage;

typedef struct GatePage
{
	bool		desc;
	int64		num;
	int64		begin;			/* 0: open */
	int64		end;			/* 0: open */
	int64		lastid;			/* 0: from the beginning */
	const int32 *mtypes;		/* NULL: all */
	int			nmtypes;
} GatePage;

/* What the gate is told to do (the table rtm_gate.config). */
typedef struct GateConfig
{
	bool		enabled;
	char	   *listen;
	int			port;
	char	   *certificate;	/* NULL: no TLS */
	char	   *certificate_key;
} GateConfig;

/* All of these run in a transaction between gate_store_begin() and _end(). */
extern void gate_store_begin(void);
extern void gate_store_end(void);

extern bool gate_store_config(GateConfig *config);
extern void gate_store_set_config(const GateConfig *config);	/* not the certificate */

/* Certificate and key, PEM, both NULL or none. */
extern void gate_store_set_certificate(const char *certificate, const char *key);

/* The project's secret, or NULL. */
extern char *gate_store_secret(int64 pid);
extern void gate_store_set_secret(int64 pid, const char *secret);

/* False: the conversation has a message with this mid. */
extern bool gate_store_insert(const GateConversation *c, const GateMessage *m);
extern int	gate_store_history(const GateConversation *c, const GatePage *page, GateMessage *messages);
extern bool gate_store_message(const GateConversation *c, int64 mid, GateMessage *message);
extern bool gate_store_delete(const GateConversation *c, int64 mid);
extern void gate_store_count(RtmConversation type, int64 xid, const GatePage *page, int64 *senders, int64 *num);
extern int64 gate_store_last_mtime(void);

/* The gate's key pair, PEM; NULL when it has none. */
extern char *gate_store_private_key(void);
extern char *gate_store_public_key(void);
extern void gate_store_set_keys(const char *private_pem, const char *public_pem);

/*
 * ---- gate.c ----
 */

/* A project known before its row is committed; see rtm_gate_setup(). */
extern const char *gate_initial_secret(int64 pid);

/* The gate's time in milliseconds; never goes back. */
extern int64 gate_now(void);

/* What a starting gate tells its starter, in a DSM segment. */
typedef struct GateStart
{
	pg_atomic_uint32 state;		/* GateStartState */
	Latch	   *starter;
	int			port;
	int64		pid;
	char		listen[64];
	char		secret[260];
	char		why[200];
} GateStart;

typedef enum GateStartState
{
	GATE_STARTING = 0,
	GATE_LISTENING,
	GATE_NOT_LISTENING
} GateStartState;

/* In bgw_extra. */
typedef struct GateArgs
{
	Oid			database;
	dsm_handle	start;			/* 0: none; configuration from the table */
} GateArgs;

/*
 * Ask the postmaster for a gate.  notify is the pid that is told when it
 * starts or ends, or 0.  False: no slot for another worker.
 */
extern bool gate_register(const GateArgs *args, pid_t notify, BackgroundWorkerHandle **handle);

/*
 * Start a database's gate when the server starts, if it has one that is enabled:
 * the worker looks for itself.
 */
extern void rtm_gate_launch(Oid database);

/* The lock that a running gate holds on its database. */
extern void gate_lock_tag(LOCKTAG *tag);

extern PGDLLEXPORT void rtm_gate_main(Datum arg) pg_attribute_noreturn();

#endif							/* RTM_GATE_H */
