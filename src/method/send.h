/*-------------------------------------------------------------------------
 *
 * send.h
 *	  Messages are sent, and the caller waits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_SEND_H
#define RTM_SEND_H

#include "client/call.h"
#include "method/result.h"

/*
 * Send a message, with as many mids as it takes; what is for errors.  call->timeout is
 * what is left of it afterwards.  The result's mtime is NULL when the message has
 * arrived, but its time got lost with the connection.  Raises what rtm_call() and
 * rtm_raise_answer() raise, FP202 when it isn't known whether it has arrived.
 */
extern RtmResult rtm_send(RtmCall *call, RtmRequest *request, const char *what);

/*
 * The same for one that has been asked for with rtm_ask(); NULL, or the answer that
 * refuses it, which may be that the mid that was given is known.
 */
extern RtmAnswer *rtm_send_end(RtmAsk *ask, const RtmCall *sent, RtmRequest *request,
							   const char *what);

#endif /* RTM_SEND_H */
