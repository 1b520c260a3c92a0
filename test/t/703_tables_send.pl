# INSERT into foreign tables that sends at once, in batches: lines that break, gates that
# refuse, interrupts; what is sent is sent once, and what isn't known is said.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use KeepGate;
use PostgreSQL::Test::Utils;
use Relay;
use RtmTest;
use Test::More;

my $node = new_node('send');
my $gate = KeepGate->new;
my $relay = Relay->start(to => $gate->endpoint);
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
server_for($node, 'line', $relay->endpoint, queued => 'false');
$node->safe_psql('postgres', q(
	ALTER SERVER rtm OPTIONS (ADD queued 'false', ADD batch_size '50');
	CREATE SCHEMA line;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message, p2p_message) FROM SERVER rtm INTO public OPTIONS (uid '1');
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER line INTO line OPTIONS (uid '1');));

sub insert { my ($table, $name, $n, $more) = @_; return "INSERT INTO $table (mtype, from_uid, gid, msg" . ($more ? ', mid' : '') . ") SELECT 51, 1, 7, '$name ' || i" . ($more || '') . " FROM generate_series(1, $n) i" }
sub once { my ($name, $n, $what) = @_; is_deeply([ sort { $a <=> $b } $gate->kept($name) ], [ 1 .. $n ], $what) }

is(one($node, insert('group_message', 'whole', 120))->{state}, '00000', 'more than two batches');
once('whole', 120, '... of which each message was sent once');
is(scalar($gate->came('whole')), 120, '... by one quest each');

# ---- the line breaks

for my $cut (60, 400, 900)
{
	$relay->plan({ cut => $cut, dir => 'down', how => 'close' });
	my $r = one($node, insert('line.group_message', "down$cut", 40));
	is($r->{state}, '00000', "the line breaks after $cut bytes of answers: what was lost is sent again") or diag $r->{message};
	once("down$cut", 40, '... and kept once');
}
$relay->plan({ cut => 3000, dir => 'up', how => 'reset' });
is(one($node, insert('line.group_message', 'up', 40))->{state}, '00000', 'the line breaks in the middle of the quests');
once('up', 40, '... and each is kept once');

$relay->plan({ cut => 400, dir => 'down', how => 'close' });
my $r = one($node, insert('line.group_message', 'given', 40, ', 70000 + i'));
state_is($r, 'FP202', qr/lost.*CONTEXT:.*a batch: 40 messages were on their way, of which \d+ are known to have been sent and 0 to have been refused/s,
	'messages whose mid was given are not sent again');
my ($known) = $r->{message} =~ /which (\d+) are known/;
cmp_ok($known, '<', 40, '... and the error says how many are known to have been sent');
cmp_ok(scalar(my @given = $gate->kept('given')), '>=', $known, '... which is true');

# ---- the gate refuses

$r = one($node, "INSERT INTO group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 7, CASE WHEN i IN (5, 9) THEN 'error 200030' ELSE 'some ' || i END FROM generate_series(1, 20) i");
state_is($r, 'RTM30', qr/INSERT INTO public\.group_message failed.*20 messages were on their way, of which 18 are known to have been sent and 2 to have been refused/s, 'some of a batch are refused');
is(scalar($gate->kept('some')), 18, '... and the others sent');
state_is(one($node, insert('group_message', 'known', 3, ', 70001')), 'RTM53', undef, 'a mid that was given, and is known');
is(one($node, "INSERT INTO group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 7, 'one 1') RETURNING mid > 0, mtime > 0")->{out}, 't|t', 'RETURNING');
is(one($node, "WITH s AS (INSERT INTO group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 7, 'with ' || i FROM generate_series(1, 10) i RETURNING mid) SELECT count(DISTINCT mid) FROM s")->{out}, 10, '... of several');
is(one($node, "INSERT INTO p2p_message (mtype, from_uid, to_uid, msg) VALUES (51, 1, 2, 'pair 1'), (51, 2, 1, 'pair 2')")->{state}, '00000', 'to users');
is(scalar($gate->kept('pair')), 2, '... sent');

# nothing is sent of a batch with a row that can't be
$r = one($node, "INSERT INTO group_message (mtype, from_uid, gid, msg) SELECT CASE i WHEN 7 THEN 0 ELSE 51 END, 1, 7, 'bad ' || i FROM generate_series(1, 20) i");
state_is($r, 'RTM05', undef, 'a row that no gate takes');
is(scalar($gate->kept('bad')), 0, '... keeps its batch from being sent');

# ---- interrupts

my $stall = FakeGate->start(pid => $pid, secret => $secret, on => { sendgroupmsg => sub { my ($self, $q) = @_; return 1 if ${ ref $q->{params}{msg} ? $q->{params}{msg} : \$q->{params}{msg} } =~ /wait/; return $self->good($q) } });
server_for($node, 'stall', $stall->endpoint, queued => 'false');
$node->safe_psql('postgres', "CREATE SCHEMA stall; IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER stall INTO stall OPTIONS (uid '1')");
my @r = session($node, "SET statement_timeout = '300ms'", insert('stall.group_message', 'wait', 10), 'SET statement_timeout = 0', insert('stall.group_message', 'go on', 10),
	"SET rtm.quest_timeout = '200ms'", insert('stall.group_message', 'wait', 10), insert('stall.group_message', 'go on', 10));
is($r[1]{state}, '57014', 'cancelled in the middle of a batch');
is($r[3]{state}, '00000', '... and the session goes on');
state_is($r[5], 'FP203', qr/0 are known to have been sent/, 'a batch that is not answered');
is($r[6]{state}, '00000', '... and the session goes on');

# COPY, partitions
my $file = PostgreSQL::Test::Utils::tempdir() . '/rows';
is(one($node, "COPY (SELECT 51, 1, 7, 'copy ' || i FROM generate_series(1, 60) i) TO '$file'")->{state}, '00000', 'rows in a file');
is(one($node, "COPY group_message (mtype, from_uid, gid, msg) FROM '$file'")->{state}, '00000', 'COPY FROM');
once('copy', 60, '... sends them');
$node->safe_psql('postgres', q(
	CREATE TABLE parts (mtype int, from_uid bigint, gid bigint, msg text) PARTITION BY RANGE (gid);
	CREATE FOREIGN TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10) SERVER rtm OPTIONS (conversation 'group', uid '1');
	CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);));
is(one($node, "INSERT INTO parts SELECT 51, 1, 5 + i % 10, 'part ' || i FROM generate_series(1, 20) i")->{state}, '00000', 'rows for partitions');
is(scalar($gate->kept('part')) + $node->safe_psql('postgres', 'SELECT count(*) FROM parts_2'), 20, '... find theirs');
is(scalar($gate->kept('part')), 10, '... those of the foreign one are sent');
done_testing();
