/*-------------------------------------------------------------------------
 *
 * verdict.h
 *	  What an attempt that has ended means for its request.
 *
 * Pure: from what is known of the attempt to what has to be done, which others
 * do (outcome.c).  Knows nothing of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_VERDICT_H
#define OUTBOX_VERDICT_H

#include <stdbool.h>

#include "fpnn/catalog.h"
#include "fpnn/known.h"

typedef enum OutboxVerdict
{
	OUTBOX_VERDICT_DONE,	/* it is carried out */
	OUTBOX_VERDICT_LATER,	/* the same again, after a while */
	OUTBOX_VERDICT_NEW_MID, /* again, with another mid: somebody else's message has this one */
	OUTBOX_VERDICT_LOOK,	/* look at the message that the gate has, before anything else */
	OUTBOX_VERDICT_FAILED	/* for good */
} OutboxVerdict;

/* An attempt that has ended. */
typedef struct OutboxAttempt
{
	RtmKind kind;		/* of the method; RTM_KIND_ANY: any call */
	int		code;		/* 0: it went well */
	bool	answered;	/* the gate said the code; false: there was no answer */
	bool	mid_made;	/* by us: another one may take its place */
	bool	maybe_sent; /* an earlier attempt may have been carried out */
	bool	exhausted;	/* it was the last attempt that it may have */
} OutboxAttempt;

extern OutboxVerdict outbox_judge(const OutboxAttempt *attempt);

/*
 * The gate has a message with the mid of the attempt.  The same one is ours, at a
 * first attempt too: a copy of this database has sent it.  One that isn't shown
 * counts as ours if an attempt of ours may have got there, also under a mid that
 * was given: an answer that was lost is by far the likeliest.
 */
extern OutboxVerdict outbox_judge_found(RtmFound found, const OutboxAttempt *attempt);

/*
 * Is it certain that nothing was carried out?  So it is with what the gate
 * refuses before it looks at the call.
 */
extern bool outbox_refused_unseen(int code);

/* Whom a passing code is about. */
typedef enum OutboxScope
{
	OUTBOX_SCOPE_REQUEST, /* nobody knows: it alone waits */
	OUTBOX_SCOPE_LANE,	  /* all that goes this way: clock, signature, a gate that stops */
	OUTBOX_SCOPE_LIMIT	  /* the limit per second of the project */
} OutboxScope;

extern OutboxScope outbox_scope(int code);

#endif /* OUTBOX_VERDICT_H */
