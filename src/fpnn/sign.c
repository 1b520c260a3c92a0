/*-------------------------------------------------------------------------
 *
 * sign.c
 *	  The signature of an RTM quest.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

FpnnStatus
fpnn_sign(const FpnnEnv *env, int64_t pid, const char *secret, int64_t salt, const char *method,
		  int64_t ts, char sign[FPNN_SIGN_LEN + 1])
{
	static const char hex[] = "0123456789ABCDEF";
	char			  text[FPNN_MAX_SECRET + 255 + 3 * 20 + 5];
	uint8_t			  digest[16];
	int				  len;
	bool			  done;

	if (strlen(secret) > FPNN_MAX_SECRET || strlen(method) > 255)
		return FPNN_TOO_LARGE;
	len = snprintf(text, sizeof(text), "%" PRId64 ":%s:%" PRId64 ":%s:%" PRId64, pid, secret, salt,
				   method, ts);
	if (len < 0 || (size_t) len >= sizeof(text))
	{
		OPENSSL_cleanse(text, sizeof(text));
		return FPNN_TOO_LARGE;
	}
	done = env->md5(text, (size_t) len, digest);
	OPENSSL_cleanse(text, (size_t) len);
	if (!done)
		return FPNN_CRYPTO;

	for (int i = 0; i < 16; i++)
	{
		sign[2 * i] = hex[digest[i] >> 4];
		sign[2 * i + 1] = hex[digest[i] & 15];
	}
	sign[FPNN_SIGN_LEN] = '\0';
	return FPNN_OK;
}
