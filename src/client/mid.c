/*-------------------------------------------------------------------------
 *
 * mid.c
 *	  New message ids.
 *
 * A mid comes from one atomic in shared memory: the server's with the library
 * preloaded, else a named segment that the first backend makes (PostgreSQL 17
 * and later).  Where there is neither, it is made of the milliseconds and the
 * low bits of a sequence; on a standby, which can't draw from a sequence, of
 * random low bits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/time.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif

#include "client/extension.h"
#include "client/mid.h"
#include "fpnn/mid.h"
#include "shmem.h"

#define MID_LOW_MASK ((INT64CONST(1) << FPNN_MID_SHIFT) - 1)

static pg_atomic_uint64 *last_mid; /* in shared memory; NULL: none */

static Size
mid_size(void)
{
	return sizeof(pg_atomic_uint64);
}

static void
mid_attach(void)
{
	bool found;

	last_mid = ShmemInitStruct("rtm mid", mid_size(), &found);
	if (!found)
		pg_atomic_init_u64(last_mid, 0);
}

void
rtm_mid_init(void)
{
	static const RtmShmem part = {NULL, mid_size, mid_attach};

	if (process_shared_preload_libraries_in_progress)
		rtm_shmem_register(&part);
}

#if PG_VERSION_NUM >= 170000
static void
mid_segment_init(void *segment)
{
	pg_atomic_init_u64(segment, 0);
}
#endif

/* Without preload: the segment that all backends share, where there can be one. */
static void
attach_segment(void)
{
#if PG_VERSION_NUM >= 170000
	bool found;

	if (IsUnderPostmaster)
		last_mid = GetNamedDSMSegment("rtm mid", sizeof(pg_atomic_uint64), mid_segment_init,
									  &found);
#endif
}

static int64
now_ms(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return (int64) now.tv_sec * 1000 + now.tv_usec / 1000;
}

static int64
mid_from_shmem(void)
{
	uint64 last = pg_atomic_read_u64(last_mid);
	int64  mid;

	do
		mid = fpnn_mid_next((int64) last, now_ms());
	while (!pg_atomic_compare_exchange_u64(last_mid, &last, (uint64) mid));
	return mid;
}

int64
rtm_new_mid(void)
{
	static int64 last; /* of this backend, without shared memory */
	int64		 low;
	int64		 mid;

	if (last_mid == NULL)
		attach_segment();
	if (last_mid)
		return mid_from_shmem();

	if (RecoveryInProgress() || XactReadOnly)
	{
		uint64 random;

		if (!pg_strong_random(&random, sizeof(random)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
							errmsg("could not generate a random message id")));
		low = (int64) random;
	}
	else
		low = nextval_internal(get_relname_relid("rtm_mid_seq", rtm_extension_schema()), false);
	mid = (now_ms() << FPNN_MID_SHIFT) | (low & MID_LOW_MASK);

	/* grows also within a millisecond in which the low bits began anew */
	if (mid <= last)
		mid = ((((last >> FPNN_MID_SHIFT) + 1) << FPNN_MID_SHIFT) | (low & MID_LOW_MASK));
	last = mid;
	return mid;
}
