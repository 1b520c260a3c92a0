/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Sends messages to a gate as fast as it takes them:
 *	  load PORT PID SECRET CONNECTIONS WINDOW SECONDS
 *
 * Each connection has WINDOW quests under way (1: it waits for each answer) to
 * a group of its own.  Prints the answers per second, and fails unless each one
 * says that the message is kept.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>

#include "fpnn/channel.h"
#include "fpnn/payload.h"
#include "fpnn/sign.h"

static void *
resize(void *ptr, size_t size)
{
	if (size == 0)
	{
		free(ptr);
		return NULL;
	}
	return realloc(ptr, size);
}

static bool
md5(const void *data, size_t len, uint8_t digest[16])
{
	return EVP_Digest(data, len, digest, NULL, EVP_md5(), NULL) == 1;
}

static const FpnnEnv env = {resize, md5};

typedef struct Client
{
	int64_t		gid;
	uint32_t	seq;
	int			under_way;
	FpnnChannel channel;
} Client;

static int64_t	   project;
static const char *secret;
static int64_t	   next_mid;
static FpnnBuf	   body;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
pack_int(msgpack_packer *packer, const char *key, int64_t value)
{
	fpnn_pack_text(packer, key);
	msgpack_pack_int64(packer, value);
}

static void
pack_text(msgpack_packer *packer, const char *key, const char *text)
{
	fpnn_pack_text(packer, key);
	fpnn_pack_text(packer, text);
}

static void
ask(Client *client)
{
	int64_t		   ts = (int64_t) time(NULL);
	char		   sign[FPNN_SIGN_LEN + 1];
	msgpack_packer packer;

	if (fpnn_sign(&env, project, secret, ++next_mid, "sendgroupmsg", ts, sign) != FPNN_OK)
		die("sign");
	fpnn_buf_reset(&body, SIZE_MAX);
	fpnn_packer_init(&packer, &body);
	msgpack_pack_map(&packer, 10);
	pack_int(&packer, "pid", project);
	pack_text(&packer, "sign", sign);
	pack_int(&packer, "salt", next_mid);
	pack_int(&packer, "ts", ts);
	pack_int(&packer, "mtype", 51);
	pack_int(&packer, "from", 123456);
	pack_int(&packer, "gid", client->gid);
	pack_int(&packer, "mid", next_mid);
	pack_text(&packer, "msg", "Did anybody see where the minutes of Tuesday went?");
	pack_text(&packer, "attrs", "");
	if (fpnn_channel_quest(&client->channel, "sendgroupmsg", true, ++client->seq,
						   fpnn_buf_head(&body), fpnn_buf_len(&body)) != FPNN_OK)
		die("quest");
	client->under_way++;
}

static void
write_some(int fd, FpnnChannel *ch)
{
	ssize_t n;

	while (fpnn_channel_pending(ch) > 0)
	{
		n = send(fd, fpnn_buf_head(&ch->out), fpnn_channel_pending(ch), MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("send");
		fpnn_channel_sent(ch, (size_t) n);
	}
}

/* How many answers came. */
static int
read_some(int fd, Client *client)
{
	FpnnChannel *ch = &client->channel;
	FpnnFrame	 answer;
	FpnnStatus	 status;
	uint8_t		*where;
	size_t		 room;
	ssize_t		 n;
	int			 answers = 0;

	if (fpnn_channel_room(ch, 65536, &where, &room) != FPNN_OK)
		die("room");
	n = recv(fd, where, room, 0);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0 || fpnn_channel_received(ch, (size_t) n) != FPNN_OK)
		die("recv");
	while ((status = fpnn_channel_next(ch, &answer)) == FPNN_OK)
	{
		if (answer.mtype != FPNN_ANSWER)
			continue;
		if (answer.status != 0)
		{
			fprintf(stderr, "load: the gate answered with an error\n");
			exit(1);
		}
		answers++;
	}
	if (status != FPNN_MORE)
		die("frame");
	client->under_way -= answers;
	return answers;
}

static int
connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
	int				   fd = socket(AF_INET, SOCK_STREAM, 0);
	int				   one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Half of the window is filled at a time, so that quests come in a bunch. */
static void
fill(Client *client, int window)
{
	if (client->under_way <= window / 2)
		while (client->under_way < window)
			ask(client);
}

int
main(int argc, char **argv)
{
	if (argc != 7)
		return 2;

	int			   nclients = atoi(argv[4]);
	int			   window = atoi(argv[5]);
	double		   begin;
	double		   end;
	long		   answers = 0;
	struct pollfd *polled = calloc((size_t) nclients, sizeof(struct pollfd));
	Client		  *clients = calloc((size_t) nclients, sizeof(Client));

	project = atoll(argv[2]);
	secret = argv[3];
	next_mid = (int64_t) time(NULL) * INT64_C(1000000000);
	fpnn_buf_init(&body, &env);
	for (int i = 0; i < nclients; i++)
	{
		polled[i].fd = connect_to(atoi(argv[1]));
		clients[i].gid = 1000 + i;
		fpnn_channel_init(&clients[i].channel, &env, FPNN_MAX_FRAME);
	}
	begin = now();
	end = begin + atof(argv[6]);
	while (now() < end)
	{
		for (int i = 0; i < nclients; i++)
		{
			fill(&clients[i], window);
			write_some(polled[i].fd, &clients[i].channel);
			polled[i].events = fpnn_channel_pending(&clients[i].channel) > 0 ? POLLIN | POLLOUT
																			 : POLLIN;
		}
		if (poll(polled, (nfds_t) nclients, 1000) < 0)
			die("poll");
		for (int i = 0; i < nclients; i++)
			if (polled[i].revents & (POLLIN | POLLHUP | POLLERR))
				answers += read_some(polled[i].fd, &clients[i]);
	}
	printf("%.0f\n", (double) answers / (now() - begin));
	return 0;
}
