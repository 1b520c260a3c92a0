/*-------------------------------------------------------------------------
 *
 * test_tls.c
 *	  TLS codecs: a client's and a server's channel over memory, with certificates
 *	  made on the spot; what is wrong with them; bytes in portions; garbage; no
 *	  memory.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fpnn/channel.h"
#include "fpnn/tls.h"

static char certificate[4096];
static char key[4096];

/* PEM text of what was written to a BIO, which is freed. */
static void
take_text(BIO *bio, char *text)
{
	int n = BIO_read(bio, text, 4095);

	text[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

/* A certificate that signs itself, for its subject's name and alternative names. */
static void
make_named_certificate(long begins, long ends, const char *subject, const char *alternatives)
{
	EVP_PKEY	   *pair = EVP_EC_gen("P-256");
	X509		   *x509 = X509_new();
	X509_NAME	   *name = X509_get_subject_name(x509);
	X509_EXTENSION *names = alternatives ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
															   alternatives)
										 : NULL;
	BIO			   *bio;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), begins);
	X509_gmtime_adj(X509_getm_notAfter(x509), ends);
	X509_set_pubkey(x509, pair);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) subject, -1, -1,
							   0);
	X509_set_issuer_name(x509, name);
	if (names)
		X509_add_ext(x509, names, -1);
	CHECK(X509_sign(x509, pair, EVP_sha256()) > 0);

	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, x509);
	take_text(bio, certificate);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL);
	take_text(bio, key);
	X509_EXTENSION_free(names);
	X509_free(x509);
	EVP_PKEY_free(pair);
}

/* For localhost and 127.0.0.1. */
static void
make_certificate(long begins, long ends)
{
	make_named_certificate(begins, ends, "unit test", "DNS:localhost,IP:127.0.0.1");
}

typedef struct Pair
{
	FpnnChannel client;
	FpnnChannel server;
	FpnnCodec  *client_codec;
	FpnnCodec  *server_codec;
} Pair;

static FpnnTlsClient
client_options(void)
{
	FpnnTlsClient options = {
		.host = "localhost", .verify = true, .ca_pem = certificate, .ca_len = strlen(certificate)};

	return options;
}

static bool
open_pair(Pair *pair, const FpnnTlsClient *options)
{
	char why[FPNN_TLS_WHY];

	fpnn_channel_init(&pair->client, &unit_env, FPNN_MAX_FRAME);
	fpnn_channel_init(&pair->server, &unit_env, FPNN_MAX_FRAME);
	return fpnn_tls_server(&unit_env, certificate, strlen(certificate), key, strlen(key),
						   &pair->server_codec, why) == FPNN_OK &&
		   fpnn_channel_set_codec(&pair->server, pair->server_codec) == FPNN_OK &&
		   fpnn_tls_client(&unit_env, options, &pair->client_codec, why) == FPNN_OK &&
		   fpnn_channel_set_codec(&pair->client, pair->client_codec) == FPNN_OK;
}

static void
close_pair(Pair *pair)
{
	fpnn_channel_free(&pair->client);
	fpnn_channel_free(&pair->server);
}

/* Carry what one has to send to the other one, in portions of at most `portion`. */
static FpnnStatus
carry(FpnnChannel *from, FpnnChannel *to, size_t portion)
{
	FpnnStatus status = FPNN_OK;

	while (status == FPNN_OK && fpnn_channel_pending(from) > 0)
	{
		size_t	 n = fpnn_channel_pending(from) < portion ? fpnn_channel_pending(from) : portion;
		uint8_t *where;
		size_t	 room;

		status = fpnn_channel_room(to, n, &where, &room);
		if (status != FPNN_OK)
			break;
		memcpy(where, fpnn_buf_head(&from->out), n);
		fpnn_channel_sent(from, n);
		status = fpnn_channel_received(to, n);
	}
	return status;
}

/* Until nobody has anything to send; what went wrong. */
static FpnnStatus
talk(Pair *pair, size_t portion)
{
	FpnnStatus status = FPNN_OK;

	while (status == FPNN_OK &&
		   fpnn_channel_pending(&pair->client) + fpnn_channel_pending(&pair->server) > 0)
	{
		status = carry(&pair->client, &pair->server, portion);
		if (status == FPNN_OK)
			status = carry(&pair->server, &pair->client, portion);
	}
	return status;
}

/* A quest of some size to the server and its answer. */
static void
ask(Pair *pair, uint32_t seq, size_t size, size_t portion)
{
	uint8_t	 *payload = malloc(size);
	FpnnFrame frame;

	for (size_t i = 0; i < size; i++)
		payload[i] = (uint8_t) unit_random();
	CHECK_INT(fpnn_channel_quest(&pair->client, "sendmsg", true, seq, payload, size), FPNN_OK);
	CHECK_INT(talk(pair, portion), FPNN_OK);
	CHECK_INT(fpnn_channel_next(&pair->server, &frame), FPNN_OK);
	CHECK_BYTES(frame.payload, frame.payload_len, payload, size);
	CHECK_INT(fpnn_channel_answer(&pair->server, &frame, 0, payload, size), FPNN_OK);
	CHECK_INT(talk(pair, portion), FPNN_OK);
	CHECK_INT(fpnn_channel_next(&pair->client, &frame), FPNN_OK);
	CHECK_INT(frame.seq, seq);
	CHECK_BYTES(frame.payload, frame.payload_len, payload, size);
	CHECK_INT(fpnn_channel_next(&pair->client, &frame), FPNN_MORE);
	free(payload);
}

static void
good_connections(void)
{
	static const size_t portions[] = {1, 7, 1000, SIZE_MAX};

	make_certificate(-100, 1000);
	for (int version = 0; version < 2; version++)
		for (size_t i = 0; i < sizeof(portions) / sizeof(portions[0]); i++)
		{
			Pair		  pair;
			FpnnTlsClient options = client_options();

			options.only_1_2 = version == 0;
			if (i == 1)
				options.host = "127.0.0.1";
			CHECK(open_pair(&pair, &options));
			CHECK(!fpnn_tls_is_ready(pair.client_codec));
			ask(&pair, 1, 100, portions[i]); /* sent before the handshake */
			CHECK(fpnn_tls_is_ready(pair.client_codec));
			CHECK(fpnn_tls_is_ready(pair.server_codec));
			CHECK(!fpnn_channel_midway(&pair.client));
			for (uint32_t seq = 2; seq < 6; seq++)
				ask(&pair, seq, unit_random_below(60000) + 1, portions[i]);
			close_pair(&pair);
		}
	CHECK_INT(unit_blocks, 0);
}

/* The handshake with these options fails, and the client says why. */
static void
refuses(const FpnnTlsClient *options, const char *why)
{
	Pair pair;

	CHECK(open_pair(&pair, options));
	CHECK_INT(talk(&pair, SIZE_MAX), FPNN_CRYPTO);
	CHECK(!fpnn_tls_is_ready(pair.client_codec));
	CHECK(strstr(fpnn_tls_why(pair.client_codec), why) != NULL);
	close_pair(&pair);
}

static void
bad_certificates(void)
{
	FpnnTlsClient options;
	char		  old[sizeof(certificate)];
	char		  text[FPNN_TLS_WHY];
	FpnnCodec	 *codec;

	make_certificate(-100, 1000);
	memcpy(old, certificate, sizeof(old));
	options = client_options();
	options.host = "elsewhere.example";
	refuses(&options, "ostname mismatch");
	options.host = "127.0.0.2";
	refuses(&options, "IP address mismatch");

	/* the subject isn't asked for a name */
	make_named_certificate(-100, 1000, "localhost", NULL);
	options = client_options();
	refuses(&options, "ostname mismatch");

	/* another authority */
	make_certificate(-100, 1000);
	options = client_options();
	options.ca_pem = old;
	options.ca_len = strlen(old);
	refuses(&options, "certificate");
	make_certificate(-1000, -100);
	options = client_options();
	refuses(&options, "expired");
	make_certificate(1000, 2000);
	options = client_options();
	refuses(&options, "not yet valid");

	options.ca_pem = "nothing";
	options.ca_len = 7;
	CHECK_INT(fpnn_tls_client(&unit_env, &options, &codec, text), FPNN_CRYPTO);
	CHECK_INT(fpnn_tls_server(&unit_env, old, strlen(old), key, strlen(key), &codec, text),
			  FPNN_CRYPTO);
	CHECK_INT(fpnn_tls_server(&unit_env, "", 0, key, strlen(key), &codec, text), FPNN_CRYPTO);
	CHECK_INT(unit_blocks, 0);
}

static void
unverified(void)
{
	Pair		  pair;
	FpnnTlsClient options = {.host = "elsewhere.example", .verify = false};

	make_certificate(-1000, -100);
	CHECK(open_pair(&pair, &options));
	ask(&pair, 1, 100, SIZE_MAX);
	close_pair(&pair);
}

/* Bytes that are no TLS, before and after the handshake: an error, no crash. */
static void
garbage(void)
{
	make_certificate(-100, 1000);
	for (int round = 0; round < 300; round++)
	{
		Pair		  pair;
		FpnnTlsClient options = client_options();
		FpnnChannel	 *victim = round % 2 ? &pair.client : &pair.server;
		size_t		  n = unit_random_below(300) + 20;
		uint8_t		 *where;
		size_t		  room;
		FpnnFrame	  frame;

		CHECK(open_pair(&pair, &options));
		if (round % 3 == 0)
			ask(&pair, 1, 10, SIZE_MAX);
		CHECK_INT(fpnn_channel_room(victim, n, &where, &room), FPNN_OK);
		for (size_t i = 0; i < n; i++)
			where[i] = (uint8_t) unit_random();
		(void) fpnn_channel_received(victim, n);
		CHECK(fpnn_channel_next(victim, &frame) != FPNN_OK);
		close_pair(&pair);
	}
	CHECK_INT(unit_blocks, 0);
}

static void
no_memory(void)
{
	make_certificate(-100, 1000);
	for (long n = 0; n < 12; n++)
	{
		Pair		  pair;
		FpnnTlsClient options = client_options();

		memset(&pair, 0, sizeof(pair));
		unit_fail_after(n);
		if (open_pair(&pair, &options))
		{
			(void) fpnn_channel_quest(&pair.client, "sendmsg", true, 1, "\x80", 1);
			(void) talk(&pair, SIZE_MAX);
		}
		unit_fail_after(-1);
		close_pair(&pair);
		CHECK_INT(unit_blocks, 0);
	}
}

void
test_tls(void)
{
	unit_run("TLS: connections of both versions, bytes in portions", good_connections);
	unit_run("TLS: certificates that don't fit", bad_certificates);
	unit_run("TLS: without looking at the certificate", unverified);
	unit_run("TLS: garbage", garbage);
	unit_run("TLS: no memory", no_memory);
}
