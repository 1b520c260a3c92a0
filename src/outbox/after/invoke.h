/*-------------------------------------------------------------------------
 *
 * invoke.h
 *	  The call of a callback: what it is told.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_INVOKE_H
#define OUTBOX_INVOKE_H

#include "outbox/record/due.h"

/*
 * Call the function with what its request came to.  Needs an active snapshot.  Raises
 * what outbox_check_callback() does for the role, and what the function does; a strict
 * function isn't called with a null, as anywhere else.
 */
extern void outbox_invoke(const OutboxDue *due, Oid role);

#endif /* OUTBOX_INVOKE_H */
