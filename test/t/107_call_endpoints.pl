# Several endpoints: their order, IPv6, and those that were dead lately.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use IO::Socket::IP;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('endpoints');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
$node->safe_psql('postgres', q(
	CREATE FUNCTION wait_for_event(log text, pattern text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		WHILE pg_read_file(log) !~ pattern LOOP PERFORM pg_sleep(0.005); END LOOP;
	END $$));

# a connection of the sender, which has nothing to do from now on; see the end
my $kept = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'kept', $kept->endpoint);
$node->safe_psql('postgres', "SELECT rtm_send_group_message_async(51, 1, 1, 'ok', server => 'kept')");
$kept->wait_for('quest');

my $second = FakeGate->start(pid => $pid, secret => $secret);
my $port = free_port();
server_for($node, 'pair', "127.0.0.1:$port," . $second->endpoint);

sub call { my ($msg) = @_; return "SELECT rtm_call('anything', '{\"msg\":\"$msg\"}', server => 'pair')" }

# The first one is dead; when it is back, this session doesn't try it first for a
# while, and another session, which knows nothing of that, does.
my $s = begin_session($node, call('bye'), "SELECT wait_for_event('$second->{log}', '\"started\"')", call('ok'), call('ok'));
$second->wait_for('end');
my $first = FakeGate->start(pid => $pid, secret => $secret, port => $port);
$second->note('started');
my @r = end_session($s);
is(join(' ', map { $_->{state} } @r), '00000 00000 00000 00000', 'calls of a session whose first endpoint was dead')
  or diag map { $_->{message} } @r;
is(scalar($second->events('quest')), 3, 'all of them went to the second');
is(scalar($first->events('connect')), 0, '... and the first one, dead lately, was not asked');
is(one($node, call('ok'))->{state}, '00000', 'another session');
is(scalar($first->events('quest')), 1, '... begins with the first one');

# Both were dead lately: they are tried all the same, in their order
$first->stop;
my $second_port = $second->{port};
$second->stop;
$s = begin_session($node, call('ok'), "SELECT wait_for_event('$first->{log}', '\"again\"')", call('ok'));
wait_until('the refusal', sub { $s->{run}->pump_nb; return scalar($s->{err} =~ /HV00N/) });
my $log = $first->{log};
my $again = FakeGate->start(pid => $pid, secret => $secret, port => $second_port);
open(my $out, '>>', $log) or die $!;
syswrite($out, "{\"what\":\"again\"}\n");
close $out;
@r = end_session($s);
is($r[0]{state}, 'HV00N', 'no endpoint is there');
like($r[0]{message}, qr/127\.0\.0\.1:$port.*127\.0\.0\.1:$second_port/s, '... the error has both, in their order');
is($r[2]{state}, '00000', 'suspects are tried when there is nothing else') or diag $r[2]{message};

# IPv6, where there is some
SKIP:
{
	my $listener = IO::Socket::IP->new(Listen => 1, LocalHost => '::1', LocalPort => 0);
	skip 'no IPv6 loopback', 2 unless $listener;
	my $port6 = $listener->sockport;
	server_for($node, 'six', "[::1]:$port6");
	my $r = one($node, "SELECT rtm_call('anything', '{}', server => 'six', timeout => 0.3)");
	is($r->{state}, 'FP203', 'an IPv6 endpoint is connected to');
	like($r->{message}, qr/\[::1\]:$port6/, '... and named with its brackets');
}

# The sender keeps its connection open, which a gate would close after a minute
wait_until('a ping', sub { scalar(grep { $_->{method} eq '*ping' } $kept->events('quest')) > 0 });
is(scalar($kept->events('connect')), 1, 'an idle connection of the sender is kept by pings');
$node->safe_psql('postgres', "SELECT rtm_send_group_message_async(51, 1, 1, 'ok', server => 'kept')");
wait_until('a further message', sub { scalar(grep { $_->{method} eq 'sendgroupmsg' } $kept->events('quest')) == 2 });
is(scalar($kept->events('connect')), 1, '... and used again');
done_testing();
