# The local gate: connections that listen, pings, idle connections, JSON.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use JSON::PP ();
use Math::BigInt;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_node('listen');
$node->safe_psql('postgres', q(CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()));
$node->safe_psql('postgres', q(INSERT INTO rtm_gate.project VALUES (22, 'other')));
my %options = GateClient::options($node);
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $next_mid = int(time) * 1000000;

sub client { return GateClient->connect(%options, @_) }
sub message { my %more = @_; return { mtype => 51, from => 1, mid => ++$next_mid, msg => \'hello', attrs => \'', %more } }

my $sender = client();
my $c = client();

# What was pushed to a client so far, as "method:to:text ...": a quest is answered
# after everything that was pushed before it.
sub heard
{
	my ($client) = @_;
	$client->call('*ping', {}, unsigned => 1);
	my @heard = map { "$_->{method}:" . ($_->{params}{to} // '') . ":$_->{params}{msg}" } @{ $client->{pushes} || [] };
	$client->{pushes} = [];
	return "@heard";
}

# By ids

is($c->call('addlisten', { gids => [ 10, 11 ], rids => [20], uids => [1], events => [ \'login' ] }), 0, 'addlisten');
$sender->call('sendgroupmsg', message(gid => 10, msg => \'a'));
$sender->call('sendgroupmsg', message(gid => 12, msg => \'not this'));
$sender->call('sendroommsg', message(rid => 20, msg => \'b'));
$sender->call('sendmsg', message(to => 5, msg => \'c'));
$sender->call('sendmsg', message(from => 2, to => 1, msg => \'not from 1'));
$sender->call('sendmsgs', message(tos => [ 6, 7 ], msg => \'d'));
$sender->call('broadcastmsg', message(msg => \'not pushed'));
is(heard($c), 'pushgroupmsg:10:a pushroommsg:20:b pushmsg:5:c pushmsg:6:d pushmsg:7:d', 'messages of one user, groups and rooms');

# every key that an SDK wants
my $m = message(gid => 10, msg => Msgpack::bin("\xff\0"), attrs => \'{"a":1}', mtype => 30);
$sender->call('sendgroupmsg', $m);
my ($method, $params, $frame) = @{ $c->pushed(20) };
is_deeply([ $method, map { $params->{$_} } qw(from gid to mtype mid attrs) ], [ 'pushgroupmsg', 1, 10, 10, 30, $m->{mid}, '{"a":1}' ], 'a push has every key');
is(${ $params->{msg} }, "\xff\0", '... and the message as it came');
like($params->{mtime}, qr/^\d{13}$/, '... and its time in milliseconds');
is_deeply([ @$frame{qw(mtype flag)} ], [ 1, 0x80 ], '... and is a two-way quest in msgpack');

# a message that wasn't stored isn't pushed
is($sender->call('sendgroupmsg', $m), 200053, 'a duplicate');
is(heard($c), '', '... is not pushed');
is($sender->call('sendmsgs', message(tos => [ 6, 8 ], msg => \'x')), 0, 'a message to two');
$sender->call('sendmsgs', { %{ message(msg => \'x') }, tos => [ 6, 8, 9 ], mid => $next_mid - 1 });
is(heard($c), 'pushmsg:6:x pushmsg:8:x pushmsg:9:x', 'a repeated one goes to whom it is new');

# adding, removing, replacing
is($c->call('removelisten', { gids => [ 10, 99 ], uids => [1] }), 0, 'removelisten');
$sender->call('sendgroupmsg', message(gid => $_, msg => \"g$_")) for 10, 11;
is(heard($c), 'pushgroupmsg:11:g11', 'what was removed');
is($c->call('setlisten', { gids => [12] }), 0, 'setlisten');
$sender->call('sendgroupmsg', message(gid => $_, msg => \"g$_")) for 11, 12;
$sender->call('sendroommsg', message(rid => 20, msg => \'r'));
is(heard($c), 'pushgroupmsg:12:g12', '... replaces all lists');

# everything of a kind, beside the lists
is($c->call('setlisten', { p2p => $yes, group => $no, room => $yes, ev => $no }), 0, 'setlisten by flags');
$sender->call('sendgroupmsg', message(gid => $_, msg => \"g$_")) for 11, 12;
$sender->call('sendroommsg', message(rid => 21, msg => \'r'));
$sender->call('sendmsg', message(from => 3, to => 4, msg => \'p'));
is(heard($c), 'pushgroupmsg:12:g12 pushroommsg:21:r pushmsg:4:p', 'flags leave the lists alone');
$c->call('addlisten', { rids => [21] });
$sender->call('sendroommsg', message(rid => 21, msg => \'once'));
is(heard($c), 'pushroommsg:21:once', 'listened to twice, pushed once');
is($c->call('setlisten', { gids => [13] }), 0, 'lists ...');
$sender->call('sendroommsg', message(rid => 21, msg => \'r'));
is(heard($c), 'pushroommsg:21:r', '... leave the flags alone');
is($c->call('setlisten', {}), 0, 'setlisten with nothing');
$sender->call('sendgroupmsg', message(gid => 13));
$sender->call('sendroommsg', message(rid => 21));
is(heard($c), '', '... listens to nothing');

# mistakes
is($c->call('addlisten', { gids => \'x' }), 10010, 'gids that is no list');
is($c->call('addlisten', { events => [1] }), 10010, 'events that are no texts');
is($c->call('setlisten', { p2p => 1 }), 10010, 'a flag that is none');
is($c->call('addlisten', { gids => [1] }, secret => 'wrong'), 200002, 'listening is signed');
is($c->call('addlisten', { gids => [ 1 .. 100_001 ] }), 200032, 'too many ids');

# another project, other connections
my $foreign = client(pid => 22, secret => 'other');
is($foreign->call('setlisten', { group => $yes, p2p => $yes }), 0, 'a listener of another project');
$c->call('addlisten', { gids => [10] });
my $second = client();
$second->call('addlisten', { gids => [10] });
$sender->call('sendgroupmsg', message(gid => 10, msg => \'two'));
is(heard($foreign), '', '... hears nothing of this one');
is(heard($c), 'pushgroupmsg:10:two', 'one listener');
is(heard($second), 'pushgroupmsg:10:two', '... and the other');
$second->close;
my $third = client();
$sender->call('sendgroupmsg', message(gid => 10, msg => \'three'));
is(heard($third), '', 'listening is lost with the connection');
is(heard($c), 'pushgroupmsg:10:three', '... with that one only');

# from SQL, and after the commit: what is pushed is there
my $mid = one($node, q(SELECT mid FROM rtm_send_group_message(51, 9, 10, 'from SQL')))->{out};
($method, $params) = @{ $c->pushed(20) };
is_deeply([ @$params{qw(from mid msg)} ], [ 9, $mid, 'from SQL' ], 'a message from SQL');
is($node->safe_psql('postgres', "SELECT count(*) FROM rtm_gate.message WHERE mid = $mid"), 1, '... that is committed');

# in the order in which they came; the sender may listen itself
my $own = client();
$own->call('addlisten', { rids => [30] });
$own->ask('sendroommsg', message(rid => 30, msg => \"n$_")) for 1 .. 200;
my $answers = 0;
$answers++ while $answers < 200 && $own->answer(20);
is(heard($own), join(' ', map { "pushroommsg:30:n$_" } 1 .. 200), 'two hundred pushes, in order');

# a client that never answers pushes
my $mute = client();
$mute->{mute} = 1;
$mute->call('addlisten', { rids => [30] });
$sender->call('sendroommsg', message(rid => 30, msg => \"m$_")) for 1 .. 20;
is(heard($mute), join(' ', map { "pushroommsg:30:m$_" } 1 .. 20), "answers to pushes aren't waited for");

# JSON

my ($code, $map);
($code, $map, $frame) = $sender->call('sendgroupmsg', message(gid => 40, msg => \"quo\"te \x{e9}\n"), json => 1);
is($code, 0, 'a quest in JSON');
is($frame->{flag}, 0x40, '... is answered in JSON');
like($map->{mtime}, qr/^\d{13}$/, '... with what belongs there');
($code, $map) = $sender->call('getgroupmsg', { uid => 1, gid => 40, desc => $no, num => 5 }, json => 1);
is($map->{msgs}[0][5], "quo\"te \x{e9}\n", 'a history in JSON');
is(one($node, q(SELECT length(msg) FROM rtm_get_group_message(1, 40, false, 1)))->{out}, 9, 'the text is what SQL reads');
$sender->call('sendgroupmsg', message(gid => 40, msg => Msgpack::bin("\xff\xfe")));
($code, $map) = $sender->call('getgroupmsg', { uid => 1, gid => 40, desc => $yes, num => 1 }, json => 1);
is_deeply($map->{msgs}[0][5], { base64 => '//4=' }, 'bytes that are no text');
($code, $map) = $sender->call('sendgroupmsg', { gid => 40 }, json => 1);
is_deeply([ $code, $map->{ex} ], [ 10009, 'key not found: mtype' ], 'an error in JSON');
is($sender->call('sendgroupmsg', message(gid => 40, mid => 1.5), json => 1), 10010, 'a number that is no integer');
is($sender->call('sendgroupmsg', message(gid => 40, mid => Math::BigInt->new('9223372036854775807')), json => 1), 0, 'the largest mid');
is($sender->call('sendgroupmsg', message(gid => 40, mid => Math::BigInt->new('9223372036854775808')), json => 1), 10010, '... and one more');
is($sender->call('nonsense', {}, json => 1), 20004, 'an unknown method in JSON');
is(($sender->call('*ping', {}, unsigned => 1, json => 1))[2]{flag}, 0x40, '*ping in JSON');
for my $case ([ 'no JSON', '{"a":' ], [ 'no object', '[1]' ], [ 'too deep', '{"a":' . '[' x 1000 . ']' x 1000 . '}' ], [ 'no UTF-8', "{\"a\":\"\xff\"}" ],
	[ 'nothing', '' ], [ 'a number that costs more than its text', '{"a":[-1E+131071]}' ], [ 'a character that is none', '{"a":"\u0000"}' ])
{
	my $bad = client();
	is($bad->bytes(Fpnn::quest('sendmsg', 1, undef, json => 1, payload => $case->[1])), 'closed', "$case->[0] closes the connection");
	$bad = client();
	is($bad->bytes(Fpnn::quest('*ping', 1, undef, json => 1, payload => $case->[1])), 'closed', "... *ping, too: $case->[0]");
}
is($sender->call('*ping', {}, unsigned => 1), 0, "the others' connections stay");

# What can't be carried out is an error to the one who asked, and what it was
# about isn't in the log.
for my $number ('1' x 200000, '0.' . '1' x 17000)
{
	is(client()->bytes(Fpnn::quest('sendmsg', 7, undef, json => 1, payload => "{\"a\": $number, \"msg\": \"very private\"}")), 'closed', 'a number that PostgreSQL has not closes the connection');
}
unlike(slurp_file($node->logfile), qr/could not carry out/, '... and undoes nothing of others');
$node->safe_psql('postgres', q(ALTER TABLE rtm_gate.message ADD CONSTRAINT polite CHECK (msg <> 'very private')));
$sender->ask('sendgroupmsg', message(gid => 41)) for 1 .. 3;
my $refused = $sender->ask('sendgroupmsg', message(gid => 41, msg => \'very private'));
my %code = map { my $f = $sender->answer(10); $f->{seq} => $f->{status} ? $f->{params}{code} : 0 } 1 .. 4;
is(delete $code{$refused}, 20001, 'a message that a constraint of the table refuses');
is_deeply([ values %code ], [ 0, 0, 0 ], '... those that came with it are kept');
$node->safe_psql('postgres', 'ALTER TABLE rtm_gate.message DROP CONSTRAINT polite');
is($node->safe_psql('postgres', q(SELECT running FROM rtm_gate_status())), 't', '... the gate is known to run');
like($node->safe_psql('postgres', q(SELECT rtm_gate_setup(server => 'another'))), qr/:\d+$/, '... and no second one is started');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm gate')), 1, '... it is the only one');
$node->safe_psql('postgres', q(SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'rtm gate'));
is($sender->call('sendgroupmsg', message(gid => 41)), 0, 'there is nothing to cancel');
like(slurp_file($node->logfile), qr/could not carry out a quest: .*violates check constraint "polite"/, '... and the log says which');
unlike(join("\n", grep { !/statement:/ } split /\n/, slurp_file($node->logfile)), qr/very private/, '... but not what it was');

# The framework's own quests

($code, $map) = $sender->call('*infos', {}, unsigned => 1);
my $infos = JSON::PP->new->decode($map);
cmp_ok($infos->{'FPNN.status'}{server}{status}{tcp}{currentConnections}, '>=', 3, '*infos is a text of JSON');
($code, $map) = $sender->call('*infos', {}, unsigned => 1, json => 1);
ok(exists $map->{'APP.status'}, '... in JSON, JSON');
ok(($sender->call('*status', {}, unsigned => 1))[1]{status}, '*status');
is($sender->call('*tune', { key => \'a', value => \'b' }, unsigned => 1), 20004, '*tune is unknown');

# Pings and idle connections: a client that answers stays, one that doesn't is closed

$node->append_conf('postgresql.conf', "rtm_gate.ping_interval = 300ms\nrtm_gate.idle_timeout = 3s\n");
$node->reload;
$mute = client();
$mute->{mute} = 1;
my $good = client();
$_->call('*ping', {}, unsigned => 1) for $good, $mute;
my $pings = 0;
my $muted;
my $deadline = time + 60;
while (time < $deadline && (!$muted || $pings < 8))
{
	my $push = $good->pushed(1);
	$pings++ if $push && $push->[0] eq 'ping';
	my $frame = $muted ? undef : $mute->read(0.1);
	$muted = 1 if !$frame && IO::Select->new($mute->{socket})->can_read(0);
}
ok($muted, 'a client that sends nothing is closed');
cmp_ok($pings, '>=', 8, 'one that answers pings isn\'t');
is($good->call('*ping', {}, unsigned => 1), 0, '... and goes on');
my $silent = client();
wait_until('the end of a connection that never said a word', sub { IO::Select->new($silent->{socket})->can_read(0) });
is($silent->read(5), undef, '... it was not pinged');

# the library's own connections survive pings that nobody read meanwhile
is(one($node, q(SELECT rtm_send_message(51, 1, 2, 'x') IS NOT NULL; SELECT pg_sleep(1.5); SELECT rtm_send_message(51, 1, 2, 'y') IS NOT NULL))->{state},
	'00000', "a session's connection after pings");

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
