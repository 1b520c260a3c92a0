/*-------------------------------------------------------------------------
 *
 * code.h
 *	  The codes of FPNN and RTM errors: what they are called, and what they mean
 *	  for whoever asked.
 *
 * Source: protocol.md, "Codes".
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CODE_H
#define FPNN_CODE_H

/* Codes that somebody decides on; rtm_code_text() knows them all. */
#define FPNN_CODE_BAD_KEY			 10005
#define FPNN_CODE_NO_KEY			 10009
#define FPNN_CODE_BAD_TYPE			 10010
#define FPNN_CODE_UNKNOWN			 20001
#define FPNN_CODE_CLOSED			 20002
#define FPNN_CODE_TIMEOUT			 20003
#define FPNN_CODE_UNKNOWN_METHOD	 20004
#define FPNN_CODE_ENCODING			 20005
#define FPNN_CODE_DECODING			 20006
#define FPNN_CODE_INVALID_PACKAGE	 20009
#define FPNN_CODE_QUEUE_FULL		 20011
#define FPNN_CODE_INVALID_CONNECTION 20012
#define FPNN_CODE_STOPPING			 20014
#define RTM_CODE_INVALID_PID		 200001
#define RTM_CODE_INVALID_SIGN		 200002
#define RTM_CODE_INVALID_MTYPE		 200005
#define RTM_CODE_SAME_SIGN			 200006
#define RTM_CODE_INVALID_TIME		 200008
#define RTM_CODE_FREQUENCY			 200010
#define RTM_CODE_REFRESH			 200011
#define RTM_CODE_AUTH_DENIED		 200024
#define RTM_CODE_TOO_LARGE			 200030
#define RTM_CODE_TOO_MANY			 200032
#define RTM_CODE_EMPTY_PARAM		 200033
#define RTM_CODE_INVALID_PARAM		 200034
#define RTM_CODE_NOT_IN_ROOM		 200040
#define RTM_CODE_NOT_MEMBER			 200041
#define RTM_CODE_MAX_MEMBERS		 200042
#define RTM_CODE_BANNED_IN_GROUP	 200044
#define RTM_CODE_BANNED_IN_ROOM		 200045
#define RTM_CODE_BLOCKED			 200049
#define RTM_CODE_SEND_TO_SELF		 200052
#define RTM_CODE_DUPLICATE_MID		 200053
#define RTM_CODE_NOT_FOUND			 200070
#define RTM_CODE_ERROR				 200999

/* What it means for a request that an attempt of it ended with a code. */
typedef enum RtmCodeClass
{
	/*
	 * It says nothing about the request: the network, a clock, a signature, a
	 * limit per second, a gate in trouble.  The same request may be carried out
	 * later.
	 */
	RTM_CLASS_PASSING,

	/*
	 * The gate has judged the request itself: it is malformed, too large, about
	 * something that doesn't exist, or not allowed.  It will say so again.
	 */
	RTM_CLASS_FINAL,

	/*
	 * The gate has a message with this mid.  Whether it is this one isn't known
	 * from the code: see rtm_kinds, done_code.
	 */
	RTM_CLASS_DUPLICATE
} RtmCodeClass;

/*
 * The class of a code.  Final is a short list of what was clearly a judgement;
 * every other code, and any that the document doesn't name, is passing: taking
 * a passing error for a final one loses messages, the other mistake costs time
 * only, and that is bounded by whoever repeats.
 */
extern RtmCodeClass rtm_code_class(int code);

/*
 * The documented phrase for an FPNN or RTM code, or NULL for one that the
 * document doesn't name.
 */
extern const char *rtm_code_text(int code);

/*
 * The five characters of the SQLSTATE for a code: 2000nn RTMnn, FPNN 100nn
 * FP1nn, 200nn FP2nn, 300nn FP3nn; RTM99 for any other.
 */
extern void rtm_code_sqlstate(int code, char sqlstate[6]);

#endif /* FPNN_CODE_H */
