/*-------------------------------------------------------------------------
 *
 * unpack.h
 *	  What the outbox stores, packed, as values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_UNPACK_H
#define OUTBOX_UNPACK_H

#include "access/htup.h"
#include "access/tupdesc.h"

#include "client/call.h"

/*
 * nparams packed pairs, or with -1 a whole payload.  It lives in the current
 * memory context.  Raises 22P03 for anything else.
 */
extern RtmAnswer *outbox_unpack(const char *bytes, size_t len, int nparams);

/* A value of rtm_error; message NULL: what is documented for the code. */
extern HeapTuple outbox_error_tuple(int code, const char *message, TupleDesc desc);

#endif /* OUTBOX_UNPACK_H */
