/*-------------------------------------------------------------------------
 *
 * listening.c
 *	  The methods that say what a connection listens to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "judge/judge.h"

static void
answer_nothing(GateQuest *quest)
{
	msgpack_packer packer;

	gate_answer_begin(quest, &packer, 0);
}

static bool
add_lists(GateQuest *quest, GateArgs *args)
{
	for (GateSource source = 0; source < GATE_SOURCES; source++)
		if (!gate_listen_add(quest->listener, args->pid, source, args->listen[source].ids,
							 args->listen[source].n))
			return gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
	return true;
}

/*
 * Lists and flags don't touch each other, as SDKs send first the ones and then
 * the others when they connect again.  What is absent within its form counts as
 * empty or false; with neither form there, everything ends.
 */
void
gate_set_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	bool lists = args->has_events;
	int	 total = 0;

	for (GateSource source = 0; source < GATE_SOURCES; source++)
	{
		lists = lists || args->listen[source].there;
		total += args->listen[source].n;
	}
	if (total > GATE_MAX_SUBSCRIPTIONS)
	{
		gate_quest_fail(quest, RTM_CODE_TOO_MANY, NULL);
		return;
	}
	for (GateSource source = 0; source < GATE_SOURCES; source++)
	{
		if (lists || !args->has_flags)
			gate_listen_clear(quest->listener, source);
		if (args->has_flags || !lists)
			gate_listen_all(quest->listener, args->pid, source, args->flags[source]);
	}
	if (add_lists(quest, args))
		answer_nothing(quest);
}

void
gate_add_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	if (add_lists(quest, args))
		answer_nothing(quest);
}

void
gate_remove_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args)
{
	for (GateSource source = 0; source < GATE_SOURCES; source++)
		gate_listen_remove(quest->listener, args->pid, source, args->listen[source].ids,
						   args->listen[source].n);
	answer_nothing(quest);
}
