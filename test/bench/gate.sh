# The local gate; sourced by run.sh: what it makes durable (gate), and the calls of
# the client against it (local).
#
# Beside what it makes durable single-row INSERTs of the same message, each a transaction, into a
# table with a primary key, by as many clients: what every commit costs alone.

# Either part may be the first.
local_gate=no
start_local_gate()
{
	[ "$local_gate" = no ] || return 0
	sql -c 'CREATE EXTENSION rtm_gate' -c "SELECT rtm_gate_setup(server => 'gate')" >/dev/null || give_up "the local gate doesn't start"
	local_gate=yes
}

prepare_gate()
{
	start_local_gate
	sql <<-'EOF' >/dev/null || give_up "setup failed"
	CREATE TABLE sent (gid bigint, mid bigint GENERATED ALWAYS AS IDENTITY, from_uid bigint, mtype int, msg text, attrs text,
		mtime timestamptz DEFAULT now(), PRIMARY KEY (gid, mid));
	EOF
	cat >"$work/insert.sql" <<-'EOF'
	INSERT INTO sent (gid, from_uid, mtype, msg, attrs) VALUES (1000, 123456, 51, 'Did anybody see where the minutes of Tuesday went?', '');
	EOF
	gate_port=$(sql -c "SELECT port FROM rtm_gate.config")
}

# sends_of connections window
sends_of()
{
	as_user "$work/load" "$gate_port" 11000001 "$(sql -c "SELECT secret FROM rtm_gate.project WHERE pid = 11000001")" "$1" "$2" "$seconds"
}

# bench_durable title clients window
bench_durable()
{
	rm -f "$work/insert.n" "$work/sends.n"
	for _ in $(seq "$rounds"); do
		pgbench_of "$2" insert >>"$work/insert.n"
		sends_of "$2" "$3" >>"$work/sends.n" || give_up "the gate refused a message"
	done
	compare "$1" "/s" "$work/insert.n" "$work/sends.n"
}

bench_gate()
{
	prepare_gate
	bench_durable "durable in the gate, 1 pipelined" 1 1000
	bench_durable "durable in the gate, 64 that wait" 64 1
	bench_durable "durable in the gate, 64 pipelined" 64 100
}

bench_local()
{
	local on_gate="${send%)}, server => 'gate')"

	start_local_gate
	sql -c "SELECT count(rtm_send_group_message(51, 1 + i % 50, 42, 'Did anybody see where the minutes of Tuesday went?', '{\"lang\":\"en\"}', server => 'gate')) FROM generate_series(1, 500) AS i" >/dev/null ||
		give_up "the local gate took no message"
	bench_history "history, the local gate" "rtm_get_group_message(i, 42, false, NULL, server => 'gate')"
	echo "SELECT $on_gate" >"$work/local.sql"
	for clients in 1 8; do
		rm -f "$work/local.n"
		for _ in $(seq "$rounds"); do
			pgbench_of $clients local >>"$work/local.n"
		done
		[ -s "$work/local.n" ] || give_up "the local gate took no message"
		report "sends to the local gate, $clients client(s)" "durable sends/s" "$work/local.n"
	done
}
