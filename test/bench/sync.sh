# Synchronous calls; sourced by run.sh.

bench_one_statement()
{
	for _ in $(seq "$rounds"); do
		time_of "SELECT $floor" "SELECT count($floor) FROM generate_series(1, $calls)" | awk -v n="$calls" '{ print n / $1 }' >>"$work/floor.1"
		time_of "SELECT $send" "SELECT count($send) FROM generate_series(1, $calls)" | awk -v n="$calls" '{ print n / $1 }' >>"$work/send.1"
	done
	compare "calls in one statement" "/s" "$work/floor.1" "$work/send.1"
}

# bench_statements clients
bench_statements()
{
	rm -f "$work/floor.2" "$work/send.2"
	for _ in $(seq "$rounds"); do
		pgbench_of "$1" floor >>"$work/floor.2"
		pgbench_of "$1" send >>"$work/send.2"
	done
	compare "a statement each, $1 client(s)" "/s" "$work/floor.2" "$work/send.2"
}

# bench_history title function: its uid says "i", else it would be called once
bench_history()
{
	local rows

	rows=$(sql -c "SELECT count(*) FROM generate_series(1, 1) AS i, $2")
	[ "$rows" -eq 500 ] || give_up "a history of $rows messages, not of 500"
	rm -f "$work/rows"
	for _ in $(seq "$rounds"); do
		time_of "SELECT count(*) FROM generate_series(1, 1) AS i, $2" "SELECT count(m.msg) FROM generate_series(1, 20) AS i, $2 AS m" |
			awk '{ print 20 * 500 / $1 }' >>"$work/rows"
	done
	report "$1" "rows/s of a conversation of 500" "$work/rows"
}

bench_sync()
{
	bench_one_statement
	bench_statements 1
	bench_statements 8
	bench_history "history, a gate that costs nothing" "rtm_get_group_message(i, 5000000000, false, NULL)"
}
