/*-------------------------------------------------------------------------
 *
 * error.h
 *	  Errors that a gate answered, and bad answers, as SQL errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_ERROR_H
#define RTM_ERROR_H

#include "client/reply.h"
#include "compat.h"

/*
 * Raise the error that the gate answered: SQLSTATE by rtm_code_sqlstate(),
 * MESSAGE what failed (`what` is the SQL function's name), DETAIL code and
 * text, HINT what to do.
 */
pg_noreturn extern void rtm_raise_answer(const RtmAnswer *answer, const char *what);

/*
 * What an answer with a status says: the code, FPNN_CODE_UNKNOWN when there is no
 * proper one, and the gate's text, made fit to be shown by fpnn_clean_text(), in
 * UTF-8 and palloc()ed.  Needs no transaction, as converting the text does.
 */
extern int rtm_read_error(const msgpack_object *map, const char **ex, size_t *len);

/* Raise an error of our own with the SQLSTATE that the gate's code has. */
pg_noreturn extern void rtm_raise_code(int code, const char *message, const char *detail,
									   const char *hint);

/* An answer whose field is missing or of the wrong type: FP206. */
pg_noreturn extern void rtm_raise_bad_answer(const RtmAnswer *answer, const char *what,
											 const char *field, FpnnStatus status);

#endif /* RTM_ERROR_H */
