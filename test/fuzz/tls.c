/*-------------------------------------------------------------------------
 *
 * tls.c
 *	  Fuzz target: TLS with somebody on the line.
 *
 * A client and a server codec talk over memory.  The input says what happens on
 * the way, step by step, two bytes each and bytes of its own for some:
 *
 *	how		0-63	so many bytes of what waits go to the client (0: all)
 *			64-127	... to the server
 *			128-159	the same to the client, with a bit changed
 *			160-191	... to the server
 *			192-223	as many bytes of the input go to the client instead
 *			224-239	... to the server
 *			240-247	the client asks
 *			248-255	the server sends a quest
 *	what	which byte is changed; whether all versions of TLS may be used
 *
 * Whatever happens, what arrives is what was sent, as far as it arrives.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fpnn/channel.h"
#include "fpnn/tls.h"

#define MAX_FRAME 4096

static char certificate[4096];
static char key[4096];

static void
take_text(BIO *bio, char *text)
{
	int n = BIO_read(bio, text, 4095);

	text[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

static void
make_certificate(void)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509	 *x509 = X509_new();
	BIO		 *bio = BIO_new(BIO_s_mem());

	X509_set_version(x509, 2);
	X509_gmtime_adj(X509_getm_notBefore(x509), -100);
	X509_gmtime_adj(X509_getm_notAfter(x509), 1000000);
	X509_set_pubkey(x509, pair);
	require(X509_sign(x509, pair, EVP_sha256()) > 0);
	PEM_write_bio_X509(bio, x509);
	take_text(bio, certificate);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL);
	take_text(bio, key);
	X509_free(x509);
	EVP_PKEY_free(pair);
}

typedef struct Side
{
	FpnnChannel channel;
	bool		broken;
	uint32_t	seen; /* frames that came */
	uint32_t	sent;
} Side;

/* Every frame says its number and nothing else. */
static void
ask(Side *from)
{
	uint8_t payload[] = {
		0x81, 0xa1, 'n', 0xce, 0, 0, (uint8_t) (from->sent >> 8), (uint8_t) from->sent};

	if (from->broken)
		return;
	if (fpnn_channel_quest(&from->channel, "fuzz", true, from->sent, payload, sizeof(payload)) !=
		FPNN_OK)
		from->broken = true;
	else
		from->sent++;
}

static void
take(Side *to, const uint8_t *bytes, size_t n)
{
	uint8_t	 *where;
	size_t	  room;
	FpnnFrame frame;

	if (to->broken)
		return;
	require(fpnn_channel_room(&to->channel, n, &where, &room) == FPNN_OK && room >= n);
	memcpy(where, bytes, n);
	if (fpnn_channel_received(&to->channel, n) != FPNN_OK)
		to->broken = true;
	while (fpnn_channel_next(&to->channel, &frame) == FPNN_OK)
	{
		require(fpnn_frame_is(&frame, "fuzz") && frame.seq == to->seen && frame.payload_len == 8);
		to->seen++;
	}
}

/* Some of what waits goes over the line, perhaps with a bit changed. */
static void
carry(Side *from, Side *to, size_t most, int change)
{
	size_t	 n = fpnn_channel_pending(&from->channel);
	uint8_t *copy;

	if (most > 0 && n > most)
		n = most;
	if (n == 0)
		return;
	copy = malloc(n);
	memcpy(copy, fpnn_buf_head(&from->channel.out), n);
	fpnn_channel_sent(&from->channel, n);
	if (change >= 0)
		copy[(size_t) change % n] ^= (uint8_t) (1 << change % 8);
	take(to, copy, n);
	free(copy);
}

static void
open_sides(Side *client, Side *server, bool only_1_2)
{
	FpnnTlsClient options = {.host = "localhost",
							 .only_1_2 = only_1_2,
							 .ca_pem = certificate,
							 .ca_len = strlen(certificate)};
	FpnnCodec	 *codec;
	char		  why[FPNN_TLS_WHY];

	memset(client, 0, sizeof(*client));
	memset(server, 0, sizeof(*server));
	fpnn_channel_init(&client->channel, &fuzz_env, MAX_FRAME);
	fpnn_channel_init(&server->channel, &fuzz_env, MAX_FRAME);
	require(fpnn_tls_client(&fuzz_env, &options, &codec, why) == FPNN_OK);
	require(fpnn_channel_set_codec(&client->channel, codec) == FPNN_OK);
	require(fpnn_tls_server(&fuzz_env, certificate, strlen(certificate), key, strlen(key), &codec,
							why) == FPNN_OK);
	require(fpnn_channel_set_codec(&server->channel, codec) == FPNN_OK);
}

/* One step; how many bytes of the input it took. */
static size_t
step(Side *client, Side *server, const uint8_t *data, size_t size)
{
	int	   how = data[0];
	size_t some = (size_t) how % 32 + 1;

	if (how < 64)
		carry(server, client, (size_t) how, -1);
	else if (how < 128)
		carry(client, server, (size_t) how - 64, -1);
	else if (how < 160)
		carry(server, client, 0, data[1]);
	else if (how < 192)
		carry(client, server, 0, data[1]);
	else if (how < 240)
	{
		some = some < size - 2 ? some : size - 2;
		take(how < 224 ? client : server, data + 2, some);
		return 2 + some;
	}
	else
		ask(how < 248 ? client : server);
	return 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Side   client;
	Side   server;
	size_t pos = 0;

	if (size < 2)
		return 0;
	if (certificate[0] == '\0')
		make_certificate();
	open_sides(&client, &server, data[1] & 1);
	while (pos + 2 <= size && pos < 400)
		pos += step(&client, &server, data + pos, size - pos);
	require(client.seen <= server.sent && server.seen <= client.sent);
	fpnn_channel_free(&client.channel);
	fpnn_channel_free(&server.channel);
	return 0;
}
