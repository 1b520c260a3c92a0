/*-------------------------------------------------------------------------
 *
 * fpnn.c
 *	  Names of the wire layer's statuses.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/fpnn.h"

const char *
fpnn_status_text(FpnnStatus status)
{
	switch (status)
	{
		case FPNN_OK:
			return "no error";
		case FPNN_MORE:
			return "incomplete frame";
		case FPNN_NOMEM:
			return "out of memory";
		case FPNN_BAD_MAGIC:
			return "not an FPNN frame";
		case FPNN_BAD_FLAG:
			return "invalid frame flags";
		case FPNN_BAD_MTYPE:
			return "invalid frame type";
		case FPNN_BAD_METHOD:
			return "invalid method name";
		case FPNN_TOO_LARGE:
			return "frame too large";
		case FPNN_BAD_PAYLOAD:
			return "payload is not a well-formed msgpack map";
		case FPNN_NO_KEY:
			return "missing key";
		case FPNN_BAD_TYPE:
			return "value of an unexpected type";
		case FPNN_CRYPTO:
			return "cryptographic failure";
		case FPNN_CLOSED:
			return "stream closed";
	}
	return "unknown status";
}
