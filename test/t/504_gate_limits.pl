# The local gate: limits and retention as documented, and faults that somebody
# asked for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_node('limits', conf => "rtm_gate.history_messages = 500\nrtm_gate.history_days = 7\nrtm.retry_delay = 20ms\nrtm.max_retry_delay = 500ms\n");
$node->safe_psql('postgres', q(CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()));
my %options = GateClient::options($node);
my $c = GateClient->connect(%options);
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $next_mid = int(time) * 1000000;

sub sql { return $node->safe_psql('postgres', shift) }
sub message { my %more = @_; return { mtype => 51, from => 1, mid => ++$next_mid, msg => \'hello', attrs => \'', %more } }
sub page { my %more = @_; return { uid => 1, desc => $no, num => 20, %more } }

# A setting of the gate, by a reload: true for every quest from some moment on.
sub set
{
	my ($name, $value, $effect) = @_;
	$node->append_conf('postgresql.conf', "$name = $value\n");
	$node->reload;
	wait_until("$name = $value", $effect);
}

# The messages of a history, page by page.
sub history
{
	my (%more) = @_;
	my (@all, %cursor);
	while (1)
	{
		my ($code, $map) = $c->call('getgroupmsg', page(%more, %cursor));
		return $code if $code;
		return @all if !$map->{num};
		push @all, map { $_->[5] } @{ $map->{msgs} };
		%cursor = map { $_ => $map->{$_} } qw(begin end lastid);
	}
}

# Retention by number: what is beyond it is gone for every method, at once

is(sql('SHOW rtm_gate.history_messages') . '/' . sql('SHOW rtm_gate.history_days'), '500/7', 'what the service keeps');
my $first = message(gid => 1, msg => \'m1');
$c->ask('sendgroupmsg', $_ == 1 ? $first : message(gid => 1, msg => \"m$_")) for 1 .. 510;
for (1 .. 510) { $c->answer(30) or die "no answer\n" }
my @kept = history(gid => 1);
is_deeply([ scalar(@kept), @kept[ 0, -1 ] ], [ 500, 'm11', 'm510' ], 'the newest 500, forward');
@kept = history(gid => 1, desc => $yes);
is_deeply([ scalar(@kept), @kept[ 0, -1 ] ], [ 500, 'm510', 'm11' ], '... and backward');
my %of_first = (mid => $first->{mid}, from => 1, xid => 1, type => 2);
is($c->call('getmsg', \%of_first), 200070, 'getmsg of one that is gone');
is($c->call('delmsg', \%of_first), 200070, '... delmsg');
is(($c->call('getmsgnum', { type => 2, xid => 1 }))[1]{num}, 500, '... getmsgnum');
wait_until('the gate to delete them', sub { sql('SELECT count(*) FROM rtm_gate.message WHERE type = 2 AND a = 1') == 500 });
is($c->call('sendgroupmsg', $first), 0, 'a mid that is gone may be used again');
sql(q(INSERT INTO rtm_gate.message (pid, type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime)
	SELECT pid, 2, 2, 0, i, 1, 0, 51, convert_to('f' || i, 'UTF8'), false, '', false, extract(epoch FROM now()) * 1000
	FROM rtm_gate.project, generate_series(1, 505) i));
is(scalar(history(gid => 2)), 500, 'messages that somebody filled in are counted alike');

# Retention by age

my $old = message(gid => 3, msg => \'old');
$c->call('sendgroupmsg', $old);
$c->call('sendgroupmsg', message(gid => 3, msg => \'new'));
sql(q(UPDATE rtm_gate.message SET mtime = mtime - 7 * 86400000 - 1000 WHERE msg = 'old'));
is(join(' ', history(gid => 3)), 'new', 'a message that is too old');
is($c->call('getmsg', { mid => $old->{mid}, from => 1, xid => 3, type => 2 }), 200070, '... isn\'t found');
$node->restart;
wait_until('the gate to be back', sub { $c = eval { GateClient->connect(%options) } });
wait_until('the gate to delete it', sub { sql(q(SELECT count(*) FROM rtm_gate.message WHERE msg = 'old')) == 0 });
pass('... and is deleted');
set('rtm_gate.history_messages', 3, sub { history(gid => 1) == 3 });
pass('a limit that is changed');
set('rtm_gate.history_messages', 0, sub { 1 });

# Calls a second

set('rtm_gate.rate_limit', 20, sub { scalar(grep { $c->call('getmsgnum', { type => 2, xid => 1 }) == 200010 } 1 .. 40) });
state_is(one($node, q(SELECT rtm_send_group_message(51, 1, 7, 'x') FROM generate_series(1, 200))), 'RTM10', undef, 'rate_limit');
is($c->call('*ping', {}, unsigned => 1), 0, "the framework's own quests aren't counted");
sql(q(INSERT INTO rtm_gate.project VALUES (22, 'other')));
is($c->call('getmsgnum', { type => 2, xid => 1 }, pid => 22, secret => 'other'), 0, '... each project by itself');
# the sender of queued messages tries again until the gate takes them
sql(q(SELECT count(rtm_send_group_message_async(51, 1, 8, 'm' || i)) FROM generate_series(1, 60) AS i));
$node->poll_query_until('postgres', q(SELECT count(*) = 60 FROM rtm_gate.message WHERE type = 2 AND a = 8)) or die "not delivered\n";
is(sql(q(SELECT string_agg(convert_from(msg, 'UTF8'), ' ' ORDER BY id) FROM rtm_gate.message WHERE type = 2 AND a = 8)),
	join(' ', map { "m$_" } 1 .. 60), 'queued messages get through, in order');
set('rtm_gate.rate_limit', 0, sub { !grep { $_ } map { scalar $c->call('getmsgnum', { type => 2, xid => 1 }) } 1 .. 100 });

# The same salt, the clock

is($c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4711), 0, 'a salt');
is($c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4711), 0, '... may be repeated');
set('rtm_gate.refuse_repeated_salt', 'on', sub { $c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4711); $c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4711) == 200006 });
is($c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4712), 0, '... another one');
is($c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4712, pid => 22, secret => 'other'), 0, '... the same of another project');
is(sql(q(SELECT count(*) FROM (SELECT rtm_send_group_message(51, 1, 9, 'x') FROM generate_series(1, 300)) AS sent)), 300, "this library's salts don't repeat");
set('rtm_gate.refuse_repeated_salt', 'off', sub { $c->call('getmsgnum', { type => 2, xid => 1 }, salt => 4711) == 0 });
is($c->call('getmsgnum', { type => 2, xid => 1 }, ts => int(time) - 200), 0, 'a clock that is late by 200 s');
set('rtm_gate.max_clock_skew', '100s', sub { $c->call('getmsgnum', { type => 2, xid => 1 }, ts => int(time) - 200) == 200008 });

# Faults

sub fault { my ($arguments) = @_; return sql("SELECT rtm_gate_fault($arguments)") }
sub clear { return sql('SELECT rtm_gate_fault_clear()') }
sub stored { my ($mid) = @_; return sql("SELECT count(*) FROM rtm_gate.message WHERE mid = $mid") }
my $m;

my $id = fault(q('error', 'sendgroupmsg', code => 200020, times => 2));
is($c->call('sendgroupmsg', $m = message(gid => 50)), 200020, 'an error ...');
is(stored($m->{mid}), 0, '... the message isn\'t stored');
is($c->call('sendroommsg', message(rid => 50)), 0, '... other methods go on');
state_is(one($node, q(SELECT rtm_send_group_message(51, 1, 50, 'x'))), 'RTM20', undef, '... in SQL');
is($c->call('sendgroupmsg', $m), 0, '... twice, and no more');
is(sql("SELECT action, code, times, hits, active FROM rtm_gate_faults WHERE id = $id"), 'error|200020|2|2|f', 'the view');
is(clear(), 1, 'rtm_gate_fault_clear()');

fault(q('error', type => 2, xid => 51, code => 200021));
is($c->call('sendgroupmsg', message(gid => 51)), 200021, 'a fault of one group');
is($c->call('getgroupmsg', page(gid => 51)), 200021, '... for each method');
is($c->call('sendgroupmsg', message(gid => 52)), 0, '... not of another');
is($c->call('sendroommsg', message(rid => 51)), 0, '... nor of a room');
clear();
fault(q('error', type => 1, xid => 5, code => 200021));
is($c->call('sendmsg', message(to => 5)), 200021, 'a fault of one user, who gets a message');
is($c->call('sendmsg', message(from => 5, to => 6)), 200021, '... who sends one');
is($c->call('sendmsgs', message(tos => [ 8, 5, 9 ])), 200021, '... who is among those who get it');
is($c->call('sendmsg', message(to => 6)), 0, '... not of others');
clear();
fault(q('error', pid => 22, code => 200999));
is($c->call('getmsgnum', { type => 2, xid => 1 }), 0, 'a fault of another project');
is($c->call('getmsgnum', { type => 2, xid => 1 }, pid => 22, secret => 'other'), 200999, '... there');
is($c->call('getmsgnum', { type => 2, xid => 1 }, secret => 'wrong'), 200002, 'a wrong signature comes first');
clear();

fault(q('delay', 'sendgroupmsg', delay => '1.5 s'));
my $began = time;
$c->ask('sendgroupmsg', $m = message(gid => 53));
my $ping = $c->ask('*ping', {}, unsigned => 1);
is($c->answer(20)->{seq}, $ping, 'a delayed answer holds up no other');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_gate.message WHERE mid = $m->{mid}") or die "not stored\n";
cmp_ok(time - $began, '<', 1.5, '... the message is stored before');
is($c->answer(20)->{status}, 0, '... and it comes');
cmp_ok(time - $began, '>=', 1.5, '... late');
state_is(one($node, q(SELECT rtm_send_group_message(51, 1, 53, 'x', timeout => 0.2))), 'FP203', undef, 'what a client with less patience sees');
clear();

fault(q('drop', 'sendgroupmsg', times => 1));
$m = message(gid => 54);
$c->ask('sendgroupmsg', $m);
is($c->answer(1), undef, 'a quest that is dropped');
is($c->call('sendgroupmsg', $m), 0, '... wasn\'t carried out');
fault(q('lose', 'sendgroupmsg', times => 1));
$m = message(gid => 54);
$c->ask('sendgroupmsg', $m);
is($c->answer(1), undef, 'an answer that is lost');
is($c->call('sendgroupmsg', $m), 200053, '... after the message was stored');
fault(q('close', 'sendgroupmsg', times => 1));
my $victim = GateClient->connect(%options);
$victim->ask('sendgroupmsg', $m = message(gid => 54));
is($victim->answer(20), undef, 'a connection that is closed');
is(stored($m->{mid}), 0, '... before the quest was carried out');
is($c->call('sendgroupmsg', $m), 0, '... others go on');

# queued messages get through all of that, once; three repetitions in five fail, so
# that with delays that double the time it takes would be anybody's guess
$node->append_conf('postgresql.conf', "rtm.retry_delay = '5ms'\nrtm.max_retry_delay = '50ms'\n");
$node->reload;
fault(q('lose', 'sendroommsg', probability => 0.3));
fault(q('close', 'sendroommsg', probability => 0.2));
fault(q('error', 'sendroommsg', code => 20011, probability => 0.3));
sql(q(ALTER SERVER rtm OPTIONS (ADD quest_timeout '200ms')));
sql(q(SELECT count(rtm_send_room_message_async(51, 1, 60, 'q' || i)) FROM generate_series(1, 30) AS i));
$node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM rtm_outbox)) or die "not delivered\n";
is(sql(q(SELECT string_agg(convert_from(msg, 'UTF8'), ' ' ORDER BY id) FROM rtm_gate.message WHERE type = 3 AND a = 60)),
	join(' ', map { "q$_" } 1 .. 30), 'queued messages through many faults: each once, in order');
cmp_ok(sql(q(SELECT sum(hits) FROM rtm_gate_faults WHERE method = 'sendroommsg')), '>', 0, '... that did happen');
cmp_ok(sql(q(SELECT min(hits) FROM rtm_gate_faults WHERE method = 'sendroommsg')), '<', 200, '... not always');
clear();

# a fault is there from its commit on
sql(q(BEGIN; SELECT rtm_gate_fault('error', code => 200999); ROLLBACK));
is($c->call('getmsgnum', { type => 2, xid => 1 }), 0, 'a fault that was rolled back');
for my $bad (
	[ q('explode') => 'Actions are' ], [ q('error') => 'For example: code' ], [ q('delay') => 'For example: delay' ],
	[ q('drop', code => 1) => 'action "error"' ], [ q('drop', delay => '1 s') => 'action "delay"' ], [ q('error', code => 0) => 'codes are' ],
	[ q('drop', xid => 1) => '2 a group' ], [ q('drop', type => 9) => '2 a group' ], [ q('drop', type => 100000) => '2 a group' ],
	[ q('drop', times => 0) => 'always happens' ], [ q('drop', probability => 2) => 'above 0' ], [ q('drop', probability => 'NaN') => 'above 0' ],
	[ q('drop', probability => NULL) => 'above 0' ], [ q('delay', delay => '-1 s') => 'not negative' ], [ q('delay', delay => '25 h') => 'a day at most' ],
	[ q('drop', 'rtm_send_group_message') => 'is "sendgroupmsg"' ], [ q('drop', 'send_message') => 'is "sendmsg"' ], [ q('drop', 'sendgroupmessage') => 'names on the wire' ])
{
	state_is(one($node, "SELECT rtm_gate_fault($bad->[0])"), '22023', qr/\Q$bad->[1]\E/, "rtm_gate_fault($bad->[0])");
}
is(one($node, 'SELECT rtm_gate_fault(NULL)')->{state}, '22004', 'rtm_gate_fault(NULL)');
is(one($node, "INSERT INTO rtm_gate.fault (action) VALUES ('error')")->{state}, '23514', 'the table has its own say');

is($c->call('getgroupmsg', page(gid => 51, mtypes => [ map { 1 + $_ % 127 } 1 .. 127 ])), 0, 'each mtype');
is($c->call('getgroupmsg', page(gid => 51, mtypes => [ (51) x 128 ])), 200032, '... more than there are');

# Who may do that
sql(q(CREATE ROLE tester LOGIN));
for my $call (q(rtm_gate_fault('drop')), 'rtm_gate_fault_clear()', 'rtm_gate_reset()')
{
	state_is(one($node, { user => 'tester' }, "SELECT $call"), '42501', undef, "an ordinary role: $call");
}
sql(q(GRANT EXECUTE ON FUNCTION rtm_gate_reset() TO tester));
is(one($node, { user => 'tester' }, 'SELECT rtm_gate_reset()')->{state}, '00000', '... unless it was granted');
is($c->call('getmsgnum', { type => 2, xid => 1 }), 0, 'the gate runs');
is(($c->call('getmsgnum', { type => 2, xid => 1 }))[1]{num}, 0, '... and is empty');

# Somebody's open transaction holds up what it touches, not the gate
my $holder = begin_session($node, q(BEGIN), q(INSERT INTO rtm_gate.message (pid, type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime)
	SELECT pid, 2, 90, 0, 4711, 1, 0, 51, '', false, '', false, 1 FROM rtm_gate.project WHERE pid > 22), q(SELECT pg_sleep(6)), q(ROLLBACK));
$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(6)%' AND pid <> pg_backend_pid())) or die;
is($c->call('sendgroupmsg', message(gid => 90, mid => 4711)), 20001, 'a mid that somebody else is inserting fails after a while');
is($c->call('sendgroupmsg', message(gid => 91)), 0, '... and the gate goes on');
end_session($holder);
is($c->call('sendgroupmsg', message(gid => 90, mid => 4711)), 0, '... and so does that mid');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
