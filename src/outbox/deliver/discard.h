/*-------------------------------------------------------------------------
 *
 * discard.h
 *	  Requests that somebody is about to discard, servers that somebody is about to pause.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_DISCARD_H
#define OUTBOX_DISCARD_H

#include "outbox/deliver/queue.h"

/*
 * Has a transaction that may yet commit deleted the request's row, or has one that
 * did?  Or paused its server?  Then it must not be sent now: rtm_discard() or rtm_pause()
 * has said so.  Not in a transaction; costs next to nothing while nobody does either.
 */
extern bool outbox_is_being_discarded(Request *request);

#endif /* OUTBOX_DISCARD_H */
