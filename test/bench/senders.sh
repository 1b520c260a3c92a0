# Several senders of a database; sourced by run.sh.

# Hundredths of a second that a process has had.
cpu_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# What a request costs the sender that has it, and one that passes its row: microseconds of CPU.  One of
# eight senders has them all; what that means for so many is simulated by senders.pl.
bench_senders()
{
	local pids before
	as_user "$bindir/pg_ctl" -s -w -D "$work/data" -o '-c rtm.senders=8' restart >>"$logs/server.log" 2>&1 || give_up "the cluster doesn't restart"
	pids=
	for _ in $(seq 500); do
		pids=$(sql -c "SELECT pid FROM rtm_stat_worker WHERE worker = 'rtm sender' AND state = 'running'")
		[ "$(echo "$pids" | wc -l)" -lt 8 ] || break
		sleep 0.02
	done
	rm -f "$work/own.f" "$work/pass.f"
	for _ in $(seq "$rounds"); do
		before=$(for pid in $pids; do cpu_of "$pid"; done)
		sql -c "SELECT count(rtm_send_group_message_async(51, 123456, i, 'Did anybody see where the minutes of Tuesday went?')) FROM generate_series(1, $backlog) AS i" >/dev/null
		while [ "$(sql -c 'SELECT count(*) FROM rtm_internal.rtm_request')" -gt 0 ]; do
			sleep 0.05
		done
		paste <(echo "$before") <(for pid in $pids; do cpu_of "$pid"; done) | awk '{ print $2 - $1 }' | sort -n |
			awk -v n="$backlog" -v own="$work/own.f" -v pass="$work/pass.f" '{ v[NR] = $1 * 10000 / n; sum += v[NR] }
				END { print v[NR] > own ".new"; print (sum - v[NR]) / (NR - 1) > pass ".new" }'
		cat "$work/own.f.new" >>"$work/own.f"
		cat "$work/pass.f.new" >>"$work/pass.f"
	done
	report_of "CPU of a request, by the sender that has it" "us" "$work/own.f"
	report_of "CPU of a request, by another sender" "us" "$work/pass.f"
	perl test/bench/senders.pl "$(median <"$work/own.f")" "$(median <"$work/pass.f")"
	as_user "$bindir/pg_ctl" -s -w -D "$work/data" restart >>"$logs/server.log" 2>&1 || give_up "the cluster doesn't restart"
}

# report, with two digits
report_of()
{
	printf '%-42s %s %s\n' "$1" "$(spread "$3" 2)" "$2"
	result "$1, $2" "" "$(spread "$3" 2)" ""
}
