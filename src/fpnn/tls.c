/*-------------------------------------------------------------------------
 *
 * tls.c
 *	  TLS as a channel's codec.
 *
 * OpenSSL reads from one memory BIO and writes to another.  The error queue is
 * emptied before each of its functions whose failure is asked about.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/tls.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* Clear bytes that are read at once: a TLS record's. */
#define RECORD 16384

typedef struct TlsCodec
{
	FpnnCodec	   codec; /* first */
	const FpnnEnv *env;
	SSL_CTX		  *context;
	SSL			  *ssl;
	BIO			  *in; /* owned by ssl */
	BIO			  *out;
	FpnnBuf		   early; /* clear, sent before the handshake has ended */
	char		   why[FPNN_TLS_WHY];
} TlsCodec;

/* What OpenSSL has to say about the last failure. */
static void
explain(char *why, const SSL *ssl)
{
	long		  verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	unsigned long error = ERR_get_error();
	const char	 *reason = error ? ERR_reason_error_string(error) : NULL;

	if (verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	snprintf(why, FPNN_TLS_WHY, "%s", reason ? reason : "TLS failed");
	ERR_clear_error();
}

static FpnnStatus
fail(TlsCodec *tls)
{
	explain(tls->why, tls->ssl);
	return FPNN_CRYPTO;
}

/* What OpenSSL wants to have sent. */
static FpnnStatus
drain(TlsCodec *tls, FpnnBuf *out)
{
	char	  *bytes;
	long	   n = BIO_get_mem_data(tls->out, &bytes);
	FpnnStatus status;

	if (n <= 0)
		return FPNN_OK;
	status = fpnn_buf_append(out, bytes, (size_t) n);
	(void) BIO_reset(tls->out);
	return status;
}

static FpnnStatus
write_clear(TlsCodec *tls, const void *bytes, size_t len)
{
	size_t written;

	ERR_clear_error();
	if (len > 0 && (SSL_write_ex(tls->ssl, bytes, len, &written) != 1 || written != len))
		return fail(tls);
	return FPNN_OK;
}

/* Go on with the handshake; what was kept follows it. */
static FpnnStatus
shake_hands(TlsCodec *tls)
{
	FpnnStatus status;
	int		   rc;

	if (SSL_is_init_finished(tls->ssl))
		return FPNN_OK;
	ERR_clear_error();
	rc = SSL_do_handshake(tls->ssl);
	if (rc != 1)
		return SSL_get_error(tls->ssl, rc) == SSL_ERROR_WANT_READ ? FPNN_OK : fail(tls);
	status = write_clear(tls, fpnn_buf_head(&tls->early), fpnn_buf_len(&tls->early));
	fpnn_buf_free(&tls->early);
	return status;
}

/*
 * What the records that came so far hold.  Straight into the buffer: a record at a
 * time, as OpenSSL gives no more at once.
 */
static FpnnStatus
read_clear(TlsCodec *tls, FpnnBuf *clear)
{
	bool got = false;

	while (SSL_is_init_finished(tls->ssl))
	{
		FpnnStatus status = fpnn_buf_reserve(clear, RECORD);
		size_t	   n;

		if (status != FPNN_OK)
			return status;
		ERR_clear_error();
		if (SSL_read_ex(tls->ssl, clear->data + clear->end, clear->capacity - clear->end, &n) != 1)
		{
			switch (SSL_get_error(tls->ssl, 0))
			{
				case SSL_ERROR_WANT_READ:
					return FPNN_OK;
				case SSL_ERROR_ZERO_RETURN:
					/* what came before is of use */
					return got ? FPNN_OK : FPNN_CLOSED;
				default:
					return fail(tls);
			}
		}
		clear->end += n;
		got = true;
	}
	return FPNN_OK;
}

static FpnnStatus
tls_decode(FpnnCodec *codec, FpnnBuf *raw, FpnnBuf *clear, FpnnBuf *out)
{
	TlsCodec  *tls = (TlsCodec *) codec;
	size_t	   len = fpnn_buf_len(raw);
	size_t	   taken;
	FpnnStatus status;
	FpnnStatus drained;

	if (len > 0 && (BIO_write_ex(tls->in, fpnn_buf_head(raw), len, &taken) != 1 || taken != len))
		return FPNN_NOMEM;
	fpnn_buf_consume(raw, len);
	status = shake_hands(tls);
	if (status == FPNN_OK)
		status = read_clear(tls, clear);

	/* also when it failed: the peer is told why */
	drained = drain(tls, out);
	return status != FPNN_OK ? status : drained;
}

static FpnnStatus
tls_encode(FpnnCodec *codec, const uint8_t *frame, size_t len, FpnnBuf *out)
{
	TlsCodec  *tls = (TlsCodec *) codec;
	FpnnStatus status;

	if (!SSL_is_init_finished(tls->ssl))
		return fpnn_buf_append(&tls->early, frame, len);
	status = write_clear(tls, frame, len);
	return status != FPNN_OK ? status : drain(tls, out);
}

static void
tls_free(FpnnCodec *codec)
{
	TlsCodec *tls = (TlsCodec *) codec;

	fpnn_buf_free(&tls->early);
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	tls->env->resize(tls, 0);
}

/* A codec with a context that has its limits. */
static FpnnStatus
make_codec(const FpnnEnv *env, const SSL_METHOD *method, TlsCodec **made)
{
	TlsCodec *tls = env->resize(NULL, sizeof(TlsCodec));

	if (tls == NULL)
		return FPNN_NOMEM;
	memset(tls, 0, sizeof(*tls));
	tls->env = env;
	tls->codec.decode = tls_decode;
	tls->codec.encode = tls_encode;
	tls->codec.free = tls_free;
	fpnn_buf_init(&tls->early, env);
	tls->context = SSL_CTX_new(method);
	if (tls->context == NULL || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
	{
		tls_free(&tls->codec);
		return FPNN_NOMEM;
	}
	*made = tls;
	return FPNN_OK;
}

/* The connection's own half, once the context is complete. */
static FpnnStatus
make_ssl(TlsCodec *tls)
{
	tls->ssl = SSL_new(tls->context);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL)
	{
		BIO_free(tls->in);
		BIO_free(tls->out);
		return FPNN_NOMEM;
	}
	/* an empty BIO isn't the end */
	BIO_set_mem_eof_return(tls->in, -1);
	BIO_set_mem_eof_return(tls->out, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	return FPNN_OK;
}

/* Trust the certificates in a text: all of them, and at least one. */
static bool
trust(SSL_CTX *context, const char *pem, size_t len)
{
	BIO		   *bio = BIO_new_mem_buf(pem, (int) len);
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	X509	   *certificate;
	int			n = 0;

	while (bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
	{
		if (X509_STORE_add_cert(store, certificate) == 1)
			n++;
		X509_free(certificate);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n > 0;
}

static bool
is_address(const char *host)
{
	unsigned char address[16];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool
demand_host(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	/* a name stands in the alternative names, or the certificate isn't for it */
	SSL_set_hostflags(ssl,
					  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(ssl, host) == 1;
}

FpnnStatus
fpnn_tls_client(const FpnnEnv *env, const FpnnTlsClient *options, FpnnCodec **codec, char *why)
{
	TlsCodec  *tls;
	FpnnStatus status = make_codec(env, TLS_client_method(), &tls);
	bool	   good;

	snprintf(why, FPNN_TLS_WHY, "out of memory");
	if (status != FPNN_OK)
		return status;
	good = options->ca_pem ? trust(tls->context, options->ca_pem, options->ca_len)
						   : SSL_CTX_set_default_verify_paths(tls->context) == 1;
	if (!good)
		snprintf(why, FPNN_TLS_WHY, "there is no certificate in it that can be trusted");
	if (options->only_1_2)
		SSL_CTX_set_max_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->context, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	status = good || !options->verify ? make_ssl(tls) : FPNN_CRYPTO;
	if (status == FPNN_OK && !is_address(options->host) &&
		SSL_set_tlsext_host_name(tls->ssl, options->host) != 1)
		status = FPNN_NOMEM;
	if (status == FPNN_OK && options->verify && !demand_host(tls->ssl, options->host))
		status = FPNN_NOMEM;
	if (status != FPNN_OK)
	{
		tls_free(&tls->codec);
		return status;
	}
	SSL_set_connect_state(tls->ssl);
	*codec = &tls->codec;
	return FPNN_OK;
}

/* The first certificate is the server's, the others its chain. */
static bool
use_certificate(SSL_CTX *context, const char *pem, size_t len)
{
	BIO	 *bio = BIO_new_mem_buf(pem, (int) len);
	X509 *certificate;
	int	  n = 0;
	bool  good = bio != NULL;

	while (good && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
	{
		good = n++ == 0 ? SSL_CTX_use_certificate(context, certificate) == 1
						: SSL_CTX_add1_chain_cert(context, certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(bio);
	return good && n > 0;
}

static bool
use_key(SSL_CTX *context, const char *pem, size_t len)
{
	BIO		 *bio = BIO_new_mem_buf(pem, (int) len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "") : NULL;
	bool	  good = key && SSL_CTX_use_PrivateKey(context, key) == 1 &&
				SSL_CTX_check_private_key(context) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

FpnnStatus
fpnn_tls_server(const FpnnEnv *env, const char *certificate, size_t certificate_len,
				const char *key, size_t key_len, FpnnCodec **codec, char *why)
{
	TlsCodec  *tls;
	FpnnStatus status = make_codec(env, TLS_server_method(), &tls);

	snprintf(why, FPNN_TLS_WHY, "out of memory");
	if (status != FPNN_OK)
		return status;
	ERR_clear_error();
	if (!use_certificate(tls->context, certificate, certificate_len) ||
		!use_key(tls->context, key, key_len))
	{
		explain(why, NULL);
		status = FPNN_CRYPTO;
	}
	else
		status = make_ssl(tls);
	if (status != FPNN_OK)
	{
		tls_free(&tls->codec);
		return status;
	}
	SSL_set_accept_state(tls->ssl);
	*codec = &tls->codec;
	return FPNN_OK;
}

bool
fpnn_tls_is_ready(const FpnnCodec *codec)
{
	return SSL_is_init_finished(((const TlsCodec *) codec)->ssl);
}

const char *
fpnn_tls_why(const FpnnCodec *codec)
{
	return ((const TlsCodec *) codec)->why;
}
