#!/bin/bash
#
# Run the fuzz targets that `make fuzz` has built, one after the other, each for
# so many seconds: run.sh SECONDS [target ...].  What was found is left in
# tmp_check/fuzz; prints TAP, a line per target, with what it did.
#
# Targets of the wire layer are programs.  Those that need a server (backend/)
# run inside one in single-user mode, in a cluster of their own.  As PostgreSQL
# refuses to run as root, root runs them as TEST_USER (by default postgres).

set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$PWD/tmp_check/fuzz
seconds=${1:-5}
shift
wire_targets=$(for f in test/fuzz/*.c; do basename "$f" .c; done)
backend_targets=
[ -f "$dir/rtm_fuzz.so" ] && backend_targets="send history info any error pack option gate json"
targets=${*:-$wire_targets $backend_targets}
jobs_done=0
failed=0
PG_CONFIG=${PG_CONFIG:-pg_config}
test_user=${TEST_USER:-postgres}
[ -z "$backend_targets" ] || bindir=$("$PG_CONFIG" --bindir)
work=$(mktemp -d "${TMPDIR:-/tmp}/rtm-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

as_user()
{
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u "$test_user" -- "$@"
	else
		"$@"
	fi
}

arguments()	# target, folder with corpus and seeds
{
	printf '%s\n' "-max_total_time=$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
		-malloc_limit_mb=256 -print_final_stats=1 -detect_leaks="$3" "-artifact_prefix=$2/found-$1-" \
		"$2/corpus/$1" "$2/seeds/$1"
}

# The row types that answers are made into, as the extension's script has them.
types()
{
	sed -n '/^CREATE TYPE/,/^);/p' rtm--1.0.sql | sed 's/@extschema@/public/g; s/^);/);\n/'
}

single()	# SQL on its input; statements end with an empty line
{
	as_user timeout -k 10 $((seconds + 120)) env "$@" "$bindir/postgres" --single -j -D "$work/data" \
		-c log_min_messages=fatal -c max_stack_depth=4MB postgres
}

prepare_cluster()
{
	mkdir "$work/corpus" || return 1
	cp -r "$dir/seeds" "$dir/rtm_fuzz.so" "$dir/early.so" "$work" || return 1
	chmod 755 "$work"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$work"
	as_user "$bindir/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$work/log" 2>&1 ||
		{ cat "$work/log"; return 1; }
	types | single A=1 >"$work/log" 2>&1 || { cat "$work/log"; return 1; }
}

# libFuzzer's arguments as an SQL array; none of them has a quote in it.
run_backend()
{
	local array

	[ -d "$work/data" ] || prepare_cluster || return 1
	mkdir -p "$dir/corpus/$1"
	cp -r "$dir/corpus/$1" "$work/corpus/"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$work/corpus"
	array=$(arguments "$1" "$work" 0 | sed "s/.*/'&'/" | paste -s -d,)
	single LD_PRELOAD="$(clang -print-file-name=libclang_rt.asan-x86_64.so):$work/early.so" \
		ASAN_OPTIONS=detect_leaks=0:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 >"$dir/$1.log" 2>&1 <<-SQL
		CREATE FUNCTION pg_temp.rtm_fuzz(text, text[]) RETURNS void LANGUAGE c AS '$work/rtm_fuzz';

		SELECT pg_temp.rtm_fuzz('$1', ARRAY[$array]);

	SQL
	cp -r "$work/corpus/$1" "$dir/corpus/"
	cp "$work"/found-"$1"-* "$dir" 2>/dev/null
	# a server that fails in single-user mode may say so with status 0
	grep -q 'number_of_executed_units' "$dir/$1.log" && ! ls "$work"/found-"$1"-* >/dev/null 2>&1
}

run_wire()
{
	mkdir -p "$dir/corpus/$1" "$dir/seeds/$1"
	mapfile -t args < <(arguments "$1" "$dir" 1)
	"$dir/$1" "${args[@]}" >"$dir/$1.log" 2>&1
}

report()	# ok or not, target
{
	local units covered

	jobs_done=$((jobs_done + 1))
	units=$(sed -n 's/.*number_of_executed_units: *//p' "$dir/$2.log" | tail -n 1)
	covered=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$dir/$2.log" | tail -n 1)
	echo "$1 $jobs_done - fuzz $2: ${units:-0} inputs in $seconds s, ${covered:-0} edges"
	[ "$1" = ok ] && return
	failed=$((failed + 1))
	tail -n 60 "$dir/$2.log" | sed 's/^/# /'
}

for target in $targets; do
	case " $(echo $backend_targets) " in
		*" $target "*) run=run_backend ;;
		*) run=run_wire ;;
	esac
	if $run "$target"; then report ok "$target"; else report 'not ok' "$target"; fi
done
[ -n "$backend_targets" ] || echo "# the targets that need a server were not built: its headers are missing"
echo "1..$jobs_done"
[ "$failed" -eq 0 ]
