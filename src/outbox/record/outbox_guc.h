/*-------------------------------------------------------------------------
 *
 * outbox_guc.h
 *	  Settings of the outbox's workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_GUC_H
#define OUTBOX_GUC_H

extern int	outbox_max_attempts;	  /* rtm.max_attempts */
extern int	outbox_max_age;			  /* rtm.max_age, seconds; 0: no limit */
extern int	outbox_retry_delay;		  /* rtm.retry_delay, ms */
extern int	outbox_max_retry_delay;	  /* rtm.max_retry_delay, ms */
extern bool outbox_keep_results;	  /* rtm.keep_results */
extern int	outbox_result_ttl;		  /* rtm.result_ttl, seconds */
extern int	outbox_callback_timeout;  /* rtm.callback_timeout, ms; 0: none */
extern int	outbox_callback_attempts; /* rtm.callback_attempts */
extern int	outbox_callback_workers;  /* rtm.callback_workers, for each database */

extern int outbox_senders; /* rtm.senders, for each database */

#define OUTBOX_MAX_CALLBACK_WORKERS 8
#define OUTBOX_MAX_SENDERS			8

extern bool outbox_send_after_promotion; /* rtm.send_after_promotion */
extern int	outbox_log_interval;		 /* rtm.log_interval, ms */
extern int	outbox_sender_memory;		 /* rtm.sender_memory, kB, for each server */
extern int	outbox_sender_connections;	 /* rtm.sender_connections */
extern bool outbox_pause;				 /* rtm.pause */

extern void outbox_guc_init(void);

#endif /* OUTBOX_GUC_H */
