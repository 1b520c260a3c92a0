# Names of gates: name servers that answer, lie, are slow or silent, and what a
# session's calls come to meanwhile.  See 205_line_names.pl for queued calls.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use IO::Socket::IP;
use NameServer;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $ns = NameServer->start;
my $mute_ns = NameServer->start(all => { do => 'silent' });
my $node = new_node('names', conf => "rtm.name_servers = '" . $ns->address . "'\nrtm.connect_timeout = 3s\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sql('CREATE EXTENSION rtm');
sql(q(CREATE FUNCTION wait_for_file(path text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		WHILE (pg_stat_file(path, true)).size IS NULL LOOP PERFORM pg_sleep(0.01); END LOOP;
	END $$));
my $gate = FakeGate->start(pid => $pid, secret => $secret);
my $port = $gate->{port};

sub call { my ($server, $more) = @_; return "SELECT rtm_call('anything', '{\"msg\":\"ok\"}', server => '$server'" . ($more || '') . ')' }

# A session waits, as its call can't be made yet.
sub until_waiting
{
	my ($name) = @_;
	my $backend;
	wait_until("$name waits", sub { return $backend = sql("SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND state = 'active' AND wait_event_type = 'Extension'") });
	return $backend;
}

# ---- what is found ----

my $here = { a => ['127.0.0.1'] };
my %zone = (
	'good.test' => $here,
	'slow.test' => { %$here, do => 'slow 0.5' },
	'noisy.test' => { %$here, do => 'noise_first' },
	'noise.test' => { %$here, do => 'noise' },
	'broken.test' => { do => 'broken' },
	'truncated.test' => { %$here, do => 'truncated' },
	'half.test' => { do => 'truncated_silent' },
	'alias.test' => { %$here, do => 'cname' },
	'loop.test' => { do => 'loop' },
	'empty.test' => {},
	'nxdomain.test' => { do => 'nxdomain' },
	'servfail.test' => { do => 'servfail' },
	'mute.test' => { do => 'silent' },
	'half-mute.test' => { %$here, do => 'no_aaaa' },
	'two.test' => { a => [ '127.0.0.9', '127.0.0.1' ] },
	'six.test' => { aaaa => ['::1'] });
$ns->zone(%zone);
for my $name (sort keys %zone)
{
	(my $server = $name) =~ s/\.test//;
	$server =~ s/-/_/;
	server_for($node, $server, "$name:$port");
}

my @good = qw(good slow noisy truncated alias half_mute two);
my @r = session($node, map { call($_) } @good);
is($r[$_]{state}, '00000', "$good[$_]: found") or diag $r[$_]{message} for 0 .. $#good;
is(scalar(grep { /^tcp/ } $ns->queries('truncated.test')), 2, 'a truncated answer is asked for by TCP');
is_deeply([ grep { /^tcp/ } $ns->queries('good.test') ], [], '... others are not');

my @bad = qw(noise broken half loop empty nxdomain servfail mute);
@r = session($node, "SET rtm.connect_timeout = '1s'", map { call($_) } @bad);
shift @r;
for my $i (0 .. $#bad)
{
	state_is($r[$i], 'HV00N', qr/DETAIL:  $bad[$i]\.test:$port: [A-Za-z ]+/, "$bad[$i]: not found");
}
like($r[-1]{message}, qr/no name server answered in time/, '... a silent name server is named as the cause');
state_is(one($node, call('mute', ', timeout => 0.3')), 'HV00N', qr/mute\.test/, "a call's own time-out");

# An address needs nobody, nor does what the file of hosts has
$ns->forget;
my @hosts = grep { !/^localhost/ } map { /^127\.0\.0\.1\s+([^#]*)/ ? split(' ', $1) : () } split /\n/, slurp_file('/etc/hosts');
server_for($node, 'numeric', "127.0.0.1:$port");
server_for($node, 'numeric6', "[::1]:$port");
server_for($node, 'hosts', "localhost:$port");
is(one($node, call('numeric'))->{state}, '00000', 'an address');
is(one($node, call('hosts'))->{state}, '00000', 'localhost');
SKIP:
{
	skip '/etc/hosts has no other name of 127.0.0.1', 1 unless @hosts;
	server_for($node, 'other_host', "$hosts[0]:$port");
	is(one($node, call('other_host'))->{state}, '00000', "$hosts[0], of /etc/hosts");
}
is_deeply([ $ns->queries ], [], '... no name server was asked');
SKIP:
{
	my $listener = IO::Socket::IP->new(Listen => 1, LocalHost => '::1', LocalPort => 0);
	skip 'no IPv6 loopback', 1 unless $listener;
	sql("ALTER SERVER six OPTIONS (SET endpoint 'six.test:" . $listener->sockport . "')");
	state_is(one($node, call('six', ', timeout => 0.5')), 'FP203', qr/six\.test/, 'a name with an IPv6 address only is connected to');
}

# ---- nothing is remembered ----

# A gate moves, a name appears: the next connection of the same session finds it
my $dir = PostgreSQL::Test::Utils::tempdir();
my $moved = FakeGate->start(pid => $pid, secret => $secret, host => '127.0.0.2', port => $port);
my $s = begin_session($node, { name => 'mover' }, call('nxdomain'), "SELECT rtm_call('anything', '{\"msg\":\"bye\"}', server => 'good')",
	"SELECT wait_for_file('$dir/moved')", call('good'), call('nxdomain'));
wait_until('the session', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mover' AND query LIKE '%wait_for_file%'") eq '1' });
$ns->zone(%zone, 'good.test' => { a => ['127.0.0.2'] }, 'nxdomain.test' => { a => ['127.0.0.2'] });
open(my $flag, '>', "$dir/moved") or die $!;
close $flag;
@r = end_session($s);
is(join(' ', map { $_->{state} } @r), 'HV00N 00000 00000 00000 00000', 'a session whose gate moves');
is(scalar(grep { $_->{method} eq 'anything' } $moved->events('quest')), 2, '... finds it where it is');
$ns->zone(%zone);

# ---- waits end ----

# So long that only what is meant to end them does
my @patient = ("SET rtm.connect_timeout = '1h'");
@r = session($node, @patient, "SET statement_timeout = '300ms'", call('mute'), "SET statement_timeout = 0", call('good'));
state_is($r[2], '57014', qr/statement timeout/, 'statement_timeout while a name is looked up');
is($r[4]{state}, '00000', '... the session goes on');

$s = begin_session($node, { name => 'cancelled' }, @patient, call('mute'), call('good'));
sql('SELECT pg_cancel_backend(' . until_waiting('cancelled') . ')');
@r = end_session($s);
state_is($r[1], '57014', qr/user request/, 'a cancel request');
is($r[2]{state}, '00000', '... the session goes on');

# DROP DATABASE waits for every process to say that it closed its files
$s = begin_session($node, { name => 'ended' }, @patient, call('mute'));
my $backend = until_waiting('ended');
sql('CREATE DATABASE other');
$ns->forget;
sql('DROP DATABASE other');
is(until_waiting('ended'), $backend, 'DROP DATABASE ends while a session looks up a name');
sql("SELECT pg_terminate_backend($backend)");
@r = end_session($s);
is($r[1]{state}, '57P01', 'the end of a session that looks up a name');

# ---- the setting ----

state_is(one($node, "SET rtm.name_servers = '127.0.0.1'"), '55P02', undef, 'no session has name servers of its own');
for my $value ('localhost', '127.0.0.1, name', '127.0.0.1:x', 'a:b:c')
{
	state_is(one($node, "ALTER SYSTEM SET rtm.name_servers = '$value'"), '22023', qr/DETAIL:  It is a list of addresses/, "no name servers: $value");
}
is(one($node, "ALTER SYSTEM SET rtm.name_servers = '192.0.2.53,192.0.2.54:5353,2001:db8::53,[2001:db8::54]:53'")->{state}, '00000', 'name servers in all ways to write them');

# The first one is silent: the second one is asked in time
sql("ALTER SYSTEM SET rtm.name_servers = '" . $mute_ns->address . ',' . $ns->address . "'");
$node->reload;
wait_until('the new setting', sub { sql('SHOW rtm.name_servers') =~ /,/ });
is(one($node, call('good'))->{state}, '00000', 'the first of two name servers is silent');
cmp_ok(scalar($mute_ns->queries('good.test')), '>', 0, '... it was asked');

# ---- texts ----

my $long = join ',', map { ('x' x 60 . '.') x 4 . "$_:1" } 10 .. 25;
server_for($node, 'many', $long);
sql('ALTER SYSTEM RESET rtm.name_servers');
$node->append_conf('postgresql.conf', "rtm.name_servers = '" . $ns->address . "'\n");
$node->reload;
wait_until('the old setting', sub { sql('SHOW rtm.name_servers') !~ /,/ });
my $r = one($node, call('many'));
my ($detail) = $r->{message} =~ /^DETAIL:  (.*?)^HINT/ms;
is($r->{state}, 'HV00N', 'sixteen endpoints that do not exist');
cmp_ok(length $detail, '<=', 1001, '... are said in 1,000 bytes');
cmp_ok(length $detail, '>', 900, '... and not in few');
state_is(one($node, "ALTER SERVER many OPTIONS (SET endpoint '" . 'x' x 256 . ":1234567')"), 'HV024', undef, 'a host longer than any name');
$node->stop;
done_testing();
