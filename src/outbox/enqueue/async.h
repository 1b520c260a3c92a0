/*-------------------------------------------------------------------------
 *
 * async.h
 *	  Calls that are queued, by functions and otherwise.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_ASYNC_H
#define OUTBOX_ASYNC_H

#include "method/encode.h"
#include "outbox/record/row.h"

/*
 * Queue an encoded request; its id.  The row has owner and server, and what else of
 * timeout and callback is wanted, and gets the rest.  Raises 54000 when it is too
 * large, and what outbox_enqueue() raises.
 */
extern int64 outbox_enqueue_request(OutboxRow *row, RtmRequest *request);

#endif /* OUTBOX_ASYNC_H */
