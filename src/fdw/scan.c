/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  A foreign table is read: one history or several, one after the other or
 *	  merged.
 *
 * Pages are asked for as they are needed.  Whoever has come to the end of a history
 * is taken to want more: then those behind it are asked for before they are needed,
 * at each such wait twice as many as at the one before.
 *
 * Rows that come are checked by the executor, with all clauses: what the gate was
 * told of them only spares the way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "client/client_guc.h"
#include "client/error.h"
#include "fdw/scan.h"

/* So many first pages of a merge are under way at once, and so many of other scans at most. */
#define MERGE_WINDOW 100
#define MAX_AHEAD	 64

/* A merge that has to wait asks for so many pages, the first time. */
#define MERGE_AHEAD 8

/* More conversations than that aren't even counted. */
#define MAX_CONVERSATIONS (MaxAllocSize / sizeof(void *))

/* ---- begin ---- */

/* For each column: does anybody look at it? */
static bool *
needed_columns(const RtmTable *table, List *columns)
{
	bool	 *needed = palloc0(sizeof(bool) * Max(table->ncolumns, 1));
	ListCell *cell;

	foreach (cell, columns)
		if (lfirst_int(cell) > 0)
			needed[lfirst_int(cell) - 1] = true;
		else if (lfirst_int(cell) == 0)
			memset(needed, true, sizeof(bool) * table->ncolumns);
	return needed;
}

/*
 * May the scan be repeated?  The executor says so of some; others are the inner side
 * of a join, or in a subplan: those are made before the query's main plan.
 */
static bool
may_be_repeated(const ForeignScanState *node, int eflags)
{
	const EState *estate = node->ss.ps.state;

	return (eflags & EXEC_FLAG_REWIND) != 0 || !bms_is_empty(node->ss.ps.plan->allParam) ||
		   list_length(estate->es_subplanstates) < list_length(estate->es_plannedstmt->subplans);
}

static bool
is_sent_at_once(Oid relid)
{
	return GetFdwRoutineByRelId(relid)->BeginForeignModify == rtm_modify_begin &&
		   !rtm_foreign_table(relid, InvalidOid)->queued;
}

/* Does the statement write a table that sends at once, or that may have partitions which do? */
static bool
may_send(EState *estate)
{
	ListCell *cell;

	foreach (cell, estate->es_plannedstmt->resultRelations)
	{
		const RangeTblEntry *rte = exec_rt_fetch((Index) lfirst_int(cell), estate);

		if (rte->relkind == RELKIND_PARTITIONED_TABLE ||
			(rte->relkind == RELKIND_FOREIGN_TABLE && is_sent_at_once(rte->relid)))
			return true;
	}
	return false;
}

void
rtm_scan_begin(ForeignScanState *node, int eflags)
{
	const ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List			  *conditions = list_nth(plan->fdw_private, RTM_PRIVATE_CONDITIONS);
	RtmScan			  *scan = palloc0(sizeof(RtmScan));

	node->fdw_state = scan;

	/* whoever fetches from a cursor reads as the one who has opened it */
	scan->call.role = (Oid) intVal(list_nth(plan->fdw_private, RTM_PRIVATE_ROLE));
	if (!OidIsValid(scan->call.role))
		scan->call.role = GetUserId();
	scan->table = rtm_foreign_table(RelationGetRelid(node->ss.ss_currentRelation), scan->call.role);
	scan->call.server = scan->table->server;
	scan->call.method = scan->table->history->method;
	scan->call.idempotent = rtm_method_repeatable(scan->table->history, false);
	scan->what = psprintf("reading %s", scan->table->name);
	scan->nconditions = list_length(conditions);
	scan->conditions = rtm_init_conditions(conditions, plan->fdw_exprs, &node->ss.ps);
	scan->order = list_nth(plan->fdw_private, RTM_PRIVATE_ORDER);
	scan->descending = boolVal(list_nth(plan->fdw_private, RTM_PRIVATE_DESCENDING));
	scan->needed = needed_columns(scan->table, list_nth(plan->fdw_private, RTM_PRIVATE_COLUMNS));
	initStringInfo(&scan->values);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan->context = AllocSetContextCreate(CurrentMemoryContext, "rtm scan", ALLOCSET_DEFAULT_SIZES);
	scan->sends = may_send(node->ss.ps.state);
	if (!scan->sends && !may_be_repeated(node, eflags))
		return;
	scan->store = tuplestore_begin_heap(false, false, work_mem);
	scan->stored = ExecInitExtraTupleSlot(
		node->ss.ps.state, RelationGetDescr(node->ss.ss_currentRelation), &TTSOpsMinimalTuple);
}

/* ---- conversations ---- */

static NullableDatum
optional_int(bool given, int64 value)
{
	return given ? rtm_column(Int64GetDatum(value)) : rtm_null_column();
}

static NullableDatum
mtypes_argument(const RtmIntSet *mtypes)
{
	Datum *elements = palloc(sizeof(Datum) * Max(mtypes->n, 1));

	for (int i = 0; i < mtypes->n; i++)
		elements[i] = Int64GetDatum(mtypes->values[i]);
	if (!mtypes->given)
		return rtm_null_column();
	return rtm_column(PointerGetDatum(construct_array(elements, mtypes->n, INT8OID, sizeof(int64),
													  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* What a parameter of the history's method is to be. */
static NullableDatum
argument(const RtmScan *scan, const RtmConversationScan *c, const RtmParam *param)
{
	const RtmWanted *w = &scan->wanted;
	int64			 lastid = scan->backward ? w->before_id : w->after_id;

	switch (param->type)
	{
		case RTM_PARAM_UID:
		case RTM_PARAM_ID:
			return rtm_column(
				Int64GetDatum(c->keys[rtm_find_field(param->name, scan->table->conversation)]));
		case RTM_PARAM_DESC:
			return rtm_column(BoolGetDatum(scan->backward));
		case RTM_PARAM_MTYPES:
			return mtypes_argument(&w->mtypes);
		case RTM_PARAM_CURSOR:
			if (strcmp(param->wire, "begin") == 0)
				return optional_int(w->from > 0, w->from);
			if (strcmp(param->wire, "end") == 0)
				return optional_int(w->to > 0 && w->to < PG_INT64_MAX, w->to);
			return optional_int(lastid > 0 && lastid < PG_INT64_MAX, lastid);
		default:
			return rtm_null_column();
	}
}

/* The numbered conversation's keys: their sets, counted through like digits. */
static void
find_keys(const RtmScan *scan, int64 number, int64 *keys)
{
	const RtmTable *table = scan->table;

	for (int i = table->nkeys - 1; i >= 0; i--)
	{
		const RtmIntSet *set = &scan->wanted.keys[table->keys[i]];

		keys[table->keys[i]] = set->values[number % set->n];
		number /= set->n;
	}
}

/* Make the next conversation that isn't open, and ask for its first page. */
static void
open_next(RtmScan *scan)
{
	MemoryContext		 old = MemoryContextSwitchTo(scan->context);
	RtmConversationScan *c = palloc0(sizeof(RtmConversationScan));
	const RtmMethod		*method = scan->table->history;
	NullableDatum		 args[RTM_MAX_PARAMS];

	c->number = (int) scan->nopened;
	find_keys(scan, scan->nopened, c->keys);
	for (int i = 0; method->params[i].type != RTM_PARAM_END; i++)
		args[i] = argument(scan, c, &method->params[i]);
	scan->asked = c;
	rtm_encode(&c->request, method, args, false);
	c->history = rtm_history_begin(&scan->call, &c->request, scan->what, &scan->meter);
	rtm_history_ask(c->history);
	scan->conversations[scan->nopened++] = c;
	scan->nread++;
	MemoryContextSwitchTo(old);
}

static void
close_conversation(RtmScan *scan, RtmConversationScan *c)
{
	rtm_history_end(c->history);
	pfree(c->request.params.data);
	scan->conversations[c->number] = NULL;
	pfree(c);
}

/* Is the message behind all that are wanted?  Then so are those that follow. */
static bool
is_behind(const RtmScan *scan, const RtmMessage *message)
{
	return scan->backward ? message->id <= scan->wanted.after_id
						  : message->id >= scan->wanted.before_id;
}

static int64
order_value(const RtmMessage *message, RtmFieldId field)
{
	return field == RTM_COLUMN_ID ? message->id : message->mtime;
}

/* In the scan's order: less than 0 when a comes before b. */
static int
compare_messages(const RtmScan *scan, const RtmMessage *a, const RtmMessage *b)
{
	ListCell *cell;

	foreach (cell, scan->order)
	{
		int64 x = order_value(a, lfirst_int(cell));
		int64 y = order_value(b, lfirst_int(cell));

		if (x != y)
			return (x < y) != scan->descending ? -1 : 1;
	}
	return 0;
}

/* A bound by id ends the reading, so that without an order as well ids have to be in theirs. */
static bool
is_disordered(const RtmScan *scan, const RtmMessage *before, const RtmMessage *message)
{
	bool bounded = scan->backward ? scan->wanted.after_id > PG_INT64_MIN
								  : scan->wanted.before_id < PG_INT64_MAX;

	if (scan->order == NIL && bounded)
		return scan->backward ? message->id > before->id : message->id < before->id;
	return compare_messages(scan, before, message) > 0;
}

/* The gate's order was relied on. */
static void
raise_disorder(const RtmScan *scan)
{
	bool by_id = scan->order == NIL || linitial_int(scan->order) == RTM_COLUMN_ID;

	rtm_raise_code(
		FPNN_CODE_DECODING,
		psprintf("%s: the gate's messages are not in the order of %s", scan->what,
				 by_id ? "id" : "time"),
		NULL,
		by_id
			? NULL
			: "Have PostgreSQL sort them: set the option time_ordered of the server or the table to false.");
}

/* Read on: false, and it is closed, when there is no message any more. */
static bool
read_next(RtmScan *scan, RtmConversationScan *c)
{
	RtmMessage before = c->message;

	scan->asked = c;
	if (!rtm_history_next(c->history, &c->message) || is_behind(scan, &c->message))
	{
		close_conversation(scan, c);
		return false;
	}
	if (c->read && is_disordered(scan, &before, &c->message))
		raise_disorder(scan);
	c->read = true;
	return true;
}

/* ---- one after the other ---- */

static RtmConversationScan *
next_in_turn(RtmScan *scan)
{
	while (scan->current < scan->nconversations)
	{
		while (scan->nopened < Min(scan->current + 1 + scan->ahead, scan->nconversations))
			open_next(scan);
		if (scan->hasty && !rtm_history_is_ready(scan->conversations[scan->current]->history))
		{
			scan->pending = true;
			return NULL;
		}
		if (read_next(scan, scan->conversations[scan->current]))
			return scan->conversations[scan->current];
		scan->current++;
		scan->ahead = Min(Max(scan->ahead * 2, 1), MAX_AHEAD);
	}
	return NULL;
}

/* ---- merged ---- */

/* The first of a binaryheap is its greatest. */
static int
compare_heads(Datum a, Datum b, void *arg)
{
	const RtmConversationScan *x = (RtmConversationScan *) DatumGetPointer(a);
	const RtmConversationScan *y = (RtmConversationScan *) DatumGetPointer(b);
	int						   order = compare_messages(arg, &x->message, &y->message);

	return order != 0 ? -order : y->number - x->number;
}

/* All first pages, many of them under way at once. */
static void
begin_merge(RtmScan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(scan->context);

	scan->heap = binaryheap_allocate((int) scan->nconversations, compare_heads, scan);
	MemoryContextSwitchTo(old);
	for (int64 i = 0; i < scan->nconversations; i++)
	{
		while (scan->nopened < Min(i + MERGE_WINDOW, scan->nconversations))
			open_next(scan);
		if (read_next(scan, scan->conversations[i]))
			binaryheap_add_unordered(scan->heap, PointerGetDatum(scan->conversations[i]));
	}
	binaryheap_build(scan->heap);
	scan->ahead = MERGE_AHEAD;
}

/* A page whose end is near, by the scan's order. */
typedef struct Ending
{
	RtmConversationScan *c;
	RtmMessage			 last;
} Ending;

static int
compare_endings(const void *a, const void *b, void *scan)
{
	return compare_messages(scan, &((const Ending *) a)->last, &((const Ending *) b)->last);
}

/*
 * A merge comes to the end of a page, and has to wait.  Those that will be the next to
 * come to theirs are asked for as well.
 */
static void
ask_ahead(RtmScan *scan)
{
	Ending *endings = palloc(sizeof(Ending) * Max(scan->heap->bh_size, 1));
	int		n = 0;

	for (int i = 0; i < scan->heap->bh_size; i++)
	{
		RtmConversationScan *c = (RtmConversationScan *) DatumGetPointer(scan->heap->bh_nodes[i]);

		if (c == scan->given)
			continue;
		endings[n].c = c;
		if (!rtm_history_last(c->history, &endings[n].last))
			endings[n].last = c->message;
		n++;
	}
	qsort_arg(endings, n, sizeof(Ending), compare_endings, scan);
	for (int i = 0; i < Min(n, scan->ahead); i++)
	{
		scan->asked = endings[i].c;
		rtm_history_ask(endings[i].c->history);
	}
	scan->ahead *= 2;
	pfree(endings);
}

/*
 * The history whose message was given last is read on only now: whoever has enough doesn't have to
 * wait for it.
 */
static RtmConversationScan *
next_merged(RtmScan *scan)
{
	RtmMessage ignored;

	if (scan->heap == NULL)
		begin_merge(scan);
	else if (scan->given)
	{
		if (!rtm_history_last(scan->given->history, &ignored))
		{
			rtm_history_ask(scan->given->history);
			ask_ahead(scan);
		}
		if (read_next(scan, scan->given))
			binaryheap_replace_first(scan->heap, PointerGetDatum(scan->given));
		else
			(void) binaryheap_remove_first(scan->heap);
	}
	scan->given = NULL;
	if (binaryheap_empty(scan->heap))
		return NULL;
	scan->given = (RtmConversationScan *) DatumGetPointer(binaryheap_first(scan->heap));
	return scan->given;
}

/* ---- rows ---- */

/* Which conversation an error is about. */
static void
error_context(void *arg)
{
	const RtmScan  *scan = arg;
	const RtmTable *table = scan->table;
	StringInfoData	keys;

	if (scan->asked == NULL)
		return;
	initStringInfo(&keys);
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&keys, "%s%s " INT64_FORMAT, i ? ", " : "", rtm_field_name(table->keys[i]),
						 scan->asked->keys[table->keys[i]]);
	errcontext("foreign table %s, %s", table->name, keys.data);
}

static RtmConversationScan *
next_message(RtmScan *scan)
{
	ErrorContextCallback callback = {error_context_stack, error_context, scan};
	RtmConversationScan *c;

	error_context_stack = &callback;
	c = scan->order && scan->nconversations > 1 ? next_merged(scan) : next_in_turn(scan);
	error_context_stack = callback.previous;
	return c;
}

void
rtm_scan_await(RtmScan *scan)
{
	ErrorContextCallback callback = {error_context_stack, error_context, scan};

	scan->asked = scan->conversations[scan->current];
	error_context_stack = &callback;
	rtm_history_await(scan->asked->history);
	error_context_stack = callback.previous;
}

static void
fill_slot(const RtmScan *scan, const RtmConversationScan *c, TupleTableSlot *slot)
{
	const RtmTable *table = scan->table;

	for (int i = 0; i < table->ncolumns; i++)
	{
		const RtmTableColumn *column = &table->columns[i];
		NullableDatum		  value = rtm_null_column();

		if (column->field != RTM_NO_FIELD && scan->needed[i])
			value = rtm_field_value(column->field, column->type, &c->message, c->keys);
		slot->tts_values[i] = value.value;
		slot->tts_isnull[i] = value.isnull;
	}
	ExecStoreVirtualTuple(slot);
}

/* ---- the values of conditions ---- */

/* A key that nothing binds is the option's, which may have been dropped since the plan was made. */
static void
add_default_uid(RtmScan *scan)
{
	RtmIntSet *uid = &scan->wanted.keys[RTM_COLUMN_UID];

	if (uid->given)
		return;
	if (!scan->table->has_uid)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("%s: nothing says as whom", scan->what),
						errhint("Give the foreign table or the user mapping the option uid.")));
	uid->values = palloc(sizeof(int64));
	uid->values[0] = scan->table->uid;
	uid->n = 1;
	uid->given = true;
}

static void
count_conversations(RtmScan *scan)
{
	const RtmTable *table = scan->table;

	scan->nconversations = scan->wanted.nothing ? 0 : 1;
	for (int i = 0; i < table->nkeys && scan->nconversations > 0; i++)
		if (pg_mul_s64_overflow(scan->nconversations, scan->wanted.keys[table->keys[i]].n,
								&scan->nconversations) ||
			scan->nconversations > (int64) MAX_CONVERSATIONS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("%s: too many conversations", scan->what),
					 errdetail("Its keys have more than %zu combinations.", MAX_CONVERSATIONS)));
}

/* Read from the beginning, what the conditions say now. */
static void
begin_reading(RtmScan *scan, ExprContext *context)
{
	MemoryContext old;

	scan->heap = NULL;
	scan->given = scan->asked = NULL;
	scan->nopened = scan->current = scan->ahead = 0;
	scan->ended = false;
	MemoryContextReset(scan->context);
	old = MemoryContextSwitchTo(scan->context);
	rtm_evaluate(scan->table, scan->conditions, scan->nconditions, context, &scan->wanted);
	if (!scan->wanted.nothing)
		add_default_uid(scan);
	count_conversations(scan);
	scan->conversations = palloc0(sizeof(RtmConversationScan *) * (scan->nconversations + 1));
	scan->backward = scan->order ? scan->descending
								 : scan->sends || (scan->wanted.before_id < PG_INT64_MAX &&
												   scan->wanted.after_id == PG_INT64_MIN);
	MemoryContextSwitchTo(old);
}

/* Nobody waits for what is still under way. */
static void
stop_reading(RtmScan *scan)
{
	for (int64 i = 0; i < scan->nopened; i++)
		if (scan->conversations[i])
			close_conversation(scan, scan->conversations[i]);
	scan->nopened = 0;
}

/*
 * Evaluate the conditions.  Values that are those of the last time have the rows of
 * the last time, as far as they were read.
 */
static void
evaluate(RtmScan *scan, ExprContext *context)
{
	RtmWanted	   wanted;
	StringInfoData values;

	initStringInfo(&values);
	rtm_evaluate(scan->table, scan->conditions, scan->nconditions, context, &wanted);
	rtm_describe_wanted(&wanted, &values);
	scan->evaluated = true;
	if (scan->store && scan->begun && values.len == scan->values.len &&
		memcmp(values.data, scan->values.data, values.len) == 0)
	{
		tuplestore_rescan(scan->store);
		return;
	}
	resetStringInfo(&scan->values);
	appendBinaryStringInfo(&scan->values, values.data, values.len);
	stop_reading(scan);
	if (scan->store)
		tuplestore_clear(scan->store);
	begin_reading(scan, context);
	scan->begun = true;
}

/* ---- the executor's ---- */

/* A row that was kept; false, and the store is at its end: rows that come next are added there. */
static bool
next_kept(RtmScan *scan, TupleTableSlot *slot)
{
	if (scan->store == NULL || tuplestore_ateof(scan->store))
		return false;
	if (!tuplestore_gettupleslot(scan->store, true, false, scan->stored))
		return false;

	/* a row from a file is in memory that is reset before the next one */
	ExecCopySlot(slot, scan->stored);
	ExecClearTuple(scan->stored);
	return true;
}

/*
 * Would the rows that come include those that the statement sends meanwhile?  Only one
 * history, read from its newest message on, has come past them when the first row is given.
 */
static bool
is_read_whole(const RtmScan *scan)
{
	return scan->sends && !(scan->backward && scan->nconversations <= 1);
}

/* Read everything, before the first row is given. */
static void
read_whole(RtmScan *scan, TupleTableSlot *slot, ExprContext *context)
{
	RtmConversationScan *c;

	scan->hasty = false;
	while ((c = next_message(scan)) != NULL)
	{
		fill_slot(scan, c, slot);
		tuplestore_puttupleslot(scan->store, slot);
		ExecClearTuple(slot);
		ResetExprContext(context);
	}
	scan->ended = true;
	tuplestore_rescan(scan->store);
}

TupleTableSlot *
rtm_scan_next(ForeignScanState *node)
{
	RtmScan				*scan = node->fdw_state;
	TupleTableSlot		*slot = node->ss.ss_ScanTupleSlot;
	RtmConversationScan *c;

	scan->pending = false;
	if (!scan->evaluated)
		evaluate(scan, node->ss.ps.ps_ExprContext);
	ExecClearTuple(slot);
	scan->meter.limit = rtm_scan_calls;
	if (is_read_whole(scan) && !scan->ended)
		read_whole(scan, slot, node->ss.ps.ps_ExprContext);
	if (next_kept(scan, slot) || scan->ended)
		return slot;
	c = next_message(scan);
	if (c == NULL)
	{
		scan->ended = !scan->pending;
		return slot;
	}
	fill_slot(scan, c, slot);
	if (scan->store)
		tuplestore_puttupleslot(scan->store, slot);
	return slot;
}

void
rtm_scan_again(ForeignScanState *node)
{
	RtmScan *scan = node->fdw_state;

	scan->evaluated = false;
}

void
rtm_scan_end(ForeignScanState *node)
{
	RtmScan *scan = node->fdw_state;

	if (scan == NULL || scan->context == NULL)
		return;
	stop_reading(scan);
	if (scan->store)
		tuplestore_end(scan->store);
	MemoryContextDelete(scan->context);
}
