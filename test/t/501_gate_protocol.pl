# The local gate by itself, spoken to without the library's own client: what the
# protocol says, what a hostile peer sends, what is left after a crash.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Fpnn;
use GateClient;
use JSON::PP ();
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

# answers come after the commit that makes them durable: the crash below is real
my $node = new_node('gate', conf => "fsync = on\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
my %options = GateClient::options($node);

sub client
{
	my $client;
	wait_until('the gate', sub { $client = eval { GateClient->connect(%options) } });
	return $client;
}
my $next_mid = time * 1000000;
sub mid { return ++$next_mid }
sub message { my %more = @_; return { mtype => 51, from => 1, mid => mid(), msg => \'hello', attrs => \'', %more } }

my $c = client();
my ($code, $map, $frame);

# A send, the history, a look at one message

my $mid = mid();
($code, $map) = $c->call('sendmsg', message(to => 2, mid => $mid));
is($code, 0, 'sendmsg');
like($map->{mtime}, qr/^\d{13}$/, 'mtime is in milliseconds');
cmp_ok(abs($map->{mtime} / 1000 - time), '<', 3600, '... of the present');
($code, $map) = $c->call('getp2pmsg', { uid => 2, ouid => 1, desc => JSON::PP::false, num => 10 });
is($code, 0, 'getp2pmsg');
is_deeply([ @$map{qw(num)}, scalar @{ $map->{msgs} }, scalar @{ $map->{msgs}[0] } ], [ 1, 1, 8 ], 'an entry of eight');
is_deeply([ @{ $map->{msgs}[0] }[ 1, 2, 3, 5, 6 ] ], [ 2, 51, $mid, 'hello', '' ], 'seen by the receiver: direction 2');
ok(!$map->{msgs}[0][4], '... not deleted');
($code, $map) = $c->call('getp2pmsg', { uid => 1, ouid => 2, desc => JSON::PP::false, num => 10 });
is($map->{msgs}[0][1], 1, 'seen by the sender: direction 1');
($code, $map) = $c->call('getmsg', { mid => $mid, from => 1, xid => 2, type => 1 });
is_deeply([ $code, @$map{qw(id mtype msg attrs)} ], [ 0, $map->{id}, 51, 'hello', '' ], 'getmsg');
is($c->call('delmsg', { mid => $mid, from => 1, xid => 2, type => 1 }), 0, 'delmsg');
is($c->call('getmsg', { mid => $mid, from => 1, xid => 2, type => 1 }), 200070, 'getmsg of a deleted one');

# A mid is unique in its conversation

for my $case ([ 'sendmsg', to => 3 ], [ 'sendgroupmsg', gid => 3 ], [ 'sendroommsg', rid => 3 ], ['broadcastmsg'])
{
	my ($method, @to) = @$case;
	my $m = message(@to);
	is($c->call($method, $m), 0, "$method");
	is($c->call($method, $m), 200053, "$method, the same mid");
	is($c->call($method, { %$m, msg => \'other' }), 200053, "$method, the same mid with another text");
}
my $shared = message(gid => 4);
is($c->call('sendgroupmsg', $shared), 0, 'a mid in one group');
is($c->call('sendgroupmsg', { %$shared, gid => 5 }), 0, '... and in another');
($code, $map) = $c->call('sendmsgs', message(tos => [ 11, 12, 13 ]));
is($code, 0, 'sendmsgs');
($code, $map) = $c->call('getp2pmsg', { uid => 12, ouid => 1, desc => JSON::PP::true, num => 10 });
is($map->{num}, 1, '... reaches each');

# Paging

$c->call('sendgroupmsg', message(gid => 6, msg => \"m$_", mtype => 50 + $_ % 3)) for 1 .. 45;
my (@all, %cursor);
while (1)
{
	($code, $map) = $c->call('getgroupmsg', { uid => 1, gid => 6, desc => JSON::PP::false, num => 20, %cursor });
	last if !$map->{num};
	push @all, map { $_->[5] } @{ $map->{msgs} };
	%cursor = map { $_ => $map->{$_} } qw(begin end lastid);
}
is_deeply(\@all, [ map { "m$_" } 1 .. 45 ], 'pages forward');
($code, $map) = $c->call('getgroupmsg', { uid => 1, gid => 6, desc => JSON::PP::true, num => 5, mtypes => [51] });
is_deeply([ map { $_->[5] } @{ $map->{msgs} } ], [ map { "m$_" } 43, 40, 37, 34, 31 ], 'backward, of one mtype');
($code, $map) = $c->call('getgroupmsg', { uid => 1, gid => 6, desc => JSON::PP::true, num => 1000 });
is($map->{num}, 20, 'at most 20 a page');
($code, $map) = $c->call('getmsgnum', { type => 2, xid => 6 });
is_deeply([ $code, $map->{num}, $map->{sender} ], [ 0, 45, 1 ], 'getmsgnum');

# Signature, clock, project

is($c->call('sendmsg', message(to => 2), secret => 'wrong'), 200002, 'a wrong signature');
is($c->call('sendmsg', message(to => 2), pid => $options{pid} + 1), 200001, 'another project') ;
is($c->call('sendmsg', message(to => 2), ts => time - 100000), 200008, 'a clock that is late');
is($c->call('sendmsg', message(to => 2), ts => time + 100000), 200008, 'a clock that is early');
is($c->call('sendmsg', message(to => 2), unsigned => 1), 10009, 'no signature at all');
my $lower = $c->signed('sendmsg', message(to => 2));
is($c->call('sendmsg', { %$lower, sign => \lc ${ $lower->{sign} } }, unsigned => 1), 200002, 'a signature in lower case');
my $tampered = $c->signed('getmsg', message(to => 2));
is($c->call('sendmsg', $tampered, unsigned => 1), 200002, "another method's signature");

# Parameters: missing, of wrong types, beyond the limits

for my $key (qw(mtype from to mid msg))
{
	my $m = message(to => 2);
	delete $m->{$key};
	is($c->call('sendmsg', $m), 10009, "no $key");
}
for my $bad ([ to => \'2' ], [ to => 2.5 ], [ to => JSON::PP::true ], [ to => undef ], [ to => Msgpack::raw("\xcf" . "\xff" x 8) ],
	[ msg => 5 ], [ msg => [ 'x' ] ], [ mid => {} ], [ mtype => \'51' ])
{
	my ($key, $value) = @$bad;
	is($c->call('sendmsg', message(to => 2, $key => $value)), 10010, "$key of a wrong type: " . unpack('H*', Msgpack::encode($value)));
}
is($c->call('sendmsgs', message(tos => \'x')), 10010, 'tos that is no list');
is($c->call('sendmsgs', message(tos => [ 1, \'x' ])), 10010, 'tos with a text in it');
is($c->call('sendmsgs', message(tos => [])), 200033, 'tos that is empty');
is($c->call('sendmsgs', message(tos => [ 1 .. 2001 ])), 200032, 'tos of 2001');
is($c->call('sendmsg', message(to => 2, mtype => 0)), 200005, 'mtype 0');
is($c->call('sendmsg', message(to => 2, mtype => 128)), 200005, 'mtype 128');
is($c->call('sendmsg', message(to => 2, msg => \('x' x 20480), attrs => \('y' x 2048))), 0, 'the largest message');
is($c->call('sendmsg', message(to => 2, msg => \('x' x 20481))), 200030, 'one byte more');
is($c->call('sendmsg', message(to => 2, attrs => \('y' x 2049))), 200030, 'attrs of one byte more');
is($c->call('sendmsg', message(to => 2, msg => Msgpack::bin("\0\xff"))), 0, 'a binary message');
is($c->call('sendmsg', message(to => 2, extra => [ 1, { a => undef } ])), 0, 'keys that nobody knows');
is($c->call('getmsg', { mid => 1, from => 1, xid => 2, type => 9 }), 200034, 'a conversation of no type');
is($c->call('nonsense', {}), 20004, 'an unknown method');
is($c->call("getmsg\0", { mid => 1, from => 1, xid => 2, type => 1 }), 20004, 'a method with a NUL in its name');
is($c->call("$_\0", {}, unsigned => 1), 20004, "... $_") for '*ping', '*key';
for my $odd ([ "\x05" => 'a number' ], [ "\xc4\x01a" => 'a bin' ], [ "\xc0" => 'nil' ])
{
	my $params = $c->signed('getmsgnum', { type => 2, xid => 6 });
	my @pairs = map { Msgpack::encode(\$_) . Msgpack::encode($params->{$_}) } sort keys %$params;
	for my $at (0, 5, 6)
	{
		splice @pairs, $at, 0, "$odd->[0]\x01";
		$frame = $c->bytes(Fpnn::quest('getmsgnum', 76, undef, payload => "\x87" . join '', @pairs));
		is($frame->{params}{code} || 0, $at < 6 ? 10005 : 0, "a key that is $odd->[1], behind $at others");
		splice @pairs, $at, 1;
	}
}
is($c->call('sendmsg', {}), 10009, 'the connection goes on after all that');

# FPNN itself

($code, $map) = $c->call('*ping', {}, unsigned => 1);
cmp_ok(abs($map->{ts} / 1000 - time), '<', 3600, '*ping');
my $quest = Fpnn::quest('*ping', 77, {});
substr($quest, 4, 1) = "\0";
$frame = $c->bytes($quest);
is_deeply([ @$frame{qw(version seq status)} ], [ 0, 77, 0 ], 'the version is ignored and echoed');
$frame = $c->bytes(Fpnn::quest('*ping', 78, undef, payload => "\x80\xc1\xff"));
is($frame->{seq}, 78, 'bytes behind the map are ignored');
Fpnn::write_all($c->{socket}, Fpnn::answer(4711, {}) . Fpnn::quest('nonsense', 0, {}, oneway => 1));
is($c->call('*ping', {}, unsigned => 1), 0, 'an answer to nothing and a one-way quest are ignored');
Fpnn::write_all($c->{socket}, $_) for split //, Fpnn::quest('*ping', 79, {});
is($c->read->{seq}, 79, 'a quest that comes byte by byte');

for my $case (
	[ 'no FPNN' => "HELO gate\r\n\r\n\r\n" ],
	[ 'both flags' => 'FPNN' . pack('C4VV', 1, 0xc0, 1, 5, 1, 1) . "*ping\x80" ],
	[ 'no flag' => 'FPNN' . pack('C4VV', 1, 0, 1, 5, 1, 1) . "*ping\x80" ],
	[ 'a type of 7' => 'FPNN' . pack('C4VV', 1, 0x80, 7, 5, 1, 1) . "*ping\x80" ],
	[ 'a method without a name' => 'FPNN' . pack('C4VV', 1, 0x80, 1, 0, 1, 1) . "\x80" ],
	[ 'a payload of 4 GiB' => 'FPNN' . pack('C4VV', 1, 0x80, 1, 5, 0xffffffff, 1) . '*ping' ],
	[ 'an empty payload' => Fpnn::quest('*ping', 1, undef, payload => '') ],
	[ 'a payload that is no map' => Fpnn::quest('*ping', 1, undef, payload => "\x90") ],
	[ 'broken msgpack' => Fpnn::quest('*ping', 1, undef, payload => "\x81\xa1") ],
	[ 'a map of 4 billion keys' => Fpnn::quest('*ping', 1, undef, payload => "\xdf\xff\xff\xff\xff") ])
{
	my ($what, $bytes) = @$case;
	my $bad = client();
	is($bad->bytes($bytes), 'closed', "$what closes the connection");
	$bad->close;
}
is($c->call('*ping', {}, unsigned => 1), 0, "the others' connections stay");

# *key is the first frame of a connection or its last; what a good one gets is encrypted (this key is the curve's base point)
my $point = pack 'H*', '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8';
my $key = Fpnn::quest('*key', 1, { publicKey => Msgpack::bin($point), streamMode => JSON::PP::true, bits => 128 });
for my $case ([ 'first', '' => 17 ], [ 'after a quest', Fpnn::quest('nonsense', 1, {}, oneway => 1) => 0 ], [ 'after an answer', Fpnn::answer(1, {}) => 0 ])
{
	my ($what, $before, $length) = @$case;
	my $keyed = client();
	Fpnn::write_all($keyed->{socket}, $before . $key);
	sysread $keyed->{socket}, my $answer, 4096;
	is(length $answer, $length, "*key $what");
	$keyed->close;
}

# Pipelined, over many connections at once, and half a quest on one more

my $half = client();
Fpnn::write_all($half->{socket}, substr(Fpnn::quest('*ping', 1, {}), 0, 9));
my @clients = map { client() } 1 .. 20;
for my $i (0 .. $#clients)
{
	$clients[$i]->ask('sendroommsg', message(rid => 500 + $i % 4, msg => \"c$i-$_")) for 1 .. 25;
}
my %seen;
for my $one (@clients)
{
	my %seqs;
	for (1 .. 25) { my $f = $one->read or last; $seqs{ $f->{seq} }++ if !$f->{status} && $f->{params}{mtime} }
	$seen{good} += keys %seqs;
}
is($seen{good}, 500, 'every one of 500 pipelined quests is answered once');
is($node->safe_psql('postgres', 'SELECT sum(n) FROM generate_series(500, 503) AS r, LATERAL (SELECT count(*) AS n FROM rtm_get_room_message(1, r, false, NULL)) AS counted'),
	500, '... and kept once');
# a client that goes away with its answers unread
$_->ask('getgroupmsg', { uid => 1, gid => 6, desc => JSON::PP::false, num => 20 }) for (@clients) x 20;
$_->close for @clients;
is($c->call('*ping', {}, unsigned => 1), 0, 'clients that go away hurt nobody');
is(ref $half->bytes(substr(Fpnn::quest('*ping', 1, {}), 9)), 'HASH', 'the other half of a quest');

# Many backends at once
$node->pgbench('--no-vacuum --client=8 --jobs=2 --transactions=60', 0, [qr{processed: 480/480}], [qr{^$}],
	'group commit under concurrency', { '004_send' => q(SELECT rtm_send_group_message(51, :client_id + 1, 700, 'x');) });
($code, $map) = $c->call('getmsgnum', { type => 2, xid => 700 });
is($map->{num}, 480, 'every message of it');

# Restart and crash: whatever was answered is there

for my $mode ('fast', 'immediate')
{
	my $gid = $mode eq 'fast' ? 801 : 802;
	my $before = client();
	my $m = message(gid => $gid);
	$before->ask('sendgroupmsg', message(gid => $gid)) for 1 .. 200;
	my $answered = 0;
	for (1 .. 200) { my $f = $before->read; $answered++ if $f && !$f->{status} }
	is($before->call('sendgroupmsg', $m), 0, "before the $mode stop");
	$node->stop($mode);
	is($before->read, undef, "connections end with the $mode stop");
	$node->start;
	my $after = client();
	is($after->call('sendgroupmsg', $m), 200053, "after it the same mid is a duplicate ($mode)");
	($code, $map) = $after->call('getmsgnum', { type => 2, xid => $gid });
	is_deeply([ $answered, $map->{num} ], [ 200, 201 ], "every message that was answered is there ($mode)");
	is(one($node, "SELECT count(*) FROM rtm_get_group_message(1, $gid, false, NULL)")->{out}, 201, "SQL finds the gate again ($mode)");
}

# Stop and start by hand; on loopback only

my ($port) = $options{endpoint} =~ /:(\d+)$/;
my $listening = `cat /proc/net/tcp /proc/net/tcp6`;
my @local = map { /^\s*\d+: ([0-9A-F]+):\Q${\sprintf '%04X', $port}\E \S+ 0A/ ? $1 : () } split /\n/, $listening;
cmp_ok(scalar(@local), '>=', 1, 'the gate listens');
is(scalar(grep { $_ !~ /^0100007F$|^0{24}01000000$/ } @local), 0, '... on loopback only') or diag "@local";
$node->safe_psql('postgres', 'SELECT rtm_gate_stop()');
wait_until('the gate to stop', sub { !eval { GateClient->connect(%options) } });
state_is(one($node, q(SELECT rtm_send_message(51, 1, 2, 'x'))), 'HV00N', undef, 'rtm_gate_stop()');
$node->safe_psql('postgres', 'SELECT rtm_gate_start()');
client();
is(one($node, q(SELECT mid > 0 FROM rtm_send_message(51, 1, 2, 'x')))->{out}, 't', 'rtm_gate_start()');

# one right after the other: what is ending doesn't count as running
my @workers;
my $alone = q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type LIKE '%gate%');
for (1 .. 10)
{
	push @workers, map { (split /\n/)[-1] } $node->safe_psql('postgres', "SELECT rtm_gate_stop();\nSELECT rtm_gate_start();\nSELECT worker FROM rtm_gate_status()");
}
is(scalar(keys %{ { map { $_ => 1 } grep { /^\d+$/ } @workers } }), 10, 'rtm_gate_stop() and rtm_gate_start() ten times') or diag "@workers";
state_is(one($node, q(BEGIN; SELECT rtm_gate_stop(); SELECT rtm_gate_start())), '55000', undef, 'not in the transaction that stops it');

# the worker killed is started again; what those before have left behind is gone by then
$node->poll_query_until('postgres', $alone) or die "not one worker\n";
my $worker = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '%gate%'));
like($worker, qr/^\d+$/, 'one worker');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
client();
wait_until('a send', sub { one($node, q(SELECT rtm_send_message(51, 1, 2, 'x')))->{state} eq '00000' });
pass('a worker that was terminated comes back');

# DROP DATABASE is not held up by the gate of another one, nor by its own
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
is(one($node, { db => 'second' }, q(SELECT mid > 0 FROM rtm_send_message(51, 1, 2, 'x')))->{out}, 't', 'a gate in a second database');
$node->safe_psql('second', 'DROP EXTENSION rtm_gate; DROP SERVER rtm CASCADE; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
is(one($node, { db => 'second' }, q(SELECT mid > 0 FROM rtm_send_message(51, 1, 2, 'x')))->{out}, 't', '... of an extension that was created anew');
$node->safe_psql('second', 'SELECT rtm_gate_stop()');
wait_until('DROP DATABASE', sub { ($node->psql('postgres', 'DROP DATABASE second'))[0] == 0 });
pass('DROP DATABASE after rtm_gate_stop()');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing crashed');
$node->stop;
done_testing();
