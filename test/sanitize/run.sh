#!/bin/bash
#
# The regression and isolation tests, and TAP tests that are named, with the
# library under a memory checker: run.sh asan|valgrind [TAP file ...].
#
# A copy of the server's programs is made, whose "postgres" starts the real one
# under the checker: its library is built for that, and nothing of it is
# installed on this machine.  All processes of the server are watched: sessions,
# the sender, the callback worker, the launcher and the gate.  Any report fails
# the run.  Works as root (the tests then run as TEST_USER) or as any other user.

set -u
cd "$(dirname "$0")/../.." || exit 1
mode=${1:-}
case $mode in
	asan|valgrind) ;;
	*) echo "usage: $0 asan|valgrind [TAP file ...]" >&2; exit 2 ;;
esac
shift
failed=0

. test/common.sh

give_up()
{
	echo "Bail out! $*"
	exit 1
}

clean_up()
{
	local status=$?

	[ -z "$work" ] || [ "$failed" -ne 0 ] || rm -rf "$work"
	exit "$status"
}

# The server's folders below $root, of links but for what must be files.
copy_server()
{
	local libdir sharedir

	libdir=$("$PG_CONFIG" --pkglibdir)
	sharedir=$("$PG_CONFIG" --sharedir)
	root=$work/server
	programs=$root$bindir
	mkdir -p "$programs" "$root$libdir" "$root$sharedir"
	cp -a "$bindir"/. "$programs" && cp -as "$libdir"/. "$root$libdir" && cp -as "$sharedir"/. "$root$sharedir" ||
		give_up "cannot copy the server"
	mv "$programs/postgres" "$programs/postgres.checked"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$root"
}

build_for_checking()
{
	local flags="-O1 -g -fno-omit-frame-pointer"

	[ "$mode" = valgrind ] || flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all"
	as_user make -s -j2 PG_CONFIG="$PG_CONFIG" COPT="$flags" with_llvm=no all >"$logs/build.log" 2>&1 &&
		as_user make -s PG_CONFIG="$PG_CONFIG" COPT="$flags" with_llvm=no DESTDIR="$root" install >>"$logs/build.log" 2>&1 &&
		as_user cc -shared -fPIC -Wl,-z,initfirst -o "$root/early.so" test/sanitize/early.c >>"$logs/build.log" 2>&1 ||
		{ tail -n 40 "$logs/build.log"; give_up "the build failed"; }
}

# A library that isn't checked, or a checker that isn't there, would find nothing.
prove_it_checks()
{
	local library

	library=$root$("$PG_CONFIG" --pkglibdir)/rtm.so
	if [ "$mode" = asan ]; then
		nm -D "$library" | grep -q ' __asan_report_load' || give_up "the library isn't instrumented"
		as_user env ASAN_OPTIONS=help=1 "$programs/postgres" --version >/dev/null 2>&1 ||
			give_up "postgres doesn't start under the checker"
	fi
	[ ! -L "$library" ] || give_up "the library is the installed one"
}

# What starts in the place of postgres; reports go to files of their own.  The
# server believes that it is the wrapper (-a), which it names to pg_ctl restart.
write_wrapper()
{
	local reports=$work/report

	mkdir "$reports"
	chmod 777 "$reports"
	if [ "$mode" = asan ]; then
		cat <<-EOF
			#!/bin/bash
			export LD_PRELOAD='$(gcc -print-file-name=libasan.so):$root/early.so'
			export ASAN_OPTIONS='detect_leaks=0:strict_string_checks=1:log_path=$reports/asan'
			export UBSAN_OPTIONS='print_stacktrace=1:log_path=$reports/ubsan'
			exec -a '$programs/postgres' '$programs/postgres.checked' "\$@"
		EOF
	else
		# looking at a program's version needs no checking
		cat <<-EOF
			#!/bin/bash
			case "\$1" in
				-V|--version|--boot|--check|--single) exec '$programs/postgres.checked' "\$@" ;;
			esac
			exec valgrind --quiet --tool=memcheck --leak-check=no --undef-value-errors=yes \\
				--track-origins=yes --num-callers=25 --gen-suppressions=all \\
				--suppressions='$tree/test/sanitize/valgrind.supp' --log-file='$reports/memcheck.%p' \\
				'$programs/postgres.checked' "\$@"
		EOF
	fi >"$programs/postgres"
	chmod 755 "$programs/postgres"
}

write_config()
{
	cat <<-'EOF' >"$work/temp.conf"
	shared_preload_libraries = 'rtm'
	max_worker_processes = 16
	max_prepared_transactions = 10
	log_statement = 'none'
	fsync = off
	EOF
}

# Each prints what it printed without a checker.
regress()
{
	local tests

	tests=$(as_user make -s PG_CONFIG="$PG_CONFIG" print-REGRESS)
	# shellcheck disable=SC2086
	as_user "$pgxs_dir/test/regress/pg_regress" --bindir="$programs" --inputdir="$tree" --outputdir="$tree" \
		--temp-instance="$work/regress" --temp-config="$work/temp.conf" --encoding=UTF8 --no-locale \
		--dbname=contrib_regression $tests || { failed=1; head -n 100 "$tree/regression.diffs"; }
}

isolation()
{
	local specs

	specs=$(cd "$tree/test/specs" && ls ./*.spec | sed 's,^\./,,; s,\.spec$,,')
	# shellcheck disable=SC2086
	as_user "$pgxs_dir/test/isolation/pg_isolation_regress" --bindir="$programs" --inputdir="$tree/test" \
		--outputdir="$tree/output_iso" --temp-instance="$work/isolation" --temp-config="$work/temp.conf" \
		--encoding=UTF8 --no-locale --dbname=isolation_regression $specs ||
		{ failed=1; head -n 100 "$tree/output_iso/regression.diffs"; }
}

tap()
{
	local name

	name=$(basename "$1" .pl)
	mkdir -p "$work/tap/$name"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$work/tap"
	as_user env PATH="$programs:$PATH" PG_CONFIG="$programs/pg_config" \
		PG_REGRESS="$pgxs_dir/test/regress/pg_regress" TESTDIR="$work/tap/$name" \
		TESTDATADIR="$work/tap/$name/data" TESTLOGDIR="$work/tap/$name/log" \
		PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-600}" \
		prove --verbose -I "$pgxs_dir/test/perl" -I "$tree/test/t/lib" "$tree/test/t/$name.pl" || failed=1
}

# Files with a report; UBSan writes to the server's log.
reports()
{
	local pattern='ERROR: AddressSanitizer|runtime error:|^==[0-9]+== [A-Z]'
	local logs found

	logs=$(find "$work/report" "$tree/log" "$tree/output_iso/log" "$work/tap" -type f 2>/dev/null)
	# shellcheck disable=SC2086
	found=$(grep -lE "$pattern" $logs)
	if [ -n "$found" ]; then
		failed=1
		# shellcheck disable=SC2086
		grep -hE -A 40 "$pattern" $found | head -n 200 | cut -c 1-200
		echo "not ok - $mode: reports in $(echo "$found" | wc -l) files"
	else
		echo "ok 1 - $mode: no report in $(echo "$logs" | wc -l) files"
	fi
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ "$mode" = asan ] || command -v valgrind >/dev/null || give_up "there is no valgrind on this machine"
find_pg_config
choose_user
copy_tree
copy_server
build_for_checking
write_wrapper
prove_it_checks
write_config
regress
isolation
for file in "$@"; do
	tap "$file"
done
reports
[ "$failed" -eq 0 ] || note "logs and reports are in $work"
exit "$failed"
