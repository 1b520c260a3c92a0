/*-------------------------------------------------------------------------
 *
 * history.h
 *	  The history of a conversation, message by message, and its pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_HISTORY_H
#define RTM_HISTORY_H

#include "portability/instr_time.h"

#include "method/answer.h"
#include "method/encode.h"

/* Bytes as they came; they belong to the answer. */
typedef struct RtmBytes
{
	const char *bytes;
	size_t		len;
} RtmBytes;

/* The directions of a p2p message. */
#define RTM_SENT	 1 /* by uid */
#define RTM_RECEIVED 2 /* by ouid */

typedef struct RtmMessage
{
	int64	 id;		/* place in the history */
	int32	 direction; /* p2p, as the gate says; 0 elsewhere */
	bool	 users_known;
	int64	 from_uid; /* when they are known */
	int64	 to_uid;   /* the same; p2p */
	int32	 mtype;
	int64	 mid;
	RtmBytes msg;	/* see rtm_body_from_wire() */
	RtmBytes attrs; /* the same */
	int64	 mtime; /* milliseconds */
} RtmMessage;

/* ---- one answer ---- */

typedef struct RtmPage
{
	RtmReader					reader;
	const RtmMethod			   *method;
	int64						uid; /* of p2p */
	int64						ouid;
	int32						num; /* entries the gate counted, deleted ones too */
	RtmCursor					next;
	const msgpack_object_array *entries;
} RtmPage;

/* Read an answer as a page.  Raises FP206 when it is none. */
extern void rtm_page_read(RtmPage *page, const RtmReader *reader, const RtmMethod *method,
						  int64 uid, int64 ouid);

/*
 * Read an entry.  False when there is no message in it: it was deleted, or its
 * length is one that we don't know (clients skip those).  Raises FP206.
 */
extern bool rtm_page_message(const RtmPage *page, uint32 index, RtmMessage *message);

/* ---- all of it ---- */

typedef struct RtmHistory RtmHistory;

/* What several histories together take; whoever has a meter reads ahead, and keeps to its rate. */
typedef struct RtmMeter
{
	int		   limit; /* of quests; 0: none */
	RtmRate	   rate;
	uint64	   pages;
	uint64	   rows;
	instr_time waited;
} RtmMeter;

/*
 * Begin to read what an encoded request of the kind history asks for; request
 * and call must outlive it, as must the meter (or NULL).  Asks nothing yet.  It lives
 * in the current memory context, and what a page takes is given back with the page.
 */
extern RtmHistory *rtm_history_begin(const RtmCall *call, RtmRequest *request, const char *what,
									 RtmMeter *meter);

/*
 * The next message, or false when there are no more, or as many as the request
 * wants.  What it points to is valid until the next call.  Asks the gate for
 * another page when it has to: raises what rtm_call() and rtm_raise_answer()
 * raise, FP206 for an answer that is no page or a cursor that leads
 * nowhere, and 54000 above rtm.history_limit or the meter's limit.  The call's timeout
 * is for the whole history.
 */
extern bool rtm_history_next(RtmHistory *history, RtmMessage *message);

/* Ask for the next page, if there may be one, and don't wait: rtm_history_next() will. */
extern void rtm_history_ask(RtmHistory *history);

/* May rtm_history_next() be called without waiting?  Asks for what it would wait for. */
extern bool rtm_history_is_ready(RtmHistory *history);

/* Wait until it may.  Raises what waiting for an answer raises. */
extern void rtm_history_await(RtmHistory *history);

/* The last message of the page that is being read, if it is still to come. */
extern bool rtm_history_last(RtmHistory *history, RtmMessage *message);

extern void rtm_history_end(RtmHistory *history);

#endif /* RTM_HISTORY_H */
