/*-------------------------------------------------------------------------
 *
 * endpoint.h
 *	  Which endpoints couldn't be reached lately.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ENDPOINT_H
#define RTM_ENDPOINT_H

#include "client/option.h"

/* This process couldn't connect to it, or could. */
extern void rtm_endpoint_failed(const RtmEndpoint *endpoint);
extern void rtm_endpoint_works(const RtmEndpoint *endpoint);

/*
 * The order to try endpoints in, palloc()ed: as they were given, but those that
 * failed within the last minute after the others.
 */
extern int *rtm_endpoint_order(const RtmOptions *options);

#endif /* RTM_ENDPOINT_H */
