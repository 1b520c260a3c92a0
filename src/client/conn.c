/*-------------------------------------------------------------------------
 *
 * conn.c
 *	  One connection to a gate.
 *
 * Called by cache.c (synchronous calls) and by the outbox's sender.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "client/conn.h"
#include "client/endpoint.h"
#include "client/resolve.h"
#include "compat.h"
#include "fpnn/catalog.h"
#include "fpnn/crypt.h"
#include "fpnn/tls.h"

/* Bytes asked from the socket at once. */
#define READ_SIZE 65536

/*
 * A gate that asks and doesn't read our answers is broken: more than this many
 * bytes aren't kept for it, beside what we asked ourselves.
 */
#define MAX_UNREAD (1024 * 1024)

/* A quest that waits for its answer. */
typedef struct Pending
{
	uint32		  seq; /* hash key; must be first */
	RtmAnswerFunc func;
	void		 *arg;
} Pending;

struct RtmConnPrivate
{
	MemoryContext	   context;
	const RtmOptions  *options;
	int				  *order;		  /* to try endpoints in */
	int				   next_endpoint; /* in this order */
	const RtmEndpoint *tried;		  /* the one before */
	RtmResolve		   resolve;		  /* of the endpoint being tried */
	int				   next_address;
	int64			   deadline; /* of connecting, all endpoints */
	int64			   attempt_deadline;
	FpnnChannel		   channel;
	bool			   has_channel;
	bool			   external_fd;
	uint32			   seq;
	uint32			   key_seq;
	FpnnCodec		  *tls;	  /* owned by the channel; NULL: none */
	size_t			   asked; /* bytes of `out` that are quests, at most */

	HTAB		*pending;
	uint32		 nforgotten; /* answers to come that nobody waits for */
	FpnnListener listener;	 /* to pushes */
};

static void do_write(RtmConn *conn);

static void
drop_socket(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;

	rtm_resolve_release(&p->resolve);
	if (conn->sock != PGINVALID_SOCKET)
	{
		close(conn->sock);
		conn->generation++;
	}
	conn->sock = PGINVALID_SOCKET;
	if (p->external_fd)
		ReleaseExternalFD();
	p->external_fd = false;
	if (p->has_channel)
		fpnn_channel_free(&p->channel);
	p->has_channel = false;
	p->tls = NULL;
}

/* Add a line about `what`, if it is about one.  They go into rows and logs: there is a limit. */
static void
add_why(RtmConn *conn, const char *what, const char *why)
{
	StringInfo out = &conn->why;

	appendStringInfo(out, "%s%s%s%s", out->len ? "\n" : "", what, *what ? ": " : "", why);
	if (out->len > RTM_MAX_WHY)
	{
		out->len = pg_mbcliplen(out->data, out->len, RTM_MAX_WHY);
		out->data[out->len] = '\0';
	}
}

static void note_failure(RtmConn *conn, const char *why);
static void try_next(RtmConn *conn);

/*
 * The connection is of no use any more.  Before it was ready nothing was asked
 * on it, and another endpoint may do.
 */
static void
lose(RtmConn *conn, int code, const char *why)
{
	if (conn->state == RTM_CONN_KEYING)
	{
		note_failure(conn, psprintf("%s: %s", conn->p->tls ? "TLS" : "no key agreement", why));
		try_next(conn);
		return;
	}
	conn->state = RTM_CONN_LOST;
	conn->code = code;
	resetStringInfo(&conn->why);
	add_why(conn, conn->endpoint.data, why);
	drop_socket(conn);
	conn->p->nforgotten = 0;
}

static void
lose_errno(RtmConn *conn, int err)
{
	lose(conn, FPNN_CODE_CLOSED, strerror(err));
}

/*
 * Why what was received can't be read.  The first answer of an encrypted
 * connection is unreadable when the gate has another key than we believe, or
 * when it doesn't encrypt.
 */
static const char *
garbage_text(RtmConn *conn, FpnnStatus status)
{
	if (conn->p->tls && status == FPNN_CRYPTO)
		return pstrdup(fpnn_tls_why(conn->p->tls)); /* goes with the connection */
	if (conn->p->tls == NULL && conn->state == RTM_CONN_KEYING && status != FPNN_NOMEM)
		return psprintf(
			"the answer can't be decrypted (%s); has the gate another key than the server's option says, or ecdh_mode?",
			fpnn_status_text(status));
	return fpnn_status_text(status);
}

/* What was received can't be read. */
static void
lose_garbage(RtmConn *conn, FpnnStatus status)
{
	lose(conn, FPNN_CODE_INVALID_PACKAGE, garbage_text(conn, status));
}

/* One endpoint or address can't be used. */
static void
note_failure(RtmConn *conn, const char *why)
{
	add_why(conn, conn->endpoint.data, why);
	rtm_endpoint_failed(conn->p->tried);
	drop_socket(conn);
}

/*
 * Put the name of the next endpoint into place, and begin to look up its addresses.  A
 * quarter of the endpoint's time is left for connecting.
 */
static void
resolve_next(RtmConn *conn, int64 now)
{
	struct RtmConnPrivate *p = conn->p;
	int64			   share = (p->deadline - now) / (p->options->nendpoints - p->next_endpoint);
	const RtmEndpoint *endpoint = &p->options->endpoints[p->order[p->next_endpoint++]];

	p->tried = endpoint;
	p->next_address = 0;
	resetStringInfo(&conn->endpoint);
	appendStringInfo(&conn->endpoint, strchr(endpoint->host, ':') ? "[%s]:%s" : "%s:%s",
					 endpoint->host, endpoint->port);
	conn->state = RTM_CONN_RESOLVING;
	rtm_resolve(&p->resolve, endpoint, now + share * 3 / 4, &conn->generation);
}

/* Is the lookup over?  Then its addresses are there, or a failure was noted. */
static bool
end_resolve(RtmConn *conn)
{
	RtmResolve *resolve = &conn->p->resolve;

	if (!resolve->done)
		return false;
	if (resolve->naddresses == 0)
		note_failure(conn, resolve->why);
	rtm_resolve_release(resolve);
	return true;
}

/*
 * Have the kernel notice a peer that vanished: within a minute and a half when
 * the connection is idle, half a minute when it has bytes to deliver.
 */
static void
set_socket_options(int sock)
{
	int on = 1;
#ifdef TCP_KEEPIDLE
	int idle = 60;
	int interval = 10;
	int count = 3;
#endif
#ifdef TCP_USER_TIMEOUT
	int unacknowledged = 30000;

	setsockopt(sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof(unacknowledged));
#endif
#ifdef TCP_KEEPIDLE
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
#endif
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* A socket that connects to an address, or a noted failure. */
static bool
begin_connect(RtmConn *conn, const SockAddr *address)
{
	struct RtmConnPrivate *p = conn->p;

	if (!AcquireExternalFD())
	{
		note_failure(conn, "too many open files");
		return false;
	}
	p->external_fd = true;
	conn->sock = socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (conn->sock == PGINVALID_SOCKET)
	{
		note_failure(conn, strerror(errno));
		return false;
	}
	conn->generation++;
	set_socket_options(conn->sock);
	if (connect(conn->sock, (const struct sockaddr *) &address->addr, address->salen) != 0 &&
		errno != EINPROGRESS && errno != EINTR)
	{
		note_failure(conn, strerror(errno));
		return false;
	}
	return true;
}

/* How many addresses and endpoints are still to be tried. */
static int
tries_left(const struct RtmConnPrivate *p)
{
	return p->resolve.naddresses - p->next_address + p->options->nendpoints - p->next_endpoint;
}

/* Go to the next address or endpoint that a connection can be begun to. */
static void
try_next(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;
	int64				   now;

	while ((now = rtm_now_ms()) < p->deadline && tries_left(p) > 0)
	{
		if (p->next_address == p->resolve.naddresses)
		{
			resolve_next(conn, now);
			if (!end_resolve(conn))
				return;
			continue;
		}
		conn->state = RTM_CONN_CONNECTING;
		p->attempt_deadline = now + Max((p->deadline - now) / tries_left(p), 1);
		if (begin_connect(conn, &p->resolve.addresses[p->next_address++]))
			return;
	}
	if (p->next_endpoint < p->options->nendpoints)
		add_why(conn, "", "no time was left for the other endpoints");
	conn->state = RTM_CONN_FAILED;
}

/*
 * Seqs begin anywhere: the vendor's framework was seen to write a late answer to
 * the connection that has got the descriptor of the one that it belongs to.
 */
static uint32
first_seq(void)
{
	uint32 seq = 0;

	(void) pg_strong_random(&seq, sizeof(seq));
	return seq;
}

static HTAB *
make_pending(MemoryContext context)
{
	HASHCTL control = {.keysize = sizeof(uint32), .entrysize = sizeof(Pending), .hcxt = context};

	return hash_create("rtm quests", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

RtmConn *
rtm_conn_open(const RtmOptions *options, int64 timeout_ms)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "rtm connection",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RtmConn		 *conn = palloc0(sizeof(RtmConn));

	conn->p = palloc0(sizeof(struct RtmConnPrivate));
	conn->p->context = context;
	conn->p->options = options;
	conn->p->deadline = rtm_now_ms() + timeout_ms;
	conn->p->order = rtm_endpoint_order(options);
	conn->p->seq = first_seq();
	conn->sock = PGINVALID_SOCKET;
	initStringInfo(&conn->why);
	initStringInfo(&conn->endpoint);
	conn->p->pending = make_pending(context);
	MemoryContextSwitchTo(old);
	try_next(conn);
	return conn;
}

void
rtm_conn_close(RtmConn *conn)
{
	drop_socket(conn);
	MemoryContextDelete(conn->p->context);
}

/* Largest file that an option may name. */
#define MAX_FILE (1024 * 1024)

/* The text in a file that an option names; NULL and a noted failure if unreadable. */
static char *
read_file(RtmConn *conn, const char *option, const char *name, size_t *len)
{
	char   *text = palloc(MAX_FILE);
	int		fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, MAX_FILE);
	int		err = errno;

	if (fd >= 0)
		close(fd);
	if (n > 0)
	{
		*len = (size_t) n;
		return text;
	}
	note_failure(conn,
				 psprintf("could not read %s: %s", option, n < 0 ? strerror(err) : "it is empty"));
	pfree(text);
	return NULL;
}

/* The text of the server's public key; NULL and a noted failure if unreadable. */
static char *
public_key(RtmConn *conn, size_t *len)
{
	const RtmOptions *o = conn->p->options;

	if (o->public_key)
	{
		*len = strlen(o->public_key);
		return pstrdup(o->public_key);
	}
	if (o->public_key_file)
		return read_file(conn, "public_key_file", o->public_key_file, len);
	note_failure(conn, "encryption ecdh needs the option public_key or public_key_file");
	return NULL;
}

/* Begin the TLS handshake.  False: noted as a failure. */
static bool
begin_tls(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;
	const RtmOptions	  *o = p->options;
	FpnnTlsClient		   options = {
				 .host = p->tried->host, .verify = o->tls_verify, .only_1_2 = o->tls_only_1_2};
	char	  *ca = NULL;
	char	   why[FPNN_TLS_WHY];
	FpnnStatus status;

	if (o->tls_ca_file &&
		(ca = read_file(conn, "tls_ca_file", o->tls_ca_file, &options.ca_len)) == NULL)
		return false;
	options.ca_pem = ca;
	status = fpnn_tls_client(&rtm_env, &options, &p->tls, why);
	if (ca)
		pfree(ca);
	if (status == FPNN_OK)
		status = fpnn_channel_set_codec(&p->channel, p->tls);
	else if (status == FPNN_CRYPTO)
		note_failure(conn, psprintf("could not use tls_ca_file: %s", why));
	if (status != FPNN_OK && status != FPNN_CRYPTO)
		note_failure(conn, psprintf("no TLS: %s", fpnn_status_text(status)));
	return status == FPNN_OK;
}

/* Send *key; what follows is encrypted.  False: noted as a failure. */
static bool
begin_keying(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;
	FpnnCryptMode mode = {.bits = p->options->ecdh_bits, .package = p->options->ecdh_package};
	FpnnCodec	 *codec;
	FpnnBuf		  payload;
	FpnnStatus	  status;
	const char	 *curve;
	size_t		  len;
	char		 *key = public_key(conn, &len);

	if (key == NULL)
		return false;
	fpnn_buf_init(&payload, &rtm_env);
	status = fpnn_crypt_client(&rtm_env, key, len, mode, FPNN_MAX_FRAME, &payload, &codec);
	if (status == FPNN_OK)
	{
		p->key_seq = ++p->seq;
		status = fpnn_channel_quest(&p->channel, FPNN_CRYPT_METHOD, true, p->key_seq,
									fpnn_buf_head(&payload), fpnn_buf_len(&payload));
		if (status == FPNN_OK)
			status = fpnn_channel_set_codec(&p->channel, codec);
		else
			codec->free(codec);
	}
	fpnn_buf_free(&payload);
	if (status != FPNN_OK && fpnn_crypt_check_public(key, len, &curve) != FPNN_OK)
		note_failure(conn, "public_key_file has no PEM public key on a curve of the protocol");
	else if (status != FPNN_OK)
		note_failure(conn, psprintf("no key agreement: %s", fpnn_status_text(status)));
	pfree(key);
	return status == FPNN_OK;
}

static void
become_ready(RtmConn *conn)
{
	conn->state = RTM_CONN_READY;
	rtm_endpoint_works(conn->p->tried);
}

/* The socket says that connecting has ended. */
static void
end_connect(RtmConn *conn)
{
	int		  err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(conn->sock, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err != 0)
	{
		note_failure(conn, strerror(err));
		try_next(conn);
		return;
	}
	fpnn_channel_init(&conn->p->channel, &rtm_env, FPNN_MAX_FRAME);
	conn->p->has_channel = true;
	switch (conn->p->options->encryption)
	{
		case RTM_ENCRYPTION_NONE:
			become_ready(conn);
			return;
		case RTM_ENCRYPTION_ECDH:
			conn->state = RTM_CONN_KEYING;
			if (!begin_keying(conn))
				try_next(conn);
			return;
		case RTM_ENCRYPTION_TLS:
			conn->state = RTM_CONN_KEYING;
			if (!begin_tls(conn))
				try_next(conn);
			return;
	}
}

void
rtm_conn_listen(RtmConn *conn, FpnnListener listener)
{
	conn->p->listener = listener;
}

static void
dispatch_answer(RtmConn *conn, const FpnnFrame *answer)
{
	struct RtmConnPrivate *p = conn->p;
	Pending				  *pending = hash_search(p->pending, &answer->seq, HASH_FIND, NULL);
	Pending				   quest;

	if (pending == NULL)
	{
		p->nforgotten -= p->nforgotten > 0;
		return;
	}
	quest = *pending;
	(void) hash_search(p->pending, &answer->seq, HASH_REMOVE, NULL);
	quest.func(quest.arg, answer);
}

/*
 * Deal with every whole frame that has come.  A gate that asks without end, and doesn't read what
 * it is answered, would fill our memory: it loses the connection.
 */
static void
take_frames(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;
	FpnnFrame			   frame;
	FpnnStatus			   status;

	while ((status = fpnn_channel_next(&p->channel, &frame)) == FPNN_OK)
	{
		if (frame.mtype != FPNN_ANSWER)
		{
			status = fpnn_answer_gate(&p->channel, &frame, &p->listener);
			if (status != FPNN_OK)
				break;
			if (fpnn_channel_pending(&p->channel) > MAX_UNREAD + p->asked)
			{
				lose(conn, FPNN_CODE_INVALID_PACKAGE,
					 "the gate asks, but doesn't read the answers");
				return;
			}
		}
		else if (conn->state == RTM_CONN_KEYING && frame.seq == p->key_seq)
		{
			if (frame.status != 0)
			{
				lose(conn, FPNN_CODE_CLOSED, "the gate refused it");
				return;
			}
			become_ready(conn);
		}
		else
			dispatch_answer(conn, &frame);
	}
	if (status != FPNN_MORE)
		lose_garbage(conn, status);
}

/*
 * The codec takes no more bytes.  Those that it took may have ended the
 * connection already.
 */
static void
end_undecoded(RtmConn *conn, FpnnStatus status)
{
	int generation = conn->generation;

	if (conn->sock == PGINVALID_SOCKET)
		return;
	if (status == FPNN_CLOSED)
	{
		lose(conn, FPNN_CODE_CLOSED, "the gate closed the connection");
		return;
	}
	/* tell the gate why, if it listens; that may end the connection as well */
	do_write(conn);
	if (conn->sock != PGINVALID_SOCKET && conn->generation == generation)
		lose_garbage(conn, status);
}

/*
 * Read once, as much as there is room for, and deal with it.  Frames that came whole count, also
 * when what came behind them can't be read.
 */
static void
do_read(RtmConn *conn)
{
	FpnnChannel *channel = &conn->p->channel;
	uint8_t		*where;
	size_t		 room;
	ssize_t		 n;
	FpnnStatus	 status = fpnn_channel_room(channel, READ_SIZE, &where, &room);

	if (status != FPNN_OK)
	{
		lose_garbage(conn, status);
		return;
	}
	n = recv(conn->sock, where, room, 0);
	if (n < 0)
	{
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			lose_errno(conn, errno);
		return;
	}
	if (n == 0)
	{
		lose(conn, FPNN_CODE_CLOSED, "the gate closed the connection");
		return;
	}
	status = fpnn_channel_received(channel, (size_t) n);
	if (status == FPNN_OK && conn->state == RTM_CONN_KEYING && conn->p->tls &&
		fpnn_tls_is_ready(conn->p->tls))
		become_ready(conn);

	/* an answer that came whole counts, whatever came behind it */
	if (status == FPNN_OK || conn->state == RTM_CONN_READY)
		take_frames(conn);
	if (status != FPNN_OK)
		end_undecoded(conn, status);
}

static void
do_write(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;

	while (fpnn_channel_pending(&p->channel) > 0)
	{
		ssize_t n = send(conn->sock, fpnn_buf_head(&p->channel.out),
						 fpnn_channel_pending(&p->channel), MSG_NOSIGNAL);

		if (n < 0)
		{
			if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
				return;
			lose_errno(conn, errno);
			return;
		}
		fpnn_channel_sent(&p->channel, (size_t) n);
		conn->written += (uint64) n;
	}
	p->asked = 0;
}

int
rtm_conn_sockets(const RtmConn *conn, RtmSocket *sockets)
{
	const struct RtmConnPrivate *p = conn->p;
	bool						 pending;

	if (conn->state == RTM_CONN_RESOLVING)
	{
		memcpy(sockets, p->resolve.sockets, sizeof(p->resolve.sockets));
		return p->resolve.nsockets;
	}
	if (conn->sock == PGINVALID_SOCKET)
		return 0;
	pending = conn->state == RTM_CONN_CONNECTING || fpnn_channel_pending(&p->channel) > 0;
	sockets->sock = conn->sock;
	sockets->events = (conn->state == RTM_CONN_CONNECTING ? 0 : WL_SOCKET_READABLE) |
					  (pending ? WL_SOCKET_WRITEABLE : 0);
	return 1;
}

void
rtm_conn_step(RtmConn *conn, pgsocket sock, uint32 events)
{
	struct RtmConnPrivate *p = conn->p;
	MemoryContext		   old = MemoryContextSwitchTo(p->context);

	if (conn->state == RTM_CONN_RESOLVING)
	{
		rtm_resolve_step(&p->resolve, sock, events);
		if (end_resolve(conn))
			try_next(conn);
	}
	else if (conn->state == RTM_CONN_CONNECTING && (events & WL_SOCKET_WRITEABLE))
		end_connect(conn);
	else if ((conn->state == RTM_CONN_KEYING || conn->state == RTM_CONN_READY) &&
			 (events & WL_SOCKET_READABLE))
		do_read(conn);

	if ((conn->state == RTM_CONN_CONNECTING || conn->state == RTM_CONN_KEYING) &&
		rtm_now_ms() >= p->attempt_deadline)
	{
		note_failure(conn, "timeout");
		try_next(conn);
	}
	if (conn->state == RTM_CONN_KEYING || conn->state == RTM_CONN_READY)
		do_write(conn);
	MemoryContextSwitchTo(old);
}

int64
rtm_conn_deadline(const RtmConn *conn)
{
	if (conn->state == RTM_CONN_RESOLVING)
		return rtm_resolve_deadline(&conn->p->resolve);
	return conn->state < RTM_CONN_READY ? conn->p->attempt_deadline : 0;
}

/* They begin again one day, when a quest may still wait. */
static uint32
next_seq(struct RtmConnPrivate *p)
{
	do
		p->seq++;
	while (hash_search(p->pending, &p->seq, HASH_FIND, NULL));
	return p->seq;
}

FpnnStatus
rtm_conn_ask(RtmConn *conn, const char *method, const void *payload, size_t len, RtmAnswerFunc func,
			 void *arg, uint32 *seq)
{
	struct RtmConnPrivate *p = conn->p;
	Pending				  *pending;
	FpnnStatus			   status;

	Assert(conn->state == RTM_CONN_READY);
	*seq = next_seq(p);
	status = fpnn_channel_quest(&p->channel, method, true, *seq, payload, len);
	if (status != FPNN_OK)
		return status;
	p->asked = fpnn_channel_pending(&p->channel);
	pending = hash_search(p->pending, seq, HASH_ENTER, NULL);
	pending->func = func;
	pending->arg = arg;
	return FPNN_OK;
}

void
rtm_conn_flush(RtmConn *conn)
{
	if (conn->state == RTM_CONN_READY)
		do_write(conn);
}

void
rtm_conn_forget(RtmConn *conn, uint32 seq)
{
	if (conn->state == RTM_CONN_READY && hash_search(conn->p->pending, &seq, HASH_REMOVE, NULL))
		conn->p->nforgotten++;
}

void
rtm_conn_redirect(RtmConn *conn, uint32 seq, RtmAnswerFunc func)
{
	Pending *pending = hash_search(conn->p->pending, &seq, HASH_FIND, NULL);

	if (pending)
	{
		pending->func = func;
		pending->arg = NULL;
	}
}

bool
rtm_conn_owes(const RtmConn *conn)
{
	return conn->p->nforgotten > 0;
}

bool
rtm_conn_midway(const RtmConn *conn)
{
	return conn->state != RTM_CONN_READY || fpnn_channel_midway(&conn->p->channel);
}
