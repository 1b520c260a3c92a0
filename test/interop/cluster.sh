#!/bin/bash
#
# The unprivileged part of run.sh: a cluster with a gate, and the driver against
# it: cluster.sh LANGUAGE SDK.  Results on standard output, see table.pl.

# shellcheck disable=SC2034	# what the language's file uses
set -u
cd "$(dirname "$0")/../.." || exit 1
language=$1
sdk=$2

. test/own-cluster.sh
# shellcheck source=/dev/null
. "test/interop/$language.sh"

secret=interop-secret
pid=11000001

# What decides whether a message may be sent is on trial, too; pings shouldn't be
# waited for.
settings()
{
	run_psql -c "LOAD 'rtm_gate'" -c "ALTER SYSTEM SET rtm_gate.enforce_membership = on" \
		-c "ALTER SYSTEM SET rtm_gate.ping_interval = '2s'" \
		-c "SELECT pg_reload_conf()" >/dev/null || bail_out "the settings of the gate are other ones"
}

start_cluster >&2
run_psql -c 'CREATE EXTENSION rtm' -c 'CREATE EXTENSION rtm_gate' >&2 || bail_out "CREATE EXTENSION failed"
settings
endpoint=$(run_psql -At -c "SELECT rtm_gate_setup(secret => '$secret', pid => $pid)") || bail_out "no gate"
host=${endpoint%:*}
port=${endpoint##*:}

new_key()
{
	run_psql -At -c "SELECT rtm_gate_new_key('$1')" >"$cluster_dir/$1.pem"
}

new_key "${curve:=secp256k1}"
run_driver all "$curve"
status=$?
for curve in secp256k1 secp256r1 secp224r1 secp192r1; do
	new_key "$curve"
	run_driver curve "$curve" || status=$?
done
if grep -E 'PANIC|TRAP:|terminated by signal' "$cluster_dir/log" >&2; then
	printf 'server log\tall\tFAILED\tthe server was not well: see its log\n'
fi
exit "$status"
