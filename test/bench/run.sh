#!/bin/bash
#
# make bench: what calls and queued calls cost, as ratios from one run.
#
#	ROUNDS		interleaved rounds, of which the median counts (5)
#	CALLS		calls of a round in one statement (20000)
#	SECONDS_EACH	duration of each pgbench run (3)
#	BACKLOG		queued requests that are drained (200000)
#	PARTS		sync, outbox, delay_only, gate, or several of them (sync outbox gate)
#
# For synchronous calls the floor is a C function (floor.c) that only writes a
# frame of the same size to a kept socket, waits interruptibly and reads an answer
# of the same size; for queued ones it is an INSERT of a row of the same size into
# a table with one index.  The gate costs next to nothing (echo.c).  For the local
# gate it is an INSERT of the message by as many clients.  Figures depend on the
# machine, ratios much less.

set -u
cd "$(dirname "$0")/../.." || exit 1

rounds=${ROUNDS:-5}
calls=${CALLS:-20000}
seconds=${SECONDS_EACH:-3}
backlog=${BACKLOG:-200000}
parts=${PARTS:-sync outbox gate}
echo_pid=
port=

. test/common.sh
. test/bench/lib.sh
. test/bench/sync.sh
. test/bench/outbox.sh
. test/bench/gate.sh

give_up() { note "$*"; exit 1; }

trap stop_all EXIT
install_dependencies
find_pg_config
choose_user
copy_tree
build
build_tools
start_cluster
start_echo
prepare
for part in $parts; do
	"bench_$part"
done
case $parts in
	*sync*) bench_local_gate ;;
esac
