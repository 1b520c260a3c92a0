/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Columns of the outbox's tables, as the script declares them; relations.c
 *	  compares them with the catalogue, and has their types.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_COLUMNS_H
#define OUTBOX_COLUMNS_H

/* Of rtm_request. */
enum
{
	OUTBOX_SEQ = 1,
	OUTBOX_ID,
	OUTBOX_ORIGIN,
	OUTBOX_OWNER,
	OUTBOX_SERVER,
	OUTBOX_CONVERSATION,
	OUTBOX_NPARAMS,
	OUTBOX_MID_MADE,
	OUTBOX_ATTEMPTS,
	OUTBOX_KEY_A,
	OUTBOX_KEY_B,
	OUTBOX_ENQUEUED_AT,
	OUTBOX_TIMEOUT,
	OUTBOX_CALL,
	OUTBOX_METHOD,
	OUTBOX_PARAMS,
	OUTBOX_MID,
	OUTBOX_RECIPIENTS,
	OUTBOX_CALLBACK,
	OUTBOX_OWNER_NAME,
	OUTBOX_SERVER_NAME,
	OUTBOX_CALLBACK_NAME,
	OUTBOX_CALLBACK_OWNER,
	OUTBOX_SEND_AT,
	OUTBOX_EXPIRES_AT,
	OUTBOX_URGENT,
	OUTBOX_ERROR_CODE,
	OUTBOX_ERROR,
	OUTBOX_NEXT_ATTEMPT,
	OUTBOX_NCOLUMNS = OUTBOX_NEXT_ATTEMPT
};

/*
 * Of rtm_finished: those of rtm_request from id to error are at the same places, and
 * have the same types.
 */
enum
{
	RESULT_FINISHED_AT = OUTBOX_SEQ,
	RESULT_STATUS = OUTBOX_ERROR + 1,
	RESULT_ANSWER,
	RESULT_MTIME,
	RESULT_CALLBACK_DUE,
	RESULT_CALLBACK_ERROR,
	RESULT_CALLBACK_ATTEMPTS,
	RESULT_CALLBACK_BEGUN,
	RESULT_NCOLUMNS = RESULT_CALLBACK_BEGUN
};

#endif /* OUTBOX_COLUMNS_H */
