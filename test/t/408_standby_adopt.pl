# A standby that is promoted and isn't to send what its primary had queued: new messages
# of a conversation wait until somebody has decided about the old ones.
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

# Messages to groups 1 to 4 in turn.
sub enqueue
{
	my ($node, $db, $name, $from, $to) = @_;
	$node->safe_psql($db, "SELECT rtm_send_group_message_async(51, 1, 1 + g % 4, '$name ' || g) FROM generate_series($from, $to) AS g ORDER BY g");
}

my @dbs = qw(adopts discards);
my $one = new_node('one', init => { allows_streaming => 1 }, conf => "rtm.pause = on\n");
for my $db (@dbs)
{
	$one->safe_psql('postgres', "CREATE DATABASE $db");
	$one->safe_psql($db, 'CREATE EXTENSION rtm');
	server_for($one, 'rtm', $gate->endpoint, db => $db);
}
$one->backup('base');
my $two = PostgreSQL::Test::Cluster->new('two');
$two->init_from_backup($one, 'base', has_streaming => 1);
$two->append_conf('postgresql.conf', "rtm.send_after_promotion = off\nrtm.pause = off\n");
$two->start;
# the sender has to have written down whose they are
$one->poll_query_until($_, 'SELECT count(*) = 1 FROM rtm_internal.rtm_origin') or die for @dbs;
enqueue($one, $_, $_, 1, 600) for @dbs;
$one->safe_psql('adopts', "SELECT rtm_send_messages_async(51, 1, '{7,8}', 'adopts 601')");
$one->wait_for_catchup($two);
$one->stop('immediate');
$two->promote;

# New ones, to the same conversations, to some of several, and to others

for my $db (@dbs)
{
	enqueue($two, $db, $db, 602, 1200);
	$two->safe_psql($db, "SELECT rtm_send_message_async(51, 1, 7, '$db 1201')") if $db eq 'adopts';
	my $id = $two->safe_psql($db, "SELECT rtm_send_group_message_async(51, 1, 9, '$db aside')");
	is($two->safe_psql($db, "SELECT rtm_wait($id, 180)"), 'done', "$db: another conversation goes on");
}
sub came_of { my ($db) = @_; return scalar(() = $gate->came($db)) }
sub waits
{
	my ($db, $what) = @_;
	is(came_of($db), 0, "$db: $what: no message that may come to be behind the old ones leaves");
}
waits($_, 'promoted') for @dbs;
is($two->safe_psql('adopts', 'SELECT held, queued, sender FROM rtm_stat_outbox'), '601|600|holding', 'they wait, the old ones are held');
$two->stop('immediate');
$two->start;
for my $db (@dbs)
{
	my $id = $two->safe_psql($db, "SELECT rtm_send_group_message_async(51, 1, 9, '$db again')");
	is($two->safe_psql($db, "SELECT rtm_wait($id, 180)"), 'done', "$db: after a crash, too");
	waits($db, 'after a crash');
}
$two->safe_psql('adopts', 'BEGIN; SELECT rtm_adopt_held(); ROLLBACK');

# Decided

is($two->safe_psql('adopts', 'SELECT rtm_adopt_held()'), 601, 'they are adopted');
enqueue($two, 'adopts', 'adopts', 1202, 1300);
ok($two->poll_query_until('adopts', 'SELECT count(*) = 0 FROM rtm_outbox'), '... all leave');
my @came = grep { $_ != 601 && $_ != 1201 } $gate->kept('adopts');
is(scalar @came, 1298, '... each once');
for my $group (1 .. 4)
{
	my @theirs = grep { 1 + $_ % 4 == $group } @came;
	is_deeply(\@theirs, [ sort { $a <=> $b } @theirs ], "... group $group: those that were queued before go first");
}
is($two->safe_psql('adopts', 'SELECT held, queued, sender FROM rtm_stat_outbox'), '0|0|running', '... nothing is held');
is($two->safe_psql('discards', 'SELECT rtm_discard_held()'), 600, 'they are discarded');
ok($two->poll_query_until('discards', 'SELECT count(*) = 0 FROM rtm_outbox'), '... the new ones leave');
@came = $gate->kept('discards');
is_deeply([ sort { $a <=> $b } @came ], [ 602 .. 1200 ], '... each once, and no old one');
done_testing();
