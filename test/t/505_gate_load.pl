# The local gate as a server that lasts: thousands of connections, clients that
# don't read, frames without an end, kills.
# Alone: it takes what the machine has.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Errno qw(EAGAIN);
use GateClient;
use IO::Select;
use JSON::PP ();
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep time);

$SIG{PIPE} = 'IGNORE';			# a closed connection is an error of its write
my $connections = 2000;
my $node = new_node('load', conf => "fsync = on\nrestart_after_crash = on\nrtm_gate.memory_limit = 64MB\nrtm_gate.idle_timeout = 0\nrtm_gate.ping_interval = 0\n");
$node->safe_psql('postgres', q(CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()));
my %options = GateClient::options($node);
my $next_mid = int(time) * 1000000;

sub client { return GateClient->connect(%options) }
sub message { my %more = @_; return { mtype => 51, from => 1, mid => ++$next_mid, msg => \'hello', attrs => \'', %more } }
sub gate { return $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm gate')) }

# Private memory of the gate, in megabytes.
sub memory
{
	my ($kb) = slurp_file('/proc/' . gate() . '/status') =~ /^RssAnon:\s+(\d+) kB/m;
	return $kb / 1024;
}
sub descriptors { return scalar(() = glob '/proc/' . gate() . '/fd/*') }

my $c = client();
$c->call('sendgroupmsg', message(gid => 1, msg => \('x' x 20000))) for 1 .. 20;
my ($before, $fds) = (memory(), descriptors());

# Thousands of connections, each with a quest; half of them listen

SKIP:
{
	# after the server's start: the gate has to raise its own limit
	my $enough = $connections + 500;
	skip 'too few file descriptors', 6 if system("prlimit --pid $$ --nofile=$enough: 2>/dev/null") != 0;
	my @many = map { client() } 1 .. $connections;
	$_->ask('sendroommsg', message(rid => 1)) for @many;
	is(scalar(grep { my $f = $_->answer(60); $f && !$f->{status} } @many), scalar(@many), scalar(@many) . ' connections, a message each');
	$_->ask('addlisten', { gids => [77] }) for @many;
	is(scalar(grep { my $f = $_->answer(60); $f && !$f->{status} } @many), scalar(@many), '... that listen');
	is($c->call('sendgroupmsg', message(gid => 77, msg => \'to all')), 0, '... to a message');
	is(scalar(grep { my $p = $_->pushed(60); $p && $p->[1]{msg} eq 'to all' } @many), scalar(@many), '... which each gets');
	cmp_ok(memory() - $before, '<', 80, '... with little memory');
	$_->close for @many;
	wait_until('the descriptors to be closed', sub { descriptors() <= $fds + 2 });
	is($c->call('sendgroupmsg', message(gid => 77)), 0, 'they all went away');
}

# Too many: told at once
$node->append_conf('postgresql.conf', "rtm_gate.max_connections = 20\n");
$node->reload;
my @few;
wait_until('the limit', sub { push @few, client(); IO::Select->new($few[-1]{socket})->can_read(0.2) });
is($few[-1]->read(5), undef, 'one connection too many is closed');
is($few[0]->call('*ping', {}, unsigned => 1), 0, '... the others stay');
$_->close for @few;
$node->append_conf('postgresql.conf', "rtm_gate.max_connections = 5000\n");
$node->reload;
wait_until('room for more', sub { eval { client()->call('*ping', {}, unsigned => 1) == 0 } });

# Write to a socket without waiting for it; how much it took.
sub stuff
{
	my ($client, $bytes, $most) = @_;
	my $taken = 0;
	$client->{socket}->blocking(0);
	while ($taken < $most)
	{
		my $n = syswrite($client->{socket}, $bytes);
		if (!defined $n)
		{
			last if $! != EAGAIN || !IO::Select->new($client->{socket})->can_write(2);
			next;
		}
		# a part of a frame must not be followed by the beginning of one
		my $rest = substr $bytes, $n;
		while (length $rest)
		{
			my $more = syswrite($client->{socket}, $rest);
			if (defined $more) { substr($rest, 0, $more, '') }
			elsif ($! != EAGAIN || !IO::Select->new($client->{socket})->can_write(2)) { return $taken }
		}
		$taken += length $bytes;
	}
	return $taken;
}

# Clients that ask for megabytes and read nothing: the gate stops to listen to them
my @slow = map { client() } 1 .. 20;
my $page = Fpnn::quest('getgroupmsg', 1, $c->signed('getgroupmsg', { uid => 1, gid => 1, desc => JSON::PP::false, num => 20 }));
stuff($_, $page, 500_000) for @slow;
is($c->call('sendgroupmsg', message(gid => 2)), 0, 'slow readers hold up nobody');
cmp_ok(memory() - $before, '<', 64 + 64, '... and take bounded memory');
$_->close for @slow;

# A listener that doesn't read
my $deaf = client();
$deaf->call('addlisten', { gids => [3] });
$c->ask('sendgroupmsg', message(gid => 3, msg => \('y' x 20000))) for 1 .. 800;
my $answered = 0;
for (1 .. 800) { my $f = $c->answer(60); $answered++ if $f && !$f->{status} }
is($answered, 800, 'a listener that doesn\'t read holds up nobody');
cmp_ok(memory() - $before, '<', 64 + 64, '... takes bounded memory');
my $heard = 0;
while (my $push = eval { $deaf->pushed(10) }) { $heard++ }
cmp_ok($heard, '<', 800, '... and is closed at last');
like(slurp_file($node->logfile), qr/closes a connection that doesn't read/, '... which the log says');

# Frames without an end: 40 clients with up to 8 MB each, of which there is room
# for 64 MB.  Doing it again takes no more.
my $head = 'FPNN' . pack('C4VV', 1, 0x80, 1, 5, 8 * 1024 * 1024 - 100, 1) . '*ping';
my @afterwards;
for my $time ('', map { ", again ($_)" } 1 .. 5)
{
	my @endless = map { client() } 1 .. 40;
	for my $client (@endless)
	{
		stuff($client, $head, 1);
		stuff($client, 'z' x 65536, 4_000_000);
	}
	is($c->call('sendgroupmsg', message(gid => 2)), 0, "frames without an end hold up nobody$time");
	cmp_ok(memory() - $before, '<', 64 + 64, '... and take bounded memory');
	my $closed = grep { IO::Select->new($_->{socket})->can_read(0) } @endless;
	cmp_ok($closed, '>', 0, '... as some of them were closed');
	$_->close for @endless;
	wait_until('the descriptors to be closed', sub { descriptors() <= $fds + 4 });
	push @afterwards, memory();
}
# what malloc keeps varies from one time to the next
cmp_ok(max(@afterwards[ 3 .. 5 ]) - max(@afterwards[ 0 .. 2 ]), '<', 16, 'memory doesn\'t grow');
# a frame of nearly 8 MiB is one that is taken
my $big = client();
is($big->call('sendmsg', message(to => 2, msg => \('m' x 8_000_000))), 200030, 'a quest of 8 MB is understood');
is($big->bytes('FPNN' . pack('C4VV', 1, 0x80, 1, 5, 8 * 1024 * 1024, 1) . '*ping'), 'closed', '... one byte beyond the limit closes');

# Kills: whatever was answered is there, also after kill -9 of the gate alone
# (which makes PostgreSQL restart everything) and of the whole server.
for my $kill ('gate', 'server')
{
	my @clients = map { client() } 1 .. 8;
	my (%asked, @answered);
	my $began = time;
	my $killed = 0;
	my @alive = @clients;
	while (@alive && time - $began < 60)
	{
		for my $client (@alive)
		{
			my $m = message(gid => 5);
			my $seq = eval { local $SIG{PIPE} = 'IGNORE'; $client->ask('sendgroupmsg', $m) } or next;
			$asked{ $client->{socket} }{$seq} = $m->{mid};
		}
		if (!$killed && time - $began > 0.5)
		{
			kill 'KILL', $kill eq 'gate' ? gate() : slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
			$killed = 1;
		}
		my @still;
		for my $client (@alive)
		{
			my $frame = $client->answer(20);
			push @still, $client if $frame;
			push @answered, $asked{ $client->{socket} }{ $frame->{seq} } if $frame && !$frame->{status};
		}
		@alive = @still;
	}
	ok(!@alive, "every connection ends with the $kill");
	if ($kill eq 'server')
	{
		# until the last processes have ended, it doesn't start
		wait_until('the server to start', sub { $node->{_pid} = undef; $node->start(fail_ok => 1) });
	}
	wait_until('the gate to be back', sub { eval { client()->call('*ping', {}, unsigned => 1) == 0 } });
	$node->poll_query_until('postgres', 'SELECT true');
	my %kept = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT mid FROM rtm_gate.message WHERE type = 2 AND a = 5');
	cmp_ok(scalar(@answered), '>', 20, scalar(@answered) . ' messages were answered');
	is(scalar(grep { !$kept{$_} } @answered), 0, '... and all of them are there');
}

my @crashes = grep { /was terminated by signal (?!9\b)|TRAP:|PANIC/ } split /\n/, slurp_file($node->logfile);
is_deeply(\@crashes, [], 'no process crashed by itself');
$node->stop;
done_testing();
