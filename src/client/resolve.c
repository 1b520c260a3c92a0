/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  A host's addresses, looked up without waiting, by c-ares.
 *
 * Each lookup has a channel of its own, so that a resolv.conf, or a file of hosts,
 * that was changed is seen, and nothing is remembered.  What c-ares calls back must
 * not raise, as that would leave it halfway; it allocates nothing of PostgreSQL's.
 * Called by conn.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ares.h>
#include <netdb.h>

#include "storage/fd.h"
#include "storage/latch.h"

#include "client/resolve.h"
#include "compat.h"
#include "host.h"

/*
 * How long a name server is waited for before the next one is asked, which doubles
 * when each was asked; less when there is less time.  Milliseconds.
 */
#define SERVER_TIME 1000

char *rtm_name_servers;

static void
add_address(RtmResolve *resolve, const struct sockaddr *address, socklen_t len)
{
	SockAddr *place = &resolve->addresses[resolve->naddresses];

	if (resolve->naddresses == RTM_MAX_ADDRESSES || len > sizeof(place->addr))
		return;
	memcpy(&place->addr, address, len);
	place->salen = len;
	resolve->naddresses++;
}

/* ares_addrinfo_callback; also called when the channel is cancelled or destroyed */
static void
found(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	RtmResolve *resolve = arg;

	resolve->done = true;
	resolve->why = status == ARES_ECANCELLED ? "no name server answered in time"
											 : ares_strerror(status);
	if (info == NULL)
		return;
	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
		add_address(resolve, node->ai_addr, node->ai_addrlen);
	ares_freeaddrinfo(info);
}

/* ares_sock_state_cb: neither readable nor writable says that it is being closed */
static void
socket_changed(void *arg, ares_socket_t sock, int readable, int writable)
{
	RtmResolve *resolve = arg;
	int			i = 0;

	while (i < resolve->nsockets && resolve->sockets[i].sock != sock)
		i++;
	if (i == RTM_MAX_SOCKETS)
		return;
	if (i == resolve->nsockets)
		resolve->nsockets++;
	resolve->sockets[i].sock = sock;
	resolve->sockets[i].events = (readable ? WL_SOCKET_READABLE : 0) |
								 (writable ? WL_SOCKET_WRITEABLE : 0);
	if (!readable && !writable)
		resolve->sockets[i] = resolve->sockets[--resolve->nsockets];
	(*resolve->changes)++;
}

/* Is it an address already?  This never asks anybody. */
static bool
is_numeric(RtmResolve *resolve, const RtmEndpoint *endpoint)
{
	struct addrinfo	 hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
							  .ai_socktype = SOCK_STREAM};
	struct addrinfo *info;

	if (getaddrinfo(endpoint->host, endpoint->port, &hints, &info) != 0)
		return false;
	add_address(resolve, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(info);
	resolve->done = true;
	return true;
}

static void
ask(RtmResolve *resolve, const RtmEndpoint *endpoint)
{
	int64					   time = resolve->deadline - rtm_now_ms();
	struct ares_options		   options = {.timeout = (int) Min(Max(time / 4, 1), SERVER_TIME),
										  .sock_state_cb = socket_changed,
										  .sock_state_cb_data = resolve};
	struct ares_addrinfo_hints hints = {
		.ai_flags = ARES_AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int status = ares_init_options(&resolve->channel, &options,
								   ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB);

	if (status == ARES_SUCCESS && rtm_name_servers[0])
		status = ares_set_servers_ports_csv(resolve->channel, rtm_name_servers);
	if (status == ARES_SUCCESS)
		ares_getaddrinfo(resolve->channel, endpoint->host, endpoint->port, &hints, found, resolve);
	else
		found(resolve, status, 0, NULL);
}

void
rtm_resolve(RtmResolve *resolve, const RtmEndpoint *endpoint, int64 deadline, int *changes)
{
	memset(resolve, 0, sizeof(*resolve));
	resolve->changes = changes;
	resolve->deadline = deadline;
	if (is_numeric(resolve, endpoint))
		return;

	/* for a socket of c-ares; that it has another one is rare, and brief */
	resolve->external_fd = AcquireExternalFD();
	if (resolve->external_fd)
	{
		ask(resolve, endpoint);
		return;
	}
	resolve->done = true;
	resolve->why = "too many open files";
}

void
rtm_resolve_step(RtmResolve *resolve, pgsocket sock, uint32 events)
{
	ares_process_fd(resolve->channel, events & WL_SOCKET_READABLE ? sock : ARES_SOCKET_BAD,
					events & WL_SOCKET_WRITEABLE ? sock : ARES_SOCKET_BAD);
	if (!resolve->done && rtm_now_ms() >= resolve->deadline)
		ares_cancel(resolve->channel);
}

int64
rtm_resolve_deadline(const RtmResolve *resolve)
{
	int64			now = rtm_now_ms();
	int64			left = Max(resolve->deadline - now, 0);
	struct timeval	most = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
	struct timeval	buffer;
	struct timeval *next = ares_timeout(resolve->channel, &most, &buffer);

	return now + next->tv_sec * 1000 + next->tv_usec / 1000 + 1;
}

void
rtm_resolve_release(RtmResolve *resolve)
{
	if (resolve->channel)
		ares_destroy(resolve->channel);
	resolve->channel = NULL;
	if (resolve->external_fd)
		ReleaseExternalFD();
	resolve->external_fd = false;
}

bool
rtm_check_name_servers(char **value, void **extra, GucSource source)
{
	ares_channel channel = NULL;
	int			 status = ARES_SUCCESS;

	if (**value)
		status = ares_init_options(&channel, NULL, 0);
	if (channel)
		status = ares_set_servers_ports_csv(channel, *value);
	ares_destroy(channel);
	if (status != ARES_SUCCESS)
		GUC_check_errdetail(
			"It is a list of addresses, each with or without a port: 192.0.2.53,[2001:db8::53]:5353.");
	return status == ARES_SUCCESS;
}
