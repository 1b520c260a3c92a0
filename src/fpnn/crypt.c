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
#define POINT_UNCOMPRESSED 0x04

/* Before each frame in package mode. */
#define PACKAGE_HEADER 4

typedef struct Curve
{
	const char *name;
	int			nid;
	size_t		coordinate; /* bytes */
} Curve;

static const Curve curves[] = {
	{"secp256k1", NID_secp256k1, 32},
	{"secp256r1", NID_X9_62_prime256v1, 32},
	{"secp224r1", NID_secp224r1, 28},
	{"secp192r1", NID_X9_62_prime192v1, 24},
};

#define NUM_CURVES (sizeof(curves) / sizeof(curves[0]))

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
	char   name[64];
	size_t len;

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
	bool		  good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

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

/*
 * A public key as PEM, or as DER, which begins with the tag of a SEQUENCE.  NULL for
 * one that the framework has no curve for, or whose point isn't on its curve.
 */
static EVP_PKEY *
read_public(const char *text, size_t len)
{
	EVP_PKEY *key = NULL;

	if (len == 0 || len > FPNN_MAX_KEY_TEXT)
		return NULL;
	if ((uint8_t) text[0] == 0x30)
	{
		const unsigned char *der = (const unsigned char *) text;

		key = d2i_PUBKEY(NULL, &der, (long) len);
	}
	else
	{
		BIO *bio = BIO_new_mem_buf(text, (int) len);

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
	EVP_PKEY *key = NULL;
	BIO		 *bio;

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
	EVP_PKEY	 *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
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
key_of_point(EVP_PKEY *same_curve, const Curve *curve, const uint8_t *point, size_t len)
{
	uint8_t	  encoded[1 + FPNN_MAX_POINT];
	EVP_PKEY *key;

	if (len != 2 * curve->coordinate)
		return NULL;
	encoded[0] = POINT_UNCOMPRESSED;
	memcpy(encoded + 1, point, len);

	key = EVP_PKEY_new();
	if (key == NULL || EVP_PKEY_copy_parameters(key, same_curve) != 1 ||
		EVP_PKEY_set1_encoded_public_key(key, encoded, len + 1) != 1 || !public_key_is_good(key))
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
	size_t		   len = EVP_PKEY_get1_encoded_public_key(key, &encoded);
	bool		   good = len == 1 + 2 * curve->coordinate && encoded[0] == POINT_UNCOMPRESSED;

	if (good)
		memcpy(point, encoded + 1, len - 1);
	OPENSSL_free(encoded);
	return good;
}

/* The shared secret: OpenSSL gives it with its leading zeros. */
static bool
agree(EVP_PKEY *own, EVP_PKEY *peer, const Curve *curve, uint8_t secret[FPNN_MAX_COORDINATE])
{
	size_t		  len = FPNN_MAX_COORDINATE;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	bool		  good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
				EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
				EVP_PKEY_derive(ctx, secret, &len) == 1 && len == curve->coordinate;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* The private half passes through memory that OpenSSL wipes. */
static FpnnStatus
write_pair(EVP_PKEY *key, FpnnBuf *private_pem, FpnnBuf *public_pem)
{
	FpnnStatus status = FPNN_CRYPTO;
	BIO		  *private_bio = BIO_new(BIO_s_secmem());
	BIO		  *public_bio = BIO_new(BIO_s_mem());

	if (private_bio != NULL && public_bio != NULL &&
		PEM_write_bio_PKCS8PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		PEM_write_bio_PUBKEY(public_bio, key) == 1)
	{
		char *text;
		long  len = BIO_get_mem_data(private_bio, &text);

		status = fpnn_buf_append(private_pem, text, (size_t) len);
		len = BIO_get_mem_data(public_bio, &text);
		if (status == FPNN_OK)
			status = fpnn_buf_append(public_pem, text, (size_t) len);
	}
	BIO_free(private_bio);
	BIO_free(public_bio);
	return status;
}

/* Public functions of keys */

FpnnStatus
fpnn_crypt_check_public(const char *text, size_t len, const char **curve)
{
	EVP_PKEY *key = read_public(text, len);
	bool	  good = key != NULL;

	if (good && curve != NULL)
		*curve = curve_of(key)->name;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good ? FPNN_OK : FPNN_CRYPTO;
}

FpnnStatus
fpnn_crypt_make_pair(const char *curve_name, FpnnBuf *private_pem, FpnnBuf *public_pem)
{
	const Curve *curve = curve_by_name(curve_name);
	EVP_PKEY	*key = curve ? make_key(curve) : NULL;
	FpnnStatus	 status = key ? write_pair(key, private_pem, public_pem) : FPNN_CRYPTO;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return status;
}

FpnnStatus
fpnn_crypt_agree(const char *private_pem, size_t private_len, const uint8_t *point,
				 size_t point_len, uint8_t secret[FPNN_MAX_COORDINATE], size_t *secret_len)
{
	FpnnStatus	 status = FPNN_CRYPTO;
	EVP_PKEY	*own = read_private(private_pem, private_len);
	const Curve *curve = own ? curve_of(own) : NULL;
	EVP_PKEY	*peer = own ? key_of_point(own, curve, point, point_len) : NULL;

	if (peer != NULL && agree(own, peer, curve, secret))
	{
		*secret_len = curve->coordinate;
		status = FPNN_OK;
	}
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	ERR_clear_error();
	return status;
}

/*
 * iv = MD5(secret).  Of the key, 128 bits are the secret's first 16 bytes; 256
 * bits are the secret itself when it is that long, else its SHA-256.
 */
FpnnStatus
fpnn_crypt_derive(const FpnnEnv *env, const uint8_t *secret, size_t secret_len, int bits,
				  uint8_t key[FPNN_CRYPT_MAX_KEY], uint8_t iv[FPNN_CRYPT_IV])
{
	if (secret_len < 16 || secret_len > FPNN_MAX_COORDINATE || (bits != 128 && bits != 256))
		return FPNN_CRYPTO;
	if (!env->md5(secret, secret_len, iv))
		return FPNN_CRYPTO;
	if (bits == 128)
		memcpy(key, secret, 16);
	else if (secret_len == 32)
		memcpy(key, secret, 32);
	else if (EVP_Digest(secret, secret_len, key, NULL, EVP_sha256(), NULL) != 1)
	{
		ERR_clear_error();
		return FPNN_CRYPTO;
	}
	return FPNN_OK;
}

/* The codec */

typedef struct CryptCodec
{
	FpnnCodec		codec; /* must be first */
	const FpnnEnv  *env;
	size_t			max_frame;
	EVP_CIPHER_CTX *encryption;
	EVP_CIPHER_CTX *decryption;
	uint8_t			iv[FPNN_CRYPT_IV];
} CryptCodec;

/*
 * Append len bytes of source to target, en- or decrypted.  CFB gives as many
 * bytes as it takes.  Nothing is appended on failure.
 */
static FpnnStatus
cipher_append(EVP_CIPHER_CTX *ctx, const uint8_t *source, size_t len, FpnnBuf *target)
{
	int done;

	if (len > INT_MAX)
		return FPNN_TOO_LARGE;
	if (fpnn_buf_reserve(target, len) != FPNN_OK)
		return FPNN_NOMEM;
	if (EVP_CipherUpdate(ctx, target->data + target->end, &done, source, (int) len) != 1 ||
		(size_t) done != len)
	{
		ERR_clear_error();
		return FPNN_CRYPTO;
	}
	target->end += len;
	return FPNN_OK;
}

/* Begin again from the key and the iv, as every package does. */
static FpnnStatus
restart_cipher(EVP_CIPHER_CTX *ctx, const uint8_t *iv)
{
	if (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, iv, -1) == 1)
		return FPNN_OK;
	ERR_clear_error();
	return FPNN_CRYPTO;
}

static FpnnStatus
stream_decode(FpnnCodec *codec, FpnnBuf *raw, FpnnBuf *clear, FpnnBuf *out)
{
	CryptCodec *crypt = (CryptCodec *) codec;
	size_t		len = fpnn_buf_len(raw);
	FpnnStatus	status;

	(void) out;
	if (len == 0)
		return FPNN_OK;
	status = cipher_append(crypt->decryption, fpnn_buf_head(raw), len, clear);
	if (status == FPNN_OK)
		fpnn_buf_consume(raw, len);
	return status;
}

static FpnnStatus
stream_encode(FpnnCodec *codec, const uint8_t *frame, size_t len, FpnnBuf *out)
{
	return cipher_append(((CryptCodec *) codec)->encryption, frame, len, out);
}

/* Decrypt one package, which must be exactly one frame. */
static FpnnStatus
decode_package(CryptCodec *crypt, const uint8_t *package, size_t len, FpnnBuf *clear)
{
	FpnnStatus status = restart_cipher(crypt->decryption, crypt->iv);
	FpnnFrame  frame;
	size_t	   need;

	if (status == FPNN_OK)
		status = cipher_append(crypt->decryption, package, len, clear);
	if (status != FPNN_OK)
		return status;
	status = fpnn_frame_parse(clear->data + clear->end - len, len, crypt->max_frame, &frame, &need);
	if (status == FPNN_MORE || (status == FPNN_OK && frame.length != len))
		status = FPNN_CRYPTO;
	if (status != FPNN_OK)
		clear->end -= len; /* the packages before it are good */
	return status;
}

/*
 * Each package that is there as a whole: a length in the clear, then a frame that is
 * encrypted on its own.
 */
static FpnnStatus
package_decode(FpnnCodec *codec, FpnnBuf *raw, FpnnBuf *clear, FpnnBuf *out)
{
	CryptCodec *crypt = (CryptCodec *) codec;

	(void) out;
	while (fpnn_buf_len(raw) >= PACKAGE_HEADER)
	{
		const uint8_t *head = fpnn_buf_head(raw);
		size_t		   len = (size_t) head[0] | (size_t) head[1] << 8 | (size_t) head[2] << 16 |
					 (size_t) head[3] << 24;
		FpnnStatus status;

		/* not encrypted, so anybody's word: nothing is allocated for it yet */
		if (len > crypt->max_frame)
			return FPNN_TOO_LARGE;
		if (len < FPNN_FIXED_HEADER)
			return FPNN_CRYPTO;
		if (fpnn_buf_len(raw) - PACKAGE_HEADER < len)
			break;

		status = decode_package(crypt, head + PACKAGE_HEADER, len, clear);
		if (status != FPNN_OK)
			return status;
		fpnn_buf_consume(raw, PACKAGE_HEADER + len);
	}
	return FPNN_OK;
}

static FpnnStatus
package_encode(FpnnCodec *codec, const uint8_t *frame, size_t len, FpnnBuf *out)
{
	CryptCodec *crypt = (CryptCodec *) codec;
	uint8_t	   header[PACKAGE_HEADER] = {(uint8_t) len, (uint8_t) (len >> 8), (uint8_t) (len >> 16),
										 (uint8_t) (len >> 24)};
	FpnnStatus status = restart_cipher(crypt->encryption, crypt->iv);

	/* room for both, so that no header is left alone behind */
	if (status == FPNN_OK && len > UINT32_MAX)
		status = FPNN_TOO_LARGE;
	if (status == FPNN_OK)
		status = fpnn_buf_reserve(out, PACKAGE_HEADER + len);
	if (status == FPNN_OK)
		status = fpnn_buf_append(out, header, PACKAGE_HEADER);
	if (status == FPNN_OK)
		status = cipher_append(crypt->encryption, frame, len, out);
	return status;
}

static void
crypt_free(FpnnCodec *codec)
{
	CryptCodec	  *crypt = (CryptCodec *) codec;
	const FpnnEnv *env = crypt->env;

	EVP_CIPHER_CTX_free(crypt->encryption);
	EVP_CIPHER_CTX_free(crypt->decryption);
	OPENSSL_cleanse(crypt, sizeof(*crypt));
	env->resize(crypt, 0);
}

static bool
start_ciphers(CryptCodec *crypt, int bits, const uint8_t *key)
{
	const EVP_CIPHER *cipher = bits == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128();

	crypt->encryption = EVP_CIPHER_CTX_new();
	crypt->decryption = EVP_CIPHER_CTX_new();
	return crypt->encryption != NULL && crypt->decryption != NULL &&
		   EVP_CipherInit_ex(crypt->encryption, cipher, NULL, key, crypt->iv, 1) == 1 &&
		   EVP_CipherInit_ex(crypt->decryption, cipher, NULL, key, crypt->iv, 0) == 1;
}

FpnnStatus
fpnn_crypt_codec(const FpnnEnv *env, const uint8_t *secret, size_t secret_len, FpnnCryptMode mode,
				 size_t max_frame, FpnnCodec **codec)
{
	uint8_t		key[FPNN_CRYPT_MAX_KEY];
	CryptCodec *crypt = env->resize(NULL, sizeof(CryptCodec));
	FpnnStatus	status;

	if (crypt == NULL)
		return FPNN_NOMEM;
	memset(crypt, 0, sizeof(*crypt));
	crypt->env = env;
	crypt->max_frame = max_frame;
	crypt->codec.decode = mode.package ? package_decode : stream_decode;
	crypt->codec.encode = mode.package ? package_encode : stream_encode;
	crypt->codec.free = crypt_free;

	status = fpnn_crypt_derive(env, secret, secret_len, mode.bits, key, crypt->iv);
	if (status == FPNN_OK && !start_ciphers(crypt, mode.bits, key))
	{
		ERR_clear_error();
		status = FPNN_CRYPTO;
	}
	OPENSSL_cleanse(key, sizeof(key));
	if (status != FPNN_OK)
		crypt_free(&crypt->codec);
	else
		*codec = &crypt->codec;
	return status;
}

/* The two sides */

static FpnnStatus
pack_key_quest(FpnnBuf *payload, const uint8_t *point, size_t len, FpnnCryptMode mode)
{
	msgpack_packer packer;

	fpnn_packer_init(&packer, payload);
	msgpack_pack_map(&packer, 3);
	fpnn_pack_text(&packer, "publicKey");
	fpnn_pack_bin(&packer, point, len);
	fpnn_pack_text(&packer, "streamMode");
	if (mode.package)
		msgpack_pack_false(&packer);
	else
		msgpack_pack_true(&packer);
	fpnn_pack_text(&packer, "bits");
	msgpack_pack_int(&packer, mode.bits);
	return payload->failed ? FPNN_NOMEM : FPNN_OK;
}

FpnnStatus
fpnn_crypt_client(const FpnnEnv *env, const char *public_key, size_t public_len, FpnnCryptMode mode,
				  size_t max_frame, FpnnBuf *payload, FpnnCodec **codec)
{
	uint8_t		 point[FPNN_MAX_POINT];
	uint8_t		 secret[FPNN_MAX_COORDINATE];
	FpnnStatus	 status = FPNN_CRYPTO;
	EVP_PKEY	*peer = read_public(public_key, public_len);
	const Curve *curve = peer ? curve_of(peer) : NULL;
	EVP_PKEY	*own = peer ? make_key(curve) : NULL;

	if (own != NULL && point_of_key(own, curve, point) && agree(own, peer, curve, secret))
		status = fpnn_crypt_codec(env, secret, curve->coordinate, mode, max_frame, codec);
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	ERR_clear_error();

	if (status == FPNN_OK)
	{
		status = pack_key_quest(payload, point, 2 * curve->coordinate, mode);
		if (status != FPNN_OK)
			(*codec)->free(*codec);
	}
	return status;
}

FpnnStatus
fpnn_crypt_read_quest(const msgpack_object *map, FpnnKeyQuest *quest)
{
	const char *point;
	bool		stream;
	int64_t		bits;
	FpnnStatus	status = fpnn_map_text(map, "publicKey", &point, &quest->point_len);

	if (status == FPNN_OK)
		status = fpnn_map_bool(map, "streamMode", &stream);
	if (status == FPNN_OK)
		status = fpnn_map_int(map, "bits", &bits);
	if (status != FPNN_OK)
		return status;
	if (bits != 128 && bits != 256)
		return FPNN_CRYPTO;
	quest->point = (const uint8_t *) point;
	quest->mode.bits = (int) bits;
	quest->mode.package = !stream;
	return FPNN_OK;
}

FpnnStatus
fpnn_crypt_server(const FpnnEnv *env, const char *private_pem, size_t private_len,
				  const FpnnKeyQuest *quest, size_t max_frame, FpnnCodec **codec)
{
	uint8_t	   secret[FPNN_MAX_COORDINATE];
	size_t	   len = 0;
	FpnnStatus status = fpnn_crypt_agree(private_pem, private_len, quest->point, quest->point_len,
										 secret, &len);

	if (status == FPNN_OK)
		status = fpnn_crypt_codec(env, secret, len, quest->mode, max_frame, codec);
	OPENSSL_cleanse(secret, sizeof(secret));
	return status;
}
