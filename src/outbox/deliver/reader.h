/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  From the table into memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OUTBOX_READER_H
#define OUTBOX_READER_H

#include "utils/rel.h"

/* Is there something in the table that could be read now? */
extern bool outbox_reader_has_work(void);

/* Did the last batch read all that there was? */
extern bool outbox_reader_is_current(void);

/*
 * Read a batch.  Needs a transaction, with no snapshot taken in it yet, and the
 * table open.  True: rows of another origin were passed; see origin.c.
 */
extern bool outbox_read(Relation rel);

#endif /* OUTBOX_READER_H */
