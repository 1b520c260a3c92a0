# A session that waits for a request, and whose client has gone: a pooler that drops its
# client closes the connection, and counts it no more.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('node');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', '127.0.0.1:9');
my $id = $node->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 2, 'never')");

sub waits { my ($name) = @_; return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$name' AND query LIKE 'SELECT rtm_wait%'") }

for my $statement ("SELECT rtm_wait($id)", "SELECT rtm_wait($id, 3600)")
{
	my $s = begin_session($node, { name => 'goes' }, $statement);
	wait_until('it waits', sub { waits('goes') });
	$s->{run}->signal('KILL');
	$s->{run}->finish;
	wait_until('the wait ends', sub { !waits('goes') });
	pass("$statement: the session ends with its client");
}

# One whose client is there goes on, also when the server is told to look at it itself
my $s = begin_session($node, { name => 'stays' }, "SET client_connection_check_interval = '100ms'", "SELECT rtm_wait($id)");
wait_until('it waits', sub { waits('stays') });
$node->safe_psql('postgres', "SELECT rtm_wait($id, 2)");
is(waits('stays'), 1, 'one whose client is there waits on');
$node->safe_psql('postgres', "SELECT rtm_discard($id)");
my @r = end_session($s);
is($r[1]{out}, 'done', '... until the end') or diag $r[1]{message};
like(slurp_file($node->logfile), qr/FATAL:  connection to client lost/, 'the log says as much');
done_testing();
