/*-------------------------------------------------------------------------
 *
 * outbox.h
 *	  The outbox, as the library sees it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_OUTBOX_H
#define RTM_OUTBOX_H

#include "postgres_ext.h"

/*
 * From _PG_init(): settings, shared memory, hooks, the launcher.  The launcher
 * calls `start_other` for every database that people connect to when the server
 * has started, also after a crash; it makes its own transactions, if any.
 */
extern void rtm_outbox_init(void (*start_other)(Oid database));

#endif /* RTM_OUTBOX_H */
