# A burst above the project's limit is paced, and stops nobody else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

my $node = new_node('limit', conf => "autovacuum = off\nrtm.max_attempts = 20\nrtm_gate.rate_limit = 100\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

sql('SELECT rtm_gate_setup()');
my $other = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'other', $other->endpoint);

sql(q(SELECT rtm_send_group_message_async(51, 1, i, 'x') FROM generate_series(1, 600) AS i));
wait_until('the limit to be shown', sub { sql("SELECT limited_to > 0 FROM rtm_stat_server WHERE server = 'rtm'") eq 't' });
pass('rtm_stat_server says that the server is limited');
my $id = sql("SELECT rtm_send_group_message_async(51, 1, 1, 'ok', server => 'other')");
is(sql("SELECT rtm_wait($id, 60)"), 'done', 'a message to another server goes meanwhile');
cmp_ok(sql("SELECT count(*) FROM rtm_outbox WHERE server = 'rtm'"), '>', 0, '... while the burst waits');
wait_until('the burst to be through', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
is(sql('SELECT count(*) FROM rtm_result'), 0, 'nothing failed');
is(sql('SELECT count(DISTINCT a), count(*) FROM rtm_gate.message'), '600|600', 'all of it is at the gate, once');

# 600 messages, 100 a second: a few refusals for each second, not one for each message and pause
cmp_ok(sql("SELECT sum(count) FROM rtm_stat_error WHERE code = 200010"), '<', 300, 'a burst counts once');
is(sql("SELECT limited_to IS NULL FROM rtm_stat_server WHERE server = 'other'"), 't', 'the other server was never limited');
like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/server "rtm" of rtm limits the project: going on at \d+ quests a second/, 'the log says it');

# one that is always refused is its own trouble
my $own = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'own', $own->endpoint);
sql("SELECT rtm_send_group_message_async(51, 1, 1, 'error 200010 not you', server => 'own')");
wait_until('attempts', sub { sql("SELECT max(attempts) >= 3 FROM rtm_outbox") eq 't' });
is(sql("SELECT limited_to IS NULL FROM rtm_stat_server WHERE server = 'own'"), 't', 'a single refused message limits nobody');

done_testing();
