/*-------------------------------------------------------------------------
 *
 * clean.c
 *	  A text that a peer sent, made fit for people's eyes.
 *
 *-------------------------------------------------------------------------
 */
#include "fpnn/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How many bytes a character with this first byte has; 0: none begins so. */
static size_t
char_len(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/*
 * The character at p, of which left bytes are there: its length, and its code.
 * 0 when it is none: cut off, overlong, a surrogate, above U+10FFFF.
 */
static size_t
decode(const uint8_t *p, size_t left, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t				  len = char_len(p[0]);

	if (len == 0 || len > left)
		return 0;
	*code = len == 1 ? p[0] : p[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++)
	{
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || (*code >= 0xd800 && *code <= 0xdfff) || *code > 0x10ffff)
		return 0;
	return len;
}

static bool
is_command(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
		   (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

size_t
fpnn_clean_text(const char *text, size_t len, char *out, size_t size)
{
	const uint8_t *p = (const uint8_t *) text;
	size_t		   used = 0;

	for (size_t pos = 0; pos < len;)
	{
		uint32_t code = 0;
		size_t	 n = decode(p + pos, len - pos, &code);
		bool	 keep = n > 0 && !is_command(code);
		size_t	 width = keep ? n : 1;

		if (used + width >= size)
			break;
		if (keep)
			memcpy(out + used, p + pos, n);
		else
			out[used] = n > 0 ? ' ' : '?';
		used += width;
		pos += n > 0 ? n : 1;
	}
	out[used] = '\0';
	return used;
}
