/*-------------------------------------------------------------------------
 *
 * tls.h
 *	  TLS as a channel's codec: both sides, over memory, without a socket.
 *
 * Source: protocol.md, "TLS": the framework serves TLS 1.2 and 1.3 on a port of
 * its own; there is no *key inside.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_TLS_H
#define FPNN_TLS_H

#include "fpnn/channel.h"

/* Longest text about a failure, with its NUL. */
#define FPNN_TLS_WHY 200

typedef struct FpnnTlsClient
{
	const char *host;	/* name or address that the certificate must have,
								 * and that is asked for */
	bool		verify; /* the certificate, and that it is the host's */
	const char *ca_pem; /* certificates that are trusted; NULL: those
								 * that OpenSSL finds on this machine */
	size_t		ca_len;
	bool		only_1_2; /* not TLS 1.3 */
} FpnnTlsClient;

/*
 * The client's codec.  Frames that are sent before the handshake has ended are
 * kept.  FPNN_CRYPTO: the trusted certificates can't be used.  why (FPNN_TLS_WHY
 * bytes) says what failed.
 */
extern FpnnStatus fpnn_tls_client(const FpnnEnv *env, const FpnnTlsClient *options,
								  FpnnCodec **codec, char *why);

/* The server's codec, of a certificate (with its chain) and its key, PEM. */
extern FpnnStatus fpnn_tls_server(const FpnnEnv *env, const char *certificate,
								  size_t certificate_len, const char *key, size_t key_len,
								  FpnnCodec **codec, char *why);

/* Has the handshake ended well? */
extern bool fpnn_tls_is_ready(const FpnnCodec *codec);

/* Why the codec returned FPNN_CRYPTO. */
extern const char *fpnn_tls_why(const FpnnCodec *codec);

#endif /* FPNN_TLS_H */
