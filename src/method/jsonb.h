/*-------------------------------------------------------------------------
 *
 * jsonb.h
 *	  Between jsonb and msgpack.
 *
 * To msgpack: a whole number that fits is an integer (1.0 too), any other
 * number a double; an object with the one key "base64" and a string is bytes;
 * the rest is what it looks like.
 *
 * From msgpack: text, in str or bin, is a string; bytes that are no text in
 * the database's encoding are {"base64": "..."}; a double that JSON doesn't
 * have is the string NaN, Infinity or -Infinity; an extension value is
 * {"ext": type, "base64": "..."}.  A map's key that is no text is
 * what one can read: numbers, true, false and null as they are written, anything
 * else "base64:...", "ext <type> base64:...", "array base64:..." or
 * "map base64:...", the last two packed.  So any answer has a form, and none
 * raises an error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_JSONB_H
#define RTM_JSONB_H

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "method/answer.h"

/*
 * Pack the keys and values of an object, without the map's header; how many
 * pairs.  Raises 22023 when it is no object, has a key that the extension adds
 * itself (pid, salt, ts, sign) or base64 that isn't; 22003 for a number that a
 * double can't hold; and what rtm_text_to_wire() raises.
 */
extern int rtm_pack_jsonb(const Jsonb *params, StringInfo out);

/* The number, if it is a whole one (1.0 is) that fits. */
extern bool rtm_whole_number(Numeric number, int64 *value);

/* An answer's payload. */
extern Jsonb *rtm_answer_jsonb(const RtmReader *reader);

/* The same of one of its fields, whatever that is.  Raises FP206 when it isn't there. */
extern Jsonb *rtm_read_jsonb(const RtmReader *reader, const char *key);

#endif /* RTM_JSONB_H */
