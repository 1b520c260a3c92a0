/*-------------------------------------------------------------------------
 *
 * ask.h
 *	  What the SQL functions that ask the gate have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ASK_H
#define RTM_ASK_H

#include "method/function.h"
#include "method/result.h"

/* Encode the method's arguments, and read those behind them. */
extern void rtm_ask_begin(FunctionCallInfo fcinfo, const RtmFunction *function, RtmCall *call,
						  RtmRequest *request);

/* What the function returns, which is no set. */
extern Datum rtm_ask_result(FunctionCallInfo fcinfo, RtmFunction *function,
							const RtmResult *result);

/* Kinds that take more than one quest: see send.c, rows.c. */
extern Datum rtm_ask_send(FunctionCallInfo fcinfo, RtmFunction *function);
extern Datum rtm_ask_history(FunctionCallInfo fcinfo, RtmFunction *function);

#endif /* RTM_ASK_H */
