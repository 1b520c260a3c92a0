/*-------------------------------------------------------------------------
 *
 * find.h
 *	  Requests by their id, for whoever may act on them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_FIND_H
#define OUTBOX_FIND_H

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "outbox/record/relations.h"
#include "outbox/record/row.h"

/* Raises 22023 for what no request has. */
extern void outbox_check_id(int64 id);

/* Is that the origin of this database, as far as it is known?  The views say the same. */
extern bool outbox_is_own_origin(int64 origin);

/* True, or it raises 42501: the current role may not act on a request of that owner. */
extern bool outbox_may_act(Oid owner, int64 id);

/*
 * The request with that id that waits, or is through (the table of which is open, and
 * says which), as of the snapshot: this database's own, or else another one's.  What it
 * points to is in the current memory context; false: there is none.  Raises 42501 when
 * the current role may not act on it.
 */
extern bool outbox_find(Relation rel, OutboxTable table, int64 id, Snapshot snapshot,
						OutboxResult *found);

/*
 * A request of another database becomes one of this: it keeps its id, unless another
 * one has that here, or may get it.  True: it has a new one.
 */
extern bool outbox_make_id_own(OutboxRow *row);

#endif /* OUTBOX_FIND_H */
