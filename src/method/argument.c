/*-------------------------------------------------------------------------
 *
 * argument.c
 *	  What every SQL function reads from its arguments in the same way.
 *
 * Results are palloc()ed in the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "method/argument.h"

void
rtm_require_arg(const NullableDatum *arg, const char *name)
{
	if (arg->isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"%s\" must not be null", name)));
}

/* The elements of a one-dimensional array without nulls. */
static Datum *
elements_of(Datum array, const char *name, Oid type, int *count)
{
	ArrayType *arr = DatumGetArrayTypeP(array);
	Datum	  *elements;
	bool	  *nulls;
	int16	   len;
	bool	   by_value;
	char	   align;

	if (ARR_NDIM(arr) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("argument \"%s\" must be a one-dimensional array", name)));
	get_typlenbyvalalign(type, &len, &by_value, &align);
	deconstruct_array(arr, type, len, by_value, align, &elements, &nulls, count);
	for (int i = 0; i < *count; i++)
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument \"%s\" must not contain nulls", name)));
	return elements;
}

int64 *
rtm_array_arg(Datum array, const char *name, int *count)
{
	Datum *elements = elements_of(array, name, INT8OID, count);
	int64 *values = palloc(sizeof(int64) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
		values[i] = DatumGetInt64(elements[i]);
	return values;
}

Datum *
rtm_texts_arg(Datum array, const char *name, int *count)
{
	return elements_of(array, name, TEXTOID, count);
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

static void
check_method(const char *method)
{
	size_t len = strlen(method);
	bool   good = len >= 1 && len <= 255;

	for (size_t i = 0; i < len; i++)
	{
		if (method[i] <= ' ' || method[i] > '~')
			good = false;
	}
	if (!good)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid name of a method: \"%s\"", method),
						errhint("It has 1 to 255 printable ASCII characters.")));
	if (method[0] == '*' && strcmp(method, "*ping") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("method \"%s\" cannot be called", method),
						errdetail("Methods that begin with \"*\" belong to the connection."),
						errhint("The only one that can be called is *ping.")));
}

char *
rtm_method_arg(const NullableDatum *arg)
{
	char *method;

	rtm_require_arg(arg, "method");
	method = TextDatumGetCString(arg->value);
	check_method(method);
	return method;
}
