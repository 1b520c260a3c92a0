/*-------------------------------------------------------------------------
 *
 * history.c
 *	  SQL functions that read the history of a conversation: as rows, paging on
 *	  by themselves, or one page as the API returns it.
 *
 * The memory of a page (answer, entries, columns) is given back before the
 * next one is asked for; rows go to a tuplestore, which spills to disk.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "method/answer.h"
#include "method/argument.h"
#include "method/encode.h"
#include "method/result.h"
#include "client/text.h"

/* Fields of an entry of msgs (protocol.md, "RTM quests"). */
enum
{
	ENTRY_ID,
	ENTRY_FROM, /* p2p: the direction */
	ENTRY_MTYPE,
	ENTRY_MID,
	ENTRY_DELETED,
	ENTRY_MSG,
	ENTRY_ATTRS,
	ENTRY_MTIME,
	ENTRY_FIELDS
};

/* The directions of a p2p message. */
#define DIRECTION_SENT	   1 /* by uid */
#define DIRECTION_RECEIVED 2 /* by ouid */

/* One answer. */
typedef struct HistoryPage
{
	RtmReader					reader;
	int32						num; /* entries the gate counted, deleted ones too */
	RtmCursor					next;
	const msgpack_object_array *entries;
} HistoryPage;

/* A message, as columns. */
typedef struct Message
{
	NullableDatum id;
	NullableDatum direction;
	NullableDatum from_uid;
	NullableDatum to_uid;
	NullableDatum mtype;
	NullableDatum mid;
	NullableDatum msg;
	NullableDatum msg_binary;
	NullableDatum attrs;
	NullableDatum mtime;
} Message;

/* Tells a cursor that goes in circles; see next_page(). */
typedef struct CircleGuard
{
	RtmCursor mark;
	uint64	  pages;
	uint64	  next_mark;
} CircleGuard;

/* Read the fields of the answer that page->reader has. */
static void
read_page(HistoryPage *page)
{
	const RtmAnswer *answer = page->reader.answer;
	FpnnStatus		 status;

	page->num = rtm_read_int32(&page->reader, "num");
	page->next.has_begin = page->next.has_end = page->next.has_lastid = true;
	page->next.begin = rtm_read_int(&page->reader, "begin");
	page->next.end = rtm_read_int(&page->reader, "end");
	page->next.lastid = rtm_read_int(&page->reader, "lastid");
	status = fpnn_map_array(answer->map, "msgs", &page->entries);
	if (status != FPNN_OK)
		rtm_raise_bad_answer(answer, page->reader.what, "msgs", status);
}

/* Ask for the page that the request has packed. */
static void
ask_page(const RtmCall *call, RtmRequest *request, const char *suffix, HistoryPage *page)
{
	RtmAnswer *answer = rtm_call(call, &request->params, request->nparams);

	page->reader.answer = answer;
	page->reader.what = rtm_function_name(request->method, suffix);
	if (answer->code != 0)
		rtm_raise_answer(answer, page->reader.what);
	read_page(page);
}

static void
bad_entry(const HistoryPage *page, uint32 index, int field)
{
	rtm_raise_bad_answer(page->reader.answer, page->reader.what,
						 psprintf("msgs[%u][%d]", index, field), FPNN_BAD_TYPE);
}

static int64
entry_int(const HistoryPage *page, uint32 index, int field)
{
	const msgpack_object *entry = &page->entries->ptr[index];
	int64_t				  value = 0;

	if (fpnn_object_int(&entry->via.array.ptr[field], &value) != FPNN_OK)
		bad_entry(page, index, field);
	return value;
}

static NullableDatum
entry_column(const HistoryPage *page, uint32 index, int field)
{
	return rtm_column(Int64GetDatum(entry_int(page, index, field)));
}

static int32
entry_int32(const HistoryPage *page, uint32 index, int field)
{
	int64 value = entry_int(page, index, field);

	if (value < PG_INT32_MIN || value > PG_INT32_MAX)
		bad_entry(page, index, field);
	return (int32) value;
}

/* A bool; 0 and 1 are taken as well. */
static bool
entry_deleted(const HistoryPage *page, uint32 index)
{
	const msgpack_object *entry = &page->entries->ptr[index];
	bool				  deleted = false;

	if (fpnn_object_bool(&entry->via.array.ptr[ENTRY_DELETED], &deleted) != FPNN_OK)
		deleted = entry_int(page, index, ENTRY_DELETED) != 0;
	return deleted;
}

static void
entry_body(const HistoryPage *page, uint32 index, int field, NullableDatum *text,
		   NullableDatum *binary)
{
	const msgpack_object *entry = &page->entries->ptr[index];
	const char			 *bytes = NULL;
	size_t				  len = 0;

	if (fpnn_object_text(&entry->via.array.ptr[field], &bytes, &len) != FPNN_OK)
		bad_entry(page, index, field);
	rtm_body_from_wire(bytes, len, text, binary);
}

/* Who sent it to whom. */
static void
read_users(const RtmRequest *request, const HistoryPage *page, uint32 index, Message *message)
{
	int32 direction;
	int64 from;
	int64 to;

	message->direction = message->to_uid = rtm_null_column();
	if (request->method->conversation != RTM_P2P)
	{
		message->from_uid = entry_column(page, index, ENTRY_FROM);
		return;
	}

	direction = entry_int32(page, index, ENTRY_FROM);
	message->direction = rtm_column(Int32GetDatum(direction));
	message->from_uid = rtm_null_column();
	if (direction != DIRECTION_SENT && direction != DIRECTION_RECEIVED)
		return;
	from = direction == DIRECTION_SENT ? request->user : request->target;
	to = direction == DIRECTION_SENT ? request->target : request->user;
	message->from_uid = rtm_column(Int64GetDatum(from));
	message->to_uid = rtm_column(Int64GetDatum(to));
}

/*
 * Read an entry.  False when there is no message in it: it was deleted, or its
 * length is one that we don't know (clients skip those).
 */
static bool
read_entry(const RtmRequest *request, const HistoryPage *page, uint32 index, Message *message)
{
	const msgpack_object *entry = &page->entries->ptr[index];

	if (entry->type != MSGPACK_OBJECT_ARRAY)
		rtm_raise_bad_answer(page->reader.answer, page->reader.what, psprintf("msgs[%u]", index),
							 FPNN_BAD_TYPE);
	if (entry->via.array.size != ENTRY_FIELDS || entry_deleted(page, index))
		return false;

	message->id = entry_column(page, index, ENTRY_ID);
	read_users(request, page, index, message);
	message->mtype = rtm_column(Int32GetDatum(entry_int32(page, index, ENTRY_MTYPE)));
	message->mid = entry_column(page, index, ENTRY_MID);
	entry_body(page, index, ENTRY_MSG, &message->msg, &message->msg_binary);
	entry_body(page, index, ENTRY_ATTRS, &message->attrs, NULL);
	message->mtime = entry_column(page, index, ENTRY_MTIME);
	return true;
}

/* A row of the functions that return rows. */
static HeapTuple
form_row(const RtmRequest *request, const Message *m, TupleDesc desc)
{
	NullableDatum pair[] = {m->id,	m->direction, m->from_uid, m->to_uid, m->mtype,
							m->mid, m->msg,		  m->attrs,	   m->mtime,  m->msg_binary};
	NullableDatum other[] = {m->id,	 m->from_uid, m->mtype, m->mid,
							 m->msg, m->attrs,	  m->mtime, m->msg_binary};

	if (request->method->conversation == RTM_P2P)
		return rtm_form_tuple(desc, pair, lengthof(pair));
	return rtm_form_tuple(desc, other, lengthof(other));
}

/* A value of the type rtm_message. */
static Datum
form_message(const Message *m, TupleDesc desc)
{
	NullableDatum columns[] = {m->id,	 m->from_uid, m->mtype,		 m->mid,	   m->msg,
							   m->attrs, m->mtime,	  m->msg_binary, m->direction, m->to_uid};

	return heap_copy_tuple_as_datum(rtm_form_tuple(desc, columns, lengthof(columns)), desc);
}

/* Put at most `wanted` messages of a page into the result; how many it were. */
static int64
put_rows(const RtmRequest *request, const HistoryPage *page, int64 wanted, ReturnSetInfo *result)
{
	int64 put = 0;

	for (uint32 i = 0; i < page->entries->size && put < wanted; i++)
	{
		Message message;

		if (!read_entry(request, page, i, &message))
			continue;
		tuplestore_puttuple(result->setResult, form_row(request, &message, result->setDesc));
		put++;
	}
	return put;
}

static bool
same_cursor(const RtmCursor *a, const RtmCursor *b)
{
	return a->has_begin == b->has_begin && a->begin == b->begin && a->has_end == b->has_end &&
		   a->end == b->end && a->has_lastid == b->has_lastid && a->lastid == b->lastid;
}

/*
 * Go on to the cursor that came with a page.  A cursor that was used before
 * would make us ask for ever: each one is compared with its predecessor and
 * with a mark that is set anew after 1, 2, 4, 8, ... pages, so that a circle
 * of any length is found before it has been gone round a third time.
 */
static void
next_page(CircleGuard *guard, RtmCursor *cursor, const HistoryPage *page)
{
	if (same_cursor(cursor, &page->next) ||
		(guard->pages > 0 && same_cursor(&guard->mark, &page->next)))
		rtm_raise_code(FPNN_CODE_DECODING,
					   psprintf("%s() got a page that leads nowhere", page->reader.what),
					   psprintf("The gate's cursor (lastid " INT64_FORMAT ", begin " INT64_FORMAT
								", end " INT64_FORMAT ") has been used already.",
								page->next.lastid, page->next.begin, page->next.end),
					   psprintf("Ask for at most %d messages at a time.", RTM_MAX_PAGE));

	*cursor = page->next;
	if (++guard->pages > guard->next_mark)
	{
		guard->mark = *cursor;
		guard->next_mark = 2 * guard->pages;
	}
}

/* What is left of a timeout in seconds that began at start; 0: none. */
static double
time_left(double timeout, TimestampTz start)
{
	double left;

	if (timeout == 0)
		return 0;
	left = timeout - (double) (GetCurrentTimestamp() - start) / USECS_PER_SEC;
	return Max(left, 0.000001);
}

/* Ask for page after page until there are enough messages, or no more. */
static void
fetch_rows(RtmCall *call, RtmRequest *request, ReturnSetInfo *result)
{
	int64		  wanted = request->num ? request->num : PG_INT64_MAX;
	RtmCursor	  cursor = request->cursor;
	CircleGuard	  guard = {0};
	double		  timeout = call->timeout;
	TimestampTz	  start = GetCurrentTimestamp();
	MemoryContext page_context = AllocSetContextCreate(CurrentMemoryContext, "rtm history page",
													   ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		int64		  asked = Min(wanted, RTM_MAX_PAGE);
		MemoryContext old = MemoryContextSwitchTo(page_context);
		HistoryPage	  page;

		CHECK_FOR_INTERRUPTS();
		call->timeout = time_left(timeout, start);
		rtm_encode_page(request, asked, &cursor);
		ask_page(call, request, "", &page);
		wanted -= put_rows(request, &page, wanted, result);

		if (wanted == 0 || page.num < asked)
			break;
		next_page(&guard, &cursor, &page);
		MemoryContextSwitchTo(old);
		MemoryContextReset(page_context);
	}
	MemoryContextSwitchTo(MemoryContextGetParent(page_context));
	MemoryContextDelete(page_context);
}

/* The arguments of both kinds of function. */
static void
read_args(FunctionCallInfo fcinfo, RtmMethodId id, RtmCall *call, RtmRequest *request)
{
	const RtmMethod *method = &rtm_methods[id];
	int				 nargs = rtm_method_nparams(method);

	rtm_common_args(&fcinfo->args[nargs], &fcinfo->args[nargs + 1], call);
	rtm_encode(request, method, fcinfo->args, false);
	call->method = method->method;
	call->idempotent = true;
}

static Datum
history_rows(FunctionCallInfo fcinfo, RtmMethodId id)
{
	RtmCall	   call;
	RtmRequest request;

	InitMaterializedSRF(fcinfo, 0);
	read_args(fcinfo, id, &call, &request);
	fetch_rows(&call, &request, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* The messages of a page as rtm_message[]. */
static Datum
form_messages(const RtmRequest *request, const HistoryPage *page, Oid array_type)
{
	Oid		  type = get_element_type(array_type);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(type, -1);
	Datum	 *messages = palloc(sizeof(Datum) * Max(page->entries->size, 1));
	int		  n = 0;
	int16	  len;
	bool	  by_value;
	char	  align;

	for (uint32 i = 0; i < page->entries->size; i++)
	{
		Message message;

		if (read_entry(request, page, i, &message))
			messages[n++] = form_message(&message, desc);
	}
	get_typlenbyvalalign(type, &len, &by_value, &align);
	return PointerGetDatum(construct_array(messages, n, type, len, by_value, align));
}

/* A page as rtm_history_result. */
static HeapTuple
form_page(const RtmRequest *request, const HistoryPage *page, TupleDesc desc)
{
	NullableDatum columns[] = {
		rtm_column(Int32GetDatum(page->num)),
		rtm_column(Int64GetDatum(page->next.lastid)),
		rtm_column(Int64GetDatum(page->next.begin)),
		rtm_column(Int64GetDatum(page->next.end)),
		rtm_column(form_messages(request, page, TupleDescAttr(desc, 4)->atttypid)),
	};

	return rtm_form_tuple(desc, columns, lengthof(columns));
}

static Datum
history_page(FunctionCallInfo fcinfo, RtmMethodId id)
{
	RtmCall		call;
	RtmRequest	request;
	HistoryPage page;

	read_args(fcinfo, id, &call, &request);
	ask_page(&call, &request, "_page", &page);
	return HeapTupleGetDatum(form_page(&request, &page, rtm_result_desc(fcinfo)));
}

HeapTuple
rtm_history_tuple(const RtmReader *reader, const RtmMethod *method, int64 uid, int64 ouid,
				  TupleDesc desc)
{
	RtmRequest	request = {.method = method, .user = uid, .target = ouid};
	HistoryPage page = {.reader = *reader};

	read_page(&page);
	return form_page(&request, &page, desc);
}

PG_FUNCTION_INFO_V1(rtm_sql_get_group_message);
PG_FUNCTION_INFO_V1(rtm_sql_get_group_message_page);
PG_FUNCTION_INFO_V1(rtm_sql_get_room_message);
PG_FUNCTION_INFO_V1(rtm_sql_get_room_message_page);
PG_FUNCTION_INFO_V1(rtm_sql_get_broadcast_message);
PG_FUNCTION_INFO_V1(rtm_sql_get_broadcast_message_page);
PG_FUNCTION_INFO_V1(rtm_sql_get_p2p_message);
PG_FUNCTION_INFO_V1(rtm_sql_get_p2p_message_page);

Datum
rtm_sql_get_group_message(PG_FUNCTION_ARGS)
{
	return history_rows(fcinfo, RTM_GET_GROUP_MESSAGE);
}

Datum
rtm_sql_get_group_message_page(PG_FUNCTION_ARGS)
{
	return history_page(fcinfo, RTM_GET_GROUP_MESSAGE);
}

Datum
rtm_sql_get_room_message(PG_FUNCTION_ARGS)
{
	return history_rows(fcinfo, RTM_GET_ROOM_MESSAGE);
}

Datum
rtm_sql_get_room_message_page(PG_FUNCTION_ARGS)
{
	return history_page(fcinfo, RTM_GET_ROOM_MESSAGE);
}

Datum
rtm_sql_get_broadcast_message(PG_FUNCTION_ARGS)
{
	return history_rows(fcinfo, RTM_GET_BROADCAST_MESSAGE);
}

Datum
rtm_sql_get_broadcast_message_page(PG_FUNCTION_ARGS)
{
	return history_page(fcinfo, RTM_GET_BROADCAST_MESSAGE);
}

Datum
rtm_sql_get_p2p_message(PG_FUNCTION_ARGS)
{
	return history_rows(fcinfo, RTM_GET_P2P_MESSAGE);
}

Datum
rtm_sql_get_p2p_message_page(PG_FUNCTION_ARGS)
{
	return history_page(fcinfo, RTM_GET_P2P_MESSAGE);
}
