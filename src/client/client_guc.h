/*-------------------------------------------------------------------------
 *
 * client_guc.h
 *	  Settings of the client.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_CLIENT_GUC_H
#define RTM_CLIENT_GUC_H

extern char *rtm_server_name;	  /* rtm.server */
extern int	 rtm_connect_timeout; /* rtm.connect_timeout, ms */
extern int	 rtm_quest_timeout;	  /* rtm.quest_timeout, ms */
extern int	 rtm_history_limit;	  /* rtm.history_limit, kB; 0: none */
extern int	 rtm_scan_calls;	  /* rtm.scan_calls; 0: no limit */

/* From _PG_init(): defines the settings, and the shared memory of mids and turns. */
extern void rtm_client_init(void);

#endif /* RTM_CLIENT_GUC_H */
