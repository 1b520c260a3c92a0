#!/bin/bash
#
# A method is added in a copy of the tree: how many files does it take, does it
# work everywhere, and is what was forgotten noticed?  Prints TAP.
#
# It is the hardest case: a new kind with a result of two columns, and a
# parameter of a new type.  Nothing is installed but under a folder of the
# script's own: PostgreSQL finds its files by where its program is, so a folder
# with a copy of the program, and links to the rest, is an installation.

set -u
cd "$(dirname "$0")/.." || exit 1
. test/own-cluster.sh
source_dir=$PWD
number=0
failures=0

check()
{
	local description=$1

	shift
	number=$((number + 1))
	if "$@" >"$scratch/output" 2>&1; then
		echo "ok $number - $description"
	else
		echo "not ok $number - $description"
		sed 's/^/# /' "$scratch/output" | tail -n 30
		failures=$((failures + 1))
	fi
}

fails() { ! "$@"; }

[ "$(id -u)" -ne 0 ] || bail_out "PostgreSQL doesn't run as root; use test/run-tests.sh"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/rtm-method.XXXXXX") || bail_out "cannot make a folder"
trap 'rm -rf "$scratch"' EXIT

# ---- the method ----

# edit file perl...: change a file of the copy; it is an error when nothing changes
edit()
{
	local file=$1

	perl -0pi -e "$2" "$scratch/tree/$file" || bail_out "perl failed on $file"
	cmp -s "$file" "$scratch/tree/$file" && bail_out "$file: there is no place for the method"
}

copy_tree()
{
	rm -rf "$scratch/tree"
	mkdir "$scratch/tree"
	tar -c --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=./tmp_check --exclude=./results \
		--exclude=./output_iso . | tar -x -C "$scratch/tree" || bail_out "cannot copy the tree"
}

add_method()
{
	copy_tree
	edit src/fpnn/catalog.h '
		s/(\tRTM_KIND_ANY\b)/\tRTM_KIND_GROUP_SIZE,\n$1/;
		s/(\tRTM_PARAM_FLAG\s+\/\* the last)/\tRTM_PARAM_MILLISECONDS,\n$1/;
		s/(\tRTM_NUM_METHODS\n)/\tRTM_GET_GROUP_SIZE,\n$1/'
	edit src/fpnn/catalog.c '
		s/(\t\[RTM_KIND_ANY\] =)/\t[RTM_KIND_GROUP_SIZE] = {"group size", RTM_KEEP_ANSWER, RTM_REPEAT_ALWAYS, .fields = {{"cn", RTM_FIELD_INT32}, {"since", RTM_FIELD_INT64}}},\n$1/;
		s/(\t\[RTM_PARAM_FLAG\] =)/\t[RTM_PARAM_MILLISECONDS] = {"bigint", RTM_WIRE_INT, RTM_NULL_LEFT_OUT, 0, INT64_MAX, RTM_CODE_INVALID_PARAM},\n$1/;
		s/(\t\[RTM_ADD_LISTEN\] =)/\t[RTM_GET_GROUP_SIZE] = {"get_group_size", "getgroupsize", RTM_KIND_GROUP_SIZE, RTM_GROUP, .key_a = "gid", .params = {P_GID, {"since", "since", RTM_PARAM_MILLISECONDS}}},\n$1/'
	edit gate/src/quest/gate_args.c 's/(\t\tcase RTM_PARAM_ANY_ID:\n)/\t\tcase RTM_PARAM_MILLISECONDS:\n$1/'
	edit gate/src/table/gate_statement.c '
		s/(\t\[RTM_SET_GROUP_INFO\] =)/\t[RTM_GET_GROUP_SIZE] = {{"SELECT count(*), COALESCE(\$3, 0) FROM rtm_gate.group_member WHERE pid = \$1 AND gid = \$2"}},\n$1/'
	cat >>"$scratch/tree/rtm--1.0.sql" <<-'SQL'

	CREATE FUNCTION @extschema@.rtm_get_group_size(
		gid bigint,
		since bigint,
		timeout double precision DEFAULT 0,
		server text DEFAULT NULL,
		OUT members integer,
		OUT counted_since bigint
	) RETURNS record
	AS 'MODULE_PATHNAME', 'rtm_sql_method'
	LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
	COMMENT ON FUNCTION @extschema@.rtm_get_group_size(bigint, bigint, double precision, text) IS
		'how many members a group has';

	CREATE FUNCTION @extschema@.rtm_get_group_size_async(
		gid bigint,
		since bigint,
		callback @extschema@.rtm_callback DEFAULT NULL,
		timeout double precision DEFAULT 0,
		server text DEFAULT NULL,
		send_at timestamptz DEFAULT NULL,
		expires_at timestamptz DEFAULT NULL,
		urgent boolean DEFAULT false
	) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rtm_sql_async'
	LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
	COMMENT ON FUNCTION @extschema@.rtm_get_group_size_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
		'queues the question how many members a group has';
	SQL
	cat >>"$scratch/tree/doc/reference.md" <<-'MD'

	```
	rtm_get_group_size(gid bigint, since bigint, timeout double precision DEFAULT 0, server text DEFAULT NULL,
	                    OUT members integer, OUT counted_since bigint) RETURNS record
	rtm_get_group_size_async(gid bigint, since bigint, ...) RETURNS bigint
	```
	MD
}

touched() { diff -rq --exclude=.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=tmp_check --exclude=results --exclude=output_iso "$source_dir" "$scratch/tree"; }

in_copy() { make -s -C "$scratch/tree" with_llvm=no WERROR=-Werror "$@"; }

# ---- what was forgotten ----

add_method
edit src/fpnn/catalog.c 's/\t\[RTM_KIND_GROUP_SIZE\].*\n//'
check "a kind without its traits fails the unit tests" fails in_copy unit
add_method
edit src/fpnn/catalog.c 's/\t\[RTM_PARAM_MILLISECONDS\].*\n//'
check "a type of parameter without its traits fails the unit tests" fails in_copy unit
add_method
edit src/fpnn/catalog.c 's/\t\[RTM_GET_GROUP_SIZE\].*\n//'
check "an id without its row fails the unit tests" fails in_copy unit
add_method
perl -0pi -e 's/\t\tcase RTM_PARAM_MILLISECONDS:\n//' "$scratch/tree/gate/src/quest/gate_args.c"
check "a type of parameter that the gate doesn't read is a compile error" fails make -s -C "$scratch/tree" -f gate/Makefile srcdir=. \
	with_llvm=no WERROR=-Werror gate/src/quest/gate_args.o

# ---- the whole method ----

add_method
files=$(touched | wc -l)
touched | sed -E 's/^Files .* and .*\/tree\/(.*) differ$/#   \1/'
echo "# $files files touched"
check "the method takes 6 files at most" test "$files" -le 6
check "the unit tests pass with it" in_copy unit
check "it compiles" in_copy -j2 all
check "it is installed" in_copy DESTDIR="$scratch/root" install

# An installation of its own: the program is copied, everything else linked.
pkglib=$("${PG_CONFIG:-pg_config}" --pkglibdir)
share=$("${PG_CONFIG:-pg_config}" --sharedir)
for folder in "$bindir" "$pkglib" "$share"; do
	mkdir -p "$scratch/root$folder"
	cp -rsn "$folder/." "$scratch/root$folder/"
done
for program in postgres initdb pg_ctl psql createdb; do
	rm -f "$scratch/root$bindir/$program"
	cp "$bindir/$program" "$scratch/root$bindir/$program"
done
bindir=$scratch/root$bindir
start_cluster
trap 'status=$?; (stop_cluster); rm -rf "$scratch"; exit $status' EXIT

query() { run_psql -At -c "$1"; }
gives() { local got; got=$(query "$1") && [ "$got" = "$2" ] || { echo "got $got"; return 1; }; }
fails_with() { ! run_psql -At -v VERBOSITY=verbose -c "$1" 2>"$scratch/error" && grep "$2" "$scratch/error"; }

check "the extensions are created" query "CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate"
check "the gate is set up" query "SELECT rtm_gate_setup()"
check "a group has members" query "SELECT rtm_call('addgroupmembers', '{\"gid\": 7, \"uids\": [1, 2, 3]}')"
check "it is in rtm_methods()" gives "SELECT name, method, kind, conversation, arguments FROM rtm_methods() WHERE name ~ 'group_size'" \
	"rtm_get_group_size|getgroupsize|group size|group|gid bigint, since bigint, timeout double precision, server text"
check "it works in the gate, and synchronously" gives "SELECT * FROM rtm_get_group_size(7, 1700000000000)" "3|1700000000000"
check "... with NULL, which is left out" gives "SELECT * FROM rtm_get_group_size(7, NULL)" "3|0"
check "... in a select list" gives "SELECT (rtm_get_group_size(g, 5)).members FROM generate_series(7, 8) g" "3
0"
check "what is out of range is refused" fails_with "SELECT rtm_get_group_size(7, -1)" RTM34
check "it is served to others, by its name on the wire" gives "SELECT rtm_call('getgroupsize', '{\"gid\": 7, \"since\": 9}')" '{"cn": 3, "since": 9}'
query "CREATE SCHEMA other"
query "CREATE TABLE got (members integer, since bigint, error rtm_error);
	CREATE FUNCTION counted(members integer, since bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'INSERT INTO got VALUES (members, since, error)'"
id=$(query "SELECT rtm_get_group_size_async(7, 4, callback => 'counted(integer,bigint,rtm_error)')")
check "it works queued" gives "SELECT rtm_wait($id)" "done"
called() { for _ in $(seq 600); do [ "$(query 'SELECT count(*) FROM got')" = 1 ] && return; sleep 0.1; done; return 1; }
check "its callback is called" called
check "... with the answer" gives "SELECT * FROM got" "3|4|"
check "a callback of another kind is refused" fails_with "SELECT rtm_get_group_size_async(7, 4, callback => 'nosuch(bigint)')" 42883
check "an SQL function with other arguments than the row's is refused" fails_with \
	"CREATE FUNCTION other.rtm_is_group_member(gid integer, uid bigint, timeout float8, server text) RETURNS boolean
	 LANGUAGE c AS '\$libdir/rtm', 'rtm_sql_method'; SELECT other.rtm_is_group_member(7, 1, 0, NULL)" "is not of type bigint"
check "... and one with another result" fails_with \
	"CREATE FUNCTION other.rtm_is_group_member(gid bigint, uid bigint, timeout float8, server text) RETURNS text
	 LANGUAGE c AS '\$libdir/rtm', 'rtm_sql_method'; SELECT other.rtm_is_group_member(7, 1, 0, NULL)" "wrong type"
check "the kinds that are there make functions of any row" gives \
	"CREATE FUNCTION other.rtm_is_group_member(gid bigint, uid bigint, timeout float8, server text) RETURNS boolean
	 LANGUAGE c AS '\$libdir/rtm', 'rtm_sql_method'; SELECT other.rtm_is_group_member(7, 1, 0, NULL), other.rtm_is_group_member(7, 5, 0, NULL)" "t|f"

echo "1..$number"
[ "$failures" -eq 0 ]
