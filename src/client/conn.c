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
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "client/conn.h"
#include "client/endpoint.h"
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
	bool		  waiting; /* false: answered */
	RtmAnswerFunc func;	   /* NULL: forgotten */
	void		 *arg;
} Pending;

struct RtmConnPrivate
{
	MemoryContext	   context;
	const RtmOptions  *options;
	int				  *order;		  /* to try endpoints in */
	int				   next_endpoint; /* in this order */
	const RtmEndpoint *tried;		  /* the one before */
	struct addrinfo	  *addresses;	  /* of the endpoint being tried */
	struct addrinfo	  *address;		  /* the next one */
	int64			   deadline;	  /* of connecting, all endpoints */
	int64			   attempt_deadline;
	FpnnChannel		   channel;
	bool			   has_channel;
	bool			   external_fd;
	uint32			   seq;
	uint32			   key_seq;
	FpnnCodec		  *tls;	  /* owned by the channel; NULL: none */
	size_t			   asked; /* bytes of `out` that are quests, at most */

	/*
	 * Quests by seq, which counts up: a ring with the one numbered `oldest` in
	 * place oldest % max_pending, a power of two.
	 */
	Pending *pending;
	uint32	 oldest;
	uint32	 npending; /* places in use, answered ones in between too */
	uint32	 max_pending;
	uint32	 nforgotten;
};

static void do_write(RtmConn *conn);

static void
drop_socket(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;

	if (conn->sock != PGINVALID_SOCKET)
		close(conn->sock);
	conn->sock = PGINVALID_SOCKET;
	if (p->external_fd)
		ReleaseExternalFD();
	p->external_fd = false;
	if (p->has_channel)
		fpnn_channel_free(&p->channel);
	p->has_channel = false;
	p->tls = NULL;
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
	appendStringInfo(&conn->why, "%s: %s", conn->endpoint.data, why);
	drop_socket(conn);
	conn->p->npending = conn->p->nforgotten = 0;
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
	appendStringInfo(&conn->why, "%s%s: %s", conn->why.len ? "\n" : "", conn->endpoint.data, why);
	if (conn->p->tried)
		rtm_endpoint_failed(conn->p->tried);
	drop_socket(conn);
}

/* Put the name of the next endpoint into place, and its addresses. */
static bool
resolve_next(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;
	struct addrinfo		   hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	const RtmEndpoint	  *endpoint = &p->options->endpoints[p->order[p->next_endpoint++]];
	int					   rc;

	if (p->addresses)
		freeaddrinfo(p->addresses);
	p->addresses = NULL;
	p->tried = endpoint;
	resetStringInfo(&conn->endpoint);
	appendStringInfo(&conn->endpoint, strchr(endpoint->host, ':') ? "[%s]:%s" : "%s:%s",
					 endpoint->host, endpoint->port);
	rc = getaddrinfo(endpoint->host, endpoint->port, &hints, &p->addresses);
	if (rc != 0)
	{
		p->addresses = NULL;
		note_failure(conn, gai_strerror(rc));
		return false;
	}
	p->address = p->addresses;
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
begin_connect(RtmConn *conn, const struct addrinfo *address)
{
	struct RtmConnPrivate *p = conn->p;

	if (!AcquireExternalFD())
	{
		note_failure(conn, "too many open files");
		return false;
	}
	p->external_fd = true;
	conn->sock = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (conn->sock == PGINVALID_SOCKET)
	{
		note_failure(conn, strerror(errno));
		return false;
	}
	conn->generation++;
	set_socket_options(conn->sock);
	if (connect(conn->sock, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS &&
		errno != EINTR)
	{
		note_failure(conn, strerror(errno));
		return false;
	}
	return true;
}

/* How many endpoints and addresses are still to be tried, at least one. */
static int
tries_left(const struct RtmConnPrivate *p)
{
	int n = p->options->nendpoints - p->next_endpoint;

	for (const struct addrinfo *a = p->address; a; a = a->ai_next)
		n++;
	return Max(n, 1);
}

/* Go to the next address or endpoint that a connection can be begun to. */
static void
try_next(RtmConn *conn)
{
	struct RtmConnPrivate *p = conn->p;
	int64				   now = rtm_now_ms();

	conn->state = RTM_CONN_CONNECTING;
	while (now < p->deadline)
	{
		const struct addrinfo *address;

		if (p->address == NULL)
		{
			if (p->next_endpoint >= p->options->nendpoints)
				break;
			resolve_next(conn);
			now = rtm_now_ms();
			continue;
		}
		p->attempt_deadline = now + Max((p->deadline - now) / tries_left(p), 1);
		address = p->address;
		p->address = p->address->ai_next;
		if (begin_connect(conn, address))
			return;
	}
	if (p->next_endpoint < p->options->nendpoints)
		appendStringInfo(&conn->why, "%sno time was left for the other endpoints",
						 conn->why.len ? "\n" : "");
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
	conn->p->max_pending = 8;
	conn->p->pending = palloc0(sizeof(Pending) * conn->p->max_pending);
	MemoryContextSwitchTo(old);
	try_next(conn);
	return conn;
}

void
rtm_conn_close(RtmConn *conn)
{
	drop_socket(conn);
	if (conn->p->addresses)
		freeaddrinfo(conn->p->addresses);
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

static bool
is_for_clients(const FpnnFrame *quest)
{
	return fpnn_frame_is(quest, "ping") || fpnn_frame_is(quest, "*ping") ||
		   (quest->method_len >= 4 && memcmp(quest->method, "push", 4) == 0);
}

static FpnnStatus
answer_quest(FpnnChannel *channel, const FpnnFrame *quest)
{
	static const uint8_t empty_map = 0x80;

	if (is_for_clients(quest))
		return fpnn_channel_answer(channel, quest, 0, &empty_map, 1);
	return fpnn_channel_error(channel, quest, FPNN_CODE_UNKNOWN_METHOD, "unknown method");
}

/* The quest of that number, or NULL when it doesn't wait. */
static Pending *
find_pending(const struct RtmConnPrivate *p, uint32 seq)
{
	Pending *pending = &p->pending[seq & (p->max_pending - 1)];

	return seq - p->oldest < p->npending && pending->waiting ? pending : NULL;
}

static Pending *
add_pending(struct RtmConnPrivate *p, uint32 seq)
{
	/* seqs that no quest of ours has (the key agreement's) count as answered */
	if (p->npending == 0)
		p->oldest = seq;
	if (p->npending == p->max_pending)
	{
		Pending *larger = palloc0(sizeof(Pending) * p->max_pending * 2);

		for (uint32 i = p->oldest; i != seq; i++)
			larger[i & (p->max_pending * 2 - 1)] = p->pending[i & (p->max_pending - 1)];
		pfree(p->pending);
		p->pending = larger;
		p->max_pending *= 2;
	}
	p->npending++;
	return &p->pending[seq & (p->max_pending - 1)];
}

static void
dispatch_answer(RtmConn *conn, const FpnnFrame *answer)
{
	struct RtmConnPrivate *p = conn->p;
	Pending				  *pending = find_pending(p, answer->seq);
	RtmAnswerFunc		   func;
	void				  *arg;

	if (pending == NULL)
		return;
	func = pending->func;
	arg = pending->arg;
	if (func == NULL)
		p->nforgotten--;
	pending->waiting = false;
	while (p->npending > 0 && !p->pending[p->oldest & (p->max_pending - 1)].waiting)
	{
		p->oldest++;
		p->npending--;
	}
	if (func)
		func(arg, answer);
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
			status = answer_quest(&p->channel, &frame);
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

uint32
rtm_conn_events(const RtmConn *conn)
{
	switch (conn->state)
	{
		case RTM_CONN_CONNECTING:
			return WL_SOCKET_WRITEABLE;
		case RTM_CONN_KEYING:
		case RTM_CONN_READY:
			return WL_SOCKET_READABLE |
				   (fpnn_channel_pending(&conn->p->channel) > 0 ? WL_SOCKET_WRITEABLE : 0);
		default:
			return 0;
	}
}

void
rtm_conn_step(RtmConn *conn, uint32 events)
{
	struct RtmConnPrivate *p = conn->p;
	MemoryContext		   old = MemoryContextSwitchTo(p->context);

	if (conn->state == RTM_CONN_CONNECTING && (events & WL_SOCKET_WRITEABLE))
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
	if (conn->state == RTM_CONN_CONNECTING || conn->state == RTM_CONN_KEYING)
		return conn->p->attempt_deadline;
	return 0;
}

FpnnStatus
rtm_conn_ask(RtmConn *conn, const char *method, const void *payload, size_t len, RtmAnswerFunc func,
			 void *arg, uint32 *seq)
{
	struct RtmConnPrivate *p = conn->p;
	MemoryContext		   old;
	Pending				  *pending;
	FpnnStatus			   status;

	Assert(conn->state == RTM_CONN_READY);
	status = fpnn_channel_quest(&p->channel, method, true, p->seq + 1, payload, len);
	if (status != FPNN_OK)
		return status;
	*seq = ++p->seq;
	p->asked = fpnn_channel_pending(&p->channel);
	old = MemoryContextSwitchTo(p->context);
	pending = add_pending(p, *seq);
	MemoryContextSwitchTo(old);
	pending->waiting = true;
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
	Pending *pending = find_pending(conn->p, seq);

	if (pending && pending->func)
	{
		pending->func = NULL;
		conn->p->nforgotten++;
	}
}

void
rtm_conn_redirect(RtmConn *conn, uint32 seq, RtmAnswerFunc func)
{
	Pending *pending = find_pending(conn->p, seq);

	if (pending && pending->func)
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
