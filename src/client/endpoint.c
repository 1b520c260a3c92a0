/*-------------------------------------------------------------------------
 *
 * endpoint.c
 *	  Which endpoints couldn't be reached lately.
 *
 * Every process learns that for itself; it forgets the oldest when there are too
 * many.  Called by conn.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "client/endpoint.h"
#include "host.h"

/* How long an endpoint that failed is tried last, in milliseconds. */
#define SUSPECT_TIME 60000

#define MAX_SUSPECTS 16

typedef struct Suspect
{
	char  text[RTM_MAX_ENDPOINT + 1];
	int64 until; /* rtm_now_ms() */
} Suspect;

static Suspect suspects[MAX_SUSPECTS];

static Suspect *
find_suspect(const RtmEndpoint *endpoint)
{
	for (int i = 0; i < MAX_SUSPECTS; i++)
		if (strcmp(suspects[i].text, endpoint->text) == 0)
			return &suspects[i];
	return NULL;
}

static Suspect *
oldest_suspect(void)
{
	Suspect *oldest = &suspects[0];

	for (int i = 1; i < MAX_SUSPECTS; i++)
		if (suspects[i].until < oldest->until)
			oldest = &suspects[i];
	return oldest;
}

void
rtm_endpoint_failed(const RtmEndpoint *endpoint)
{
	Suspect *suspect = find_suspect(endpoint);

	if (suspect == NULL)
		suspect = oldest_suspect();
	strlcpy(suspect->text, endpoint->text, sizeof(suspect->text));
	suspect->until = rtm_now_ms() + SUSPECT_TIME;
}

void
rtm_endpoint_works(const RtmEndpoint *endpoint)
{
	Suspect *suspect = find_suspect(endpoint);

	if (suspect)
		suspect->until = 0;
}

static bool
is_suspect(const RtmEndpoint *endpoint, int64 now)
{
	const Suspect *suspect = find_suspect(endpoint);

	return suspect && suspect->until > now;
}

int *
rtm_endpoint_order(const RtmOptions *options)
{
	int	 *order = palloc(sizeof(int) * Max(options->nendpoints, 1));
	int64 now = rtm_now_ms();
	int	  n = 0;

	for (int i = 0; i < options->nendpoints; i++)
		if (!is_suspect(&options->endpoints[i], now))
			order[n++] = i;
	for (int i = 0; i < options->nendpoints; i++)
		if (is_suspect(&options->endpoints[i], now))
			order[n++] = i;
	return order;
}
