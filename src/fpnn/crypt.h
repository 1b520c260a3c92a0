/*-------------------------------------------------------------------------
 *
 * crypt.h
 *	  FPNN's own encryption: ECDH key agreement, then AES-CFB128.
 *
 * Source: protocol.md, "Encryption: ECDH + AES-CFB".  The client knows the
 * server's public key; it sends an ephemeral one in the clear quest *key, and
 * everything behind that quest is encrypted, in one of two modes:
 *
 *	stream	each direction is one continuous stream
 *	package	every frame is encrypted on its own, from the same iv, with its
 *			length before it in the clear
 *
 * How a client uses it, on a new channel:
 *
 *	fpnn_crypt_client()		gives the payload of *key, and the codec
 *	fpnn_channel_quest()	"*key", two-way
 *	fpnn_channel_set_codec()
 *
 * and a server, when *key is the first quest of a channel:
 *
 *	fpnn_crypt_read_quest()	takes the payload apart
 *	fpnn_crypt_server()		gives the codec
 *	fpnn_channel_set_codec()
 *	fpnn_channel_answer()	an empty map, which goes out encrypted
 *
 * Private keys, shared secrets and session keys are wiped when they are no
 * longer needed.  No function leaves anything in OpenSSL's error queue.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CRYPT_H
#define FPNN_CRYPT_H

#include "fpnn/channel.h"
#include "fpnn/payload.h"

#define FPNN_CRYPT_METHOD "*key"

/* Sizes in bytes, of the largest curve. */
#define FPNN_MAX_COORDINATE 32
#define FPNN_MAX_POINT		(2 * FPNN_MAX_COORDINATE)
#define FPNN_CRYPT_IV		16
#define FPNN_CRYPT_MAX_KEY	32

/* Longest PEM or DER text of a key that we read. */
#define FPNN_MAX_KEY_TEXT 8192

/* What the two sides agree on in *key. */
typedef struct FpnnCryptMode
{
	int	 bits;	  /* 128 or 256 */
	bool package; /* package mode, not stream mode */
} FpnnCryptMode;

/*
 * The parameters of a *key quest.  point lies in the payload's bytes.
 */
typedef struct FpnnKeyQuest
{
	FpnnCryptMode  mode;
	const uint8_t *point; /* X and Y, no prefix */
	size_t		   point_len;
} FpnnKeyQuest;

/*
 * Is this a public key (PEM or DER SubjectPublicKeyInfo) on one of the four
 * curves?  FPNN_CRYPTO if not.  *curve, unless NULL, becomes its name.
 */
extern FpnnStatus fpnn_crypt_check_public(const char *text, size_t len, const char **curve);

/*
 * Make a key pair on a curve (secp256k1, secp256r1, secp224r1 or secp192r1)
 * and append both halves as PEM text: PKCS#8, and SubjectPublicKeyInfo.
 * FPNN_CRYPTO also for another name.
 */
extern FpnnStatus fpnn_crypt_make_pair(const char *curve, FpnnBuf *private_pem,
									   FpnnBuf *public_pem);

/*
 * The client's side: make an ephemeral key on the curve of the server's public
 * key, append the payload of the *key quest to payload, and make the codec for
 * what follows it.  max_frame is the channel's.
 */
extern FpnnStatus fpnn_crypt_client(const FpnnEnv *env, const char *public_key, size_t public_len,
									FpnnCryptMode mode, size_t max_frame, FpnnBuf *payload,
									FpnnCodec **codec);

/*
 * The server's side: the quest's parameters (FPNN_NO_KEY, FPNN_BAD_TYPE; other
 * numbers of bits are FPNN_CRYPTO), then the codec.  FPNN_CRYPTO when the
 * point isn't on the private key's curve.
 */
extern FpnnStatus fpnn_crypt_read_quest(const msgpack_object *map, FpnnKeyQuest *quest);
extern FpnnStatus fpnn_crypt_server(const FpnnEnv *env, const char *private_pem, size_t private_len,
									const FpnnKeyQuest *quest, size_t max_frame, FpnnCodec **codec);

/*
 * The steps that those are made of.
 *
 * fpnn_crypt_agree() computes the shared secret, curve-sized with its leading
 * zeros, of a private key and a peer's point.  fpnn_crypt_derive() makes key
 * and iv of it.  fpnn_crypt_codec() makes the codec of a secret.  Whoever gets
 * a secret or a key wipes it.
 */
extern FpnnStatus fpnn_crypt_agree(const char *private_pem, size_t private_len,
								   const uint8_t *point, size_t point_len,
								   uint8_t secret[FPNN_MAX_COORDINATE], size_t *secret_len);
extern FpnnStatus fpnn_crypt_derive(const FpnnEnv *env, const uint8_t *secret, size_t secret_len,
									int bits, uint8_t key[FPNN_CRYPT_MAX_KEY],
									uint8_t iv[FPNN_CRYPT_IV]);
extern FpnnStatus fpnn_crypt_codec(const FpnnEnv *env, const uint8_t *secret, size_t secret_len,
								   FpnnCryptMode mode, size_t max_frame, FpnnCodec **codec);

#endif /* FPNN_CRYPT_H */
