/*-------------------------------------------------------------------------
 *
 * unit.c
 *	  Runs the unit tests of the wire layer and prints TAP.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <time.h>

#include <openssl/evp.h>

#include "vectors.h"

const VCall *const	unit_calls = v_calls;
const size_t		unit_ncalls = sizeof(v_calls) / sizeof(v_calls[0]);
const VSign *const	unit_signs = v_signs;
const size_t		unit_nsigns = sizeof(v_signs) / sizeof(v_signs[0]);
const VCrypt *const unit_crypts = v_crypts;
const size_t		unit_ncrypts = sizeof(v_crypts) / sizeof(v_crypts[0]);
const char *const	unit_secret = v_secret;

static int	tests_run;
static int	tests_failed;
static int	checks_failed; /* in the running test */
static long checks_done;   /* in the running test */

/* Checks */

bool
unit_check(bool good, const char *file, int line, const char *what)
{
	checks_done++;
	if (!good && ++checks_failed <= 5)
		printf("# %s:%d: failed: %s\n", file, line, what);
	return good;
}

bool
unit_check_int(int64_t got, int64_t expected, const char *file, int line, const char *what)
{
	if (!unit_check(got == expected, file, line, what) && checks_failed <= 5)
		printf("#   got %" PRId64 ", expected %" PRId64 "\n", got, expected);
	return got == expected;
}

static void
print_bytes(const char *label, const uint8_t *bytes, size_t len)
{
	printf("#   %s (%zu bytes):", label, len);
	for (size_t i = 0; i < len && i < 64; i++)
		printf(" %02x", bytes[i]);
	printf("%s\n", len > 64 ? " ..." : "");
}

bool
unit_check_bytes(const void *got, size_t got_len, const void *expected, size_t expected_len,
				 const char *file, int line, const char *what)
{
	bool good = got_len == expected_len && (got_len == 0 || memcmp(got, expected, got_len) == 0);

	if (!unit_check(good, file, line, what) && checks_failed <= 5)
	{
		print_bytes("got", got, got_len);
		print_bytes("expected", expected, expected_len);
	}
	return good;
}

void
unit_run(const char *name, void (*test)(void))
{
	long blocks = unit_blocks;

	checks_failed = 0;
	checks_done = 0;
	test();
	unit_fail_after(-1);
	CHECK_INT(unit_blocks, blocks);
	if (checks_done < 2)
	{
		printf("# the test checked nothing\n");
		checks_failed++;
	}
	tests_run++;
	if (checks_failed > 0)
		tests_failed++;
	printf("%s %d - %s (%ld checks)\n", checks_failed > 0 ? "not ok" : "ok", tests_run, name,
		   checks_done);
	fflush(stdout);
}

/* The host's environment */

long		unit_blocks;
static long allocations_left = -1;

void
unit_fail_after(long n)
{
	allocations_left = n;
}

static void *
unit_resize(void *ptr, size_t size)
{
	void *block;

	if (size == 0)
	{
		if (ptr)
			unit_blocks--;
		free(ptr);
		return NULL;
	}
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	block = realloc(ptr, size);
	if (block && !ptr)
		unit_blocks++;
	return block;
}

static bool
unit_md5(const void *data, size_t len, uint8_t digest[16])
{
	return EVP_Digest(data, len, digest, NULL, EVP_md5(), NULL) == 1;
}

static bool
no_md5(const void *data, size_t len, uint8_t digest[16])
{
	return false;
}

const FpnnEnv unit_env = {unit_resize, unit_md5};
const FpnnEnv unit_env_no_md5 = {unit_resize, no_md5};

uint8_t *
unit_copy(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	/* malloc(0) may share blocks: a byte that must not be read is enough */
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

/* xorshift64*: the tests need repeatable numbers, not good ones */
static uint64_t random_state;

uint64_t
unit_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

size_t
unit_random_below(size_t limit)
{
	return (size_t) (unit_random() % limit);
}

int
main(void)
{
	const char *seed = getenv("UNIT_SEED");

	random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL);
	if (random_state == 0)
		random_state = 1;
	printf("# UNIT_SEED=%" PRIu64 "\n", random_state);

	test_frames();
	test_payloads();
	test_channels();
	test_catalog();
	test_mids();
	test_crypt();
	test_tls();
	test_deliver();

	printf("1..%d\n", tests_run);
	if (tests_failed > 0)
		printf("# %d of %d tests failed\n", tests_failed, tests_run);
	return tests_failed > 0 || tests_run == 0;
}
