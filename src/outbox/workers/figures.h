/*-------------------------------------------------------------------------
 *
 * figures.h
 *	  What the sender of a database has done, in shared memory.
 *
 * Counters that change with each message are atomics, and are written by the
 * sender alone; everything else is protected by the registry's lock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_FIGURES_H
#define OUTBOX_FIGURES_H

#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#define OUTBOX_MAX_SERVERS 64 /* per database, with figures of their own */
#define OUTBOX_MAX_ERRORS  64 /* per database, pairs of server and code */
#define OUTBOX_REASON_LEN  128

/* Of one foreign server. */
typedef struct OutboxServerStats
{
	Oid				 server;  /* 0: the place is free */
	pg_atomic_uint64 sent;	  /* requests that went well */
	pg_atomic_uint64 failed;  /* requests that failed for good */
	pg_atomic_uint64 expired; /* requests whose time was over */
	pg_atomic_uint64 retried; /* attempts that will be repeated */
	pg_atomic_uint32 in_flight;
	pg_atomic_uint64 answers;
	pg_atomic_uint64 answer_us; /* sum over all answers */
	pg_atomic_uint64 last_answer_us;
	pg_atomic_uint32 limited_to;				/* quests a second, after refusals; 0: any */
	TimestampTz		 unreachable_since;			/* 0: it isn't, or wasn't tried */
	char			 reason[OUTBOX_REASON_LEN]; /* why, or "" */
} OutboxServerStats;

/* Attempts that failed with a code. */
typedef struct OutboxErrorStats
{
	Oid			server; /* 0: the place is free */
	int			code;	/* 0: all those that found no place */
	int64		count;
	TimestampTz last;
} OutboxErrorStats;

typedef struct OutboxFigures
{
	LWLock			 *lock; /* what isn't atomic; held for moments only */
	OutboxServerStats servers[OUTBOX_MAX_SERVERS];
	OutboxErrorStats  errors[OUTBOX_MAX_ERRORS];
	TimestampTz		  since; /* when counting began */
} OutboxFigures;

/* Of a new entry: no server, nothing counted. */
extern void outbox_init_figures(OutboxFigures *figures, LWLock *lock);

/* The figures of a server; NULL when there is no room. Only for the sender. */
extern OutboxServerStats *outbox_server_stats(OutboxFigures *figures, Oid server);

/* Give back the place of a server that was dropped.  Only for the sender. */
extern void outbox_forget_server(OutboxFigures *figures, Oid server);

/* Whether the gate of a server can be reached, and why not; NULL: no-op. */
extern void outbox_show_unreachable(OutboxFigures *figures, OutboxServerStats *stats,
									bool unreachable, const char *why);

/* One more attempt that failed with that code. */
extern void outbox_count_error(OutboxFigures *figures, Oid server, int code);

/* Consistent copies, for views. */
extern OutboxServerStats outbox_copy_server_stats(const OutboxFigures *figures, int i);
extern OutboxErrorStats	 outbox_error_stats(const OutboxFigures *figures, int i);

/* Count anew. */
extern void outbox_reset_stats(OutboxFigures *figures);

#endif /* OUTBOX_FIGURES_H */
