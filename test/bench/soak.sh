#!/bin/bash
#
# make soak: does the outbox stay small while requests come at a steady rate?
#
#	DURATION	seconds (120; an hour for a figure to rely on)
#	RATE		requests per second (500)
#	EVERY		seconds between two lines (10)
#	FAILED		failed requests that lie around from the start on (0)
#	ROLES		roles that come, queue a request, and go, in all the time (0)
#
# One line each: requests sent so far, requests that wait, sizes of the tables of
# the outbox with their indexes and TOAST (kB), dead rows, runs of autovacuum,
# memory (kB) and open files of the sender, and the median and the largest of ten
# times from the COMMIT to the answer (ms).  98 of 100 requests are small, one has a
# callback, one a body of 8 kB.  Autovacuum runs as it does by default.  The last
# lines compare the largest of the first half with that of the second: what grows
# without end is larger in the second.

set -u
cd "$(dirname "$0")/../.." || exit 1

duration=${DURATION:-120}
rate=${RATE:-500}
every=${EVERY:-10}
failed=${FAILED:-0}
roles=${ROLES:-0}
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
	GRANT USAGE ON FOREIGN SERVER rtm TO PUBLIC;
	CREATE FUNCTION heard(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS '';
	CREATE TABLE probe (ms double precision);
	CREATE PROCEDURE probe() LANGUAGE plpgsql AS \$\$
	DECLARE
		id bigint;
		since timestamptz;
	BEGIN
		DELETE FROM probe;
		FOR i IN 1 .. 10 LOOP
			id := rtm_send_group_message_async(51, 123456, 20000 + i, 'Coffee?');
			COMMIT;
			since := clock_timestamp();
			PERFORM rtm_wait(id, 60);
			INSERT INTO probe VALUES (extract(epoch FROM clock_timestamp() - since) * 1000);
			COMMIT;
		END LOOP;
	END \$\$;
	CREATE PROCEDURE come_and_go(role name) LANGUAGE plpgsql AS \$\$
	DECLARE
		id bigint;
	BEGIN
		EXECUTE format('CREATE ROLE %I', role);
		EXECUTE format('SET LOCAL ROLE %I', role);
		id := rtm_send_group_message_async(51, 123456, 30000, 'Hello');
		COMMIT;
		PERFORM rtm_wait(id, 60);
		EXECUTE format('DROP ROLE %I', role);
	END \$\$;
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

# Requests whose user mapping goes before they are sent.
prepare_failed()
{
	sql <<-EOF >/dev/null || give_up "no failed requests"
	CREATE SERVER gone FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:$echo_port', pid '11000001');
	CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (secret 'bench-secret-0123-4567-89ab-cdef0123');
	BEGIN;
	SELECT count(rtm_send_group_message_async(51, 123456, i, 'Nobody hears this', server => 'gone')) FROM generate_series(1, $failed) i;
	DROP USER MAPPING FOR PUBLIC SERVER gone;
	COMMIT;
	EOF
	until [ "$(sql -c "SELECT count(*) FROM rtm_result WHERE status = 'failed'")" -ge "$failed" ]; do
		sleep 1
	done
}

# Until the load ends
roles_come_and_go()
{
	local i=0

	while [ "$roles" -gt 0 ] && kill -0 "$load" 2>/dev/null; do
		i=$((i + 1))
		sql -c "CALL come_and_go('role$i')" >/dev/null || note "role$i failed"
		sleep "$(awk "BEGIN { print $duration / $roles }")"
	done
	echo "roles that came and went: $i"
}

figures="
	SELECT (SELECT sum(sent) FROM rtm_stat_server), (SELECT queued FROM rtm_stat_outbox),
		pg_relation_size('rtm_internal.rtm_request') / 1024, pg_indexes_size('rtm_internal.rtm_request') / 1024,
		(pg_total_relation_size('rtm_internal.rtm_request') - pg_relation_size('rtm_internal.rtm_request') - pg_indexes_size('rtm_internal.rtm_request')) / 1024,
		pg_total_relation_size('rtm_internal.rtm_finished') / 1024,
		(SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relid IN ('rtm_internal.rtm_request'::regclass, 'rtm_internal.rtm_finished'::regclass)),
		(SELECT sum(autovacuum_count) FROM pg_stat_user_tables WHERE relid IN ('rtm_internal.rtm_request'::regclass, 'rtm_internal.rtm_finished'::regclass))"
latency="SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2), round(max(ms)::numeric, 2) FROM probe"

process_figures()
{
	local pid

	pid=$(sql -c "SELECT pid FROM rtm_stat_worker WHERE worker = 'rtm sender'")
	awk '/^RssAnon/ { printf "%d ", $2 }' "/proc/$pid/status"
	# shellcheck disable=SC2012
	ls "/proc/$pid/fd" | wc -l
}

watch_soak()
{
	local start=$SECONDS

	local line='%6s %9s %7s %9s %9s %8s %9s %8s %4s %9s %5s %7s %8s\n'

	# shellcheck disable=SC2059
	printf "$line" seconds sent queued request indexes toast finished dead vac memory files median largest
	while kill -0 "$load" 2>/dev/null; do
		sleep "$every"
		sql -c 'CALL probe()' >/dev/null
		# shellcheck disable=SC2046,SC2059,SC2183
		printf "$line" $((SECONDS - start)) $(sql -F ' ' -c "$figures") $(process_figures) $(sql -F ' ' -c "$latency")
	done | tee "$work/soak"
}

# The largest size of everything, in each half.
compare_halves()
{
	awk '$4 ~ /^[0-9]+$/ { size[++n] = $4 + $5 + $6 + $7; memory[n] = $10; median[n] = $12 }
		END {
			for (i = 1; i <= n; i++) {
				half = i <= n / 2 ? 1 : 2
				if (size[i] > s[half]) s[half] = size[i]
				if (memory[i] > m[half]) m[half] = memory[i]
				l[half] += median[i]
			}
			printf "largest size: %d kB in the first half, %d kB in the second, ratio %.2f\n", s[1], s[2], s[2] / s[1]
			printf "largest memory of the sender: %d kB, %d kB, ratio %.2f\n", m[1], m[2], m[2] / m[1]
			printf "mean of the medians of latency: %.2f ms, %.2f ms\n", l[1] / int(n / 2), l[2] / (n - int(n / 2))
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
[ "$failed" -eq 0 ] || prepare_failed
as_user "$bindir/pgbench" -n -h "$work" -p "$port" -c 4 -j 1 -R "$rate" -T "$duration" -M prepared -f "$work/soak.sql" postgres >"$logs/pgbench.log" 2>&1 &
load=$!
roles_come_and_go &
coming=$!
watch_soak
wait "$load" || { tail "$logs/pgbench.log"; give_up "pgbench failed"; }
wait "$coming"
grep -E '^(tps|number of transactions actually|latency average|number of failed)' "$logs/pgbench.log"
compare_halves
[ "$(sql -c "SELECT count(*) FROM rtm_outbox")" -lt "$rate" ] || give_up "the outbox was not drained"
