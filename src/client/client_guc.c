/*-------------------------------------------------------------------------
 *
 * client_guc.c
 *	  Settings of the client.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "client/client_guc.h"
#include "client/mid.h"
#include "client/rate.h"
#include "client/resolve.h"

char *rtm_server_name;
int	  rtm_connect_timeout;
int	  rtm_quest_timeout;
int	  rtm_history_limit;
int	  rtm_scan_calls;

void
rtm_client_init(void)
{
	DefineCustomStringVariable("rtm.server", "Foreign server that is used when a call names none.",
							   NULL, &rtm_server_name, "rtm", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.connect_timeout", "Longest time to connect to a gate, over all its endpoints.",
		"The option connect_timeout of a foreign server takes precedence.", &rtm_connect_timeout,
		5000, 1, INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.quest_timeout", "Longest time to wait for the answer to a quest.",
		"The option quest_timeout of a foreign server and a call's own timeout take precedence.",
		&rtm_quest_timeout, 30000, 1, INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm.history_limit", "How much one call may fetch of a history.",
							"What the gate sends in all pages; 0 stands for no limit.",
							&rtm_history_limit, 64 * 1024, 0, MAX_KILOBYTES, PGC_USERSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm.scan_calls",
							"How many calls one scan of a foreign table may make.",
							"0 stands for no limit.", &rtm_scan_calls, 10000, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("rtm.name_servers",
							   "Name servers to ask for the addresses of gates, in this order.",
							   "Empty stands for those of the system.", &rtm_name_servers, "",
							   PGC_SIGHUP, 0, rtm_check_name_servers, NULL, NULL);
	rtm_mid_init();
	rtm_rate_init();
}
