# Message ids of several clusters that send to one group as fast as they can: a
# primary, a clone of it, its standby, whose sessions send themselves, and one that is
# a stranger.  Each message arrives once, none is lost, none counts as sent that isn't
# there.  And a gate on which others have the mids.
#
# MIDS_MESSAGES is how many there are in all; 100000.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $each = int(($ENV{MIDS_MESSAGES} || 100000) / 4);
my $conf = "log_statement = none\nmax_wal_senders = 5\nwal_level = replica\n";
my $house = new_node('house', conf => $conf);
$house->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
my $endpoint = $house->safe_psql('postgres', "SELECT rtm_gate_setup(secret => '$secret')");
sub gate { return $house->safe_psql('postgres', shift) }

sub cluster
{
	my ($name) = @_;
	my $node = new_node($name, init => { allows_streaming => 1 }, conf => "${conf}rtm.retry_delay = 20ms\nrtm.max_retry_delay = 200ms\n");
	$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
	server_for($node, 'rtm', $endpoint);
	return $node;
}

sub copy_of
{
	my ($primary, $name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, 'base', %opt);
	$node->start;
	return $node;
}

my %nodes = (primary => cluster('primary'), stranger => cluster('stranger'));
my $primary = $nodes{primary};
my $before = $primary->safe_psql('postgres', "SELECT (rtm_send_group_message(51, 1, 6, 'before')).mid");
$primary->backup('base');
$nodes{clone} = copy_of($primary, 'clone');
$nodes{standby} = copy_of($primary, 'standby', has_streaming => 1);
my @names = sort keys %nodes;
is($nodes{standby}->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'a standby');
is($nodes{clone}->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 'f', 'a clone that is a primary');

# who is who

sub new_mid { my ($name) = @_; return $nodes{$name}->safe_psql('postgres', "SELECT (rtm_send_group_message(51, 1, 6, 'one')).mid") }
my %mid = map { $_ => new_mid($_) } @names;
for my $i (0 .. $#names)
{
	ok(!same_maker(@mid{ @names[ $i, $_ ] }), "$names[$i] and $names[$_] have starts of their own") for $i + 1 .. $#names;
}
ok(same_maker($before, $mid{primary}), 'the primary has kept its own');
ok(same_maker(new_mid('standby'), $mid{standby}), 'so has the standby, in another session');

# all at once

sub sync { my ($name, $n, $of) = @_; return "SELECT count(s.mid) FROM generate_series($n, $each, $of) AS g, rtm_send_group_message(51, 1, 7, '$name ' || g) AS s" }
sub queue { my ($name, $n, $of) = @_; return "SELECT count(rtm_send_group_message_async(51, 1, 7, '$name ' || g)) FROM generate_series($n, $each, $of) AS g" }

my @sessions;
for my $name (@names)
{
	my $statement = $name eq 'standby' ? \&sync : \&queue;
	push @sessions, map { begin_session($nodes{$name}, $statement->($name, 2 * $_ - 1, 4), $statement->($name, 2 * $_, 4)) } 1 .. 2;
}
my @results = map { end_session($_) } @sessions;
is(scalar(grep { $_->{state} ne '00000' } @results), 0, 'no session met an error') or diag join "\n", map { $_->{message} || () } @results;
for my $name (grep { $_ ne 'standby' } @names)
{
	ok($nodes{$name}->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), "$name: all is sent");
	is($nodes{$name}->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, "$name: nothing failed");
}
my $theirs = 'FROM rtm_gate.message WHERE type = 2 AND a = 7';
is(gate("SELECT count(*), count(DISTINCT msg), count(DISTINCT mid) $theirs"), join('|', (4 * $each) x 3), 'each message has arrived once');
for my $name (@names)
{
	is(gate("SELECT count(*) $theirs AND msg LIKE '$name %'::bytea"), $each, "... all of $name");
}
my @again = grep { slurp_file($nodes{$_}->logfile) =~ /is sent with another mid/ } @names;
note('sent with another mid: ' . (join(' ', @again) || 'none'));

# restarts and promotion

$primary->restart;
ok(!same_maker(new_mid('primary'), $mid{primary}), 'a primary that is started again has another start');
$nodes{standby}->promote;
ok(same_maker(new_mid('standby'), $mid{standby}), 'a standby that is promoted keeps its own');

# somebody else has the mids

gate("SELECT rtm_gate_fault('taken', type => 2, xid => 8, after => 3, times => 4)");
is($primary->safe_psql('postgres', "SELECT count(rtm_send_group_message_async(51, 1, 8, 'mine ' || g)) FROM generate_series(1, 20) AS g"), 20,
	'queued for a group in which others have some mids');
ok($primary->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... sent');
is(gate("SELECT string_agg(convert_from(msg, 'UTF8'), ' ' ORDER BY id) FROM rtm_gate.message WHERE type = 2 AND a = 8 AND msg LIKE 'mine %'::bytea"),
	join(' ', map { "mine $_" } 1 .. 20), '... each has arrived once, in order');
is(gate("SELECT count(*) FROM rtm_gate.message WHERE type = 2 AND a = 8 AND msg NOT LIKE 'mine %'::bytea"), 4, '... and the others have theirs');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, '... nothing failed');
gate("SELECT rtm_gate_reset(); SELECT rtm_gate_fault('taken', type => 2, xid => 9, after => 3, times => 4)");
is($primary->safe_psql('postgres', sync('mine', 1, $each / 20) =~ s/, 7,/, 9,/r), 20, 'the same in calls that wait');
is(gate("SELECT count(DISTINCT msg), count(*) FROM rtm_gate.message WHERE type = 2 AND a = 9 AND msg LIKE 'mine %'::bytea"), '20|20', '... each has arrived once');

$_->stop for values %nodes, $house;
done_testing();
