#!/bin/bash
#
# Every test of the project: run-tests.sh [suite ...]
#
# Installs what is missing, builds a copy of the tree with warnings as errors,
# installs it, and runs the suites (all of them, or those named):
#
#	unit unit-san house method regress isolation tap snippets docs package bench
#
# Works as root, in a tree of any owner: the copy is built and tested by an
# unprivileged user (TEST_USER, by default postgres), as PostgreSQL refuses to
# run as root.  Needs no running server and leaves none behind.  The tests'
# folder is kept when something failed.
#
# The last line is "N passed, N failed"; the exit status is 0 only when
# something passed and nothing failed.

set -u
cd "$(dirname "$0")/.." || exit 1
source_dir=$PWD

all_suites="unit unit-san house method regress isolation tap snippets docs package bench"
suites=${*:-$all_suites}
suite_timeout=${SUITE_TIMEOUT:-1200}	# seconds
passed=0
failed=0

. test/common.sh

finish()
{
	if [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]; then
		[ -n "$work" ] && rm -rf "$work"
	elif [ -n "$work" ]; then
		note "logs and clusters of this run are in $work"
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

give_up()
{
	note "$*"
	failed=$((failed + 1))
	finish
}

# Interrupted: what runs beside this script ends with it, clusters included.
end_tree()
{
	local child

	for child in $(pgrep -P "$1"); do
		end_tree "$child"
	done
	[ "$1" -eq $$ ] || kill "$1" 2>/dev/null
}
interrupted()
{
	local file

	end_tree $$
	for file in "$work"/tap/*/tmp_check/*/pgdata/postmaster.pid; do
		[ ! -e "$file" ] || kill -QUIT "$(head -n 1 "$file")" 2>/dev/null
	done
	exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

# Count the results in a log: TAP lines, pg_regress lines up to PostgreSQL 15.
# Subtests are indented and not counted; what is skipped has not passed.
count_good() { grep -E '^ok [0-9]|^(test|     ) [^ ]+ +\.\.\. ok' "$1" | grep -ciEv '# skip'; }
count_skipped() { grep -ciE '^ok [0-9].*# skip' "$1"; }
count_bad() { grep -cE '^not ok|^(test|     ) [^ ]+ +\.\.\. (FAILED|failed)' "$1"; }

# run_logged name command...: run as the unprivileged user
run_logged()
{
	local name=$1
	local start=$SECONDS

	shift
	as_user timeout --kill-after=30 "$suite_timeout" "$@" >"$logs/$name.log" 2>&1
	echo "$? $((SECONDS - start))" >"$logs/$name.status"
}

# Count and report what was run under that name.
report()
{
	local name=$1
	local log=$logs/$name.log
	local status good bad skipped took

	read -r status took <"$logs/$name.status"
	good=$(count_good "$log")
	bad=$(count_bad "$log")
	skipped=$(count_skipped "$log")
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		note "$name: died with status $status"
		bad=1
	elif [ "$good" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$skipped" -eq 0 ]; then
		note "$name: ran no test"
		bad=1
	fi
	if [ "$skipped" -eq 0 ]; then
		note "$name: $good passed, $bad failed ($took s)"
	else
		note "$name: $good passed, $bad failed, $skipped skipped ($took s)"
		grep -iE '^ok [0-9].*# skip' "$log" | sed -E 's/^ok [0-9]+ *-? */#   /' | sort | uniq -c | head -n 20
	fi
	if [ "$bad" -gt 0 ]; then
		grep -E '^not ok|\.\.\. (FAILED|failed)' "$log" | head -n 40
		note "the end of $log:"
		tail -n 40 "$log"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
}

run_suite()
{
	run_logged "$@"
	report "$1"
}

# What the temporary instances of pg_regress run with.
temp_config()
{
	cat <<-'EOF' >"$work/temp.conf"
	shared_preload_libraries = 'rtm'
	max_worker_processes = 16
	max_prepared_transactions = 10
	log_statement = 'none'
	fsync = off
	EOF
}

run_regress()
{
	local tests

	temp_config
	tests=$(as_user make -s PG_CONFIG="$PG_CONFIG" print-REGRESS)
	if [ -z "$tests" ]; then
		give_up_suite regress "there are no regression tests"
		return
	fi
	# shellcheck disable=SC2086
	run_suite regress "$pgxs_dir/test/regress/pg_regress" --bindir="$bindir" \
		--inputdir="$tree" --outputdir="$tree" --temp-instance="$work/regress" \
		--temp-config="$work/temp.conf" --encoding=UTF8 --no-locale \
		--dbname=contrib_regression $tests
	if [ -s "$tree/regression.diffs" ]; then
		head -n 200 "$tree/regression.diffs"
	fi
}

run_isolation()
{
	local specs

	specs=$(cd "$tree/test/specs" 2>/dev/null && ls ./*.spec 2>/dev/null | sed 's,^\./,,; s,\.spec$,,')
	if [ -z "$specs" ]; then
		note "isolation: there are no specs"
		return
	fi
	temp_config
	# shellcheck disable=SC2086
	run_suite isolation "$pgxs_dir/test/isolation/pg_isolation_regress" --bindir="$bindir" \
		--inputdir="$tree/test" --outputdir="$tree/output_iso" \
		--temp-instance="$work/isolation" --temp-config="$work/temp.conf" \
		--encoding=UTF8 --no-locale --dbname=isolation_regression $specs
	if [ -s "$tree/output_iso/regression.diffs" ]; then
		head -n 200 "$tree/output_iso/regression.diffs"
	fi
}

# run_tap_file file
run_tap_file()
{
	local name

	name=$(basename "$1" .pl)
	mkdir -p "$work/tap/$name"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$work/tap/$name"
	run_logged "tap-$name" env PATH="$bindir:$PATH" PG_CONFIG="$PG_CONFIG" \
		PG_REGRESS="$pgxs_dir/test/regress/pg_regress" PG_TEST_PORT_DIR="$work/tap/ports" \
		TESTDIR="$work/tap/$name" TESTDATADIR="$work/tap/$name/data" \
		TESTLOGDIR="$work/tap/$name/log" PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-180}" \
		prove --verbose -I "$perl_lib" -I "$tree/test/t/lib" "$1"
}

# Those that are through and aren't reported yet.
report_tap()
{
	local status name

	for status in "$logs"/tap-*.status; do
		[ -e "$status" ] || continue
		name=$(basename "$status" .status)
		report "$name"
		rm "$status"
	done
}

# TAP_JOBS files at a time, after that one by one those that measure what the
# machine has to give: their first lines say so ("# Alone: ...").  TAP_FILES, as
# "301_outbox_lifecycle 4*", are the ones to run, by default all.
run_tap()
{
	local jobs=${TAP_JOBS:-$(nproc)}
	local file files alone patterns

	read -ra patterns <<<"${TAP_FILES:-*}"
	# shellcheck disable=SC2086
	files=$(cd "$tree/test/t" && for file in "${patterns[@]}"; do ls -d $file.pl; done)
	[ -n "$files" ] || { give_up_suite tap "there are no TAP tests"; return; }
	mkdir -p "$work/tap/ports"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$work/tap"
	alone=$(cd "$tree/test/t" && echo "$files" | xargs grep -l '^# Alone: ')
	for file in $(comm -23 <(echo "$files" | sort) <(echo "$alone" | sort)); do
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n
			report_tap
		done
		run_tap_file "$tree/test/t/$file" &
	done
	wait
	report_tap
	for file in $alone; do
		run_tap_file "$tree/test/t/$file"
		report_tap
	done
}

give_up_suite()
{
	note "$1: $2"
	failed=$((failed + 1))
}

# A script of the project that prints TAP.
run_script()
{
	local name=$1
	local script=$2

	shift 2
	if [ ! -x "$tree/$script" ]; then
		note "$name: there is no $script"
		return
	fi
	run_suite "$name" env PATH="$bindir:$PATH" PG_CONFIG="$PG_CONFIG" "./$script" "$@"
}

install_dependencies
find_pg_config
choose_user
copy_tree
build
for suite in $suites; do
	case $suite in
		unit) run_suite unit make -s WERROR=-Werror unit ;;
		unit-san) run_suite unit-san make -s WERROR=-Werror unit-san ;;
		method) run_script method test/method-added.sh ;;
		regress) run_regress ;;
		isolation) run_isolation ;;
		tap) run_tap ;;
		house) run_script house test/house.pl ;;
		snippets) run_script snippets test/snippets.sh ;;
		docs) run_script docs test/doc-check.sh ;;
		package) run_script package test/package.pl ;;
		bench) run_script bench test/bench/run.sh --short ;;
		*) give_up_suite "$suite" "there is no such suite (there are: $all_suites)" ;;
	esac
done
cd "$source_dir" || exit 1
finish
