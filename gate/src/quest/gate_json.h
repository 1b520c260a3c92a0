/*-------------------------------------------------------------------------
 *
 * gate_json.h
 *	  Quests whose payload is JSON (flag 0x40), and their answers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_JSON_H
#define GATE_JSON_H

#include "quest/quest.h"

/* Is this a JSON object, and not too deep?  Raises nothing. */
extern bool gate_json_is_object(const char *text, size_t len);

/*
 * Replace a JSON payload by the same in msgpack; in a transaction.  False: it
 * isn't a JSON object.  Raises what the database's encoding can't hold.
 */
extern bool gate_json_read(GateQuest *quest);

/*
 * Replace the answer, or the error, of a quest that came as JSON by the JSON
 * text of it.  Bytes that are no UTF-8 become {"base64": "..."}.
 */
extern void gate_json_write(GateQuest *quest);

#endif /* GATE_JSON_H */
