#!/bin/bash
#
# The project under other releases of Debian and PostgreSQL: run.sh [piece ...]
#
# Pieces (default: all of them):
#
#	15 16 17 18		the test suite under this version of PostgreSQL
#	package-15 ...	the Debian package: built, installed, used, purged
#	upgrade			pg_upgrade of a database in use, 15 to 17
#
# run.sh clean removes every folder.
#
# Each runs in a throw-away folder made by debootstrap, with Debian's own
# packages from the mirror that this machine's apt uses (or MATRIX_MIRROR).
# MATRIX_SUITES are the suites of test/run-tests.sh to run, default all.  What is
# kept for the next time is in MATRIX_DIR, by default /var/cache/rtm-matrix.
#
# Prints a table.  The last line is "N passed, N failed".  The exit status is 0
# when something passed and nothing failed, 77 when nothing could be run.  What
# can't be run for want of the network, of root or of a package is said to be
# skipped, and is no failure.

set -u
cd "$(dirname "$0")/../.." || exit 1

all_pieces="15 16 17 18 package-15 package-17 package-18 upgrade"
cache=$(realpath -m "${MATRIX_DIR:-/var/cache/rtm-matrix}")
passed=0
failed=0
table=()
folder=
why=

. test/matrix/lib.sh

note() { printf '%s\n' "# $*"; }

# Debian's release with a version of PostgreSQL; nothing: none has it.
release_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
	esac
}

# row piece release version passed failed seconds remark
row()
{
	table+=("$(printf '%-11s %-9s %-26s %7s %7s %8s  %s' "$@")")
}

skip_piece()
{
	note "$1: skipped, as $2"
	row "$1" "${3:--}" - - - - "skipped: $2"
}

# Run in $folder, count the result: run_counted piece release command...
run_counted()
{
	local piece=$1
	local release=$2
	local log=$cache/log/$piece.log
	local start=$SECONDS
	local good bad status

	shift 2
	in_release=$release enter "$folder" "$@" >"$log" 2>&1
	status=$?
	if [ "$status" -ne 0 ] && network_failed "$log"; then
		skip_piece "$piece" "the network failed (see $log)" "$release"
		remove_folder "$folder"
		return
	fi
	# the last line: N passed, N failed
	good=$(sed -nE '$s/^([0-9]+) passed, [0-9]+ failed$/\1/p' "$log")
	bad=$(sed -nE '$s/^[0-9]+ passed, ([0-9]+) failed$/\1/p' "$log")
	good=${good:-0}
	bad=${bad:-1}
	[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$good" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
	if [ "$bad" -gt 0 ]; then
		grep -E '^not ok|\.\.\. (FAILED|failed)' "$log" | head -n 40
		note "the end of $log:"
		tail -n 60 "$log"
	fi
	note "$piece: $good passed, $bad failed"
	passed=$((passed + good))
	failed=$((failed + bad))
	row "$piece" "$release" "$(installed_version)" "$good" "$bad" $((SECONDS - start)) ""
	remove_folder "$folder"
}

installed_version()
{
	local postgres

	postgres=$(ls -d "$folder"/usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)
	[ -n "$postgres" ] || { echo -; return; }
	chroot "$folder" "${postgres#"$folder"}" --version | sed -E 's/^postgres \(PostgreSQL\) //; s/^([^ ]+) .*/\1/'
}

# A failure before anything could run.
fail_piece()
{
	note "$1: FAILED: $3"
	failed=$((failed + 1))
	row "$1" "$2" - 0 1 - "$3"
}

run_suites()
{
	local major=$1
	local release

	release=$(release_of "$major")
	if [ -z "$release" ]; then
		skip_piece "$major" "no release of Debian has PostgreSQL $major"
	elif ! make_base "$release"; then
		skip_piece "$major" "$why" "$release"
	elif ! make_deps "$release"; then
		if network_failed "$cache/log/deps-$release.log"; then
			skip_piece "$major" "the network failed (see $cache/log/deps-$release.log)" "$release"
		else
			fail_piece "$major" "$release" "demo/install-deps.sh failed"
		fi
	else
		new_folder "$cache/deps-$release" "$major"
		note "the test suite under PostgreSQL $major, $release"
		# shellcheck disable=SC2086
		PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config \
			run_counted "$major" "$release" /src/rtm/test/run-tests.sh ${MATRIX_SUITES:-}
	fi
}

# Build the Debian package of a version in a folder; its .deb files: $cache/deb-N
build_package()
{
	local major=$1
	local release=$2
	local log=$cache/log/build-package-$major.log

	new_folder "$cache/base-$release" "build-$major"
	note "the Debian package of PostgreSQL $major, $release"
	if ! in_release=$release enter "$folder" /src/rtm/test/matrix/build-package.sh "$major" >"$log" 2>&1; then
		tail -n 40 "$log"
		return 1
	fi
	rm -rf "$cache/deb-$major"
	mkdir "$cache/deb-$major"
	cp "$folder"/src/*.deb "$folder"/src/lintian.log "$cache/deb-$major"
	remove_folder "$folder"
}

# package_fails piece major release: true, and the reason told, if it can't be built
package_fails()
{
	build_package "$2" "$3" && return 1
	if network_failed "$cache/log/build-package-$2.log"; then
		skip_piece "$1" "the network failed (see $cache/log/build-package-$2.log)" "$3"
	else
		fail_piece "$1" "$3" "the package can't be built (see $cache/log/build-package-$2.log)"
	fi
}

run_package()
{
	local major=$1
	local piece=package-$1
	local release

	release=$(release_of "$major")
	if [ -z "$release" ]; then
		skip_piece "$piece" "no release of Debian has PostgreSQL $major"
	elif ! make_base "$release"; then
		skip_piece "$piece" "$why" "$release"
	elif ! package_fails "$piece" "$major" "$release"; then
		new_folder "$cache/base-$release" "$piece"
		cp "$cache/deb-$major"/* "$folder/src/"
		run_counted "$piece" "$release" /src/rtm/test/matrix/use-package.sh "$major"
	fi
}

# As on a machine that was upgraded from bookworm to trixie: both versions' packages.
run_upgrade()
{
	if ! make_base bookworm || ! make_base trixie; then
		skip_piece upgrade "$why"
		return
	fi
	package_fails upgrade 15 bookworm && return
	package_fails upgrade 17 trixie && return
	new_folder "$cache/base-trixie" upgrade
	echo "deb $mirror bookworm main" >>"$folder/etc/apt/sources.list"
	cp "$cache"/deb-15/*.deb "$cache"/deb-17/*.deb "$folder/src/"
	run_counted upgrade trixie /src/rtm/test/matrix/upgrade.sh
}

run_piece()
{
	case $1 in
		[0-9][0-9]) run_suites "$1" ;;
		package-[0-9][0-9]) run_package "${1#package-}" ;;
		upgrade) run_upgrade ;;
		*) fail_piece "$1" - "there is no such piece (there are: $all_pieces)" ;;
	esac
}

finish()
{
	echo
	printf '%-11s %-9s %-26s %7s %7s %8s\n' piece Debian PostgreSQL passed failed seconds
	printf '%s\n' "${table[@]}"
	echo
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] || exit 1
	[ "$passed" -gt 0 ] || exit 77
	exit 0
}

if [ "${1:-}" = clean ]; then
	remove_folder "$cache"
	exit
fi

pieces=${*:-$all_pieces}
if ! mkdir -p "$cache/log" 2>/dev/null; then
	cache=$(mktemp -d)
	mkdir "$cache/log"
fi
why=$(why_not)
if [ -n "$why" ]; then
	for piece in $pieces; do
		skip_piece "$piece" "$why"
	done
	finish
fi
exec 9>"$cache/lock"
flock -n 9 || { note "waiting for another run in $cache"; flock 9; }
find_mirror
trap 'remove_folder "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for piece in $pieces; do
	run_piece "$piece"
done
finish
