# Scans of foreign tables: how many calls they make and when, gates that don't do what
# they are asked, errors and interrupts in the middle.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('scan');
my $false = Msgpack::raw("\xc2");
my $base = 1790000000000;

# A gate whose group G has as many messages as its hundreds say.  The second group of ids
# has what it has to do besides: 1 not to look at any bound, 2 times in disorder, 3 to fail
# at the second page, 4 to cut the line at the second page once, 5 never to answer the second
# page, 6 to refuse for the rate at first.
my %seen;
sub history
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my $last = int($p->{gid} / 100);
	my $what = $p->{gid} % 10;
	my $second = $p->{lastid} ? 1 : 0;
	return $self->error($q, 200041, 'not a member') if $what == 3 && $second;
	return 0 if $what == 4 && $second && !$seen{ $p->{gid} }++ && !-e "$self->{log}.cut" && open(my $f, '>', "$self->{log}.cut");
	return 1 if $what == 5 && $second;
	return $self->error($q, 200010, 'slowly') if $what == 6 && $seen{ $p->{gid} }++ < 2;
	my @ids = $p->{desc} ? reverse 1 .. $last : 1 .. $last;
	@ids = grep { !$p->{lastid} || ($p->{desc} ? $_ < $p->{lastid} : $_ > $p->{lastid}) } @ids;
	@ids = grep { (!$p->{begin} || $base + $_ >= $p->{begin}) && (!$p->{end} || $base + $_ <= $p->{end}) } @ids if $what != 1;
	@ids = grep { my $id = $_; !$p->{mtypes} || grep { $_ == 51 + $id % 2 } @{ $p->{mtypes} } } @ids if $what != 1;
	@ids = splice @ids, 0, $p->{num};
	my @entries = map { [ $_, 7, 51 + $_ % 2, 1000 + $_, $false, \"line $_", \'', $base + ($what == 2 ? $_ ^ 1 : $_) ] } @ids;
	return $self->good($q, { num => scalar(@ids), lastid => @ids ? $ids[-1] : $p->{lastid} || 0, begin => $p->{begin} || 0, end => $p->{end} || 0, msgs => \@entries });
}

# The same, but nothing is answered before all first pages have been asked for
my @kept;
sub together
{
	my ($self, $q) = @_;
	return history($self, $q) if $q->{params}{lastid};
	push @kept, $q;
	return 1 if @kept < $self->{together};
	history($self, $_) for splice @kept;
	return 1;
}

my $gate = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => \&history });
my $all = FakeGate->start(pid => $pid, secret => $secret, together => 100, on => { getgroupmsg => \&together });
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
server_for($node, 'many', $all->endpoint);
$node->safe_psql('postgres', q(
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO public OPTIONS (uid '1');
	CREATE SCHEMA many;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER many INTO many OPTIONS (uid '1');));

# What a query gives, and in how many calls
sub calls_are
{
	my ($sql, $out, $calls, $name) = @_;
	# a page that is asked for ahead may still be on its way when the statement is over
	$gate->settle;
	$gate->forget;
	my $r = one($node, $sql);
	$gate->settle;
	is($r->{out}, $out, $name) or diag $r->{message};
	is(scalar($gate->events('quest')), $calls, "$name: calls");
}

# ---- how many calls

calls_are('SELECT id FROM group_message WHERE gid = 50000 LIMIT 1', 1, 1, 'one of 500');
calls_are('SELECT count(*) FROM (SELECT FROM group_message WHERE gid = 50000 LIMIT 20) m', 20, 1, 'a page');
calls_are("SELECT id FROM group_message WHERE gid = 50000 AND msg = 'line 45' LIMIT 1", 45, 4, 'the limit counts rows behind a local filter');
calls_are('SELECT count(*) FROM group_message WHERE gid = 4500', 45, 4, 'all of 45');
calls_are('SELECT max(id) FROM group_message WHERE gid = 50000', 500, 1, 'the greatest id');
calls_are('SELECT string_agg(id::text, $$,$$) FROM (SELECT id FROM group_message WHERE gid = 50000 ORDER BY sent DESC, id DESC LIMIT 3) m', '500,499,498', 1, 'the latest');
calls_are('SELECT id FROM group_message WHERE gid = 50000 AND id > 400 LIMIT 1', 401, 1, 'behind an id');
calls_are('SELECT count(*) FROM group_message WHERE gid = 50000 AND id < 4', 3, 2, 'before an id');
calls_are('SELECT count(*) FROM group_message WHERE gid = 50000 AND id BETWEEN 100 AND 103', 4, 1, 'between two');
calls_are("SELECT count(*) FROM group_message WHERE gid = 50000 AND mtime BETWEEN $base + 100 AND $base + 103", 4, 2, 'between two times');
calls_are('SELECT count(*) FROM group_message WHERE gid = 1000 AND mtype = 51', 5, 2, 'of a type');
calls_are('SELECT count(*) FROM group_message WHERE gid = 1000 AND mtype = 300', 0, 0, 'of a type that there cannot be');
calls_are('SELECT count(*) FROM group_message WHERE gid = ANY (NULL)', 0, 0, 'of no group');
calls_are('SELECT count(*) FROM group_message WHERE gid = 1000 AND gid = ANY (ARRAY[2000, 3000]::bigint[])', 0, 0, 'of groups that contradict each other');
calls_are('SELECT count(*) FROM group_message WHERE gid = 1000 AND id > 7 AND id < 8', 0, 0, 'between what has nothing between');

# a join that reads the same history again doesn't ask again
calls_are('SET enable_material = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SELECT count(*) FROM generate_series(1, 30) i LEFT JOIN group_message m ON m.gid = 500 AND i > 0', 150, 2, 'a rescan replays');
calls_are('SET enable_memoize = off; SELECT count(*) FROM (VALUES (500), (500), (500), (700), (500)) v (g) JOIN group_message m ON m.gid = v.g', 27, 6, 'the same key again replays');
calls_are('SELECT string_agg(x, $$ $$) FROM (SELECT (SELECT min(id) || $$-$$ || max(id) FROM (SELECT id FROM group_message WHERE gid = g ORDER BY id DESC LIMIT 2) m) FROM (VALUES (500), (700), (500)) v (g)) s (x)',
	'4-5 6-7 4-5', 3, 'another key begins anew');

# ---- many conversations

my $hundred = 'ARRAY(SELECT 1000 * i FROM generate_series(1, 100) i)';
$all->forget;
is(one($node, "SET rtm.quest_timeout = '60s'; SELECT string_agg(gid || ':' || id, ' ') FROM (SELECT gid, id FROM many.group_message WHERE gid = ANY ($hundred) ORDER BY sent DESC, id DESC LIMIT 3) m")->{out},
	'100000:1000 100000:999 100000:998', 'the latest of 100 groups: their first pages are asked for together');
$all->settle;
is(scalar($all->events('quest')), 100, '... and no others');
is(scalar(grep { $_->{what} eq 'connect' } $all->events), 1, '... over one connection');
$node->safe_psql('postgres', 'CREATE TABLE groups (id int PRIMARY KEY, name text); INSERT INTO groups SELECT 1000 * i, $$g$$ || i FROM generate_series(1, 100) i; ANALYZE groups');
$all->forget;
is(one($node, "SET rtm.quest_timeout = '60s'; SELECT string_agg(name || ':' || id, ' ') FROM (SELECT g.name, m.id FROM groups g JOIN many.group_message m ON m.gid = g.id ORDER BY m.sent DESC, m.id DESC LIMIT 3) m")->{out},
	'g100:1000 g100:999 g100:998', '... by a join, too');
$all->settle;
is(scalar($all->events('quest')), 100, '... with no others');
calls_are('SELECT count(*) FROM groups g JOIN group_message m ON m.gid = g.id WHERE g.id IN (1000, 2000) AND m.id < 3', 4, 4, 'a join reads what the other table has of it');
state_is(one($node, 'SELECT count(*) FROM (VALUES (5003, 1)) v (gid, uid) JOIN group_message m USING (gid)'), 'RTM41', undef, 'a join that reads what it may not');
calls_are('SELECT count(*) FROM groups g JOIN (VALUES (1000)) v (id) USING (id) JOIN group_message m ON m.gid = g.id', 10, 2, 'a third table that says which: no others are read');
calls_are('SELECT gid, id FROM group_message WHERE gid = ANY (ARRAY[50000, 60000]) LIMIT 1', '50000|1', 1, 'without an order the first one is enough');
is(one($node, 'SELECT bool_and(x >= y) FROM (SELECT id AS x, lead(id) OVER () AS y FROM (SELECT id FROM group_message WHERE gid = ANY (ARRAY[1000, 7700, 100, 3900, 4100]) ORDER BY id DESC) m) n')->{out}, 't', 'a merge is in order');
is(one($node, 'SELECT count(*), count(DISTINCT (gid, id)) FROM (SELECT gid, id FROM group_message WHERE gid = ANY (ARRAY[1000, 7700, 100, 3900, 4100]) ORDER BY id DESC) m')->{out}, '168|168', '... and complete');

# ---- gates that don't do what they are asked

is(one($node, 'SELECT count(*), min(id), max(id) FROM group_message WHERE gid = 5001 AND mtype = 52')->{out}, '25|1|49', 'a gate that ignores types');
is(one($node, "SELECT count(*), min(id), max(id) FROM group_message WHERE gid = 5001 AND mtime > $base + 10 AND sent < to_timestamp(($base + 15) / 1000.0)")->{out}, '4|11|14', 'a gate that ignores times');
state_is(one($node, 'SELECT count(*) FROM (SELECT sent FROM group_message WHERE gid IN (5002, 600) ORDER BY sent) m'), 'FP206', qr/not in the order of time.*HINT:.*time_ordered/s, 'a gate that has times in disorder');
state_is(one($node, 'SELECT sent FROM group_message WHERE gid = 5002 ORDER BY sent LIMIT 7'), 'FP206', qr/not in the order of time/, '... in one history');
is(one($node, "ALTER SERVER rtm OPTIONS (ADD time_ordered 'false'); SELECT string_agg((mtime - $base)::text, ' ') FROM (SELECT mtime FROM group_message WHERE gid = 502 ORDER BY mtime) m")->{out}, '0 2 3 4 5', 'then PostgreSQL sorts');
$node->safe_psql('postgres', 'ALTER SERVER rtm OPTIONS (DROP time_ordered)');

# ---- errors in the middle

state_is(one($node, 'SELECT count(*) FROM group_message WHERE gid = 5003'), 'RTM41', qr/reading public\.group_message failed.*CONTEXT:  foreign table public\.group_message, uid 1, gid 5003/s, 'a page that fails is an error');
calls_are('SELECT count(*) FROM group_message WHERE gid = 5004', 50, 5, 'a connection that is lost is made anew, and the page asked for again');
my @r = session($node, "SET rtm.quest_timeout = '200ms'", 'SELECT count(*) FROM group_message WHERE gid = 5005', 'SELECT count(*) FROM group_message WHERE gid = 500',
	'RESET rtm.quest_timeout', "SET statement_timeout = '200ms'", 'SELECT count(*) FROM group_message WHERE gid = 5005', 'SET statement_timeout = 0', 'SELECT count(*) FROM group_message WHERE gid = 500',
	'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM group_message WHERE gid = 50000', 'FETCH 25 FROM c', 'SAVEPOINT s', "SELECT count(*) FROM group_message WHERE gid = 5003", 'ROLLBACK TO s', 'MOVE 70 FROM c', 'FETCH 1 FROM c', 'COMMIT',
	'SELECT id FROM group_message WHERE gid = 50000 OFFSET 30 LIMIT 1', 'SELECT count(*) FROM group_message WHERE gid = 500');
state_is($r[1], 'FP203', qr/getgroupmsg/, 'an answer that does not come');
is($r[2]{out}, 5, '... costs the next statement nothing');
is($r[5]{state}, '57014', 'cancelled while it waits');
is($r[7]{out}, 5, '... costs the next statement nothing');
is($r[15]{out}, 96, 'a cursor goes on after another scan has failed');
is($r[18]{out}, 5, 'what was asked for ahead, and was not needed, disturbs nobody');
is(one($node, 'SELECT count(*) FROM group_message WHERE gid = 506')->{out}, 5, 'a gate that refuses for the rate is asked again');
state_is(one($node, "SET rtm.scan_calls = 3; SELECT count(*) FROM group_message WHERE gid = 50000"), '54000', qr/rtm\.scan_calls is 3/, 'a limit of calls');
is(one($node, "SET rtm.scan_calls = 3; SELECT count(*) FROM (SELECT FROM group_message WHERE gid = 50000 LIMIT 60) m")->{out}, 60, '... which what is asked for ahead does not reach');

done_testing();
