/*-------------------------------------------------------------------------
 *
 * host.c
 *	  What the wire layer borrows from this process, and its two clocks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "common/md5.h"

#include "host.h"

static void *
env_resize(void *ptr, size_t size)
{
	if (size == 0)
	{
		free(ptr);
		return NULL;
	}
	return realloc(ptr, size);
}

static bool
env_md5(const void *data, size_t len, uint8_t digest[16])
{
	const char *errstr = NULL;

	return pg_md5_binary(data, len, digest, &errstr);
}

const FpnnEnv rtm_env = {env_resize, env_md5};

static int64
read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64
rtm_now_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64
rtm_now_ms(void)
{
	return rtm_now_us() / 1000;
}

int64
rtm_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}
