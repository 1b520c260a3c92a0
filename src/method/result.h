/*-------------------------------------------------------------------------
 *
 * result.h
 *	  Answers as values of the API's types, for those who have an answer from
 *	  elsewhere than a call of their own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_RESULT_H
#define RTM_RESULT_H

#include "method/answer.h"

/*
 * rtm_history_result and rtm_message_info.  uid and ouid are the question's,
 * for p2p.  Both raise FP206 for an answer that can't be one.
 */
extern HeapTuple rtm_history_tuple(const RtmReader *reader, const RtmMethod *method, int64 uid,
								   int64 ouid, TupleDesc desc);
extern HeapTuple rtm_info_tuple(const RtmReader *reader, TupleDesc desc);

#endif /* RTM_RESULT_H */
