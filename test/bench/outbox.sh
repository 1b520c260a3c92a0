# Queued calls; sourced by run.sh.

prepare_outbox()
{
	local bytes

	sql <<-EOF >/dev/null || give_up "setup failed"
	CREATE TABLE plain (seq bigserial, at timestamptz NOT NULL DEFAULT clock_timestamp(), body bytea NOT NULL);
	CREATE INDEX ON plain (seq);
	SELECT rtm_send_group_message_async(51, 1, 1, 'the first one') AS id \gset
	SELECT rtm_wait(:id);
	EOF

	# a row's size: the sender is held while one is there
	hold_sender
	sql -c "SELECT rtm_send_group_message_async(51, 123456, 5000, 'Did anybody see where the minutes of Tuesday went?')" >/dev/null
	bytes=$(sql -c "SELECT pg_column_size(r.*) FROM rtm_internal.rtm_request AS r LIMIT 1")
	release_sender
	[ "$bytes" -gt 100 ] || give_up "the size of a row is unknown"
	body=$((bytes - 24 - 16 - 4))
	echo "INSERT INTO plain (body) VALUES (decode(repeat('ab', $body), 'hex'))" >"$work/insert.sql"
	printf '%s\n' '\set gid random(1, 10000)' "SELECT rtm_send_group_message_async(51, 123456, :gid, 'Did anybody see where the minutes of Tuesday went?')" >"$work/async.sql"
	echo "a queued request is a row of $bytes bytes"
}

sender_pid() { sql -c "SELECT pid FROM rtm_stat_worker WHERE worker = 'rtm sender' AND pid IS NOT NULL"; }
hold_sender() { sender=$(sender_pid); [ -n "$sender" ] && kill -STOP "$sender"; }
release_sender() { kill -CONT "$sender"; }
sent() { sql -c "SELECT coalesce(sum(sent), 0) FROM rtm_server_stats()"; }

# Seconds until so many requests were sent, from now on.
time_to_send()
{
	local from=$1 n=$2 start end

	start=$(date +%s%N)
	while [ "$(sent)" -lt $((from + n)) ]; do
		sleep 0.02
	done
	end=$(date +%s%N)
	awk -v a="$start" -v b="$end" 'BEGIN { print (b - a) / 1e9 }'
}

# bench_enqueue clients
bench_enqueue()
{
	rm -f "$work/insert.f" "$work/async.f"
	for _ in $(seq "$rounds"); do
		pgbench_of "$1" insert >>"$work/insert.f"
		pgbench_of "$1" async >>"$work/async.f"
	done
	compare "enqueue, $1 client(s), drained meanwhile" "/s" "$work/insert.f" "$work/async.f"
}

bench_enqueue_bulk()
{
	rm -f "$work/insert.f" "$work/async.f"
	for _ in $(seq $((rounds * 2))); do
		time_of "SELECT 1" "INSERT INTO plain (body) SELECT decode(repeat('ab', $body), 'hex') FROM generate_series(1, $bulk)" | awk -v n="$bulk" '{ print n / $1 }' >>"$work/insert.f"
		time_of "SELECT 1" "SELECT count(rtm_send_group_message_async(51, 123456, i, 'Did anybody see where the minutes of Tuesday went?')) FROM generate_series(1, $bulk) AS i" | awk -v n="$bulk" '{ print n / $1 }' >>"$work/async.f"
	done
	compare "enqueue, $bulk in one statement" "/s" "$work/insert.f" "$work/async.f"
}

# The same rows by a trigger: none, one in C that inserts a row of a request's size, one in PL/pgSQL
# that queues, rtm_send_trigger().
bench_trigger()
{
	local kind

	sql <<-EOF >/dev/null || give_up "setup failed"
	CREATE TABLE floor_log (seq bigserial, at timestamptz NOT NULL, body bytea NOT NULL);
	CREATE INDEX ON floor_log (seq);
	CREATE FUNCTION floor_trigger() RETURNS trigger LANGUAGE c AS '$work/floor.so';
	CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
		PERFORM rtm_send_group_message_async(51, new.user_id, new.group_id, new.body); RETURN NULL;
	END \$\$;
	CREATE TABLE line_none (id bigserial, group_id bigint, user_id bigint, body text);
	CREATE TABLE line_insert (LIKE line_none INCLUDING ALL);
	CREATE TABLE line_plpgsql (LIKE line_none INCLUDING ALL);
	CREATE TABLE line_send (LIKE line_none INCLUDING ALL);
	CREATE TRIGGER t AFTER INSERT ON line_insert FOR EACH ROW EXECUTE FUNCTION floor_trigger('$body');
	CREATE TRIGGER t AFTER INSERT ON line_plpgsql FOR EACH ROW EXECUTE FUNCTION tell();
	CREATE TRIGGER t AFTER INSERT ON line_send FOR EACH ROW
		EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '51', 'from_uid', '\$user_id', 'gid', '\$group_id', 'msg', '\$body');
	EOF
	rm -f "$work"/trigger.*
	for _ in $(seq $((rounds * 2))); do
		for kind in none insert plpgsql send; do
			time_of "SELECT 1" "INSERT INTO line_$kind (group_id, user_id, body) SELECT i, 123456, 'Did anybody see where the minutes of Tuesday went?' FROM generate_series(1, $bulk) AS i" | awk -v n="$bulk" '{ print n / $1 }' >>"$work/trigger.$kind"
		done
	done
	compare "rows with a C trigger that inserts, beside none" "/s" "$work/trigger.none" "$work/trigger.insert"
	compare "rows with a trigger that queues, beside none" "/s" "$work/trigger.none" "$work/trigger.send"
	compare "rows with rtm_send_trigger, beside PL/pgSQL" "/s" "$work/trigger.plpgsql" "$work/trigger.send"
}

# Put a backlog of n requests over so many conversations, and drain it.
drain()
{
	local n=$1 conversations=$2 from

	hold_sender
	from=$(sent)
	sql -c "SELECT count(rtm_send_group_message_async(51, 123456, i % $conversations, 'Did anybody see where the minutes of Tuesday went?')) FROM generate_series(1, $n) AS i" >/dev/null
	release_sender
	time_to_send "$from" "$n" | awk -v n="$n" '{ print n / $1 }'
}

bench_drain()
{
	local holder drains=3

	[ "$short" = no ] || drains=1
	rm -f "$work/drain" "$work/drain.old" "$work/drain.one" "$work/one.floor"
	for _ in $(seq "$drains"); do
		drain "$backlog" 10000 >>"$work/drain"
		# another transaction with an old snapshot
		sql -c "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT pg_sleep(1000)" >/dev/null 2>&1 &
		holder=$!
		drain "$backlog" 10000 >>"$work/drain.old"
		sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid()" >/dev/null
		wait "$holder" 2>/dev/null
		drain $((backlog / 10)) 1 >>"$work/drain.one"
		time_of "SELECT $floor" "SELECT count($floor) FROM generate_series(1, $calls)" | awk -v n="$calls" '{ print n / $1 }' >>"$work/one.floor"
	done
	report "drain, 10,000 conversations" "/s" "$work/drain"
	compare "drain with an old snapshot held" "/s" "$work/drain" "$work/drain.old"
	compare "drain, one conversation (round trips)" "/s" "$work/one.floor" "$work/drain.one"
}

# bench_delay title seconds-between count: from the statement's start to the
# arrival, and, for comparison, to the end of its COMMIT, which waits for the disk
bench_delay()
{
	local commit

	sql -c "SELECT rtm_call('delays')" >/dev/null
	echo '\timing on' >"$work/delay.sql"
	for _ in $(seq "$3"); do
		echo "SELECT rtm_send_room_message_async(51, 1, 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text);"
		echo "DO 'BEGIN PERFORM pg_sleep($2); END';"
	done >>"$work/delay.sql"
	# every other time is that of the sleep
	commit=$(sql -f "$work/delay.sql" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | awk 'NR % 2' | median)
	sql -F ' ' -c "SELECT a->>'count', a->>'median', a->>'p99', a->>'largest' FROM rtm_call('delays') AS a" |
		awk -v t="$1" -v c="$commit" -v results="$work/results" '{ printf "%s, ms||median %.2f, 99 %% %.2f|\n", t, $2 / 1000 - c, $3 / 1000 - c >>results
			printf "%-42s median %5.2f ms after COMMIT (%5.2f - %5.2f), 99 %% %5.2f ms (%d)\n", t, $2 / 1000 - c, $2 / 1000, c, $3 / 1000 - c, $1 }'
}

bench_outbox()
{
	prepare_outbox
	bench_enqueue 1
	bench_enqueue 8
	bench_enqueue_bulk
	bench_trigger
	bench_drain
	bench_the_delays
}

# pairs of seconds between and count
bench_the_delays()
{
	# shellcheck disable=SC2086
	set -- $delays
	while [ $# -ge 2 ]; do
		bench_delay "commit to arrival, every $1 s" "$1" "$2"
		shift 2
	done
}

# only these, for a quick look
bench_delays()
{
	prepare_outbox
	bench_the_delays
}
