/*-------------------------------------------------------------------------
 *
 * result.h
 *	  Answers as values of SQL, as the catalogue describes them: results of a
 *	  function, arguments of a callback.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_RESULT_H
#define RTM_RESULT_H

#include "method/answer.h"
#include "method/encode.h"

/* What a request came to. */
typedef struct RtmResult
{
	const RtmMethod *method; /* NULL: a method by its name */
	RtmReader		 reader; /* reader.answer NULL: no answer was kept */
	int64			 mid;
	NullableDatum	 mtime; /* of a kind that keeps nothing else */
	int64			 uid;	/* of p2p: whose history it is ... */
	int64			 ouid;	/* ... and with whom */
} RtmResult;

/* The answer to a request that was asked here.  what is for errors. */
extern RtmResult rtm_result_of(const RtmRequest *request, const RtmAnswer *answer,
							   const char *what);

/*
 * The columns that the kind has, in their order: how many.  types are those
 * that they are to have, which is looked at.  Raises FP206 for an answer that
 * can't be one.  Without an answer they are NULL, as far as nothing was kept.
 */
extern int rtm_result_columns(const RtmResult *result, const Oid *types, NullableDatum *columns);

/* The same as a tuple. */
extern HeapTuple rtm_result_tuple(const RtmResult *result, TupleDesc desc);

/* A callback has at most so many arguments, the error among them. */
#define RTM_MAX_CALLBACK_ARGS (RTM_MAX_FIELDS + 1)

/*
 * The types of what a callback of a method (NULL: rtm_call_async()) gets, the
 * error rtm_error at the end: how many.  schema is the extension's.
 */
extern int rtm_callback_types(const RtmMethod *method, Oid schema, Oid *types);

/* The arguments in front of the error: how many. */
extern int rtm_callback_args(const RtmResult *result, const Oid *types, NullableDatum *args);

/* A value of rtm_error; message NULL: what is documented for the code. */
extern HeapTuple rtm_error_tuple(int code, const char *message, TupleDesc desc);

/*
 * What the outbox stores, packed: nparams packed pairs, or with -1 a whole
 * payload.  It lives in the current memory context.  Raises 22P03 for anything
 * else.
 */
extern RtmAnswer *rtm_unpack(const char *bytes, size_t len, int nparams);

#endif /* RTM_RESULT_H */
