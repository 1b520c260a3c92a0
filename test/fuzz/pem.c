/*-------------------------------------------------------------------------
 *
 * pem.c
 *	  Fuzz target: keys and certificates as somebody pastes them: the option
 *	  public_key, the file of tls_ca_file, the gate's own key and certificate.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <openssl/err.h>

#include "fpnn/crypt.h"
#include "fpnn/tls.h"

/* What the check says of a public key, a connection finds as well. */
static void
try_public(const char *text, size_t size)
{
	FpnnBuf		payload;
	FpnnCodec  *codec = NULL;
	const char *curve = NULL;
	FpnnStatus	good = fpnn_crypt_check_public(text, size, &curve);

	require((good == FPNN_OK) == (curve != NULL));
	fpnn_buf_init(&payload, &fuzz_env);
	require(fpnn_crypt_client(&fuzz_env, text, size, (FpnnCryptMode){256, false}, 4096, &payload,
							  &codec) == good);
	if (codec)
		codec->free(codec);
	fpnn_buf_free(&payload);
}

static void
try_private(const char *text, size_t size)
{
	static const uint8_t point[FPNN_MAX_POINT] = {1};
	FpnnKeyQuest		 quest = {{128, true}, point, sizeof(point)};
	FpnnCodec			*codec = NULL;

	/* that is no point of any of the curves */
	require(fpnn_crypt_server(&fuzz_env, text, size, &quest, 4096, &codec) != FPNN_OK);
}

static void
try_certificates(const char *text, size_t size)
{
	FpnnTlsClient options = {.host = "localhost", .verify = true, .ca_pem = text, .ca_len = size};
	FpnnCodec	 *codec;
	char		  why[FPNN_TLS_WHY];

	if (fpnn_tls_client(&fuzz_env, &options, &codec, why) == FPNN_OK)
		codec->free(codec);
	if (fpnn_tls_server(&fuzz_env, text, size, text, size, &codec, why) == FPNN_OK)
		codec->free(codec);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_public((const char *) data, size);
	try_private((const char *) data, size);
	try_certificates((const char *) data, size);
	require(ERR_peek_error() == 0);
	return 0;
}
