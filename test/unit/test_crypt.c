/*-------------------------------------------------------------------------
 *
 * test_crypt.c
 *	  Encryption: captured keys and streams, both sides of an agreement, and
 *	  what a hostile peer may send.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "fpnn/crypt.h"

/* A private key as PEM, of its number and the point that goes with it. */
static char *
private_pem(const char *curve, const VBlob *number, const VBlob *point, size_t *len)
{
	uint8_t			encoded[65] = {4};
	BIGNUM		   *bn = BN_bin2bn(number->bytes, (int) number->len, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX   *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIO			   *bio = BIO_new(BIO_s_mem());
	EVP_PKEY	   *key = NULL;
	OSSL_PARAM	   *params;
	char		   *text;
	char		   *copy;

	if (strcmp(curve, "secp256r1") == 0)
		curve = "prime256v1";
	if (strcmp(curve, "secp192r1") == 0)
		curve = "prime192v1";
	memcpy(encoded + 1, point->bytes, point->len);
	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, bn);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, encoded, point->len + 1);
	params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_fromdata_init(ctx);
	CHECK_INT(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	CHECK_INT(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	*len = (size_t) BIO_get_mem_data(bio, &text);
	copy = (char *) unit_copy(text, *len);

	BIO_free(bio);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(bn);
	return copy;
}

/* Both sides of the captured agreements come to the captured secret. */
static void
captured_agreements(void)
{
	CHECK_INT(unit_ncrypts, 8);
	for (size_t i = 0; i < unit_ncrypts; i++)
	{
		const VCrypt *v = &unit_crypts[i];
		const VBlob	 *numbers[] = {&v->server_private, &v->client_private};
		const VBlob	 *points[] = {&v->server_public, &v->client_public};
		const char	 *curve = "";

		for (int side = 0; side < 2; side++)
		{
			size_t	 pem_len;
			char	*pem = private_pem(v->curve, numbers[side], points[side], &pem_len);
			uint8_t *point = unit_copy(points[!side]->bytes, points[!side]->len);
			uint8_t	 secret[FPNN_MAX_COORDINATE];
			size_t	 len = 0;

			CHECK_INT(fpnn_crypt_agree(pem, pem_len, point, points[!side]->len, secret, &len),
					  FPNN_OK);
			CHECK_BYTES(secret, len, v->secret.bytes, v->secret.len);
			free(point);
			free(pem);
		}
		CHECK_INT(fpnn_crypt_check_public(v->server_pem, strlen(v->server_pem), &curve), FPNN_OK);
		CHECK(strcmp(curve, v->curve) == 0);
	}
}

static void
captured_keys(void)
{
	for (size_t i = 0; i < unit_ncrypts; i++)
	{
		const VCrypt *v = &unit_crypts[i];
		uint8_t		  key[FPNN_CRYPT_MAX_KEY];
		uint8_t		  iv[FPNN_CRYPT_IV];

		CHECK_INT(fpnn_crypt_derive(&unit_env, v->secret.bytes, v->secret.len, v->bits, key, iv),
				  FPNN_OK);
		CHECK_BYTES(key, (size_t) v->bits / 8, v->key.bytes, v->key.len);
		CHECK_BYTES(iv, sizeof(iv), v->iv.bytes, v->iv.len);
		CHECK_INT(fpnn_crypt_derive(&unit_env, v->secret.bytes, v->secret.len, 192, key, iv),
				  FPNN_CRYPTO);
		CHECK_INT(fpnn_crypt_derive(&unit_env, v->secret.bytes, 15, 128, key, iv), FPNN_CRYPTO);
		CHECK_INT(fpnn_crypt_derive(&unit_env, v->secret.bytes, 33, 128, key, iv), FPNN_CRYPTO);
		CHECK_INT(
			fpnn_crypt_derive(&unit_env_no_md5, v->secret.bytes, v->secret.len, v->bits, key, iv),
			FPNN_CRYPTO);
	}
}

static FpnnCodec *
codec_of(const VCrypt *v, bool package)
{
	FpnnCodec	 *codec = NULL;
	FpnnCryptMode mode = {v->bits, package};

	CHECK_INT(
		fpnn_crypt_codec(&unit_env, v->secret.bytes, v->secret.len, mode, FPNN_MAX_FRAME, &codec),
		FPNN_OK);
	return codec;
}

/* Frames encrypted byte for byte as captured. */
static void
captured_encryption(void)
{
	for (size_t i = 0; i < unit_ncrypts; i++)
	{
		const VCrypt *v = &unit_crypts[i];

		for (int package = 0; package <= 1; package++)
		{
			FpnnCodec *codec = codec_of(v, package);
			FpnnBuf	   out;
			size_t	   pos = 0;

			fpnn_buf_init(&out, &unit_env);
			for (size_t f = 0; f < v->nframes; f++)
			{
				CHECK_INT(codec->encode(codec, v->frames[f].bytes, v->frames[f].len, &out),
						  FPNN_OK);
				if (package)
				{
					CHECK_BYTES(fpnn_buf_head(&out) + pos, fpnn_buf_len(&out) - pos,
								v->packages[f].bytes, v->packages[f].len);
					pos = fpnn_buf_len(&out);
				}
			}
			if (!package)
				CHECK_BYTES(fpnn_buf_head(&out), fpnn_buf_len(&out), v->stream.bytes,
							v->stream.len);
			fpnn_buf_free(&out);
			codec->free(codec);
		}
	}
}

/* Everything that a capture holds, as one row of bytes. */
static uint8_t *
captured_bytes(const VCrypt *v, bool package, size_t *len)
{
	uint8_t *bytes;

	if (!package)
	{
		*len = v->stream.len;
		return unit_copy(v->stream.bytes, v->stream.len);
	}
	*len = 0;
	for (size_t i = 0; i < v->npackages; i++)
		*len += v->packages[i].len;
	bytes = malloc(*len);
	*len = 0;
	for (size_t i = 0; i < v->npackages; i++)
	{
		memcpy(bytes + *len, v->packages[i].bytes, v->packages[i].len);
		*len += v->packages[i].len;
	}
	return bytes;
}

static FpnnStatus
feed(FpnnChannel *ch, const uint8_t *bytes, size_t n)
{
	uint8_t	  *where;
	size_t	   room;
	FpnnStatus status = fpnn_channel_room(ch, n, &where, &room);

	if (status == FPNN_OK)
	{
		memcpy(where, bytes, n);
		status = fpnn_channel_received(ch, n);
	}
	return status;
}

/* Captured bytes in portions through a channel give the captured frames. */
static void
captured_decryption(void)
{
	for (size_t i = 0; i < 20 * unit_ncrypts; i++)
	{
		const VCrypt *v = &unit_crypts[i % unit_ncrypts];
		bool		  package = i & 8;
		size_t		  len;
		uint8_t		 *bytes = captured_bytes(v, package, &len);
		size_t		  portion = i < 16 ? 1 : i < 32 ? len : 0;
		size_t		  seen = 0;
		FpnnChannel	  ch;

		fpnn_channel_init(&ch, &unit_env, FPNN_MAX_FRAME);
		CHECK_INT(fpnn_channel_set_codec(&ch, codec_of(v, package)), FPNN_OK);
		for (size_t pos = 0; pos < len;)
		{
			size_t	   n = portion ? portion : 1 + unit_random_below(100);
			FpnnFrame  frame;
			FpnnStatus status;

			n = n > len - pos ? len - pos : n;
			CHECK_INT(feed(&ch, bytes + pos, n), FPNN_OK);
			pos += n;
			while ((status = fpnn_channel_next(&ch, &frame)) == FPNN_OK)
			{
				CHECK(seen < v->nframes);
				CHECK_BYTES(frame.payload + frame.payload_len - frame.length, frame.length,
							v->frames[seen].bytes, v->frames[seen].len);
				seen++;
			}
			CHECK_INT(status, FPNN_MORE);
		}
		CHECK_INT(seen, v->nframes);
		CHECK(!fpnn_channel_midway(&ch));
		fpnn_channel_free(&ch);
		free(bytes);
	}
}

static void
carry(FpnnChannel *from, FpnnChannel *to)
{
	size_t n = fpnn_channel_pending(from);

	CHECK_INT(feed(to, fpnn_buf_head(&from->out), n), FPNN_OK);
	fpnn_channel_sent(from, n);
}

/* A server that got *key as its first quest. */
static FpnnStatus
accept_key(FpnnChannel *gate, const FpnnBuf *private_key)
{
	FpnnCodec	*codec = NULL;
	FpnnKeyQuest key;
	FpnnFrame	 frame;
	FpnnStatus	 status = fpnn_channel_next(gate, &frame);
	FpnnFrame	 copy = frame;
	FpnnDoc		 doc;

	CHECK_INT(status, FPNN_OK);
	CHECK(fpnn_frame_is(&frame, FPNN_CRYPT_METHOD));
	status = fpnn_doc_open(&doc, frame.payload, frame.payload_len);
	if (status != FPNN_OK)
		return status;
	status = fpnn_crypt_read_quest(doc.map, &key);
	if (status == FPNN_OK)
		status = fpnn_crypt_server(&unit_env, (const char *) fpnn_buf_head(private_key),
								   fpnn_buf_len(private_key), &key, FPNN_MAX_FRAME, &codec);
	fpnn_doc_close(&doc);
	if (status == FPNN_OK)
		status = fpnn_channel_set_codec(gate, codec);
	if (status == FPNN_OK)
		status = fpnn_channel_answer(gate, &copy, 0, "\x80", 1);
	return status;
}

/* One connection with keys of its own, a quest right behind *key. */
static void
one_agreement(const char *curve, FpnnCryptMode mode)
{
	static const char large[70000];
	FpnnChannel		  client;
	FpnnChannel		  gate;
	FpnnCodec		 *codec = NULL;
	FpnnBuf			  private_key;
	FpnnBuf			  public_key;
	FpnnBuf			  payload;
	FpnnFrame		  frame;

	fpnn_buf_init(&private_key, &unit_env);
	fpnn_buf_init(&public_key, &unit_env);
	fpnn_buf_init(&payload, &unit_env);
	fpnn_channel_init(&client, &unit_env, FPNN_MAX_FRAME);
	fpnn_channel_init(&gate, &unit_env, FPNN_MAX_FRAME);

	CHECK_INT(fpnn_crypt_make_pair(curve, &private_key, &public_key), FPNN_OK);
	CHECK_INT(fpnn_crypt_client(&unit_env, (char *) fpnn_buf_head(&public_key),
								fpnn_buf_len(&public_key), mode, FPNN_MAX_FRAME, &payload, &codec),
			  FPNN_OK);
	CHECK_INT(fpnn_channel_quest(&client, FPNN_CRYPT_METHOD, true, 1, fpnn_buf_head(&payload),
								 fpnn_buf_len(&payload)),
			  FPNN_OK);
	CHECK_INT(fpnn_channel_set_codec(&client, codec), FPNN_OK);
	CHECK_INT(fpnn_channel_quest(&client, "sendmsg", true, 2, large, sizeof(large)), FPNN_OK);

	/* the quest behind *key mustn't be readable */
	CHECK(memmem(fpnn_buf_head(&client.out), fpnn_channel_pending(&client), "sendmsg", 7) == NULL);
	CHECK(memmem(fpnn_buf_head(&client.out), fpnn_channel_pending(&client), "*key", 4) != NULL);
	carry(&client, &gate);
	CHECK_INT(accept_key(&gate, &private_key), FPNN_OK);
	CHECK_INT(fpnn_channel_next(&gate, &frame), FPNN_OK);
	CHECK(fpnn_frame_is(&frame, "sendmsg"));
	CHECK_BYTES(frame.payload, frame.payload_len, large, sizeof(large));
	CHECK_INT(fpnn_channel_error(&gate, &frame, 200053, "duplicated mid"), FPNN_OK);
	CHECK(memmem(fpnn_buf_head(&gate.out), fpnn_channel_pending(&gate), "FPNN", 4) == NULL);

	carry(&gate, &client);
	CHECK_INT(fpnn_channel_next(&client, &frame), FPNN_OK);
	CHECK_INT(frame.seq, 1);
	CHECK_INT(frame.status, 0);
	CHECK_INT(fpnn_channel_next(&client, &frame), FPNN_OK);
	CHECK_INT(frame.seq, 2);
	CHECK_INT(frame.status, 1);
	CHECK_INT(fpnn_channel_next(&client, &frame), FPNN_MORE);

	fpnn_channel_free(&client);
	fpnn_channel_free(&gate);
	fpnn_buf_free(&private_key);
	fpnn_buf_free(&public_key);
	fpnn_buf_free(&payload);
}

static void
both_sides(void)
{
	static const char *const curves[] = {"secp256k1", "secp256r1", "secp224r1", "secp192r1"};

	/* often enough for keys and secrets that begin with a zero byte */
	for (int round = 0; round < 64; round++)
		for (int curve = 0; curve < 4; curve++)
			one_agreement(curves[curve], (FpnnCryptMode){round & 1 ? 128 : 256, round & 2});
}

static void
refused_keys(void)
{
	static const char *const texts[] = {
		"", "x", "-----BEGIN PUBLIC KEY-----\n", "\x30\x03\x01\x01",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		/* an Ed25519 key: good, but of no use here */
		"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
		"-----END PUBLIC KEY-----\n",
		/* encrypted: must not ask anybody for a password */
		"-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
		"00000000000000000000000000000000\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END PUBLIC KEY-----\n"};
	const VCrypt *v = &unit_crypts[0];
	size_t		  pem_len;
	char		 *pem = private_pem(v->curve, &v->server_private, &v->server_public, &pem_len);
	uint8_t		  point[FPNN_MAX_POINT + 8] = {0};
	uint8_t		  secret[FPNN_MAX_COORDINATE];
	size_t		  len;
	FpnnBuf		  out;
	FpnnCodec	 *codec = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		CHECK_INT(fpnn_crypt_check_public(texts[i], strlen(texts[i]), NULL), FPNN_CRYPTO);
		CHECK_INT(fpnn_crypt_agree(texts[i], strlen(texts[i]), v->client_public.bytes,
								   v->client_public.len, secret, &len),
				  FPNN_CRYPTO);
	}

	/* no point at all, one bit beside the curve, wrong lengths */
	CHECK_INT(fpnn_crypt_agree(pem, pem_len, point, 64, secret, &len), FPNN_CRYPTO);
	for (int bit = 0; bit < 512; bit += 7)
	{
		memcpy(point, v->client_public.bytes, 64);
		point[bit / 8] ^= (uint8_t) (1 << bit % 8);
		CHECK_INT(fpnn_crypt_agree(pem, pem_len, point, 64, secret, &len), FPNN_CRYPTO);
	}
	memcpy(point, v->client_public.bytes, 64);
	CHECK_INT(fpnn_crypt_agree(pem, pem_len, point, 64, secret, &len), FPNN_OK);
	for (size_t wrong = 0; wrong <= sizeof(point); wrong++)
		if (wrong != 64)
			CHECK_INT(fpnn_crypt_agree(pem, pem_len, point, wrong, secret, &len), FPNN_CRYPTO);

	/* a curve that nobody speaks */
	fpnn_buf_init(&out, &unit_env);
	CHECK_INT(fpnn_crypt_make_pair("secp384r1", &out, &out), FPNN_CRYPTO);
	CHECK_INT(fpnn_crypt_client(&unit_env, "x", 1, (FpnnCryptMode){128, false}, FPNN_MAX_FRAME,
								&out, &codec),
			  FPNN_CRYPTO);
	CHECK_INT(fpnn_crypt_client(&unit_env, v->server_pem, strlen(v->server_pem),
								(FpnnCryptMode){192, false}, FPNN_MAX_FRAME, &out, &codec),
			  FPNN_CRYPTO);
	CHECK(codec == NULL);
	CHECK_INT(fpnn_buf_len(&out), 0);
	CHECK_INT(ERR_peek_error(), 0);
	fpnn_buf_free(&out);
	free(pem);
}

static FpnnStatus
read_quest(const char *bytes, size_t len, FpnnKeyQuest *quest)
{
	FpnnDoc	   doc;
	FpnnStatus status;

	CHECK_INT(fpnn_doc_open(&doc, (const uint8_t *) bytes, len), FPNN_OK);
	status = fpnn_crypt_read_quest(doc.map, quest);
	fpnn_doc_close(&doc);
	return status;
}

/* of a literal, which may hold zero bytes */
#define READ_QUEST(bytes, quest) read_quest(bytes, sizeof(bytes) - 1, quest)

static void
key_quests(void)
{
	FpnnKeyQuest quest = {{0, false}, NULL, 0};

	CHECK_INT(READ_QUEST("\x83\xa9publicKey\xa1x\xaastreamMode\xc2\xa4"
						 "bits\xcc\x80",
						 &quest),
			  FPNN_OK);
	CHECK_BYTES(quest.point, quest.point_len, "x", 1);
	CHECK(quest.mode.package);
	CHECK_INT(quest.mode.bits, 128);
	CHECK_INT(READ_QUEST("\x83\xa9publicKey\xa1x\xaastreamMode\xc3\xa4"
						 "bits\xcd\x01\0",
						 &quest),
			  FPNN_OK);
	CHECK(!quest.mode.package);
	CHECK_INT(quest.mode.bits, 256);
	CHECK_INT(READ_QUEST("\x83\xa9publicKey\xa1x\xaastreamMode\xc3\xa4"
						 "bits\xcd\x01\x01",
						 &quest),
			  FPNN_CRYPTO);
	CHECK_INT(READ_QUEST("\x83\xa9publicKey\x01\xaastreamMode\xc3\xa4"
						 "bits\xcc\x80",
						 &quest),
			  FPNN_BAD_TYPE);
	CHECK_INT(READ_QUEST("\x82\xa9publicKey\xa1x\xa4"
						 "bits\xcc\x80",
						 &quest),
			  FPNN_NO_KEY);
	CHECK_INT(READ_QUEST("\x80", &quest), FPNN_NO_KEY);
}

/* Lengths in the clear: bounded before anything is allocated for them. */
static void
hostile_packages(void)
{
	static const struct
	{
		uint32_t   len;
		FpnnStatus status;
	} lengths[] = {
		{0, FPNN_CRYPTO},
		{1, FPNN_CRYPTO},
		{11, FPNN_CRYPTO},
		{12, FPNN_OK},
		{(uint32_t) FPNN_MAX_FRAME, FPNN_OK},
		{(uint32_t) FPNN_MAX_FRAME + 1, FPNN_TOO_LARGE},
		{0x7fffffff, FPNN_TOO_LARGE},
		{0xffffffff, FPNN_TOO_LARGE},
	};
	const VCrypt *v = &unit_crypts[0];
	FpnnCodec	 *codec = codec_of(v, true);
	FpnnBuf		  raw;
	FpnnBuf		  clear;
	FpnnBuf		  out;

	fpnn_buf_init(&raw, &unit_env);
	fpnn_buf_init(&clear, &unit_env);
	fpnn_buf_init(&out, &unit_env);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		uint8_t head[4];

		for (int b = 0; b < 4; b++)
			head[b] = (uint8_t) (lengths[i].len >> (8 * b));
		fpnn_buf_append(&raw, head, 4);
		unit_fail_after(0);
		CHECK_INT(codec->decode(codec, &raw, &clear, &out), lengths[i].status);
		unit_fail_after(-1);
		CHECK_INT(fpnn_buf_len(&clear), 0);
		fpnn_buf_reset(&raw, SIZE_MAX);
	}

	/* a package with half a frame, or with a frame and a half */
	for (int longer = -1; longer <= 1; longer++)
	{
		size_t	 len = v->frames[0].len + (size_t) longer;
		uint8_t *frame = calloc(1, len + 1);

		memcpy(frame, v->frames[0].bytes, longer < 0 ? len : v->frames[0].len);
		CHECK_INT(codec->encode(codec, frame, len, &raw), FPNN_OK);
		CHECK_INT(codec->decode(codec, &raw, &clear, &out), longer == 0 ? FPNN_OK : FPNN_CRYPTO);
		fpnn_buf_reset(&raw, SIZE_MAX);
		fpnn_buf_reset(&clear, SIZE_MAX);
		free(frame);
	}

	/* any other key gives garbage, which is no frame */
	CHECK_INT(fpnn_buf_append(&raw, v->packages[0].bytes, v->packages[0].len), FPNN_OK);
	raw.data[4] ^= 1;
	CHECK_INT(codec->decode(codec, &raw, &clear, &out), FPNN_BAD_MAGIC);
	codec->free(codec);
	fpnn_buf_free(&raw);
	fpnn_buf_free(&clear);
	fpnn_buf_free(&out);
}

static void
no_memory(void)
{
	const VCrypt *v = &unit_crypts[0];

	for (int package = 0; package <= 1; package++)
	{
		FpnnCodec *codec = NULL;
		FpnnBuf	   out;

		unit_fail_after(0);
		CHECK_INT(fpnn_crypt_codec(&unit_env, v->secret.bytes, v->secret.len,
								   (FpnnCryptMode){v->bits, package}, FPNN_MAX_FRAME, &codec),
				  FPNN_NOMEM);
		unit_fail_after(-1);
		codec = codec_of(v, package);
		fpnn_buf_init(&out, &unit_env);
		unit_fail_after(0);
		CHECK_INT(codec->encode(codec, v->frames[0].bytes, v->frames[0].len, &out), FPNN_NOMEM);
		CHECK_INT(fpnn_buf_len(&out), 0);
		unit_fail_after(-1);

		/* nothing was lost: the stream goes on where it was */
		CHECK_INT(codec->encode(codec, v->frames[0].bytes, v->frames[0].len, &out), FPNN_OK);
		CHECK_BYTES(fpnn_buf_head(&out), fpnn_buf_len(&out),
					package ? v->packages[0].bytes : v->stream.bytes,
					v->frames[0].len + (package ? 4 : 0));
		codec->free(codec);
		fpnn_buf_free(&out);
	}
}

void
test_crypt(void)
{
	unit_run("captured agreements", captured_agreements);
	unit_run("captured keys", captured_keys);
	unit_run("captured frames, encrypted", captured_encryption);
	unit_run("captured frames, decrypted", captured_decryption);
	unit_run("both sides of an encrypted connection", both_sides);
	unit_run("keys and points that are refused", refused_keys);
	unit_run("key quests", key_quests);
	unit_run("hostile packages", hostile_packages);
	unit_run("encryption without memory", no_memory);
}
