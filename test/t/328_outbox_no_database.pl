# Processes that have no database commit transactions, too, and write WAL when they read
# pg_database (pages of it, with checksums): they have no outbox to look after.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('nodb', init => { extra => ['--data-checksums'] }, conf => "max_prepared_transactions = 5\nautovacuum = on\nautovacuum_naptime = 1s\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

sql('CREATE EXTENSION rtm');
for my $round (1 .. 3)
{
	# what nobody has looked at is marked by who looks first, which is written
	sql("CREATE DATABASE d$round");
	sql("DROP DATABASE d$round") if $round > 1;
	sql('CHECKPOINT');
	$node->stop('immediate');
	ok($node->start(fail_ok => 1), "round $round: a start") or last;
	wait_until('the launcher has looked', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher' AND lower(wait_event) = 'autovacuummain'") == 1 });
	is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm launcher'"), 1, "round $round: the launchers work");
}
unlike(slurp_file($node->logfile), qr/without having selected a database|terminating any other active/, 'none of them has looked for an outbox');
done_testing();
