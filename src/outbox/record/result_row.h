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

/* Columns of rtm_finished, as the script declares them; relations.c has their types. */
enum
{
	RESULT_ID = 1,
	RESULT_ORIGIN,
	RESULT_STATUS,
	RESULT_OWNER,
	RESULT_SERVER,
	RESULT_CONVERSATION,
	RESULT_NPARAMS,
	RESULT_MID_MADE,
	RESULT_ATTEMPTS,
	RESULT_KEY_A,
	RESULT_KEY_B,
	RESULT_ENQUEUED_AT,
	RESULT_FINISHED_AT,
	RESULT_TIMEOUT,
	RESULT_CALL,
	RESULT_METHOD,
	RESULT_PARAMS,
	RESULT_MID,
	RESULT_RECIPIENTS,
	RESULT_CALLBACK,
	RESULT_OWNER_NAME,
	RESULT_SERVER_NAME,
	RESULT_CALLBACK_NAME,
	RESULT_CALLBACK_OWNER,
	RESULT_ANSWER,
	RESULT_MTIME,
	RESULT_ERROR_CODE,
	RESULT_ERROR,
	RESULT_CALLBACK_DUE,
	RESULT_CALLBACK_ERROR,
	RESULT_CALLBACK_ATTEMPTS,
	RESULT_CALLBACK_BEGUN,
	RESULT_NCOLUMNS = RESULT_CALLBACK_BEGUN
};

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
