/*-------------------------------------------------------------------------
 *
 * backend.c
 *	  Fuzz targets of the code that needs a server: libFuzzer inside one.
 *
 * The library's objects, instrumented, and this file make a module; a server in
 * single-user mode loads it, and rtm_fuzz() hands the process to libFuzzer.  So
 * the answer decoders, jsonb, the option validator and what the local gate reads
 * run on the server's own memory contexts, errors, types and numbers, not on
 * imitations of them.
 *
 * An input may fail, with an SQLSTATE that a user can do something about; an
 * internal error is a finding, and so is memory that outlives its input.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "client/call.h"
#include "client/error.h"
#include "client/option.h"
#include "client/text.h"
#include "compat.h"
#include "host.h"
#include "method/answer.h"
#include "method/encode.h"
#include "method/jsonb.h"
#include "method/result.h"
#include "quest/gate_args.h"
#include "quest/gate_json.h"

extern int	  LLVMFuzzerRunDriver(int *argc, char ***argv,
								  int (*callback)(const uint8_t *data, size_t size));
extern size_t __sanitizer_get_current_allocated_bytes(void);

extern PGDLLEXPORT Datum rtm_fdw_validator(PG_FUNCTION_ARGS);

/* Every so many inputs one is tried again, to see what it leaves behind. */
#define LEAK_CHECK_EVERY 512

typedef struct Target
{
	const char *name;
	void (*run)(const uint8_t *data, size_t size);
} Target;

static const Target *target;
static MemoryContext fuzz_context;

/* What must hold, also in builds without assertions. */
static void
require(bool condition, const char *what)
{
	if (condition)
		return;
	write_stderr("rtm_fuzz: %s\n", what);
	abort();
}

/* ---- answers ---- */

/* An answer and the document that it points into. */
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

/* As call.c does it; NULL when it isn't one map. */
static RtmAnswer *
open_answer(const uint8_t *data, size_t size)
{
	Unpacked			  *u = palloc0(sizeof(Unpacked));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = close_doc;
	callback->arg = u;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	if (fpnn_doc_open(&u->doc, data, size) != FPNN_OK)
		return NULL;
	u->answer.map = u->doc.map;
	u->answer.server = "fuzz";
	u->answer.endpoint = "localhost:1";
	return &u->answer;
}

/* Look at every byte of a value, by its type's output function. */
static char *
show(Oid type, Datum value)
{
	Oid	 output;
	bool is_varlena;

	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

static TupleDesc
row_type(const char *name, Oid *type)
{
	static char		*kept_name;
	static TupleDesc kept;
	static Oid		 kept_type;

	if (kept_name == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		kept_name = pstrdup(name);
		kept_type = DatumGetObjectId(DirectFunctionCall1(regtypein, CStringGetDatum(name)));
		kept = lookup_rowtype_tupdesc_copy(kept_type, -1);
		MemoryContextSwitchTo(old);
	}
	require(strcmp(kept_name, name) == 0, "a process has one target");
	*type = kept_type;
	return kept;
}

static void
show_row(HeapTuple tuple, TupleDesc desc, Oid type)
{
	(void) show(type, heap_copy_tuple_as_datum(tuple, desc));
}

/* A send's answer. */
static void
run_send(const uint8_t *data, size_t size)
{
	RtmReader reader = {.answer = open_answer(data, size), .what = "rtm_send_message"};

	if (reader.answer)
		(void) rtm_read_int(&reader, "mtime");
}

/* A page of history, of a group's and of a pair of users. */
static void
run_history(const uint8_t *data, size_t size)
{
	RtmResult result = {.uid = 1, .ouid = 2};
	Oid		  type;
	TupleDesc desc = row_type("public.rtm_history_result", &type);

	result.reader.answer = open_answer(data, size);
	result.reader.what = "rtm_get_message";
	if (result.reader.answer == NULL)
		return;
	result.method = &rtm_methods[RTM_GET_GROUP_MESSAGE];
	show_row(rtm_result_tuple(&result, desc), desc, type);
	result.method = &rtm_methods[RTM_GET_P2P_MESSAGE];
	show_row(rtm_result_tuple(&result, desc), desc, type);
}

static void
run_info(const uint8_t *data, size_t size)
{
	RtmResult result = {.method = &rtm_methods[RTM_GET_ROOM_MESSAGE_INFO]};
	Oid		  type;
	TupleDesc desc = row_type("public.rtm_message_info", &type);

	result.reader.answer = open_answer(data, size);
	result.reader.what = "rtm_get_message_info";
	if (result.reader.answer)
		show_row(rtm_result_tuple(&result, desc), desc, type);
}

/* What any call answers (counts too), and a delete, which must be a map only. */
static void
run_any(const uint8_t *data, size_t size)
{
	RtmReader reader = {.answer = open_answer(data, size), .what = "rtm_call"};
	Jsonb	 *jsonb;
	char	 *text;
	Datum	  again;

	if (reader.answer == NULL)
		return;
	jsonb = rtm_answer_jsonb(&reader);
	text = show(JSONBOID, JsonbPGetDatum(jsonb));
	again = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	require(DatumGetBool(DirectFunctionCall2(jsonb_eq, JsonbPGetDatum(jsonb), again)),
			"jsonb that isn't what its text says");
}

static void
run_error(const uint8_t *data, size_t size)
{
	RtmAnswer  *answer = open_answer(data, size);
	const char *ex;
	size_t		len;

	if (answer == NULL)
		return;
	answer->code = rtm_read_error(answer->map, &ex, &len);
	require(answer->code > 0, "an error without a code");
	answer->ex = rtm_text_from_wire(ex, len, &len);
	rtm_raise_answer(answer, "rtm_call");
}

/* ---- jsonb ---- */

/* The map that a quest with these parameters and nothing else would have. */
static StringInfo
pack(Jsonb *jsonb)
{
	StringInfo	   params = makeStringInfo();
	StringInfo	   map = makeStringInfo();
	msgpack_packer packer;
	int			   n = rtm_pack_jsonb(jsonb, params);

	rtm_packer_init(&packer, map);
	msgpack_pack_map(&packer, (size_t) n);
	appendBinaryStringInfo(map, params->data, params->len);
	return map;
}

/*
 * jsonb to msgpack and back: what comes back packs to what comes back.  (The
 * first time around large numbers become doubles, and bytes that are text,
 * text.)
 */
static void
run_pack(const uint8_t *data, size_t size)
{
	char  *text = pnstrdup((const char *) data, size);
	Jsonb *jsonb[3];
	size_t used;

	if (!pg_verifymbstr(text, (int) strlen(text), true))
		return;
	jsonb[0] = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	for (int i = 0; i < 2; i++)
	{
		StringInfo map = pack(jsonb[i]);
		RtmReader  reader = {.what = "rtm_call"};
		FpnnStatus status = fpnn_msgpack_check((uint8_t *) map->data, (size_t) map->len, &used);

		/* it may nest too deep for an answer */
		if (status != FPNN_OK)
			return;
		require(used == (size_t) map->len, "more was packed than one map");
		reader.answer = open_answer((uint8_t *) map->data, (size_t) map->len);
		require(reader.answer != NULL, "what was packed can't be unpacked");
		jsonb[i + 1] = rtm_answer_jsonb(&reader);
	}
	require(DatumGetBool(
				DirectFunctionCall2(jsonb_eq, JsonbPGetDatum(jsonb[1]), JsonbPGetDatum(jsonb[2]))),
			"jsonb that changes on its way");
}

/* ---- options ---- */

/*
 * A value of an option; the first byte says of which one.  What the validator
 * lets pass is read as well.
 */
static void
run_option(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"public_key", "endpoint",		 "pid",		   "encryption",
										"tls_verify", "connect_timeout", "rate_limit", "ecdh_bits",
										"secret",	  "no_such_option"};
	const char				*name;
	char					*value;
	Datum					 option;
	Datum					 options;
	List					*server;

	if (size == 0)
		return;
	name = names[data[0] % lengthof(names)];
	value = pnstrdup((const char *) data + 1, size - 1);
	option = CStringGetTextDatum(psprintf("%s=%s", name, value));
	options = PointerGetDatum(construct_array(&option, 1, TEXTOID, -1, false, TYPALIGN_INT));
	if (strcmp(name, "secret") == 0)
	{
		DirectFunctionCall2(rtm_fdw_validator, options, ObjectIdGetDatum(UserMappingRelationId));
		return;
	}
	DirectFunctionCall2(rtm_fdw_validator, options, ObjectIdGetDatum(ForeignServerRelationId));
	server = list_make1(makeDefElem(pstrdup(name), (Node *) makeString(value), -1));
	if (strcmp(name, "endpoint") != 0)
		server = lappend(server, makeDefElem("endpoint", (Node *) makeString("localhost:1"), -1));
	if (strcmp(name, "pid") != 0)
		server = lappend(server, makeDefElem("pid", (Node *) makeString("1"), -1));
	(void) rtm_read_options(server, list_make1(makeDefElem("secret", (Node *) makeString("s"), -1)),
							"fuzz");
}

/* ---- the local gate ---- */

static GateQuest *gate_quest; /* of the input being tried */

/* A quest as net.c keeps it: an array that is exactly as long as the payload. */
static void
begin_quest(uint8 flag, const uint8_t *data, size_t size)
{
	uint8 *payload = palloc(Max(size, 1));

	memcpy(payload, data, size);
	gate_quest = palloc0(sizeof(GateQuest));
	gate_quest->frame.flag = flag;
	gate_quest->frame.mtype = FPNN_TWOWAY;
	gate_quest->frame.method = "sendmsg";
	gate_quest->frame.method_len = strlen("sendmsg");
	gate_quest->frame.payload = payload;
	gate_quest->frame.payload_len = size;
	fpnn_buf_init(&gate_quest->answer, &rtm_env);
}

/* Its parameters, taken for those of each method: right, or a code that says why not. */
static void
read_parameters(const msgpack_object *map)
{
	for (RtmMethodId id = 0; id < RTM_NUM_METHODS; id++)
	{
		GateArgs args = {.pid = 1};
		bool	 good = gate_args_read(gate_quest, map, &rtm_methods[id], &args);

		require(good == (gate_quest->code == 0), "parameters that are wrong without a code");
		require(good || gate_quest->ex != NULL, "a code without a text");
		gate_quest->code = 0;
		gate_quest->ex = NULL;
	}
}

/* What the gate would answer in JSON is JSON. */
static void
write_json(const void *answer, size_t size)
{
	JsonLexContext *lexer;

	gate_quest->frame.flag = FPNN_FLAG_JSON;
	fpnn_buf_reset(&gate_quest->answer, SIZE_MAX);
	require(fpnn_buf_append(&gate_quest->answer, answer, size) == FPNN_OK, "out of memory");
	gate_json_write(gate_quest);
	lexer = rtm_json_lexer((char *) fpnn_buf_head(&gate_quest->answer),
						   (int) fpnn_buf_len(&gate_quest->answer), PG_UTF8);
	require(pg_parse_json(lexer, &nullSemAction) == JSON_SUCCESS, "an answer in JSON that is none");
}

static void
read_and_answer(void)
{
	Unpacked			  *u = palloc0(sizeof(Unpacked));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = close_doc;
	callback->arg = u;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	if (fpnn_doc_open(&u->doc, gate_quest->frame.payload, gate_quest->frame.payload_len) != FPNN_OK)
		return;
	read_parameters(u->doc.map);
	write_json(gate_quest->frame.payload, gate_quest->frame.payload_len);
}

/* A quest in msgpack, answered with its own payload. */
static void
run_gate(const uint8_t *data, size_t size)
{
	begin_quest(FPNN_FLAG_MSGPACK, data, size);
	read_and_answer();
}

/* The same for one that comes in JSON. */
static void
run_json(const uint8_t *data, size_t size)
{
	begin_quest(FPNN_FLAG_JSON, data, size);
	if (gate_json_read(gate_quest))
		read_and_answer();
}

/* The worker gives the answer's buffer back when a quest has failed, too. */
static void
end_quest(void)
{
	if (gate_quest)
		fpnn_buf_free(&gate_quest->answer);
	gate_quest = NULL;
}

static const Target targets[] = {
	{"send", run_send},		{"history", run_history}, {"info", run_info},
	{"any", run_any},		{"error", run_error},	  {"pack", run_pack},
	{"option", run_option}, {"gate", run_gate},		  {"json", run_json},
};

/* ---- libFuzzer ---- */

/* An error that the input may cause; internal ones (XX000) are none. */
static void
check_error(const ErrorData *error)
{
	char state[6];

	strlcpy(state, unpack_sql_state(error->sqlerrcode), sizeof(state));
	if (strncmp(state, "XX", 2) == 0 || strncmp(state, "53", 2) == 0 || error->elevel > ERROR)
	{
		write_stderr("rtm_fuzz: %s: %s\n", state, error->message);
		abort();
	}
}

static void
run_input(const uint8_t *data, size_t size)
{
	MemoryContextSwitchTo(fuzz_context);
	PG_TRY();
	{
		target->run(data, size);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(fuzz_context);
		check_error(CopyErrorData());
		FlushErrorState();
	}
	PG_END_TRY();
	end_quest();
	MemoryContextReset(fuzz_context);
}

static int
one_input(const uint8_t *data, size_t size)
{
	static uint64 inputs;
	size_t		  before;

	run_input(data, size);
	if (++inputs % LEAK_CHECK_EVERY != 0)
		return 0;
	before = __sanitizer_get_current_allocated_bytes();
	run_input(data, size);
	require(__sanitizer_get_current_allocated_bytes() <= before, "memory outlives its input");
	return 0;
}

PG_FUNCTION_INFO_V1(rtm_fuzz);

/* rtm_fuzz(target text, arguments text[]): doesn't return */
Datum
rtm_fuzz(PG_FUNCTION_ARGS)
{
	char  *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum *arguments;
	char **argv;
	int	   argc;

	for (int i = 0; i < lengthof(targets); i++)
		if (strcmp(targets[i].name, name) == 0)
			target = &targets[i];
	if (target == NULL)
		elog(ERROR, "there is no fuzz target \"%s\"", name);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &arguments, NULL,
					  &argc);
	argv = palloc0(sizeof(char *) * (argc + 2));
	argv[0] = name;
	for (int i = 0; i < argc; i++)
		argv[i + 1] = TextDatumGetCString(arguments[i]);
	argc++;
	fuzz_context = AllocSetContextCreate(TopMemoryContext, "rtm fuzz", ALLOCSET_DEFAULT_SIZES);
	exit(LLVMFuzzerRunDriver(&argc, &argv, one_input));
}
