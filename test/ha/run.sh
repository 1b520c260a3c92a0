#!/bin/bash
#
# make test-ha, make demo-ha (run.sh demo): the outbox in a cluster of three nodes under Patroni, with etcd, HAProxy and
# PgBouncer, all on this machine: see ha.pl, which has the settings as well, and demo.pl.
# Five to ten minutes.
#
# Installs what is missing, from Debian's packages; where they can't be had it is
# skipped, and says so.  Builds a copy of the tree, installs it and runs as an unprivileged user,
# as run-tests.sh does.  The folder is kept when it failed.

set -u
cd "$(dirname "$0")/../.." || exit 1

. test/common.sh

give_up()
{
	note "$*"
	[ -z "$work" ] || note "logs of this run are in $work"
	exit 1
}

install_dependencies
if ! demo/install-deps.sh --ha; then
	note "skipped, as Patroni, etcd, HAProxy and PgBouncer cannot be had here"
	exit 0
fi
find_pg_config
choose_user
copy_tree
build
mkdir "$work/ha"
[ "$(id -u)" -ne 0 ] || chown "$test_user" "$work/ha"
case ${1:-test} in
	test) run="prove --verbose" program=ha.pl ;;
	demo) run=perl program=demo.pl ;;
esac
# shellcheck disable=SC2086
as_user env PATH="$bindir:$PATH:/usr/sbin" BINDIR="$bindir" PG_CONFIG="$PG_CONFIG" \
	PG_REGRESS="$pgxs_dir/test/regress/pg_regress" \
	TESTDIR="$work/ha" TESTDATADIR="$work/ha/data" TESTLOGDIR="$work/ha/log" \
	HA_SEED="${HA_SEED:-}" HA_SECONDS="${HA_SECONDS:-}" HA_ONLY="${HA_ONLY:-}" \
	$run -I "$perl_lib" -I test/t/lib -I test/ha/lib "test/ha/$program" ||
	give_up "test/ha/$program failed"
rm -rf "$work"
