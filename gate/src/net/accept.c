/*-------------------------------------------------------------------------
 *
 * accept.c
 *	  Where the local gate listens, and how many connections it takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/memutils.h"

#include "net/gate_conn.h"
#include "net/net.h"
#include "table/gate_guc.h"
#include "host.h"
#include "table/pace.h"

#define ACCEPT_AT_ONCE 64

/* Descriptors beside those of connections and of PostgreSQL's own files. */
#define SPARE_FDS 64

/* No more connections were possible; try again so much later. */
#define ACCEPT_PAUSE_MS 200

/*
 * Each connection takes a descriptor.  PostgreSQL's own limit for a process
 * counts files only, so the process's limit is raised by what the connections
 * take, as far as the system lets it; how many there may be.
 */
static int
raise_fd_limit(int wanted)
{
	struct rlimit limit;
	rlim_t		  need = (rlim_t) max_safe_fds + SPARE_FDS + (rlim_t) wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 100;
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < need)
	{
		limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? need : Min(need, limit.rlim_max);
		(void) setrlimit(RLIMIT_NOFILE, &limit);
		(void) getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need)
		return wanted;
	return Max((int) limit.rlim_cur - max_safe_fds - SPARE_FDS, 16);
}

/* A socket that will listen; -1 and *why. */
static int
bind_listener(const char *address, int *port, const char **why)
{
	struct addrinfo	 hints = {.ai_family = AF_UNSPEC,
							  .ai_socktype = SOCK_STREAM,
							  .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *info;
	union
	{
		struct sockaddr		any;
		struct sockaddr_in	v4;
		struct sockaddr_in6 v6;
	} bound = {.v6 = {0}};
	socklen_t len = sizeof(bound);
	int		  sock;
	int		  on = 1;
	int		  rc = getaddrinfo(address, psprintf("%d", *port), &hints, &info);

	if (rc != 0)
	{
		*why = gai_strerror(rc);
		return -1;
	}
	sock = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sock < 0 || bind(sock, info->ai_addr, info->ai_addrlen) != 0 ||
		getsockname(sock, &bound.any, &len) != 0)
	{
		*why = pstrdup(strerror(errno));
		if (sock >= 0)
			close(sock);
		freeaddrinfo(info);
		return -1;
	}
	freeaddrinfo(info);
	*port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
	return sock;
}

GateNet *
gate_net_bind(const char *address, int *port, const char **why)
{
	GateNet *net;
	int		 sock = bind_listener(address, port, why);

	if (sock < 0)
		return NULL;
	ReserveExternalFD();
	net = MemoryContextAllocZero(TopMemoryContext, sizeof(GateNet));
	net->buffer = MemoryContextAlloc(TopMemoryContext, GATE_READ_SIZE);
	net->listener = sock;
	net->accepting = true;
	net->max_fds = raise_fd_limit(gate_max_connections);
	if (net->max_fds < gate_max_connections)
		ereport(
			LOG,
			(errmsg("rtm gate takes %d connections at most", net->max_fds),
			 errdetail(
				 "The setting %s is %d, but the system's limit of file descriptors leaves no more.",
				 "rtm_gate.max_connections", gate_max_connections)));
	dlist_init(&net->conns);
	dlist_init(&net->ready);
	dlist_init(&net->touched);
	dlist_init(&net->late);
	return net;
}

bool
gate_net_listen(GateNet *net, const char **why)
{
	if (listen(net->listener, SOMAXCONN) == 0)
		return true;
	*why = pstrdup(strerror(errno));
	return false;
}

void
gate_net_unbind(GateNet *net)
{
	close(net->listener);
	ReleaseExternalFD();
	pfree(net->buffer);
	pfree(net);
}

static void
complain(GateNet *net, const char *what)
{
	static GatePace pace;
	int				left_out;

	if (gate_pace(&pace, &left_out))
		ereport(LOG,
				(errmsg("rtm gate turns connections away: %s", what),
				 errdetail("There are %d connections.%s", net->count, gate_pace_text(left_out))));
}

/* Nobody can be accepted: don't wake up for it again and again. */
static void
pause_accepting(GateNet *net)
{
	complain(net, strerror(errno));
	net->accepting = false;
	net->accept_again = rtm_now_ms() + ACCEPT_PAUSE_MS;
	gate_set_drop(net);
}

/* Why there is no room for one more; NULL: there is. */
static const char *
too_many(const GateNet *net)
{
	if (net->count >= Min(gate_max_connections, net->max_fds))
		return "there are too many";
	if (net->certificate && net->held + GATE_TLS_BYTES > (size_t) gate_memory_limit * 1024)
		return "they take what rtm_gate.memory_limit allows";
	return NULL;
}

/* A client that is one too many learns it at once: its connection is closed. */
void
gate_accept(GateNet *net)
{
	for (int i = 0; i < ACCEPT_AT_ONCE; i++)
	{
		int			sock = accept4(net->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		const char *why;

		if (sock < 0)
		{
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_accepting(net);
			return;
		}
		why = too_many(net);
		if (why)
		{
			complain(net, why);
			close(sock);
		}
		else
			gate_conn_new(net, sock);
	}
}

void
gate_accept_again(GateNet *net)
{
	if (net->accepting || rtm_now_ms() < net->accept_again)
		return;
	net->accepting = true;
	gate_set_drop(net);
}
