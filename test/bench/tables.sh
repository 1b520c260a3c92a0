# Foreign tables, beside the functions; sourced by run.sh.  Reading and sending at once go over a
# line with a delay of 10 ms to the local gate, as there it is round trips that count; queued
# INSERTs are beside INSERTs into a plain table, as in outbox.sh.

line_pid=

# A line to the port, whose answers are 10 ms late.
start_line()
{
	mkdir -p "$work/line"
	chmod 777 "$work/line"
	as_user env TESTDIR="$work/line" perl -I "$tree/test/t/lib" -MRelay -e '
		$SIG{TERM} = sub { exit };
		my $relay = Relay->start(to => "127.0.0.1:$ARGV[0]");
		$relay->plan(map { { delay => 0.01, dir => "down" } } 1 .. 1000);
		open(my $out, ">", "$ARGV[1].new") or die; print $out "$relay->{port} $$"; close $out;
		rename "$ARGV[1].new", $ARGV[1];
		sleep 3600' "$(sql -c 'SELECT port FROM rtm_gate.config')" "$work/line/port" &
	for _ in $(seq 500); do
		[ -s "$work/line/port" ] && break
		sleep 0.01
	done
	read -r line_port line_pid <"$work/line/port" || [ -n "$line_pid" ] || give_up "the line doesn't start"
}

prepare_tables()
{
	start_local_gate
	start_line
	sql <<-EOF >/dev/null || give_up "setup failed"
	SELECT count(rtm_send_group_message(51, 1, 1 + i % 100, 'Did anybody see where the minutes of Tuesday went?', server => 'gate'))
	FROM generate_series(1, 3000) AS i;
	CREATE SERVER line FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:$line_port', pid '11000001', queued 'false');
	CREATE USER MAPPING FOR PUBLIC SERVER line OPTIONS (secret '$(sql -c "SELECT secret FROM rtm_gate.project WHERE pid = 11000001")');
	CREATE SCHEMA line;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER line INTO line OPTIONS (uid '1');
	CREATE SCHEMA queued;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO queued;
	CREATE TABLE groups AS SELECT i::bigint AS id FROM generate_series(1, 100) AS i;
	ANALYZE groups;
	CREATE TABLE plain_rows (seq bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), body bytea NOT NULL);
	EOF
}

# seconds_of name statement: once, over a connection that is there
seconds_of() { rm -f "$work/$1"; for _ in $(seq "$rounds"); do time_of "SELECT count(*) FROM line.group_message WHERE gid = 1 AND mtype = 99" "$2" >>"$work/$1"; done; }

bench_latest()
{
	seconds_of latest.f "SELECT m.msg FROM groups g, rtm_get_group_message(1, g.id, true, 20, server => 'line') m ORDER BY m.mtime DESC LIMIT 20"
	seconds_of latest.t "SELECT m.msg FROM groups g JOIN line.group_message m ON m.gid = g.id ORDER BY m.sent DESC LIMIT 20"
	seconds_of five.t "SELECT msg FROM line.group_message WHERE gid = 1 LIMIT 5"
	awk -v f="$(median <"$work/latest.f")" -v t="$(median <"$work/latest.t")" -v l="$(median <"$work/five.t")" 'BEGIN {
		printf "%-42s functions %7.0f   table %7.0f ms   ratio %.1f\n", "the latest 20 of 100 groups, 10 ms away", f * 1000, t * 1000, f / t
		printf "%-42s %35.0f ms\n", "five of a group, 10 ms away", l * 1000 }'
}

bench_direct()
{
	local n=$((bulk / 100))

	seconds_of direct.f "SELECT count(rtm_send_group_message(51, 1, 1000 + i, 'direct', server => 'line')) FROM generate_series(1, $n) AS i"
	seconds_of direct.t "INSERT INTO line.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 1000 + i, 'direct' FROM generate_series(1, $bulk) AS i"
	awk -v f="$(median <"$work/direct.f")" -v t="$(median <"$work/direct.t")" -v n="$n" -v b="$bulk" 'BEGIN {
		printf "%-42s functions %7.0f   table %7.0f /s   ratio %.1f\n", "messages sent at once, 10 ms away", n / f, b / t, b / t / (n / f) }'
}

bench_queued()
{
	rm -f "$work/plain.q" "$work/table.q"
	for _ in $(seq "$rounds"); do
		time_of "SELECT 1" "INSERT INTO plain_rows (body) SELECT decode(repeat('ab', $quest_bytes), 'hex') FROM generate_series(1, $bulk)" | awk -v n="$bulk" '{ print n / $1 }' >>"$work/plain.q"
		time_of "SELECT 1" "INSERT INTO queued.group_message (mtype, from_uid, gid, msg) SELECT 51, 123456, i, 'Did anybody see where the minutes of Tuesday went?' FROM generate_series(1, $bulk) AS i" |
			awk -v n="$bulk" '{ print n / $1 }' >>"$work/table.q"
	done
	compare "INSERT that is queued, $bulk in one" "/s" "$work/plain.q" "$work/table.q"
}

bench_tables()
{
	prepare_tables
	bench_latest
	bench_direct
	bench_queued
	kill "$line_pid"
	line_pid=
}
