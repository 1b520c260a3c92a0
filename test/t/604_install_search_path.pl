# A hostile schema, or temporary objects, first in search_path: what the
# functions and the workers run is theirs all the same, whoever calls.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('search_path');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

# The trap is laid before the extensions come: their scripts run in it, too.
# Operators for each pair of types that a literal may have made inexact, and
# functions that no one would qualify; each notes its victim.
sql(q(
	CREATE SCHEMA evil;
	CREATE TABLE evil.caught (what text, victim name);
	GRANT USAGE ON SCHEMA evil TO PUBLIC;
	GRANT INSERT ON evil.caught TO PUBLIC;));
my @types = ('int2', 'int4', 'int8', 'float8', 'numeric', 'text', 'name', 'bytea', 'bool', 'oid', 'timestamptz', 'interval', 'jsonb', 'int8[]', 'regclass', 'regprocedure');
my %like = (map { $_ => 'bool' } '=', '<>', '<', '<=', '>', '>=');
my $n = 0;
my $script = '';
for my $left (@types)
{
	for my $right (@types)
	{
		$n++;
		$script .= "CREATE FUNCTION evil.op$n($left, $right) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES ('$left op $right', current_user); RETURN true; END \$\$;\n";
		$script .= "CREATE OPERATOR evil.$_ (LEFTARG = $left, RIGHTARG = $right, FUNCTION = evil.op$n);\n" for sort keys %like;
	}
}
sql($script);
sql("CREATE FUNCTION evil.inexact(float8, int4) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES ('inexact', current_user); RETURN true; END \$\$");
for my $f ('count(bigint) bigint', 'count(anyelement) bigint', 'now() timestamptz', 'clock_timestamp() timestamptz', 'nextval(regclass) bigint',
	'min(bigint) bigint', 'max(bigint) bigint', 'unnest(bigint[]) bigint', 'format(text) text', 'coalesce_(text) text', 'current_setting(text) text',
	'make_interval(int, int, int, int, int, int, float8) interval', 'row_number() bigint', 'pg_has_role(oid, text) bool', 'rtm_unpack(int, bytea) jsonb')
{
	my ($signature, $type) = $f =~ /^(.*\)) (\S+)$/;
	sql("CREATE FUNCTION evil.$signature RETURNS $type LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES ('$signature', current_user); RETURN NULL; END \$\$");
}
sql(q(
	CREATE SEQUENCE evil.rtm_request_id_seq;
	CREATE TYPE evil.rtm_message AS (a int); CREATE TYPE evil.rtm_history_result AS (a int);
	CREATE TYPE evil.rtm_message_info AS (a int); CREATE TYPE evil.rtm_error AS (a int);
	CREATE TYPE evil.rtm_send_result AS (a int); CREATE DOMAIN evil.int8 AS int; CREATE DOMAIN evil.text AS int;
	CREATE TABLE evil.rtm_request (id bigint); CREATE TABLE evil.rtm_finished (id bigint); CREATE TABLE evil.rtm_origin (id bigint);
	CREATE TABLE evil.message (id bigint); CREATE TABLE evil.fault (id bigint); CREATE TABLE evil.project (id bigint);
	CREATE TABLE evil.pg_foreign_server (oid oid); CREATE TABLE evil.pg_database (oid oid); CREATE TABLE evil.pg_user_mapping (oid oid);));

# In the schema of the extensions, too, where a comparison isn't exact in pg_catalog
sql("CREATE OPERATOR public.$_ (LEFTARG = float8, RIGHTARG = int4, FUNCTION = evil.inexact)") for keys %like;

# Schemas of others, in front of all that is right; the same as temporary objects.
my $hostile = 'SET search_path = evil, pg_catalog, public';
my $temporary = join '; ', 'CREATE TEMP TABLE rtm_request (id bigint)', 'CREATE TEMP TABLE rtm_finished (id bigint)', 'CREATE TEMP TABLE message (id bigint)',
	'CREATE TEMP TABLE fault (id bigint)', 'CREATE TEMP TABLE pg_foreign_server (oid oid)', 'CREATE TEMP SEQUENCE rtm_request_id_seq';
sql("ALTER DATABASE postgres SET search_path = evil, pg_catalog, public");
my @r = session($node, 'CREATE EXTENSION rtm SCHEMA public', 'CREATE EXTENSION rtm_gate SCHEMA public', "SELECT rtm_gate_setup(secret => '$secret') IS NOT NULL");
is_deeply([ map { $_->{state} } @r ], [ ('00000') x 3 ], 'installed in a trap') or diag map { $_->{message} } @r;
server_for($node, 'other', sql('SELECT endpoint FROM rtm_gate_status()'));

my @calls = (
	"SELECT (rtm_send_message(51, 1, 2, 'a', server => 'other')).mid IS NOT NULL",
	"SELECT (rtm_send_messages(51, 1, '{2,3}', 'a', server => 'other')).mid IS NOT NULL",
	"SELECT (rtm_send_group_message(51, 1, 2, 'a', mid => 77, server => 'other')).mid = 77",
	"SELECT (rtm_send_group_message(51, 1, 2, '\\x00ff'::bytea, server => 'other')).mid IS NOT NULL",
	"SELECT (rtm_send_room_message(51, 1, 2, 'a', server => 'other')).mid IS NOT NULL",
	"SELECT (rtm_broadcast_message(51, 1, 'a', server => 'other')).mid IS NOT NULL",
	(map { my ($kind, $args) = @$_; (
		"SELECT EXISTS (SELECT FROM rtm_get_${kind}_message($args, true, NULL, server => 'other'))",
		"SELECT (rtm_get_${kind}_message_page($args, true, 5, server => 'other')).num IS NOT NULL") }
		[ 'group', '1, 2' ], [ 'room', '1, 2' ], [ 'broadcast', '1' ], [ 'p2p', '1, 2' ]),
	"SELECT EXISTS (SELECT FROM rtm_get_group_message_info(77, 1, 2, server => 'other'))",
	"SELECT rtm_delete_group_message(77, 1, 2, server => 'other') IS NOT NULL",
	"SELECT rtm_call('getmsgnum', '{\"type\": 2, \"xid\": 2}', server => 'other') IS NOT NULL",
	"SELECT EXISTS (SELECT FROM rtm_methods())",
	"SELECT rtm_send_group_message_async(51, 1, 9, 'queued', server => 'other') IS NOT NULL",
	'SELECT rtm_wait(1, 30) IS NOT NULL',
	"SELECT rtm_discard(rtm_call_async('x', '{}', server => 'other')) IS NOT NULL",
	'SELECT rtm_retry(1) IS NOT NULL',
	"SELECT rtm_adopt_held() IS NOT NULL AND rtm_discard_held() IS NOT NULL",
	(map { "SELECT pg_catalog.count(x) IS NOT NULL FROM public.$_ x" } 'rtm_outbox', 'rtm_result', 'rtm_stat_worker', 'rtm_stat_server', 'rtm_stat_error', 'rtm_stat_outbox', 'rtm_gate_faults'),
	"SELECT rtm_stat_reset() IS NOT NULL",
	"SELECT rtm_gate_fault('delay', delay => '1 ms', times => 1, probability => 0.5) IS NOT NULL",
	"SELECT rtm_gate_fault_clear() IS NOT NULL",
	"SELECT rtm_gate_new_key() IS NOT NULL", "SELECT rtm_gate_public_key() IS NOT NULL",
	"SELECT rtm_gate_set_certificate(NULL, NULL) IS NOT NULL",
	"SELECT (rtm_gate_status()).running", "SELECT rtm_gate_start() IS NOT NULL");

# `=` in the calls themselves would be the trap's
s/ = 77/ OPERATOR(pg_catalog.=) 77::pg_catalog.int8/ for @calls;

for my $attack ([ 'a schema', $hostile ], [ 'temporary objects', "$temporary; SET search_path = pg_temp, evil, pg_catalog, public" ])
{
	my ($what, $prepare) = @$attack;
	sql('SELECT public.rtm_gate_reset()');
	@r = session($node, (split /; /, $prepare), @calls);
	my @calls_r = @r[ -@calls .. -1 ];
	for my $i (0 .. $#calls)
	{
		is("$calls_r[$i]{state} $calls_r[$i]{out}", '00000 t', "$what: $calls[$i]") or diag $calls_r[$i]{message};
	}
	wait_until('the sender', sub { sql('SELECT EXISTS (SELECT FROM rtm_gate.message WHERE a OPERATOR(pg_catalog.=) 9::pg_catalog.int8)') eq 't' });
	is(sql(q(SELECT coalesce(pg_catalog.string_agg(DISTINCT pg_catalog.concat(what, ' by ', victim), ', '), '') FROM evil.caught)), '', "$what: nobody was caught");
}

# Callbacks, history and members, through the workers of a database with that path
sql(q(CREATE TABLE public.told (mid pg_catalog.int8);
	CREATE FUNCTION public.on_send(mid bigint, mtime bigint, error public.rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.told VALUES ($1) $$));
sql(q(SELECT rtm_send_group_message_async(51, 1, 10, 'x', callback => 'public.on_send'::pg_catalog.regproc::pg_catalog.oid::pg_catalog.regprocedure, server => 'other')));
wait_until('the callback', sub { sql('SELECT EXISTS (SELECT FROM public.told)') eq 't' });
my $client = GateClient->connect(pid => $pid, secret => $secret, endpoint => sql('SELECT endpoint FROM rtm_gate_status()'));
is(scalar($client->call(@$_)), 0, $_->[0]) for [ 'addgroupmembers', { gid => 5, uids => [ 1, 2 ] } ], [ 'getgroupmembers', { gid => 5 } ], [ 'addgroupban', { gid => 5, uid => 1, btime => 60 } ],
	[ 'isbanofgroup', { gid => 5, uid => 1 } ], [ 'addprojectblack', { uid => 9, btime => 60 } ], [ 'isprojectblack', { uid => 9 } ], [ 'delgroup', { gid => 5 } ];
is(sql(q(SELECT coalesce(pg_catalog.string_agg(DISTINCT pg_catalog.concat(what, ' by ', victim), ', '), '') FROM evil.caught)), '', 'the workers were not caught');

# The trap catches
session($node, $hostile, 'SELECT 1::float8 = 2::int4');
is(sql('SELECT pg_catalog.count(*) FROM evil.caught'), 1, 'the trap works');

# Definer rights and triggers of the gate are for those who were granted them
sql('CREATE ROLE stranger LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO stranger');
for my $call ("rtm_gate_fault('drop')", 'rtm_gate_fault_clear()', 'rtm_gate_reset()', 'rtm_adopt_held()', 'rtm_discard_held()', 'rtm_stat_reset()')
{
	state_is(one($node, { user => 'stranger' }, "SELECT public.$call"), '42501', undef, "$call has to be granted");
}
state_is((session($node, { user => 'stranger' }, 'CREATE TABLE public.mine (a int)',
	'CREATE TRIGGER t AFTER INSERT ON public.mine FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate()'))[1], '42501', undef, 'the trigger function is for the gate');

$node->stop;
done_testing();
