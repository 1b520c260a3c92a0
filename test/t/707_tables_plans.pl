# Foreign tables: the same rows by whichever plan, read as whom the query was begun by;
# statements that would send, edit or delete a message twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use KeepGate;
use Msgpack;
use RtmTest;
use Test::More;

my $node = new_node('plans');
my $false = Msgpack::raw("\xc2");
my $far = 18014398509481984; # 2^54

# Group G has, for the user U who reads it, messages of his own and of user 7; those of group 900 have ids
# that no double tells apart.
sub history
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my @ids = $p->{gid} == 900 ? ($far - 1, $far, $far + 1) : (1, 2);
	@ids = reverse @ids if $p->{desc};
	@ids = grep { $p->{desc} ? $_ < $p->{lastid} : $_ > $p->{lastid} } @ids if $p->{lastid};
	my @entries = map { [ $_, $_ == 1 ? $p->{uid} : 7, 51, 100 + $_ % 1000, $false, \"$p->{gid} for $p->{uid}", \'', 1790000000000 + $_ % 1000 ] } @ids;
	return $self->good($q, { num => scalar(@entries), lastid => @ids ? $ids[-1] : 0, begin => 0, end => 0, msgs => \@entries });
}

my $gate = FakeGate->start(pid => $pid, secret => $secret,
	on => { getgroupmsg => \&history, map { $_ => sub { my ($self, $q) = @_; return $self->good($q) } } qw(sendgroupmsg editmsg delmsg) });
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
$node->safe_psql('postgres', q(
	CREATE FUNCTION state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;
	CREATE SCHEMA given;
	CREATE SCHEMA asked;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO asked;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO given;
	ALTER FOREIGN TABLE given.group_message OPTIONS (ADD uid '1');
	CREATE TABLE member (uid bigint, gid bigint);
	INSERT INTO member VALUES (1, 101), (2, 101), (2, 102);
	ANALYZE member;));

# By every kind of join, the same rows
my @joins = ('', map { my $one = $_; join '', map { "SET enable_$_ = " . ($_ eq $one ? 'on' : 'off') . ';' } qw(hashjoin mergejoin nestloop) } qw(hashjoin mergejoin nestloop));
sub same_rows
{
	my ($sql, $rows, $what) = @_;
	for my $join (@joins)
	{
		my $r = one($node, "$join SELECT string_agg(r, ' ' ORDER BY r) FROM ($sql) q (r)");
		is($r->{out}, $rows, "$what (" . ($join =~ /(\w+) = on/ ? $1 : 'as it likes') . ')') or diag $r->{message};
	}
}

# ---- as whom is read

same_rows('SELECT DISTINCT f.msg FROM member m JOIN given.group_message f ON f.uid = m.uid WHERE f.gid = 101', '101 for 1 101 for 2', 'an option uid, and a join that names another');
same_rows('SELECT DISTINCT f.msg FROM member m JOIN given.group_message f USING (uid, gid)', '101 for 1 101 for 2 102 for 2', '... with the group');
same_rows('SELECT DISTINCT f.msg FROM given.group_message f WHERE f.gid = 101 AND f.uid IN (SELECT uid FROM member)', '101 for 1 101 for 2', '... as a subquery');
same_rows('SELECT DISTINCT f.msg FROM given.group_message f WHERE f.gid = 102', '102 for 1', 'nothing named: the option');
same_rows('SELECT DISTINCT f.msg FROM given.group_message f JOIN given.group_message g USING (uid) WHERE f.gid = 101 AND g.gid = 102', '101 for 1', 'two with the option that name each other');
same_rows('SELECT DISTINCT f.msg FROM given.group_message f JOIN given.group_message g USING (uid) JOIN member m USING (uid) WHERE f.gid = 101 AND g.gid = 102', '101 for 1 101 for 2', '... and a third one that names both');
same_rows('SELECT DISTINCT f.msg FROM member m LEFT JOIN given.group_message f ON f.uid = m.uid AND f.gid = m.gid', '101 for 1 101 for 2 102 for 2', 'in an outer join');

# ---- columns that are equal to a key

my @written = map { "SELECT f.msg FROM member m JOIN asked.group_message f ON $_ AND f.gid = m.gid" }
	('f.from_uid = m.uid AND f.uid = m.uid', 'f.uid = m.uid AND f.from_uid = m.uid', 'f.uid = f.from_uid AND m.uid = f.from_uid');
is(one($node, "SELECT string_agg(r, ' ' ORDER BY r) FROM ($_) q (r)")->{out}, '101 for 1 101 for 2 102 for 2', "what each has written: $_") for @written;
is(one($node, "SELECT string_agg(f.msg, ' ' ORDER BY f.msg) FROM (VALUES (1, 101), (2, 102)) m (uid, gid) JOIN asked.group_message f ON f.from_uid = m.uid AND f.uid = m.uid AND f.gid = m.gid")->{out},
	'101 for 1 102 for 2', '... of values');

$node->safe_psql('postgres', q(
	CREATE TABLE parts (uid bigint, gid bigint, from_uid bigint, msg text) PARTITION BY LIST (gid);
	CREATE FOREIGN TABLE parts_1 PARTITION OF parts FOR VALUES IN (101, NULL) SERVER rtm OPTIONS (conversation 'group');
	CREATE FOREIGN TABLE parts_2 PARTITION OF parts FOR VALUES IN (102) SERVER rtm OPTIONS (conversation 'group');
	CREATE TABLE halves (uid bigint, gid bigint) PARTITION BY LIST (gid);
	CREATE TABLE halves_1 PARTITION OF halves FOR VALUES IN (101, NULL);
	CREATE TABLE halves_2 PARTITION OF halves FOR VALUES IN (102);
	INSERT INTO halves SELECT * FROM member;
	ANALYZE halves;));
is(one($node, "SET enable_partitionwise_join = $_; SET enable_hashjoin = off; SET enable_mergejoin = off;
	SELECT string_agg(f.msg, ' ' ORDER BY f.msg) FROM halves m JOIN parts f ON f.from_uid = m.uid AND f.uid = m.uid AND f.gid = m.gid")->{out},
	'101 for 1 101 for 2 102 for 2', "... of partitions, partition-wise $_") for qw(off on);
is(one($node, 'SELECT count(*) FROM parts WHERE uid = 2')->{out}, 4, 'a partition whose list has NULL is bound by it');

# ---- casts, bounds and orders

is(one($node, "SELECT count(*) FROM (SELECT gid::text AS g FROM given.group_message UNION ALL SELECT gid::text FROM given.group_message) v WHERE g = '101'")->{out}, 4, 'a cast in a view of several');
is(one($node, "SELECT count(*) FROM given.group_message WHERE gid = 900 AND id::float8 $_->[0] 2::float8 ^ 54")->{out}, $_->[1], "a double $_->[0]") for [ '>=', 3 ], [ '<=', 3 ], [ '>', 0 ], [ '<', 0 ], [ '=', 3 ];
is(one($node, 'SELECT count(*) FROM given.group_message WHERE gid = 900 AND id = 1e17::float8')->{out}, 0, 'a double that is no id');
state_is(one($node, "SELECT FROM given.group_message WHERE gid::float8::text = '1e+15'"), 'HV00L', undef, "a double's text is no key");
is(one($node, "SELECT count(*) FROM given.group_message WHERE gid = 101 AND sent $_")->{out}, 2, "sent $_")
	for "< DATE '5874897-12-31'", "> DATE '4713-01-01 BC'", "< TIMESTAMP 'infinity'", "<= DATE 'infinity'", ">= TIMESTAMP '2020-01-01'";
$node->safe_psql('postgres', q(
	CREATE OPERATOR <<<< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8gt);
	CREATE OPERATOR >>>> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8lt);
	CREATE FUNCTION backwards(bigint, bigint) RETURNS int LANGUAGE sql IMMUTABLE RETURN btint8cmp($2, $1);
	CREATE OPERATOR CLASS backward FOR TYPE bigint USING btree AS OPERATOR 1 <<<<, OPERATOR 3 =, OPERATOR 5 >>>>, FUNCTION 1 backwards(bigint, bigint);));
is(one($node, "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM given.group_message WHERE gid = 101 ORDER BY id USING <<<<) m")->{out}, '2 1', "an order of somebody's own");

# a column that is too small hurts whoever looks at it
$node->safe_psql('postgres', "CREATE FOREIGN TABLE narrow (gid bigint, id int, msg text) SERVER rtm OPTIONS (conversation 'group', uid '1'); CREATE TABLE one AS SELECT 900::bigint AS gid");
is(one($node, 'SELECT count(*) FROM narrow WHERE gid = 900')->{out}, 3, 'an id that does not fit its column, which nobody looks at');
is(one($node, 'SELECT count(*) FROM one o JOIN narrow n ON n.gid = o.gid')->{out}, 3, '... below a join');
state_is(one($node, 'SELECT id FROM narrow WHERE gid = 900'), '22003', undef, '... and which somebody does');
is(one($node, "SELECT count(n) FROM (SELECT n FROM (SELECT gid, msg FROM narrow) n WHERE gid = 900) s")->{out}, 3, '... as a row');

# ---- cursors

$node->safe_psql('postgres', q(
	CREATE ROLE reader;
	REVOKE USAGE ON FOREIGN SERVER rtm FROM PUBLIC;
	CREATE FUNCTION open_cursor() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS $$
	DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT msg FROM given.group_message WHERE gid = ANY (ARRAY(SELECT generate_series(101, 140))); RETURN c; END $$;));
my @r = session($node, 'BEGIN', 'SET LOCAL ROLE reader', 'SELECT open_cursor()', 'FETCH 3 FROM c', 'MOVE ALL FROM c', 'COMMIT');
is_deeply([ map { $_->{state} } @r ], [ ('00000') x 6 ], 'a cursor is read as whoever opened it') or diag map { $_->{message} // '' } @r;

# ---- each message once

my $long = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => sub {
	my ($self, $q) = @_;
	my @ids = grep { $_ > ($q->{params}{lastid} || 0) } 1 .. 300;
	@ids = splice @ids, 0, 20;
	return $self->good($q, { num => scalar(@ids), lastid => @ids ? $ids[-1] : 0, begin => 0, end => 0, msgs => [ map { [ $_, 7, 51, $_, $false, \("$_ " . 'x' x 900), \'', 1790000000000 + $_ ] } @ids ] }) } });
server_for($node, 'long', $long->endpoint);
$node->safe_psql('postgres', "CREATE SCHEMA long; IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER long INTO long OPTIONS (uid '1')");

sub methods { my ($name) = map { qr/^(?:$_)$/ } join '|', @_; wait_until('an empty outbox', sub { $node->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox') eq 0 }); my @m = grep { $_->{method} =~ $name } $gate->events('quest'); $gate->forget; return scalar @m }
$node->safe_psql('postgres', "CREATE TABLE word (w text); INSERT INTO word VALUES ('for'), ('101'), ('102')");
$gate->forget;
is(one($node, "WITH d AS (DELETE FROM given.group_message m USING word WHERE m.gid IN (101, 102) AND m.msg LIKE '%' || w || '%' RETURNING 1) SELECT count(*) FROM d")->{out}, 4, 'a join that finds messages several times deletes each once');
is(methods('delmsg'), 4, '... by one call');
is(one($node, "WITH d AS (UPDATE given.group_message m SET msg = w FROM word WHERE m.gid IN (101, 102) AND m.msg LIKE '%' || w || '%' RETURNING 1) SELECT count(*) FROM d")->{out}, 4, '... edits each once');
is(methods('editmsg'), 4, '... by one call');

# ---- rows that are moved, and changed by triggers

$node->safe_psql('postgres', q(
	CREATE TABLE moved (gid bigint, from_uid bigint, mtype int, mid bigint, msg text, attrs text) PARTITION BY LIST (attrs);
	CREATE FOREIGN TABLE moved_live PARTITION OF moved FOR VALUES IN ('live') SERVER rtm OPTIONS (conversation 'group', uid '1');
	CREATE TABLE moved_rest PARTITION OF moved DEFAULT;
	INSERT INTO moved VALUES (101, 1, 51, NULL, 'x', 'draft');));
state_is(one($node, "UPDATE moved SET attrs = 'live' WHERE gid = 101"), '0A000', qr/cannot move rows to foreign table "moved_live", which the statement updates too/, 'a row that would move to a table which is updated too');
is(one($node, "UPDATE moved SET attrs = 'live' WHERE gid = 101 AND attrs = 'draft'")->{state}, '00000', '... and one that moves');
is(methods('sendgroupmsg'), 1, '... is sent');
$node->safe_psql('postgres', q(
	CREATE FUNCTION other_sender() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.from_uid := 99; RETURN NEW; END $$;
	CREATE FUNCTION other_text() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.msg := 'other'; RETURN NEW; END $$;
	CREATE TRIGGER t BEFORE UPDATE ON given.group_message FOR EACH ROW EXECUTE FUNCTION other_text();));
is(one($node, "UPDATE given.group_message SET msg = 'x' WHERE gid = 101 AND id = 1")->{state}, '00000', 'a trigger changes the text');
is(methods('editmsg'), 1, '... which is sent');
$node->safe_psql('postgres', 'CREATE TRIGGER u BEFORE UPDATE ON given.group_message FOR EACH ROW EXECUTE FUNCTION other_sender()');
state_is(one($node, "UPDATE given.group_message SET msg = 'x' WHERE gid = 101 AND id = 1"), '0A000', qr/the field "from_uid" cannot be changed/, 'a trigger that changes what nobody can');

# ---- partitions hold what they are to

$node->safe_psql('postgres', 'CREATE TABLE team (id bigint PRIMARY KEY, owner bigint); INSERT INTO team VALUES (101, 1), (102, 2); ANALYZE team; ANALYZE one');
$node->safe_psql('postgres', q(
	CREATE TABLE pp (gid bigint, id bigint, msg text, mtype int, sent timestamptz) PARTITION BY LIST (gid);
	CREATE FOREIGN TABLE pp1 PARTITION OF pp FOR VALUES IN (101) SERVER rtm OPTIONS (conversation 'group', uid '1');
	CREATE FOREIGN TABLE ppd PARTITION OF pp DEFAULT SERVER rtm OPTIONS (conversation 'group', uid '1');
	CREATE TABLE ps (gid bigint, id bigint, sent timestamptz) PARTITION BY RANGE (sent);
	CREATE FOREIGN TABLE ps1 PARTITION OF ps FOR VALUES FROM (MINVALUE) TO ('2026-09-21 15:33:20.002+02') SERVER rtm OPTIONS (conversation 'group', uid '1');
	CREATE FOREIGN TABLE ps2 PARTITION OF ps FOR VALUES FROM ('2026-09-21 15:33:20.002+02') TO (MAXVALUE) SERVER rtm OPTIONS (conversation 'group', uid '1');
	CREATE TABLE local_line (gid bigint, id bigint);));
is(one($node, 'SELECT min(sent) FROM given.group_message WHERE gid = 101')->{out} ne '', 1, 'a history');
is(one($node, 'SELECT count(*), count(DISTINCT (gid, id)) FROM pp WHERE gid IN (101, 102)')->{out}, '4|4', 'a message is in one partition, not in the default one as well');
is(one($node, 'SELECT count(*), count(DISTINCT id) FROM ps WHERE gid = 101')->{out}, '2|2', '... by time');
is(one($node, "SELECT count(*) FROM team g JOIN $_ u ON u.gid = g.id")->{out}, 4, "a join with what is bound in part: $_")
	for 'pp', '(SELECT gid, id FROM given.group_message UNION ALL SELECT gid, id FROM local_line)';
is(one($node, "SELECT count(*) FROM team g JOIN (SELECT gid, id FROM given.group_message UNION ALL SELECT gid, id FROM given.group_message WHERE gid = 101) u ON u.gid = g.id")->{out}, 6, '... a branch that names its key');
is(one($node, "SET plan_cache_mode = force_${_}_plan; PREPARE x (bigint) AS SELECT count(*) FROM given.group_message WHERE gid = \$1 OR gid IS NULL; EXECUTE x(NULL)")->{out}, 0, "a key that is NULL, $_ plan") for 'custom', 'generic';
state_is(one($node, "DELETE FROM given.group_message WHERE gid = 101 AND ctid IN (SELECT ctid FROM given.group_message WHERE gid = 101 LIMIT 1)"), '0A000', qr/no system column "ctid"/, 'rows have no ctid');
is(one($node, 'SELECT count(DISTINCT tableoid) FROM pp WHERE gid IN (101, 102)')->{out}, 2, '... but a tableoid');

# ---- outer joins, and keys that are made of what they don't find

for my $join (@joins)
{
	my $how = $join =~ /(\w+) = on/ ? $1 : 'as it likes';
	is(one($node, "$join SELECT count(*) FROM one a LEFT JOIN team g ON g.owner = 99, given.group_message f WHERE f.gid = coalesce(g.id, 102)")->{out}, 2, "a key of a row that is not there ($how)");
	is(one($node, "$join SELECT count(*) FROM one a LEFT JOIN team g ON g.owner = 1 JOIN given.group_message f ON f.gid = g.id")->{out}, 2, "... that is ($how)");
	is(one($node, "$join SELECT count(*) FROM one a LEFT JOIN (team g JOIN given.group_message f ON f.gid = g.id) ON true")->{out}, 4, "... on the same side ($how)");
}

# ---- what is refused isn't sent

state_is(one($node, "INSERT INTO given.group_message (mtype, from_uid, gid, msg, msg_binary) VALUES (51, 1, 7, 'text', 'bytes')"), '22023', qr/"msg" and "msg_binary" cannot both be given/, 'two texts');
state_is(one($node, "ALTER FOREIGN TABLE given.group_message OPTIONS (ADD batch_size '$_')"), 'HV024', qr/from 1 to 10000/, "a batch_size of $_") for 0, 10001;

methods('sendgroupmsg');
$node->safe_psql('postgres', q(
	CREATE ROLE clerk;
	CREATE SCHEMA direct;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO direct OPTIONS (uid '1');
	ALTER FOREIGN TABLE direct.group_message OPTIONS (ADD queued 'false');
	CREATE VIEW only7 AS SELECT mtype, from_uid, gid, msg, attrs, mid, id FROM direct.group_message WHERE gid = 7 AND from_uid = 7 WITH CHECK OPTION;
	CREATE VIEW short AS SELECT * FROM direct.group_message WHERE length(msg) < 20 WITH CHECK OPTION;
	GRANT SELECT, INSERT, UPDATE ON only7, short TO clerk;
	CREATE TABLE guarded (gid bigint, from_uid bigint, mtype int, mid bigint, msg text, attrs text) PARTITION BY LIST (gid);
	CREATE FOREIGN TABLE guarded_9 PARTITION OF guarded FOR VALUES IN (9) SERVER rtm OPTIONS (conversation 'group', uid '1', queued 'false');
	CREATE TABLE guarded_10 PARTITION OF guarded FOR VALUES IN (10);
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
	CREATE POLICY p ON guarded USING (from_uid = 7) WITH CHECK (from_uid = 7 AND msg <> 'bad');
	GRANT ALL ON guarded TO clerk;
	GRANT USAGE ON FOREIGN SERVER rtm TO clerk;));
my $as = 'SET ROLE clerk;';
state_is(one($node, "$as INSERT INTO only7 (mtype, from_uid, gid, msg) VALUES (51, 7, 8, 'x')"), '44000', qr/check option for view "only7"/, 'a row that the view refuses');
state_is(one($node, "$as UPDATE short SET msg = 'much too long for this view' WHERE gid = 7 AND id = 2"), '44000', undef, '... when it is edited');
state_is(one($node, "$as INSERT INTO guarded (gid, from_uid, mtype, msg) VALUES (9, 6, 51, 'x')"), '42501', qr/row-level security policy/, 'a row that row security refuses');
state_is(one($node, "$as UPDATE guarded SET msg = 'bad' WHERE gid = 9"), '42501', undef, '... when it is edited');
is(methods('sendgroupmsg', 'editmsg'), 0, '... none of them was sent');
is(one($node, "$as INSERT INTO only7 (mtype, from_uid, gid, msg) VALUES (51, 7, 7, 'x')")->{state}, '00000', 'one that the view lets through');
is(one($node, "$as INSERT INTO guarded (gid, from_uid, mtype, msg) VALUES (9, 7, 51, 'x')")->{state}, '00000', '... that row security does');
is(methods('sendgroupmsg'), 2, '... both were sent, once');

# ---- rows that are kept for another time, in a file

is(one($node, "SET work_mem = '64kB'; SELECT count(msg), count(DISTINCT msg) FROM (VALUES (41), (41), (41)) v(x), LATERAL (SELECT msg FROM long.group_message WHERE gid = v.x OFFSET 0) s")->{out}, '900|300', 'a replay of more than work_mem');

# ---- what a statement sends it doesn't read

my $grown = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => \&grow, sendgroupmsg => sub { my ($self, $q) = @_; $self->note('sent'); return $self->good($q) } });
sub grow
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my $n = 45 + $self->events('sent');
	my @ids = $p->{desc} ? reverse 1 .. $n : 1 .. $n;
	@ids = grep { !$p->{lastid} || ($p->{desc} ? $_ < $p->{lastid} : $_ > $p->{lastid}) } @ids;
	@ids = splice @ids, 0, 20;
	return $self->good($q, { num => scalar(@ids), lastid => @ids ? $ids[-1] : $p->{lastid} || 0, begin => 0, end => 0,
		msgs => [ map { [ $_, 7, 51, 1000 + $_, $false, \"line $_", \'', 1790000000000 + $_ ] } @ids ] });
}
server_for($node, 'grown', $grown->endpoint, queued => 'false', batch_size => 2);
$node->safe_psql('postgres', "CREATE SCHEMA grown; IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER grown INTO grown OPTIONS (uid '1')");
for my $from ('', ' ORDER BY id', ' ORDER BY id DESC', ' AND id > 10 ORDER BY sent')
{
	$grown->forget;
	is(one($node, "SET rtm.scan_calls = 50; INSERT INTO grown.group_message (mtype, from_uid, gid, msg) SELECT mtype, from_uid, gid, 'again: ' || msg FROM grown.group_message WHERE gid = 1$from")->{state}, '00000', "a conversation that is copied to itself$from");
	is(scalar(my @sent = $grown->events('sent')), $from =~ /10/ ? 35 : 45, '... each message once');
}
$grown->forget;
is(one($node, "SET rtm.scan_calls = 50; INSERT INTO grown.group_message (mtype, from_uid, gid, msg) SELECT mtype, from_uid, gid, msg FROM grown.group_message WHERE gid = ANY ('{1,2}')")->{state}, '00000', '... two of them');
is(scalar(my @twice = $grown->events('sent')), 90, '... each message once');

# ---- a batch with a mid that is known

my $keep = KeepGate->new;
server_for($node, 'keep', $keep->endpoint, queued => 'false');
$node->safe_psql('postgres', "CREATE SCHEMA keep; IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER keep INTO keep OPTIONS (uid '1')");
my $batch = "INSERT INTO keep.group_message (mtype, from_uid, gid, mid, msg) SELECT 51, 1, 7, 5000 + i, 'batch ' || i FROM generate_series";
is(one($node, "$batch(3, 4) i")->{state}, '00000', 'two messages');
state_is(one($node, "$batch(1, 20) i"), 'RTM53', qr/20 messages were on their way, of which 18 are known to have been sent and 2 to have been refused/, 'a batch with those: all others are sent');
is(scalar($keep->kept('batch')), 20, '... each once');


# ---- memory

$node->safe_psql('postgres', q(CREATE FUNCTION used() RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN RETURN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name = 'ExecutorState'); END $$));
my $used = one($node, q(SET work_mem = '64kB';
	WITH sent AS (INSERT INTO given.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 7, i::text FROM generate_series(1, 20000) i
		RETURNING CASE WHEN msg IN ('1000', '20000') THEN used() END AS used)
	SELECT max(used) - min(used) FROM sent))->{out};
cmp_ok($used, '<', 500_000, 'rows that are returned leave nothing behind until the statement ends');
done_testing();
