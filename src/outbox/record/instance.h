/*-------------------------------------------------------------------------
 *
 * instance.h
 *	  Which copy of the cluster this is: the identity of its data directory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_INSTANCE_H
#define OUTBOX_INSTANCE_H

#include "access/xlogdefs.h"

/* What identifies this data directory among copies of the same cluster. */
typedef struct OutboxInstance
{
	int64	   token;	  /* random; of this data directory */
	bool	   standby;	  /* it follows a primary, or did until a moment ago */
	TimeLineID inherited; /* that it began as a promoted standby; 0: none */
} OutboxInstance;

/*
 * From _PG_init(), while the library is preloaded.  When shared memory is set up,
 * the postmaster reads the instance's file, or makes one.
 */
extern void outbox_instance_init(void);

/* From the launcher, when recovery has ended: keeps what a promotion means. */
extern void outbox_instance_recovered(void);

extern OutboxInstance outbox_instance(void);

#endif /* OUTBOX_INSTANCE_H */
