/*-------------------------------------------------------------------------
 *
 * hooks.h
 *	  Commands of others that the workers have to know of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_HOOKS_H
#define OUTBOX_HOOKS_H

/* From _PG_init(), while the library is preloaded. */
extern void outbox_hooks_init(void);

#endif /* OUTBOX_HOOKS_H */
