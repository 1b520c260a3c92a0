/*-------------------------------------------------------------------------
 *
 * mid.c
 *	  New message ids.
 *
 * A server draws the start of its mids (fpnn/mid_layout.h) when the first one is made
 * after its shared memory was: anew with each start, restart after a crash, clone
 * and standby.  It is shared by all processes, with the library preloaded; else by
 * a named segment that the first backend makes (PostgreSQL 17 and later).  Where
 * there is neither, each process draws its own.  All of it is atomics; there is no
 * lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "client/mid.h"
#include "compat.h"
#include "fpnn/mid_layout.h"
#include "host.h"
#include "shmem.h"

typedef struct MidMaker
{
	pg_atomic_uint64 last;	/* the newest mid; 0: there is none */
	pg_atomic_uint32 start; /* plus 1; 0: it has to be drawn */
} MidMaker;

static MidMaker *shared_maker; /* NULL: there is none */

static void
maker_init(void *maker)
{
	pg_atomic_init_u64(&((MidMaker *) maker)->last, 0);
	pg_atomic_init_u32(&((MidMaker *) maker)->start, 0);
}

static Size
mid_size(void)
{
	return sizeof(MidMaker);
}

static void
mid_attach(void)
{
	bool found;

	shared_maker = ShmemInitStruct("rtm mid", mid_size(), &found);
	if (!found)
		maker_init(shared_maker);
}

void
rtm_mid_init(void)
{
	static const RtmShmem part = {NULL, mid_size, mid_attach};

	if (process_shared_preload_libraries_in_progress)
		rtm_shmem_register(&part);
}

static MidMaker *
get_maker(void)
{
	static MidMaker	 own; /* of this process */
	static MidMaker *own_maker;

	if (shared_maker == NULL && IsUnderPostmaster)
		shared_maker = rtm_named_segment("rtm mid", sizeof(MidMaker), maker_init);
	if (shared_maker)
		return shared_maker;
	if (own_maker == NULL)
	{
		maker_init(&own);
		own_maker = &own;
	}
	return own_maker;
}

/* Draw a start in place of `old`, unless somebody did; false: no random numbers. */
static bool
draw_start(MidMaker *maker, uint32 old)
{
	uint32 random;

	if (!pg_strong_random(&random, sizeof(random)))
		return false;
	(void) pg_atomic_compare_exchange_u32(&maker->start, &old, random % FPNN_MID_STARTS + 1);
	return true;
}

int64
rtm_new_mid(void)
{
	MidMaker *maker = get_maker();
	uint64	  last = pg_atomic_read_u64(&maker->last);
	uint32	  start = pg_atomic_read_u32(&maker->start);
	int64	  mid;

	if (start == 0)
	{
		if (!draw_start(maker, 0))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
							errmsg("could not generate a random message id")));
		start = pg_atomic_read_u32(&maker->start);
	}
	do
		mid = fpnn_mid_next((int64) last, start - 1, rtm_wall_us() / 1000);
	while (!pg_atomic_compare_exchange_u64(&maker->last, &last, (uint64) mid));
	return mid;
}

int64
rtm_new_mid_instead(int64 refused)
{
	MidMaker *maker = get_maker();
	uint32	  start = pg_atomic_read_u32(&maker->start);

	/* without random numbers the next mid of this start has to do */
	if (start != 0 && fpnn_mid_is_from(refused, start - 1))
		(void) draw_start(maker, start);
	return rtm_new_mid();
}
