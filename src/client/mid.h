/*-------------------------------------------------------------------------
 *
 * mid.h
 *	  New message ids.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_MID_H
#define RTM_MID_H

/*
 * A new mid, unique in this cluster (from shared memory when the library is
 * preloaded, else from the sequence rtm_mid_seq of the extension), growing
 * with time.
 */
extern int64 rtm_new_mid(void);

/* The shared memory that they come from; part of rtm_client_init(). */
extern void rtm_mid_init(void);

#endif /* RTM_MID_H */
