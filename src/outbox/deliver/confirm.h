/*-------------------------------------------------------------------------
 *
 * confirm.h
 *	  Which part of the WAL is safe: on this server's disk, on the standbys'.
 *
 * A message leaves when its row is as safe as its COMMIT promised.  Where
 * synchronous_standby_names is set, that is when the synchronous standbys have it
 * on their disks, whatever became of the backend that waited for them: it may have
 * been cancelled or killed, or the server restarted.  Which of the transactions
 * had synchronous_commit at local or off nobody can tell afterwards: theirs wait too.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_CONFIRM_H
#define OUTBOX_CONFIRM_H

#include "access/xlogdefs.h"

/*
 * All that is on this server's disk by now, when synchronous standbys have to have
 * it as well; 0: nobody asks for them.
 */
extern XLogRecPtr outbox_lsn_on_disk(void);

/* What the standbys have confirmed; all there is, when nobody asks for them. */
extern XLogRecPtr outbox_lsn_on_standbys(void);

#endif /* OUTBOX_CONFIRM_H */
