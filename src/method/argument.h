/*-------------------------------------------------------------------------
 *
 * argument.h
 *	  What every SQL function reads from its arguments in the same way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ARGUMENT_H
#define RTM_ARGUMENT_H

#include "client/call.h"

/* Raise 22004, naming the argument, when it is NULL. */
extern void rtm_require_arg(const NullableDatum *arg, const char *name);

/*
 * The values of a bigint[] or text[], in the current memory context (texts may
 * be toasted).  Raises 22004 for a NULL in it, 2202E when it has several
 * dimensions.
 */
extern int64 *rtm_array_arg(Datum array, const char *name, int *count);
extern Datum *rtm_texts_arg(Datum array, const char *name, int *count);

/*
 * The two arguments that every call ends with: timeout in seconds (NULL: 0)
 * and the server's name (NULL: the setting rtm.server).  Raises 22023 for a
 * timeout that is negative, infinite or no number.
 */
extern void rtm_common_args(const NullableDatum *timeout, const NullableDatum *server,
							RtmCall *call);

/*
 * The argument that names a method that rtm_call() may call: it fits in a frame,
 * and is none of the framework's own, which would change or disturb the
 * connection (*key a second time closes it), but for *ping.  Raises 22004, 22023.
 */
extern char *rtm_method_arg(const NullableDatum *arg);

#endif /* RTM_ARGUMENT_H */
