/*-------------------------------------------------------------------------
 *
 * send_trigger.c
 *	  rtm_send_trigger(): a trigger that queues a call for each row.
 *
 * Its arguments name a queued function, rtm_..._async(), and parameters of it with
 * their values, as templates over the row.  They become an expression, the call of
 * the function, when the trigger first fires in a statement; so it is as checked, and
 * as privileged, as if the role had called it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "outbox/enqueue/template.h"

/* fn_extra: what a statement's trigger does. */
typedef struct SendTrigger
{
	char		*what;	   /* for the context of errors */
	char		*function; /* its name */
	Oid			 oid;
	Oid			 role; /* that may call it */
	ExprContext *context;
	ExprState	*call;
} SendTrigger;

/* A function that may be meant. */
typedef struct Candidate
{
	Oid	   oid;
	int	   nargs;
	int	   nrequired;
	char **names;
	Oid	  *types;
	int	   score;
} Candidate;

/* The trigger's arguments behind the first one. */
typedef struct Values
{
	int				 n;
	char		   **names;
	OutboxTemplate **templates;
} Values;

/* ---- the trigger, for errors ---- */

static void
error_context(void *arg)
{
	errcontext("%s", (const char *) arg);
}

static char *
describe(const TriggerData *data)
{
	const Trigger *trigger = data->tg_trigger;
	StringInfoData what;

	initStringInfo(&what);
	appendStringInfo(&what, "trigger \"%s\" of table \"%s\"", trigger->tgname,
					 RelationGetRelationName(data->tg_relation));
	for (int i = 1; i + 1 < trigger->tgnargs; i += 2)
		appendStringInfo(&what, "%s%s => %s", i == 1 ? ": " : ", ", trigger->tgargs[i],
						 trigger->tgargs[i + 1]);
	return what.data;
}

static void
check_event(const TriggerData *data)
{
	if (!TRIGGER_FIRED_AFTER(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not an AFTER ROW trigger", data->tg_trigger->tgname),
				 errdetail("Before the row is written it may still change, or not be written."),
				 errhint("CREATE TRIGGER ... AFTER ... FOR EACH ROW EXECUTE FUNCTION "
						 "rtm_send_trigger(...)")));
	if (data->tg_trigger->tgnargs % 2 == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rtm_send_trigger needs a call, and pairs of a parameter and its value"),
				 errhint("As in rtm_send_trigger('send_group_message', 'mtype', '51', 'from_uid', "
						 "'$user_id', 'gid', '$group_id', 'msg', '$body').")));
}

/* ---- which function ---- */

static int
find_name(const Candidate *c, const char *name)
{
	for (int i = 0; i < c->nargs; i++)
		if (c->names[i] && strcmp(c->names[i], name) == 0)
			return i;
	return -1;
}

/* How well it fits: columns that are of the very type, then text rather than bytes. */
static int
score(const Candidate *c, const Values *values)
{
	int points = 1;

	for (int i = 0; i < values->n; i++)
	{
		int arg = find_name(c, values->names[i]);

		if (arg >= 0 && outbox_template_type(values->templates[i]) == c->types[arg])
			points += 2;
		if (arg >= 0 && c->types[arg] == BYTEAOID)
			points--;
	}
	return points;
}

static Candidate
read_candidate(HeapTuple tuple, const Values *values)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);
	Candidate	 c = {.oid = proc->oid};
	char		*modes;

	c.nargs = get_func_arg_info(tuple, &c.types, &c.names, &modes);
	c.nrequired = c.nargs - proc->pronargdefaults;
	c.score = score(&c, values);
	return c;
}

/* Of the extension's functions of that name the one that fits best. */
static Candidate
find_function(const char *call, const char *name, const Values *values)
{
	Oid		  extension = get_extension_oid("rtm", false);
	CatCList *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Candidate best = {0};

	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple tuple = &list->members[i]->tuple;
		Candidate c;

		if (getExtensionOfObject(ProcedureRelationId, ((Form_pg_proc) GETSTRUCT(tuple))->oid) !=
			extension)
			continue;
		c = read_candidate(tuple, values);
		if (c.score > best.score || !OidIsValid(best.oid))
			best = c;
	}
	ReleaseSysCacheList(list);
	if (!OidIsValid(best.oid))
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("there is no call \"%s\" to queue", call),
			 errdetail("There is no function %s() of the extension.", name),
			 errhint(
				 "A call is written as in send_group_message; SELECT name FROM rtm_methods() has them, behind rtm_.")));
	return best;
}

/* ---- compiling ---- */

static Values
read_values(const TriggerData *data)
{
	const Trigger *trigger = data->tg_trigger;
	Values		   values = {.n = (trigger->tgnargs - 1) / 2};

	values.names = palloc(sizeof(char *) * (values.n + 1));
	values.templates = palloc(sizeof(OutboxTemplate *) * (values.n + 1));
	for (int i = 0; i < values.n; i++)
	{
		values.names[i] = trigger->tgargs[2 * i + 1];
		values.templates[i] = outbox_read_template(data->tg_relation, trigger->tgargs[2 * i + 2]);
	}
	return values;
}

static void
raise_unknown_parameter(const Candidate *c, const char *function, const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < c->nargs; i++)
		appendStringInfo(&names, "%s%s", i ? ", " : "", c->names[i]);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s() has no parameter \"%s\"", function, name),
					errhint("It has %s.", names.data)));
}

static void
check_old(const TriggerData *data, const Values *values)
{
	for (int i = 0; i < values->n; i++)
		if (values->templates[i]->old && TRIGGER_FIRED_BY_INSERT(data->tg_event))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("parameter \"%s\": an INSERT has no old row", values->names[i]),
							errhint("Make a trigger of its own for INSERT.")));
}

/* All that are given, as named arguments; PostgreSQL adds the defaults. */
static List *
make_args(const Candidate *c, const char *function, const Values *values)
{
	bool *given = palloc0(sizeof(bool) * (c->nargs + 1));
	List *args = NIL;

	for (int i = 0; i < values->n; i++)
	{
		NamedArgExpr *arg = makeNode(NamedArgExpr);
		int			  number = find_name(c, values->names[i]);

		if (number < 0)
			raise_unknown_parameter(c, function, values->names[i]);
		if (given[number])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("parameter \"%s\" is given twice", values->names[i])));
		given[number] = true;
		arg->arg = outbox_template_expr(values->templates[i], c->types[number]);
		arg->name = values->names[i];
		arg->argnumber = number;
		arg->location = -1;
		args = lappend(args, arg);
	}
	for (int i = 0; i < c->nrequired; i++)
		if (!given[i])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("parameter \"%s\" of %s() is missing", c->names[i], function)));
	return args;
}

static void
check_privilege(SendTrigger *t)
{
	if (t->role == GetUserId())
		return;
	if (rtm_aclcheck(ProcedureRelationId, t->oid, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, t->function);
	t->role = GetUserId();
}

/* From the trigger's arguments to the call, as an expression over its rows. */
static void
compile(SendTrigger *t, const TriggerData *data, const FmgrInfo *flinfo)
{
	MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	const char	 *call;
	Values		  values;
	Candidate	  c;
	Node		 *expr;

	check_event(data);
	call = data->tg_trigger->tgargs[0];
	values = read_values(data);
	check_old(data, &values);
	t->function = psprintf("rtm_%s_async", call);
	c = find_function(call, t->function, &values);
	t->oid = c.oid;
	check_privilege(t);
	expr = (Node *) makeFuncExpr(c.oid, INT8OID, make_args(&c, t->function, &values), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
	expr = rtm_expand_generated(expr, data->tg_relation, OUTBOX_ROW);
	expr = rtm_expand_generated(expr, data->tg_relation, OUTBOX_OLD_ROW);
	ChangeVarNodes(expr, OUTBOX_OLD_ROW, INNER_VAR, 0);
	t->context = CreateStandaloneExprContext();
	t->call = ExecInitExpr(expression_planner((Expr *) expr), NULL);
	MemoryContextSwitchTo(old);
}

/* ---- firing ---- */

/* Any Var but one of the old row is of the scan tuple. */
static TupleTableSlot *
row_of(const TriggerData *data)
{
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newslot : data->tg_trigslot;
}

/* What the trigger does in this statement. */
static SendTrigger *
get_trigger(FunctionCallInfo fcinfo, const TriggerData *data)
{
	FmgrInfo	 *flinfo = fcinfo->flinfo;
	MemoryContext old;
	SendTrigger	 *t = flinfo->fn_extra;

	if (t)
		return t;
	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	t = palloc0(sizeof(SendTrigger));
	t->what = describe(data);
	flinfo->fn_extra = t;
	MemoryContextSwitchTo(old);
	return t;
}

PG_FUNCTION_INFO_V1(rtm_sql_send_trigger);

Datum
rtm_sql_send_trigger(PG_FUNCTION_ARGS)
{
	const TriggerData	*data = (TriggerData *) fcinfo->context;
	ErrorContextCallback callback = {error_context_stack, error_context, NULL};
	SendTrigger			*t;
	bool				 isnull;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("rtm_send_trigger() can only be called as a trigger")));
	t = get_trigger(fcinfo, data);
	callback.arg = t->what;
	error_context_stack = &callback;
	if (t->call == NULL)
		compile(t, data, fcinfo->flinfo);
	check_privilege(t);
	ResetExprContext(t->context);
	t->context->ecxt_scantuple = row_of(data);
	t->context->ecxt_innertuple = data->tg_trigslot;
	(void) ExecEvalExprSwitchContext(t->call, t->context, &isnull);
	error_context_stack = callback.previous;
	PG_RETURN_POINTER(NULL);
}
