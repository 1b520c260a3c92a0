/*-------------------------------------------------------------------------
 *
 * quest.h
 *	  A quest on its way through the gate.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_QUEST_H
#define GATE_QUEST_H

#include "fpnn/channel.h"
#include "fpnn/payload.h"
#include "table/listen.h"
#include "table/store.h"

typedef struct GateConn GateConn;

/* A message that was stored, for those who listen. */
typedef struct GateSent
{
	GateConversation conversation;
	GateMessage		 message;
	const int64		*tos; /* p2p: to whom it was new */
	int				 ntos;
} GateSent;

/*
 * All of it is in the batch's memory, but for answer and codec, which whoever
 * answers gives back.
 */
typedef struct GateQuest
{
	GateConn	 *conn;
	GateListener *listener; /* of the connection */
	FpnnFrame	  frame;	/* method (NUL-terminated) and payload are copies */

	bool counted;	/* in its project's rate, once */
	int	 refused;	/* ... with this code, or 0 */
	bool converted; /* its payload was JSON */
	bool odd_key;	/* a key of its payload is no text */

	/* what came of it */
	FpnnBuf		answer; /* payload of a good answer */
	int			code;	/* or an error */
	const char *ex;
	FpnnCodec  *codec; /* *key: what follows is encrypted by it */
	GateSent   *sent;
	int64		delay_ms; /* answer so much later */
	bool		final;	  /* the answer goes out as it is, in JSON or not */
	bool		silent;	  /* don't answer at all */
	bool		close;	  /* close the connection instead */
} GateQuest;

/* The quest failed: a code, and a text (NULL: that of the code).  False. */
extern bool gate_quest_fail(GateQuest *quest, int code, const char *ex);

/* As if it hadn't been run. */
extern void gate_quest_forget(GateQuest *quest);

/* Give back a codec that no connection got. */
extern void gate_quest_drop_codec(GateQuest *quest);

/* Writing the answer: a map with so many keys, which follow. */
extern void gate_answer_begin(GateQuest *quest, msgpack_packer *packer, size_t keys);
extern void gate_answer_int(msgpack_packer *packer, const char *key, int64 value);
extern void gate_answer_bool(msgpack_packer *packer, const char *key, bool value);

/* As it came: bin stays bin, a text that is none stays one. */
extern void gate_pack_body(msgpack_packer *packer, const GateBody *body);

#endif /* GATE_QUEST_H */
