/*-------------------------------------------------------------------------
 *
 * unpack.c
 *	  What the outbox stores, packed, as values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "method/unpack.h"
#include "method/answer.h"
#include "method/encode.h"

/* An answer with the document that it points into. */
typedef struct Unpacked
{
	RtmAnswer answer;
	FpnnDoc	  doc;
} Unpacked;

static void
close_doc(void *arg)
{
	fpnn_doc_close(&((Unpacked *) arg)->doc);
}

RtmAnswer *
outbox_unpack(const char *bytes, size_t len, int nparams)
{
	Unpacked			  *u = palloc0(sizeof(Unpacked));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	StringInfoData		   payload;
	FpnnStatus			   status;

	initStringInfo(&payload);
	if (nparams >= 0)
	{
		msgpack_packer packer;

		rtm_packer_init(&packer, &payload);
		msgpack_pack_map(&packer, (size_t) nparams);
	}
	appendBinaryStringInfo(&payload, bytes, (int) len);
	callback->func = close_doc;
	callback->arg = u;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	status = fpnn_doc_open(&u->doc, (const uint8_t *) payload.data, (size_t) payload.len);
	if (status == FPNN_NOMEM)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (status != FPNN_OK)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("these bytes are no packed map: %s", fpnn_status_text(status))));
	u->answer.map = u->doc.map;
	u->answer.server = "outbox";
	u->answer.endpoint = "outbox";
	return &u->answer;
}

HeapTuple
outbox_error_tuple(int code, const char *message, TupleDesc desc)
{
	char		  state[6];
	NullableDatum columns[3];

	rtm_code_sqlstate(code, state);
	if (message == NULL)
		message = rtm_code_text(code);
	columns[0] = rtm_column(Int32GetDatum(code));
	columns[1] = rtm_column(CStringGetTextDatum(state));
	columns[2] = rtm_column(CStringGetTextDatum(message ? message : "unknown error"));
	return rtm_form_tuple(desc, columns, lengthof(columns));
}
