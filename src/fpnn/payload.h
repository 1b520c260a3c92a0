/*-------------------------------------------------------------------------
 *
 * payload.h
 *	  Payloads: one msgpack map with string keys, read and written with
 *	  msgpack-c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_PAYLOAD_H
#define FPNN_PAYLOAD_H

#include <msgpack.h>

#include "fpnn/buf.h"

/*
 * An unpacked payload.  Texts in it point into the bytes it was opened on,
 * which must outlive it; everything else is malloc()ed by msgpack-c and given
 * back by fpnn_doc_close().
 */
typedef struct FpnnDoc
{
	msgpack_unpacked	  unpacked;
	const msgpack_object *map;
} FpnnDoc;

/*
 * Is there one well-formed msgpack value at the beginning of bytes[0, len)?
 * Checks nesting, the number of values, and that every announced length is
 * there, without allocating: msgpack-c allocates for an announced length
 * before it looks at what follows, so nothing from the network goes to it
 * unchecked.  *used is the value's length.  FPNN_BAD_PAYLOAD if not.
 */
extern FpnnStatus fpnn_msgpack_check(const uint8_t *bytes, size_t len, size_t *used);

/*
 * Unpack a payload, which must begin with a map (what follows it is ignored,
 * as the vendor's framework does).  On failure nothing needs closing, but
 * closing is harmless; so is closing a zeroed FpnnDoc.
 */
extern FpnnStatus fpnn_doc_open(FpnnDoc *doc, const uint8_t *bytes, size_t len);
extern void		  fpnn_doc_close(FpnnDoc *doc);

/* The value of a key, or NULL. map may be any object; only maps have keys. */
extern const msgpack_object *fpnn_map_get(const msgpack_object *map, const char *key);

/*
 * Typed access.  FPNN_NO_KEY, or FPNN_BAD_TYPE; then *value is unchanged.
 * Integers are strict: int64 and nothing else converts (protocol.md: a string,
 * float, bool or a value above 2^63-1 is a type error).  A text may be str or
 * bin.
 */
extern FpnnStatus fpnn_map_int(const msgpack_object *map, const char *key, int64_t *value);
extern FpnnStatus fpnn_map_bool(const msgpack_object *map, const char *key, bool *value);
extern FpnnStatus fpnn_map_text(const msgpack_object *map, const char *key, const char **text,
								size_t *len);
extern FpnnStatus fpnn_map_array(const msgpack_object *map, const char *key,
								 const msgpack_object_array **array);

extern FpnnStatus fpnn_object_int(const msgpack_object *object, int64_t *value);
extern FpnnStatus fpnn_object_bool(const msgpack_object *object, bool *value);
extern FpnnStatus fpnn_object_text(const msgpack_object *object, const char **text, size_t *len);

/*
 * Packed pairs of a text and a value, as a map has them behind its header: the value
 * of a key is bytes[*begin, *end).  FPNN_NO_KEY; FPNN_BAD_PAYLOAD when the pairs are
 * broken before it.  The key is one of at most 31 bytes.
 */
extern FpnnStatus fpnn_pairs_find(const uint8_t *bytes, size_t len, const char *key, size_t *begin,
								  size_t *end);

/* An integer among them; also FPNN_BAD_TYPE. */
extern FpnnStatus fpnn_pairs_int(const uint8_t *bytes, size_t len, const char *key, int64_t *value);

/* Writing into a buffer that is checked for `failed` at the end. */
extern void fpnn_packer_init(msgpack_packer *packer, FpnnBuf *out);
extern void fpnn_pack_text(msgpack_packer *packer, const char *text);
extern void fpnn_pack_text_len(msgpack_packer *packer, const char *text, size_t len);
extern void fpnn_pack_bin(msgpack_packer *packer, const void *bytes, size_t len);

#endif /* FPNN_PAYLOAD_H */
