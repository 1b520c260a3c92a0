# Shell functions of the benchmarks; sourced by run.sh.

stop_all()
{
	[ -z "$echo_pid" ] || kill "$echo_pid" 2>/dev/null
	[ -z "$line_pid" ] || kill "$line_pid" 2>/dev/null
	[ -z "${bare_port:-}" ] || as_user "$bindir/pg_ctl" -s -D "$work/bare" -m immediate stop
	[ -z "$port" ] || as_user "$bindir/pg_ctl" -s -D "$work/data" -m immediate stop
	[ -z "$work" ] || rm -rf "$work"
}

# Where run-tests.sh has built and installed it, as the user that it tests with.
use_tree()
{
	tree=$PWD
	work=$(mktemp -d "${TMPDIR:-/tmp}/rtm-bench.XXXXXX") || give_up "cannot make a folder"
	logs=$work/log
	mkdir "$logs"
	[ "$(id -u)" -ne 0 ] || chown -R "$test_user" "$work"
}

build_tools()
{
	local msgpack=msgpack

	pkg-config --exists msgpack-c && msgpack="msgpack-c"
	# shellcheck disable=SC2046
	as_user cc -std=gnu11 -O2 -Isrc $(pkg-config --cflags $msgpack libcrypto) -o "$work/load" test/bench/load.c src/fpnn/buf.c src/fpnn/channel.c \
		src/fpnn/fpnn.c src/fpnn/frame.c src/fpnn/payload.c src/fpnn/sign.c $(pkg-config --libs $msgpack libcrypto) ||
		give_up "load.c doesn't compile"
	# shellcheck disable=SC2046
	as_user cc -std=gnu11 -O2 -Isrc $(pkg-config --cflags $msgpack) -o "$work/echo" test/bench/echo.c src/fpnn/buf.c src/fpnn/channel.c \
		src/fpnn/fpnn.c src/fpnn/frame.c src/fpnn/payload.c $(pkg-config --libs $msgpack) ||
		give_up "echo.c doesn't compile"
	as_user cc -std=gnu11 -O2 -fPIC -shared -I"$("$PG_CONFIG" --includedir-server)" \
		-o "$work/floor.so" test/bench/floor.c || give_up "floor.c doesn't compile"
}

free_port()
{
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

start_cluster()
{
	local new_port

	as_user "$bindir/initdb" -D "$work/data" -A trust --no-locale -E UTF8 >"$logs/initdb.log" 2>&1 || give_up "initdb failed"
	new_port=$(free_port)
	cat >>"$work/data/postgresql.conf" <<-EOF
	listen_addresses = ''
	unix_socket_directories = '$work'
	port = $new_port
	shared_preload_libraries = 'rtm'
	max_worker_processes = 16
	max_connections = 120
	rtm_gate.history_messages = 0
	EOF
	as_user "$bindir/pg_ctl" -s -w -D "$work/data" -l "$logs/server.log" start || { tail "$logs/server.log"; give_up "the cluster doesn't start"; }
	port=$new_port
}

start_echo()
{
	as_user "$work/echo" "$work/echo.port" &
	for _ in $(seq 500); do
		[ -s "$work/echo.port" ] && break
		sleep 0.01
	done
	echo_pid=$(pgrep -x -u "$test_user" -f "$work/echo $work/echo.port")
	echo_port=$(cat "$work/echo.port") || give_up "the echo gate doesn't start"
}

sql() { as_user "$bindir/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work" -p "$port" -d postgres "$@"; }

# Seconds that one statement takes, connecting and a first call aside.
time_of()
{
	sql -c "$1" -c '\timing on' -c "$2" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1 | awk '{ print $1 / 1000 }'
}

# Transactions per second of a script with so many clients.
pgbench_of()
{
	as_user "$bindir/pgbench" -n -h "$work" -p "$port" -c "$1" -j 2 -T "$seconds" -M prepared -f "$work/$2.sql" postgres 2>"$logs/pgbench.log" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p' | tail -n 1
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# A figure of the page: title, floor, rtm, ratio, each with smallest and largest.
result() { printf '%s|%s|%s|%s\n' "$@" >>"$work/results"; }

# The median of a file's figures, with the smallest and the largest.
spread()
{
	sort -n "$1" | awk -v d="${2:-0}" '{ v[NR] = $1 }
		END { printf "%.*f (%.*f-%.*f)\n", d, NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2, d, v[1], d, v[NR] }'
}

# compare title unit floor-figures call-figures: line by line from the same round
compare()
{
	local floor call ratio

	paste "$3" "$4" | awk '!($1 > 0 && $2 > 0) { exit 1 } { print $2 / $1 } END { exit !NR }' >"$work/ratios" ||
		give_up "$1: there are no figures"
	floor=$(spread "$3")
	call=$(spread "$4")
	ratio=$(spread "$work/ratios" 2)
	printf '%-42s floor %s   rtm %s %s   ratio %s\n' "$1" "$floor" "$call" "$2" "$ratio"
	result "$1, $2" "$floor" "$call" "$ratio"
}

# report title unit figures: what has no floor
report()
{
	printf '%-42s %s %s\n' "$1" "$(spread "$3")" "$2"
	result "$1, $2" "" "$(spread "$3")" ""
}

# What differs from PostgreSQL's defaults, the folders and the port aside.
server_settings()
{
	sql -F ' = ' -c "SELECT name, setting || coalesce(' ' || unit, '') FROM pg_settings WHERE source = 'configuration file' AND name NOT IN ('port', 'unix_socket_directories', 'listen_addresses') AND name NOT LIKE 'lc_%' ORDER BY 1"
}

# write_page file: all results of this run, and what they are from
write_page()
{
	cat >"$1" <<-EOF
	# Benchmarks

	Written by \`make bench\`; don't edit. $rounds interleaved rounds: median (smallest-largest). A ratio is that of two figures
	of the same round. Figures depend on the machine, ratios much less.

	| measure | floor | rtm | ratio |
	|---|---|---|---|
	$(awk -F '|' '{ printf "| %s | %s | %s | %s |\n", $1, $2, $3, $4 }' "$work/results")

	The floor of a call is a C function in the backend that writes a frame of the same size to a kept socket and reads an answer of
	the same size; that of queueing an \`INSERT\` of a row of the same size into a table with one index, or an
	\`INSERT ... SELECT\`; that of the local gate single \`INSERT\`s by as many clients; that of
	pgbench a cluster without the library. The gate that answers costs next to nothing.

	## What it was measured on

	* $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo) of memory, load $load_before when it began
	* $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r | cut -d- -f1), $("$PG_CONFIG" --version), $(date -u +%F)
	* the command: \`ROUNDS=$rounds CALLS=$calls SECONDS_EACH=$seconds BACKLOG=$backlog PARTS="$parts" make bench\`

	Settings, all others as they are by default:

	\`\`\`
	$(server_settings)
	\`\`\`
	EOF
}

prepare()
{
	sql <<-EOF >/dev/null || give_up "setup failed"
	CREATE EXTENSION rtm;
	CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:$echo_port', pid '11000001');
	CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret 'bench-secret-0123-4567-89ab-cdef0123');
	CREATE FUNCTION floor_call(int, int, int) RETURNS int VOLATILE LANGUAGE c AS '$work/floor.so';
	EOF
	send="rtm_send_group_message(51, 123456, 5000000000, 'Did anybody see where the minutes of Tuesday went?')"
	sizes=$(sql -F ' ' -c "SELECT $send" -c "SELECT a->>'quest', a->>'answer' FROM rtm_call('size') AS a" | tail -n 1)
	quest_bytes=${sizes% *}
	answer_bytes=${sizes#* }
	[ "$quest_bytes" -gt 0 ] && [ "$answer_bytes" -gt 0 ] || give_up "the sizes of a call are unknown"
	floor="floor_call($echo_port, $quest_bytes, $answer_bytes)"
	echo "SELECT $floor" >"$work/floor.sql"
	echo "SELECT $send" >"$work/send.sql"
	echo "a quest of $quest_bytes bytes, an answer of $answer_bytes; $rounds rounds, medians"
}
