/*-------------------------------------------------------------------------
 *
 * gate_fault.c
 *	  Faults that somebody asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"

#include "table/cache.h"
#include "judge/gate_fault.h"
#include "table/gate_spi.h"

/* Is it about this conversation?  Of p2p, xid is one of the two users. */
static bool
is_about(const GateFault *fault, const GateArgs *args)
{
	const GateConversation *c = &args->conversation;

	if (fault->type != RTM_NO_CONVERSATION && fault->type != c->type)
		return false;
	if (!fault->has_xid || fault->xid == c->a || (c->type == RTM_P2P && fault->xid == c->b))
		return true;
	for (int i = 0; i < args->tos.n; i++)
		if (args->tos.ids[i] == fault->xid)
			return true;
	return false;
}

static bool
applies(const GateFault *fault, const GateQuest *quest, const GateArgs *args)
{
	if (fault->pid != 0 && fault->pid != args->pid)
		return false;
	if (fault->action == GATE_FAULT_TAKEN && args->message.mtype == 0)
		return false; /* sends nothing */
	if (fault->method && strcmp(fault->method, quest->frame.method) != 0)
		return false;
	return is_about(fault, args) &&
		   (fault->probability >= 1 || pg_prng_double(&pg_global_prng_state) < fault->probability);
}

static void
count_hit(int64 id)
{
	static GatePlan plan = {
		"UPDATE rtm_gate.fault f SET hits = hits + 1 FROM"
		" (SELECT id FROM rtm_gate.fault WHERE id = $1 FOR UPDATE SKIP LOCKED) here"
		" WHERE f.id = here.id",
		{INT8OID}};
	Datum values[] = {Int64GetDatum(id)};

	gate_spi_run(&plan, values, NULL);
}

/*
 * As if somebody else had sent a message with this mid to the conversation before: a
 * sender of messages that repeats itself would take the refusal for its own echo.
 */
static bool
take_mid(GateQuest *quest, const GateArgs *args)
{
	GateMessage other = args->message;

	other.from = args->message.from == 1 ? 2 : 1;
	other.msg = (GateBody){"somebody else's", strlen("somebody else's"), false};
	other.mtime = gate_now();
	(void) gate_store_insert(&args->conversation, &other);
	return gate_quest_fail(quest, RTM_CODE_DUPLICATE_MID, NULL);
}

bool
gate_fault_apply(GateQuest *quest, const GateArgs *args)
{
	int				 n;
	const GateFault *faults = gate_cache_faults(&n);
	GateFault		 fault;
	int				 i = 0;

	while (i < n && !applies(&faults[i], quest, args))
		i++;
	if (i == n)
		return true;
	fault = faults[i]; /* counting makes the list be read again */
	count_hit(fault.id);
	if (fault.spared > 0)
		return true;
	switch (fault.action)
	{
		case GATE_FAULT_ERROR:
			return gate_quest_fail(quest, fault.code, NULL);
		case GATE_FAULT_DELAY:
			quest->delay_ms = fault.delay_ms;
			return true;
		case GATE_FAULT_DROP:
			quest->silent = true;
			return false;
		case GATE_FAULT_LOSE:
			quest->silent = true;
			return true;
		case GATE_FAULT_CLOSE:
			quest->close = true;
			return false;
		case GATE_FAULT_TAKEN:
			return take_mid(quest, args);
	}
	return true;
}
