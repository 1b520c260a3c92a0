/*-------------------------------------------------------------------------
 *
 * control.c
 *	  SQL functions that set up, start, stop and look at the local gate.
 *
 * A gate that a transaction started ends with it when it is rolled back; one
 * that it stopped runs on until the commit.  One that is started by the transaction
 * that creates the extension has its port at once, and listens after the commit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "common/string.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "storage/dsm.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "fpnn/crypt.h"
#include "fpnn/sign.h"
#include "fpnn/tls.h"
#include "table/gate_spi.h"
#include "table/store.h"
#include "worker/start.h"
#include "host.h"
#include "wait.h"

PG_FUNCTION_INFO_V1(rtm_gate_setup);
PG_FUNCTION_INFO_V1(rtm_gate_start);
PG_FUNCTION_INFO_V1(rtm_gate_stop);
PG_FUNCTION_INFO_V1(rtm_gate_status);
PG_FUNCTION_INFO_V1(rtm_gate_new_key);
PG_FUNCTION_INFO_V1(rtm_gate_public_key);
PG_FUNCTION_INFO_V1(rtm_gate_set_certificate);

/*
 * What the end of the transaction decides about.  SIGUSR2 is for a gate that is
 * not to have a successor, which one that got SIGTERM has.
 */
static struct
{
	BackgroundWorkerHandle *started;
	SubTransactionId		started_in;
	dsm_segment			   *early;	 /* of the one that listens after the commit */
	int						to_stop; /* a process */
	SubTransactionId		stopped_in;
} mine;

static void
stop_started(void)
{
	BackgroundWorkerHandle *handle = mine.started;
	pid_t					process = 0;

	if (handle == NULL)
		return;
	if (GetBackgroundWorkerPid(handle, &process) == BGWH_STARTED && process > 0)
		(void) kill(process, SIGUSR2);
	TerminateBackgroundWorker(handle);
	mine.started = NULL;
	if (mine.early)
		dsm_detach(mine.early);
	mine.early = NULL;
}

/*
 * The transaction has committed: the next one may send.  Nothing can be raised, nor
 * cancelled, so this isn't waited for without end.
 */
static void
wait_for_early_gate(void)
{
	GateStart *start = dsm_segment_address(mine.early);

	for (int i = 0; i < 200 && pg_atomic_read_u32(&start->state) == GATE_BOUND; i++)
	{
		SetLatch(start->gate);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 rtm_wait_event(RTM_WAIT_GATE_START));
		ResetLatch(MyLatch);
	}
	SetLatch(MyLatch); /* it may have been set for others */
}

/*
 * A prepared transaction counts as one that commits: nobody would be there to end
 * its gate, and the next one has to find it.
 */
static void
end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			if (mine.early)
				wait_for_early_gate();
			/* FALLTHROUGH */
		case XACT_EVENT_PREPARE:
			if (mine.to_stop)
				kill(mine.to_stop, SIGUSR2);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			stop_started();
			break;
		default:
			return;
	}
	if (mine.early)
		dsm_detach(mine.early);
	mine.early = NULL;
	mine.started = NULL;
	mine.to_stop = 0;
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		if (mine.started_in == id)
			mine.started_in = parent;
		if (mine.stopped_in == id)
			mine.stopped_in = parent;
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		if (mine.started_in == id)
			stop_started();
		if (mine.stopped_in == id)
			mine.to_stop = 0;
	}
}

static void
watch_transactions(void)
{
	static bool watching;

	if (watching)
		return;
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	watching = true;
}

static void
raise_not_started(const char *why)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the local gate could not be started"), errdetail("%s.", why),
					errhint("The server's log may say more.")));
}

/* Wait until the gate listens or has given up. */
static void
wait_for_start(GateStart *start)
{
	for (int i = 0; i < 600; i++)
	{
		switch (pg_atomic_read_u32(&start->state))
		{
			case GATE_LISTENING:
			case GATE_BOUND:
				return;
			case GATE_NOT_LISTENING:
				raise_not_started(pstrdup(start->why));
				break;
			default:
				break;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100,
						 rtm_wait_event(RTM_WAIT_GATE_START));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	raise_not_started("it didn't come up within a minute");
}

/* The transaction that has to commit before the gate can see its tables; 0: none. */
static TransactionId
creator(void)
{
	ScanKeyData	  key;
	Relation	  rel = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc	  scan;
	HeapTuple	  tuple;
	TransactionId xid = InvalidTransactionId;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("rtm_gate"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) &&
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
		xid = GetTopTransactionId();
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return xid;
}

/* Start a gate; its port. */
static int
start_gate(const char *listen, int port, int64 pid, const char *secret)
{
	dsm_segment	  *segment = dsm_create(sizeof(GateStart), 0);
	GateStart	  *start = dsm_segment_address(segment);
	GateWorkerArgs args = {.start = dsm_segment_handle(segment)};
	MemoryContext  old;
	bool		   registered;

	memset(start, 0, sizeof(GateStart));
	pg_atomic_init_u32(&start->state, GATE_STARTING);
	start->starter = MyLatch;
	start->xid = creator();
	start->port = port;
	start->pid = pid;
	strlcpy(start->listen, listen, sizeof(start->listen));
	strlcpy(start->secret, secret ? secret : "", sizeof(start->secret));

	watch_transactions();
	old = MemoryContextSwitchTo(TopTransactionContext);
	registered = gate_register(MyDatabaseId, &args, MyProcPid, &mine.started);
	MemoryContextSwitchTo(old);
	if (!registered)
	{
		mine.started = NULL;
		ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						errmsg("no worker process is left for the local gate"),
						errhint("Increase the setting max_worker_processes.")));
	}
	mine.started_in = GetCurrentSubTransactionId();
	wait_for_start(start);
	port = start->port;
	explicit_bzero(start->secret, sizeof(start->secret));
	if (pg_atomic_read_u32(&start->state) == GATE_BOUND)
	{
		dsm_pin_mapping(segment);
		mine.early = segment;
	}
	else
		dsm_detach(segment);
	return port;
}

static char *
random_secret(void)
{
	uint8 bytes[18];
	char *secret = palloc(2 * sizeof(bytes) + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random secret")));
	hex_encode((char *) bytes, sizeof(bytes), secret);
	secret[2 * sizeof(bytes)] = '\0';
	return secret;
}

static char *
endpoint_of(const char *listen, int port)
{
	if (strcmp(listen, "0.0.0.0") == 0 || strcmp(listen, "::") == 0)
		listen = "127.0.0.1";
	return psprintf(strchr(listen, ':') ? "[%s]:%d" : "%s:%d", listen, port);
}

static DefElem *
option(const char *name, const char *value)
{
	return makeDefElem(pstrdup(name), (Node *) makeString(pstrdup(value)), -1);
}

/*
 * Made of nodes, not of SQL text: no log line and no error context may have
 * the secret.
 */
static void
make_server(const char *name, const char *endpoint, int64 pid, const char *secret)
{
	CreateForeignServerStmt *server = makeNode(CreateForeignServerStmt);
	CreateUserMappingStmt	*mapping = makeNode(CreateUserMappingStmt);

	server->servername = pstrdup(name);
	server->fdwname = pstrdup("rtm");
	server->options = list_make2(option("endpoint", endpoint),
								 option("pid", psprintf(INT64_FORMAT, pid)));
	CreateForeignServer(server);
	CommandCounterIncrement();

	mapping->user = makeNode(RoleSpec);
	mapping->user->roletype = ROLESPEC_CURRENT_USER;
	mapping->user->location = -1;
	mapping->servername = pstrdup(name);
	mapping->options = list_make1(option("secret", secret));
	CreateUserMapping(mapping);
	CommandCounterIncrement();
}

/* The configuration; false when there is none yet. */
static bool
stored_config(GateConfig *config)
{
	bool found;

	gate_spi_begin();
	found = gate_store_config(config);
	gate_spi_end();
	return found;
}

/* Does a gate run, and go on?  One that was stopped may still be ending: start_gate() waits for it. */
static bool
runs_on(const GateConfig *config)
{
	if (mine.to_stop != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the local gate ends with this transaction"),
						errhint("Start it in another transaction.")));
	return config->enabled && gate_running() != 0;
}

static void
need_config(GateConfig *config)
{
	if (!stored_config(config))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the local gate was never set up in this database"),
						errhint("Run SELECT rtm_gate_setup().")));
}

static void
store_config(const GateConfig *config, int64 pid, const char *secret)
{
	gate_spi_begin();
	gate_store_set_config(config);
	if (secret)
		gate_store_set_secret(pid, secret);
	gate_spi_end();
}

/* Make and store a key pair; the public half in the current memory context. */
static char *
make_keys(const char *curve)
{
	FpnnBuf	   private_pem;
	FpnnBuf	   public_pem;
	FpnnStatus status;
	char	  *private_text = NULL;
	char	  *public_text = NULL;

	fpnn_buf_init(&private_pem, &rtm_env);
	fpnn_buf_init(&public_pem, &rtm_env);
	status = fpnn_crypt_make_pair(curve, &private_pem, &public_pem);
	if (status == FPNN_OK)
	{
		private_text = pnstrdup((char *) fpnn_buf_head(&private_pem), fpnn_buf_len(&private_pem));
		public_text = pnstrdup((char *) fpnn_buf_head(&public_pem), fpnn_buf_len(&public_pem));
		explicit_bzero(fpnn_buf_head(&private_pem), fpnn_buf_len(&private_pem));
	}
	fpnn_buf_free(&private_pem);
	fpnn_buf_free(&public_pem);
	if (status != FPNN_OK)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("could not make a key pair on curve \"%s\": %s", curve,
							   fpnn_status_text(status)),
						errhint("Valid curves are: secp256k1, secp256r1, secp224r1, secp192r1.")));
	gate_spi_begin();
	gate_store_set_keys(private_text, public_text);
	gate_spi_end();
	explicit_bzero(private_text, strlen(private_text));
	return public_text;
}

static void
check_setup_args(int port, int64 pid, const char *secret)
{
	if (port < 0 || port > 65535)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid port: %d", port),
						errhint("Ports are 1 to 65535; 0 means any that is free.")));
	if (pid <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid pid: " INT64_FORMAT, pid),
						errhint("The project id is a positive number.")));
	if (secret && (secret[0] == '\0' || strlen(secret) > FPNN_MAX_SECRET))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid secret"),
						errhint("A secret has 1 to %d bytes.", FPNN_MAX_SECRET)));
}

Datum
rtm_gate_setup(PG_FUNCTION_ARGS)
{
	int			port;
	const char *server;
	int64		pid;
	char	   *secret;
	GateConfig	config = {.enabled = true, .listen = "127.0.0.1"};
	char	   *endpoint;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("port, server and pid must not be null")));
	port = PG_GETARG_INT32(0);
	server = NameStr(*PG_GETARG_NAME(1));
	pid = PG_GETARG_INT64(2);
	secret = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	check_setup_args(port, pid, secret);

	if (GetForeignServerByName(server, true) != NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("server \"%s\" already exists", server),
			 errhint(
				 "If it is that of the gate, start the gate with rtm_gate_start(); else give another name in the argument server.")));
	if (stored_config(&config) && runs_on(&config))
	{
		/* a second server for the gate that runs */
		if (port != 0 && port != config.port)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the gate of this database listens on port %d already", config.port),
					 errhint("Stop it with rtm_gate_stop() first, or leave out the port.")));
		gate_spi_begin();
		if (secret == NULL)
			secret = gate_store_secret(pid);
		gate_spi_end();
		secret = secret ? secret : random_secret();
	}
	else
	{
		secret = secret ? secret : random_secret();
		config.enabled = true;
		config.port = start_gate(config.listen, port, pid, secret);
	}
	endpoint = endpoint_of(config.listen, config.port);
	store_config(&config, pid, secret);
	if (config.public_key == NULL)
		make_keys("secp256k1");
	make_server(server, endpoint, pid, secret);
	PG_RETURN_TEXT_P(cstring_to_text(endpoint));
}

Datum
rtm_gate_start(PG_FUNCTION_ARGS)
{
	GateConfig config;

	need_config(&config);
	if (!runs_on(&config))
		start_gate(config.listen, config.port, 0, NULL);
	if (!config.enabled)
	{
		config.enabled = true;
		store_config(&config, 0, NULL);
	}
	PG_RETURN_TEXT_P(cstring_to_text(endpoint_of(config.listen, config.port)));
}

Datum
rtm_gate_stop(PG_FUNCTION_ARGS)
{
	GateConfig config;
	int		   process = gate_running();

	if (stored_config(&config) && config.enabled)
	{
		config.enabled = false;
		store_config(&config, 0, NULL);
	}
	if (process != 0)
	{
		watch_transactions();
		mine.to_stop = process;
		mine.stopped_in = GetCurrentSubTransactionId();
	}
	PG_RETURN_BOOL(process != 0);
}

Datum
rtm_gate_status(PG_FUNCTION_ARGS)
{
	TupleDesc  desc;
	GateConfig config;
	int		   process = gate_running();
	Datum	   values[4];
	bool	   nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = BoolGetDatum(process != 0);
	values[1] = Int32GetDatum(process);
	nulls[1] = process == 0;
	nulls[2] = !stored_config(&config);
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(endpoint_of(config.listen, config.port));
	gate_spi_begin();
	values[3] = Int64GetDatum(gate_store_count_all());
	gate_spi_end();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Without the last newline: whoever writes the text to a file adds one, and the vendor's C++ SDK reads no empty line. */
static text *
pem_text(const char *pem)
{
	size_t len = strlen(pem);

	while (len > 0 && pem[len - 1] == '\n')
		len--;
	return cstring_to_text_with_len(pem, (int) len);
}

Datum
rtm_gate_new_key(PG_FUNCTION_ARGS)
{
	GateConfig config;

	need_config(&config);
	PG_RETURN_TEXT_P(pem_text(make_keys(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

Datum
rtm_gate_public_key(PG_FUNCTION_ARGS)
{
	GateConfig config;

	if (!stored_config(&config) || config.public_key == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(pem_text(config.public_key));
}

/* Raise what is wrong with a certificate and its key. */
static void
check_certificate(const char *certificate, const char *key)
{
	FpnnCodec *codec;
	char	   why[FPNN_TLS_WHY];

	if (fpnn_tls_server(&rtm_env, certificate, strlen(certificate), key, strlen(key), &codec,
						why) != FPNN_OK)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("could not use the certificate and its key: %s", why),
			 errhint(
				 "Give both as PEM, the key without a passphrase; certificates of the chain follow the gate's own.")));
	codec->free(codec);
}

Datum
rtm_gate_set_certificate(PG_FUNCTION_ARGS)
{
	GateConfig config;
	char	  *certificate = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	  *key = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));

	need_config(&config);
	if ((certificate == NULL) != (key == NULL))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("a certificate and its key belong together"),
						errhint("NULL for both of them ends TLS.")));
	if (certificate)
		check_certificate(certificate, key);
	gate_spi_begin();
	gate_store_set_certificate(certificate, key);
	gate_spi_end();
	PG_RETURN_VOID();
}
