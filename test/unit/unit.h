/*-------------------------------------------------------------------------
 *
 * unit.h
 *	  What the unit tests of the wire layer share: checks, a host environment
 *	  whose memory can run out, seeded random numbers, the captured frames.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_H
#define UNIT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fpnn/channel.h"
#include "fpnn/payload.h"

/* Check a condition inside a test; the first failures are printed. */
#define CHECK(cond) unit_check((cond), __FILE__, __LINE__, #cond)
#define CHECK_INT(got, expected) \
	unit_check_int((int64_t) (got), (int64_t) (expected), __FILE__, __LINE__, #got)
#define CHECK_BYTES(got, got_len, expected, expected_len) \
	unit_check_bytes((got), (got_len), (expected), (expected_len), __FILE__, __LINE__, #got)

extern bool unit_check(bool good, const char *file, int line, const char *what);
extern bool unit_check_int(int64_t got, int64_t expected, const char *file, int line,
						   const char *what);
extern bool unit_check_bytes(const void *got, size_t got_len, const void *expected,
							 size_t expected_len, const char *file, int line, const char *what);

/* Run one test and print its "ok" or "not ok" line. */
extern void unit_run(const char *name, void (*test)(void));

/*
 * malloc()ed memory.  unit_fail_after(n) lets n more allocations succeed; -1:
 * all of them.  unit_blocks is how many blocks are out.
 */
extern const FpnnEnv unit_env;
extern const FpnnEnv unit_env_no_md5;
extern long			 unit_blocks;
extern void			 unit_fail_after(long n);

/* A copy of exactly len bytes, so that ASan sees every byte read behind it. */
extern uint8_t *unit_copy(const void *bytes, size_t len);

/* Seeded by UNIT_SEED or the clock; main() prints the seed. */
extern uint64_t unit_random(void);
extern size_t	unit_random_below(size_t limit);

/* The captured frames (vectors.json) */
typedef struct VBlob
{
	const uint8_t *bytes;
	size_t		   len;
} VBlob;

typedef enum VType
{
	V_INT,
	V_BOOL,
	V_TEXT,
	V_INTS
} VType;

typedef struct VField
{
	const char	  *key;
	VType		   type;
	int64_t		   number;
	VBlob		   text;
	const int64_t *ints;
	size_t		   nints;
} VField;

typedef struct VRow
{
	int64_t id;
	int64_t from;
	int64_t mtype;
	int64_t mid;
	VBlob	msg;
	VBlob	attrs;
	int64_t mtime;
} VRow;

typedef struct VCall
{
	const char	 *call;
	const char	 *method;
	VBlob		  quest;
	VBlob		  answer;
	const VField *params;
	size_t		  nparams;
	const VField *fields; /* of the answer; more may be there */
	const VRow	 *rows;
	size_t		  nrows;
} VCall;

typedef struct VSign
{
	int64_t		pid;
	const char *secret;
	int64_t		salt;
	const char *method;
	int64_t		ts;
	const char *sign;
} VSign;

typedef struct VCrypt
{
	const char	*curve;
	int			 bits;
	const char	*server_pem;
	VBlob		 server_private;
	VBlob		 server_public;
	VBlob		 client_private;
	VBlob		 client_public;
	VBlob		 secret;
	VBlob		 key;
	VBlob		 iv;
	VBlob		 stream;
	const VBlob *frames;
	size_t		 nframes;
	const VBlob *packages;
	size_t		 npackages;
} VCrypt;

extern const VCall *const  unit_calls;
extern const size_t		   unit_ncalls;
extern const VSign *const  unit_signs;
extern const size_t		   unit_nsigns;
extern const VCrypt *const unit_crypts;
extern const size_t		   unit_ncrypts;
extern const char *const   unit_secret;

/* The tests, a function per file */
extern void test_frames(void);
extern void test_payloads(void);
extern void test_channels(void);
extern void test_catalog(void);
extern void test_mids(void);
extern void test_crypt(void);
extern void test_tls(void);
extern void test_deliver(void);

#endif /* UNIT_H */
