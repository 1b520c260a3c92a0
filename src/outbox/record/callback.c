/*-------------------------------------------------------------------------
 *
 * callback.c
 *	  Callbacks: functions that are told how a request ended.
 *
 * Called when a request is queued, and again before a callback runs: the
 * function may have been replaced in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat.h"
#include "outbox/record/callback.h"
#include "outbox/record/relations.h"

OutboxSignature
outbox_signature(const RtmMethod *method)
{
	if (method == NULL)
		return OUTBOX_CALL_CALLBACK;
	switch (method->kind)
	{
		case RTM_KIND_SEND:
			return OUTBOX_SEND_CALLBACK;
		case RTM_KIND_HISTORY:
			return OUTBOX_HISTORY_CALLBACK;
		case RTM_KIND_INFO:
			return OUTBOX_INFO_CALLBACK;
		default:
			return OUTBOX_DELETE_CALLBACK;
	}
}

static Oid
type_of_extension(const char *name)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
							   ObjectIdGetDatum(outbox_relations(false)->schema));

	if (!OidIsValid(type))
		elog(ERROR, "type %s of extension \"rtm\" does not exist", name);
	return type;
}

int
outbox_signature_types(OutboxSignature signature, Oid *types)
{
	int n = 0;

	switch (signature)
	{
		case OUTBOX_SEND_CALLBACK:
			types[n++] = INT8OID;
			types[n++] = INT8OID;
			break;
		case OUTBOX_HISTORY_CALLBACK:
			types[n++] = type_of_extension("rtm_history_result");
			break;
		case OUTBOX_INFO_CALLBACK:
			types[n++] = type_of_extension("rtm_message_info");
			break;
		case OUTBOX_CALL_CALLBACK:
			types[n++] = JSONBOID;
			break;
		case OUTBOX_DELETE_CALLBACK:
			break;
	}
	types[n++] = type_of_extension("rtm_error");
	return n;
}

static char *
list_types(const Oid *types, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%s", i ? ", " : "", format_type_be(types[i]));
	return list.data;
}

void
outbox_check_callback(Oid function, OutboxSignature signature, Oid role)
{
	HeapTuple	 tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	Oid			 types[OUTBOX_MAX_CALLBACK_ARGS];
	int			 n;
	AclResult	 acl;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("the callback, function with OID %u, does not exist", function)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	n = outbox_signature_types(signature, types);
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset || proc->pronargs != n ||
		memcmp(proc->proargtypes.values, types, sizeof(Oid) * n) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s cannot be the callback of this call", format_procedure(function)),
				 errhint("Its arguments must be (%s).", list_types(types, n))));
	ReleaseSysCache(tuple);

	acl = rtm_may_execute(function, role);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, format_procedure(function));
}
