/*-------------------------------------------------------------------------
 *
 * test_mid.c
 *	  Message ids: they grow, whatever the clock does, and no two makers meet.
 *
 * UNIT_MIDS is how many each of the 16 makers of the simulation makes (500,000;
 * `make unit UNIT_MIDS=10000000` takes ten seconds more).
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "fpnn/mid_layout.h"

#define NMAKERS	 16
#define MAX_LIFE 4096 /* starts that are drawn in a simulation */
#define PASS	 (16 * 1024 * 1024)
#define NOW		 INT64_C(1790000000000)
#define LOW		 (FPNN_MID_STARTS - 1)

/* ---- one maker ---- */

static void
growing(void)
{
	int64_t now = NOW;
	int64_t last = 0;

	for (int i = 0; i < 1000000; i++)
	{
		uint32_t start = (uint32_t) unit_random_below(FPNN_MID_STARTS);
		int64_t	 mid;

		/* the clock stands, goes on, leaps, and is set back by a day */
		if (i % 40000 == 0)
			now += unit_random() % 1000;
		if (i == 500000)
			now -= 86400000;
		mid = fpnn_mid_next(last, i % 3 ? 4711 : start, now);
		if (mid <= last)
			CHECK(mid > last);
		last = mid;
	}
	CHECK(last > 0);
}

static void
runs(void)
{
	int64_t first = fpnn_mid_next(0, 4711, NOW);
	int64_t last = first;

	CHECK_INT(fpnn_mid_next(0, 4712, NOW) - first, 1);
	for (int i = 1; i < FPNN_MID_RUN; i++)
		last = fpnn_mid_next(last, 4711, NOW);
	CHECK_INT(last - first, FPNN_MID_RUN - 1);
	CHECK(fpnn_mid_is_from(last, 4711));
	CHECK(!fpnn_mid_is_from(last + 1, 4711));

	/* the clock is caught up with */
	CHECK_INT(fpnn_mid_next(last, 4711, NOW), fpnn_mid_next(0, 4711, NOW + 1));
	CHECK_INT(fpnn_mid_next(first, 4711, NOW + 1), fpnn_mid_next(0, 4711, NOW + 1));

	/* another start begins in the next millisecond, unless it is nearly the same */
	CHECK_INT(fpnn_mid_next(first, 4700, NOW), first + 1);
	CHECK_INT(fpnn_mid_next(first, 99999, NOW), fpnn_mid_next(0, 99999, NOW + 1));
	CHECK(!fpnn_mid_is_from(first, 99999));
}

static void
clocks(void)
{
	int64_t before = fpnn_mid_next(0, 0, 0);					   /* 1970 */
	int64_t after = fpnn_mid_next(0, LOW, INT64_C(4102444800000)); /* 2100 */
	int64_t vendors = INT64_C(4102444800000) << 14 | 0x3fff;

	CHECK_INT(fpnn_mid_next(0, 0, INT64_MIN), before);
	CHECK_INT(fpnn_mid_next(0, 0, INT64_C(1767225600000)), before); /* 2026 */
	CHECK_INT(fpnn_mid_next(0, LOW, INT64_MAX), after);
	CHECK(before > vendors);
	CHECK(fpnn_mid_next(0, 0, NOW) > before);
	CHECK(after > fpnn_mid_next(0, 0, NOW));

	/* so many are left in the last millisecond, and at the end of a millisecond */
	for (int i = 0; i < 1000000; i++)
	{
		int64_t mid = fpnn_mid_next(after, LOW, INT64_MAX);

		if (mid <= after)
			CHECK(mid > after);
		after = mid;
	}
}

/* Shared out by mid % n, the mids of one maker go to all. */
static void
low_bits(void)
{
	int counts[16] = {0};

	for (int i = 0; i < 16000; i++)
		counts[fpnn_mid_next(0, 4711, NOW + i) % 16]++;
	for (int i = 0; i < 16; i++)
		CHECK_INT(counts[i], 1000);
}

/* ---- many ---- */

/* A random sequence of its own, which can be repeated. */
typedef struct Dice
{
	uint64_t state;
} Dice;

static uint64_t throw(Dice * dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

typedef struct Maker
{
	Dice	dice;
	int64_t last;
	int64_t now;
	int		life;  /* starts[life] is its start */
	int		to_do; /* in this millisecond */
} Maker;

static uint32_t starts[MAX_LIFE];
static int		nstarts;

static bool
near(uint32_t a, uint32_t b)
{
	return ((a - b) & LOW) < FPNN_MID_RUN || ((b - a) & LOW) < FPNN_MID_RUN;
}

static int
draw_start(Dice *dice)
{
	bool again = true;

	while (again)
	{
		again = false;
		starts[nstarts] = (uint32_t) throw(dice) & LOW;
		for (int i = 0; i < nstarts && !again; i++)
			again = near(starts[i], starts[nstarts]);
	}
	return nstarts < MAX_LIFE - 1 ? nstarts++ : nstarts;
}

/*
 * What may happen between two milliseconds: the clock leaps or is set back; the
 * maker begins anew, as a server that is restarted, also with its clock set back; it
 * is refused and takes another start; it becomes what a clone of `other` is.
 */
static void
befall(Maker *maker, const Maker *other)
{
	uint64_t what = throw(&maker->dice) % 40000;

	if (what < 8)
		maker->now -= (int64_t) (throw(&maker->dice) % 5000);
	else if (what < 12)
		maker->now += (int64_t) (throw(&maker->dice) % 5000);
	else if (what < 14)
	{
		maker->last = 0;
		maker->now -= (int64_t) (throw(&maker->dice) % 100);
		maker->life = draw_start(&maker->dice);
	}
	else if (what < 15)
		maker->life = draw_start(&maker->dice);
	else if (what < 16)
	{
		maker->last = other->last;
		maker->now = other->now;
		maker->life = draw_start(&maker->dice);
	}
}

static int
next_load(Dice *dice)
{
	uint64_t what = throw(dice) % 1000;

	if (what == 0)
		return 5000; /* one statement */
	return what < 300 ? FPNN_MID_RUN : 1 + (int) (what % 16);
}

/* The next mid of it; with the same dice, the same again. */
static int64_t
make_mid(Maker *maker, const Maker *other)
{
	while (maker->to_do == 0)
	{
		maker->now++;
		befall(maker, other);
		maker->to_do = next_load(&maker->dice);
	}
	maker->to_do--;
	maker->last = fpnn_mid_next(maker->last, starts[maker->life], maker->now);
	return maker->last;
}

static void
sort(uint64_t *mids, uint64_t *room, size_t n)
{
	for (int shift = 0; shift < 64; shift += 16)
	{
		static size_t at[65537];
		uint64_t	 *swap = mids;

		memset(at, 0, sizeof(at));
		for (size_t i = 0; i < n; i++)
			at[(mids[i] >> shift & 0xffff) + 1]++;
		for (size_t i = 0; i < 65536; i++)
			at[i + 1] += at[i];
		for (size_t i = 0; i < n; i++)
			room[at[mids[i] >> shift & 0xffff]++] = mids[i];
		mids = room;
		room = swap;
	}
}

static size_t
count_alike(uint64_t *mids, uint64_t *room, size_t n)
{
	size_t alike = 0;

	sort(mids, room, n);
	for (size_t i = 1; i < n; i++)
		alike += mids[i] == mids[i - 1];
	return alike;
}

/*
 * All makers with `count` mids each, and of these the mids whose millisecond is
 * `part` of `parts`: how many were made before.  Four makers in a row began as clones.
 */
static size_t
simulate(uint64_t seed, size_t count, unsigned part, unsigned parts, uint64_t *mids, size_t room)
{
	Maker  makers[NMAKERS];
	size_t n = 0;

	nstarts = 0;
	for (int i = 0; i < NMAKERS; i++)
	{
		makers[i] = (Maker){.dice = {seed + (uint64_t) i}, .now = NOW + i / 4};
		makers[i].life = draw_start(&makers[i].dice);
	}
	for (size_t i = 0; i < count * NMAKERS; i++)
	{
		int64_t mid = make_mid(&makers[i % NMAKERS], &makers[(i + 1) % NMAKERS]);

		if ((uint64_t) (mid >> FPNN_MID_SHIFT) % parts == part && n < room)
			mids[n++] = (uint64_t) mid;
	}
	CHECK(n > 0 && n < room);
	return count_alike(mids, mids + room, n);
}

static void
many(void)
{
	const char *given = getenv("UNIT_MIDS");
	size_t		count = given && *given ? (size_t) strtoull(given, NULL, 10) : 500000;
	unsigned	parts = (unsigned) (count * NMAKERS / PASS + 1);
	size_t		room = count * NMAKERS / parts * 5 / 4 + 100000;
	uint64_t   *mids = malloc(2 * room * sizeof(*mids));
	uint64_t	seed = unit_random();

	for (unsigned part = 0; part < parts; part++)
		CHECK_INT(simulate(seed, count, part, parts, mids, room), 0);
	printf("# %d makers, %zu mids each, %d starts\n", NMAKERS, count, nstarts);
	CHECK(nstarts > NMAKERS && nstarts < MAX_LIFE - 1);
	free(mids);
}

/* The simulation would see it if two makers were alike. */
static void
alike(void)
{
	static uint64_t mids[2 * 20000];
	Maker			makers[2] = {{.dice = {1}, .now = NOW}, {.dice = {2}, .now = NOW}};

	starts[0] = 4711;
	starts[1] = 4711 + 10;
	makers[1].life = 1;
	for (int i = 0; i < 20000; i++)
		mids[i] = (uint64_t) fpnn_mid_next(0, starts[i % 2], NOW + i / 2);
	CHECK_INT(count_alike(mids, mids + 20000, 20000), 0);
	for (int i = 0; i < 20000; i++)
	{
		Maker *maker = &makers[i % 2];

		if (i % 100 < 2)
			maker->now++;
		mids[i] = (uint64_t) (maker->last = fpnn_mid_next(maker->last, starts[maker->life],
														  maker->now));
	}
	CHECK(count_alike(mids, mids + 20000, 20000) > 0);
}

/* How often two of 16 starts are nearer than a run, as mid.h says: 120 * 127 of 2^22. */
static void
chances(void)
{
	Dice dice = {unit_random()};
	int	 found = 0;

	for (int i = 0; i < 200000; i++)
	{
		bool any = false;

		for (int j = 0; j < NMAKERS; j++)
		{
			starts[j] = (uint32_t) throw(&dice) & LOW;
			for (int k = 0; k < j; k++)
				any |= near(starts[j], starts[k]);
		}
		found += any;
	}
	CHECK(found > 500 && found < 960); /* 725 expected, 27 its deviation */
}

void
test_mids(void)
{
	unit_run("mids grow, whatever the clock does", growing);
	unit_run("mids come in runs", runs);
	unit_run("mids of clocks that are far off", clocks);
	unit_run("low bits of mids are spread", low_bits);
	unit_run("no two of many makers meet", many);
	unit_run("makers that are alike do", alike);
	unit_run("how likely that is", chances);
}
