/*-------------------------------------------------------------------------
 *
 * request.c
 *	  The payload of a signed quest.
 *
 * Called by call.c and by the outbox's sender.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "client/request.h"
#include "fpnn/payload.h"
#include "fpnn/sign.h"
#include "host.h"

/* Memory that is kept between two quests. */
#define KEEP_SIZE 65536

/* Unique per quest: counts from a random number of this process. */
static int64
next_salt(void)
{
	static uint64 salt;
	static pid_t  owner; /* a forked process begins anew */

	if (owner != MyProcPid)
	{
		if (!pg_strong_random(&salt, sizeof(salt)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random salt")));
		owner = MyProcPid;
	}
	return (int64) (++salt & PG_INT64_MAX);
}

const FpnnBuf *
rtm_sign_request(const RtmOptions *options, const char *method, const char *params, size_t len,
				 int nparams)
{
	static FpnnBuf buf;
	char		   sign[FPNN_SIGN_LEN + 1];
	int64		   salt = next_salt();
	int64		   ts = rtm_wall_us() / 1000000;
	msgpack_packer packer;
	FpnnStatus	   status;

	if (buf.env == NULL)
		fpnn_buf_init(&buf, &rtm_env);
	fpnn_buf_reset(&buf, KEEP_SIZE);

	status = fpnn_sign(&rtm_env, options->pid, options->secret, salt, method, ts, sign);
	if (status == FPNN_CRYPTO)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("could not sign the quest: MD5 is not available"),
			 errhint(
				 "RTM signs with MD5, which this machine's cryptographic policy (FIPS) forbids.")));
	if (status != FPNN_OK)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("could not sign the quest: %s", fpnn_status_text(status))));

	fpnn_packer_init(&packer, &buf);
	msgpack_pack_map(&packer, (size_t) nparams + 4);
	fpnn_buf_append(&buf, params, len);
	fpnn_pack_text(&packer, "pid");
	msgpack_pack_int64(&packer, options->pid);
	fpnn_pack_text(&packer, "salt");
	msgpack_pack_int64(&packer, salt);
	fpnn_pack_text(&packer, "ts");
	msgpack_pack_int64(&packer, ts);
	fpnn_pack_text(&packer, "sign");
	fpnn_pack_text(&packer, sign);
	if (buf.failed)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return &buf;
}
