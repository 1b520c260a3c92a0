/*-------------------------------------------------------------------------
 *
 * row.h
 *	  The table of queued requests, rtm_request, row by row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_ROW_H
#define OUTBOX_ROW_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/timestamp.h"

/* Columns of rtm_request. */
enum
{
	OUTBOX_SEQ = 1,
	OUTBOX_ID,
	OUTBOX_OWNER,
	OUTBOX_SERVER,
	OUTBOX_CONVERSATION,
	OUTBOX_NPARAMS,
	OUTBOX_MID_MADE,
	OUTBOX_ATTEMPTS,
	OUTBOX_KEY_A,
	OUTBOX_KEY_B,
	OUTBOX_ENQUEUED_AT,
	OUTBOX_TIMEOUT,
	OUTBOX_CALL,
	OUTBOX_METHOD,
	OUTBOX_PARAMS,
	OUTBOX_MID,
	OUTBOX_RECIPIENTS,
	OUTBOX_CALLBACK,
	OUTBOX_NEXT_ATTEMPT,
	OUTBOX_ERROR_CODE,
	OUTBOX_ERROR,
	OUTBOX_ORIGIN, /* from version 1.1 on, with all that follows */
	OUTBOX_OWNER_NAME,
	OUTBOX_SERVER_NAME,
	OUTBOX_CALLBACK_NAME,
	OUTBOX_NCOLUMNS = OUTBOX_CALLBACK_NAME
};

/*
 * Rows of a prepared transaction have their ticket lowered by this, so that they
 * are below all others until COMMIT PREPARED gives them tickets of its own.
 */
#define OUTBOX_HELD (INT64CONST(1) << 62)

/* The one conversation of quests that belong to none. */
#define OUTBOX_OTHER 0

/* A name; bytes NULL: there is none. */
typedef struct OutboxName
{
	const char *bytes;
	int			len;
} OutboxName;

/* A row.  What the pointers point to belongs to whoever made it. */
typedef struct OutboxRow
{
	int64		 seq; /* ticket */
	int64		 id;
	Oid			 owner; /* role that enqueued it */
	Oid			 server;
	int			 conversation; /* RtmConversation or OUTBOX_OTHER */
	int64		 key_a;		   /* see RtmRequest */
	int64		 key_b;
	const int64 *recipients; /* NULL: the conversation says it all */
	int			 nrecipients;
	bool		 mid_made;
	int64		 mid;	   /* 0: none */
	int			 attempts; /* that failed */
	TimestampTz	 enqueued_at;
	TimestampTz	 next_attempt; /* 0: at once */
	double		 timeout;	   /* seconds; 0: the server's */
	Oid			 callback;
	const char	*call; /* name in the API, or "call"; call_len bytes */
	int			 call_len;
	const char	*method; /* on the wire; method_len bytes */
	int			 method_len;
	const char	*params; /* packed pairs; params_len bytes */
	int			 params_len;
	int			 nparams;
	int64		 origin;	 /* see origin.c; 0: none */
	OutboxName	 owner_name; /* see names.c */
	OutboxName	 server_name;
	OutboxName	 callback_name; /* quoted, with its schema */
} OutboxRow;

typedef struct OutboxRelations
{
	Oid schema;
	Oid request;	   /* tables */
	Oid request_index; /* on seq */
	Oid finished;
	Oid sequence; /* of ids */
	Oid origin;	  /* table; 0: version 1.0, which has none */
} OutboxRelations;

/*
 * The extension's relations in this database, looked up once.  Raises 3F000 when
 * it isn't installed, unless missing_ok: NULL then.
 */
extern const OutboxRelations *outbox_relations(bool missing_ok);

/* A row's values, palloc()ed; the table of version 1.0 has no place for the last ones. */
extern void outbox_row_values(const OutboxRow *row, Datum *values, bool *nulls);

/* A row; the pointers go into the tuple, recipients are palloc()ed. */
extern void outbox_read_row(HeapTuple tuple, TupleDesc desc, OutboxRow *row);

/* The column recipients, bigint[]. */
extern void outbox_read_recipients(Datum value, OutboxRow *row);

/* Is it any method, of which nobody knows whether it may be repeated? */
extern bool outbox_row_is_any_call(const OutboxRow *row);

/* Only whose it is: seq, owner and server. */
extern void outbox_read_key(HeapTuple tuple, TupleDesc desc, OutboxRow *row);

/* The greatest seq of the table, or 0.  Needs a transaction with a snapshot. */
extern int64 outbox_last_seq(void);

#endif /* OUTBOX_ROW_H */
