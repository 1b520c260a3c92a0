/*-------------------------------------------------------------------------
 *
 * args.c
 *	  What every SQL function reads from its arguments in the same way.
 *
 * Called by the other files of src/sql.  Results are palloc()ed in the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "method/argument.h"

void
rtm_require_arg(const NullableDatum *arg, const char *name)
{
	if (arg->isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"%s\" must not be null", name)));
}

int64 *
rtm_array_arg(Datum array, const char *name, bool wide, int *count)
{
	ArrayType *arr = DatumGetArrayTypeP(array);
	Datum	  *elements;
	bool	  *nulls;
	int64	  *values;

	if (ARR_NDIM(arr) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("argument \"%s\" must be a one-dimensional array", name)));

	if (wide)
		deconstruct_array(arr, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements,
						  &nulls, count);
	else
		deconstruct_array(arr, INT4OID, sizeof(int32), true, TYPALIGN_INT, &elements, &nulls,
						  count);

	values = palloc(sizeof(int64) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument \"%s\" must not contain nulls", name)));
		values[i] = wide ? DatumGetInt64(elements[i]) : DatumGetInt32(elements[i]);
	}
	return values;
}

void
rtm_common_args(const NullableDatum *timeout, const NullableDatum *server, RtmCall *call)
{
	call->timeout = timeout->isnull ? 0 : DatumGetFloat8(timeout->value);
	if (!isfinite(call->timeout) || call->timeout < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid timeout: %g", call->timeout),
						errhint("It is in seconds; 0 stands for the server's setting.")));
	call->server = server->isnull ? NULL : TextDatumGetCString(server->value);
}
