# What it costs who doesn't use it, and memory; sourced by run.sh.

# A cluster with the same settings without the library, beside the other.
start_bare_cluster()
{
	bare_port=$(free_port)
	as_user "$bindir/initdb" -D "$work/bare" -A trust --no-locale -E UTF8 >"$logs/initdb-bare.log" 2>&1 || give_up "initdb failed"
	sed '/^shared_preload_libraries/d; /^rtm/d' "$work/data/postgresql.conf" >"$work/bare/postgresql.conf"
	echo "port = $bare_port" >>"$work/bare/postgresql.conf"
	as_user "$bindir/pg_ctl" -s -w -D "$work/bare" -l "$logs/bare.log" start || give_up "the bare cluster doesn't start"
}

# pgbench's own transactions: port, clients
tpcb_of()
{
	as_user "$bindir/pgbench" -n -h "$work" -p "$1" -c "$2" -j 2 -T "$seconds" -M prepared postgres 2>"$logs/pgbench.log" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p' | tail -n 1
}

bench_idle()
{
	local each clients

	start_bare_cluster
	for each in "$port" "$bare_port"; do
		as_user "$bindir/pgbench" -i -q -s 10 -h "$work" -p "$each" postgres >"$logs/pgbench.log" 2>&1 || give_up "pgbench -i failed"
	done
	for clients in 1 8; do
		rm -f "$work/bare.n" "$work/idle.n"
		for _ in $(seq "$rounds"); do
			tpcb_of "$bare_port" $clients >>"$work/bare.n"
			tpcb_of "$port" $clients >>"$work/idle.n"
		done
		compare "pgbench, library loaded, $clients client(s)" "/s" "$work/bare.n" "$work/idle.n"
	done
	as_user "$bindir/pg_ctl" -s -D "$work/bare" -m immediate stop
	bare_port=
}

# A process's own memory, from the text of its status
anonymous() { awk '/^RssAnon/ { print $2 }'; }

bench_memory()
{
	local from n

	sql -c "SELECT 1" -c "SELECT pg_read_file('/proc/self/status')" | anonymous >"$work/memory"
	report "memory: a backend before its first call" "kB" "$work/memory"
	sql -c "SELECT $send" -c "SELECT pg_read_file('/proc/self/status')" | anonymous >"$work/memory"
	report "memory: a backend after one call" "kB" "$work/memory"
	sql -c "SELECT rtm_wait(rtm_send_group_message_async(51, 1, 1, 'the first one'))" >/dev/null 2>&1
	for n in 1 10000 "$backlog"; do
		from=$(sent)
		hold_sender
		sql -c "SELECT count(rtm_send_group_message_async(51, 123456, i % 10000, 'Did anybody see where the minutes of Tuesday went?')) FROM generate_series(1, $n) AS i" >/dev/null
		release_sender
		time_to_send "$from" "$n" >/dev/null
		anonymous <"/proc/$sender/status" >"$work/memory"
		report "memory: the sender after $n that were queued" "kB" "$work/memory"
	done
}
