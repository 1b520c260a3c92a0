# Everything that a gate or the line to it can do wrong: the right result or a
# clear error, and a backend that works afterwards.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('faults');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
$node->safe_psql('postgres', q(
	CREATE FUNCTION wait_for_event(log text, pattern text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		WHILE pg_read_file(log) !~ pattern LOOP PERFORM pg_sleep(0.005); END LOOP;
	END $$));

my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

sub send_sql { my ($msg, $more) = @_; return "SELECT mtime FROM rtm_send_message(51, 1, 2, '$msg'" . ($more || '') . ')' }
# a call that must not be asked twice
sub call { my ($msg, $more) = @_; return "SELECT rtm_call('anything', '{\"msg\":\"$msg\"}'" . ($more || '') . ')' }

my $mtime = 1790000000123;

# No fault at all

my @r = session($node, send_sql('ok'), send_sql('drip'), send_sql('extra'), call('ok'));
is($r[0]{out}, $mtime, 'a send');
is($r[1]{out}, $mtime, 'an answer that comes byte by byte');
is($r[2]{out}, $mtime, 'an answer with keys that nobody knows');
like($r[3]{out}, qr/"mtime": ?$mtime/, 'rtm_call');
my @quests = $gate->events('quest');
is(scalar(grep { $_->{signed} } @quests), 4, 'every quest is signed');
is(scalar($gate->events('connect')), 1, 'one connection serves a session');
my %salts = map { $_->{params}{salt} => 1 } @quests;
is(scalar(keys %salts), 4, 'every quest has a salt of its own');
my %seqs = map { $_->{seq} => 1 } @quests;
is(scalar(keys %seqs), 4, 'every quest has a seq of its own');
my %mids = map { $_->{params}{mid} => 1 } @quests[ 0 .. 2 ];
is(scalar(keys %mids), 3, 'every message has a mid of its own');

# Answers that are errors

@r = session($node, send_sql('error 200041 not group member'), send_sql('error 200999 who knows'),
	send_sql('error 20014 stopping'), send_sql('error 123456 new one'), send_sql('errorpayload 80'),
	send_sql('errorpayload 81a4636f6465a178'), send_sql('ok'));
state_is($r[0], 'RTM41', qr/not group member/, 'an RTM code');
like($r[0]{message}, qr/DETAIL:.*200041/, 'the DETAIL has the code');
state_is($r[1], 'RTM99', qr/200999/, 'the unknown RTM code');
state_is($r[2], 'FP214', qr/20014/, 'an FPNN code');
state_is($r[3], 'RTM99', qr/123456.*new one|new one.*123456/s, 'a code that nobody documented');
isnt($r[$_]{state}, '00000', "an error answer without a usable code ($_)") for 4, 5;
is($r[6]{out}, $mtime, 'the session goes on after errors that the gate answered');

# The vendor's framework repeats the whole quest in such an error: nobody is to read that
($r[0]) = session($node, send_sql('error 10010 at want --- Can not convert key: from to Type: l, data: {"msg":"private", "sign":"0123ABCD"}, Socket: 30'));
state_is($r[0], 'FP110', qr/Can not convert key: from to Type: l$/m, 'an error answer with the quest in it');
unlike($r[0]{message}, qr/private|0123ABCD/, '... is shown without it');

# Seqs of a connection begin anywhere: an answer to another connection's quest matches none
$gate->forget;
session($node, send_sql('ok')), session($node, send_sql('ok')) for 1 .. 2;
my %seqs = map { $_->{seq} => 1 } $gate->events('quest');
is(scalar(keys %seqs), 4, "four connections' first quests have four seqs");
cmp_ok((sort { $b <=> $a } keys %seqs)[0], '>', 1000000, '... that are not the first numbers');

# Frames that are fine, with contents that aren't

$gate->forget;
@r = session($node, send_sql('text'), send_sql('empty'), send_sql('payload 90'), send_sql('ok'));
state_is($r[0], 'FP206', qr/mtime/, 'an mtime that is a text');
state_is($r[1], 'FP206', qr/mtime/, 'no mtime');
like($r[2]{state}, qr/^FP20[69]$/, 'a payload that is no map') or diag $r[2]{message};
is($r[3]{out}, $mtime, 'the session goes on after them');

# Bytes that no peer should believe

for my $case (
	[ garbage => 'no FPNN at all' ], [ noise => 'noise' ], [ huge => 'a payload of 4 GiB' ],
	[ badflag => 'flags of no meaning' ], [ badmtype => 'a frame of no type' ],
	[ 'payload c1' => 'broken msgpack' ], [ 'payload dfffffffff' => 'a map of 4 billion keys' ],
	[ 'payload ' => 'an empty payload' ],
	[ 'payload ' . '81' x 40 . '80' => 'a payload that nests too deep' ])
{
	my ($action, $what) = @$case;
	@r = session($node, call($action), call($action), send_sql('ok'));
	like($r[0]{state}, qr/^FP20[69]$/, "$what: SQLSTATE") or diag $r[0]{message};
	like($r[0]{message}, qr/127\.0\.0\.1/, "$what: names the gate");
	like($r[1]{state}, qr/^FP20[69]$/, "$what, again: SQLSTATE");
	is($r[2]{out}, $mtime, "$what: the next call is good");
}

# Connections that end

for my $action ('close', 'reset', 'halfclose', 'head 1', 'head 12', 'head 15', 'head 16')
{
	$gate->forget;
	@r = session($node, call('ok'), call($action), send_sql('ok'));
	state_is($r[1], 'FP202', qr/127\.0\.0\.1/, "$action: a call that can't be repeated");
	is($r[2]{out}, $mtime, "$action: the next call is good");
	is(scalar(grep { ($_->{params}{msg} || '') eq $action } $gate->events('quest')), 1, "$action: asked once");

	$gate->forget;
	@r = session($node, send_sql($action), send_sql('ok'));
	state_is($r[0], 'FP202', undef, "$action: a send");
	my @tries = grep { ($_->{params}{msg} || '') eq $action } $gate->events('quest');
	is(scalar(@tries), 2, "$action: asked once more");
	is($tries[0]{params}{mid}, $tries[1]{params}{mid}, "$action: with the same mid");
	isnt($tries[0]{params}{salt}, $tries[1]{params}{salt}, "$action: with another salt");
	is($r[1]{out}, $mtime, "$action: the next call is good");
}

# An answer that was lost: effectively once

$gate->forget;
@r = session($node, "SELECT mid, mtime FROM rtm_send_message(51, 1, 2, 'lose')", send_sql('forget'),
	"SELECT mtime FROM rtm_send_message(51, 1, 2, 'lose', mid => 42)",
	"SELECT count(*) FROM rtm_send_message(51, 1, 2, 'error 200053 duplicated mid')");
my ($kept) = $gate->events('kept');
is($r[0]{out}, "$kept->{mid}|$mtime", 'kept, answer lost: the duplicate means delivered');
is($r[1]{out}, $mtime, 'lost before it was kept: delivered by the second asking');
isnt($r[2]{state}, '00000', 'a mid of the caller: the duplicate is an error of his, or a lost connection');
state_is($r[3], 'RTM53', qr/200053/, 'a duplicate at the first asking is an error');

# An idle connection that the gate closed

$gate->forget;
@r = session($node, call('bye'), "SELECT wait_for_event('$gate->{log}', '\"end\"')", call('ok'));
is($r[2]{state}, '00000', 'a kept connection found dead is reopened silently') or diag $r[2]{message};
is(scalar($gate->events('connect')), 2, '... once');

# Time-outs

$gate->forget;
@r = session($node, call('stall', ', timeout => 0.3'), call('half', ', timeout => 0.3'), send_sql('stall', ', timeout => 0.3'),
	call('ok'));
state_is($r[$_], 'FP203', qr/127\.0\.0\.1/, "the deadline passed ($_)") for 0 .. 2;
is($r[3]{state}, '00000', 'the next call is good');
is(scalar(grep { ($_->{params}{msg} || '') eq 'stall' } $gate->events('quest')), 2, 'nothing is asked again after its deadline');

$node->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (ADD quest_timeout '300ms')") ;
state_is(one($node, call('stall')), 'FP203', undef, "the server's quest_timeout");
$node->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (DROP quest_timeout)");
state_is((session($node, "SET rtm.quest_timeout = '300ms'", call('stall')))[1], 'FP203', undef, 'rtm.quest_timeout');

# An answer that comes when nobody waits any more

$gate->forget;
@r = session($node, call('late', ', timeout => 0.3'), call('flush'), call('twice'), call('ok'), call('unknown'));
state_is($r[0], 'FP203', undef, 'an answer that is late');
like($r[$_]{out}, qr/$mtime/, "answers for somebody else are discarded ($_)") for 1 .. 4;
is(scalar($gate->events('connect')), 2, 'only the time-out ends a connection');

# The gate asks and pushes before it answers

$gate->forget;
@r = session($node, send_sql('quests'), send_sql('ok'));
is($r[0]{out}, $mtime, 'quests of the gate before its answer');
is($r[1]{out}, $mtime, '... and the call behind');
my %answers = map { $_->{seq} => $_ } $gate->events('answer');
is_deeply([ map { $answers{$_} ? $answers{$_}{status} : undef } 7001, 7002 ], [ 0, 0 ], 'ping and push are answered');
is_deeply($answers{7002}{params}, {}, '... with an empty map');
is($answers{7003}{status}, 1, 'an unknown method is refused');
is($answers{7003}{params}{code}, 20004, '... with 20004');
is(scalar(keys %answers), 4, 'one-way quests are not answered');

# Interrupts

sub waiting
{
	my ($name) = @_;
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND wait_event_type = 'Extension'");
}

$gate->forget;
@r = session($node, "SET statement_timeout = '300ms'", call('stall'), call('half'), 'SET statement_timeout = 0', call('ok'));
state_is($r[1], '57014', undef, 'statement_timeout while waiting');
state_is($r[2], '57014', undef, 'statement_timeout in the middle of an answer');
is($r[4]{state}, '00000', 'the next call is good');

for my $case ([ 'pg_cancel_backend', '57014' ], [ 'pg_terminate_backend', '57P01' ])
{
	my ($function, $state) = @$case;
	my $s = begin_session($node, { name => $function }, call('stall'), call('ok'));
	my $backend;
	wait_until('a backend that waits', sub { $backend = waiting($function) });
	$node->safe_psql('postgres', "SELECT $function($backend)");
	@r = end_session($s);
	state_is($r[0], $state, undef, "$function while waiting");
	is($r[1]{state}, $state eq '57014' ? '00000' : $state, "$function: the session");
}

# DROP DATABASE ... FORCE and the barrier of DROP DATABASE get through
$node->safe_psql('postgres', 'CREATE DATABASE gone');
$node->safe_psql('gone', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint, db => 'gone');
{
	my $s = begin_session($node, { name => 'dropped', db => 'gone' }, call('stall'));
	wait_until('a backend that waits', sub { waiting('dropped') });
	$node->safe_psql('postgres', 'CREATE DATABASE other', timeout => 60);
	$node->safe_psql('postgres', 'DROP DATABASE other', timeout => 60);
	pass('DROP DATABASE elsewhere while waiting');
	$node->safe_psql('postgres', 'DROP DATABASE gone WITH (FORCE)', timeout => 60);
	state_is(end_session($s), '57P01', undef, 'DROP DATABASE WITH (FORCE) while waiting');
}

# Servers and mappings that change under a kept connection

my $second = FakeGate->start(pid => $pid, secret => 'another-secret');
server_for($node, 'moving', $gate->endpoint);
$gate->forget;
@r = session($node, call('ok', ", server => 'moving'"),
	"ALTER SERVER moving OPTIONS (SET endpoint '" . $second->endpoint . "')", call('ok', ", server => 'moving'"),
	"ALTER USER MAPPING FOR PUBLIC SERVER moving OPTIONS (SET secret 'another-secret')", call('ok', ", server => 'moving'"),
	'DROP USER MAPPING FOR PUBLIC SERVER moving', call('ok', ", server => 'moving'"),
	"CREATE USER MAPPING FOR PUBLIC SERVER moving OPTIONS (secret 'another-secret')", call('ok', ", server => 'moving'"),
	'DROP SERVER moving CASCADE', call('ok', ", server => 'moving'"), call('ok'));
is($r[$_]{state}, '00000', "statement $_ on a moving server") for 0 .. 5, 7 .. 9, 11;
is(scalar($gate->events('quest')), 2, 'ALTER SERVER moves to the new endpoint');
my @moved = $second->events('quest');
is_deeply([ map { $_->{signed} } @moved ], [ 0, 1, 1 ], 'ALTER USER MAPPING signs with the new secret');
state_is($r[6], '42704', qr/user mapping/, 'DROP USER MAPPING');
state_is($r[10], '42704', qr/moving/, 'DROP SERVER');
# every session of these tests is over: nobody holds a connection
wait_until('no connection is left', sub { $second->events('end') == $second->events('connect') });
pass('connections are closed with their server');

# Gates that can't be reached

my $dead = free_port();
server_for($node, 'dead', "127.0.0.1:$dead");
server_for($node, 'failover', "127.0.0.1:$dead,[::1]:$dead," . $gate->endpoint);
server_for($node, 'noname', 'gate.invalid:13315');
@r = session($node, call('ok', ", server => 'dead'"), call('ok', ", server => 'failover'"),
	call('ok', ", server => 'noname'"), call('ok', ", server => 'nowhere'"));
state_is($r[0], 'HV00N', qr/127\.0\.0\.1.*$dead|$dead/s, 'a gate that is down');
is($r[1]{state}, '00000', 'the next endpoint is tried') or diag $r[1]{message};
state_is($r[2], 'HV00N', qr/gate\.invalid/, 'a name that nobody knows');
state_is($r[3], '42704', qr/nowhere/, 'a server that nobody made');

# a gate that comes back
my $back = FakeGate->start(pid => $pid, secret => $secret, port => $dead);
is(one($node, call('ok', ", server => 'dead'"))->{state}, '00000', 'a gate that came back');
@r = ();
{
	my $s = begin_session($node, call('ok', ", server => 'dead'"), "SELECT wait_for_event('$back->{log}', 'stopped')",
		call('ok', ", server => 'dead'"), "SELECT wait_for_event('$back->{log}', 'started')", call('ok', ", server => 'dead'"));
	$back->wait_for('quest', 2);
	$back->stop;
	$back->note('stopped');
	wait_until('the refusal', sub { $s->{run}->pump_nb; return scalar($s->{err} =~ /HV00N/) });
	my $log = $back->{log};
	$back = FakeGate->start(pid => $pid, secret => $secret, port => $dead);
	open(my $out, '>>', $log);
	print $out "started\n";
	close $out;
	@r = end_session($s);
	state_is($r[2], 'HV00N', undef, 'the gate went away under a kept connection');
	is($r[4]{state}, '00000', '... and came back') or diag $r[4]{message};
}

# Many calls, good and bad, leave no descriptor behind
$gate->forget;
my $leaks = one($node, q(
	DO $$
	DECLARE before int; behind int;
	BEGIN
		-- the first round opens the catalogues' files, which stay open
		FOR i IN 1..230 LOOP
			IF i = 30 THEN
				PERFORM rtm_call('x', '{"msg":"ok"}');
				SELECT count(*) INTO before FROM pg_ls_dir('/proc/self/fd');
			END IF;
			BEGIN
				PERFORM rtm_call('x', json_build_object('msg', (ARRAY['ok','close','garbage','error 200041 x','reset','huge'])[1 + i % 6])::jsonb);
			EXCEPTION WHEN OTHERS THEN NULL; END;
		END LOOP;
		PERFORM rtm_call('x', '{"msg":"ok"}');
		SELECT count(*) INTO behind FROM pg_ls_dir('/proc/self/fd');
		IF behind > before + 2 THEN RAISE EXCEPTION 'from % to % descriptors', before, behind; END IF;
	END $$));
is($leaks->{state}, '00000', 'no descriptor leaks') or diag $leaks->{message};

$node->stop;
done_testing();
