/*-------------------------------------------------------------------------
 *
 * clean.h
 *	  A text that a peer sent, made fit for people's eyes: errors and logs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FPNN_CLEAN_H
#define FPNN_CLEAN_H

#include <stddef.h>

/* So many bytes of a peer's text are shown at most. */
#define FPNN_MAX_SHOWN 1000

/*
 * Copy len bytes to out, NUL-terminated, as valid UTF-8 of at most size - 1
 * bytes, cut between characters.  What a terminal or a log would take for a
 * command (control characters, line separators, changes of the writing
 * direction) becomes a blank each, bytes that are no UTF-8 a question mark.
 * size is at least 1.  Returns the length.
 */
extern size_t fpnn_clean_text(const char *text, size_t len, char *out, size_t size);

#endif /* FPNN_CLEAN_H */
