/*-------------------------------------------------------------------------
 *
 * admit.c
 *	  Whether a project may ask at all.
 *
 * Salts are remembered in two generations of hash tables: a quest that is older
 * than both is refused for its time.  They are not remembered across a restart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "fpnn/sign.h"
#include "quest/gate_args.h"
#include "table/cache.h"
#include "table/gate_guc.h"
#include "judge/admit.h"
#include "host.h"

/* Salts of a generation; with more, the older generation is forgotten early. */
#define MAX_SALTS 1000000

typedef struct Salt
{
	int64 pid;
	int64 salt;
} Salt;

static HTAB *salts[2];		   /* this generation and the one before; or NULL */
static int64 generation_began; /* seconds */

static HTAB *
new_generation(void)
{
	HASHCTL control = {
		.keysize = sizeof(Salt), .entrysize = sizeof(Salt), .hcxt = TopMemoryContext};

	return hash_create("rtm gate salts", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
rotate_salts(int64 now)
{
	if (salts[0] && now - generation_began <= 2 * (int64) gate_max_clock_skew &&
		hash_get_num_entries(salts[0]) < MAX_SALTS)
		return;
	if (salts[1])
		hash_destroy(salts[1]);
	salts[1] = salts[0];
	salts[0] = new_generation();
	generation_began = now;
}

/* False: the project has used the salt before. */
static bool
note_salt(int64 pid, int64 salt)
{
	Salt key = {pid, salt};
	bool found = false;

	rotate_salts(rtm_wall_us() / 1000000);
	if (salts[1])
		(void) hash_search(salts[1], &key, HASH_FIND, &found);
	if (!found)
		(void) hash_search(salts[0], &key, HASH_ENTER, &found);
	return !found;
}

/* False: the project has had its quests of this second. */
static bool
count_quest(GateProject *project)
{
	int64 now = rtm_wall_us() / 1000000;

	if (project->second != now)
		project->quests = 0;
	project->second = now;
	return ++project->quests <= gate_rate_limit;
}

static bool
check_signature(GateQuest *quest, const char *secret, int64 pid, int64 salt, int64 ts,
				const char *sign, size_t len)
{
	char expected[FPNN_SIGN_LEN + 1];

	if (fpnn_sign(&rtm_env, pid, secret, salt, quest->frame.method, ts, expected) != FPNN_OK)
		return gate_quest_fail(quest, FPNN_CODE_UNKNOWN, "the signature can't be computed here");
	if (len != FPNN_SIGN_LEN || memcmp(sign, expected, FPNN_SIGN_LEN) != 0)
		return gate_quest_fail(quest, RTM_CODE_INVALID_SIGN, NULL);
	return true;
}

static bool
check_time(GateQuest *quest, int64 ts)
{
	int64 now = rtm_wall_us() / 1000000;

	if (ts < now - gate_max_clock_skew || ts > now + gate_max_clock_skew)
		return gate_quest_fail(quest, RTM_CODE_INVALID_TIME, NULL);
	return true;
}

bool
gate_admit(GateQuest *quest, const msgpack_object *map, int64 *pid)
{
	int64		 salt;
	int64		 ts;
	const char	*sign;
	size_t		 len;
	GateProject *project;

	if (!gate_args_int(quest, map, "pid", pid) ||
		!gate_args_check(quest, "sign", fpnn_map_text(map, "sign", &sign, &len)) ||
		!gate_args_int(quest, map, "salt", &salt) || !gate_args_int(quest, map, "ts", &ts))
		return false;
	project = gate_cache_project(*pid);
	if (project == NULL)
		return gate_quest_fail(quest, RTM_CODE_INVALID_PID, NULL);
	if (!check_signature(quest, project->secret, *pid, salt, ts, sign, len) ||
		!check_time(quest, ts))
		return false;
	if (quest->counted)
		; /* it is run again */
	else if (gate_rate_limit > 0 && !count_quest(project))
		quest->refused = RTM_CODE_FREQUENCY;
	else if (gate_refuse_repeated_salt && !note_salt(*pid, salt))
		quest->refused = RTM_CODE_SAME_SIGN;
	quest->counted = true;
	return quest->refused == 0 || gate_quest_fail(quest, quest->refused, NULL);
}
