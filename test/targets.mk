# Targets of the tests that need no server: unit tests of the wire layer, the
# same under sanitizers, fuzzing; and of those that bring their own.
# Included by the top Makefile.
#
#	make unit					the unit tests
#	make unit-san				the same under ASan and UBSan
#	make fuzz					each fuzz target for FUZZ_SECONDS seconds, or those
#								that FUZZ_ONLY names: a minute in all
#	make sanitize				regression and isolation tests with the library under
#								ASan and UBSan, or SANITIZE_MODE=valgrind; also TAP
#								files: SANITIZE_TAP="501_gate_protocol 202_line_faults"
#	make torture				the outbox while processes are killed, for minutes
#	make test-ha				the outbox under Patroni, for ten minutes
#	make demo-ha				the same to look at: kill the primary by a key
#	make soak					sizes of the outbox at a steady rate, for DURATION seconds
#	make interop SDK=folder		the vendor's SDK against the local gate, see
#								test/interop/README.md; also interop-cpp, -go, -java, -node, -php
#
# Everything is built in tmp_check, which git ignores and `make clean` removes.
# UNIT_SEED=n repeats a run of the unit tests; UNIT_MIDS=10000000 makes more message ids
# in their simulation of many servers, in ten seconds.

UNIT_DIR = tmp_check/unit
FUZZ_DIR = tmp_check/fuzz
FUZZ_SECONDS ?= 4

UNIT_SOURCES = $(sort $(wildcard test/unit/*.c))
# what decides in the sender needs no server either
WIRE_SOURCES = $(sort $(wildcard src/fpnn/*.c)) $(addprefix src/outbox/deliver/,age.c limit.c verdict.c)
UNIT_HEADERS = $(wildcard src/fpnn/*.h src/outbox/deliver/*.h test/unit/*.h) $(UNIT_DIR)/vectors.h
UNIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	$(WERROR) -Isrc -Itest/unit -I$(UNIT_DIR) \
	$(shell pkg-config --cflags $(MSGPACK) libssl libcrypto 2>/dev/null)
UNIT_LIBS = $(shell pkg-config --libs $(MSGPACK) libssl libcrypto 2>/dev/null || echo -lmsgpackc -lssl -lcrypto) -lm
SANITIZE = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

FUZZ_TARGETS = $(patsubst test/fuzz/%.c,%,$(sort $(wildcard test/fuzz/*.c)))

.PHONY: unit unit-san fuzz sanitize torture soak test-ha demo-ha interop interop-cpp interop-go interop-java interop-node interop-php

unit: $(UNIT_DIR)/unit
	$(UNIT_DIR)/unit

unit-san: $(UNIT_DIR)/unit_san
	ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
		$(UNIT_DIR)/unit_san

$(UNIT_DIR)/vectors.h: test/unit/vectors.pl test/unit/vectors.json
	@mkdir -p $(UNIT_DIR)
	perl test/unit/vectors.pl test/unit/vectors.json > $@.tmp
	mv $@.tmp $@

$(UNIT_DIR)/unit: $(UNIT_SOURCES) $(WIRE_SOURCES) $(UNIT_HEADERS)
	$(CC) $(UNIT_CFLAGS) -O2 -o $@ $(UNIT_SOURCES) $(WIRE_SOURCES) $(UNIT_LIBS)

$(UNIT_DIR)/unit_san: $(UNIT_SOURCES) $(WIRE_SOURCES) $(UNIT_HEADERS)
	$(CC) $(UNIT_CFLAGS) $(SANITIZE) -o $@ $(UNIT_SOURCES) $(WIRE_SOURCES) $(UNIT_LIBS)

# libFuzzer is clang's.  Some targets run inside a server: see fuzz/backend.
FUZZ_PG = $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
# both libraries in one: it needs one entry point
FUZZ_SOURCES = $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c gate/src/*/*.c test/fuzz/backend/*.c))
FUZZ_OBJECTS = $(addprefix $(FUZZ_DIR)/backend/,$(subst /,_,$(FUZZ_SOURCES:.c=.o)))
FUZZ_RUNTIME = $(shell clang -print-file-name=libclang_rt.fuzzer_no_main-x86_64.a 2>/dev/null)
FUZZ_MODULE = $(if $(wildcard $(FUZZ_PG)/postgres.h),$(FUZZ_DIR)/rtm_fuzz.so $(FUZZ_DIR)/early.so)
FUZZ_BACKEND_CFLAGS = -std=gnu11 -D_GNU_SOURCE -g -fPIC -fno-strict-aliasing -fwrapv -Wall -Wextra \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers $(WERROR) \
	$(SANITIZE) -fsanitize=fuzzer-no-link -shared-libasan -isystem $(FUZZ_PG) -Isrc -Igate/src -DRTM_VERSION='"fuzz"' \
	$(shell pkg-config --cflags $(MSGPACK) libssl libcrypto 2>/dev/null)

ifneq ($(shell command -v clang 2>/dev/null),)
fuzz: $(addprefix $(FUZZ_DIR)/,$(FUZZ_TARGETS)) $(FUZZ_MODULE) $(FUZZ_DIR)/seeds/.made
	@PG_CONFIG=$(PG_CONFIG) test/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_ONLY)

$(FUZZ_DIR)/seeds/.made: test/fuzz/seeds.pl test/unit/vectors.json
	@mkdir -p $(FUZZ_DIR)/seeds
	perl test/fuzz/seeds.pl test/unit/vectors.json $(FUZZ_DIR)/seeds
	@touch $@

$(FUZZ_DIR)/%: test/fuzz/%.c $(WIRE_SOURCES) $(UNIT_HEADERS) $(wildcard test/fuzz/*.h)
	@mkdir -p $(FUZZ_DIR)
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ $< $(WIRE_SOURCES) $(UNIT_LIBS)

# -Bsymbolic: the counters are those of libFuzzer, not of the preloaded runtime
$(FUZZ_DIR)/rtm_fuzz.so: $(FUZZ_OBJECTS)
	@clang -shared -shared-libasan -fsanitize=address,undefined -Wl,-Bsymbolic -o $@ $(FUZZ_OBJECTS) $(FUZZ_RUNTIME) \
		$(UNIT_LIBS) -lstdc++ -lm -lpthread

$(FUZZ_DIR)/early.so: test/sanitize/early.c
	clang -shared -fPIC -Wl,-z,initfirst -o $@ $<

define fuzz_object
$(FUZZ_DIR)/backend/$(subst /,_,$(1:.c=.o)): $(1) $(wildcard src/*.h src/*/*.h src/*/*/*.h gate/src/*/*.h)
	@mkdir -p $(FUZZ_DIR)/backend
	@clang $$(FUZZ_BACKEND_CFLAGS) -c -o $$@ $$<
endef
$(foreach source,$(FUZZ_SOURCES),$(eval $(call fuzz_object,$(source))))
else
fuzz:
	@echo "fuzz: skipped, as there is no clang on this machine"
endif

SANITIZE_MODE ?= asan
sanitize:
	test/sanitize/run.sh $(SANITIZE_MODE) $(SANITIZE_TAP)

# how many messages and kills: see there
torture:
	test/torture.sh

test-ha:
	test/ha/run.sh
demo-ha:
	test/ha/run.sh demo

soak:
	test/bench/soak.sh

interop:
	test/interop/run.sh python '$(SDK)'
interop-cpp interop-go interop-java interop-node interop-php: interop-%:
	test/interop/run.sh $* '$(SDK)'

# For test/run-tests.sh: the value of a variable of the Makefile
print-%:
	@echo $($*)
