# The secret of a user mapping appears nowhere else, whatever goes wrong; and
# nobody calls who may not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use GateClient;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

# hex too, and pieces, in case something is escaped or cut
my @needles = ($secret, substr($secret, 0, 12), substr($secret, -12), unpack('H*', $secret));

my $node = new_node('secrets');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'fake', $gate->endpoint);
server_for($node, 'dead', '127.0.0.1:' . free_port());
server_for($node, 'noname', 'gate.invalid:1');
my %local = GateClient::options($node);
push @needles, $local{secret};
ok(length $local{secret} >= 16, 'rtm_gate_setup() makes a secret of its own');
server_for($node, 'wrong', $local{endpoint});
server_for($node, 'no_tls', $local{endpoint}, encryption => 'tls', tls_verify => 'false');
server_for($node, 'wrong_key', $local{endpoint}, encryption => 'ecdh', public_key => $node->safe_psql('postgres', 'SELECT rtm_gate_public_key()'));
$node->safe_psql('postgres', 'SELECT rtm_gate_new_key()');
# the gate's private key is as secret
my ($private) = $node->safe_psql('postgres', 'SELECT private_key FROM rtm_gate.config') =~ /^(\w{20}.*)$/m;
push @needles, substr($private, 20, 30);
my $endpoint = $gate->endpoint;
$node->safe_psql('postgres', qq(
	CREATE ROLE app LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE unmapped LOGIN;
	CREATE SERVER private FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$endpoint', pid '$pid');
	CREATE USER MAPPING FOR app SERVER private OPTIONS (secret '$secret');
	CREATE USER MAPPING FOR stranger SERVER private OPTIONS (secret '$secret');
	GRANT USAGE ON FOREIGN SERVER private TO app, unmapped;
	GRANT EXECUTE ON FUNCTION rtm_call TO app;));

# From now on the server says all it can.
my $mark = -s $node->logfile;
$node->append_conf('postgresql.conf', q(
log_min_messages = debug5
log_min_error_statement = debug5
log_error_verbosity = verbose
log_statement = all
log_min_duration_statement = 0
log_parameter_max_length_on_error = -1
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
log_connections = on
log_disconnections = on
rtm.max_attempts = 2
rtm.retry_delay = 10ms
));
$node->reload;

my $said = '';
for my $server ('fake', 'dead', 'noname', 'wrong', 'no_tls', 'wrong_key', 'private', 'rtm', 'nowhere')
{
	for my $user ('', 'app', 'stranger', 'unmapped')
	{
		my @opt = $user ? ({ user => $user }) : ();
		my @r = session($node, @opt, "SET client_min_messages = debug5", "SET rtm.server = $server",
			(map { "SELECT rtm_send_message(51, 1, 2, '$_', timeout => 0.5)" }
				'ok', 'close', 'garbage', 'stall', 'error 200002 invalid sign', 'text'),
			"SELECT rtm_call('anything', '{\"pid\": 5, \"sign\": \"x\", \"secret\": \"y\"}', timeout => 0.5)",
			"SELECT rtm_send_message(51, 1, NULL, 'x')",
			"SELECT count(*) FROM rtm_get_group_message(1, 2, false, NULL, timeout => 0.5)",
			"SELECT rtm_send_message_async(51, 1, 2, 'error 200002 invalid sign', timeout => 0.5)",
			"SELECT rtm_send_message_async(51, 1, 2, 'ok')",
			"SHOW ALL", "SELECT query FROM pg_stat_activity", "SELECT * FROM pg_user_mappings WHERE false");
		$said .= join "\n", map { ($_->{out}, $_->{message}) } @r;
	}
}

# what the workers say, too
wait_until('the end of what was queued', sub { $node->safe_psql('postgres', 'SELECT NOT EXISTS (SELECT FROM rtm_outbox)') eq 't' });
cmp_ok($node->safe_psql('postgres', q(SELECT count(*) FROM rtm_result WHERE status = 'failed')), '>', 10, 'queued calls that failed');
$said .= $node->safe_psql('postgres', 'SELECT r::text FROM rtm_result r UNION ALL SELECT w::text FROM rtm_stat_worker w UNION ALL SELECT s::text FROM rtm_stat_server s UNION ALL SELECT e::text FROM rtm_stat_error e');

# while a call waits, everybody looks at it
my $waiting = begin_session($node, { user => 'app', name => 'looked at' }, "SELECT rtm_call('x', '{\"msg\":\"stall\"}', server => 'private', timeout => 30)");
wait_until('a waiting call', sub { $node->safe_psql('postgres',
	q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'looked at' AND wait_event_type = 'Extension')) == 1 });
my @views = split /\n/, $node->safe_psql('postgres', q(
	SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE relkind IN ('v', 'r') AND (nspname IN ('pg_catalog', 'information_schema', 'rtm_gate') OR relname LIKE 'rtm%') ORDER BY 1));
cmp_ok(scalar(@views), '>', 150, 'there are views to look at');
my @seen = session($node, { user => 'unmapped' }, map { "SELECT * FROM $_" } @views);
$said .= join "\n", map { ($_->{out}, $_->{message}) } @seen;
my %seen;
@seen{@views} = map { $_->{state} } @seen;
is($seen{'pg_catalog.pg_stat_activity'}, '00000', 'an ordinary role reads pg_stat_activity');
is($seen{'pg_catalog.pg_user_mappings'}, '00000', '... and pg_user_mappings');
is($seen{'rtm_gate.project'}, '42501', '... but not rtm_gate.project');
is($seen{$_}, '42501', "an ordinary role can't read $_") for grep { /^rtm_gate\./ && $_ ne 'rtm_gate.project' } @views;
$node->safe_psql('postgres', q(SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'looked at'));
state_is(end_session($waiting), '57014', undef, 'the call that everybody looked at');

for my $needle (@needles)
{
	my $log = slurp_file($node->logfile, $mark);
	my $at = index($log, $needle);
	ok($at < 0, 'not in the log') or diag(substr($log, $at > 200 ? $at - 200 : 0, 400));
	$at = index($said, $needle);
	ok($at < 0, 'not in messages and views') or diag(substr($said, $at > 200 ? $at - 200 : 0, 400));
}
like(slurp_file($node->logfile, $mark), qr/rtm_call/, 'the log was looked at');
like($said, qr/FP203/, 'and messages');

# Options: errors name what is wrong, not the value
my @r = session($node, map { "CREATE USER MAPPING FOR CURRENT_USER SERVER fake OPTIONS ($_)" }
	("secret '$secret', sekret '$secret'", "secret '" . $secret x 20 . "'", "secret '', endpoint '$secret'"));
for (@r)
{
	like($_->{state}, qr/^HV0(0D|24)$/, 'a mapping with bad options');
	my ($text) = split /^(?:LINE|STATEMENT)/m, $_->{message};
	ok(index($text, substr($secret, 0, 12)) < 0, '... whose message hides the secret') or diag $text;
}

# Who may call

$gate->forget;
my $call = q(SELECT rtm_send_message(51, 1, 2, 'ok', server => 'private'));
is(one($node, { user => 'app' }, $call)->{state}, '00000', 'USAGE and a mapping of his own');
state_is(one($node, { user => 'stranger' }, $call), '42501', qr/private/, 'a mapping without USAGE');
state_is(one($node, { user => 'unmapped' }, $call), '42704', qr/user mapping/, 'USAGE without a mapping');
state_is(one($node, { user => 'unmapped' }, q(SELECT rtm_call('x', '{}', server => 'fake'))), '42501', qr/rtm_call/, 'rtm_call has to be granted');
is(one($node, { user => 'unmapped' }, q(SELECT rtm_send_message(51, 1, 2, 'ok', server => 'fake')))->{state}, '00000', 'a mapping for PUBLIC');
for my $function ('rtm_gate_setup()', 'rtm_gate_start()', 'rtm_gate_stop()')
{
	state_is(one($node, { user => 'app' }, "SELECT $function"), '42501', undef, "$function is for superusers");
}
is(scalar(grep { $_->{method} ne '*ping' } $gate->events('quest')), 2, 'nobody else reached the gate');

# A kept connection doesn't outlive the right to it, nor serve another role
@r = session($node, { user => 'app' }, $call, $call);
is($r[1]{state}, '00000', 'app calls');
$gate->forget;
@r = session($node, 'SET ROLE app', $call, 'RESET ROLE', 'REVOKE USAGE ON FOREIGN SERVER private FROM app', 'SET ROLE app', $call,
	'SET ROLE unmapped', $call, 'RESET ROLE', 'GRANT USAGE ON FOREIGN SERVER private TO app', 'SET ROLE app', $call);
is($r[1]{state}, '00000', 'before REVOKE');
is($r[5]{state}, '42501', 'after REVOKE, in the same session');
is($r[7]{state}, '42704', 'another role, in the same session');
is($r[11]{state}, '00000', 'after GRANT');

# A function of the superuser's lends its rights, as everywhere
$node->safe_psql('postgres', qq(CREATE FUNCTION lend() RETURNS bigint SECURITY DEFINER SET search_path = pg_catalog, public
	LANGUAGE sql AS 'SELECT mid FROM public.rtm_send_message(51, 1, 2, ''ok'', server => ''fake'')'));
is(one($node, { user => 'stranger' }, 'SELECT lend() > 0')->{out}, 't', 'SECURITY DEFINER');

# A hostile schema in front of pg_catalog changes nothing
$node->safe_psql('postgres', q(
	CREATE SCHEMA evil;
	CREATE TABLE evil.called (what text);
	CREATE FUNCTION evil.yes(int8, int8) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.called VALUES ('='); RETURN true; END $$;
	CREATE FUNCTION evil.yes(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.called VALUES ('='); RETURN true; END $$;
	CREATE OPERATOR evil.= (LEFTARG = int8, RIGHTARG = int8, FUNCTION = evil.yes);
	CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
	CREATE FUNCTION evil.nextval(regclass) RETURNS int8 LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.called VALUES ('nextval'); RETURN 5; END $$;
	CREATE TYPE evil.rtm_message AS (a int);
	CREATE TABLE evil.pg_foreign_server AS SELECT * FROM pg_foreign_server));
@r = session($node, 'SET search_path = evil, pg_catalog, public', q(SELECT rtm_send_message(51, 1, 2, 'ok', server => 'fake') IS NOT NULL),
	q(SELECT rtm_send_group_message(51, 1, 2, 'hello', server => 'rtm') IS NOT NULL),
	q(SELECT msg FROM rtm_get_group_message(1, 2, true, 1, server => 'rtm')),
	q(SELECT (rtm_get_group_message_page(1, 2, true, 1, server => 'rtm')).num), 'SELECT count(*) FROM evil.called');
is_deeply([ map { $_->{out} } @r[ 1 .. 5 ] ], [ 't', 't', 'hello', 1, 0 ], 'a hostile search_path') or diag map { $_->{message} } @r;

$node->stop;
done_testing();
