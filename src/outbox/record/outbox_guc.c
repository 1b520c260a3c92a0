/*-------------------------------------------------------------------------
 *
 * outbox_guc.c
 *	  Settings of the outbox's workers; a reload changes them while they run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "outbox/record/outbox_guc.h"

int	 outbox_max_attempts;
int	 outbox_max_age;
int	 outbox_retry_delay;
int	 outbox_max_retry_delay;
bool outbox_keep_results;
int	 outbox_result_ttl;
int	 outbox_callback_timeout;
int	 outbox_callback_attempts;
int	 outbox_callback_workers;
int	 outbox_senders = 1;
bool outbox_send_after_promotion;
bool outbox_pause;
int	 outbox_sender_memory;
int	 outbox_sender_connections;
int	 outbox_log_interval;

void
outbox_guc_init(void)
{
	DefineCustomIntVariable(
		"rtm.max_attempts", "How often a queued request is tried before it fails.", NULL,
		&outbox_max_attempts, 2000, 1, INT_MAX, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm.max_age", "How long a queued request is tried before it fails.",
							"0 stands for no limit.", &outbox_max_age, 24 * 60 * 60, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.retry_delay", "Delay before a queued request is tried again; it doubles each time.",
		NULL, &outbox_retry_delay, 200, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.max_retry_delay", "Longest delay before a queued request is tried again.", NULL,
		&outbox_max_retry_delay, 60 * 1000, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"rtm.keep_results", "Keep the results of queued requests that went well.",
		"Without it only the results for callbacks are kept, and failed requests.",
		&outbox_keep_results, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.result_ttl", "How long the results of queued requests that went well are kept.", NULL,
		&outbox_result_ttl, 7 * 24 * 60 * 60, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm.callback_timeout", "Longest time that a callback may take.",
							"0 stands for no limit.", &outbox_callback_timeout, 60 * 1000, 0,
							INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm.callback_attempts",
							"How often a callback that ends its process is run.",
							"One that raises an error is not repeated.", &outbox_callback_attempts,
							3, 1, 100, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.callback_workers", "Processes that run callbacks of a database at the same time.",
		"Each is one role; above this, roles take turns.", &outbox_callback_workers, 4, 1,
		OUTBOX_MAX_CALLBACK_WORKERS, PGC_SIGHUP, 0, NULL, NULL, NULL);

	/* whose is a request must not change while they run */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("rtm.senders",
								"Processes that deliver the queued requests of a database.",
								"Each has foreign servers of its own.", &outbox_senders, 1, 1,
								OUTBOX_MAX_SENDERS, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("rtm.send_after_promotion",
							 "A promoted standby sends what the primary had queued.",
							 "Without it that is held, as it is in any other copy.",
							 &outbox_send_after_promotion, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.log_interval", "Time between two log lines about the same trouble of a server.",
		"It doubles while the trouble lasts, up to 60 times this.", &outbox_log_interval, 60 * 1000,
		1, 24 * 60 * 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("rtm.sender_memory",
							"Memory for the requests of one foreign server that a sender has read.",
							"The others wait in the table.", &outbox_sender_memory, 32 * 1024, 1024,
							MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"rtm.sender_connections", "Connections to gates that a sender has at the same time.",
		"There is one for each foreign server and role that has requests; above this they take turns.",
		&outbox_sender_connections, 100, 1, 10000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("rtm.pause", "Nothing queued is sent, and no callback runs.", NULL,
							 &outbox_pause, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
}
