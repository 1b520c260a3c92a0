/*-------------------------------------------------------------------------
 *
 * function.c
 *	  Which row of the catalogue an SQL function stands for.
 *
 * All SQL functions of a variant are one C function: what it is called by says
 * which method is meant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "method/answer.h"
#include "method/function.h"

#define PREFIX "rtm_"

static const struct
{
	const char *suffix;
	RtmVariant	variant;
} variants[] = {
	{"", RTM_VARIANT_CALL},
	{"_page", RTM_VARIANT_PAGE},
	{"_async", RTM_VARIANT_QUEUED},
};

char *
rtm_function_name(const RtmMethod *method, const char *suffix)
{
	return psprintf(PREFIX "%s%s", method->call, suffix);
}

/* Fill method and variant; method stays NULL for a name that is no method's. */
static void
parse_name(RtmFunction *function)
{
	const char *call = function->name + strlen(PREFIX);
	size_t		len = strlen(function->name);

	if (strncmp(function->name, PREFIX, strlen(PREFIX)) != 0)
		return;
	len -= strlen(PREFIX);
	for (int i = 0; i < lengthof(variants) && function->method == NULL; i++)
	{
		size_t suffix_len = strlen(variants[i].suffix);

		if (len <= suffix_len || strcmp(call + len - suffix_len, variants[i].suffix) != 0)
			continue;
		function->method = rtm_method_by_call(call, len - suffix_len);
		function->variant = variants[i].variant;
	}
}

/* The type that a parameter's traits name. */
static Oid
type_of(const RtmParam *param)
{
	static const struct
	{
		const char *name;
		Oid			type;
	} types[] = {
		{"bigint", INT8OID},	  {"bigint[]", INT8ARRAYOID}, {"text", TEXTOID},
		{"text[]", TEXTARRAYOID}, {"boolean", BOOLOID},
	};

	for (int i = 0; i < lengthof(types); i++)
		if (strcmp(types[i].name, rtm_param_types[param->type].sql) == 0)
			return types[i].type;
	return InvalidOid;
}

/* Arguments that are read as what they aren't would be a crash, or a wrong message. */
static void
check_arguments(RtmFunction *function, const oidvector *types)
{
	const RtmParam *params = function->method->params;
	int				ncommon = function->variant == RTM_VARIANT_QUEUED ? 6 : 2;

	function->nargs = rtm_method_nparams(function->method);
	if (types->dim1 != function->nargs + ncommon)
		elog(ERROR, "function %s has %d arguments instead of %d", function->name, types->dim1,
			 function->nargs + ncommon);
	for (int i = 0; i < function->nargs; i++)
	{
		bool bytes = params[i].type == RTM_PARAM_MSG && types->values[i] == BYTEAOID;

		function->binary = function->binary || bytes;
		if (!bytes && types->values[i] != type_of(&params[i]))
			elog(ERROR, "argument \"%s\" of function %s is not of type %s", params[i].name,
				 function->name, rtm_param_types[params[i].type].sql);
	}
}

RtmFunction *
rtm_function(FunctionCallInfo fcinfo)
{
	FmgrInfo	*flinfo = fcinfo->flinfo;
	RtmFunction *function = flinfo->fn_extra;
	HeapTuple	 tuple;
	Form_pg_proc proc;

	if (function)
		return function;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(flinfo->fn_oid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", flinfo->fn_oid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	function = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(RtmFunction));
	function->name = MemoryContextStrdup(flinfo->fn_mcxt, NameStr(proc->proname));
	parse_name(function);
	if (function->method == NULL)
		elog(ERROR, "function %s is no method of the catalogue", function->name);
	check_arguments(function, &proc->proargtypes);
	ReleaseSysCache(tuple);
	flinfo->fn_extra = function;
	return function;
}

TupleDesc
rtm_function_desc(RtmFunction *function, FunctionCallInfo fcinfo)
{
	if (function->desc == NULL)
		function->desc = rtm_make_result_desc(fcinfo);
	return function->desc;
}
