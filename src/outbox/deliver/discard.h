/*-------------------------------------------------------------------------
 *
 * discard.h
 *	  Requests that somebody is about to discard.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_DISCARD_H
#define OUTBOX_DISCARD_H

#include "outbox/deliver/queue.h"

/*
 * Has a transaction that may yet commit deleted the request's row, or has one that
 * did?  Then it must not be sent now: rtm_discard() has said so.  Not in a
 * transaction; costs next to nothing while nobody discards anything.
 */
extern bool outbox_is_being_discarded(Request *request);

#endif /* OUTBOX_DISCARD_H */
