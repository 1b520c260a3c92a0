/*-------------------------------------------------------------------------
 *
 * sign.h
 *	  The signature of an RTM quest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_SIGN_H
#define FPNN_SIGN_H

#include "fpnn/fpnn.h"

#define FPNN_SIGN_LEN 32

/* Longest secret that can be signed with; the vendor's have 36 bytes. */
#define FPNN_MAX_SECRET 256

/*
 * sign = upper-case hex MD5 of "<pid>:<secret>:<salt>:<method>:<ts>", numbers
 * in decimal (protocol.md, "RTM quests").  ts is in seconds.  The result is 32
 * characters and a zero byte.  FPNN_TOO_LARGE when the secret is longer than
 * FPNN_MAX_SECRET or the method longer than a frame can say, FPNN_CRYPTO when
 * the host refuses MD5.  The secret's copy is wiped.
 */
extern FpnnStatus fpnn_sign(const FpnnEnv *env, int64_t pid, const char *secret, int64_t salt,
							const char *method, int64_t ts, char sign[FPNN_SIGN_LEN + 1]);

#endif /* FPNN_SIGN_H */
