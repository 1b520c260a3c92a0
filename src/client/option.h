/*-------------------------------------------------------------------------
 *
 * option.h
 *	  Options of a foreign server and a user mapping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RTM_OPTION_H
#define RTM_OPTION_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Quests of the outbox that may wait for an answer at once, by default. */
#define RTM_MAX_IN_FLIGHT 1000

/* A server has at most so many endpoints. */
#define RTM_MAX_ENDPOINTS 16
#define RTM_MAX_ENDPOINT  262 /* bytes of one; no name has more than 255 */

/* Options of a server that rtm_pause() sets: since when, as rtm_since_text(), and by whom. */
#define RTM_PAUSED_SINCE "paused_since"
#define RTM_PAUSED_BY	 "paused_by"

typedef struct RtmEndpoint
{
	char *host; /* without brackets */
	char *port;
	char *text; /* as it was given, for errors */
} RtmEndpoint;

typedef enum RtmEncryption
{
	RTM_ENCRYPTION_NONE,
	RTM_ENCRYPTION_ECDH,
	RTM_ENCRYPTION_TLS
} RtmEncryption;

/* What the options say, with their defaults. */
typedef struct RtmOptions
{
	RtmEndpoint	 *endpoints;
	int			  nendpoints;
	int64		  pid;
	char		 *secret; /* of the mapping; never goes into a message */
	RtmEncryption encryption;
	char		 *public_key;
	char		 *public_key_file;
	bool		  ecdh_package;
	int			  ecdh_bits;
	char		 *tls_ca_file; /* NULL: what this machine trusts */
	bool		  tls_verify;
	bool		  tls_only_1_2;
	double		  connect_timeout; /* seconds; 0: the setting */
	double		  quest_timeout;   /* seconds; 0: the setting */
	int			  rate_limit;	   /* queued quests per second; 0: no limit */
	int			  max_in_flight;   /* queued quests without an answer */
	int			  max_attempts;	   /* of a queued quest; 0: rtm.max_attempts */
	double		  max_age;		   /* of a queued quest, seconds; 0: rtm.max_age */
	double		  retry_delay;	   /* seconds; 0: rtm.retry_delay */
	bool		  paused;		   /* nothing queued leaves */
} RtmOptions;

/*
 * Read the options of a server and a mapping that the validator has accepted,
 * into the current memory context.  Raises HV00B when one that a connection
 * needs (endpoint, pid, secret) isn't there; then both names go into the error.
 */
extern RtmOptions *rtm_read_options(List *server_options, List *mapping_options,
									const char *server);

/* The value of one of the options, palloc()ed; NULL: it isn't there. */
extern char *rtm_option_value(List *options, const char *name);

/* A time as an option's value: ISO 8601, UTC; palloc()ed. */
extern char *rtm_since_text(TimestampTz since);

/* Do both mean the same connection? */
extern bool rtm_same_options(const RtmOptions *a, const RtmOptions *b);

#endif /* RTM_OPTION_H */
