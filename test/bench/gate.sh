# What the local gate makes durable; sourced by run.sh.
#
# Beside it single-row INSERTs of the same message, each a transaction, into a
# table with a primary key, by as many clients: what every commit costs alone.

prepare_gate()
{
	sql <<-'EOF' >/dev/null || give_up "the local gate doesn't start"
	CREATE EXTENSION IF NOT EXISTS rtm_gate;
	SELECT rtm_gate_setup(server => 'gate');
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
