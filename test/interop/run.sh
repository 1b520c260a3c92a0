#!/bin/bash
#
# Drives a vendor's server SDK against the local gate: run.sh python|cpp|node|go|java|php SDK
#
# SDK is the folder of an SDK that you have: rtm-server-sdk-python as it is,
# rtm-server-sdk-nodejs with its node_modules, rtm-server-sdk-cpp built (see
# README.md).  Nothing of it is changed or kept.  Without a folder: says so and
# exits with 0.  Builds and installs a copy of this tree as `make test` does,
# starts a throw-away cluster with the local gate and prints a table; exits with
# 1 if anything in it failed.

set -u
cd "$(dirname "$0")/../.." || exit 1
language=${1:-}
sdk=${2:-}

. test/common.sh

finish()
{
	local status=$1

	if [ "$status" -eq 0 ]; then
		[ -z "$work" ] || rm -rf "$work"
	elif [ -n "$work" ]; then
		note "logs of this run are in $work"
	fi
	exit "$status"
}

give_up()
{
	note "interop: $*"
	finish 2
}

case $language in
	python) target=interop repository=rtm-server-sdk-python ;;
	cpp) target=interop-cpp repository=rtm-server-sdk-cpp ;;
	node) target=interop-node repository=rtm-server-sdk-nodejs ;;
	go) target=interop-go repository=rtm-server-sdk-go ;;
	java) target=interop-java repository=rtm-server-sdk-java ;;
	php) target=interop-php repository=rtm-server-sdk-php ;;
	*) echo "usage: $0 python|cpp|node|go|java|php [SDK]" >&2; exit 2 ;;
esac
if [ -z "$sdk" ]; then
	echo "$target: skipped, as no SDK was given: make $target SDK=<folder of $repository>"
	exit 0
fi
[ -d "$sdk" ] || give_up "there is no folder $sdk"
sdk=$(cd "$sdk" && pwd)

demo/install-deps.sh || give_up "demo/install-deps.sh failed"
if [ "$language" = python ]; then
	demo/install-deps.sh --interop || give_up "demo/install-deps.sh --interop failed"
fi
choose_user
copy_tree
find_pg_config
# shellcheck source=/dev/null
. "test/interop/$language.sh"
prepare_sdk
build
as_user env PG_CONFIG="$PG_CONFIG" TMPDIR="$work" test/interop/cluster.sh "$language" "$work/sdk" \
	>"$logs/results" 2>"$logs/stderr"
status=$?
perl test/interop/table.pl <"$logs/results"
result=$?
if [ "$status" -ne 0 ]; then
	note "the driver ended with status $status:"
	tail -n 20 "$logs/stderr"
	finish 1
fi
finish "$result"
