#!/bin/bash
# make lint: what can be said about the sources without running them:
# lint.sh [format] [tidy] [shell] [house], by default all of it.  The last line is
# "N passed, N failed".  lint.sh write formats the C code.
#
# A tool that isn't there is a skipped test; demo/install-deps.sh --lint installs
# them.  clang-format has to be the version that .clang-format is for, as each
# version breaks some lines another way.
cd "$(dirname "$0")/.." || exit 1
checks=${*:-format tidy shell house}
format_version=14
PG_CONFIG=${PG_CONFIG:-pg_config}
sources=$(find src gate/src test demo -name '*.[ch]' ! -path '*/tmp_check/*' | sort)
n=0
passed=0
failed=0

# What clang-tidy looks for: mistakes, not taste.  Left out are those of its
# checks that complain of PostgreSQL's or this project's ways.
tidy_checks='-*,bugprone-*,clang-analyzer-*,misc-redundant-expression,misc-misplaced-const'
tidy_checks+=',readability-misleading-indentation,readability-redundant-declaration'
tidy_checks+=',-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier'
tidy_checks+=',-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone,-bugprone-assignment-in-if-condition'
tidy_checks+=',-clang-analyzer-security.insecureAPI.*,-clang-analyzer-optin.performance.Padding'

# result name output: nothing was found if there is no output
result()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
		passed=$((passed + 1))
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}

skip()
{
	n=$((n + 1))
	echo "ok $n - $1 # skip $2"
}

# A clang-format of the right version, under either of its names.
clang_format()
{
	local name

	for name in "clang-format-$format_version" clang-format; do
		if "$name" --version 2>/dev/null | grep -q "version $format_version\."; then
			echo "$name"
			return
		fi
	done
}

# make format
write()
{
	local format

	format=$(clang_format)
	[ -n "$format" ] || { echo "lint: there is no clang-format $format_version" >&2; exit 1; }
	# shellcheck disable=SC2086
	"$format" -i $sources
	exit
}

check_format()
{
	local format

	format=$(clang_format)
	if [ -z "$format" ]; then
		skip "the C code is formatted" "there is no clang-format $format_version"
		return
	fi
	# shellcheck disable=SC2086
	result "the C code is formatted: make format" "$("$format" --dry-run -Werror $sources 2>&1)"
}

check_tidy()
{
	local flags

	if ! command -v clang-tidy >/dev/null; then
		skip "clang-tidy finds nothing" "there is no clang-tidy"
		return
	fi
	if [ ! -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ]; then
		skip "clang-tidy finds nothing" "there are no headers of PostgreSQL"
		return
	fi
	flags="-std=gnu11 -D_GNU_SOURCE -DRTM_VERSION=\"0\" -Isrc -Igate/src -isystem $("$PG_CONFIG" --includedir-server)"
	# shellcheck disable=SC2016
	result "clang-tidy finds nothing" "$(find src gate/src -name '*.c' | sort |
		xargs -P "$(nproc)" -n 6 sh -c 'flags=$1; checks=$2; shift 2
			exec clang-tidy --quiet --checks="$checks" "$@" -- $flags 2>&1' sh "$flags" "$tidy_checks" |
		grep -E '(warning|error):' | sed "s,^$PWD/,," | sort -u)"
}

# Scripts with the variables that they take from what they source; what is sourced
# without them, as it gets and gives them.
check_shell()
{
	local scripts sourced

	if ! command -v shellcheck >/dev/null; then
		skip "shellcheck finds nothing" "there is no shellcheck"
		return
	fi
	scripts=$(find . -type f ! -path './.git/*' ! -path './tmp_check/*' -exec awk 'FNR == 1 && /^#!\/bin\/(ba)?sh/ { print FILENAME } { nextfile }' {} +)
	sourced=$(find . -name '*.sh' ! -path './tmp_check/*' -exec grep -LE -m1 '^#!/bin/' {} +)
	# shellcheck disable=SC2086
	result "shellcheck finds nothing" "$(shellcheck -x --severity=warning $scripts 2>&1
		shellcheck --shell=bash --severity=warning --exclude=SC2034,SC2154 $sourced 2>&1)"
}

check_house()
{
	result "the house is in order: test/house.pl" "$(test/house.pl 2>&1 | grep -vE '^(ok |1\.\.)')"
}

for check in $checks; do
	case $check in
		write) write ;;
		format|tidy|shell|house) "check_$check" ;;
		*) echo "lint: there is no check $check" >&2; exit 2 ;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
