/*-------------------------------------------------------------------------
 *
 * instance.c
 *	  Which copy of the cluster this is: the identity of its data directory.
 *
 * A base backup, a recovery to a point in time and a copy of the files have the
 * cluster's system identifier, its databases' OIDs and all rows of its outboxes.
 * What tells them from the original is a file with a random token, in a folder
 * whose contents every tool for backups leaves out (pg_stat_tmp, which since
 * PostgreSQL 15 is there for extensions, and survives a restart and a crash).
 *
 *	- no file: the data directory came out of a backup; it gets a token of its own
 *	- the file was born at another time than it says: it was copied, as cp, rsync
 *	  and tar do; a new token too.  Where the file system doesn't tell when a file
 *	  was born, this isn't noticed
 *	- recovery.signal, or standby.signal with a recovery target: a recovery to a
 *	  point in time; a new token
 *	- standby.signal: a standby.  When it is promoted it continues what the primary
 *	  had, and remembers the timeline on which it began to
 *
 * What can't be told from the original is a copy below the file system: a snapshot
 * of a volume or of a virtual machine.  Remove the file before it is started.
 *
 * Written by the postmaster when shared memory is set up, and by the launcher.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "common/file_perm.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/shmem.h"

#include "outbox/record/instance.h"
#include "shmem.h"

#define INSTANCE_FILE PG_STAT_TMP_DIR "/rtm.instance"
#define FORMAT \
	"rtm instance 1: token " UINT64_FORMAT " born " INT64_FORMAT " standby %d inherited %u\n"
#define FORMAT_LEN 200

static OutboxInstance *instance; /* in shared memory */

static Size
instance_size(void)
{
	return sizeof(OutboxInstance);
}

/* When the file was born, in nanoseconds; 0: nobody knows. */
static int64
birth(int fd)
{
#ifdef STATX_BTIME
	struct statx s;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &s) == 0 && (s.stx_mask & STATX_BTIME) != 0)
		return (int64) s.stx_btime.tv_sec * 1000000000 + s.stx_btime.tv_nsec;
#endif
	return 0;
}

static bool
exists(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0;
}

/* False: there is no file of this very data directory. */
static bool
read_file(OutboxInstance *found)
{
	char	   text[FORMAT_LEN + 1];
	int		   fd = BasicOpenFile(INSTANCE_FILE, O_RDONLY | PG_BINARY);
	ssize_t	   n;
	uint64	   token;
	int64	   born;
	int64	   born_really;
	int		   standby;
	TimeLineID inherited;

	if (fd < 0)
		return false;
	n = read(fd, text, FORMAT_LEN);
	born_really = birth(fd);
	close(fd);
	text[Max(n, 0)] = '\0';
	if (sscanf(text, FORMAT, &token, &born, &standby, &inherited) != 4)
		return false;
	if (born != born_really)
	{
		ereport(
			LOG,
			(errmsg(
				 "this data directory is a copy of another one: what waits in the outboxes of rtm is held"),
			 errdetail("The file \"%s\" was copied.", INSTANCE_FILE)));
		return false;
	}
	found->token = (int64) token;
	found->standby = standby != 0;
	found->inherited = inherited;
	return true;
}

static bool
write_text(int fd, const OutboxInstance *new)
{
	char text[FORMAT_LEN];
	int	 len = snprintf(text, sizeof(text), FORMAT, (uint64) new->token, birth(fd),
						(int) new->standby, new->inherited);

	return write(fd, text, len) == len;
}

/* Whoever fails to write is another instance after the next start; that is safe. */
static void
write_file(const OutboxInstance *new)
{
	const char *temporary = INSTANCE_FILE ".tmp";
	int			fd;
	bool		written;

	(void) unlink(temporary);
	fd = BasicOpenFile(temporary, O_CREAT | O_EXCL | O_RDWR | PG_BINARY);
	written = fd >= 0 && write_text(fd, new);
	if (fd >= 0)
		close(fd);
	if (!written || durable_rename(temporary, INSTANCE_FILE, LOG) != 0)
		ereport(
			LOG,
			(errcode_for_file_access(), errmsg("could not write file \"%s\": %m", INSTANCE_FILE),
			 errhint(
				 "After the next start requests that rtm has queued until then will be held.")));
}

static void
begin_anew(OutboxInstance *new)
{
	memset(new, 0, sizeof(*new));
	if (!pg_strong_random(&new->token, sizeof(new->token)))
		ereport(FATAL, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not make a random number")));
}

static void
instance_attach(void)
{
	bool found;
	bool standby = exists(STANDBY_SIGNAL_FILE) && recoveryTarget == RECOVERY_TARGET_UNSET;
	bool to_write;

	instance = ShmemInitStruct("rtm instance", sizeof(OutboxInstance), &found);
	if (found)
		return;
	to_write = !read_file(instance);
	if (to_write || (!standby && (exists(STANDBY_SIGNAL_FILE) || exists(RECOVERY_SIGNAL_FILE))))
	{
		begin_anew(instance);
		to_write = true;
	}
	if (standby && !instance->standby)
		instance->standby = to_write = true;
	if (to_write)
		write_file(instance);
}

void
outbox_instance_init(void)
{
	static const RtmShmem part = {NULL, instance_size, instance_attach};

	rtm_shmem_register(&part);
}

void
outbox_instance_recovered(void)
{
	OutboxInstance new = *instance;

	if (!new.standby)
		return;
	new.standby = false;
	new.inherited = GetWALInsertionTimeLine();
	write_file(&new);

	/* in this order: who looks meanwhile sees one of them */
	instance->inherited = new.inherited;
	pg_write_barrier();
	instance->standby = false;
}

OutboxInstance
outbox_instance(void)
{
	OutboxInstance copy;

	copy.standby = instance->standby;
	pg_read_barrier();
	copy.inherited = instance->inherited;
	copy.token = instance->token;
	return copy;
}
