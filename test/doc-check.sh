#!/bin/bash
#
# Is everything documented that there is, and is there everything that is
# documented?  In a cluster of its own; prints TAP.
#
#	- each object of the extensions has a COMMENT
#	- doc/reference.md has each function with its very arguments and result, and
#	  each type, table, view, foreign-data wrapper, option and setting
#	- every name rtm... in the documentation exists
#	- every link to a file or a heading leads somewhere
#	- a figure followed by <!-- TITLE --> is what doc/benchmarks.md has for that measure

set -u
cd "$(dirname "$0")/.." || exit 1
. test/own-cluster.sh

number=0
failures=0

# check description command...: one line of TAP
check()
{
	local description=$1

	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $description"
	else
		echo "not ok $number - $description"
		failures=$((failures + 1))
	fi
}

query()
{
	run_psql -At -F '	' -c "$1" || bail_out "a query failed: $1"
}

# Objects of the extensions: kind, name, comment.  Types that belong to a table
# or to another type are left out, and casts, which belong to the type that they make.
objects="
	SELECT o.type, coalesce(CASE WHEN o.schema IN ('rtm_gate', 'rtm_internal') THEN o.schema || '.' || a.name END, a.name, o.identity),
		coalesce(obj_description(d.objid, d.classid::regclass::name), '')
	FROM pg_depend d
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid,
	LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) o (type, schema, name, identity)
	LEFT JOIN LATERAL (SELECT nullif(o.name, '')) a (name) ON true
	WHERE d.deptype = 'e' AND e.extname IN ('rtm', 'rtm_gate') AND d.classid <> 'pg_cast'::regclass
		AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (
			SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
			WHERE t.oid = d.objid AND (t.typelem <> 0 AND t.typcategory = 'A' OR c.relkind IN ('r', 'v', 'S', 'p', 'f'))))
	ORDER BY 1, 2"

# What every queued call's arguments end with; the reference has it once.
queued='callback rtm_callback DEFAULT NULL, timeout double precision DEFAULT 0, server text DEFAULT NULL, send_at timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL, urgent boolean DEFAULT false'

# Functions as a reader writes them: arguments without the casts of the defaults.
functions="
	SELECT p.proname || '(' ||
		replace(replace(regexp_replace(pg_get_function_arguments(p.oid),
			'::(timestamp with time zone|double precision|[a-z_]+)(\[\])?', '', 'g'),
			'timestamp with time zone', 'timestamptz'), '$queued', '...') || ') RETURNS ' ||
		replace(pg_get_function_result(p.oid), 'timestamp with time zone', 'timestamptz'),
		obj_description(p.oid, 'pg_proc') IS NOT NULL
	FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE e.extname IN ('rtm', 'rtm_gate')
	ORDER BY 1"

# Valid options, as the validator's own error names them.
valid_options()
{
	run_psql -c "$1" 2>&1 | sed -nE 's/^HINT: .*: *([a-z_, ]+)\.?$/\1/p' | tr -d ' ' | tr ',' '\n'
}

in_reference()
{
	case $reference in
		*"$1"*) return 0 ;;
	esac
	return 1
}

check_comments()
{
	local kind name comment

	while IFS=$'\t' read -r kind name comment; do
		check "$kind $name has a comment" [ -n "$comment" ]
		case $kind in
			function) ;;	# below, with its arguments
			*) check "$kind $name is in doc/reference.md" in_reference "\`$name\`" ;;
		esac
	done < <(query "$objects")
}

check_functions()
{
	local signature comment

	check "doc/reference.md has what all queued calls end with" in_reference "$queued"

	while IFS=$'\t' read -r signature comment; do
		check "doc/reference.md has $signature" in_reference "$signature"
	done < <(query "$functions")
}

check_settings()
{
	local name

	while read -r name; do
		check "setting $name is in doc/reference.md" in_reference "\`$name\`"
	done < <(query "LOAD 'rtm_gate'; SELECT name FROM pg_settings WHERE name ~ '^rtm(_gate)?\.' ORDER BY 1")
}

check_options()
{
	local kind=$1
	local option options

	options=$(valid_options "$2")
	check "the validator names the options of a $kind" [ -n "$options" ]
	for option in $options; do
		check "$kind option $option is in doc/reference.md" in_reference "\`$option\`"
	done
}

# Every name of ours that can stand in the documentation.
known_names()
{
	query "$objects" | cut -f 2
	query "SELECT proname FROM pg_proc WHERE proname ~ '^rtm_'"
	query "SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('rtm_gate', 'rtm_internal')"
	query "LOAD 'rtm_gate'; SELECT name FROM pg_settings WHERE name ~ '^rtm(_gate)?\.'"
	echo rtm	# extension, wrapper, library
	echo rtm_gate
	echo rtm_	# the prefix
	ls
}

# Names in `code` that look like ours, in all of the documentation.
# src/wait.c has the names of wait events, doc/reference.md what they mean.
check_wait_events()
{
	local name

	for name in $(sed -nE 's/^.*\[RTM_WAIT_[A-Z_]+\] = "(Rtm[A-Za-z]+)",?$/\1/p' src/wait.c); do
		check "wait event $name is in the reference" in_reference "| \`$name\` |"
	done
}

check_names()
{
	local name

	known_names >"$cluster_dir/known"
	while read -r name; do
		check "$name, which the documentation names, exists" grep -qxF -- "$name" "$cluster_dir/known"
	done < <(grep -ohE '[`]rtm[A-Za-z0-9_.-]*(\(\))?[`]' README.md doc/*.md | tr -d '`()' | sort -u)
}

# Anchors of a page, as GitHub makes them of its headings.
anchors()
{
	awk '/^ *```/ { inside = !inside } !inside && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$1" |
		sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

# Relative links of all pages: file exists, and has the heading.
check_links()
{
	local file link path anchor

	for file in README.md CHANGELOG.md doc/*.md; do
		while read -r link; do
			path=${link%%#*}
			anchor=
			case $link in *'#'*) anchor=${link#*#} ;; esac
			[ -n "$path" ] && path=$(dirname "$file")/$path || path=$file
			check "$file: there is $link" [ -e "$path" ]
			[ -z "$anchor" ] || check "$file: $link is a heading" has_line "$anchor" "$(anchors "$path")"
		done < <(tr '\n' ' ' <"$file" | grep -oE '\]\([^):]+\)' | sed 's/^](//; s/)$//' | sort -u)
	done
}

# What make bench measured: the ratio of that title, or the figure where there is none.
measured()
{
	awk -F ' *[|] *' -v title="$1" '$2 == title { print $5 != "" ? $5 : $4 }' doc/benchmarks.md | cut -d ' ' -f 1
}

check_figures()
{
	local file figure title

	for file in README.md doc/*.md; do
		while IFS='|' read -r figure title; do
			check "$file: $figure is measured: $title" [ "$(measured "$title")" = "${figure//,/}" ]
		done < <(grep -oE '[0-9][0-9.,]*<!-- [^>]* -->' "$file" | sed 's/<!-- /|/; s/ -->$//')
	done
}

has_line() { printf '%s\n' "$2" | grep -qxF -- "$1"; }

start_cluster
# one line, so that a signature may be broken anywhere
reference=$(tr -s ' \t\n' ' ' <doc/reference.md | sed 's/( /(/g; s/ )/)/g') || bail_out "there is no doc/reference.md"
query 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate'

check_comments
check_functions
check_settings
check_options server "CREATE SERVER nonsense FOREIGN DATA WRAPPER rtm OPTIONS (nonsense '1')"
query "CREATE SERVER sense FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1')" >/dev/null
check_options 'user mapping' "CREATE USER MAPPING FOR CURRENT_USER SERVER sense OPTIONS (nonsense '1')"
check_wait_events
check_names
check_links
check_figures

echo "1..$number"
[ "$number" -gt 0 ] && [ "$failures" -eq 0 ]
