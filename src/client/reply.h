/*-------------------------------------------------------------------------
 *
 * reply.h
 *	  What a gate answered to a quest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_REPLY_H
#define RTM_REPLY_H

#include "fpnn/payload.h"

/*
 * An answer.  It lives in the memory context that was current in
 * rtm_call(); what msgpack-c allocated goes with that context.
 */
typedef struct RtmAnswer
{
	int					  code;		/* 0: good; else an FPNN or RTM code */
	const char			 *ex;		/* the gate's text, in the database's encoding,
								 * when code isn't 0; may be "" */
	bool				  resent;	/* the answer is to the second asking */
	const msgpack_object *map;		/* the payload */
	size_t				  size;		/* of the payload, bytes */
	const char			 *server;	/* name of the foreign server */
	const char			 *endpoint; /* host:port that answered */
} RtmAnswer;

#endif /* RTM_REPLY_H */
