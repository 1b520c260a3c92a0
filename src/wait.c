/*-------------------------------------------------------------------------
 *
 * wait.c
 *	  Names of what our processes wait for: see wait.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "wait.h"

static const char *const wait_names[RTM_WAITS] = {[RTM_WAIT_CONNECT] = "RtmConnect",
												  [RTM_WAIT_GATE_ANSWER] = "RtmGateAnswer",
												  [RTM_WAIT_TURN] = "RtmTurn",
												  [RTM_WAIT_RESULT] = "RtmResult",
												  [RTM_WAIT_WORKERS_END] = "RtmWorkersEnd",
												  [RTM_WAIT_SENDER_MAIN] = "RtmSenderMain",
												  [RTM_WAIT_CALLBACK_MAIN] = "RtmCallbackMain",
												  [RTM_WAIT_LAUNCHER_MAIN] = "RtmLauncherMain",
												  [RTM_WAIT_GATE_MAIN] = "RtmGateMain",
												  [RTM_WAIT_GATE_START] = "RtmGateStart"};

uint32
rtm_wait_event(RtmWait wait)
{
	static uint32 infos[RTM_WAITS]; /* of this process; 0: not asked for yet */

	if (infos[wait] == 0)
		infos[wait] = rtm_new_wait_event(wait_names[wait]);
	return infos[wait];
}
