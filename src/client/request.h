/*-------------------------------------------------------------------------
 *
 * request.h
 *	  The payload of a signed quest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_REQUEST_H
#define RTM_REQUEST_H

#include "client/option.h"
#include "fpnn/buf.h"

/*
 * The whole payload of a quest: nparams packed pairs (without the map's
 * header), then pid, salt, ts and sign of this moment.  The result is valid
 * until the next call.  Raises when out of memory, and when the host's
 * cryptographic policy forbids MD5.  Source: protocol.md, "RTM quests".
 */
extern const FpnnBuf *rtm_sign_request(const RtmOptions *options, const char *method,
									   const char *params, size_t len, int nparams);

#endif /* RTM_REQUEST_H */
