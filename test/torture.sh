#!/bin/bash
#
# The long form of the torture test of the outbox, test/t/303_outbox_torture.pl.
#
#	TORTURE_MESSAGES	how many are enqueued at least, 200000
#	TORTURE_KILLS		processes that are killed meanwhile, 50
#	TORTURE_SESSIONS	that enqueue at the same time, 8
#	TORTURE_SECONDS		longest time of enqueuing, 600
#	TORTURE_SEED		number that a run printed: the same plan of transactions and kills
#	TORTURE_ONLY		kinds of kills, separated by commas; all
#	TORTURE_DANGERS		what else goes on, separated by commas: cluster (a second one, on
#						the same project), poison (a message on which the gate closes the
#						connection), burst (above the gate's limit), callback (that kills
#						its process), roles (that come and go), clock (that steps, with
#						libfaketime); all, or none
#
# Installs what is missing, builds a copy of the tree, installs it and runs as an
# unprivileged user, as run-tests.sh does.  The test's folder is kept when it
# failed.

set -u
cd "$(dirname "$0")/.." || exit 1

. test/common.sh

give_up()
{
	note "$*"
	[ -z "$work" ] || note "logs of this run are in $work"
	exit 1
}

install_dependencies
find_pg_config
choose_user
copy_tree
build
mkdir "$work/torture"
[ "$(id -u)" -ne 0 ] || chown "$test_user" "$work/torture"
as_user env PATH="$bindir:$PATH" PG_CONFIG="$PG_CONFIG" \
	PG_REGRESS="$pgxs_dir/test/regress/pg_regress" \
	TESTDIR="$work/torture" TESTDATADIR="$work/torture/data" TESTLOGDIR="$work/torture/log" \
	PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-180}" \
	TORTURE_MESSAGES="${TORTURE_MESSAGES:-200000}" TORTURE_KILLS="${TORTURE_KILLS:-50}" \
	TORTURE_SESSIONS="${TORTURE_SESSIONS:-8}" TORTURE_SECONDS="${TORTURE_SECONDS:-600}" \
	TORTURE_SEED="${TORTURE_SEED:-}" TORTURE_ONLY="${TORTURE_ONLY:-}" \
	TORTURE_DANGERS="${TORTURE_DANGERS:-cluster,poison,burst,callback,roles,clock}" \
	prove --verbose -I "$perl_lib" -I "$tree/test/t/lib" test/t/303_outbox_torture.pl ||
	give_up "the torture test failed"
rm -rf "$work"
