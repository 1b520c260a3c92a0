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
 * A new mid, unique among all who send (fpnn/mid_layout.h says how), larger than those made
 * before in this server; without shared memory for it (mid.c), in this session.
 * Raises XX000 when there are no random numbers to begin with.
 */
extern int64 rtm_new_mid(void);

/*
 * One instead of a made mid that a gate refused because it knows it, from somebody
 * else.  Draws another start, unless that was done since the mid was made.
 */
extern int64 rtm_new_mid_instead(int64 refused);

/* The shared memory that they come from; part of rtm_client_init(). */
extern void rtm_mid_init(void);

#endif /* RTM_MID_H */
