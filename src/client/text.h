/*-------------------------------------------------------------------------
 *
 * text.h
 *	  Text between the database's encoding and the wire's UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_TEXT_H
#define RTM_TEXT_H

/*
 * The UTF-8 form of len bytes of server text, which may be the bytes
 * themselves.  `what` names the text in errors (an argument's name).  Raises
 * 22P05 when it can't be converted, 22021 when the database's encoding is
 * SQL_ASCII and the text isn't UTF-8, 54000 when it can't fit in a frame.
 */
extern const char *rtm_text_to_wire(const char *bytes, size_t len, const char *what,
									size_t *wire_len);

/*
 * The server's form of len bytes from the wire, NUL-terminated, or NULL when
 * they are no text here: not UTF-8, with a NUL, or with a character that the
 * database's encoding doesn't have.  Never raises for what the bytes are.
 */
extern char *rtm_text_from_wire(const char *bytes, size_t len, size_t *server_len);

/*
 * The same for a text that people are to read (it is clean: see
 * fpnn_clean_text()); what the database's encoding doesn't have is a question
 * mark.
 */
extern char *rtm_shown_from_wire(const char *bytes, size_t len);

/*
 * Fill a pair of columns from a body: *text when it is text, else *binary
 * (bytea); the other one is NULL.
 */
extern void rtm_body_from_wire(const char *bytes, size_t len, NullableDatum *text,
							   NullableDatum *binary);

#endif /* RTM_TEXT_H */
