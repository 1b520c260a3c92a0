# A gate that knows the mid of a queued message: by an attempt of ours, by a copy of
# this database, or by somebody else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use MidGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = MidGate->new;
my $node = new_node('mids', conf => "log_statement = none\nrtm.retry_delay = 20ms\nrtm.max_retry_delay = 50ms\nrtm.keep_results = on\n");
sub sql { return $node->safe_psql('postgres', shift) }
sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
my $group = 0;

# In a group of its own; how it ended, and with which mids it was sent.
sub try_it
{
	my ($msg, $more) = @_;
	my $id = sql('SELECT rtm_send_group_message_async(51, 1, ' . ++$group . ", '$msg'" . ($more || '') . ')');
	my $end = sql("SELECT rtm_wait($id, 60)");
	return ($id, $end, $gate->mids($msg));
}

sub kept { my ($id, $column) = @_; return sql("SELECT $column FROM rtm_result WHERE id = $id") }

my ($id, $end, @mids) = try_it('a known ok / none');
is("$end " . @mids, 'done 2', 'known at the first attempt, and not shown: sent again');
ok($mids[1] > $mids[0] && !same_maker(@mids), '... with another mid, of another start');
is(kept($id, 'mid'), $mids[1], '... which the result has');
for my $other ('body', 'type')
{
	($id, $end, @mids) = try_it("b-$other known ok / $other");
	is("$end " . @mids . ' ' . ($mids[0] != $mids[1]), 'done 2 1', "... and of another $other: sent with another mid");
	($id, $end, @mids) = try_it("c-$other close known ok / $other");
	is("$end " . @mids . ' ' . ($mids[1] != $mids[2]), 'done 3 1', "known at the second attempt, and of another $other: sent with another mid");
}
($id, $end, @mids) = try_it('d known / ours');
is("$end @mids", "done $mids[0]", 'known at the first attempt, and the same: a copy has sent it');
for my $look ('ours', 'none')
{
	($id, $end, @mids) = try_it("e-$look close known / $look");
	is("$end " . @mids, 'done 2', "known at the second attempt, $look: it has arrived");
	is($mids[0], $mids[1], '... with its mid');
}
($id, $end, @mids) = try_it('f close known / limit close ours');
is("$end " . @mids, 'done 2', 'a look is repeated until there is an answer');

# given

my $given = 1000;
($id, $end, @mids) = try_it('g known', ', mid => ' . ++$given);
is("$end @mids " . kept($id, '(error).sqlstate'), "failed $given RTM53", 'a mid that was given, known at the first attempt: failed');
($id, $end, @mids) = try_it('h close known / body', ', mid => ' . ++$given);
is("$end @mids " . kept($id, '(error).sqlstate'), "failed $given $given RTM53", '... another message, at the second attempt: failed');
($id, $end, @mids) = try_it('i close known / ours', ', mid => ' . ++$given);
is("$end @mids", "done $given $given", '... the same message: done');

# repeated by a person

$node->append_conf('postgresql.conf', "rtm.max_attempts = 1\n");
$node->reload;
sub retried
{
	my ($msg, $more) = @_;
	my ($id, $end) = try_it($msg, $more);
	is($end, 'failed', "$msg: failed at first");
	sql("SELECT rtm_retry($id)");
	my $again = sql("SELECT rtm_wait($id, 60)");
	return ($again, $gate->mids($msg));
}
($end, @mids) = retried('j close known / none');
is("$end " . ($mids[0] == $mids[1]), 'done 1', 'rtm_retry: the gate knows it from the first attempt');
($end, @mids) = retried('k close known / ours', ', mid => ' . ++$given);
is("$end @mids", "done $given $given", '... also with a mid that was given');
($end, @mids) = retried('l close known / body', ', mid => ' . ++$given);
is("$end @mids", "failed $given $given", '... which is kept, when it is another message');
($end, @mids) = retried('m known known / body', ', mid => ' . ++$given);
is("$end @mids", "failed $given $given", '... and when it was refused before');
is(scalar(() = slurp_file($node->logfile) =~ /close known|another's/g), 0, 'no message is in the log');
$node->stop;
done_testing();
