/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Names of a request's role, foreign server and callback.
 *
 * A request has them by OID, so that they can be renamed while it waits.  In
 * another cluster, where pg_upgrade, logical replication or COPY may bring its
 * row, an OID says nothing, or is that of something else.  So the row has the
 * names as well, and what comes from another origin goes by them alone.
 *
 * A callback is found by its name and the arguments that its call requires, which
 * no row needs to tell.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "compat.h"
#include "outbox/record/callback.h"
#include "outbox/origin/names.h"
#include "outbox/origin/origin.h"

/* ---- from OIDs to names ---- */

static void
set_name(OutboxName *name, const char *is)
{
	if (is == NULL)
		return;
	name->bytes = is;
	name->len = (int) strlen(is);
}

static char *
server_name(Oid oid)
{
	ForeignServer *server = GetForeignServerExtended(oid, FSV_MISSING_OK);

	return server ? server->servername : NULL;
}

static char *
callback_name(Oid function)
{
	char *name = get_func_name(function);
	char *schema = name ? get_namespace_name(get_func_namespace(function)) : NULL;

	return schema ? quote_qualified_identifier(schema, name) : NULL;
}

static Oid
callback_owner(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid		  owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

void
outbox_name_objects(OutboxRow *row)
{
	set_name(&row->owner_name, GetUserNameFromId(row->owner, true));
	set_name(&row->server_name, server_name(row->server));
	if (OidIsValid(row->callback))
	{
		set_name(&row->callback_name, callback_name(row->callback));
		row->callback_owner = callback_owner(row->callback);
	}
}

/* ---- from names to OIDs ---- */

static char *
copy_of(const OutboxName *name)
{
	return pnstrdup(name->bytes, name->len);
}

Oid
outbox_find_role(const OutboxName *name)
{
	return name->bytes ? get_role_oid(copy_of(name), true) : InvalidOid;
}

Oid
outbox_find_server(const OutboxName *name)
{
	return name->bytes ? get_foreign_server_oid(copy_of(name), true) : InvalidOid;
}

/* Whoever asks: privileges are those of the role that queued it, when it runs. */
static Oid
find_callback(const char *call, int len, const OutboxName *name)
{
	List *parts = textToQualifiedNameList(cstring_to_text_with_len(name->bytes, name->len));
	Oid	  types[RTM_MAX_CALLBACK_ARGS];
	int	  n = outbox_callback_types(rtm_method_by_call(call, len), types);
	Oid	  schema;

	if (list_length(parts) != 2)
		return InvalidOid;
	schema = get_namespace_oid(strVal(linitial(parts)), true);
	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(strVal(lsecond(parts))),
						   PointerGetDatum(buildoidvector(types, n)), ObjectIdGetDatum(schema));
}

Oid
outbox_find_callback(const OutboxRow *row)
{
	return row->callback_name.bytes ? find_callback(row->call, row->call_len, &row->callback_name)
									: InvalidOid;
}

static bool
has_names(const OutboxRow *row)
{
	return row->owner_name.bytes && row->server_name.bytes &&
		   (!OidIsValid(row->callback) || row->callback_name.bytes);
}

char *
outbox_resolve_names(OutboxRow *row)
{
	Oid	  owner;
	Oid	  server;
	Oid	  callback = InvalidOid;
	char *renamed;

	if (!has_names(row))
		return pstrdup("it has no names, only OIDs, which mean something else here");
	owner = outbox_find_role(&row->owner_name);
	if (!OidIsValid(owner))
		return psprintf("role \"%s\" does not exist", copy_of(&row->owner_name));
	server = outbox_find_server(&row->server_name);
	if (!OidIsValid(server))
		return psprintf("server \"%s\" does not exist", copy_of(&row->server_name));
	if (server != row->server && (renamed = server_name(row->server)) != NULL &&
		outbox_same_system())
		return psprintf("its server \"%s\" is \"%s\" by now, and another server has its name",
						copy_of(&row->server_name), renamed);
	if (OidIsValid(row->callback))
	{
		callback = find_callback(row->call, row->call_len, &row->callback_name);
		if (!OidIsValid(callback))
			return psprintf("there is no function %s with the arguments of its callback",
							copy_of(&row->callback_name));
	}
	row->owner = owner;
	row->server = server;
	row->callback = callback;
	return NULL;
}

char *
outbox_replace_dropped(OutboxRow *row)
{
	Oid found;

	if (row->server_name.bytes &&
		!SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(row->server)) &&
		OidIsValid(found = outbox_find_server(&row->server_name)))
		row->server = found;
	if (!OidIsValid(row->callback) || row->callback_name.bytes == NULL ||
		SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(row->callback)) ||
		!OidIsValid(found = outbox_find_callback(row)))
		return NULL;
	if (callback_owner(found) != row->callback_owner)
		return psprintf(
			"its callback %s was dropped, and the function that has the name now belongs to another role",
			copy_of(&row->callback_name));
	row->callback = found;
	return NULL;
}

PG_FUNCTION_INFO_V1(rtm_sql_callback_of);

Datum
rtm_sql_callback_of(PG_FUNCTION_ARGS)
{
	text	  *call = PG_GETARG_TEXT_PP(0);
	text	  *name = PG_GETARG_TEXT_PP(1);
	OutboxName n = {VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name)};
	Oid		   found = find_callback(VARDATA_ANY(call), (int) VARSIZE_ANY_EXHDR(call), &n);

	if (!OidIsValid(found))
		PG_RETURN_NULL();
	PG_RETURN_OID(found);
}
