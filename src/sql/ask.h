/*-------------------------------------------------------------------------
 *
 * ask.h
 *	  What the SQL functions that ask the gate have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ASK_H
#define RTM_ASK_H

#include "client/call.h"
#include "method/encode.h"
#include "method/function.h"

/* Encode the method's arguments, and read those behind them. */
extern void rtm_ask_begin(FunctionCallInfo fcinfo, const RtmFunction *function, RtmCall *call,
						  RtmRequest *request);

/* A history's rows: see rows.c. */
extern Datum rtm_ask_history(FunctionCallInfo fcinfo, RtmFunction *function);

#endif /* RTM_ASK_H */
