/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Text between the database's encoding and the wire's UTF-8.
 *
 * Called by src/sql and src/client.  Results are palloc()ed in the current
 * memory context, or are the input itself where no conversion is needed.
 *
 * In a database whose encoding is SQL_ASCII, text is what is valid UTF-8,
 * in both directions; anything else has to be sent, and comes, as bytea.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "fpnn/fpnn.h"
#include "compat.h"
#include "client/text.h"

/* Is the text the same in the database's encoding and on the wire? */
static bool
same_encoding(void)
{
	int encoding = GetDatabaseEncoding();

	return encoding == PG_UTF8 || encoding == PG_SQL_ASCII;
}

/*
 * Convert without raising an error for a character that can't be converted;
 * NULL then, or when there is no conversion between the two encodings.
 */
static char *
convert(int from, int to, const char *bytes, size_t len, size_t *result_len)
{
	Oid	   proc = FindDefaultConversionProc(from, to);
	size_t size = len * MAX_CONVERSION_GROWTH + 1;
	char  *result;
	int	   used = 0;

	if (!OidIsValid(proc))
		return NULL;
	result = palloc(size);
	result[0] = '\0';

	/* the function below takes a length of 0 for 1 */
	if (len > 0)
		used = pg_do_encoding_conversion_buf(proc, from, to, (unsigned char *) bytes, (int) len,
											 (unsigned char *) result, (int) size, true);
	if ((size_t) used != len)
	{
		pfree(result);
		return NULL;
	}
	*result_len = strlen(result);
	return result;
}

const char *
rtm_text_to_wire(const char *bytes, size_t len, const char *what, size_t *wire_len)
{
	const char *wire = bytes;

	if (len > FPNN_MAX_FRAME)
		ereport(
			ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("\"%s\" is too large", what),
			 errdetail("It has %zu bytes; a whole quest has at most %zu.", len, FPNN_MAX_FRAME)));

	*wire_len = len;
	if (!same_encoding())
		wire = convert(GetDatabaseEncoding(), PG_UTF8, bytes, len, wire_len);
	else if (GetDatabaseEncoding() == PG_SQL_ASCII &&
			 !pg_verify_mbstr(PG_UTF8, bytes, (int) len, true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("\"%s\" is not valid UTF-8", what),
				 errdetail("The database's encoding is SQL_ASCII, so its text is sent as it is."),
				 errhint("Convert it to UTF-8, or pass a message as bytea.")));

	if (wire == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("\"%s\" cannot be converted to UTF-8", what),
			 errdetail("It has a character of the encoding \"%s\" that has no equivalent there.",
					   GetDatabaseEncodingName()),
			 errhint("Take the character out, or pass a message as bytea.")));
	return wire;
}

char *
rtm_text_from_wire(const char *bytes, size_t len, size_t *server_len)
{
	/* before any conversion: a few conversions are lax about their input */
	if (len > FPNN_MAX_FRAME || !pg_verify_mbstr(PG_UTF8, bytes, (int) len, true))
		return NULL;
	if (!same_encoding())
		return convert(PG_UTF8, GetDatabaseEncoding(), bytes, len, server_len);
	*server_len = len;
	return pnstrdup(bytes, len);
}

char *
rtm_shown_from_wire(const char *bytes, size_t len)
{
	size_t server_len;
	char  *text = rtm_text_from_wire(bytes, len, &server_len);

	if (text)
		return text;
	text = pnstrdup(bytes, len);
	for (char *p = text; *p; p++)
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	return text;
}

static bytea *
make_bytea(const char *bytes, size_t len)
{
	bytea *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), bytes, len);
	return result;
}

void
rtm_body_from_wire(const char *bytes, size_t len, NullableDatum *text, NullableDatum *binary)
{
	size_t server_len;
	char  *server = rtm_text_from_wire(bytes, len, &server_len);

	text->isnull = server == NULL;
	text->value = (Datum) 0;
	if (server)
	{
		text->value = PointerGetDatum(cstring_to_text_with_len(server, (int) server_len));
		pfree(server);
	}
	binary->isnull = server != NULL;
	binary->value = server ? (Datum) 0 : PointerGetDatum(make_bytea(bytes, len));
}
