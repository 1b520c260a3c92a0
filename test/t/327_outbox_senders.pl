# rtm.senders: several processes deliver for one database, each the requests of foreign
# servers of its own, with all that one sender promises.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $servers = 8;
my $node = new_node('senders', conf => "rtm.senders = 3\nmax_worker_processes = 20\nmax_prepared_transactions = 20\nrtm.retry_delay = 50ms\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub drained { my ($what) = @_; wait_until($what, sub { sql('SELECT count(*) FROM rtm_outbox') eq '0' }) }

# Foreign servers of the same gate, each with groups of its own
sub install
{
	sql('CREATE EXTENSION rtm; CREATE EXTENSION IF NOT EXISTS rtm_gate; SELECT rtm_gate_setup()');
	sql(qq(DO \$\$ DECLARE made record; BEGIN
		SELECT s.srvoptions, umoptions INTO made FROM pg_user_mappings JOIN pg_foreign_server s ON s.oid = srvid WHERE s.srvname = 'rtm' LIMIT 1;
		FOR i IN 1 .. $servers LOOP
			EXECUTE format('CREATE SERVER s%s FOREIGN DATA WRAPPER rtm OPTIONS (%s)', i,
				(SELECT string_agg(format('%I %L', option_name, option_value), ', ') FROM pg_options_to_table(made.srvoptions)));
			EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER s%s OPTIONS (%s)', i,
				(SELECT string_agg(format('%I %L', option_name, option_value), ', ') FROM pg_options_to_table(made.umoptions)));
		END LOOP; END \$\$));
	return;
}
install();
sql('CREATE TABLE told (id bigint, ok boolean)');
sql("CREATE FUNCTION on_sent(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'INSERT INTO told VALUES (\$1, (\$3).code IS NULL)'");

# ---- who sends

sub senders { return sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm sender'") }
wait_until('three senders', sub { senders() == 3 });
is(sql("SELECT count(*), count(DISTINCT pid) FROM rtm_stat_worker WHERE worker = 'rtm sender' AND state = 'running'"), '3|3', 'the view has them');
is(sql("SELECT count(*), min(sender) FROM rtm_stat_outbox"), '1|running', '... and the outbox at a glance is one row');
my @sent = map { my $id = sql("SELECT rtm_send_group_message_async(51, 1, 100 + $_, 'first', server => 's$_', callback => 'on_sent(bigint,bigint,rtm_error)')"); $id } 1 .. $servers;
is(sql("SELECT rtm_wait($_, 60)"), 'done', 'a message by each server') for @sent;
wait_until('callbacks', sub { sql('SELECT count(*) FROM told WHERE ok') == $servers });
is(sql('SELECT count(DISTINCT id) FROM told'), $servers, 'callbacks of all senders run, each once');
is(sql('SELECT sum(sent) FROM rtm_stat_server'), $servers, 'the figures count them');

# ---- order, once each, while senders are ended

sql('CREATE TABLE truth (server int, gid int, n int, msg text, id bigint, gone boolean); CREATE INDEX ON truth (id)');
sql("CREATE TABLE counter AS SELECT s AS server, g AS gid, 0 AS n FROM generate_series(1, $servers) s, generate_series(1, 3) g");
my $script = "$ENV{TESTDIR}/senders.sql";
append_to_file($script, qq(
\\set s random(1, $servers)
\\set g random(1, 3)
WITH next AS (UPDATE counter SET n = n + 1 WHERE server = :s AND gid = :g RETURNING n), line AS (SELECT n, gen_random_uuid()::text AS msg FROM next)
INSERT INTO truth (server, gid, n, msg, id) SELECT :s, :g, n, msg,
	rtm_send_group_message_async(51, 1, 1000 * :s + :g, msg, server => 's:s') FROM line;
WITH picked AS MATERIALIZED (SELECT id FROM truth WHERE gone IS NULL AND id > (SELECT max(id) - 40 FROM truth) LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE truth AS t SET gone = rtm_discard(t.id) FROM picked WHERE t.id = picked.id AND random() < 0.5;
));
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-j', 2, '-T', 8, '-f', $script, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err);
for (1 .. 6)
{
	sleep 1;
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'rtm sender' ORDER BY random() LIMIT 1");
}
ok($bench->finish, 'sessions that queue and discard, while senders are ended') or diag $err;
drained('an empty outbox');
my %n;
@n{qw(all gone sent lost doubled disordered)} = split /\|/, sql(q(
	WITH came AS (SELECT convert_from(msg, 'UTF8') AS msg, count(*) AS n, min(id) AS at FROM rtm_gate.message GROUP BY 1),
	joined AS (SELECT t.*, c.n AS times, c.at, lag(c.at) OVER (PARTITION BY server, gid ORDER BY t.n) AS before FROM truth t JOIN came c USING (msg))
	SELECT (SELECT count(*) FROM truth), (SELECT count(*) FROM truth WHERE gone), (SELECT count(*) FROM joined WHERE gone),
		(SELECT count(*) FROM truth WHERE gone IS NOT TRUE AND msg NOT IN (SELECT msg FROM came)),
		count(*) FILTER (WHERE times > 1), count(*) FILTER (WHERE at < before) FROM joined));
note(join ', ', map { "$n{$_} $_" } sort keys %n);
is("$n{sent} $n{lost} $n{doubled} $n{disordered}", '0 0 0 0', 'none was lost, doubled, out of order, or sent after rtm_discard() said true');
cmp_ok($n{gone}, '>', 10, 'some were discarded');

# ---- chores that reach whichever sender has the server

sql("SELECT rtm_pause('s$_')") for 1 .. $servers;
my @ids = map { sql("SELECT rtm_send_group_message_async(51, 1, 100 + $_, 'paused $_', server => 's$_')") } 1 .. $servers;
my $other = sql("SELECT rtm_send_group_message_async(51, 1, 99, 'other')");
is(sql("SELECT rtm_wait($other, 60)"), 'done', 'another server goes on');
is(sql("SELECT count(*) FROM rtm_gate.message WHERE convert_from(msg, 'UTF8') LIKE 'paused%'"), 0, 'a pause of each server');
sql("BEGIN; SELECT rtm_discard(" . $ids[$_ - 1] . "); PREPARE TRANSACTION 'd$_'") for 1 .. 4;
sql("COMMIT PREPARED 'd$_'") for 1 .. 4;
sql("SELECT rtm_resume('s$_')") for 1 .. $servers;
drained('all that was paused');
is(sql("SELECT string_agg(convert_from(msg, 'UTF8'), ' ' ORDER BY msg) FROM rtm_gate.message WHERE convert_from(msg, 'UTF8') LIKE 'paused%'"), join(' ', map { "paused $_" } 5 .. $servers), 'what a prepared transaction has discarded is not sent');
sql("BEGIN; SELECT rtm_send_group_message_async(51, 1, 100 + $_, 'prepared $_', server => 's$_'); PREPARE TRANSACTION 'p$_'") for 1 .. $servers;
sql("COMMIT PREPARED 'p$_'") for 1 .. $servers;
sql("SELECT rtm_send_group_message_async(51, 1, 100 + $_, 'later $_', server => 's$_', send_at => now() + interval '300 ms', urgent => $_ % 2 = 0) ") for 1 .. $servers;
wait_until("$_ ones", sub { sql("SELECT count(*) FROM rtm_gate.message WHERE convert_from(msg, 'UTF8') LIKE '$_%'") == $servers }) for 'prepared', 'later';
pass('prepared and scheduled requests of each server');

# ---- what comes and goes

sql('DROP SERVER s1 CASCADE');
sql("SELECT rtm_send_group_message_async(51, 1, 100, 'still here', server => 's$_')") for 2 .. $servers;
drained('after a server was dropped');
is(sql("SELECT count(*) FROM rtm_stat_server WHERE server = 's1'"), 0, 'a server that was dropped has no figures');
sql('DROP EXTENSION rtm_gate CASCADE; DROP EXTENSION rtm CASCADE');
wait_until('no sender', sub { senders() == 0 });
install();
wait_until('three senders', sub { senders() == 3 });
sql("SELECT rtm_send_group_message_async(51, 1, 100 + $_, 'again $_', server => 's$_')") for 1 .. $servers;
drained('after CREATE EXTENSION');
is(sql("SELECT count(*) FROM rtm_gate.message WHERE convert_from(msg, 'UTF8') LIKE 'again%'"), $servers, 'the extension made anew');
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION rtm');
wait_until('six senders', sub { senders() == 6 });
$node->safe_psql('postgres', 'DROP DATABASE second');
is(senders(), 3, 'DROP DATABASE ends those of the database');
$node->stop('immediate');
$node->start;
wait_until('three senders', sub { senders() == 3 });
sql("SELECT rtm_send_group_message_async(51, 1, 100 + $_, 'restarted $_', server => 's$_')") for 1 .. $servers;
drained('after a crash');
is(sql("SELECT count(*) FROM rtm_gate.message WHERE convert_from(msg, 'UTF8') LIKE 'restarted%'"), $servers, 'after a crash');
$node->stop;
done_testing();
