/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  SQL functions that read the history of a conversation as rows.
 *
 * Rows go to a tuplestore, which spills to disk; what one takes is given back
 * before the next one is made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/memutils.h"

#include "client/text.h"
#include "method/history.h"
#include "sql/ask.h"

static NullableDatum
user_column(const RtmMessage *m, int64 uid)
{
	return m->users_known ? rtm_column(Int64GetDatum(uid)) : rtm_null_column();
}

/*
 * Rows of p2p say who of the two it was; in the other conversations there is a sender
 * only.
 */
static HeapTuple
form_row(const RtmMessage *m, bool p2p, TupleDesc desc)
{
	NullableDatum columns[11];
	NullableDatum msg;
	NullableDatum msg_binary;
	NullableDatum attrs;
	NullableDatum attrs_binary;
	int			  n = 0;

	rtm_body_from_wire(m->msg.bytes, m->msg.len, &msg, &msg_binary);
	rtm_body_from_wire(m->attrs.bytes, m->attrs.len, &attrs, &attrs_binary);
	columns[n++] = rtm_column(Int64GetDatum(m->id));
	if (p2p)
		columns[n++] = rtm_column(Int32GetDatum(m->direction));
	columns[n++] = user_column(m, m->from_uid);
	if (p2p)
		columns[n++] = user_column(m, m->to_uid);
	columns[n++] = rtm_column(Int32GetDatum(m->mtype));
	columns[n++] = rtm_column(Int64GetDatum(m->mid));
	columns[n++] = msg;
	columns[n++] = attrs;
	columns[n++] = rtm_column(Int64GetDatum(m->mtime));
	columns[n++] = msg_binary;
	columns[n++] = attrs_binary;
	return rtm_form_tuple(desc, columns, n);
}

Datum
rtm_ask_history(FunctionCallInfo fcinfo, RtmFunction *function)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		   p2p = function->method->conversation == RTM_P2P;
	RtmCall		   call;
	RtmRequest	   request;
	RtmHistory	  *history;
	RtmMessage	   message;
	MemoryContext  row;

	InitMaterializedSRF(fcinfo, 0);
	rtm_ask_begin(fcinfo, function, &call, &request);
	row = AllocSetContextCreate(CurrentMemoryContext, "rtm history row", ALLOCSET_DEFAULT_SIZES);
	history = rtm_history_begin(&call, &request, function->name, NULL);
	while (rtm_history_next(history, &message))
	{
		MemoryContext old = MemoryContextSwitchTo(row);

		tuplestore_puttuple(result->setResult, form_row(&message, p2p, result->setDesc));
		MemoryContextSwitchTo(old);
		MemoryContextReset(row);
	}
	rtm_history_end(history);
	MemoryContextDelete(row);
	return (Datum) 0;
}
