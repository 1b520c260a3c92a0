# Shell functions of the benchmarks; sourced by run.sh.

stop_all()
{
	[ -z "$echo_pid" ] || kill "$echo_pid" 2>/dev/null
	[ -z "$line_pid" ] || kill "$line_pid" 2>/dev/null
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

# compare title unit floor-figures call-figures
compare()
{
	local floor call

	floor=$(median <"$3")
	call=$(median <"$4")
	awk -v f="$floor" -v c="$call" 'BEGIN { exit !(f > 0 && c > 0) }' || give_up "$1: there are no figures"
	awk -v t="$1" -v u="$2" -v f="$floor" -v c="$call" 'BEGIN { printf "%-42s floor %9.0f   rtm %9.0f %s   ratio %.2f\n", t, f, c, u, c / f }'
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
