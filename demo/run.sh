#!/bin/bash
#
# The demo: run.sh [stop]
#
# Installs what is missing, builds a copy of the tree, installs the extension,
# starts a throw-away cluster with the local gate and shows the three uses of
# rtm on a small chat application.  The cluster keeps running for you to play
# with, until `run.sh stop` or the next run.
#
# Everything of the demo is in one folder under ${TMPDIR:-/tmp} that only its
# owner can enter; the cluster listens on a Unix socket in there and on no
# network port.  Run as root, it belongs to the user postgres (or DEMO_USER);
# else to you, and sudo is used for installing.

set -eu
# psql and the server get their settings from here only
pg_config=${PG_CONFIG:-}
unset "${!PG@}"
[ -z "$pg_config" ] || export PG_CONFIG="$pg_config"
source_dir=$(cd "$(dirname "$0")/.." && pwd)
tmp_dir=${TMPDIR:-/tmp}
# the socket's path must stay below 100 characters
[ ${#tmp_dir} -le 60 ] || tmp_dir=/tmp
state_file=$tmp_dir/rtm-demo-$(id -u).state
cron_wait=90	# seconds; a job of pg_cron 1.4 starts on the minute
dir=

note() { printf '\n== %s\n' "$*"; }

die()
{
	printf 'demo: %s\n' "$@" >&2
	exit 1
}

# Run a command as the owner of the cluster, in the demo's folder.
as_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		(cd "$dir" && "$@")
	else
		(cd "$dir" && runuser -u "$demo_user" -- env HOME="$dir" USER="$demo_user" LOGNAME="$demo_user" "$@")
	fi
}

as_installer()
{
	if [ "$(id -u)" -eq 0 ] || { [ -w "$("$pg_config" --pkglibdir)" ] &&
		[ -w "$("$pg_config" --sharedir)/extension" ]; }; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "installing into $("$pg_config" --pkglibdir) needs root or sudo"
	fi
}

# PostgreSQL doesn't run as root.
choose_user()
{
	local name

	demo_user=$(id -un)
	[ "$(id -u)" -eq 0 ] || return 0
	for name in "${DEMO_USER:-}" postgres "${SUDO_USER:-}" nobody; do
		if [ -n "$name" ] && [ "$name" != root ] && id "$name" >/dev/null 2>&1; then
			demo_user=$name
			return
		fi
	done
	die "found no user to run PostgreSQL as: set DEMO_USER"
}

find_pg_config()
{
	local newest

	if [ -z "$pg_config" ]; then
		newest=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)
		pg_config=${newest:+${newest%/postgres}/pg_config}
		[ -n "$newest" ] || pg_config=$(command -v pg_config) || die "found no pg_config"
	fi
	bindir=$("$pg_config" --bindir)
}

# The folder of the demo that ran before, if it is really one of ours.
remembered_dir()
{
	[ -f "$state_file" ] && [ ! -L "$state_file" ] && [ -O "$state_file" ] || return 1
	dir=$(head -n 1 "$state_file")
	case $dir in
		"$tmp_dir"/rtm-demo.??????) ;;
		*) dir=; return 1 ;;
	esac
	[ -d "$dir" ] && [ ! -L "$dir" ]
}

# Stop and remove the demo that the state file names.
stop_demo()
{
	if remembered_dir; then
		demo_user=$(stat -c %U "$dir")
		if [ -f "$dir/data/postmaster.pid" ]; then
			as_user "$bindir/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null ||
				[ ! -f "$dir/data/postmaster.pid" ] || die "cannot stop the cluster in $dir/data"
		fi
		rm -rf "$dir"
		stopped=$dir
	fi
	rm -f "$state_file"
	dir=
}

make_dir()
{
	dir=$(mktemp -d "$tmp_dir/rtm-demo.XXXXXX")
	rm -f "$state_file"
	(umask 077 && set -C && echo "$dir" >"$state_file") || die "cannot write $state_file"
	mkdir "$dir/tree" "$dir/socket"
	# without what a build in the tree itself left there
	tar -C "$source_dir" -c --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./tmp_check --exclude=./results --exclude=./output_iso . |
		tar -x --no-same-owner -C "$dir/tree"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$demo_user:" "$dir"
	fi
}

build()
{
	note "Building and installing rtm for $("$bindir/postgres" --version)"
	# bitcode for JIT needs the very clang that PostgreSQL was built with
	if ! as_user make -s -j2 -C tree PG_CONFIG="$pg_config" with_llvm=no all >"$dir/build.log" 2>&1; then
		tail -n 40 "$dir/build.log"
		die "the build failed"
	fi
	# installs are for the whole machine: one at a time
	if ! as_installer flock "$("$pg_config" --pkglibdir)" \
		make -s -C "$dir/tree" PG_CONFIG="$pg_config" with_llvm=no install >"$dir/install.log" 2>&1; then
		tail -n 40 "$dir/install.log"
		die "make install failed"
	fi
}

# A number for the socket's name that no TCP port or other demo uses.
choose_port()
{
	for _ in $(seq 50); do
		port=$((50000 + RANDOM % 10000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			return
		fi
	done
	die "found no free port"
}

start_cluster()
{
	local preload=rtm

	note "Starting a cluster in $dir"
	have_cron=no
	if [ -f "$("$pg_config" --sharedir)/extension/pg_cron.control" ]; then
		have_cron=yes
		preload=rtm,pg_cron
	fi
	choose_port
	as_user "$bindir/initdb" -D "$dir/data" -U "$demo_user" -A trust -E UTF8 --no-locale \
		>"$dir/initdb.log" 2>&1 || { tail -n 20 "$dir/initdb.log"; die "initdb failed"; }
	as_user tee -a "$dir/data/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$dir/socket'
		port = $port
		shared_preload_libraries = '$preload'
	CONF
	if [ "$have_cron" = yes ]; then
		as_user tee -a "$dir/data/postgresql.conf" >/dev/null <<-CONF
			cron.database_name = 'chat'
			cron.host = '$dir/socket'
		CONF
	fi
	as_user "$bindir/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w start >"$dir/pg_ctl.log" 2>&1 ||
		{ tail -n 20 "$dir/server.log"; die "the server didn't start"; }
	as_user "$bindir/createdb" -h "$dir/socket" -p "$port" -U "$demo_user" chat
}

# psql as the demo uses it; the data files are in the current folder.
run_psql()
{
	as_user env PGOPTIONS='-c client_min_messages=warning' PAGER= PSQL_HISTORY=/dev/null \
		"$bindir/psql" -X -h "$dir/socket" -p "$port" -U "$demo_user" -d chat \
		-v ON_ERROR_STOP=1 --pset=pager=off "$@"
}

# Statements of a file, each with its result.
show()
{
	run_psql -e -f "tree/demo/$1"
}

# require text query: the query has to say true
require()
{
	[ "$(run_psql -Atc "$2")" = t ] || die "$1"
}

# Wait for the first run of the job; progress goes to the terminal.
wait_for_cron()
{
	local status seconds=0

	printf 'waiting for pg_cron to run the job (%s) ' "$schedule"
	while [ "$seconds" -lt "$cron_wait" ]; do
		status=$(run_psql -Atc "SELECT status FROM cron.job_run_details WHERE status IN ('succeeded', 'failed') LIMIT 1")
		if [ -n "$status" ]; then
			printf ' %s after %s s\n' "$status" "$seconds"
			return 0
		fi
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 5)) -ne 0 ] || printf .
	done
	printf '\n'
	run_psql -c 'TABLE cron.job' -c 'TABLE cron.job_run_details'
	die "pg_cron didn't run the job within $cron_wait s"
}

# Broadcast on a schedule, by the real pg_cron.
show_cron()
{
	local version

	if [ "$have_cron" = no ]; then
		note "Use 3, a broadcast on a schedule, is left out: PostgreSQL's extension pg_cron isn't available here"
		return
	fi
	version=$(run_psql -Atc "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_cron'")
	schedule='* * * * *'
	case $version in
		1.[0-4]|1.[0-4][-.]*) ;;
		*) schedule='5 seconds' ;;	# since pg_cron 1.5
	esac
	run_psql -e -v schedule="$schedule" -f tree/demo/broadcast.sql
	wait_for_cron
	show broadcast-result.sql
	require 'the job left no broadcast' \
		"SELECT count(*) > 0 FROM rtm_get_broadcast_message(1002, true, 1) h WHERE h.msg LIKE 'So far % lines%'"
}

on_exit()
{
	local status=$?

	trap - EXIT
	if [ "$status" -ne 0 ] && [ -n "$dir" ] && [ -f "$dir/data/postmaster.pid" ]; then
		echo "demo: the end of the server's log, $dir/server.log:" >&2
		tail -n 15 "$dir/server.log" >&2
		as_user "$bindir/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null || true
		echo "demo: failed; the cluster is stopped, its logs stay in $dir until the next run" >&2
	fi
	exit "$status"
}

case ${1:-} in
	'' | stop) ;;
	*) echo "usage: $0 [stop]" >&2; exit 2 ;;
esac

if [ "${1:-}" = stop ]; then
	if ! remembered_dir; then
		echo "no demo is running"
		rm -f "$state_file"
		exit 0
	fi
	find_pg_config
	stop_demo
	echo "stopped and removed $stopped"
	exit 0
fi

"$source_dir/demo/install-deps.sh"
find_pg_config
choose_user
if remembered_dir; then
	note "Replacing the demo in $dir"
fi
stop_demo
choose_user
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
make_dir
build
start_cluster

note "The extension and the local gate"
show gate.sql
note "A chat application: its tables and rows"
show chat.sql
note "Use 1: a trigger that sends a message per row"
show trigger.sql
require 'a message that was rolled back was sent' \
	"SELECT count(*) = 0 FROM rtm_get_group_message(1001, 112, false, NULL) h WHERE h.msg LIKE '%white glove%'"
require 'the callbacks were told nothing' \
	"SELECT count(*) = 2 AND count(error) = 1 FROM told"
show members.sql
require 'a group has other members than the table' \
	"SELECT bool_and(rtm_get_group_members(group_id) = uids)
	FROM (SELECT group_id, array_agg(user_id ORDER BY user_id) AS uids FROM members GROUP BY group_id) m"
note "Use 2: message history joined with the application's tables"
show history.sql
require 'lines of the chat are missing in the histories' \
	"SELECT count(DISTINCT h.attrs::json ->> 'line') FILTER (WHERE l.body = h.msg) = (SELECT count(*) FROM chat_lines)
	FROM groups g, rtm_get_group_message(1001, g.id, false, NULL) h
	JOIN chat_lines l ON l.id = (h.attrs::json ->> 'line')::bigint
	WHERE l.group_id = g.id"
note "Use 3: pg_cron broadcasts on a schedule"
show_cron

become=
[ "$demo_user" = "$(id -un)" ] || become="runuser -u $demo_user -- "
cat <<END

== Done

The cluster is still running.  To try more of it:

    ${become}$bindir/psql -h $dir/socket -p $port -U $demo_user chat

To stop and remove it:

    make demo-stop

It is in $dir (server.log has the server's messages).
END
