/*-------------------------------------------------------------------------
 *
 * row.h
 *	  A request: a row of rtm_request and, when it is through, of rtm_finished.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_ROW_H
#define OUTBOX_ROW_H

#include "access/htup.h"
#include "storage/itemptr.h"
#include "utils/timestamp.h"

#include "outbox/record/columns.h"

/*
 * Rows of a prepared transaction have their ticket lowered by this, so that they
 * are below all others until COMMIT PREPARED gives them tickets of its own.
 */
#define OUTBOX_PREPARED (INT64CONST(1) << 62)

/*
 * Scheduled rows have no ticket until their time has come, but this plus that time: all of
 * them are between this and OUTBOX_SCHEDULED_END, above those of prepared transactions.
 */
#define OUTBOX_SCHEDULED	 (-(INT64CONST(1) << 61))
#define OUTBOX_SCHEDULED_END (OUTBOX_SCHEDULED / 2)

/* send_at is below this; some 36,000 years from now. */
#define OUTBOX_LAST_SEND_AT (OUTBOX_SCHEDULED_END - OUTBOX_SCHEDULED)

/*
 * Urgent rows with a ticket stand at this plus the ticket, above all others: they are a
 * stream of their own, which is read first.
 */
#define OUTBOX_URGENT_ROWS (INT64CONST(1) << 61)

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
	int64		 seq; /* its place: see outbox_place() */
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
	int64		 origin;	 /* of the outbox that queued it, see origin.c */
	OutboxName	 owner_name; /* see names.c */
	OutboxName	 server_name;
	OutboxName	 callback_name;	 /* quoted, with its schema */
	Oid			 callback_owner; /* when it was queued */
	TimestampTz	 send_at;		 /* not before; 0: at once */
	TimestampTz	 expires_at;	 /* not from then on; 0: never */
	bool		 urgent;
} OutboxRow;

/* How a request ended, and the column `status` says. */
typedef enum OutboxStatus
{
	OUTBOX_STATUS_DONE,
	OUTBOX_STATUS_FAILED,
	OUTBOX_STATUS_EXPIRED
} OutboxStatus;

extern const char *outbox_status_name(OutboxStatus status);

/* Has it a ticket?  Else it waits for its time, or for COMMIT PREPARED. */
static inline bool
outbox_has_ticket(int64 seq)
{
	return seq >= 0;
}

/* Where a row with that ticket stands, and the ticket of one that stands there. */
static inline int64
outbox_place(int64 ticket, bool urgent)
{
	return urgent ? OUTBOX_URGENT_ROWS + ticket : ticket;
}

static inline bool
outbox_is_urgent(int64 seq)
{
	return seq >= OUTBOX_URGENT_ROWS;
}

static inline int64
outbox_ticket(int64 seq)
{
	return outbox_is_urgent(seq) ? seq - OUTBOX_URGENT_ROWS : seq;
}

/* Does it wait for its time? */
static inline bool
outbox_is_scheduled(int64 seq)
{
	return seq >= OUTBOX_SCHEDULED && seq < OUTBOX_SCHEDULED_END;
}

/* A row's values; arrays of OUTBOX_NCOLUMNS, what they point to is palloc()ed. */
extern void outbox_row_values(const OutboxRow *row, Datum *values, bool *nulls);

/* A row; the pointers go into the tuple, recipients are palloc()ed. */
extern void outbox_read_row(HeapTuple tuple, OutboxRow *row);

/* Only whose it is: seq, id, origin, owner and server. */
extern void outbox_read_key(HeapTuple tuple, OutboxRow *row);

/* The same, and which conversations it is in; recipients are palloc()ed. */
extern void outbox_read_conversations(HeapTuple tuple, OutboxRow *row);

/* Ids as a bigint[]. */
extern Datum outbox_ids_value(const int64 *ids, int n);

/* The bytes of a text or bytea. */
extern const char *outbox_read_bytes(Datum value, int *len);

/* A request that is through, a row of rtm_finished; or that was looked for, of either table. */
typedef struct OutboxResult
{
	OutboxRow		row; /* through: seq and next_attempt are 0 */
	ItemPointerData tid;
	OutboxStatus	status;
	int				error_code; /* 0: none */
} OutboxResult;

/* The same of a result. */
extern void outbox_read_result(HeapTuple tuple, OutboxResult *result);

/* Is it any method, of which nobody knows whether it may be repeated? */
extern bool outbox_row_is_any_call(const OutboxRow *row);

#endif /* OUTBOX_ROW_H */
