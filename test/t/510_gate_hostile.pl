# Who reaches the port of the local gate and knows no secret costs it little.
use strict;
use warnings;
use Certificates;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Fpnn;
use GateClient;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('hostile', conf => "rtm_gate.memory_limit = 32MB\nrtm_gate.idle_timeout = 0\nrtm_gate.ping_interval = 0\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('postgres', 'SELECT rtm_gate_setup()');
my %options = GateClient::options($node);
my $worker = $node->safe_psql('postgres', 'SELECT worker FROM rtm_gate_status()');
my $mid = int(time) * 1000000;

sub sql { return $node->safe_psql('postgres', shift) }
sub client { return GateClient->connect(%options) }
sub works { my $c = client(); return $c->call('sendgroupmsg', { mtype => 51, from => 1, gid => 1, mid => ++$mid, msg => \'m', attrs => \'' }) }
sub json_frame { my ($text) = @_; return 'FPNN' . pack('C4VV', 1, 0x40, 1, 7, length $text, 1) . 'sendmsg' . $text }

# ---- JSON that would cost more than its bytes: refused before it is read

my $most = 8 * 1024 * 1024 - 100;
my %costly = (
	'empty objects' => '{"a":[' . join(',', ('{}') x ($most / 3 - 10)) . ']}',
	'numbers with exponents' => '{"a":[' . join(',', ('1e999') x 1000) . ']}',
	'small numbers' => '{"a":[' . join(',', ('1') x ($most / 2 - 10)) . ']}',
	'keys' => '{' . join(',', ('"":1') x ($most / 5 - 10)) . '}',
	'a number of a million digits' => '{"a":' . ('9' x 1_000_000) . '}',
	'depth' => '{"a":' . ('[' x 100) . (']' x 100) . '}',
	'depth without an end' => '{"a":' . ('[' x 1_000_000));
for my $name (sort keys %costly)
{
	is(client()->bytes(json_frame($costly{$name})), 'closed', "JSON with $name is refused");
}
is(works(), 0, 'the gate works on');
my $c = client();
my ($code, $map) = $c->call('sendgroupmsg', { mtype => 51, from => 1, gid => 1, mid => ++$mid, msg => \('x' x 20000), attrs => \'' }, json => 1);
is($code, 0, 'a large message in JSON is taken');
is($c->call('addlisten', { gids => [ 1 .. 50000 ], rids => [ 1 .. 50000 ] }), 0, 'so are 100,000 ids');

# ---- msgpack that says more than it has

my $bytes = sub { my ($payload) = @_; return 'FPNN' . pack('C4VV', 1, 0x80, 1, 7, length $payload, 1) . 'sendmsg' . $payload };
for my $payload ("\xdf\xff\xff\xff\xff", "\x81\xa1a\xdd\xff\xff\xff\xff" . ("\xc0" x 1000), "\x81\xa1a" . ("\x91" x 1000) . "\xc0",
	"\x81\xa1a\xdd\x00\x7f\x00\x00" . ("\xc0" x 0x7f0000), "\x81\xa1a\xc6\xff\xff\xff\xff", "\xc1")
{
	my $answer = client()->bytes($bytes->($payload));
	ok(!ref $answer && $answer eq 'closed', 'msgpack that begins with ' . unpack('H12', $payload) . ' is refused');
}
is(works(), 0, 'the gate works on');

# ---- lines of the log that somebody outside causes: some, then a number

my $offset = -s $node->logfile;
$node->safe_psql('postgres', q(ALTER TABLE rtm_gate.message ADD CONSTRAINT odd CHECK (from_uid <> 666)));
$c = client();
for (1 .. 100) { $c->call('sendgroupmsg', { mtype => 51, from => 666, gid => 1, mid => ++$mid, msg => \'m', attrs => \'' }) == 20001 or die 'not refused' }
my $log = substr(slurp_file($node->logfile), $offset);
my $lines = () = $log =~ /could not carry out/g;
cmp_ok($lines, '<=', 10, 'a hundred quests that fail are not a hundred lines in the log');
cmp_ok($lines, '>', 0, '... but some');

# ---- silent TLS connections are counted in the memory limit

SKIP:
{
	skip 'the program openssl is not here', 3 unless Certificates::possible();
	my $path = Certificates::certificate('gate', Certificates::authority('ca'), 'IP:127.0.0.1');
	my ($certificate, $key) = map { slurp_file($_) } "$path.pem", "$path.key";
	sql("SELECT rtm_gate_set_certificate(\$\$$certificate\$\$, \$\$$key\$\$)");
	sql('SELECT rtm_gate_stop()');
	wait_until('the end', sub { sql(q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm gate')) eq '0' });
	sql('SELECT rtm_gate_start()');
	$worker = sql('SELECT worker FROM rtm_gate_status()');
	my $memory = sub { return slurp_file("/proc/$worker/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 / 1024 : 0 };
	my $before = $memory->();
	my @silent = map { IO::Socket::INET->new(PeerAddr => $options{endpoint}) } 1 .. 800;
	my $closed = 0;
	wait_until('some to be closed', sub { $closed = grep { IO::Select->new($_)->can_read(0) } grep { $_ } @silent; $closed > 300 });
	cmp_ok($closed, '<', 400, 'with 32 MB some 450 connections with TLS stay');
	cmp_ok($memory->() - $before, '<', 48, '... in that much memory');
	like(slurp_file($node->logfile), qr/turns connections away: they take what rtm_gate.memory_limit allows/, '... which the log says');
}
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process crashed');
done_testing();
