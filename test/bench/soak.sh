#!/bin/bash
#
# make soak: does the outbox stay small while requests come at a steady rate?
#
#	DURATION	seconds (120; an hour for a figure to rely on)
#	RATE		requests per second (500)
#	EVERY		seconds between two lines (10)
#
# One line each: requests sent so far, requests that wait, sizes of the tables of
# the outbox with their indexes and TOAST (kB), dead rows, runs of autovacuum, and
# memory (kB) and open files of the sender.  98 of 100 requests are small, one has a
# callback, one a body of 8 kB.  Autovacuum runs as it does by default.  The last
# line compares the largest size of the first half with that of the second: what
# grows without end is larger in the second.

set -u
cd "$(dirname "$0")/../.." || exit 1

duration=${DURATION:-120}
rate=${RATE:-500}
every=${EVERY:-10}
echo_pid=
port=

. test/common.sh
. test/bench/lib.sh

give_up() { note "$*"; exit 1; }

prepare_soak()
{
	sql <<-EOF >/dev/null || give_up "setup failed"
	CREATE EXTENSION rtm;
	CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:$echo_port', pid '11000001');
	CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret 'bench-secret-0123-4567-89ab-cdef0123');
	CREATE FUNCTION heard(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS '';
	EOF
	cat >"$work/soak.sql" <<-'EOF'
	\set gid random(1, 10000)
	\set kind random(1, 100)
	\if :kind = 1
	SELECT rtm_send_group_message_async(51, 123456, :gid, 'Dessert?', callback => 'heard'::regproc);
	\elif :kind = 2
	SELECT rtm_send_group_message_async(51, 123456, :gid, (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 256)));
	\else
	SELECT rtm_send_group_message_async(51, 123456, :gid, 'Did anybody see where the minutes of Tuesday went?');
	\endif
	EOF
}

figures="
	SELECT (SELECT sum(sent) FROM rtm_stat_server), (SELECT queued FROM rtm_stat_outbox),
		pg_relation_size('rtm_internal.rtm_request') / 1024, pg_indexes_size('rtm_internal.rtm_request') / 1024,
		(pg_total_relation_size('rtm_internal.rtm_request') - pg_relation_size('rtm_internal.rtm_request') - pg_indexes_size('rtm_internal.rtm_request')) / 1024,
		pg_total_relation_size('rtm_internal.rtm_finished') / 1024,
		(SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname IN ('rtm_internal.rtm_request', 'rtm_internal.rtm_finished')),
		(SELECT sum(autovacuum_count) FROM pg_stat_user_tables WHERE relname IN ('rtm_internal.rtm_request', 'rtm_internal.rtm_finished'))"

process_figures()
{
	local pid

	pid=$(sql -c "SELECT pid FROM rtm_stat_worker WHERE worker = 'rtm sender'")
	awk '/^RssAnon/ { printf "%9d ", $2 }' "/proc/$pid/status"
	# shellcheck disable=SC2012
	ls "/proc/$pid/fd" | wc -l
}

watch_soak()
{
	local start=$SECONDS

	printf '%6s %9s %7s %9s %9s %8s %9s %8s %4s %9s %5s\n' seconds sent queued request indexes toast finished dead vac memory files
	while kill -0 "$load" 2>/dev/null; do
		sleep "$every"
		# shellcheck disable=SC2046,SC2183
		printf '%6s %9s %7s %9s %9s %8s %9s %8s %4s %9s %5s\n' $((SECONDS - start)) $(sql -F ' ' -c "$figures") $(process_figures)
	done | tee "$work/soak"
}

# The largest size of everything, in each half.
compare_halves()
{
	awk '$4 ~ /^[0-9]+$/ { size[++n] = $4 + $5 + $6 + $7; memory[n] = $10 }
		END {
			for (i = 1; i <= n; i++) {
				half = i <= n / 2 ? 1 : 2
				if (size[i] > s[half]) s[half] = size[i]
				if (memory[i] > m[half]) m[half] = memory[i]
			}
			printf "largest size: %d kB in the first half, %d kB in the second, ratio %.2f\n", s[1], s[2], s[2] / s[1]
			printf "largest memory of the sender: %d kB, %d kB, ratio %.2f\n", m[1], m[2], m[2] / m[1]
		}' "$work/soak"
}

trap stop_all EXIT
install_dependencies
find_pg_config
choose_user
copy_tree
build
build_tools
start_cluster
start_echo
prepare_soak
as_user "$bindir/pgbench" -n -h "$work" -p "$port" -c 4 -j 1 -R "$rate" -T "$duration" -M prepared -f "$work/soak.sql" postgres >"$logs/pgbench.log" 2>&1 &
load=$!
watch_soak
wait "$load" || { tail "$logs/pgbench.log"; give_up "pgbench failed"; }
grep -E '^(tps|number of transactions actually|latency average|number of failed)' "$logs/pgbench.log"
compare_halves
[ "$(sql -c "SELECT count(*) FROM rtm_outbox")" -lt "$rate" ] || give_up "the outbox was not drained"
