/*-------------------------------------------------------------------------
 *
 * result_row.h
 *	  A request that is through: a row of rtm_finished.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_RESULT_ROW_H
#define OUTBOX_RESULT_ROW_H

#include "outbox/record/row.h"

typedef struct OutboxResult
{
	OutboxRow		row; /* seq 0: it has none any more; next_attempt 0 */
	ItemPointerData tid;
	bool			failed;		  /* else done */
	int				error_code;	  /* 0: none */
	bool			callback_due; /* its callback has yet to run */
} OutboxResult;

/* A result; the pointers go into the tuple, recipients are palloc()ed. */
extern void outbox_read_result(HeapTuple tuple, OutboxResult *result);

#endif /* OUTBOX_RESULT_ROW_H */
