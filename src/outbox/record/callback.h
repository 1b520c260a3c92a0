/*-------------------------------------------------------------------------
 *
 * callback.h
 *	  Callbacks: functions that are told how a request ended.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_CALLBACK_H
#define OUTBOX_CALLBACK_H

#include "method/result.h"

/*
 * The types of a callback's arguments, RTM_MAX_CALLBACK_ARGS at most: how many.
 * method NULL: of rtm_call_async().
 */
extern int outbox_callback_types(const RtmMethod *method, Oid *types);

/*
 * Raise 42883 when there is no function with that OID, 42804 when it can't be
 * called so, 42501 when the role may not call it.
 */
extern void outbox_check_callback(Oid function, const RtmMethod *method, Oid role);

#endif /* OUTBOX_CALLBACK_H */
