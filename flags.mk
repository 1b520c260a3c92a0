# What both libraries are built with: rtm (Makefile) and rtm_gate (gate/Makefile).

PG_CONFIG ?= pg_config

# rtm.control has the version
RTM_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" rtm.control)

# Debian has had msgpack-c under two names
MSGPACK := $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PG_CPPFLAGS = -I$(srcdir)/src -DRTM_VERSION='"$(RTM_VERSION)"' $(shell pkg-config --cflags $(MSGPACK) libcrypto libssl 2>/dev/null)
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Werror=implicit-function-declaration -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement $(WERROR)
# PostgreSQL's flags and the attributes in its headers may be gcc's, as in Debian
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null)),)
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-unknown-warning-option -Wno-ignored-attributes
endif
SHLIB_LINK = $(shell pkg-config --libs $(MSGPACK) libssl libcrypto 2>/dev/null || echo -lmsgpackc -lssl -lcrypto)

# Both libraries have the wire, under the same names: each calls its own.
SYMBOLIC = -Wl,-Bsymbolic
SHLIB_LINK += $(if $(filter-out darwin win32 cygwin,$(PORTNAME)),$(SYMBOLIC))

# What both have; built once.
WIRE_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/fpnn/*.c)) src/host.c src/session.c src/wait.c)
