# A gate that says that it knows the mid of a message: when that is ours, when it is
# somebody else's, and when it isn't known.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use MidGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = MidGate->new;
my $node = new_node('mids', conf => "log_statement = none\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);

sub try_it
{
	my ($msg, $more) = @_;
	my $result = (session($node, "SELECT mid, mtime FROM rtm_send_group_message(51, 1, 2, '$msg'" . ($more || '') . ')'))[-1];
	my @mids = $gate->mids($msg);
	my %different = map { $_ => 1 } @mids;
	return ($result, \@mids, scalar keys %different);
}

# somebody else's at the first asking: another mid
my ($r, $mids, $different) = try_it('a known ok');
is($r->{out}, "$mids->[1]|1790000000123", 'known at the first asking: sent with another mid');
is("@$mids[0,1]" && $different, 2, '... which is another one');
cmp_ok($mids->[1], '>', $mids->[0], '... and a later one');
ok(!same_maker(@$mids), '... of another start');
is(scalar($gate->events('looked')), 0, '... without looking: it cannot be ours');
ok(same_maker((try_it('b ok'))[1][0], $mids->[1]), '... which the next mid has as well');

($r, $mids, $different) = try_it('c ' . 'known ' x 20);
state_is($r, 'RTM53', qr/200053/, 'a gate that knows every mid: an error');
is("$different " . @$mids, '5 5', '... after a few mids');

($r, $mids) = try_it('d known', ', mid => 4712');
state_is($r, 'RTM53', qr/200053/, 'a mid that was given, known at the first asking: an error');
is("@$mids", '4712', '... that is not asked again');

# the answer was lost: the message is looked at
($r, $mids, $different) = try_it('e close known / ours');
is("$r->{out} $different", "$mids->[0]|4711 1", 'known at the second asking, and the message is ours: sent');
for my $other ('body', 'type')
{
	($r, $mids, $different) = try_it("f-$other close known ok / $other");
	is("$r->{out} $different", "$mids->[2]|1790000000123 2", "another $other: it is somebody else's, and ours is sent with another mid");
}
($r, $mids, $different) = try_it('g close known close known / body ours');
is("$r->{out} $different", "$mids->[2]|4711 2", 'twice');
($r, $mids, $different) = try_it('h close known / none');
is("$r->{out} $different", "$mids->[0]| 1", 'a gate that does not keep such messages: it counts as ours');
($r, $mids) = try_it('i close known / limit');
state_is($r, 'FP202', qr/it is not known whether the message has arrived.*200010|frequency/s, 'a gate that cannot say now: it is not known');
($r, $mids) = try_it('j close known / close close');
state_is($r, 'FP202', qr/it is not known whether the message has arrived/, 'the connection is lost again: it is not known');
is(scalar(@$mids), 2, '... and not sent again');
($r, $mids) = try_it('k close known', ', mid => 4713');
state_is($r, 'FP202', undef, 'a mid that was given, and a connection that is lost: it is not known');
is(scalar(@$mids), 1, '... and not asked again: whoever gave the mid may');

# time: the call's, for all of it
($r) = try_it('l known close known ok / body', ', timeout => 60');
is($r->{state}, '00000', 'a time-out is for all askings');

# the session is as it was: in a transaction, and without preload
$r = (session($node, 'BEGIN', "SELECT count(*) FROM rtm_send_group_message(51, 1, 2, 'm close known / limit')", 'ROLLBACK',
	'SELECT 1'))[-1];
is($r->{out}, 1, 'the session goes on');
is($node->safe_psql('postgres', "SELECT count(DISTINCT (rtm_send_group_message(51, 1, 2, 'n ' || g)).mid % 16384) > 1 FROM generate_series(1, 30) AS g"), 't',
	'the low bits of mids are spread');
unlike(slurp_file($node->logfile), qr/close known/, 'no message is in the log');
$node->stop;
done_testing();
