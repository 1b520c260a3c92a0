/*-------------------------------------------------------------------------
 *
 * confirm.c
 *	  Which part of the WAL is safe: on this server's disk, on the standbys'.
 *
 * The server keeps what synchronous standbys have confirmed for the backends that
 * wait for it; it grows only, and begins with 0 when the server starts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"

#include "outbox/deliver/confirm.h"

/* As a backend's COMMIT asks. */
static bool
has_standbys(void)
{
	return max_wal_senders > 0 && SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0';
}

XLogRecPtr
outbox_lsn_on_disk(void)
{
	return has_standbys() ? GetFlushRecPtr(NULL) : InvalidXLogRecPtr;
}

XLogRecPtr
outbox_lsn_on_standbys(void)
{
	XLogRecPtr lsn;

	if (!has_standbys())
		return PG_UINT64_MAX;
	LWLockAcquire(SyncRepLock, LW_SHARED);
	lsn = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH];
	LWLockRelease(SyncRepLock);
	return lsn;
}
