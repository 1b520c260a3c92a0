# rtm: real-time messaging (RTM) from PostgreSQL
#
#	make demo		install what is missing, build, show the three uses on a local gate
#	make test		install what is missing, build, run every test
#	make test-matrix	the tests under other versions of PostgreSQL and Debian
#	make dist		archives of what is committed
#	make, make install, make installcheck: as for any PGXS extension

MODULE_big = rtm
EXTENSION = rtm rtm_gate
DATA = $(sort $(wildcard rtm--*.sql rtm_gate--*.sql))

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))

# every sql/*.sql, setup first; test/specs/*.spec
REGRESS = $(patsubst sql/%.sql,%,$(wildcard sql/setup.sql)) \
	$(filter-out setup,$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test

PG_CONFIG ?= pg_config

# rtm.control has the version; PostgreSQL 18 shows it by pg_get_loaded_modules()
RTM_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rtm.control)

# Debian has had msgpack-c under two names
MSGPACK := $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PG_CPPFLAGS = -I$(srcdir)/src -DRTM_VERSION='"$(RTM_VERSION)"' $(shell pkg-config --cflags $(MSGPACK) libcrypto libssl 2>/dev/null)
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement $(WERROR)
# PostgreSQL's flags and the attributes in its headers may be gcc's, as in Debian
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null)),)
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-unknown-warning-option -Wno-ignored-attributes
endif
SHLIB_LINK = $(shell pkg-config --libs $(MSGPACK) libssl libcrypto 2>/dev/null || echo -lmsgpackc -lssl -lcrypto)

# these do their own installing and must work where PGXS isn't there yet
STANDALONE = demo demo-stop test test-matrix test-matrix-clean dist deps unit unit-san fuzz sanitize bench torture soak interop interop-cpp interop-node
ifneq ($(filter-out $(STANDALONE),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# every object depends on every header: the tree is small
$(OBJS): $(wildcard src/*.h src/*/*.h src/*/*/*.h)
endif

# the jobs of this project; everything else that tests needs is in test/targets.mk
.PHONY: demo demo-stop test test-matrix test-matrix-clean bench deps dist
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
deps:
	demo/install-deps.sh

# archives of what is committed, as PGXN wants them
DIST = rtm-$(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
dist:
	@git diff --quiet HEAD -- || { echo "dist: there are changes that are not committed" >&2; exit 1; }
	git archive --format=zip --prefix=$(DIST)/ --output=$(DIST).zip HEAD
	git archive --format=tar.gz --prefix=$(DIST)/ --output=$(DIST).tar.gz HEAD

include test/targets.mk
