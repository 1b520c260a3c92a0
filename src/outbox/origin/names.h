/*-------------------------------------------------------------------------
 *
 * names.h
 *	  Names of a request's role, foreign server and callback.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_NAMES_H
#define OUTBOX_NAMES_H

#include "outbox/record/row.h"

/*
 * Give the row the names of what it has by OID.  What doesn't exist any more
 * keeps the name that it has.
 */
extern void outbox_name_objects(OutboxRow *row);

/*
 * A row of another origin: give it the OIDs that its names have here.  Returns
 * NULL, or why it can't be done, palloc()ed; the row is as it was then.
 */
extern char *outbox_resolve_names(OutboxRow *row);

/*
 * A row of this origin: if its server or callback was dropped, give it the one
 * that has the name now, if any.  NULL, or why not, palloc()ed: the callback's is
 * somebody else's, who would get the rights of the role that queued it.
 */
extern char *outbox_replace_dropped(OutboxRow *row);

/* What a row of another origin names, or else InvalidOid. */
extern Oid outbox_find_role(const OutboxName *name);
extern Oid outbox_find_server(const OutboxName *name);
extern Oid outbox_find_callback(const OutboxRow *row);

#endif /* OUTBOX_NAMES_H */
