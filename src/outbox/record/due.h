/*-------------------------------------------------------------------------
 *
 * due.h
 *	  Callbacks that are due: rows of rtm_finished with callback_due.
 *
 * An attempt is noted, and on disk, before the callback begins.  So one that takes
 * its process along is known when the next process comes: it has to wait for a
 * while, is run alone then, and is given up after rtm.callback_attempts.
 *
 * All functions need a transaction, and see rows of the given origin only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_DUE_H
#define OUTBOX_DUE_H

#include "fpnn/catalog.h"

/* Bytes of an error that are kept, at most. */
#define OUTBOX_CALLBACK_ERROR 1000

/* ---- whose ---- */

/* Is there any, whatever it waits for? */
extern bool outbox_any_due(int64 origin);

/* The first role after this one (by OID) that has some to run now; InvalidOid: none. */
extern Oid outbox_next_due_owner(int64 origin, Oid after);

/* Give up those of a role, some at a time: how many.  Locked rows are left. */
extern int64 outbox_give_up_due(int64 origin, Oid owner, const char *error);

/* ---- a role's, one after the other ---- */

/*
 * Note that these begin: the next ones of the role that were never begun, `max` at
 * most, in their order.  How many; there is room for `max` ids.
 */
extern int outbox_begin_due(int64 origin, Oid owner, int max, int64 *ids);

/*
 * The same for one that was begun before and didn't end, if its time has come; 0:
 * there is none.  *attempts: how many there were.
 */
extern int64 outbox_begin_again(int64 origin, Oid owner, int *attempts);

/* A callback to be run.  In the memory context that was current. */
typedef struct OutboxDue
{
	int64			 id;
	Oid				 function;
	const RtmMethod *method; /* NULL: rtm_call_async() */
	int64			 mid;
	NullableDatum	 mtime;
	NullableDatum	 answer; /* bytea */
	bool			 failed; /* the request did */
	int				 code;
	char			*error;
	Datum			 params; /* bytea */
	int				 nparams;
} OutboxDue;

/*
 * Note that it has ended well, which is so when this transaction commits: the row
 * goes, unless the request failed or `keep` says that results stay.  False: it isn't
 * due any more, or somebody has locked the row, who isn't waited for.
 */
extern bool outbox_end_due(int64 origin, Oid owner, int64 id, bool keep, OutboxDue *due);

/* Note that it has failed, and why (any length).  False: see above. */
extern bool outbox_fail_due(int64 origin, int64 id, const char *error);

#endif /* OUTBOX_DUE_H */
