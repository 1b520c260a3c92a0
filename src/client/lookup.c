/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  Foreign servers and user mappings in the catalogues.
 *
 * Called by cache.c, for the current role, and by the outbox, for the roles
 * that queued something.  Needs a transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "client/lookup.h"
#include "compat.h"

Oid
rtm_find_server(const char *name, Oid role)
{
	Oid		  server = get_foreign_server_oid(name, true);
	AclResult acl;

	if (!OidIsValid(server))
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("server \"%s\" does not exist", name),
			 errhint(
				 "Make it with CREATE SERVER ... FOREIGN DATA WRAPPER rtm, or name another one in the argument server or the setting rtm.server.")));
	acl = rtm_aclcheck(ForeignServerRelationId, server, role, ACL_USAGE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, name);
	return server;
}

/* The role's own user mapping, or else PUBLIC's, or else InvalidOid. */
static Oid
mapping_of(Oid server, Oid role)
{
	Oid mapping = GetSysCacheOid2(USERMAPPINGUSERSERVER, Anum_pg_user_mapping_oid,
								  ObjectIdGetDatum(role), ObjectIdGetDatum(server));

	if (!OidIsValid(mapping))
		mapping = GetSysCacheOid2(USERMAPPINGUSERSERVER, Anum_pg_user_mapping_oid,
								  ObjectIdGetDatum(InvalidOid), ObjectIdGetDatum(server));
	return mapping;
}

char *
rtm_mapping_option(Oid server, Oid role, const char *name)
{
	if (!OidIsValid(mapping_of(server, role)))
		return NULL;
	return rtm_option_value(GetUserMapping(role, server)->options, name);
}

Oid
rtm_find_mapping(Oid server, const char *name, Oid role)
{
	Oid mapping = mapping_of(server, role);

	if (!OidIsValid(mapping))
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("user mapping for role \"%s\" and server \"%s\" does not exist",
					GetUserNameFromId(role, false), name),
			 errhint("Make it with CREATE USER MAPPING FOR %s SERVER %s OPTIONS (secret '...').",
					 quote_identifier(GetUserNameFromId(role, false)), quote_identifier(name))));
	return mapping;
}

RtmOptions *
rtm_server_options(Oid server_oid, Oid role, char *name)
{
	ForeignServer	   *server = GetForeignServer(server_oid);
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	UserMapping		   *mapping = GetUserMapping(role, server_oid);
	RtmOptions		   *options;

	if (strcmp(wrapper->fdwname, "rtm") != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is not a server of rtm", server->servername),
						errdetail("Its foreign-data wrapper is \"%s\".", wrapper->fdwname),
						errhint("Name a server that was made with FOREIGN DATA WRAPPER rtm.")));
	options = rtm_read_options(server->options, mapping->options, server->servername);
	strlcpy(name, server->servername, NAMEDATALEN);
	return options;
}
