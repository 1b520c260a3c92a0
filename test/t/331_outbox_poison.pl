# A message that makes the gate close the connection, whenever it comes: it waits
# alone, and everything else is delivered.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

my $node = new_node('poison', conf => q(
autovacuum = off
rtm.retry_delay = 100ms
rtm.max_retry_delay = 500ms
));
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

my $flag = PostgreSQL::Test::Utils::tempdir() . '/healed';
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

# which messages the gate let through, by their attrs
sub asked
{
	my ($like) = @_;
	my %asked;
	$asked{ $_->{params}{attrs} }++ for grep { defined $_->{params}{attrs} && $_->{params}{attrs} =~ $like } $gate->events('quest');
	return \%asked;
}

# the first of what is asked together, and one in the middle
my $bad = sql(qq(SELECT rtm_send_group_message_async(51, 1, 666, 'unless $flag close', attrs => 'bad')));
sql(q(SELECT rtm_send_group_message_async(51, 1, i, 'ok', attrs => 'good ' || i) FROM generate_series(1, 100) AS i));
my $behind = sql(q(SELECT rtm_send_group_message_async(51, 1, 666, 'ok', attrs => 'behind')));
wait_until('innocent messages', sub { sql("SELECT count(*) FROM rtm_outbox WHERE id NOT IN ($bad, $behind)") == 0 });
pass('what was asked together with it is delivered');
is(sql(q(SELECT count(*) FROM rtm_result)), 0, '... nothing of it failed');
is(scalar(keys %{ asked(qr/^good/) }), 100, '... each was asked');
is_deeply(asked(qr/^behind/), {}, 'what is behind it in its conversation waits');
like(sql("SELECT (error).sqlstate, (error).message FROM rtm_outbox WHERE id = $bad"), qr/^FP202\|.*closed the connection/, 'its row says why');

# while it is tried again and again, each innocent one is asked once
$gate->forget;
wait_until('more attempts', sub { (asked(qr/^bad/)->{bad} || 0) >= 2 });
for my $n (1 .. 5)
{
	my $id = sql("SELECT rtm_send_group_message_async(51, 1, 7, 'ok', attrs => 'later $n')");
	is(sql("SELECT rtm_wait($id, 60)"), 'done', "a message that is queued meanwhile ($n)");
}
is_deeply(asked(qr/^later/), { map { ("later $_" => 1) } 1 .. 5 }, '... asked once each');

# several at once, under a short rtm.max_age and few attempts
sql("ALTER SYSTEM SET rtm.max_attempts = 4");
$node->reload;
$gate->forget;
sql(qq(SELECT rtm_send_group_message_async(51, 1, 1000 + i, CASE WHEN i % 50 = 25 THEN 'close' ELSE 'ok' END, attrs => i::text) FROM generate_series(1, 200) AS i));
wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
is(sql("SELECT count(*), count(*) FILTER (WHERE params->>'msg' = 'close'), min((error).sqlstate) FROM rtm_result WHERE params->>'attrs' ~ '^[0-9]+\$'"), '4|4|FP202',
	'four of them: they fail, and nothing else does');
is(scalar(keys %{ asked(qr/^\d+$/) }), 200, '... all others were asked');
sql("ALTER SYSTEM RESET rtm.max_attempts");
$node->reload;

# healed
is(sql("SELECT status FROM rtm_result WHERE id = $bad"), 'failed', 'the first one has had its attempts by now');
open(my $out, '>', $flag) or die $!; close $out;
is(sql("SELECT rtm_retry($bad)"), 't', 'rtm_retry()');
is(sql("SELECT rtm_wait($bad, 60)"), 'done', '... and it is delivered when the gate has been mended');

done_testing();
