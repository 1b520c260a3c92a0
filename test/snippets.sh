#!/bin/bash
#
# Run every ```sql snippet of the documentation: snippets.sh [file ...]
#
# README.md comes first, in an empty database.  Each file of doc/ has a database
# of its own, in which those snippets of README.md were run that say "setup": the
# extensions, the local gate, the tables of the examples.  Behind "sql" the fence
# may say
#
#	error=SQLSTATE	the snippet is there to fail, with this code
#	needs=pg_cron	skipped where that extension isn't installed
#	setup			(README.md) other files need it as well
#
# A fence "output" right behind a snippet is what it prints.
# A fence "sh run" is a shell script that ends with status 0; PGHOST and its like
# lead to the database, and the current folder is empty at first.  Any other
# fence is no snippet.  What belongs to a file's examples and not into its text
# may stand in a fence inside an HTML comment.  Prints TAP.

set -u
cd "$(dirname "$0")/.." || exit 1
. test/own-cluster.sh

if [ $# -gt 0 ]; then
	files=("$@")
else
	files=(README.md doc/*.md)
fi

number=0
failures=0

# extract file: write snippet after snippet to $cluster_dir/snippet.N, what it
# prints to output.N, and list "N<tab>file:line<tab>kind<tab>words behind it".
extract()
{
	awk -v dir="$cluster_dir" '
		function start(name) { out = dir "/" name "." n; printf "" > out }
		!inside && /^ *```/ {
			fence = $0
			sub(/^ *```/, "", fence)
			inside = 1
			out = ""
			if (fence ~ /^sql( |$)/ || fence ~ /^sh run$/) {
				kind = fence ~ /^sql/ ? "sql" : "sh"
				sub(/^(sql|sh run) */, "", fence)
				n++
				start("snippet")
				print n "\t" FILENAME ":" FNR "\t" kind "\t" fence
			} else if (fence ~ /^output$/) {
				if (!behind) { print FILENAME ":" FNR ": output of what?" > "/dev/stderr"; exit 1 }
				start("output")
			}
			next
		}
		inside && /^ *``` *$/ { inside = 0; behind = out ~ /snippet/; if (out) close(out); next }
		inside && out { print > out }
		!inside && /[^ ]/ { behind = 0 }
		END { if (inside) { print "unclosed fence in " FILENAME > "/dev/stderr"; exit 1 } }' "$1"
}

# result ok|not ok, text
result()
{
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || failures=$((failures + 1))
}

# run_snippet n kind: its output and errors
run_snippet()
{
	if [ "$2" = sh ]; then
		(cd "$cluster_dir/work" && PATH=$bindir:$PATH PGHOST=$cluster_dir PGUSER=postgres PGDATABASE=docs \
			bash -eu "$cluster_dir/snippet.$1" 2>&1)
	else
		run_psql -v VERBOSITY=verbose --pset=pager=off -f "$cluster_dir/snippet.$1" 2>&1
	fi
}

# Does a snippet print what the documentation says?  Blanks at ends of lines and
# empty lines don't count.
prints_as_told()
{
	[ -f "$cluster_dir/output.$1" ] || return 0
	diff -u <(sed 's/ *$//; /^$/d' "$cluster_dir/output.$1") \
		<(printf '%s\n' "$2" | sed 's/ *$//; /^$/d') >"$cluster_dir/diff"
}

# test_snippet n where kind expected-SQLSTATE
test_snippet()
{
	local n=$1 where=$2 kind=$3 expected=$4
	local out status got

	: >"$cluster_dir/diff"
	out=$(run_snippet "$n" "$kind")
	status=$?
	got=$(printf '%s\n' "$out" | sed -nE 's/^.*ERROR:  ([0-9A-Z]{5}): .*/\1/p' | head -n 1)
	if [ -n "$expected" ] && [ "$status" -ne 0 ] && [ "$got" = "$expected" ]; then
		result ok "$where fails with $expected"
		return
	elif [ -n "$expected" ]; then
		result 'not ok' "$where should fail with $expected, got ${got:-no error}"
	elif [ "$status" -ne 0 ]; then
		result 'not ok' "$where"
	elif prints_as_told "$n" "$out"; then
		result ok "$where"
		return
	else
		result 'not ok' "$where prints something else"
	fi
	sed 's/^/#   > /' "$cluster_dir/snippet.$n"
	printf '%s\n' "$out" | sed 's/^/# /'
	sed 's/^/#   /' "$cluster_dir/diff"
}

# A database as new, nothing left of what the file before did to the cluster.
fresh_database()
{
	run_admin -c 'DROP DATABASE IF EXISTS docs WITH (FORCE)' -c 'ALTER SYSTEM RESET ALL' \
		-c 'SELECT pg_reload_conf()' >/dev/null || bail_out "cannot drop the database"
	run_admin -At -c "SELECT format('DROP ROLE %I;', rolname) FROM pg_roles
		WHERE rolname !~ '^pg_' AND rolname <> current_user" >"$cluster_dir/drop" &&
		run_admin -f "$cluster_dir/drop" || bail_out "cannot drop the roles"
	run_admin -c 'CREATE DATABASE docs' || bail_out "cannot create the database"
	rm -rf "$cluster_dir/work" "$cluster_dir"/snippet.* "$cluster_dir"/output.*
	mkdir "$cluster_dir/work"
}

run_admin()
{
	"$bindir/psql" -X -q -h "$cluster_dir" -U postgres -d postgres -v ON_ERROR_STOP=1 "$@"
}

# What other files begin with.
set_up()
{
	local n where kind words out

	extract README.md >"$cluster_dir/list" || bail_out "cannot read README.md"
	while IFS=$'\t' read -r n where kind words; do
		[ "$words" = setup ] || continue
		out=$(run_snippet "$n" "$kind") || bail_out "$where: $out"
	done <"$cluster_dir/list"
	rm -f "$cluster_dir"/snippet.* "$cluster_dir"/output.*
}

# test_file file
test_file()
{
	local n where kind words word expected skip

	fresh_database
	[ "$1" = README.md ] || set_up
	extract "$1" >"$cluster_dir/list" || bail_out "cannot read $1"
	while IFS=$'\t' read -r n where kind words; do
		expected=
		skip=
		for word in $words; do
			case $word in
				error=?????) expected=${word#error=} ;;
				needs=pg_cron) [ "$have_cron" = yes ] || skip=pg_cron ;;
				setup) [ "$1" = README.md ] || bail_out "$where: \"setup\" is for README.md" ;;
				*) bail_out "$where: what is \"$word\"?" ;;
			esac
		done
		if [ -n "$skip" ]; then
			result ok "$where # SKIP there is no $skip"
		else
			test_snippet "$n" "$where" "$kind" "$expected"
		fi
	done <"$cluster_dir/list"
}

start_cluster
for file in "${files[@]}"; do
	test_file "$file"
done

echo "1..$number"
[ "$number" -gt 0 ] && [ "$failures" -eq 0 ]
