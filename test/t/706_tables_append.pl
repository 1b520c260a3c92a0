# Several foreign tables under an Append: their pages are under way together, over one
# connection.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('append');
my $false = Msgpack::raw("\xc2");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

sub page
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my $first = $p->{lastid} ? $p->{lastid} + 1 : 1;
	my @ids = grep { $_ <= 2 } $first;			# a group has two messages, a page each
	return $self->good($q, { num => scalar(@ids), lastid => $ids[0] || 2, begin => 0, end => 0,
		msgs => [ map { [ $_, 7, 51, $p->{gid} * 100 + $_, $false, \"$_ of $p->{gid}", \'', 1790000000000 + $_ ] } @ids ] });
}

# Nobody is answered before three have asked, and then the last one is first.
my @waiting;
sub three
{
	my ($self, $q) = @_;
	push @waiting, $q;
	return 1 if @waiting < 3;
	my @quests = reverse @waiting;
	@waiting = ();
	page($self, $_) or return 0 for @quests;
	return 1;
}

# Groups 13 and 14 have no good end.
sub odd
{
	my ($self, $q) = @_;
	return $self->error($q, 200041, 'not yours') if $q->{params}{gid} == 13;
	return 1 if $q->{params}{gid} == 14;
	return page($self, $q);
}

sql('CREATE EXTENSION rtm');
my %gate = map { $_->[0] => FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => $_->[1] }) } [ three => \&three ], [ odd => \&odd ], [ other => \&page ];
server_for($node, $_, $gate{$_}->endpoint, quest_timeout => '20s') for keys %gate;

sub partitioned
{
	my ($name, $server, @gids) = @_;
	sql("CREATE TABLE $name (gid bigint, id bigint, mid bigint, msg text, mtime bigint) PARTITION BY LIST (gid);" .
		join '', map { "CREATE FOREIGN TABLE ${name}_$_ PARTITION OF $name FOR VALUES IN ($_) SERVER $server OPTIONS (conversation 'group', uid '1');" } @gids);
}
partitioned('chat', 'three', 1 .. 3);
partitioned('refused', 'odd', 11 .. 13);
partitioned('stalled', 'odd', 21, 14, 22);

my $all = join "\n", map { my $g = $_; map { "$g|$_|$_ of $g" } 1, 2 } 1 .. 3;
is(sql('SELECT gid, id, msg FROM chat ORDER BY 1, 2'), $all, 'three partitions, whose pages come together');
is(scalar($gate{three}->events('connect')), 1, '... over one connection');
like(sql('EXPLAIN (COSTS off) SELECT count(*) FROM chat'), qr/Append(?:\s+->\s+Async Foreign Scan on chat_\d.*?){3}/s, 'EXPLAIN says so');
is(one($node, {}, q(SET enable_async_append = off; SET statement_timeout = '1s'; SELECT count(*) FROM chat))->{state}, '57014',
	'one after the other, the first one waits for the others in vain');
is(sql('SELECT count(*) FROM chat'), 6, 'once more, on a connection that owes an answer');

my $plan = sql('EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT * FROM chat');
is(scalar(() = $plan =~ /Async Foreign Scan on chat_\d .*?\(actual rows=2(?:\.00)? loops=1\)/g), 3, 'EXPLAIN ANALYZE counts the rows of each')
  or diag $plan;
is(sql(q(SELECT count(*), count(DISTINCT msg) FROM (SELECT msg FROM chat WHERE id > 0 AND mid % 2 = 0) m)), '3|3', 'rows that the clauses drop');
is(sql('SELECT g, sum(n) FROM generate_series(1, 2) g, LATERAL (SELECT count(*) + g AS n FROM chat WHERE mtime > g) c GROUP BY 1 ORDER BY 1'),
	"1|7\n2|8", 'repeated, with other values and with the same');
is(sql('SELECT count(*) FROM (SELECT 1 FROM chat LIMIT 1) l'), 1, 'LIMIT 1');
is(sql('SELECT count(*) FROM (SELECT msg FROM chat UNION ALL SELECT x::text FROM generate_series(1, 1000) x) u'), 1006, 'beside what is local');

# tables of several servers, and by hand
sql("CREATE FOREIGN TABLE other (gid bigint, msg text) SERVER other OPTIONS (conversation 'group', uid '1')");
is(sql("SELECT count(*) FROM (SELECT gid, msg FROM chat UNION ALL SELECT * FROM other WHERE gid = 5 UNION ALL SELECT * FROM other WHERE gid = 6) u"), 10, 'two servers');
is(sql('SELECT count(*) FROM chat a JOIN chat b USING (gid, id)'), 6, 'joined with itself');

# a cursor that isn't read to its end, and others on its connection
is(sql(q(BEGIN; DECLARE c CURSOR FOR SELECT msg FROM other WHERE gid = 5 UNION ALL SELECT msg FROM other WHERE gid = 6; FETCH 1 FROM c;
	SELECT count(*) FROM other WHERE gid = 7; FETCH ALL FROM c; COMMIT)) =~ tr/\n//, 4, 'a cursor, and another scan between its rows');

# what goes wrong
my $r = one($node, {}, 'SELECT count(*) FROM refused');
is($r->{state}, 'RTM41', 'one that the gate refuses is an error of all');
like($r->{context} || $r->{message}, qr/refused_13/, '... which names it');
is(sql("SELECT count(*) FROM refused WHERE gid < 13"), 4, '... and costs the connection nothing');

my $s = begin_session($node, { name => 'stalled' }, 'SELECT count(*) FROM stalled');
wait_until('a session that waits', sub { sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stalled' AND wait_event IN ('RtmGateAnswer', 'Extension'))) == 1 });
my $begun = time;
sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'stalled'");
is((end_session($s))[0]{state}, '57014', 'cancelled while it waits');
cmp_ok(time - $begun, '<', 10, '... before the answer is overdue');
sql("ALTER SERVER odd OPTIONS (SET quest_timeout '1s')");
is(one($node, {}, 'SELECT count(*) FROM stalled')->{state}, 'FP203', 'an answer that is overdue is an error');
$node->stop;
done_testing();
