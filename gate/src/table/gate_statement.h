/*-------------------------------------------------------------------------
 *
 * gate_statement.h
 *	  The methods that are one statement about the gate's tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATE_STATEMENT_H
#define GATE_STATEMENT_H

#include "table/gate_spi.h"
#include "fpnn/catalog.h"

/*
 * $1 is the project, then come the parameters of the method's row, in its order:
 * integers as bigint, lists of them as bigint[], texts as bytea, flags as boolean;
 * NULL for what isn't there.
 *
 * What it gives is the answer, by the fields of the method's row: the columns of
 * one row; of a method whose field is a list, a row for each element; of one whose
 * fields are maps, rows of which field (from 0), key and value.
 */
typedef struct GateStatement
{
	GatePlan plan; /* its types are filled by whoever runs it */
	int		 none; /* what is answered when there are no rows; 0: as if there were some */
} GateStatement;

/* A method's; NULL: it has none. */
extern GateStatement *gate_statement(const RtmMethod *method);

#endif /* GATE_STATEMENT_H */
