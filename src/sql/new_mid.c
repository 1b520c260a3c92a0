/*-------------------------------------------------------------------------
 *
 * new_mid.c
 *	  rtm_new_mid(): a message id to keep with a row before it is sent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "client/mid.h"

PG_FUNCTION_INFO_V1(rtm_sql_new_mid);

Datum
rtm_sql_new_mid(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(rtm_new_mid());
}
