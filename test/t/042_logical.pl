# Rows that came into an outbox by logical replication, or by COPY, are sent by
# nobody but the database that queued them; and the publisher's sender can write
# its table while all tables are published.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $conf = "wal_level = logical\nmax_wal_senders = 8\nrtm.retry_delay = '20ms'\nrtm.max_retry_delay = '50ms'\nmax_worker_processes = 16\n";
my ($publisher, $subscriber) = map { new_node($_, conf => $conf) } 'publisher', 'subscriber';
my $nowhere = '127.0.0.1:' . free_port();

for my $node ($publisher, $subscriber)
{
	$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE TABLE app (x int PRIMARY KEY)');
	server_for($node, 'rtm', $gate->endpoint);
}
sub enqueue
{
	my ($node, $name, $from, $to) = @_;
	return $node->safe_psql('postgres', "SELECT count(rtm_send_message_async(51, 1, 100 + g, '$name ' || g)) FROM generate_series($from, $to) AS g");
}

sub pause
{
	my ($node, $on) = @_;
	$node->append_conf('postgresql.conf', "rtm.pause = $on\n");
	$node->reload;
	return unless $on eq 'on';
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused' AND worker = 'rtm sender'") or die 'not paused';
}

my $own = 0;

sub sends_its_own
{
	my ($what) = @_;
	my $n = ++$own;
	my $id = $subscriber->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 3, 'own $n')");
	is($subscriber->safe_psql('postgres', "SELECT rtm_wait($id, 60)"), 'done', "$what: the subscriber sends what it queues itself");
}

# The first copy, and rows that are applied

# each has had a sender that wrote down its origin
$_->poll_query_until('postgres', 'SELECT count(*) = 1 FROM rtm_origin') or die for $publisher, $subscriber;
pause($publisher, 'on');
enqueue($publisher, 'copied', 1, 20);
$publisher->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION \$\$" . $publisher->connstr('postgres') . "\$\$ PUBLICATION everything");
$subscriber->wait_for_subscription_sync($publisher, 's');
is($subscriber->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE held) FROM rtm_outbox'), '20|20', 'the first copy: the rows are there, and held');
sends_its_own('the first copy');
enqueue($publisher, 'applied', 1, 20);
$publisher->wait_for_catchup('s');
sends_its_own('applied');
is($subscriber->safe_psql('postgres', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '0|40|holding', 'rows that were applied are held');
$subscriber->restart;
sends_its_own('started again');
is($subscriber->safe_psql('postgres', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '0|40|holding', 'started again: they are held');
is(scalar(grep { $_->{msg} =~ /copied|applied/ } $gate->events), 0, 'the subscriber has sent none of them');

# The publisher tries in vain for a while, which its rows note, then sends

$publisher->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (SET endpoint '$nowhere')");
pause($publisher, 'off');
ok($publisher->poll_query_until('postgres', 'SELECT count(*) = 20 FROM rtm_outbox WHERE attempts > 1 AND error IS NOT NULL'), 'a publisher notes failed attempts');
is($publisher->safe_psql('postgres', "SELECT count(*) FROM rtm_stat_worker WHERE last_error IS NOT NULL"), 0, '... without an error of its own');
$publisher->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (SET endpoint '" . $gate->endpoint . "')");
ok($publisher->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'the publisher sends');
is(scalar(grep { $_ } $gate->kept('copied'), $gate->kept('applied')), 40, '... each message once');
is(scalar($gate->events('refused')), 0, '... and nobody else has');
$publisher->wait_for_catchup('s');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'the subscriber has none of them any more');
sends_its_own('at the end');

# a request that failed is kept by both, and is nobody's work at the subscriber
$publisher->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 2, 'error 200020 no')");
ok($publisher->poll_query_until('postgres', 'SELECT count(*) = 1 FROM rtm_result'), 'a request that failed');
# the sender's commits are seen before they are written, and a catch-up waits for what is written
ok($subscriber->poll_query_until('postgres', "SELECT array_agg(status) = '{failed}' FROM rtm_result"), '... is known to the subscriber');
$publisher->safe_psql('postgres', 'INSERT INTO app VALUES (1)');
$publisher->wait_for_catchup('s');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM app'), 1, 'the replication works on');

# What somebody copies by hand

pause($publisher, 'on');
enqueue($publisher, 'by hand', 1, 10);
my $rows = $publisher->safe_psql('postgres', 'COPY rtm_request TO STDOUT');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s; TRUNCATE rtm_request');
$subscriber->psql('postgres', "COPY rtm_request FROM STDIN;\n$rows\n\\.\n", on_error_die => 1);
sends_its_own('COPY');
is($subscriber->safe_psql('postgres', 'SELECT queued, held FROM rtm_stat_outbox'), '0|10', 'rows that came by COPY are held');
is(scalar($gate->came('by hand')), 0, '... and not sent');
is($subscriber->safe_psql('postgres', 'SELECT rtm_adopt_held()'), 10, '... until they are adopted');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... sent');
is_deeply([ sort { $a <=> $b } $gate->kept('by hand') ], [ 1 .. 10 ], '... each once');
$_->stop for $publisher, $subscriber;

done_testing();
