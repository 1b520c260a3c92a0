# rtm: real-time messaging (RTM) from PostgreSQL
#
#	make demo		install what is missing, build, show the three uses on a local gate
#	make test		install what is missing, build, run every test
#	make lint		what can be said of the sources without running them; make format
#	make test-matrix	the tests under other versions of PostgreSQL and Debian
#	make dist		archives of what is committed
#	make, make install, make installcheck: as for any PGXS extension

MODULE_big = rtm
EXTENSION = rtm
DATA = $(sort $(wildcard rtm--*.sql))

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))

# every sql/*.sql, setup first; test/specs/*.spec
REGRESS = $(patsubst sql/%.sql,%,$(wildcard sql/setup.sql)) \
	$(filter-out setup,$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test

include flags.mk

# names are looked up by the client only
PG_CPPFLAGS += $(shell pkg-config --cflags libcares 2>/dev/null)
SHLIB_LINK += $(shell pkg-config --libs libcares 2>/dev/null || echo -lcares)

# these do their own installing and must work where PGXS isn't there yet
STANDALONE = demo demo-ha demo-stop test test-ha test-matrix test-matrix-clean dist deps format lint unit unit-san fuzz sanitize bench torture soak interop interop-cpp interop-go interop-java interop-node interop-php
ifneq ($(filter-out $(STANDALONE),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# every object depends on every header: the tree is small
$(OBJS): $(wildcard src/*.h src/*/*.h src/*/*/*.h)

# rtm_gate is another library: PGXS makes one at a time.  What both have is made
# here, before the other make looks at it.
GATE = -f gate/Makefile srcdir=.
all: gate-all
install: gate-install
uninstall: gate-uninstall
clean: gate-clean

.PHONY: gate-all gate-install gate-uninstall gate-clean
gate-all: $(WIRE_OBJS) $(if $(filter yes,$(with_llvm)),$(WIRE_OBJS:.o=.bc))
	$(MAKE) $(GATE) all
gate-install: gate-all
	$(MAKE) $(GATE) install
gate-uninstall:
	$(MAKE) $(GATE) uninstall
gate-clean:
	$(MAKE) $(GATE) clean
endif

# the jobs of this project; everything else that tests needs is in test/targets.mk
.PHONY: demo demo-stop test test-matrix test-matrix-clean bench format lint deps dist
demo:
	demo/run.sh
demo-stop:
	demo/run.sh stop
test:
	test/run-tests.sh
# the suite and the packages under other versions: MATRIX="17 package-15 upgrade"
test-matrix:
	test/matrix/run.sh $(MATRIX)
test-matrix-clean:
	test/matrix/run.sh clean
bench:
	test/bench/run.sh
# C as .clang-format says; what lint wants installed: demo/install-deps.sh --lint
format:
	test/lint.sh write
lint:
	test/lint.sh
deps:
	demo/install-deps.sh

# archives of what is committed, as PGXN wants them
DIST = rtm-$(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
dist:
	@git diff --quiet HEAD -- || { echo "dist: there are changes that are not committed" >&2; exit 1; }
	git archive --format=zip --prefix=$(DIST)/ --output=$(DIST).zip HEAD
	git archive --format=tar.gz --prefix=$(DIST)/ --output=$(DIST).tar.gz HEAD

include test/targets.mk
