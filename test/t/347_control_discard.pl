# rtm_discard() says true of what will not be sent, and of nothing else, while the sender is
# at work; what is under way can't be taken back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('discard', conf => "rtm.retry_delay = 50ms\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sql('CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');

# ---- one that is under way

my $go = "$ENV{TESTDIR}/go";
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'fake', $gate->endpoint);
sub queue { my ($to, $msg) = @_; return sql("SELECT rtm_send_message_async(51, 1, $to, '$msg', server => 'fake')") }
my $held = queue(2, "hold $go");
my $behind = queue(2, 'ok');
$gate->wait_for('held');
is(sql("SELECT rtm_discard($held)"), 'f', 'one that is under way');
is(sql("SELECT rtm_discard($behind)"), 't', 'one behind it');
sql("BEGIN; SELECT rtm_discard($held); SAVEPOINT s; SELECT rtm_discard($held); COMMIT");
is(one($node, {}, "SELECT rtm_retry($held)")->{state}, '55000', 'rtm_retry() of one that did not fail');
sql('CREATE ROLE other LOGIN');
is(one($node, { user => 'other' }, "SELECT $_($held)")->{state}, '42501', "$_() of another role's") for 'rtm_retry', 'rtm_discard';
append_to_file($go, '');
wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') eq '0' });
is(sql('SELECT count(*) FROM rtm_result'), 0, '... went well');
is(scalar($gate->events('quest')), 1, '... and nothing else was sent');
my $lost = queue(3, 'close');
wait_until('an attempt', sub { sql("SELECT attempts > 1 FROM rtm_outbox WHERE id = $lost") eq 't' });
wait_until('it is taken back between attempts', sub { sql("SELECT rtm_discard($lost)") eq 't' });
is(sql('SELECT count(*) FROM rtm_outbox'), 0, 'one whose answers are lost');

# ---- many, at any moment

sql('CREATE TABLE truth (msg text, id bigint, gone boolean); CREATE INDEX ON truth (id)');
my $script = "$ENV{TESTDIR}/discard.sql";
append_to_file($script, q(
\set g random(1, 400)
BEGIN;
INSERT INTO truth (msg, id) SELECT m, rtm_send_group_message_async(51, 1, :g, m, urgent => random() < 0.3,
	send_at => CASE WHEN random() < 0.2 THEN now() + random() * interval '1 s' END)
	FROM (SELECT gen_random_uuid()::text AS m FROM generate_series(1, 5)) AS x;
SAVEPOINT s;
SELECT count(rtm_discard(id)) FROM truth WHERE xmin::text = pg_current_xact_id()::xid::text;
ROLLBACK TO s;
COMMIT;
WITH picked AS MATERIALIZED (SELECT id FROM truth WHERE gone IS NULL AND id > (SELECT max(id) - 100 FROM truth) LIMIT 3 FOR UPDATE SKIP LOCKED)
UPDATE truth AS t SET gone = rtm_discard(t.id) FROM picked WHERE t.id = picked.id;
BEGIN;
SELECT count(rtm_discard(id)) FROM (SELECT id FROM truth WHERE gone IS NULL AND id > (SELECT max(id) - 100 FROM truth) LIMIT 3) AS x;
ROLLBACK;
));
$node->command_ok([ 'pgbench', '-n', '-c', 4, '-j', 2, '-T', $ENV{DISCARD_SECONDS} || 6, '-f', $script, 'postgres' ], 'many requests, of which many are discarded');
wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') eq '0' });
my %n;
@n{qw(all gone kept sent lost doubled)} = split /\|/, sql(q(
	WITH came AS (SELECT convert_from(msg, 'UTF8') AS msg, count(*) AS n FROM rtm_gate.message GROUP BY 1)
	SELECT count(*), count(*) FILTER (WHERE gone), count(*) FILTER (WHERE NOT gone),
		count(*) FILTER (WHERE gone AND n > 0), count(*) FILTER (WHERE gone IS NOT TRUE AND n IS NULL), count(*) FILTER (WHERE n > 1)
	FROM truth LEFT JOIN came USING (msg)));
note(join ', ', map { "$n{$_} $_" } sort keys %n);
is($n{sent}, 0, 'none of those that it said true of was sent');
is($n{lost}, 0, 'all others were');
is($n{doubled}, 0, '... once');
cmp_ok($n{gone}, '>', 20, 'it said true');
cmp_ok($n{kept}, '>', 20, '... and false');
is(sql("SELECT count(*) FROM rtm_result WHERE status = 'failed'"), 0, 'none failed');
$node->stop;
done_testing();
