/*-------------------------------------------------------------------------
 *
 * test_catalog.c
 *	  Signatures, mids, the method catalogue and the table of codes.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "fpnn/catalog.h"
#include "fpnn/mid.h"
#include "fpnn/sign.h"

static void
signatures(void)
{
	char sign[FPNN_SIGN_LEN + 1];

	CHECK_INT(unit_nsigns, 3);
	for (size_t i = 0; i < unit_nsigns; i++)
	{
		const VSign *v = &unit_signs[i];

		CHECK_INT(fpnn_sign(&unit_env, v->pid, v->secret, v->salt, v->method, v->ts, sign),
				  FPNN_OK);
		CHECK_BYTES(sign, strlen(sign), v->sign, strlen(v->sign));
	}

	/* those of the captured quests */
	for (size_t i = 0; i < unit_ncalls; i++)
	{
		FpnnFrame	frame;
		FpnnDoc		doc;
		size_t		need;
		const char *text;
		size_t		len;
		int64_t		pid;
		int64_t		salt;
		int64_t		ts;

		fpnn_frame_parse(unit_calls[i].quest.bytes, unit_calls[i].quest.len, FPNN_MAX_FRAME, &frame,
						 &need);
		CHECK_INT(fpnn_doc_open(&doc, frame.payload, frame.payload_len), FPNN_OK);
		CHECK_INT(fpnn_map_int(doc.map, "pid", &pid), FPNN_OK);
		CHECK_INT(fpnn_map_int(doc.map, "salt", &salt), FPNN_OK);
		CHECK_INT(fpnn_map_int(doc.map, "ts", &ts), FPNN_OK);
		CHECK_INT(fpnn_map_text(doc.map, "sign", &text, &len), FPNN_OK);
		CHECK_INT(fpnn_sign(&unit_env, pid, unit_secret, salt, unit_calls[i].method, ts, sign),
				  FPNN_OK);
		CHECK_BYTES(sign, strlen(sign), text, len);
		fpnn_doc_close(&doc);
	}
}

static void
signature_limits(void)
{
	char sign[FPNN_SIGN_LEN + 1];
	char longest[FPNN_MAX_SECRET + 2];

	memset(longest, 's', sizeof(longest));
	longest[FPNN_MAX_SECRET + 1] = '\0';
	CHECK_INT(fpnn_sign(&unit_env, 1, longest, 1, "m", 1, sign), FPNN_TOO_LARGE);
	longest[FPNN_MAX_SECRET] = '\0';
	CHECK_INT(fpnn_sign(&unit_env, INT64_MIN, longest, INT64_MIN, longest, INT64_MIN, sign),
			  FPNN_TOO_LARGE);
	longest[255] = '\0';
	CHECK_INT(fpnn_sign(&unit_env, INT64_MIN, longest, INT64_MIN, longest, INT64_MIN, sign),
			  FPNN_OK);
	CHECK_INT(strlen(sign), FPNN_SIGN_LEN);
	CHECK_INT(fpnn_sign(&unit_env_no_md5, 1, "s", 1, "m", 1, sign), FPNN_CRYPTO);
}

static void
mids(void)
{
	int64_t now = INT64_C(1790000000000);
	int64_t last = 0;

	CHECK_INT(fpnn_mid_next(0, now), now << FPNN_MID_SHIFT);
	for (int i = 0; i < 1000000; i++)
	{
		int64_t mid;

		/* the clock stands, goes on, leaps, and is set back by a day */
		if (i % 40000 == 0)
			now += unit_random() % 1000;
		if (i == 500000)
			now -= 86400000;
		mid = fpnn_mid_next(last, now);
		if (mid <= last)
			CHECK(mid > last);
		last = mid;
	}
	CHECK(last > 0);

	/* of the captured ones' scale, up to the year 2200 */
	CHECK(fpnn_mid_next(0, INT64_C(7258118400000)) > 0);
	CHECK(fpnn_mid_next(INT64_C(29327360000000017), INT64_C(1790000000000)) >
		  INT64_C(29327360000000017));
}

/* Which key of a captured quest a parameter of the catalogue goes to. */
static bool
names_key(const RtmMethod *m, const char *key)
{
	static const char *const common[] = {"pid", "salt", "ts", "sign", NULL};

	for (int i = 0; common[i]; i++)
		if (strcmp(key, common[i]) == 0)
			return true;
	if (m->has_type && (strcmp(key, "type") == 0 || (m->xid_zero && strcmp(key, "xid") == 0)))
		return true;
	for (const RtmParam *p = m->params; p->type != RTM_PARAM_END; p++)
		if (strcmp(key, p->wire) == 0)
			return true;
	return false;
}

static bool
has_field(const VField *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return true;
	return false;
}

static const VCall *
captured(const char *name)
{
	for (size_t i = 0; i < unit_ncalls; i++)
		if (strcmp(unit_calls[i].call, name) == 0)
			return &unit_calls[i];
	return NULL;
}

/* The catalogue and the captured quests know the same keys. */
static void
catalogue(void)
{
	for (int i = 0; i < RTM_NUM_CALLS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];
		const VCall		*call = captured(m->call);

		if (!CHECK(call != NULL))
			continue;
		CHECK_BYTES(m->method, strlen(m->method), call->method, strlen(call->method));
		for (const VField *f = call->params; f->key; f++)
			CHECK(names_key(m, f->key));
		for (const RtmParam *p = m->params; p->type != RTM_PARAM_END; p++)
			CHECK(p->type == RTM_PARAM_CURSOR || p->type == RTM_PARAM_MTYPES ||
				  has_field(call->params, p->wire));
		CHECK_INT(m->has_type, has_field(call->params, "type"));
		for (const VField *f = call->params; f->key; f++)
		{
			if (strcmp(f->key, "type") == 0)
				CHECK_INT(f->number, m->conversation);
			if (m->xid_zero && strcmp(f->key, "xid") == 0)
				CHECK_INT(f->number, 0);
		}
		for (const char *const *key = (const char *const[]){m->key_a, m->key_b, NULL}; *key; key++)
			CHECK(names_key(m, *key));
	}
}

/* Every row is there, with names of its own; typed rows stand for several. */
static void
rows(void)
{
	for (int i = 0; i < RTM_NUM_METHODS; i++)
	{
		const RtmMethod *m = &rtm_methods[i];

		if (!CHECK(m->call != NULL && m->method != NULL))
			continue;
		for (int j = 0; j < i; j++)
		{
			CHECK(strcmp(m->call, rtm_methods[j].call) != 0);
			CHECK(m->has_type || strcmp(m->method, rtm_methods[j].method) != 0);
		}
		for (const char *const *key = (const char *const[]){m->key_a, m->key_b, NULL}; *key; key++)
			CHECK(names_key(m, *key));
	}
}

static void
codes(void)
{
	static const struct
	{
		int			code;
		const char *sqlstate;
	} expected[] = {
		{10001, "FP101"},  {10009, "FP109"},	 {10010, "FP110"},	   {20003, "FP203"},
		{20014, "FP214"},  {30001, "FP301"},	 {200001, "RTM01"},	   {200041, "RTM41"},
		{200053, "RTM53"}, {200070, "RTM70"},	 {200999, "RTM99"},	   {0, "RTM99"},
		{-1, "RTM99"},	   {INT32_MAX, "RTM99"}, {INT32_MIN, "RTM99"}, {9999, "RTM99"},
		{10100, "RTM99"},  {200100, "RTM99"},	 {300000, "RTM99"},
	};
	char sqlstate[6];

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		rtm_code_sqlstate(expected[i].code, sqlstate);
		CHECK_BYTES(sqlstate, strlen(sqlstate), expected[i].sqlstate, 5);
	}
	CHECK(strcmp(rtm_code_text(200053), "duplicated mid") == 0);
	CHECK(rtm_code_text(1) == NULL);

	/* no two documented codes share an SQLSTATE; none is class 08 */
	for (int code = 10000; code <= 200999; code++)
	{
		if (rtm_code_text(code) == NULL)
			continue;
		rtm_code_sqlstate(code, sqlstate);
		CHECK(strncmp(sqlstate, "RTM", 3) == 0 || strncmp(sqlstate, "FP", 2) == 0);
		CHECK(code == 200999 || strcmp(sqlstate, "RTM99") != 0);
	}
}

static void
statuses(void)
{
	for (int status = FPNN_OK; status <= FPNN_CLOSED; status++)
		CHECK(strcmp(fpnn_status_text((FpnnStatus) status), "unknown status") != 0);
	CHECK(strcmp(fpnn_status_text((FpnnStatus) 99), "unknown status") == 0);
}

void
test_catalog(void)
{
	unit_run("signatures", signatures);
	unit_run("limits of what can be signed", signature_limits);
	unit_run("mids are unique and grow", mids);
	unit_run("catalogue and captured quests agree", catalogue);
	unit_run("rows of the catalogue", rows);
	unit_run("codes and SQLSTATEs", codes);
	unit_run("names of statuses", statuses);
}
