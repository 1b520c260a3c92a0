/*-------------------------------------------------------------------------
 *
 * crypt.c
 *	  FPNN's own encryption: ECDH key agreement, then AES-CFB128.
 *
 * Keys live in OpenSSL's objects, which every function here frees before it
 * returns; a codec owns its two cipher contexts until its free().  The EVP
 * interface alone is used, of OpenSSL 1.1.1 or later.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/crypt.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define EVP_PKEY_get1_encoded_public_key EVP_PKEY_get1_tls_encodedpoint
#define EVP_PKEY_set1_encoded_public_key EVP_PKEY_set1_tls_encodedpoint
#endif

/* How an encoded point that isn't compressed begins. */
#define POINT_UNCOMPRESSED	0x04

/* Before each frame in package mode. */
#define PACKAGE_HEADER		4

typedef struct Curve
{
	const char *name;
	int			nid;
	size_t		coordinate;		/* bytes */
} Curve;

static const Curve curves[] = {
	{"secp256k1", NID_secp256k1, 32},
	{"secp256r1", NID_X9_62_prime256v1, 32},
	{"secp224r1", NID_secp224r1, 28},
	{"secp192r1", NID_X9_62_prime192v1, 24},
};

#define NUM_CURVES	(sizeof(curves) / sizeof(curves[0]))

/* Curves and keys */

static const Curve *
curve_by_name(const char *name)
{
	for (size_t i = 0; i < NUM_CURVES; i++)
	{
		if (strcmp(curves[i].name, name) == 0)
			return &curves[i];
	}
	return NULL;
}

static const Curve *
curve_by_nid(int nid)
{
	for (size_t i = 0; i < NUM_CURVES; i++)
	{
		if (curves[i].nid == nid)
			return &curves[i];
	}
	return NULL;
}

/* The curve that a key is on, or NULL for another one or no EC key at all. */
static const Curve *
curve_of(EVP_PKEY *key)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	char		name[64];
	size_t		len;

	if (EVP_PKEY_base_id(key) != EVP_PKEY_EC ||
		EVP_PKEY_get_group_name(key, name, sizeof(name), &len) != 1)
		return NULL;
	return curve_by_nid(OBJ_txt2nid(name));
#else
	if (EVP_PKEY_base_id(key) != EVP_PKEY_EC)
		return NULL;
	return curve_by_nid(EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key))));
#endif
}

/* Is the public half a point of the curve, and a good one? */
static bool
public_key_is_good(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool		good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* An encrypted PEM must not make OpenSSL ask the terminal for a password. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	(void) buf;
	(void) size;
	(void) rwflag;
	(void) arg;
	return -1;
}

static EVP_PKEY *
read_public(const char *text, size_t len)
{
	EVP_PKEY   *key = NULL;

	if (len == 0 || len > FPNN_MAX_KEY_TEXT)
		return NULL;
	if ((uint8_t) text[0] == 0x30)
	{
		const unsigned char *der = (const unsigned char *) text;

		key = d2i_PUBKEY(NULL, &der, (long) len);
	}
	else
	{
		BIO		   *bio = BIO_new_mem_buf(text, (int) len);

		if (bio != NULL)
			key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
		BIO_free(bio);
	}

	if (key != NULL && (curve_of(key) == NULL || !public_key_is_good(key)))
	{
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static EVP_PKEY *
read_private(const char *text, size_t len)
{
	EVP_PKEY   *key = NULL;
	BIO		   *bio;

	if (len == 0 || len > FPNN_MAX_KEY_TEXT)
		return NULL;
	bio = BIO_new_mem_buf(text, (int) len);
	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);

	if (key != NULL && curve_of(key) == NULL)
	{
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static EVP_PKEY *
make_key(const Curve *curve)
{
	EVP_PKEY   *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);

	if (ctx == NULL ||
		EVP_PKEY_keygen_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, curve->nid) != 1 ||
		EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE) != 1 ||
		EVP_PKEY_keygen(ctx, &key) != 1)
	{
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/*
 * A public key of a peer's X and Y, each as long as the curve's coordinates;
 * NULL when that is no point of the curve.
 */
static EVP_PKEY *
key_of_point(EVP_PKEY *same_curve, const Curve *curve, const uint8_t *point,
			 size_t len)
{
	uint8_t		encoded[1 + FPNN_MAX_POINT];
	EVP_PKEY   *key;

	if (len != 2 * curve->coordinate)
		return NULL;
	encoded[0] = POINT_UNCOMPRESSED;
	memcpy(encoded + 1, point, len);

	key = EVP_PKEY_new();
	if (key == NULL ||
		EVP_PKEY_copy_parameters(key, same_curve) != 1 ||
		EVP_PKEY_set1_encoded_public_key(key, encoded, len + 1) != 1 ||
		!public_key_is_good(key))
	{
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

/* X and Y of a key, each as long as the curve's coordinates. */
static bool
point_of_key(EVP_PKEY *key, const Curve *curve, uint8_t point[FPNN_MAX_POINT])
{
	unsigned char *encoded = NULL;
	size_t		len = EVP_PKEY_get1_encoded_public_key(key, &encoded);
	bool		good = len == 1 + 2 * curve->coordinate &&
		encoded[0] == POINT_UNCOMPRESSED;

	if (good)
		memcpy(point, encoded + 1, len - 1);
	OPENSSL_free(encoded);
	return good;
}

/* The shared secret: OpenSSL gives it with its leading zeros. */
static bool
agree(EVP_PKEY *own, EVP_PKEY *peer, const Curve *curve,
	  uint8_t secret[FPNN_MAX_COORDINATE])
{
	size_t		len = FPNN_MAX_COORDINATE;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	bool		good = ctx != NULL &&
		EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		EVP_PKEY_derive(ctx, secret, &len) == 1 &&
		len == curve->coordinate;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static FpnnStatus
write_pair(EVP_PKEY *key, FpnnBuf *private_pem, FpnnBuf *public_pem)
{
	FpnnStatus	status = FPNN_CRYPTO;
	BIO		   *private_bio = BIO_new(BIO_s_secmem());
	BIO		   *public_bio = BIO_new(BIO_s_mem());

	if (private_bio != NULL && public_bio != NULL &&
		PEM_write_bio_PKCS8PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		PEM_write_bio_PUBKEY(public_bio, key) == 1)
	{
		char	   *text;
		long		len = BIO_get_mem_data(private_bio, &text);

		status = fpnn_buf_append(private_pem, text, (size_t) len);
		len = BIO_get_mem_data(public_bio, &text);
		if (status == FPNN_OK)
			status = fpnn_buf_append(public_pem, text, (size_t) len);
	}
	BIO_free(private_bio);
	BIO_free(public_bio);
	return status;
}
