# rtm: real-time messaging (RTM) from PostgreSQL
#
#	make demo		install what is missing, build, show the three uses on a local gate
#	make test		install what is missing, build, run every test
#	make, make install, make installcheck: as for any PGXS extension

MODULE_big = rtm
EXTENSION = rtm rtm_gate
DATA = $(sort $(wildcard rtm--*.sql rtm_gate--*.sql))

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/fpnn/*.c src/client/*.c \
	src/sql/*.c src/outbox/*.c src/gate/*.c)))

# every sql/*.sql, setup first; test/specs/*.spec
REGRESS = $(patsubst sql/%.sql,%,$(wildcard sql/setup.sql)) \
	$(filter-out setup,$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test

PG_CONFIG ?= pg_config

# Debian has had msgpack-c under two names
MSGPACK := $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags $(MSGPACK) libcrypto libssl 2>/dev/null)
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement $(WERROR)
SHLIB_LINK = $(shell pkg-config --libs $(MSGPACK) libssl libcrypto 2>/dev/null || echo -lmsgpackc -lssl -lcrypto)

# these do their own installing and must work where PGXS isn't there yet
STANDALONE = demo demo-stop test deps unit unit-san fuzz bench torture interop interop-cpp interop-node
ifneq ($(filter-out $(STANDALONE),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# every object depends on every header: the tree is small
$(OBJS): $(wildcard src/*.h src/*/*.h)
endif

# the jobs of this project; everything else that tests needs is in test/targets.mk
.PHONY: demo demo-stop test bench deps
demo:
	demo/run.sh
demo-stop:
	demo/run.sh stop
test:
	test/run-tests.sh
bench:
	test/bench/run.sh
deps:
	demo/install-deps.sh

include test/targets.mk
