#!/bin/bash
# upgrade.sh: in a folder of the matrix with Debian 13's base system and Debian
# 12's packages at hand, as on a machine that was upgraded from 12 to 13: a
# database under PostgreSQL 15 that has requests queued and failed goes to 17 by
# pg_upgrade.  Nothing may be lost, nothing may be sent twice, or elsewhere.
set -u
cd /src/rtm || exit 1
. test/matrix/tap.sh
old=5415
new=5417

start_cluster()
{
	local major=$1
	local port=$2

	pg_createcluster -p "$port" "$major" rtm -- -A trust --locale=C &&
		mkdir -p "/etc/postgresql/$major/rtm/conf.d" &&
		printf '%s\n' "shared_preload_libraries = 'rtm'" 'max_worker_processes = 16' >"/etc/postgresql/$major/rtm/conf.d/rtm.conf" &&
		pg_ctlcluster "$major" rtm start
}

# Queue one message by this call and wait for its delivery: port call seconds
queue_and_wait()
{
	local id

	# two transactions: nothing is sent before the first one commits
	id=$(sql "$1" "SELECT $2") && test "$(sql "$1" "SELECT rtm_wait($id, $3)")" = "done"
}

secret="SELECT substr(o, length('secret=') + 1)
	FROM pg_user_mappings, unnest(umoptions) o WHERE srvname = 'rtm' AND o LIKE 'secret=%'"
messages="SELECT string_agg(h.msg, ' ' ORDER BY h.id) FROM rtm_get_group_message(1001, 101, false, NULL) h"

# In the old cluster: what a database in use has.
fill()
{
	runuser -u postgres -- createdb -h /var/run/postgresql -p "$old" shop || return
	# more servers than the new cluster will have, so that OIDs differ there
	sql "$old" 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate' || return
	sql "$old" "SELECT rtm_gate_setup()" || return
	sql "$old" "CREATE SERVER spare FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1'); DROP SERVER spare" || return
	sql "$old" "DO \$\$ BEGIN EXECUTE format('CREATE SERVER wrong FOREIGN DATA WRAPPER rtm OPTIONS (endpoint %L, pid %L)',
		(SELECT endpoint FROM rtm_gate_status()),
		(SELECT split_part(o, '=', 2) FROM pg_foreign_server, unnest(srvoptions) o WHERE srvname = 'rtm' AND o LIKE 'pid=%')); END \$\$" || return
	sql "$old" "DO \$\$ BEGIN EXECUTE format('CREATE USER MAPPING FOR postgres SERVER wrong OPTIONS (secret %L)',
		($secret)); END \$\$" || return
	sql "$old" "CREATE TABLE told (mid bigint, error rtm_error)" || return
	sql "$old" "CREATE FUNCTION tell(mid bigint, mtime bigint, error rtm_error) RETURNS void
		LANGUAGE sql BEGIN ATOMIC INSERT INTO told VALUES (mid, error); END" || return
	sql "$old" "SELECT rtm_send_group_message(51, 1001, 101, 'now')" || return
	queue_and_wait "$old" "rtm_send_group_message_async(51, 1001, 101, 'early')" 10 || return
	sql "$old" "SELECT rtm_gate_fault('error', code => 200054, times => 1)" || return
	sql "$old" "SELECT rtm_send_group_message_async(51, 1001, 101, 'refused', server => 'wrong')" || return
	poll "$old" "SELECT count(*) = 1 FROM rtm_result WHERE status = 'failed'" || return
	sql "$old" "SELECT rtm_gate_stop()" || return
	sql "$old" "ALTER USER MAPPING FOR postgres SERVER wrong OPTIONS (SET secret 'not the secret')" || return
	for i in 1 2 3 4 5; do
		sql "$old" "SELECT rtm_send_group_message_async(51, 1001, 101, 'queued$i', callback => 'tell(bigint, bigint, rtm_error)')" || return
	done
	sql "$old" "SELECT rtm_send_group_message_async(51, 1001, 101, 'wrong', server => 'wrong')" || return
}

upgrade()
{
	# what pg_upgrade's servers say is kept, and they say when a worker starts
	(cd /var/lib/postgresql && runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_upgrade --retain \
		-b /usr/lib/postgresql/15/bin -B /usr/lib/postgresql/17/bin \
		-d /var/lib/postgresql/15/rtm -D /var/lib/postgresql/17/rtm \
		-o '-c config_file=/etc/postgresql/15/rtm/postgresql.conf -c log_min_messages=debug1' \
		-O '-c config_file=/etc/postgresql/17/rtm/postgresql.conf -c log_min_messages=debug1')
}

logs() { find /var/lib/postgresql/17/rtm/pg_upgrade_output.d -name 'pg_upgrade_server*.log' -exec cat {} +; }

# ... of clusters that were preloaded with rtm, as the log of an ordinary start has
no_workers() { ! logs | grep -E 'background worker "rtm|rtm launcher|rtm sender'; }
logs_tell() { logs | grep -q 'DEBUG:  '; }

server_oids() { sql "$1" "SELECT string_agg(oid::text, ' ' ORDER BY srvname) FROM pg_foreign_server"; }

apt-get -qq update >/dev/null
apt-get -qq install -y /src/postgresql-15-rtm_*.deb /src/postgresql-15-rtm-gate_*.deb \
	/src/postgresql-17-rtm_*.deb /src/postgresql-17-rtm-gate_*.deb >/src/apt.log 2>&1 ||
	{ cat /src/apt.log; give_up "both versions and their packages can be installed"; }

check "a cluster of 15 starts" start_cluster 15 "$old"
check "with a database in use" fill
is "six requests are queued, one has failed" \
	"$(sql "$old" "SELECT (SELECT count(*) FROM rtm_outbox), (SELECT count(*) FROM rtm_result WHERE status = 'failed')")" "6|1"
mids=$(sql "$old" 'SELECT array_agg(mid ORDER BY id) FROM rtm_outbox')
old_oids=$(server_oids "$old")
check "it is stopped" pg_ctlcluster 15 rtm stop
check "a cluster of 17 is made" pg_createcluster -p "$new" 17 rtm -- -A trust --locale=C
mkdir -p /etc/postgresql/17/rtm/conf.d
cp /etc/postgresql/15/rtm/conf.d/rtm.conf /etc/postgresql/17/rtm/conf.d/
check "pg_upgrade" upgrade
check "its servers' logs are there" logs_tell
check "no worker of ours ran in them" no_workers
check "the cluster of 17 starts" pg_ctlcluster 17 rtm start

is "the server is 17" "$(sql "$new" 'SELECT current_setting($$server_version_num$$)::int / 10000')" 17
is "extensions are there" "$(sql "$new" "SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) FROM pg_extension WHERE extname LIKE 'rtm%'")" \
	"$(sed -nE "s/^default_version = '(.*)'/rtm \1, rtm_gate \1/p" rtm.control)"
is "and servers with their mappings" "$(sql "$new" "SELECT string_agg(srvname || ' ' || usename, ', ' ORDER BY srvname) FROM pg_user_mappings")" "rtm postgres, wrong postgres"
check "the servers' OIDs are others than before" test "$(server_oids "$new")" != "$old_oids"
is "the queue is as it was" "$(sql "$new" 'SELECT array_agg(mid ORDER BY id) FROM rtm_outbox')" "$mids"
check "the gate starts again" sql "$new" 'SELECT rtm_gate_start()'
is "with the messages it had" "$(sql "$new" "$messages" | cut -d' ' -f1,2)" "now early"

# what was queued in another cluster is held until somebody says that this one goes on
check "a request that is queued now is delivered" queue_and_wait "$new" "rtm_send_room_message_async(51, 1001, 202, 'after')" 20
is "what was queued before is held" "$(sql "$new" 'SELECT queued, held FROM rtm_stat_outbox')" "0|6"
is "none of it was sent" "$(sql "$new" "$messages")" "now early"
is "it is shown by name" "$(sql "$new" "SELECT string_agg(DISTINCT concat_ws(' ', server, owner, callback, callback_name), ', ') FROM rtm_outbox WHERE held")" \
	"rtm postgres tell(bigint,bigint,rtm_error) public.tell, wrong postgres"
check "the wrong secret is put right" sql "$new" "DO \$\$ BEGIN EXECUTE format('ALTER USER MAPPING FOR postgres SERVER wrong OPTIONS (SET secret %L)',
	($secret)); END \$\$"
is "rtm_adopt_held() takes all of it" "$(sql "$new" 'SELECT rtm_adopt_held()')" 6
check "it is sent" poll "$new" 'SELECT count(*) = 0 FROM rtm_outbox'
check "what had failed is tried again" sql "$new" "SELECT rtm_retry(id) FROM rtm_result WHERE status = 'failed'"
check "and delivered" poll "$new" "SELECT count(*) = 9 FROM rtm_get_group_message(1001, 101, false, NULL)"
# by two servers, between which there is no order
is "each message is there once" "$(sql "$new" "$messages" | tr ' ' '\n' | sort | xargs)" "early now queued1 queued2 queued3 queued4 queued5 refused wrong"
is "those of a server in order" "$(sql "$new" "$messages" | sed 's/ wrong//; s/ refused//')" "now early queued1 queued2 queued3 queued4 queued5"
is "those of the other, too" "$(sql "$new" "$messages" | tr ' ' '\n' | grep -E '^(wrong|refused)$' | xargs)" "wrong refused"
check "callbacks were called" poll "$new" 'SELECT count(*) = 5 AND count(error) = 0 FROM told'
is "nothing failed" "$(sql "$new" "SELECT count(*) FROM rtm_result WHERE status = 'failed'")" 0
pg_ctlcluster 17 rtm stop
done_testing
