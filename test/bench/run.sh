#!/bin/bash
#
# make bench: what calls and queued calls cost, as ratios from one run, written to
# doc/benchmarks.md when all parts were measured.  With
# --short a round of each part that is too short to say how much, as TAP, with
# what is installed: whether the bench itself works.
#
#	ROUNDS		interleaved rounds, of which the median counts (5)
#	CALLS		calls of a round in one statement (20000)
#	SECONDS_EACH	duration of each pgbench run (3)
#	BACKLOG		queued requests that are drained (200000)
#	QUICK		1: shorter and fewer rounds, five minutes
#	INSTALLED	1: what is installed, nothing is built
#	PAGE		where the page is written (doc/benchmarks.md)
#	PARTS		sync, outbox, delays, gate, local, tables, memory, idle, senders, or
#			several of them (all but delays)
#
# For synchronous calls the floor is a C function (floor.c) that only writes a
# frame of the same size to a kept socket, waits interruptibly and reads an answer
# of the same size; for queued ones it is an INSERT of a row of the same size into
# a table with one index.  The gate costs next to nothing (echo.c).  For the local
# gate it is an INSERT of the message by as many clients.  Figures depend on the
# machine, ratios much less.

set -u
cd "$(dirname "$0")/../.." || exit 1

short=no
[ "${1:-}" != --short ] || short=yes
if [ "$short" = yes ]; then
	rounds=1 calls=500 seconds=1 backlog=2000 bulk=1000 delays='0.05 5'
elif [ "${QUICK:-0}" = 1 ]; then
	rounds=${ROUNDS:-3} calls=${CALLS:-5000} seconds=${SECONDS_EACH:-1} backlog=${BACKLOG:-50000} bulk=10000 delays='0.1 100 1.5 5'
else
	rounds=${ROUNDS:-5} calls=${CALLS:-20000} seconds=${SECONDS_EACH:-3} backlog=${BACKLOG:-200000} bulk=10000 delays='0.1 200 1.5 10'
fi
all_parts="memory sync outbox gate local tables idle senders"
parts=${PARTS:-$all_parts}
load_before=$(cut -d ' ' -f 1 /proc/loadavg)
page=${PAGE:-$PWD/doc/benchmarks.md}
echo_pid=
port=
bare_port=

. test/common.sh
. test/bench/lib.sh
. test/bench/sync.sh
. test/bench/outbox.sh
. test/bench/gate.sh
. test/bench/tables.sh
. test/bench/idle.sh
. test/bench/senders.sh

give_up() { note "$*"; exit 1; }

trap stop_all EXIT
find_pg_config
choose_user
if [ "$short" = yes ] || [ "${INSTALLED:-0}" = 1 ]; then
	use_tree
else
	install_dependencies
	copy_tree
	build
fi
build_tools
start_cluster
start_echo
prepare
n=0
for part in $parts; do
	"bench_$part"
	n=$((n + 1))
	[ "$short" = no ] || echo "ok $n - the part $part"
done
if [ "$short" = yes ]; then
	write_page "$work/page.md" && grep -q '^| calls in one statement, /s | [0-9]' "$work/page.md" || give_up "the page lacks figures"
	echo "1..$n"
elif [ "$parts" = "$all_parts" ]; then
	write_page "$page"
fi
