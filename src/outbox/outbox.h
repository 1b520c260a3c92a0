/*-------------------------------------------------------------------------
 *
 * outbox.h
 *	  The outbox, as the library sees it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_OUTBOX_H
#define RTM_OUTBOX_H

/* From _PG_init(): settings, shared memory, hooks, the launcher. */
extern void rtm_outbox_init(void);

#endif /* RTM_OUTBOX_H */
