/*-------------------------------------------------------------------------
 *
 * args.h
 *	  What every SQL function reads from its arguments in the same way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ARGS_H
#define RTM_ARGS_H

#include "client/call.h"

/* Raise 22004, naming the argument, when it is NULL. */
extern void rtm_require_arg(const NullableDatum *arg, const char *name);

/*
 * The integers of an array argument (bigint[] when wide, else integer[]), in
 * the current memory context.  Raises 22004 for a NULL in it, 2202E when it
 * has several dimensions.
 */
extern int64 *rtm_array_arg(Datum array, const char *name, bool wide, int *count);

/*
 * The two arguments that every call ends with: timeout in seconds (NULL: 0)
 * and the server's name (NULL: the setting rtm.server).  Raises 22023 for a
 * timeout that is negative, infinite or no number.
 */
extern void rtm_common_args(const NullableDatum *timeout, const NullableDatum *server,
							RtmCall *call);

#endif /* RTM_ARGS_H */
