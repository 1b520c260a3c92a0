/*-------------------------------------------------------------------------
 *
 * fpnn.h
 *	  What every file of the wire layer shares: statuses, limits and the
 *	  environment that the host lends it.
 *
 * The wire layer (src/fpnn) includes no PostgreSQL header, does no I/O, keeps
 * no global state, never longjmps and never prints.  Functions return an
 * FpnnStatus; whatever they need from outside comes through an FpnnEnv.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_H
#define FPNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The framework's default maximum package: header, method and payload
 * together (protocol.md, "FPNN frame").
 */
#define FPNN_MAX_FRAME ((size_t) 8 * 1024 * 1024)

/* How deeply maps and arrays may nest in a payload that we accept. */
#define FPNN_MAX_DEPTH 24

/*
 * How many values one payload may hold.  A one-byte value costs 24 bytes once
 * it is unpacked, so this bounds what a hostile peer can make us allocate.
 */
#define FPNN_MAX_VALUES ((size_t) 1024 * 1024)

typedef enum FpnnStatus
{
	FPNN_OK = 0,
	FPNN_MORE,		  /* no error: more bytes are needed */
	FPNN_NOMEM,		  /* the host gave no memory */
	FPNN_BAD_MAGIC,	  /* the stream doesn't speak FPNN */
	FPNN_BAD_FLAG,	  /* neither or both of msgpack and JSON, or a
								 * flag that nobody defined a meaning for */
	FPNN_BAD_MTYPE,	  /* not a quest and not an answer */
	FPNN_BAD_METHOD,  /* method name empty or too long */
	FPNN_TOO_LARGE,	  /* frame larger than the limit */
	FPNN_BAD_PAYLOAD, /* not one well-formed msgpack map */
	FPNN_NO_KEY,	  /* the map has no such key */
	FPNN_BAD_TYPE,	  /* the key's value has another type */
	FPNN_CRYPTO,	  /* a cryptographic step failed */
	FPNN_CLOSED		  /* the peer ended the (TLS) stream */
} FpnnStatus;

/*
 * What the host lends the wire layer.  `resize` is realloc(): ptr NULL allocates,
 * size 0 frees (and returns NULL); NULL for size > 0 means out of memory, the old
 * block staying valid.  It must not longjmp.  `md5` computes 16 bytes; false when the
 * host's crypto policy (FIPS) forbids MD5.
 */
typedef struct FpnnEnv
{
	void *(*resize)(void *ptr, size_t size);
	bool (*md5)(const void *data, size_t len, uint8_t digest[16]);
} FpnnEnv;

/* A short English phrase for a status, for use after a colon. Never NULL. */
extern const char *fpnn_status_text(FpnnStatus status);

#endif /* FPNN_H */
