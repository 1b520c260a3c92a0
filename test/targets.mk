# Targets of the tests that need no server: unit tests of the wire layer, the
# same under sanitizers, fuzzing; and the torture test, which brings its own.
# Included by the top Makefile.
#
#	make unit					the unit tests
#	make unit-san				the same under ASan and UBSan
#	make fuzz					each fuzz target for FUZZ_SECONDS seconds
#	make torture				the outbox while processes are killed, for minutes
#	make soak					sizes of the outbox at a steady rate, for DURATION seconds
#	make interop SDK=folder		the vendor's SDK against the local gate, see
#								test/interop/README.md; also interop-cpp, interop-node
#
# Everything is built in tmp_check, which git ignores and `make clean` removes.
# UNIT_SEED=n repeats a run of the unit tests.

UNIT_DIR = tmp_check/unit
FUZZ_DIR = tmp_check/fuzz
FUZZ_SECONDS ?= 20

UNIT_SOURCES = $(sort $(wildcard test/unit/*.c))
WIRE_SOURCES = $(sort $(wildcard src/fpnn/*.c))
UNIT_HEADERS = $(wildcard src/fpnn/*.h test/unit/*.h) $(UNIT_DIR)/vectors.h
UNIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	$(WERROR) -Isrc -Itest/unit -I$(UNIT_DIR) \
	$(shell pkg-config --cflags $(MSGPACK) libssl libcrypto 2>/dev/null)
UNIT_LIBS = $(shell pkg-config --libs $(MSGPACK) libssl libcrypto 2>/dev/null || echo -lmsgpackc -lssl -lcrypto)
SANITIZE = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

FUZZ_TARGETS = $(patsubst test/fuzz/%.c,%,$(sort $(wildcard test/fuzz/*.c)))

.PHONY: unit unit-san fuzz torture soak interop interop-cpp interop-node

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

# libFuzzer is clang's
ifneq ($(shell command -v clang 2>/dev/null),)
fuzz: $(addprefix $(FUZZ_DIR)/,$(FUZZ_TARGETS)) $(FUZZ_DIR)/seeds/.made
	@set -e; for t in $(FUZZ_TARGETS); do \
		echo "fuzzing $$t for $(FUZZ_SECONDS) seconds"; \
		mkdir -p $(FUZZ_DIR)/corpus/$$t $(FUZZ_DIR)/seeds/$$t; \
		$(FUZZ_DIR)/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 \
			-rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 \
			-artifact_prefix=$(FUZZ_DIR)/$$t- \
			$(FUZZ_DIR)/corpus/$$t $(FUZZ_DIR)/seeds/$$t 2>$(FUZZ_DIR)/$$t.log \
			|| { tail -n 60 $(FUZZ_DIR)/$$t.log; exit 1; }; \
		grep -E 'number_of_executed_units|new_units_added' $(FUZZ_DIR)/$$t.log; \
	done

$(FUZZ_DIR)/seeds/.made: test/fuzz/seeds.pl test/unit/vectors.json
	@mkdir -p $(FUZZ_DIR)/seeds
	perl test/fuzz/seeds.pl test/unit/vectors.json $(FUZZ_DIR)/seeds
	@touch $@

$(FUZZ_DIR)/%: test/fuzz/%.c $(WIRE_SOURCES) $(UNIT_HEADERS) $(wildcard test/fuzz/*.h)
	@mkdir -p $(FUZZ_DIR)
	clang $(UNIT_CFLAGS) $(SANITIZE) -fsanitize=fuzzer -o $@ $< $(WIRE_SOURCES) $(UNIT_LIBS)
else
fuzz:
	@echo "fuzz: skipped, as there is no clang on this machine"
endif

# how many messages and kills: see there
torture:
	test/torture.sh

soak:
	test/bench/soak.sh

interop:
	test/interop/run.sh python '$(SDK)'
interop-cpp:
	test/interop/run.sh cpp '$(SDK)'
interop-node:
	test/interop/run.sh node '$(SDK)'

# For test/run-tests.sh: the value of a variable of the Makefile
print-%:
	@echo $($*)
