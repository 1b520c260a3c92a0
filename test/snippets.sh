#!/bin/bash
#
# Run every ```sql snippet of the documentation: snippets.sh [file ...]
#
# In a cluster of its own, in the order in which a reader meets them: README.md,
# then doc/*.md, all in one database that is empty at first.  Behind "sql" the
# fence may say
#
#	error=SQLSTATE	the snippet is there to fail, with this code
#	needs=pg_cron	skipped where that extension isn't installed
#
# A fence without a word, or with another word than sql, is no snippet.  Prints
# TAP.

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

# Write snippet after snippet to $cluster_dir/snippet.N, and a list of
# "N<tab>file:line<tab>words behind sql".
extract()
{
	awk -v dir="$cluster_dir" '
		FNR == 1 && inside { print "unclosed fence before " FILENAME > "/dev/stderr"; exit 1 }
		!inside && /^ *```/ {
			fence = $0
			sub(/^ *```/, "", fence)
			inside = 1
			sql = fence ~ /^sql( |$)/
			if (sql) {
				sub(/^sql */, "", fence)
				n++
				file = dir "/snippet." n
				printf "" > file
				print n "\t" FILENAME ":" FNR "\t" fence
			}
			next
		}
		inside && /^ *``` *$/ { inside = 0; if (sql) close(file); next }
		inside && sql { print > file }
		END { if (inside) { print "unclosed fence" > "/dev/stderr"; exit 1 } }' "${files[@]}"
}

# result ok|not ok, text
result()
{
	echo "$1 $number - $2"
	[ "$1" = ok ] || failures=$((failures + 1))
}

# run_snippet where expected-SQLSTATE
run_snippet()
{
	local where=$1
	local expected=$2
	local out status got

	out=$(run_psql -v VERBOSITY=verbose --pset=pager=off -f "$cluster_dir/snippet.$number" 2>&1)
	status=$?
	got=$(printf '%s\n' "$out" | sed -nE 's/^.*ERROR:  ([0-9A-Z]{5}): .*/\1/p' | head -n 1)
	if [ -n "$expected" ]; then
		if [ "$status" -ne 0 ] && [ "$got" = "$expected" ]; then
			result ok "$where fails with $expected"
			return
		fi
		result 'not ok' "$where should fail with $expected, got ${got:-no error}"
	elif [ "$status" -eq 0 ]; then
		result ok "$where"
		return
	else
		result 'not ok' "$where"
	fi
	sed 's/^/#   > /' "$cluster_dir/snippet.$number"
	printf '%s\n' "$out" | sed 's/^/# /'
}

start_cluster
extract >"$cluster_dir/list" || bail_out "cannot read the snippets"
while IFS=$'\t' read -r n where words; do
	number=$n
	expected=
	skip=
	for word in $words; do
		case $word in
			error=?????) expected=${word#error=} ;;
			needs=pg_cron) [ "$have_cron" = yes ] || skip=pg_cron ;;
			*) bail_out "$where: what is \"$word\"?" ;;
		esac
	done
	if [ -n "$skip" ]; then
		echo "ok $number - $where # SKIP there is no $skip"
	else
		run_snippet "$where" "$expected"
	fi
done <"$cluster_dir/list"

echo "1..$number"
[ "$number" -gt 0 ] && [ "$failures" -eq 0 ]
