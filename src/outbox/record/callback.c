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
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat.h"
#include "outbox/record/callback.h"
#include "outbox/record/relations.h"

int
outbox_callback_types(const RtmMethod *method, Oid *types)
{
	return rtm_callback_types(method, outbox_relations(false)->schema, types);
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
outbox_check_callback(Oid function, const RtmMethod *method, Oid role)
{
	HeapTuple	 tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	Oid			 types[RTM_MAX_CALLBACK_ARGS];
	int			 n;
	AclResult	 acl;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("the callback, function with OID %u, does not exist", function)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	n = outbox_callback_types(method, types);
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset || proc->pronargs != n ||
		memcmp(proc->proargtypes.values, types, sizeof(Oid) * n) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s cannot be the callback of this call", format_procedure(function)),
				 errhint("Its arguments must be (%s).", list_types(types, n))));
	ReleaseSysCache(tuple);

	acl = rtm_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, format_procedure(function));
}
