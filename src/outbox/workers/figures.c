/*-------------------------------------------------------------------------
 *
 * figures.c
 *	  What the sender of a database has done, in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "outbox/workers/figures.h"

static void
count_server_anew(OutboxServerStats *server)
{
	pg_atomic_write_u64(&server->sent, 0);
	pg_atomic_write_u64(&server->failed, 0);
	pg_atomic_write_u64(&server->expired, 0);
	pg_atomic_write_u64(&server->retried, 0);
	pg_atomic_write_u64(&server->answers, 0);
	pg_atomic_write_u64(&server->answer_us, 0);
	pg_atomic_write_u64(&server->last_answer_us, 0);
}

static void
clear_place(OutboxServerStats *server)
{
	server->server = InvalidOid;
	server->unreachable_since = 0;
	server->reason[0] = '\0';
	count_server_anew(server);
	pg_atomic_write_u32(&server->in_flight, 0);
	pg_atomic_write_u32(&server->limited_to, 0);
}

static void
count_anew(OutboxFigures *figures)
{
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
		count_server_anew(&figures->servers[i]);
	memset(figures->errors, 0, sizeof(figures->errors));
	figures->since = GetCurrentTimestamp();
}

void
outbox_init_figures(OutboxFigures *figures, LWLock *lock)
{
	figures->lock = lock;
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *server = &figures->servers[i];

		pg_atomic_init_u64(&server->sent, 0);
		pg_atomic_init_u64(&server->failed, 0);
		pg_atomic_init_u64(&server->expired, 0);
		pg_atomic_init_u64(&server->retried, 0);
		pg_atomic_init_u32(&server->in_flight, 0);
		pg_atomic_init_u64(&server->answers, 0);
		pg_atomic_init_u64(&server->answer_us, 0);
		pg_atomic_init_u64(&server->last_answer_us, 0);
		pg_atomic_init_u32(&server->limited_to, 0);
		clear_place(server);
	}
	count_anew(figures);
}

OutboxServerStats *
outbox_server_stats(OutboxFigures *figures, Oid server)
{
	OutboxServerStats *place = NULL;

	LWLockAcquire(figures->lock, LW_EXCLUSIVE);
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
	{
		OutboxServerStats *stats = &figures->servers[i];

		if (stats->server == server)
		{
			place = stats;
			break;
		}
		if (place == NULL && !OidIsValid(stats->server))
			place = stats;
	}
	if (place)
		place->server = server;
	LWLockRelease(figures->lock);
	return place;
}

void
outbox_forget_server(OutboxFigures *figures, Oid server)
{
	LWLockAcquire(figures->lock, LW_EXCLUSIVE);
	for (int i = 0; i < OUTBOX_MAX_SERVERS; i++)
		if (figures->servers[i].server == server)
			clear_place(&figures->servers[i]);
	LWLockRelease(figures->lock);
}

void
outbox_show_unreachable(OutboxFigures *figures, OutboxServerStats *stats, bool unreachable,
						const char *why)
{
	/* nobody but the sender, who asks, changes it: each answer looks without a lock */
	if (stats == NULL || (!unreachable && stats->unreachable_since == 0))
		return;
	LWLockAcquire(figures->lock, LW_EXCLUSIVE);
	if (!unreachable)
		stats->unreachable_since = 0;
	else if (stats->unreachable_since == 0)
		stats->unreachable_since = GetCurrentTimestamp();
	strlcpy(stats->reason, why ? why : "", OUTBOX_REASON_LEN);
	LWLockRelease(figures->lock);
}

/* The place of a server and code, or of all that have none.  Lock held. */
static OutboxErrorStats *
error_place(OutboxFigures *figures, Oid server, int code)
{
	for (int i = 0; i < OUTBOX_MAX_ERRORS - 1; i++)
	{
		OutboxErrorStats *e = &figures->errors[i];

		if (e->server == server && e->code == code)
			return e;
		if (e->server == InvalidOid)
		{
			e->server = server;
			e->code = code;
			return e;
		}
	}
	return &figures->errors[OUTBOX_MAX_ERRORS - 1];
}

void
outbox_count_error(OutboxFigures *figures, Oid server, int code)
{
	OutboxErrorStats *place;

	LWLockAcquire(figures->lock, LW_EXCLUSIVE);
	place = error_place(figures, server, code);
	place->count++;
	place->last = GetCurrentTimestamp();
	LWLockRelease(figures->lock);
}

OutboxServerStats
outbox_copy_server_stats(const OutboxFigures *figures, int i)
{
	OutboxServerStats copy;

	LWLockAcquire(figures->lock, LW_SHARED);
	copy = figures->servers[i];
	LWLockRelease(figures->lock);
	return copy;
}

OutboxErrorStats
outbox_error_stats(const OutboxFigures *figures, int i)
{
	OutboxErrorStats copy;

	LWLockAcquire(figures->lock, LW_SHARED);
	copy = figures->errors[i];
	LWLockRelease(figures->lock);
	return copy;
}

void
outbox_reset_stats(OutboxFigures *figures)
{
	LWLockAcquire(figures->lock, LW_EXCLUSIVE);
	count_anew(figures);
	LWLockRelease(figures->lock);
}
