/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  The library's shared memory: one pair of hooks, which its parts register with.
 *
 * Runs in the postmaster, and there only (where processes are not forked, in each).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "shmem.h"

#define MAX_PARTS 8

static const RtmShmem		  *parts[MAX_PARTS];
static int					   nparts;
static shmem_request_hook_type prev_shmem_request_hook;
static shmem_startup_hook_type prev_shmem_startup_hook;

static void
request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	for (int i = 0; i < nparts; i++)
	{
		RequestAddinShmemSpace(MAXALIGN(parts[i]->size()));
		if (parts[i]->lock)
			RequestNamedLWLockTranche(parts[i]->lock, 1);
	}
}

static void
startup(void)
{
	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nparts; i++)
		parts[i]->attach();
	LWLockRelease(AddinShmemInitLock);
}

void
rtm_shmem_register(const RtmShmem *part)
{
	Assert(process_shared_preload_libraries_in_progress && nparts < MAX_PARTS);
	if (nparts == 0)
	{
		prev_shmem_request_hook = shmem_request_hook;
		shmem_request_hook = request;
		prev_shmem_startup_hook = shmem_startup_hook;
		shmem_startup_hook = startup;
	}
	parts[nparts++] = part;
}
