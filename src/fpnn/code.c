/*-------------------------------------------------------------------------
 *
 * code.c
 *	  The table of codes.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/code.h"

#include <stddef.h>
#include <stdio.h>

/*
 * Why a code is in which class, where its text leaves it open:
 *
 * 10003, 10007, 10008, 20009 are about the package.  Every quest of ours has the
 * same kind of package, so it isn't this one that is wrong.  20006 is also our
 * own for an answer that can't be read.
 *
 * 200001 and 200002 are a wrong option of the server or of the mapping sooner
 * than a wrong user in one message: all that waits would fail with it.  200006
 * and 200008 go with the next signature, 200060 with a change in the console.
 *
 * 20013, 200020-200026 are permissions; 200022, 200023 and 200027 are the state of
 * a connection.
 */
static const struct
{
	int code;
	RtmCodeClass class;
	const char *text;
} codes[] = {
	{10001, RTM_CLASS_PASSING, "unknown protocol error"},
	{10002, RTM_CLASS_PASSING, "not supported"},
	{10003, RTM_CLASS_PASSING, "invalid package"},
	{10004, RTM_CLASS_FINAL, "JSON conversion error"},
	{10005, RTM_CLASS_FINAL, "map key is not a string"},
	{10006, RTM_CLASS_FINAL, "payload is not a map"},
	{10007, RTM_CLASS_PASSING, "invalid method type"},
	{10008, RTM_CLASS_PASSING, "invalid protocol type"},
	{10009, RTM_CLASS_FINAL, "key not found"},
	{10010, RTM_CLASS_FINAL, "type conversion error"},
	{20001, RTM_CLASS_PASSING, "unknown error"},
	{20002, RTM_CLASS_PASSING, "connection closed"},
	{20003, RTM_CLASS_PASSING, "timeout"},
	{20004, RTM_CLASS_FINAL, "unknown method"},
	{20005, RTM_CLASS_PASSING, "encoding error"},
	{20006, RTM_CLASS_PASSING, "decoding error"},
	{20007, RTM_CLASS_PASSING, "send error"},
	{20008, RTM_CLASS_PASSING, "receive error"},
	{20009, RTM_CLASS_PASSING, "invalid package"},
	{20010, RTM_CLASS_PASSING, "HTTP error"},
	{20011, RTM_CLASS_PASSING, "work queue full"},
	{20012, RTM_CLASS_PASSING, "invalid connection"},
	{20013, RTM_CLASS_FINAL, "forbidden"},
	{20014, RTM_CLASS_PASSING, "server stopping"},
	{20015, RTM_CLASS_PASSING, "cancelled"},
	{30001, RTM_CLASS_PASSING, "compression error"},
	{30002, RTM_CLASS_PASSING, "decompression error"},
	{200001, RTM_CLASS_PASSING, "invalid pid or uid"},
	{200002, RTM_CLASS_PASSING, "invalid pid or sign"},
	{200003, RTM_CLASS_PASSING, "invalid file or sign or token"},
	{200004, RTM_CLASS_FINAL, "attrs without sign or ext"},
	{200005, RTM_CLASS_FINAL, "invalid mtype"},
	{200006, RTM_CLASS_PASSING, "same sign"},
	{200007, RTM_CLASS_FINAL, "invalid file mtype"},
	{200008, RTM_CLASS_PASSING, "invalid server time"},
	{200010, RTM_CLASS_PASSING, "frequency limited"},
	{200011, RTM_CLASS_PASSING, "refresh screen limited"},
	{200012, RTM_CLASS_FINAL, "kickout self"},
	{200020, RTM_CLASS_FINAL, "forbidden method"},
	{200021, RTM_CLASS_FINAL, "permission denied"},
	{200022, RTM_CLASS_PASSING, "unauthorized"},
	{200023, RTM_CLASS_PASSING, "duplicated auth"},
	{200024, RTM_CLASS_FINAL, "auth denied"},
	{200025, RTM_CLASS_PASSING, "admin login"},
	{200026, RTM_CLASS_FINAL, "admin only"},
	{200027, RTM_CLASS_PASSING, "invalid auth token"},
	{200030, RTM_CLASS_FINAL, "too large message or attrs"},
	{200031, RTM_CLASS_FINAL, "too large file or attrs"},
	{200032, RTM_CLASS_FINAL, "too many items in parameters"},
	{200033, RTM_CLASS_FINAL, "empty parameter"},
	{200034, RTM_CLASS_FINAL, "invalid parameter"},
	{200040, RTM_CLASS_FINAL, "not in room"},
	{200041, RTM_CLASS_FINAL, "not group member"},
	{200042, RTM_CLASS_FINAL, "max group members"},
	{200043, RTM_CLASS_FINAL, "not friend"},
	{200044, RTM_CLASS_FINAL, "banned in group"},
	{200045, RTM_CLASS_FINAL, "banned in room"},
	{200046, RTM_CLASS_FINAL, "empty group"},
	{200047, RTM_CLASS_FINAL, "max rooms"},
	{200048, RTM_CLASS_FINAL, "max friends"},
	{200049, RTM_CLASS_FINAL, "blocked user"},
	{200050, RTM_CLASS_FINAL, "unsupported language"},
	{200051, RTM_CLASS_FINAL, "empty translation"},
	{200052, RTM_CLASS_FINAL, "send to self"},
	{200053, RTM_CLASS_DUPLICATE, "duplicated mid"},
	{200054, RTM_CLASS_FINAL, "sensitive words"},
	{200055, RTM_CLASS_FINAL, "not online"},
	{200056, RTM_CLASS_PASSING, "translation error"},
	{200057, RTM_CLASS_FINAL, "profanity stop"},
	{200060, RTM_CLASS_PASSING, "no config in console"},
	{200061, RTM_CLASS_FINAL, "unsupported transcribe type"},
	{200070, RTM_CLASS_FINAL, "message not found"},
	{200999, RTM_CLASS_PASSING, "unknown error"},
};

static const int ncodes = sizeof(codes) / sizeof(codes[0]);

const char *
rtm_code_text(int code)
{
	for (int i = 0; i < ncodes; i++)
		if (codes[i].code == code)
			return codes[i].text;
	return NULL;
}

RtmCodeClass
rtm_code_class(int code)
{
	for (int i = 0; i < ncodes; i++)
		if (codes[i].code == code)
			return codes[i].class;
	return RTM_CLASS_PASSING;
}

void
rtm_code_sqlstate(int code, char sqlstate[6])
{
	if (code == RTM_CODE_ERROR)
		snprintf(sqlstate, 6, "RTM99");
	else if (code >= 200000 && code <= 200099)
		snprintf(sqlstate, 6, "RTM%02u", (unsigned) (code - 200000) % 100);
	else if ((code >= 10000 && code <= 10099) || (code >= 20000 && code <= 20099) ||
			 (code >= 30000 && code <= 30099))
		snprintf(sqlstate, 6, "FP%u%02u", (unsigned) code / 10000 % 10, (unsigned) code % 100);
	else
		snprintf(sqlstate, 6, "RTM99");
}
