/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The history of a conversation, message by message.
 *
 * Knows nothing of SQL functions: whoever wants messages asks for one after the
 * other, and pages are asked for as they are needed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "client/client_guc.h"
#include "client/error.h"
#include "host.h"
#include "method/history.h"

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

/* What a page counts at least, bytes. */
#define MIN_PAGE_SIZE 1024

/* Tells a cursor that goes in circles; see go_on(). */
typedef struct CircleGuard
{
	RtmCursor mark;
	uint64	  pages;
	uint64	  next_mark;
} CircleGuard;

struct RtmHistory
{
	RtmCall		call; /* timeout: what is left of it */
	RtmRequest *request;
	const char *what;	  /* function, for errors */
	int64		wanted;	  /* messages, still */
	int64		deadline; /* rtm_now_ms(); 0: none */
	RtmCursor	cursor;	  /* of the page to ask for */
	CircleGuard guard;

	RtmMeter *meter; /* NULL: nobody counts */

	MemoryContext context; /* of the page */
	RtmPage		  page;
	int64		  asked;   /* entries of it, or of the next one, at most; 0: none were */
	uint32		  index;   /* of the entry to read next */
	uint64		  fetched; /* bytes of all pages */
	bool		  ended;   /* there is no page behind it */

	MemoryContext next_context; /* of the page that is asked for */
	RtmAsk		 *ask;			/* NULL: none is */
};

/* ---- one answer ---- */

void
rtm_page_read(RtmPage *page, const RtmReader *reader, const RtmMethod *method, int64 uid,
			  int64 ouid)
{
	FpnnStatus status;

	page->reader = *reader;
	page->method = method;
	page->uid = uid;
	page->ouid = ouid;
	page->num = rtm_read_int32(reader, "num");
	page->next.has_begin = page->next.has_end = page->next.has_lastid = true;
	page->next.begin = rtm_read_int(reader, "begin");
	page->next.end = rtm_read_int(reader, "end");
	page->next.lastid = rtm_read_int(reader, "lastid");
	status = fpnn_map_array(reader->answer->map, "msgs", &page->entries);
	if (status != FPNN_OK)
		rtm_raise_bad_answer(reader->answer, reader->what, "msgs", status);
}

static void
bad_entry(const RtmPage *page, uint32 index, int field)
{
	rtm_raise_bad_answer(page->reader.answer, page->reader.what,
						 psprintf("msgs[%u][%d]", index, field), FPNN_BAD_TYPE);
}

static const msgpack_object *
entry_field(const RtmPage *page, uint32 index, int field)
{
	return &page->entries->ptr[index].via.array.ptr[field];
}

static int64
entry_int(const RtmPage *page, uint32 index, int field)
{
	int64_t value = 0;

	if (fpnn_object_int(entry_field(page, index, field), &value) != FPNN_OK)
		bad_entry(page, index, field);
	return value;
}

static int32
entry_int32(const RtmPage *page, uint32 index, int field)
{
	int64 value = entry_int(page, index, field);

	if (value < PG_INT32_MIN || value > PG_INT32_MAX)
		bad_entry(page, index, field);
	return (int32) value;
}

/* A bool; 0 and 1 are taken as well. */
static bool
entry_deleted(const RtmPage *page, uint32 index)
{
	bool deleted = false;

	if (fpnn_object_bool(entry_field(page, index, ENTRY_DELETED), &deleted) != FPNN_OK)
		deleted = entry_int(page, index, ENTRY_DELETED) != 0;
	return deleted;
}

static RtmBytes
entry_bytes(const RtmPage *page, uint32 index, int field)
{
	RtmBytes value = {.bytes = ""};

	if (fpnn_object_text(entry_field(page, index, field), &value.bytes, &value.len) != FPNN_OK)
		bad_entry(page, index, field);
	return value;
}

/* Who sent it to whom. */
static void
read_users(const RtmPage *page, uint32 index, RtmMessage *message)
{
	bool sent;

	message->users_known = true;
	if (page->method->conversation != RTM_P2P)
	{
		message->from_uid = entry_int(page, index, ENTRY_FROM);
		return;
	}
	message->direction = entry_int32(page, index, ENTRY_FROM);
	sent = message->direction == RTM_SENT;
	message->users_known = sent || message->direction == RTM_RECEIVED;
	message->from_uid = sent ? page->uid : page->ouid;
	message->to_uid = sent ? page->ouid : page->uid;
}

bool
rtm_page_message(const RtmPage *page, uint32 index, RtmMessage *message)
{
	const msgpack_object *entry = &page->entries->ptr[index];

	if (entry->type != MSGPACK_OBJECT_ARRAY)
		rtm_raise_bad_answer(page->reader.answer, page->reader.what, psprintf("msgs[%u]", index),
							 FPNN_BAD_TYPE);
	if (entry->via.array.size != ENTRY_FIELDS || entry_deleted(page, index))
		return false;

	memset(message, 0, sizeof(*message));
	message->id = entry_int(page, index, ENTRY_ID);
	read_users(page, index, message);
	message->mtype = entry_int32(page, index, ENTRY_MTYPE);
	message->mid = entry_int(page, index, ENTRY_MID);
	message->msg = entry_bytes(page, index, ENTRY_MSG);
	message->attrs = entry_bytes(page, index, ENTRY_ATTRS);
	message->mtime = entry_int(page, index, ENTRY_MTIME);
	return true;
}

/* ---- page after page ---- */

/* What isn't given counts as 0, which means the same. */
static bool
same_cursor(const RtmCursor *a, const RtmCursor *b)
{
	return a->begin == b->begin && a->end == b->end && a->lastid == b->lastid;
}

/*
 * Go on to the cursor that came with a page.  A cursor that was used before
 * would make us ask for ever: each one is compared with its predecessor and
 * with a mark that is set anew after 1, 2, 4, 8, ... pages, so that a circle
 * of any length is found before it has been gone round a third time.  False:
 * there is no way on after a page that wasn't full, which is an end as well.
 */
static bool
go_on(RtmHistory *history)
{
	CircleGuard		*guard = &history->guard;
	const RtmCursor *next = &history->page.next;

	if (same_cursor(&history->cursor, next) ||
		(guard->pages > 0 && same_cursor(&guard->mark, next)))
	{
		if (history->page.num < history->asked)
			return false;
		rtm_raise_code(FPNN_CODE_DECODING,
					   psprintf("%s got a page that leads nowhere", history->what),
					   psprintf("The gate's cursor (lastid " INT64_FORMAT ", begin " INT64_FORMAT
								", end " INT64_FORMAT ") has been used already.",
								next->lastid, next->begin, next->end),
					   psprintf("Ask for at most %d messages at a time.", RTM_MAX_PAGE));
	}

	history->cursor = *next;
	if (++guard->pages > guard->next_mark)
	{
		guard->mark = history->cursor;
		guard->next_mark = 2 * guard->pages;
	}
	return true;
}

/*
 * A gate that never comes to an end, or sends pages of megabytes, must not fill
 * the disk, nor go on for ever: an empty page counts as well.
 */
static void
count_page(RtmHistory *history, size_t size)
{
	history->fetched += Max(size, MIN_PAGE_SIZE);
	if (rtm_history_limit > 0 && history->fetched > (uint64) rtm_history_limit * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s got more than one call may fetch", history->what),
				 errdetail("The gate has sent " UINT64_FORMAT " kB in " UINT64_FORMAT
						   " pages; the setting rtm.history_limit is %d kB.",
						   history->fetched / 1024, history->guard.pages + 1, rtm_history_limit),
				 errhint("Ask for fewer messages, or raise rtm.history_limit.")));
}

static void
check_calls(const RtmHistory *history)
{
	RtmMeter *meter = history->meter;

	if (meter == NULL)
		return;
	if (meter->limit > 0 && meter->rate.asked >= (uint64) meter->limit)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%s needs more calls than one scan may make", history->what),
						errdetail("The setting rtm.scan_calls is %d.", meter->limit),
						errhint("Read fewer conversations, or raise rtm.scan_calls.")));
}

static instr_time
time_now(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return now;
}

/* Was waited for, since then. */
static void
count_wait(RtmMeter *meter, instr_time begun)
{
	instr_time now = time_now();

	if (meter)
		INSTR_TIME_ACCUM_DIFF(meter->waited, now, begun);
}

/*
 * Ask for the page that the cursor leads to.  The first page has as many as are
 * wanted.  What comes short of that, because entries were of deleted messages or the
 * gate gives fewer at a time, is asked for by whole pages: one by one it could take
 * as many quests as there are deleted messages.
 */
static void
send_page(RtmHistory *history)
{
	RtmRequest	 *request = history->request;
	instr_time	  begun = time_now();
	MemoryContext old;

	check_calls(history);
	old = MemoryContextSwitchTo(history->next_context);
	history->asked = history->asked ? RTM_MAX_PAGE : Min(history->wanted, RTM_MAX_PAGE);
	if (history->deadline)
		history->call.timeout = Max(history->deadline - rtm_now_ms(), 1) / 1000.0;
	rtm_encode_page(request, history->asked, &history->cursor);
	history->ask = rtm_ask(&history->call, &request->params, request->nparams);
	count_wait(history->meter, begun);
	MemoryContextSwitchTo(old);
}

/* The answer to what was asked. */
static RtmAnswer *
wait_for_page(RtmHistory *history)
{
	RtmMeter  *meter = history->meter;
	instr_time begun = time_now();
	RtmAnswer *answer = rtm_ask_wait(history->ask);

	history->ask = NULL;
	count_wait(meter, begun);
	if (meter)
		meter->pages++;
	return answer;
}

/* The page that was asked for becomes the one to read. */
static void
take_page(RtmHistory *history)
{
	const RtmRequest *request = history->request;
	RtmAnswer		 *answer = wait_for_page(history);
	MemoryContext	  used = history->context;
	RtmReader		  reader = {.answer = answer, .what = history->what};

	if (answer->code != 0)
		rtm_raise_answer(answer, history->what);
	count_page(history, answer->size);
	history->context = history->next_context;
	history->next_context = used;
	MemoryContextReset(used);
	history->index = 0;
	rtm_page_read(&history->page, &reader, request->method, rtm_request_int(request, "uid"),
				  rtm_request_int(request, "ouid"));
}

/*
 * Ask for the page behind the present one; false when there is none, which a page
 * without any entry says, and no other: how many a gate gives at once is its own
 * affair.
 */
static bool
ask_next(RtmHistory *history)
{
	if (history->ask)
		return true;
	if (history->asked > 0 && !history->ended)
		history->ended = history->page.num <= 0 || !go_on(history);
	if (history->ended)
		return false;
	send_page(history);
	return true;
}

void
rtm_history_ask(RtmHistory *history)
{
	RtmMeter *meter = history->meter;

	/* a limit is an error for what is needed only, and so is what is waited for */
	if (meter == NULL || ((meter->limit == 0 || meter->rate.asked < (uint64) meter->limit) &&
						  rtm_rate_left(&meter->rate) == 0))
		(void) ask_next(history);
}

static bool
has_entry(const RtmHistory *history)
{
	return history->page.entries && history->index < history->page.entries->size;
}

bool
rtm_history_is_ready(RtmHistory *history)
{
	if (history->wanted == 0 || has_entry(history))
		return true;
	rtm_history_ask(history);

	/* what isn't asked has to wait for its turn, or is at its end */
	return history->ask == NULL || rtm_ask_is_over(history->ask);
}

void
rtm_history_await(RtmHistory *history)
{
	instr_time begun = time_now();

	if (rtm_history_is_ready(history))
		return;
	rtm_ask_await(history->ask);
	count_wait(history->meter, begun);
}

/* Have a page with entries that weren't read yet; false when there are no more. */
static bool
have_entry(RtmHistory *history)
{
	while (!has_entry(history))
	{
		CHECK_FOR_INTERRUPTS();
		if (!ask_next(history))
			return false;
		take_page(history);

		/* who has read a page to its end will want the next one, too */
		if (history->meter && history->guard.pages > 0)
			rtm_history_ask(history);
	}
	return true;
}

bool
rtm_history_last(RtmHistory *history, RtmMessage *message)
{
	uint32 n = history->page.entries ? history->page.entries->size : 0;

	while (n-- > history->index)
		if (rtm_page_message(&history->page, n, message))
			return true;
	return false;
}

RtmHistory *
rtm_history_begin(const RtmCall *call, RtmRequest *request, const char *what, RtmMeter *meter)
{
	RtmHistory *history = palloc0(sizeof(RtmHistory));

	history->call = *call;
	if (meter)
		history->call.rate = &meter->rate;
	history->request = request;
	history->what = what;
	history->meter = meter;
	history->wanted = request->num ? request->num : PG_INT64_MAX;
	history->cursor = request->cursor;
	if (call->timeout > 0)
		history->deadline = rtm_now_ms() + (int64) Min(call->timeout * 1000, INT_MAX);
	history->context = AllocSetContextCreate(CurrentMemoryContext, "rtm history page",
											 ALLOCSET_SMALL_SIZES);
	history->next_context = AllocSetContextCreate(CurrentMemoryContext, "rtm history page",
												  ALLOCSET_SMALL_SIZES);
	return history;
}

bool
rtm_history_next(RtmHistory *history, RtmMessage *message)
{
	while (history->wanted > 0 && have_entry(history))
		if (rtm_page_message(&history->page, history->index++, message))
		{
			history->wanted--;
			if (history->meter)
				history->meter->rows++;
			return true;
		}
	return false;
}

void
rtm_history_end(RtmHistory *history)
{
	if (history->ask)
		rtm_ask_abandon(history->ask);
	MemoryContextDelete(history->context);
	MemoryContextDelete(history->next_context);
	pfree(history);
}
