/*-------------------------------------------------------------------------
 *
 * duplicate.h
 *	  A send whose mid the gate knows already: looking at the message that it has,
 *	  and sending with another mid.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_DUPLICATE_H
#define OUTBOX_DUPLICATE_H

#include "fpnn/payload.h"
#include "outbox/deliver/queue.h"
#include "outbox/deliver/verdict.h"

/* What a quest for the request says; pointers go with the request or the current context. */
typedef struct OutboxQuestText
{
	const char *method;
	const char *params;
	int			params_len;
	int			nparams;
} OutboxQuestText;

/* The request's own quest, or, while request->looking, that for the gate's message. */
extern OutboxQuestText outbox_quest_text(const Request *request);

/* Is the message in the answer the request's: sender, type and body? */
extern RtmFound outbox_compare(const Request *request, const msgpack_object *answer);

/*
 * Give the request a new mid.  It must not be sent before its row has it: it is
 * touched, and has to be delayed.
 */
extern void outbox_rename(Request *request);

#endif /* OUTBOX_DUPLICATE_H */
