/*-------------------------------------------------------------------------
 *
 * append.c
 *	  Several scans under an Append, which are under way together.
 *
 * The Append asks each of its scans for a row, and goes on without it where the
 * answer isn't there yet; so the first pages of all of them are asked for at once.
 * Those of one server share their connection, whose quests are told apart by their
 * numbers.
 *
 * When there is nothing else to do, the Append lets its scans say what is to be waited
 * for, one after the other, and waits for all sockets; without time-outs, and each
 * socket but once.  That wait isn't used: the first scan that is asked waits for its own
 * answer, by the rules of all calls, while those of the others come in.  Nobody is
 * notified, then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/execAsync.h"
#include "executor/instrument.h"

#include "fdw/scan.h"

bool
rtm_is_async_capable(ForeignPath *path)
{
	return true;
}

/* A row, or the end; false: neither is known. */
static bool
produce(AsyncRequest *request)
{
	ForeignScanState *node = castNode(ForeignScanState, request->requestee);
	RtmScan			 *scan = node->fdw_state;
	TupleTableSlot	 *slot;

	scan->hasty = true;
	slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);
	if (TupIsNull(slot) && scan->pending)
		return false;
	ExecAsyncRequestDone(request, slot);
	return true;
}

void
rtm_async_request(AsyncRequest *request)
{
	if (!produce(request))
		ExecAsyncRequestPending(request);
}

/*
 * Whoever is the first that is pending waits, unless there is something to be given meanwhile.  For
 * one answer only: clauses may drop its rows, and others want to ask for their next page then.
 */
void
rtm_async_wait(AsyncRequest *request)
{
	const AppendState *append = castNode(AppendState, request->requestor);
	ForeignScanState  *node = castNode(ForeignScanState, request->requestee);

	if (append->as_syncdone && append->as_nasyncresults == 0)
		rtm_scan_await(node->fdw_state);
	if (!produce(request))
		return;
	request->callback_pending = false;
	if (node->ss.ps.instrument)
		InstrUpdateTupleCount(node->ss.ps.instrument, TupIsNull(request->result) ? 0.0 : 1.0);
	ExecAsyncResponse(request);
}
