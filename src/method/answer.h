/*-------------------------------------------------------------------------
 *
 * answer.h
 *	  Reading the fields of an answer; a field that is missing or of the wrong
 *	  type is an error (FP206).
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ANSWER_H
#define RTM_ANSWER_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"

#include "client/call.h"
#include "fpnn/catalog.h"

/* What an answer is read with: `what` is the SQL function, for errors. */
typedef struct RtmReader
{
	const RtmAnswer *answer;
	const char		*what;
} RtmReader;

extern int64 rtm_read_int(const RtmReader *reader, const char *key);

/* The same for one that has the type integer in SQL. */
extern int32 rtm_read_int32(const RtmReader *reader, const char *key);

extern bool rtm_read_bool(const RtmReader *reader, const char *key);

/* A list of integers as a bigint[], one of texts as a text[]: NULL for what is none. */
extern Datum rtm_read_ints(const RtmReader *reader, const char *key);
extern Datum rtm_read_texts(const RtmReader *reader, const char *key);

/* Is the field there?  nil counts as absent. */
extern bool rtm_answer_has(const RtmReader *reader, const char *key);

/* A text as columns; see rtm_body_from_wire(). */
extern void rtm_read_body(const RtmReader *reader, const char *key, NullableDatum *text,
						  NullableDatum *binary);

/* Form a tuple of columns, n of them. */
extern HeapTuple rtm_form_tuple(TupleDesc desc, const NullableDatum *columns, int n);

/* The same as a row of what a function returns; after InitMaterializedSRF(). */
extern void rtm_put_row(FunctionCallInfo fcinfo, const NullableDatum *columns, int n);

/* The row type that a function returns, in the context of its FmgrInfo. */
extern TupleDesc rtm_make_result_desc(FunctionCallInfo fcinfo);

/* The same, kept in fn_extra for its next call. */
extern TupleDesc rtm_result_desc(FunctionCallInfo fcinfo);

static inline NullableDatum
rtm_column(Datum value)
{
	NullableDatum column = {.value = value, .isnull = false};

	return column;
}

static inline NullableDatum
rtm_column_if(bool there, Datum value)
{
	NullableDatum column = {.value = there ? value : (Datum) 0, .isnull = !there};

	return column;
}

static inline NullableDatum
rtm_null_column(void)
{
	return rtm_column_if(false, (Datum) 0);
}

#endif /* RTM_ANSWER_H */
