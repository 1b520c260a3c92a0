/*-------------------------------------------------------------------------
 *
 * modify.c
 *	  INSERT into, UPDATE of and DELETE from a foreign table: messages are sent, edited
 *	  and deleted, through the outbox or at once.
 *
 * A row's columns are the arguments of the method that the catalogue has for the
 * conversation.  What UPDATE edits and DELETE deletes is the message that the scan saw:
 * its whole row comes along.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/appendinfo.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "client/error.h"
#include "client/peer.h"
#include "compat.h"
#include "fdw/fdw.h"
#include "method/send.h"
#include "outbox/enqueue/async.h"
#include "outbox/enqueue/enqueue.h"

#define WHOLE_ROW "wholerow"

/* An edit's age limit of the message, in milliseconds: none that matters, a hundred years. */
#define NO_TIME_LIMIT (INT64CONST(36525) * 24 * 3600 * 1000)

/* What says which message is to be changed: arguments of the method, in their order. */
typedef struct Identity
{
	int64 args[RTM_MAX_PARAMS];
} Identity;

/* ResultRelInfo.ri_FdwState */
typedef struct RtmModify
{
	RtmTable		*table;
	const RtmMethod *method;
	RtmCall			 call;
	RtmRate			 rate;	  /* of what isn't queued */
	char			*what;	  /* for errors */
	AttrNumber		 whole;	  /* UPDATE, DELETE: junk attribute with the row */
	HTAB			*changed; /* UPDATE, DELETE: messages that the statement has changed */
	MemoryContext	 context; /* of a row or a batch */

	/* of the batch under way, for the context of errors */
	int nsent;
	int nanswered;
	int nrefused;
} RtmModify;

/* ---- planning ---- */

int
rtm_is_updatable(Relation rel)
{
	return (1 << CMD_INSERT) | (1 << CMD_UPDATE) | (1 << CMD_DELETE);
}

void
rtm_add_targets(PlannerInfo *root, Index index, RangeTblEntry *rte, Relation rel)
{
	Var *row = makeVar((int) index, InvalidAttrNumber, RECORDOID, -1, InvalidOid, 0);

	add_row_identity_var(root, row, index, WHOLE_ROW);
}

List *
rtm_plan_modify(PlannerInfo *root, ModifyTable *plan, Index index, int subplan)
{
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("INSERT ... ON CONFLICT is not supported by foreign tables of rtm"),
				 errdetail("Nothing is known of a conflict before the message is sent."),
				 errhint("A mid that is given makes a message unique in its conversation.")));
	return NIL;
}

void
rtm_truncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("cannot truncate foreign table \"%s\"",
						   RelationGetRelationName((Relation) linitial(rels))),
					errdetail("A project's messages cannot be deleted all at once."),
					errhint("DELETE those of a conversation.")));
}

/* ---- begin ---- */

/* The field that is an argument, or RTM_NO_FIELD. */
static int
field_of(const RtmModify *modify, const RtmParam *p)
{
	RtmConversation conversation = modify->table->conversation;

	if (modify->method == modify->table->edit && p->type == RTM_PARAM_ID)
		return strcmp(p->wire, "xid") != 0 ? RTM_NO_FIELD
			   : conversation == RTM_GROUP ? RTM_COLUMN_GID
										   : RTM_COLUMN_RID;
	return rtm_find_field(p->name, conversation);
}

/* The columns without which the method can't be called have to be there. */
static void
check_columns(const RtmModify *modify)
{
	const RtmTable *table = modify->table;
	bool			edit = modify->method == table->edit;

	for (const RtmParam *p = modify->method->params; p->type != RTM_PARAM_END; p++)
	{
		int field = field_of(modify, p);

		/* an edit gives the message both, so that what isn't shown would be lost */
		if (field != RTM_NO_FIELD && table->attnums[field] == 0 &&
			(edit || rtm_param_types[p->type].null == RTM_NULL_REFUSED) &&
			(edit || p->type != RTM_PARAM_MSG || table->attnums[RTM_COLUMN_MSG_BINARY] == 0))
			ereport(ERROR, (errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
							errmsg("%s needs a column for the field \"%s\"", modify->what, p->name),
							errhint("Add it to the foreign table.")));
	}
}

pg_noreturn static void
raise_fixed(const RtmTable *table, RtmFieldId field)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("UPDATE %s: the field \"%s\" cannot be changed", table->name,
						   rtm_field_name(field)),
					errdetail("Only \"%s\" and \"%s\" of a message can.",
							  rtm_field_name(RTM_COLUMN_MSG), rtm_field_name(RTM_COLUMN_ATTRS))));
}

/* What can be edited are text and attrs of messages of groups and rooms. */
static void
check_edited(const RtmTable *table, Bitmapset *columns)
{
	int i = -1;

	if (table->edit == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot update %s", table->name),
				 errdetail("The service edits messages of groups and rooms only.")));
	while ((i = bms_next_member(columns, i)) >= 0)
	{
		int field = table->columns[i + FirstLowInvalidHeapAttributeNumber - 1].field;

		if (field != RTM_COLUMN_MSG && field != RTM_COLUMN_ATTRS)
			raise_fixed(table, field);
	}
}

static const RtmMethod *
method_for(const RtmTable *table, CmdType command)
{
	return command == CMD_INSERT   ? table->send
		   : command == CMD_UPDATE ? table->edit
								   : table->remove;
}

/* As the role as whom the table is written; 0: no role of its own. */
static RtmModify *
make_state(ResultRelInfo *rinfo, EState *estate, CmdType command)
{
	RtmModify *modify = palloc0(sizeof(RtmModify));
	Oid		   role = rtm_modify_user(rinfo, estate);

	modify->table = rtm_foreign_table(RelationGetRelid(rinfo->ri_RelationDesc), role);
	if (command == CMD_UPDATE)
		check_edited(modify->table, ExecGetUpdatedCols(rinfo, estate));
	modify->method = method_for(modify->table, command);
	modify->what = psprintf(command == CMD_INSERT	? "INSERT INTO %s"
							: command == CMD_UPDATE ? "UPDATE %s"
													: "DELETE FROM %s",
							modify->table->name);
	modify->call.server = modify->table->server;
	modify->call.method = modify->method->method;
	modify->call.role = role;
	modify->call.rate = &modify->rate;
	modify->context = AllocSetContextCreate(CurrentMemoryContext, "rtm modify",
											ALLOCSET_DEFAULT_SIZES);
	check_columns(modify);

	/* that it may use the server, and has what a connection takes */
	(void) rtm_peer(modify->table->server, role);
	if (modify->table->queued)
		outbox_check_enqueue(modify->what);
	rinfo->ri_FdwState = modify;
	return modify;
}

/* A set of messages, that ends with the statement. */
static HTAB *
make_changed(void)
{
	HASHCTL control = {
		.keysize = sizeof(Identity), .entrysize = sizeof(Identity), .hcxt = CurrentMemoryContext};

	return hash_create("rtm changed", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
rtm_modify_begin(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private, int subplan,
				 int eflags)
{
	RtmModify *modify;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	modify = make_state(rinfo, mtstate->ps.state, mtstate->operation);
	if (mtstate->operation == CMD_INSERT)
		return;
	modify->whole = ExecFindJunkAttributeInTlist(outerPlanState(mtstate)->plan->targetlist,
												 WHOLE_ROW);
	modify->changed = make_changed();
}

/* COPY FROM, and rows that are routed to a partition. */
void
rtm_insert_begin(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	if (rinfo->ri_FdwState)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot move rows to foreign table \"%s\", which the statement updates too",
						RelationGetRelationName(rinfo->ri_RelationDesc)),
				 errhint("Keep it out by a condition, or insert and delete the rows.")));
	if (mtstate->ps.plan && ((ModifyTable *) mtstate->ps.plan)->onConflictAction != ONCONFLICT_NONE)
		(void) rtm_plan_modify(NULL, (ModifyTable *) mtstate->ps.plan, 0, 0);
	(void) make_state(rinfo, mtstate->ps.state, CMD_INSERT);
}

void
rtm_modify_end(EState *estate, ResultRelInfo *rinfo)
{
	RtmModify *modify = rinfo->ri_FdwState;

	if (modify)
		MemoryContextDelete(modify->context);
	rinfo->ri_FdwState = NULL;
}

/* Does anybody look at a row after it was written? */
static bool
is_returned(const ResultRelInfo *rinfo)
{
	return rinfo->ri_projectReturning != NULL || rinfo->ri_TrigDesc != NULL ||
		   rinfo->ri_WithCheckOptions != NIL;
}

int
rtm_batch_size(ResultRelInfo *rinfo)
{
	const RtmModify *modify = rinfo->ri_FdwState;

	/* nothing comes back from a batch that could be returned, or given to a trigger */
	if (modify == NULL || modify->table->queued || is_returned(rinfo))
		return 1;
	return modify->table->batch_size;
}

/* ---- a row as a request ---- */

/* Are they fields that a sender gives?  The others are the gate's, or the reader's. */
static bool
is_written(RtmFieldId field)
{
	switch (field)
	{
		case RTM_COLUMN_GID:
		case RTM_COLUMN_RID:
		case RTM_COLUMN_FROM:
		case RTM_COLUMN_TO:
		case RTM_COLUMN_MTYPE:
		case RTM_COLUMN_MID:
		case RTM_COLUMN_MSG:
		case RTM_COLUMN_ATTRS:
		case RTM_COLUMN_MSG_BINARY:
			return true;
		case RTM_COLUMN_UID:
		case RTM_COLUMN_OUID:
		case RTM_COLUMN_ID:
		case RTM_COLUMN_DIRECTION:
		case RTM_COLUMN_MTIME:
		case RTM_COLUMN_SENT:
		case RTM_COLUMN_ATTRS_BINARY:
			break;
	}
	return false;
}

static NullableDatum
column_value(const RtmTable *table, RtmFieldId field, const Datum *values, const bool *nulls)
{
	int i = table->attnums[field] - 1;

	if (i < 0 || nulls[i])
		return rtm_null_column();
	return rtm_field_argument(table->columns[i].type, rtm_column(values[i]));
}

/* What is inserted is what can be sent. */
static void
check_inserted(const RtmModify *modify, const bool *nulls)
{
	const RtmTable *table = modify->table;

	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != RTM_NO_FIELD && !nulls[i] &&
			!is_written(table->columns[i].field))
			ereport(
				ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("%s: the field \"%s\" cannot be given", modify->what,
						rtm_field_name(table->columns[i].field)),
				 table->columns[i].field == RTM_COLUMN_OUID
					 ? errhint("It is a key of reading; the recipient is to_uid.")
					 : errhint(
						   "Leave its column out; a message gets it when it is sent or read.")));
}

static bool
is_body(const RtmParam *p)
{
	return p->type == RTM_PARAM_MSG || p->type == RTM_PARAM_ATTRS;
}

/* A message has one text. */
static void
check_one_text(const RtmModify *modify, const bool *nulls)
{
	int msg = modify->table->attnums[RTM_COLUMN_MSG];
	int binary = modify->table->attnums[RTM_COLUMN_MSG_BINARY];

	if (msg > 0 && binary > 0 && !nulls[msg - 1] && !nulls[binary - 1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: the fields \"%s\" and \"%s\" cannot both be given", modify->what,
						rtm_field_name(RTM_COLUMN_MSG), rtm_field_name(RTM_COLUMN_MSG_BINARY)),
				 errhint("A message is a text, or bytes.")));
}

/* A row's columns. */
typedef struct Columns
{
	const Datum *values;
	const bool	*nulls;
} Columns;

static NullableDatum
argument(const RtmModify *modify, const RtmParam *p, const Columns *columns)
{
	int field = field_of(modify, p);

	if (field != RTM_NO_FIELD)
		return column_value(modify->table, field, columns->values, columns->nulls);
	return rtm_column(Int64GetDatum(p->type == RTM_PARAM_TYPE ? (int64) modify->table->conversation
															  : NO_TIME_LIMIT));
}

/*
 * Encode the method's quest.  Its arguments are columns of the row: message and attrs as they are
 * to be, all others of the message that is there.
 */
static void
encode_row(const RtmModify *modify, Columns old, Columns new, RtmRequest *request)
{
	const RtmTable *table = modify->table;
	NullableDatum	args[RTM_MAX_PARAMS];
	bool			binary = false;

	for (int i = 0; modify->method->params[i].type != RTM_PARAM_END; i++)
	{
		const RtmParam *p = &modify->method->params[i];

		args[i] = argument(modify, p, is_body(p) ? &new : &old);
		if (p->type == RTM_PARAM_MSG)
		{
			binary = args[i].isnull ||
					 table->columns[table->attnums[RTM_COLUMN_MSG] - 1].type == BYTEAOID;
			if (args[i].isnull && modify->method != table->edit)
				args[i] = column_value(table, RTM_COLUMN_MSG_BINARY, new.values, new.nulls);
		}
		/* attrs that are null may be those that this column can't show */
		if (args[i].isnull &&
			(modify->method == table->edit || rtm_param_types[p->type].null == RTM_NULL_REFUSED))
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("%s: the field \"%s\" must not be null", modify->what, p->name)));
	}
	rtm_encode(request, modify->method, args, binary);
}

static void
encode_slot(const RtmModify *modify, TupleTableSlot *slot, RtmRequest *request)
{
	Columns columns;

	slot_getallattrs(slot);
	columns = (Columns){slot->tts_values, slot->tts_isnull};
	check_inserted(modify, slot->tts_isnull);
	check_one_text(modify, slot->tts_isnull);
	encode_row(modify, columns, columns, request);
}

static void
queue(const RtmModify *modify, RtmRequest *request)
{
	OutboxRow row = {.owner = modify->call.role, .server = modify->table->server_oid};

	(void) outbox_enqueue_request(&row, request);
}

/* ---- INSERT ---- */

static void
set_column(const RtmTable *table, RtmFieldId field, NullableDatum value, Datum *values, bool *nulls)
{
	int i = table->attnums[field] - 1;

	if (i < 0)
		return;
	values[i] = value.isnull || table->columns[i].type != INT4OID
					? value.value
					: DirectFunctionCall1(int84, value.value);
	nulls[i] = value.isnull;
}

/* The row as it was sent: with its mid, and its time if that is known. */
static void
complete_slot(const RtmModify *modify, TupleTableSlot *slot, int64 mid, NullableDatum mtime)
{
	const RtmTable *table = modify->table;
	TupleDesc		desc = slot->tts_tupleDescriptor;
	MemoryContext	old = MemoryContextSwitchTo(modify->context);
	Datum		   *values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	bool		   *nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	NullableDatum	sent = mtime;

	memcpy(values, slot->tts_values, sizeof(Datum) * desc->natts);
	memcpy(nulls, slot->tts_isnull, sizeof(bool) * desc->natts);
	if (!mtime.isnull)
		sent.value = TimestampTzGetDatum(rtm_time_of(DatumGetInt64(mtime.value)));
	set_column(table, RTM_COLUMN_MID, rtm_column(Int64GetDatum(mid)), values, nulls);
	set_column(table, RTM_COLUMN_MTIME, mtime, values, nulls);
	set_column(table, RTM_COLUMN_SENT, sent, values, nulls);
	MemoryContextSwitchTo(old);
	ExecForceStoreHeapTuple(heap_form_tuple(desc, values, nulls), slot, true);
}

static RtmCall
call_for(const RtmModify *modify, const RtmRequest *request)
{
	RtmCall call = modify->call;

	call.idempotent = rtm_method_repeatable(modify->method, request->mid_made);
	return call;
}

static NullableDatum
mtime_of(const RtmResult *result)
{
	static const Oid types[] = {INT8OID, INT8OID};
	NullableDatum	 columns[RTM_MAX_FIELDS];

	(void) rtm_result_columns(result, types, columns);
	return columns[1];
}

/*
 * What row security and a view's CHECK OPTION say goes before sending: what was sent can't be
 * taken back.  PostgreSQL checks the view's again, and not row security, as the row isn't its own.
 */
static void
check_options(ResultRelInfo *rinfo, WCOKind security, TupleTableSlot *slot, EState *estate)
{
	if (rinfo->ri_WithCheckOptions == NIL)
		return;
	ExecWithCheckOptions(security, rinfo, slot, estate);
	ExecWithCheckOptions(WCO_VIEW_CHECK, rinfo, slot, estate);
}

TupleTableSlot *
rtm_insert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	const RtmModify *modify = rinfo->ri_FdwState;
	MemoryContext	 old = MemoryContextSwitchTo(modify->context);
	NullableDatum	 mtime = rtm_null_column();
	RtmRequest		 request;

	check_options(rinfo, WCO_RLS_INSERT_CHECK, slot, estate);
	encode_slot(modify, slot, &request);
	if (modify->table->queued)
		queue(modify, &request);
	else
	{
		RtmCall	  call = call_for(modify, &request);
		RtmResult result = rtm_send(&call, &request, modify->what);

		mtime = mtime_of(&result);
	}
	MemoryContextSwitchTo(old);
	if (is_returned(rinfo))
		complete_slot(modify, slot, request.mid, mtime);
	MemoryContextReset(modify->context);
	return slot;
}

/* What has become of a batch when an error ends it. */
static void
batch_context(void *arg)
{
	const RtmModify *modify = arg;

	errcontext("foreign table %s, a batch: %d messages were on their way, of which %d are known to "
			   "have been sent and %d to have been refused",
			   modify->table->name, modify->nsent, modify->nanswered - modify->nrefused,
			   modify->nrefused);
}

/*
 * All quests of a batch go out before the first answer is waited for.  One that is
 * refused is the statement's error, once all are answered.
 */
static void
send_batch(RtmModify *modify, RtmRequest *requests, int n)
{
	RtmAsk	 **asks = palloc(sizeof(RtmAsk *) * n);
	RtmAnswer *refusal = NULL;

	modify->nsent = modify->nanswered = modify->nrefused = 0;
	for (int i = 0; i < n; i++)
	{
		RtmCall call = call_for(modify, &requests[i]);

		asks[i] = rtm_ask(&call, &requests[i].params, requests[i].nparams);
		modify->nsent++;
	}
	for (int i = 0; i < n; i++)
	{
		RtmAnswer *answer = rtm_send_end(asks[i], &modify->call, &requests[i], modify->what);

		modify->nanswered++;
		if (answer == NULL)
			continue;
		modify->nrefused++;
		refusal = refusal ? refusal : answer;
	}
	if (refusal)
		rtm_raise_answer(refusal, modify->what);
}

TupleTableSlot **
rtm_insert_batch(EState *estate, ResultRelInfo *rinfo, TupleTableSlot **slots,
				 TupleTableSlot **plan_slots, int *nslots)
{
	RtmModify			*modify = rinfo->ri_FdwState;
	MemoryContext		 old = MemoryContextSwitchTo(modify->context);
	RtmRequest			*requests = palloc(sizeof(RtmRequest) * *nslots);
	ErrorContextCallback callback = {error_context_stack, batch_context, modify};

	for (int i = 0; i < *nslots; i++)
		encode_slot(modify, slots[i], &requests[i]);
	if (modify->table->queued)
		for (int i = 0; i < *nslots; i++)
			queue(modify, &requests[i]);
	else
	{
		error_context_stack = &callback;
		send_batch(modify, requests, *nslots);
		error_context_stack = callback.previous;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(modify->context);
	return slots;
}

/* ---- UPDATE, DELETE ---- */

/* Edit or delete at once; false: there is no such message any more. */
static bool
change_now(const RtmModify *modify, RtmRequest *request)
{
	RtmCall	   call = call_for(modify, request);
	RtmAnswer *answer = rtm_call(&call, &request->params, request->nparams);

	if (answer->code == 0)
		return true;
	if (answer->code != rtm_method_traits(modify->method)->done_code)
		rtm_raise_answer(answer, modify->what);
	return answer->resent;
}

/* The row that the scan saw, in memory of the modification. */
static HeapTupleData
scanned_row(const RtmModify *modify, TupleTableSlot *plan_slot)
{
	bool		  isnull;
	Datum		  row = ExecGetJunkAttribute(plan_slot, modify->whole, &isnull);
	HeapTupleData tuple = {.t_data = DatumGetHeapTupleHeader(row)};

	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	return tuple;
}

/*
 * Has the statement changed this message already?  A join may find it several times; as in
 * every table, the first counts.
 */
static bool
is_changed(const RtmModify *modify, const Columns *old)
{
	Identity identity = {0};
	bool	 found;

	for (int i = 0; modify->method->params[i].type != RTM_PARAM_END; i++)
		if (!is_body(&modify->method->params[i]))
			identity.args[i] = DatumGetInt64(
				argument(modify, &modify->method->params[i], old).value);
	(void) hash_search(modify->changed, &identity, HASH_ENTER, &found);
	return found;
}

/* A trigger can change the row as SET can; what SET can't is none of its business either. */
static void
check_triggered(const RtmModify *modify, TupleDesc desc, const Columns *old, const Columns *new)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		int				  field = modify->table->columns[i].field;

		if (field == RTM_NO_FIELD || attr->attgenerated || field == RTM_COLUMN_MSG ||
			field == RTM_COLUMN_ATTRS || (old->nulls[i] && new->nulls[i]))
			continue;
		if (old->nulls[i] != new->nulls[i] ||
			!datum_image_eq(old->values[i], new->values[i], attr->attbyval, attr->attlen))
			raise_fixed(modify->table, field);
	}
}

/* `slot`: what is to be, or NULL for the row as the scan saw it. */
static bool
change(ResultRelInfo *rinfo, HeapTuple tuple, TupleTableSlot *slot)
{
	const RtmModify *modify = rinfo->ri_FdwState;
	TupleDesc		 desc = RelationGetDescr(rinfo->ri_RelationDesc);
	Datum			*values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	bool			*nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	Columns			 old = {values, nulls};
	Columns new = old;
	RtmRequest request;

	heap_deform_tuple(tuple, desc, values, nulls);
	if (slot)
	{
		slot_getallattrs(slot);
		new = (Columns){slot->tts_values, slot->tts_isnull};
		if (rinfo->ri_TrigDesc && rinfo->ri_TrigDesc->trig_update_before_row)
			check_triggered(modify, desc, &old, &new);
	}
	encode_row(modify, old, new, &request);
	if (is_changed(modify, &old))
		return false;
	if (!modify->table->queued)
		return change_now(modify, &request);
	queue(modify, &request);
	return true;
}

TupleTableSlot *
rtm_update(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	const RtmModify *modify = rinfo->ri_FdwState;
	MemoryContext	 old = MemoryContextSwitchTo(modify->context);
	HeapTupleData	 tuple = scanned_row(modify, plan_slot);
	bool			 done;

	check_options(rinfo, WCO_RLS_UPDATE_CHECK, slot, estate);
	done = change(rinfo, &tuple, slot);
	MemoryContextSwitchTo(old);
	MemoryContextReset(modify->context);
	return done ? slot : NULL;
}

TupleTableSlot *
rtm_delete(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	const RtmModify *modify = rinfo->ri_FdwState;
	MemoryContext	 old = MemoryContextSwitchTo(modify->context);
	HeapTupleData	 tuple = scanned_row(modify, plan_slot);
	bool			 done = change(rinfo, &tuple, NULL);

	MemoryContextSwitchTo(old);
	if (is_returned(rinfo))
		ExecForceStoreHeapTuple(heap_copytuple(&tuple), slot, true);
	MemoryContextReset(modify->context);
	return done ? slot : NULL;
}

/* ---- EXPLAIN ---- */

void
rtm_explain_modify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *private, int subplan,
				   ExplainState *es)
{
	RtmTable *table = rtm_foreign_table(RelationGetRelid(rinfo->ri_RelationDesc), InvalidOid);
	bool	  insert = mtstate->operation == CMD_INSERT;

	const RtmMethod *method = method_for(table, mtstate->operation);

	if (method == NULL) /* which is an error when it is executed */
		return;
	ExplainPropertyText("Method", method->method, es);
	ExplainPropertyBool("Queued", table->queued, es);
	if (insert && !table->queued)
		ExplainPropertyInteger("Batch Size", NULL, table->batch_size, es);
}
