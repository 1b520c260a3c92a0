/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  The library's shared memory: one pair of hooks, which its parts register with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_SHMEM_H
#define RTM_SHMEM_H

/* A part of shared memory.  Static: the pointer is kept. */
typedef struct RtmShmem
{
	const char *lock;	  /* name of an LWLock of its own, or NULL */
	Size (*size)(void);	  /* asked for before there is any */
	void (*attach)(void); /* ShmemInitStruct(), with AddinShmemInitLock held */
} RtmShmem;

/*
 * From _PG_init(), while the library is preloaded: parts are attached to in the
 * order in which they were registered, also after a crash.
 */
extern void rtm_shmem_register(const RtmShmem *part);

#endif /* RTM_SHMEM_H */
