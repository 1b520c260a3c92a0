/*-------------------------------------------------------------------------
 *
 * judge.h
 *	  From a quest to its answer: what may be asked, by whom, and what the
 *	  methods do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_JUDGE_H
#define GATE_JUDGE_H

#include "quest/gate_args.h"

/*
 * Carry out one quest in a transaction, between gate_spi_begin() and
 * gate_spi_end(): fills what came of it.  Raises only what a statement raises;
 * then the quest may be run again.
 */
extern void gate_judge(GateQuest *quest);

/* What a method does, once a quest has been checked: writes its answer, or fails. */
typedef void (*GateHandler)(GateQuest *quest, const RtmMethod *method, GateArgs *args);

/* message.c: all methods of a kind, and getmsgnum. */
extern void gate_run_send(GateQuest *quest, const RtmMethod *method, GateArgs *args);
extern void gate_run_history(GateQuest *quest, const RtmMethod *method, GateArgs *args);
extern void gate_run_delete(GateQuest *quest, const RtmMethod *method, GateArgs *args);
extern void gate_run_info(GateQuest *quest, const RtmMethod *method, GateArgs *args);
extern void gate_run_count(GateQuest *quest, const RtmMethod *method, GateArgs *args);

/* listening.c */
extern void gate_add_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args);
extern void gate_remove_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args);
extern void gate_set_listen(GateQuest *quest, const RtmMethod *method, GateArgs *args);

/* stored.c: methods that are one statement, see table/gate_statement.h. */
extern void gate_run_stored(GateQuest *quest, const RtmMethod *method, GateArgs *args);

#endif /* GATE_JUDGE_H */
