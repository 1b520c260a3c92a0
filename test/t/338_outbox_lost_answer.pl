# An answer that doesn't come, on a connection that is busy for long: what is kept for it
# doesn't grow with what is asked meanwhile.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use List::Util qw(sum0);
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('lost_answer', conf => "fsync = off\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sql('CREATE EXTENSION rtm');
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

# Bytes of the contexts of the sender's connections, as it writes them into its log.
sub connection_memory
{
	my $from = -s $node->logfile;
	sql("SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
	my $log;
	wait_until('the sender to tell its memory', sub { $log = slurp_file($node->logfile, $from); $log =~ /Grand total/ });
	return sum0 $log =~ /rtm (?:connection|quests): (\d+) total/g;
}

my $lost = sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'hold /nowhere', timeout => 1000)));
sub others { return sql(q(SELECT count(rtm_send_group_message_async(51, 1, 1 + i, 'ok')) FROM generate_series(1, 5000) AS i)) }
sub are_sent { return wait_until('the others to be sent', sub { sql('SELECT count(*) FROM rtm_outbox') == 1 }) }

others();
are_sent();
my $before = connection_memory();
cmp_ok($before, '>', 0, 'the sender tells its memory');
for (1 .. 3) { others(); are_sent() }
cmp_ok(connection_memory() - $before, '<', 65536, 'a quest without an answer takes no more with what is asked behind it');
is(scalar(grep { $_->{what} eq 'connect' } $gate->events('connect')), 1, 'all that was one connection');
is(sql("SELECT id FROM rtm_outbox"), $lost, '... where one quest waits');

$node->stop;
done_testing();
