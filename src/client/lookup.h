/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  Foreign servers and user mappings in the catalogues.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_LOOKUP_H
#define RTM_LOOKUP_H

#include "client/option.h"

/*
 * The server of that name, which the role may use.  Raises 42704 when there is
 * none, 42501 without USAGE.
 */
extern Oid rtm_find_server(const char *name, Oid role);

/*
 * The role's own user mapping, or else PUBLIC's.  `name` is the server's, for
 * the error: 42704 when there is none.
 */
extern Oid rtm_find_mapping(Oid server, const char *name, Oid role);

/* An option of it, palloc()ed; NULL: there is no mapping, or it has no such option. */
extern char *rtm_mapping_option(Oid server, Oid role, const char *name);

/*
 * What connecting to a server as a role takes, in the current memory context.
 * Copies the server's name to `name` (NAMEDATALEN bytes).  Raises 42809 for a
 * server of another wrapper, and what rtm_read_options() raises.
 */
extern RtmOptions *rtm_server_options(Oid server, Oid role, char *name);

#endif /* RTM_LOOKUP_H */
