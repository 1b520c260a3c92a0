/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the fuzz targets share: the host's environment.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "fpnn/fpnn.h"

static void *
fuzz_resize(void *ptr, size_t size)
{
	if (size == 0)
	{
		free(ptr);
		return NULL;
	}
	return realloc(ptr, size);
}

static bool
fuzz_md5(const void *data, size_t len, uint8_t digest[16])
{
	return EVP_Digest(data, len, digest, NULL, EVP_md5(), NULL) == 1;
}

static const FpnnEnv fuzz_env = {fuzz_resize, fuzz_md5};

/* What must hold, also in builds without asserts. */
static inline void
require(bool condition)
{
	if (!condition)
		abort();
}

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* FUZZ_H */
