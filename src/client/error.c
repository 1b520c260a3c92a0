/*-------------------------------------------------------------------------
 *
 * error.c
 *	  Errors that a gate answered, and bad answers, as SQL errors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "client/error.h"
#include "fpnn/catalog.h"
#include "fpnn/clean.h"

/* Bytes of a gate's text that are looked at; what is shown of them is less. */
#define MAX_READ 8192

static int
code_errcode(int code)
{
	char s[6];

	rtm_code_sqlstate(code, s);
	return MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4]);
}

/* What to do about a code; NULL where there is no advice. */
static const char *
code_hint(int code)
{
	switch (code)
	{
		case RTM_CODE_INVALID_PID:
			return "Check the option pid of the foreign server.";
		case RTM_CODE_INVALID_SIGN:
			return "Check the option pid of the foreign server and the option secret of the user mapping.";
		case RTM_CODE_INVALID_TIME:
			return "Compare the clock of this machine with the gate's.";
		case RTM_CODE_FREQUENCY:
		case RTM_CODE_REFRESH:
			return "The project's limit of calls per second was reached; call less often or try again later.";
		case RTM_CODE_TOO_LARGE:
			return "A message has at most 20480 bytes and its attributes have 2048.";
		case RTM_CODE_TOO_MANY:
			return "Name fewer recipients in one call.";
		case RTM_CODE_EMPTY_PARAM:
			return "Give at least one value.";
		case RTM_CODE_INVALID_MTYPE:
			return "Message types are 1 to 127; applications use those above 50.";
		case RTM_CODE_NOT_IN_ROOM:
			return "The user must enter the room first.";
		case RTM_CODE_NOT_MEMBER:
			return "The user must be added to the group first.";
		case RTM_CODE_BANNED_IN_GROUP:
		case RTM_CODE_BANNED_IN_ROOM:
			return "The ban must be lifted, or run out, first.";
		case RTM_CODE_BLOCKED:
			return "The recipient has the sender on his blacklist.";
		case RTM_CODE_AUTH_DENIED:
			return "The user may be banned from the project, or on its blacklist; see rtm_is_project_ban() and rtm_is_project_black().";
		case RTM_CODE_SEND_TO_SELF:
			return "Sender and recipient must be different users.";
		case RTM_CODE_DUPLICATE_MID:
			return "The conversation has a message with this mid; leave mid out to have a new one made.";
		case RTM_CODE_NOT_FOUND:
			return "The message is of another conversation, was deleted before, or is older than what the service keeps.";
		case FPNN_CODE_UNKNOWN_METHOD:
			return "Check the method's name; the local gate has no translation, and no checks of text and media.";
		case FPNN_CODE_STOPPING:
		case FPNN_CODE_QUEUE_FULL:
			return "The gate is stopping or overloaded; try again later.";
		default:
			return NULL;
	}
}

/*
 * The framework's text for a wrong parameter ends with the whole quest: message
 * and signature belong neither into an error nor into a log.
 */
static size_t
length_without_quest(const char *text, size_t len)
{
	static const char *const marks[] = {", data: {", "\"sign\""};

	for (int i = 0; i < lengthof(marks); i++)
	{
		size_t mark_len = strlen(marks[i]);

		for (size_t at = 0; at + mark_len <= len; at++)
			if (memcmp(text + at, marks[i], mark_len) == 0)
				len = at;
	}
	return len;
}

int
rtm_read_error(const msgpack_object *map, const char **ex, size_t *len)
{
	int64_t		code = FPNN_CODE_UNKNOWN;
	const char *text = "";
	size_t		text_len = 0;
	char	   *clean = palloc(FPNN_MAX_SHOWN + 1);

	fpnn_map_int(map, "code", &code);
	fpnn_map_text(map, "ex", &text, &text_len);
	text_len = length_without_quest(text, Min(text_len, MAX_READ));
	*len = fpnn_clean_text(text, text_len, clean, FPNN_MAX_SHOWN + 1);
	*ex = clean;
	return code > 0 && code <= INT_MAX ? (int) code : FPNN_CODE_UNKNOWN;
}

void
rtm_raise_answer(const RtmAnswer *answer, const char *what)
{
	const char *text = rtm_code_text(answer->code);
	const char *hint = code_hint(answer->code);

	ereport(ERROR, (errcode(code_errcode(answer->code)),
					errmsg("%s failed: %s", what, text ? text : "unknown error"),
					answer->ex && answer->ex[0]
						? errdetail("The gate answered code %d: %s", answer->code, answer->ex)
						: errdetail("The gate answered code %d.", answer->code),
					hint ? errhint("%s", hint) : 0));
	pg_unreachable();
}

void
rtm_raise_code(int code, const char *message, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(code_errcode(code)), errmsg("%s", message),
					detail ? errdetail("%s", detail) : 0, hint ? errhint("%s", hint) : 0));
	pg_unreachable();
}

void
rtm_raise_bad_answer(const RtmAnswer *answer, const char *what, const char *field,
					 FpnnStatus status)
{
	ereport(ERROR, (errcode(code_errcode(FPNN_CODE_DECODING)),
					errmsg("%s failed: the gate's answer can't be used", what),
					errdetail("Field \"%s\": %s.", field, fpnn_status_text(status)),
					errhint("Check that %s of server \"%s\" is an RTM server gate.",
							answer->endpoint, answer->server)));
	pg_unreachable();
}
