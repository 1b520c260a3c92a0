/*-------------------------------------------------------------------------
 *
 * floor.c
 *	  The least that a request and its answer cost inside a backend.
 *
 * floor_call(port, quest_bytes, answer_bytes): a frame of that size is written
 * to a socket that is kept for the session, and an answer of that size read
 * from it, with a wait that can be interrupted; nothing is encoded, checked or
 * looked up.
 *
 * floor_trigger(): a trigger that inserts a row into the table floor_log (at, body), of
 * the bytes that its argument says, by a prepared statement.  Benchmarks only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_call);
PG_FUNCTION_INFO_V1(floor_trigger);

#define MAX_FRAME 65536

static int			 sock = -1;
static WaitEventSet *waits;
static uint8		 quest[MAX_FRAME];
static uint8		 answer[MAX_FRAME];

static void
connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int				   one = 1;

	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sock = socket(AF_INET, SOCK_STREAM, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *) &address, sizeof(address)) < 0)
		elog(ERROR, "cannot connect to port %d: %m", port);
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fcntl(sock, F_SETFL, O_NONBLOCK) < 0)
		elog(ERROR, "cannot set O_NONBLOCK: %m");
#if PG_VERSION_NUM >= 170000
	waits = CreateWaitEventSet(NULL, 3);
#else
	waits = CreateWaitEventSet(TopMemoryContext, 3);
#endif
	AddWaitEventToSet(waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(waits, WL_SOCKET_READABLE, sock, NULL, NULL);
}

/* A frame "sendmsg" whose map holds one text that fills it up. */
static void
make_quest(int bytes)
{
	static const uint8 head[] = "FPNN\x01\x80\x01\x07....\x01\0\0\0sendmsg\x81\xa1x\xc5..";
	uint32			   payload = bytes - 23;

	memset(quest, 'x', bytes);
	memcpy(quest, head, sizeof(head) - 1);
	for (int i = 0; i < 4; i++)
		quest[8 + i] = (uint8) (payload >> (8 * i));
	quest[27] = (uint8) ((payload - 6) >> 8);
	quest[28] = (uint8) (payload - 6);
}

static void
wait_for_answer(void)
{
	WaitEvent event;

	WaitEventSetWait(waits, -1, &event, 1, PG_WAIT_EXTENSION);
	if (event.events & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

Datum
floor_call(PG_FUNCTION_ARGS)
{
	int port = PG_GETARG_INT32(0);
	int quest_bytes = PG_GETARG_INT32(1);
	int answer_bytes = PG_GETARG_INT32(2);
	int got = 0;

	if (quest_bytes < 40 || quest_bytes > MAX_FRAME || answer_bytes > MAX_FRAME)
		elog(ERROR, "sizes out of range");
	if (sock < 0)
	{
		connect_to(port);
		make_quest(quest_bytes);
	}
	if (send(sock, quest, quest_bytes, MSG_NOSIGNAL) != quest_bytes)
		elog(ERROR, "cannot send: %m");
	while (got < answer_bytes)
	{
		ssize_t n;

		wait_for_answer();
		n = recv(sock, answer + got, answer_bytes - got, 0);
		if (n > 0)
			got += n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			elog(ERROR, "the gate has gone");
	}
	PG_RETURN_INT32(got);
}

Datum
floor_trigger(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan;
	Oid				  types[] = {TIMESTAMPTZOID, BYTEAOID};
	Datum			  values[2];
	int				  bytes = atoi(((TriggerData *) fcinfo->context)->tg_trigger->tgargs[0]);
	bytea			 *body = palloc0(VARHDRSZ + bytes);

	SET_VARSIZE(body, VARHDRSZ + bytes);
	SPI_connect();
	if (plan == NULL)
	{
		plan = SPI_prepare("INSERT INTO floor_log (at, body) VALUES ($1, $2)", 2, types);
		SPI_keepplan(plan);
	}
	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = PointerGetDatum(body);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "floor_trigger: no INSERT");
	SPI_finish();
	return PointerGetDatum(NULL);
}
