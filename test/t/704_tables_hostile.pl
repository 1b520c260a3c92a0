# Foreign tables against gates that answer what no gate should, and under cursors, many
# branches, plans that are kept, and roles that may do less.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('hostile');
my $false = Msgpack::raw("\xc2");
my $base = 1790000000000;

sub entry { return [ $_[0], 7, 51, 1000 + $_[0], $false, \"line $_[0]", \'', $base + $_[0] ] }

# Group 1: the cursor goes round; 2: pages without messages, for ever; 3: no list; 4: an id
# that is none; 5: far more than was asked for; 6: ids in disorder; all
# others: five messages.
sub history
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my $g = $p->{gid};
	my $last = $p->{lastid} || 0;
	my %page = (num => 20, lastid => $last + 1, begin => 0, end => 0);
	return $self->good($q, { %page, lastid => $last % 3 + 1, msgs => [ entry(1) ] }) if $g == 1;
	return $self->good($q, { %page, msgs => [] }) if $g == 2;
	return $self->good($q, { %page, msgs => 'none' }) if $g == 3;
	return $self->good($q, { %page, msgs => [ entry(1), [ 'two', @{ entry(2) }[ 1 .. 7 ] ] ] }) if $g == 4;
	return $self->good($q, { %page, num => 0, lastid => 0, msgs => [] }) if $last;
	return $self->good($q, { %page, num => 3000, lastid => 3000, msgs => [ map { entry($_) } 1 .. 3000 ] }) if $g == 5;
	return $self->good($q, { %page, lastid => 9, msgs => [ map { entry($_) } 1, 5, 3, 9 ] }) if $g == 6;
	my @ids = $p->{desc} ? reverse 1 .. 5 : 1 .. 5;
	return $self->good($q, { %page, num => 5, lastid => 5, msgs => [ map { entry($_) } @ids ] });
}

my $gate = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => \&history });
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
$node->safe_psql('postgres', "IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO public OPTIONS (uid '1')");

# ---- answers

my $count = 'SELECT count(*) FROM group_message WHERE gid =';
state_is(one($node, "$count 1"), 'FP206', qr/leads nowhere/, 'a cursor that goes round');
state_is(one($node, "SET rtm.scan_calls = 50; $count 2"), '54000', qr/rtm\.scan_calls is 50/, 'pages without messages, for ever: calls are bounded');
state_is(one($node, "SET rtm.scan_calls = 0; SET rtm.history_limit = '64kB'; $count 2"), '54000', qr/rtm\.history_limit is 64 kB/, '... and what they count');
state_is(one($node, "$count 3"), 'FP206', qr/msgs/, 'no list of messages');
state_is(one($node, "$count 4"), 'FP206', qr/msgs\[1\]\[0\]/, 'an id that is none');
is(one($node, "$count 5")->{out}, 3000, 'more than was asked for');
is(one($node, "$count 8")->{out}, 5, 'none of them costs the next statement anything');
state_is(one($node, 'SELECT id FROM group_message WHERE gid = 6 ORDER BY id'), 'FP206', qr/not in the order of id/, 'ids in disorder, where an order was promised');
state_is(one($node, 'SELECT id FROM group_message WHERE gid = 6 AND id BETWEEN 1 AND 8'), 'FP206', qr/not in the order of id/, '... or a bound ends the reading');

# ---- how it is read

my @r = session($node, 'BEGIN', 'DECLARE h CURSOR WITH HOLD FOR SELECT gid, id FROM group_message WHERE gid IN (8, 9) ORDER BY id DESC, gid', 'FETCH 1 FROM h', 'COMMIT', 'MOVE 8 FROM h', 'FETCH 2 FROM h', 'CLOSE h',
	'BEGIN', 'DECLARE c SCROLL CURSOR FOR SELECT id FROM group_message WHERE gid = 8', 'FETCH 3 FROM c', 'FETCH BACKWARD 2 FROM c', 'FETCH ALL FROM c', 'ROLLBACK');
is($r[5]{out}, '9|1', 'a cursor that outlives its transaction');
is($r[11]{out}, "2\n3\n4\n5", 'a cursor that goes back');
is(one($node, 'SELECT count(*) FROM (' . join(' UNION ALL ', map { "SELECT id FROM group_message WHERE gid = $_" } 101 .. 300) . ') u')->{out}, 1000, '200 branches');
@r = session($node, 'SET plan_cache_mode = force_generic_plan', "PREPARE p (bigint) AS $count \$1", 'EXECUTE p (8)', 'EXECUTE p (NULL)', 'EXECUTE p (1)', 'EXECUTE p (9)');
is(join(' ', map { $_->{state} eq '00000' ? $_->{out} : $_->{state} } @r[ 2 .. 5 ]), '5 0 FP206 5', 'a plan that is kept');
is(one($node, "DO \$\$ BEGIN FOR i IN 1 .. 20 LOOP BEGIN PERFORM FROM group_message WHERE gid = 1; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END \$\$; $count 8")->{out}, 5, 'errors in subtransactions');

# ---- roles

$node->safe_psql('postgres', q(
	CREATE ROLE reader;
	CREATE VIEW three WITH (security_barrier) AS SELECT id FROM group_message WHERE gid = 8 AND id BETWEEN 1 AND 3;
	CREATE FUNCTION tell(bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 > 3 THEN RAISE 'told %', $1; END IF; RETURN true; END $$;
	GRANT SELECT ON three TO reader;));
state_is(one($node, "SET ROLE reader; $count 8"), '42501', qr/permission denied for foreign table/, 'a role without a right to the table');
is(one($node, 'SET ROLE reader; SELECT count(*) FROM three')->{out}, 3, '... reads by a view as its owner');
is(one($node, 'SET ROLE reader; SELECT count(*) FROM three WHERE tell(id)')->{out}, 3, '... and nothing of what the view hides');
$node->safe_psql('postgres', 'GRANT SELECT ON group_message TO reader; REVOKE USAGE ON FOREIGN SERVER rtm FROM PUBLIC');
state_is(one($node, "SET ROLE reader; $count 8"), '42501', qr/foreign server/, 'a right to the table is none to the server');

done_testing();
