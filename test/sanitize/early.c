/*-------------------------------------------------------------------------
 *
 * early.c
 *	  To be preloaded with AddressSanitizer's runtime into a program that wasn't
 *	  built with it: has the runtime start before any other library does.
 *
 * Else it starts with the first malloc(), which may be that of a library whose
 * constructor holds a lock of gettext's (libgpg-error's does), and wants that
 * lock itself: the program hangs.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

static void start(void) __attribute__((constructor));

static void
start(void)
{
	void *volatile block = malloc(1);

	free(block);
}
