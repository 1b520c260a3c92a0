# Generated queries over foreign tables give what the same queries give over copies
# that the functions made: TABLES_QUERIES of them (100), from the seed TABLES_SEED.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $n = $ENV{TABLES_QUERIES} || 100;
my $seed = $ENV{TABLES_SEED} || 1;
srand $seed;
note "$n queries, seed $seed";

my $node = new_node('generated');
$node->safe_psql('postgres', q(
	CREATE EXTENSION rtm;
	CREATE EXTENSION rtm_gate;
	SELECT rtm_gate_setup();
	SELECT count(CASE WHEN i % 2 = 0 THEN rtm_send_group_message(51 + i % 3, i % 5, 1 + i % 7 * (i % 2 + 1) % 6, 'group ' || i, '{"n": ' || i || '}')
		ELSE rtm_send_message(51 + i % 3, 1 + i % 4 % 2, 3 + i % 3, 'pair ' || i) END) FROM generate_series(1, 330) i;
	SELECT count(rtm_send_group_message(51, 3, 2, 'long ' || i)) FROM generate_series(1, 90) i;
	SELECT rtm_delete_group_message(mid, from_uid, 2) FROM rtm_get_group_message(1, 2, false, NULL) WHERE id % 7 = 3;

	CREATE SCHEMA f;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO f OPTIONS (uid '1');
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (p2p_message) FROM SERVER rtm INTO f;
	CREATE SCHEMA l;
	CREATE TABLE l.group_message AS
		SELECT g::bigint AS gid, h.id, h.from_uid, h.mtype, h.mid, h.msg, h.attrs, h.mtime,
			timestamptz 'epoch' + h.mtime * interval '1 millisecond' AS sent, h.msg_binary, h.attrs_binary
		FROM generate_series(1, 12) g, rtm_get_group_message(1, g, false, NULL) h;
	CREATE TABLE l.p2p_message AS
		SELECT u::bigint AS uid, o::bigint AS ouid, h.id, h.direction, h.from_uid, h.to_uid, h.mtype, h.mid, h.msg, h.attrs, h.mtime,
			timestamptz 'epoch' + h.mtime * interval '1 millisecond' AS sent, h.msg_binary, h.attrs_binary
		FROM generate_series(1, 5) u, generate_series(1, 5) o, rtm_get_p2p_message(u, o, false, NULL) h WHERE u <> o;

	CREATE TABLE groups (id int PRIMARY KEY, name text, owner bigint, n numeric, t text, since timestamptz, last_id bigint);
	INSERT INTO groups SELECT i, 'g' || i, i % 5, i, i::text, now() - interval '1 second' * (i - 4), i * 40 FROM generate_series(1, 9) i;
	INSERT INTO groups VALUES (20, NULL, NULL, NULL, NULL, NULL, NULL), (21, 'half', 3, 2.5, '02', '-infinity', 9223372036854775807);
	CREATE TABLE pairs (a bigint, b int, note text);
	INSERT INTO pairs VALUES (1, 3, 'x'), (1, 4, 'y'), (2, 5, 'z'), (2, 3, NULL), (NULL, 3, 'n'), (1, 3, 'again'), (4, 1, 'back');
	ANALYZE;
	CREATE FUNCTION f.one_group(bigint) RETURNS SETOF f.group_message LANGUAGE sql STABLE AS 'SELECT * FROM f.group_message WHERE gid = $1';
	CREATE FUNCTION l.one_group(bigint) RETURNS SETOF l.group_message LANGUAGE sql STABLE AS 'SELECT * FROM l.group_message WHERE gid = $1';));

sub pick { return $_[ int rand @_ ] }
sub chance { return rand() < $_[0] }
my ($id_max, $t_min, $t_max) = split /\|/, $node->safe_psql('postgres', 'SELECT max(id), min(mtime), max(mtime) FROM l.group_message');

# A list of ids as an array's text
sub ids { return '{' . join(',', map { pick(1 .. 8, 2, 2, 'NULL', -1, 77) } 1 .. int rand 5) . '}' }

# What binds the gid of alias $m without another table
sub own_key
{
	my ($m) = @_;
	my $g = pick(1 .. 7);
	return pick(
		"$m.gid = $g", "$m.gid = $g", "$g = $m.gid", "$m.gid = NULL::int", "$m.gid = $g.0", "$m.gid::text = '$g'", "$m.gid = '$g'::text::bigint",
		"$m.gid = ANY ('" . ids() . "')", "$m.gid = ANY ('" . ids() . "'::int[])", "$m.gid IN ($g, 2, 2, 3)", "$m.gid IN ($g, NULL)",
		"($m.gid = $g OR $m.gid = 5)", "($m.gid = $g AND $m.id > 100 OR $m.gid = ANY ('{2,3}'))",
		"$m.gid = (SELECT min(id) FROM groups WHERE id >= $g)", "$m.gid = ANY (ARRAY(SELECT id FROM groups WHERE id > $g))",
		"$m.gid::numeric = $g", "$m.gid::int = $g", "$m.gid::float8 = $g", "$m.gid = $g AND $m.gid IN (1, 2, 3)",
		"$m.gid IN (SELECT id FROM groups WHERE owner = 3)", "$m.gid IN (SELECT id FROM groups WHERE name LIKE 'g%' AND id < $g)",
		"$m.gid::text IN (SELECT t FROM groups)", "$m.gid = round(random() * 0)::int + $g AND $m.gid = $g");
}

# What binds it by the table groups with alias $g
sub join_key
{
	my ($m, $g) = @_;
	return pick("$m.gid = $g.id", "$m.gid = $g.id", "$g.id = $m.gid", "$m.gid = $g.n", "$m.gid::text = $g.t", "$m.gid = $g.id::bigint",
		"$m.gid = $g.owner + 1", "$m.gid::numeric = $g.n", "($m.gid = $g.id OR $m.gid = $g.owner)", "$m.gid = ANY (ARRAY[$g.id, $g.owner])",
		"$m.gid = coalesce($g.owner, 2)");
}

# Conditions that may be pushed down, and others
sub filter
{
	my ($m) = @_;
	my $id = int rand $id_max;
	my $t = $t_min + int rand($t_max - $t_min + 1);
	return pick(
		"$m.mtype = 52", "$m.mtype = ANY ('{51,53}')", "$m.mtype IN (51, 200, NULL)", "$m.mtype > 51", "$m.mtype <> 51", "NOT $m.mtype = 52",
		"$m.id > $id", "$m.id >= $id", "$m.id < $id", "$id >= $m.id", "$m.id BETWEEN $id AND $id + 50", "$m.id = $id", "$m.id > $id.5", "$m.id < $id.5",
		"$m.id IN ($id, $id + 2, 3)", "($m.id < 40 OR $m.id > $id)", "$m.mtime >= $t", "$m.mtime < $t", "$m.mtime = $t", "$m.mtime > $t.25",
		"$m.sent >= timestamptz 'epoch' + $t * interval '1 millisecond'", "$m.sent < timestamptz 'epoch' + $t.3 * interval '1 millisecond'",
		"$m.sent > now() - interval '1 day'", "$m.sent > '-infinity'", "$m.sent < 'infinity'", "$m.sent > current_date", "$m.sent < localtimestamp",
		"$m.sent = timestamptz 'epoch' + $t * interval '1 millisecond'",
		"$m.msg LIKE '%3%'", "$m.from_uid = 3", "$m.from_uid = ANY ('{1,2}')", "$m.msg IS NOT NULL", "$m.attrs <> ''", "$m.msg_binary IS NULL",
		"$m.id % 2 = 0", "$m.id > NULL", "length($m.msg) < 8", "$m.mtype = (SELECT 51)");
}
sub filters { my ($m) = @_; return map { filter($m) } 1 .. pick(0, 0, 1, 1, 2, 3) }

# FROM, WHERE, and columns to look at
sub relations
{
	my ($kind) = @_;
	my @where;
	if ($kind == 0)
	{
		return ('T.group_message m', [ own_key('m'), filters('m') ], [qw(m.gid m.id m.msg m.from_uid)]);
	}
	if ($kind == 1)
	{
		my $join = pick('JOIN', 'JOIN', 'LEFT JOIN');
		return ("groups g $join T.group_message m ON " . join(' AND ', join_key('m', 'g'), filters('m')), [ chance(0.3) ? 'g.id < 6' : () ], [qw(g.id m.id m.msg g.name)]);
	}
	if ($kind == 2)
	{
		my $on = pick('b.gid = a.gid', 'b.gid = a.gid AND b.id = a.id', 'b.gid = a.from_uid + 1 AND b.id < 60', 'b.gid = a.gid AND b.mtype = a.mtype AND b.id > a.id', 'b.gid = g.id AND a.id = b.id');
		return ("groups g, T.group_message a, T.group_message b", [ join_key('a', 'g'), $on, 'a.id < 80', 'g.id < 5', filters('b') ], [qw(g.id a.id b.id b.msg)]);
	}
	if ($kind == 3)
	{
		my $order = pick('id', 'id DESC', 'sent DESC, id DESC', 'mtime, id', 'msg, id');
		my $limit = pick(1, 2, 5, 30);
		return ("groups g " . pick('CROSS JOIN', 'CROSS JOIN') . " LATERAL (SELECT * FROM T.group_message x WHERE " . join(' AND ', join_key('x', 'g'), filters('x')) . " ORDER BY $order LIMIT $limit) m", [], [qw(g.id m.id m.msg m.gid)]);
	}
	if ($kind == 4)
	{
		my $key = pick('p.uid = q.a AND p.ouid = q.b', 'q.b = p.ouid AND p.uid = 1', 'p.uid = 2 AND p.ouid = ANY (ARRAY[3, q.b])', 'p.uid = q.a AND p.ouid IN (3, 4) AND p.uid <> p.ouid');
		return (pick('pairs q JOIN', 'pairs q LEFT JOIN') . " T.p2p_message p ON " . join(' AND ', $key, filters('p')), ["q.a < 4"], [qw(q.a p.ouid p.id p.msg)]);
	}
	if ($kind == 5)
	{
		return ("T.p2p_message p, groups g, T.group_message m", [ 'p.uid = 1', pick('p.ouid = 3', 'p.ouid IN (3, 4)'), 'g.id = p.from_uid', join_key('m', 'g'), filters('m'), 'p.id < 200' ], [qw(p.id m.id g.id m.msg)]);
	}
	if ($kind == 6)
	{
		my $exists = pick('EXISTS', 'NOT EXISTS');
		return ("groups g", [ "$exists (SELECT FROM T.group_message m WHERE " . join(' AND ', join_key('m', 'g'), filters('m')) . ')' ], [qw(g.id g.name g.n g.t)]);
	}
	if ($kind == 7)
	{
		return ("(SELECT * FROM T.group_message UNION ALL SELECT * FROM T.group_message) m", [ own_key('m'), filters('m') ], [qw(m.gid m.id m.msg m.mtype)]);
	}
	if ($kind == 8) { return ("groups g, T.one_group(g.owner + 1) m", [ filters('m') ], [qw(g.id m.id m.msg m.mtype)]) }
	return ("groups g JOIN T.group_message m ON m.gid = g.id AND m.id > g.last_id - 100 AND m.sent <> g.since JOIN pairs q ON q.a = g.id", [ filters('m') ], [qw(g.id m.id q.note m.msg)]);
}

# A statement over T
sub query
{
	my ($from, $where, $columns) = relations(int rand 10);
	my $list = join ', ', @$columns;
	my $rest = "FROM $from" . (@$where ? ' WHERE ' . join ' AND ', @$where : '');
	my $all = join ', ', 1 .. @$columns;
	my $way = int rand 9;
	return "SELECT count(*), count(DISTINCT $columns->[1]), min($columns->[2]), max($columns->[3]) $rest" if $way == 0;
	return "SELECT $columns->[0], count(*), max($columns->[1]) $rest GROUP BY 1 ORDER BY 1" if $way == 1;
	return "SELECT DISTINCT $columns->[0], $columns->[3] $rest ORDER BY 1, 2 LIMIT " . pick(1, 3, 10) if $way == 2;
	return "SELECT $list, row_number() OVER (PARTITION BY $columns->[0] ORDER BY $columns->[1] DESC, $list) $rest ORDER BY 5, $all LIMIT " . pick(5, 50, 1000) if $way == 3;
	return "SELECT $list $rest ORDER BY 2 " . pick('', 'DESC') . ", $all LIMIT " . pick(1, 2, 5, 20, 25, 100) if $way <= 5;
	return "SELECT $list $rest ORDER BY $all OFFSET " . pick(0, 1, 7) if $way == 6;
	return "WITH w AS MATERIALIZED (SELECT $list $rest) SELECT a.*, b.* FROM w a, w b (c1, c2, c3, c4) WHERE b.c2 = a." . ($columns->[1] =~ /\.(.*)/)[0] . " ORDER BY 1, 2, 3, 4, 5, 6, 7, 8 LIMIT 40"
	  if $way == 7 && 0 == grep { my ($c) = /\.(.*)/; 1 < grep { /\.\Q$c\E$/ } @$columns } @$columns;
	return "SELECT $list $rest ORDER BY $all";
}

# Ways to run it, in the words of psql
sub statements
{
	my ($sql, $number) = @_;
	my $way = int rand 5;
	return "BEGIN; DECLARE c" . pick('', ' SCROLL', ' NO SCROLL') . " CURSOR FOR $sql; FETCH 3 FROM c; FETCH 1 FROM c; FETCH ALL FROM c; COMMIT" if $way == 0;
	return "PREPARE p AS $sql; EXECUTE p; EXECUTE p; DEALLOCATE p" if $way == 1;
	if ($way == 2 && $sql =~ /gid = ([1-7])\b(?!\.)/)
	{
		my $value = $1;
		(my $prepared = $sql) =~ s/gid = $value\b(?!\.)/gid = \$1/;
		return "PREPARE p (bigint) AS $prepared; EXECUTE p ($value); EXECUTE p (3); EXECUTE p (NULL); DEALLOCATE p";
	}
	return $sql;
}

my @settings = qw(enable_hashjoin enable_mergejoin enable_material enable_memoize enable_sort enable_nestloop enable_incremental_sort enable_hashagg);
my (@queries, $script);
for my $i (1 .. $n)
{
	my $settings = join ' ', map { "SET $_ = " . (chance(0.75) ? 'on' : 'off') . ';' } @settings;
	my $mode = 'SET plan_cache_mode = ' . pick('auto', 'force_generic_plan', 'force_custom_plan') . ';';
	my $sql = statements(query(), $i);
	push @queries, $sql;
	for my $schema ('f', 'l') { (my $over = $sql) =~ s/\bT\./$schema./g; $script .= "$settings $mode\n\\echo === $i $schema\n$over;\n" }
}
$script .= "\\echo === end\n";
my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY terse\n$script", on_error_stop => 0, timeout => 1200, extra_params => ['-q']);
my %got = $out =~ /^=== (\d+ [fl])\n(.*?)(?=^=== )/msg;
my $rows = 0;
my @different = grep { ($got{"$_ f"} // '') ne ($got{"$_ l"} // 'none') } 1 .. $n;
$rows += () = $got{"$_ l"} =~ /\n/g for 1 .. $n;
is(scalar(@different), 0, "$n queries give over foreign tables what they give over copies");
diag "query $_: $queries[ $_ - 1 ]\nforeign:\n", substr($got{"$_ f"} // '', 0, 500), "\nlocal:\n", substr($got{"$_ l"} // '', 0, 500) for @different[ 0 .. ($#different < 4 ? $#different : 4) ];
is($err, '', 'none of them fails') or diag substr($err, 0, 3000);
cmp_ok($rows, '>', 5 * $n, 'they have rows to speak of');
note "$rows rows";
done_testing();
