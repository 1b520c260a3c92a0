/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  A scan of a foreign table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_FDW_SCAN_H
#define RTM_FDW_SCAN_H

#include "executor/tuptable.h"
#include "lib/binaryheap.h"
#include "nodes/execnodes.h"
#include "utils/tuplestore.h"

#include "fdw/fdw.h"
#include "fdw/wanted.h"
#include "method/history.h"

/* A history that is read. */
typedef struct RtmConversationScan
{
	int			number; /* of the scan's conversations */
	int64		keys[RTM_NUM_KEYS];
	RtmRequest	request;
	RtmHistory *history;
	RtmMessage	message; /* the last one read, if any */
	bool		read;
} RtmConversationScan;

/* ForeignScanState.fdw_state */
typedef struct RtmScan
{
	RtmTable		  *table;
	RtmCall			   call;
	char			  *what;   /* for errors */
	bool			  *needed; /* of each column: does anybody look at it? */
	RtmConditionState *conditions;
	int				   nconditions;
	List			  *order; /* fields, of which the first rules; NIL: none */
	bool			   descending;
	RtmMeter		   meter;
	uint64			   nread; /* conversations, in all */

	/* under an Append that has other things to do, nobody waits for an answer: see append.c */
	bool hasty;
	bool pending; /* neither a row nor the end is known */

	/* the statement sends at once, and must not read what it sends */
	bool sends;

	/* a scan that may be repeated, or that is read whole, keeps its rows as long as its conditions' values are the same */
	Tuplestorestate *store; /* NULL: neither */
	TupleTableSlot	*stored;

	/* from here on: of one set of values */
	bool				  evaluated;
	bool				  begun; /* ever */
	StringInfoData		  values;
	MemoryContext		  context;
	RtmWanted			  wanted;
	bool				  backward; /* newest first */
	int64				  nconversations;
	RtmConversationScan **conversations; /* NULL: not begun, or at its end */
	int64				  nopened;
	int64				  current;
	int64				  ahead; /* so many more are asked for early */
	binaryheap			 *heap;	 /* of a merge: those that have a message */
	RtmConversationScan	 *given; /* of a merge: whose message was returned last */
	bool				  ended;
	RtmConversationScan	 *asked; /* for the context of errors */
} RtmScan;

/* Wait for what a hasty scan is pending for. */
extern void rtm_scan_await(RtmScan *scan);

#endif /* RTM_FDW_SCAN_H */
