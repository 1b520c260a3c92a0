# A connection that died without a word while it was idle: it is asked before it is
# used, and what was to be sent goes by another one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use OutboxTest;
use PostgreSQL::Test::Utils;
use Relay;
use RtmTest;
use Test::More;

outbox_node('idle');
my $relay = Relay->start(to => $gate->endpoint, record => 1);

# Any time that isn't the probe's is an hour
server_for($node, 'line', $relay->endpoint, quest_timeout => '1h', connect_timeout => '1h');
my $call = q(SELECT rtm_call('anything', '{"msg":"ok"}', server => 'line'));
my $good = q(SELECT rtm_call('anything', '{"msg":"ok"}', server => 'fake'));
is(one($node, $call)->{state}, '00000', 'a call by the relay');
my $answer = length $relay->recorded('down');

# after the first answer nothing goes through any more
my $dead = { cut => $answer, dir => 'down', how => 'silent' };
$relay->plan($dead);
$gate->forget;
my @r = session($node, { name => 'idle' }, $good, $call, 'SELECT pg_sleep(11)', $call, $good, $good);
is(join(' ', map { $_->{state} } @r), '00000 00000 00000 00000 00000 00000', 'a call after its connection died silently')
  or diag map { $_->{message} } @r;
is(scalar($relay->events('connect')), 2, '... goes by a second connection');
my @methods = map { $_->{method} } $gate->events('quest');
is(scalar(grep { $_ eq 'anything' } @methods), 5, '... and is sent once');
is(scalar(grep { $_ eq '*ping' } @methods), 1, 'a connection that lives is asked once, and used again');

# The same for the sender, which asks by itself only later
$relay->plan($dead);
my $id = sql(q(SELECT rtm_call_async('anything', '{"msg":"ok"}', server => 'line')));
is(sql("SELECT rtm_wait($id, $wait)"), 'done', 'a queued call');
$node->safe_psql('postgres', 'SELECT pg_sleep(11)');
$id = sql(q(SELECT rtm_call_async('anything', '{"msg":"ok"}', server => 'line')));
is(sql("SELECT rtm_wait($id, $wait)"), 'done', '... and one after its connection died silently');
is(scalar($relay->events('connect')), 2, '... goes by a second connection');
$node->stop;
done_testing();
