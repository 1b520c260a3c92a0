/*-------------------------------------------------------------------------
 *
 * echo.c
 *	  A gate that costs next to nothing: echo PORTFILE
 *
 * Answers every quest at once with an mtime, and a history quest with a page of
 * a conversation of 500 messages.  size answers with the length of the last
 * other quest and of its answer, so that the floor can use the same sizes.
 * delays answers with the time in microseconds since the epoch that a message's
 * text says, compared to when it came: count, median, 99th percentile and
 * largest of those that came since the last delays.
 * Writes its port to PORTFILE and serves until it is killed.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fpnn/channel.h"
#include "fpnn/payload.h"

#define HISTORY	   500
#define PAGE	   20
#define MAX_DELAYS 100000

static size_t last_quest;
static size_t last_answer;

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

static const FpnnEnv env = {resize, NULL};

typedef struct Client
{
	int			fd;
	FpnnChannel channel;
} Client;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
pack_entry(msgpack_packer *packer, int64_t id)
{
	static const char text[] = "Did anybody see where the minutes of Tuesday's meeting went?";

	msgpack_pack_array(packer, 8);
	msgpack_pack_int64(packer, id);
	msgpack_pack_int64(packer, 100000 + id % 50);
	msgpack_pack_int(packer, 51);
	msgpack_pack_int64(packer, INT64_C(29327360000000000) + id);
	msgpack_pack_false(packer);
	fpnn_pack_text_len(packer, text, sizeof(text) - 1);
	fpnn_pack_text(packer, "{\"lang\":\"en\"}");
	msgpack_pack_int64(packer, INT64_C(1790000000000) + id);
}

/* A page forward from behind lastid. */
static void
pack_page(FpnnBuf *out, const FpnnFrame *quest)
{
	msgpack_packer packer;
	FpnnDoc		   doc;
	int64_t		   last = 0;
	int64_t		   num = PAGE;

	if (fpnn_doc_open(&doc, quest->payload, quest->payload_len) == FPNN_OK)
	{
		fpnn_map_int(doc.map, "lastid", &last);
		fpnn_map_int(doc.map, "num", &num);
		fpnn_doc_close(&doc);
	}
	if (num > PAGE)
		num = PAGE;
	if (num > HISTORY - last)
		num = HISTORY - last;

	fpnn_packer_init(&packer, out);
	msgpack_pack_map(&packer, 5);
	fpnn_pack_text(&packer, "num");
	msgpack_pack_int64(&packer, num);
	fpnn_pack_text(&packer, "lastid");
	msgpack_pack_int64(&packer, last + num);
	fpnn_pack_text(&packer, "begin");
	msgpack_pack_int64(&packer, INT64_C(1790000000000));
	fpnn_pack_text(&packer, "end");
	msgpack_pack_int64(&packer, INT64_C(1790000009999));
	fpnn_pack_text(&packer, "msgs");
	msgpack_pack_array(&packer, (size_t) num);
	for (int64_t id = last + 1; id <= last + num; id++)
		pack_entry(&packer, id);
}

static void
pack_sizes(FpnnBuf *out)
{
	msgpack_packer packer;

	fpnn_packer_init(&packer, out);
	msgpack_pack_map(&packer, 2);
	fpnn_pack_text(&packer, "quest");
	msgpack_pack_int64(&packer, (int64_t) last_quest);
	fpnn_pack_text(&packer, "answer");
	msgpack_pack_int64(&packer, (int64_t) last_answer);
}

static int64_t delays[MAX_DELAYS];
static size_t  ndelays;

/* How long ago was what the message says? */
static void
note_delay(const FpnnFrame *quest)
{
	struct timeval now;
	FpnnDoc		   doc;
	const char	  *text;
	size_t		   len;
	int64_t		   then = 0;

	gettimeofday(&now, NULL);
	if (quest->payload_len > 1000 ||
		fpnn_doc_open(&doc, quest->payload, quest->payload_len) != FPNN_OK)
		return;
	if (fpnn_map_text(doc.map, "msg", &text, &len) == FPNN_OK && len == 16 && ndelays < MAX_DELAYS)
	{
		for (size_t i = 0; i < len; i++)
			then = then * 10 + (text[i] - '0');
		delays[ndelays++] = (int64_t) now.tv_sec * 1000000 + now.tv_usec - then;
	}
	fpnn_doc_close(&doc);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *) a;
	int64_t y = *(const int64_t *) b;

	return x < y ? -1 : x > y;
}

static void
pack_delays(FpnnBuf *out)
{
	msgpack_packer packer;

	qsort(delays, ndelays, sizeof(delays[0]), compare);
	fpnn_packer_init(&packer, out);
	msgpack_pack_map(&packer, ndelays ? 4 : 1);
	fpnn_pack_text(&packer, "count");
	msgpack_pack_int64(&packer, (int64_t) ndelays);
	if (ndelays)
	{
		fpnn_pack_text(&packer, "median");
		msgpack_pack_int64(&packer, delays[ndelays / 2]);
		fpnn_pack_text(&packer, "p99");
		msgpack_pack_int64(&packer, delays[ndelays * 99 / 100]);
		fpnn_pack_text(&packer, "largest");
		msgpack_pack_int64(&packer, delays[ndelays - 1]);
	}
	ndelays = 0;
}

static void
answer(Client *client, const FpnnFrame *quest)
{
	static const uint8_t sent[] = "\x81\xa5mtime\xcf\x00\x00\x01\xa0\xc4\x50\x6c\x7b";
	static FpnnBuf		 body;

	if (body.env == NULL)
		fpnn_buf_init(&body, &env);
	fpnn_buf_reset(&body, SIZE_MAX);
	if (fpnn_frame_is(quest, "size"))
		pack_sizes(&body);
	else if (fpnn_frame_is(quest, "delays"))
		pack_delays(&body);
	else
	{
		if (quest->method_len > 6 && memcmp(quest->method, "get", 3) == 0)
			pack_page(&body, quest);
		else
		{
			if (fpnn_frame_is(quest, "sendroommsg"))
				note_delay(quest);
			fpnn_buf_append(&body, sent, sizeof(sent) - 1);
		}
		last_quest = quest->length;
		last_answer = FPNN_FIXED_HEADER + 4 + fpnn_buf_len(&body);
	}
	fpnn_channel_answer(&client->channel, quest, 0, fpnn_buf_head(&body), fpnn_buf_len(&body));
}

/* Read what is there, answer, write; false when the client is to be closed. */
static bool
serve(Client *client)
{
	FpnnChannel *ch = &client->channel;
	FpnnFrame	 quest;
	FpnnStatus	 status;
	uint8_t		*where;
	size_t		 room;
	ssize_t		 n;

	if (fpnn_channel_room(ch, 65536, &where, &room) != FPNN_OK)
		return false;
	n = recv(client->fd, where, room, 0);
	if (n <= 0 || fpnn_channel_received(ch, (size_t) n) != FPNN_OK)
		return false;
	while ((status = fpnn_channel_next(ch, &quest)) == FPNN_OK)
		answer(client, &quest);
	while (fpnn_channel_pending(ch) > 0)
	{
		n = send(client->fd, fpnn_buf_head(&ch->out), fpnn_channel_pending(ch), MSG_NOSIGNAL);
		if (n < 0)
			return false;
		fpnn_channel_sent(ch, (size_t) n);
	}
	return status == FPNN_MORE;
}

static void
accept_client(int listener, int epoll)
{
	struct epoll_event event = {.events = EPOLLIN};
	Client			  *client = malloc(sizeof(Client));
	int				   one = 1;

	client->fd = accept(listener, NULL, NULL);
	if (client->fd < 0)
	{
		free(client);
		return;
	}
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fpnn_channel_init(&client->channel, &env, FPNN_MAX_FRAME);
	event.data.ptr = client;
	epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static int
listen_on_loopback(const char *portfile)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t		   len = sizeof(address);
	int				   listener = socket(AF_INET, SOCK_STREAM, 0);
	FILE			  *file;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *) &address, len) < 0 ||
		listen(listener, 100) < 0 || getsockname(listener, (struct sockaddr *) &address, &len) < 0)
		die("listen");
	file = fopen(portfile, "w");
	if (file == NULL || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0)
		die(portfile);
	return listener;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[64];
	struct epoll_event event = {.events = EPOLLIN};
	int				   listener;
	int				   epoll = epoll_create1(0);

	if (argc != 2)
		return 2;
	listener = listen_on_loopback(argv[1]);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;)
	{
		int n = epoll_wait(epoll, events, 64, -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++)
		{
			Client *client = events[i].data.ptr;

			if (client == NULL)
				accept_client(listener, epoll);
			else if (!serve(client))
			{
				close(client->fd);
				fpnn_channel_free(&client->channel);
				free(client);
			}
		}
	}
}
