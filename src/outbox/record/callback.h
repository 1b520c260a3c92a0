/*-------------------------------------------------------------------------
 *
 * callback.h
 *	  Callbacks: functions that are told how a request ended.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_CALLBACK_H
#define OUTBOX_CALLBACK_H

#include "fpnn/catalog.h"

/* What a callback is called with, before the error; see message-api.md. */
typedef enum OutboxSignature
{
	OUTBOX_SEND_CALLBACK,	 /* mid bigint, mtime bigint */
	OUTBOX_HISTORY_CALLBACK, /* result rtm_history_result */
	OUTBOX_INFO_CALLBACK,	 /* result rtm_message_info */
	OUTBOX_DELETE_CALLBACK,	 /* nothing */
	OUTBOX_CALL_CALLBACK	 /* result jsonb */
} OutboxSignature;

#define OUTBOX_MAX_CALLBACK_ARGS 3

/* Of the callbacks of a method; NULL: rtm_call_async(). */
extern OutboxSignature outbox_signature(const RtmMethod *method);

/* The types of a callback's arguments: how many. */
extern int outbox_signature_types(OutboxSignature signature, Oid *types);

/*
 * Raise 42883 when there is no function with that OID, 42804 when it can't be
 * called so, 42501 when the role may not call it.
 */
extern void outbox_check_callback(Oid function, OutboxSignature signature, Oid role);

#endif /* OUTBOX_CALLBACK_H */
