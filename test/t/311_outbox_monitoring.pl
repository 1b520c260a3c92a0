# What a DBA sees: pg_stat_activity, views to alert on, the queries for an exporter,
# and a log that stays readable while a gate is down.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep);

my $gate = KeepGate->new;
my $silent = FakeGate->start(pid => $pid, secret => $secret);
my $port = free_port();
my $node = new_node('monitor', conf =>
	"max_worker_processes = 16\nrtm.retry_delay = '5ms'\nrtm.max_retry_delay = '10ms'\nlog_line_prefix = '%m [%p] %a '\n");
my $db = 'postgres';

sub sql { my ($query) = @_; return $node->safe_psql($db, $query) }
sub poll { my ($query, $what) = @_; return ok($node->poll_query_until($db, $query), $what) }
sub set { my ($line) = @_; $node->append_conf('postgresql.conf', "$line\n"); $node->reload; return }
sub activity { my ($type, $what) = @_; return poll("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = '$type' AND query = '$type: $what'", "pg_stat_activity: $type: $what") }

sub log_lines
{
	my ($from, $like) = @_;
	return grep { /$like/ } split /\n/, slurp_file($node->logfile, $from);
}

sql('CREATE EXTENSION rtm; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; CREATE ROLE nobody LOGIN');
server_for($node, 'rtm', $gate->endpoint);
server_for($node, 'down', "127.0.0.1:$port");
server_for($node, 'silent', $silent->endpoint);

# pg_stat_activity

activity('rtm launcher', 'waiting for workers to start');
activity('rtm sender', 'waiting for requests');
is(sql("SELECT application_name FROM pg_stat_activity WHERE backend_type = 'rtm sender'"), 'rtm sender', '... application_name');
my $id = sql("SELECT rtm_send_message_async(51, 1, 2, 'stall', server => 'silent')");
activity('rtm sender', 'waiting for answers');
poll("SELECT in_flight = 1 FROM rtm_stat_server WHERE server = 'silent'", 'a quest without an answer');
sql("ALTER SERVER silent OPTIONS (SET endpoint '127.0.0.1:$port')");
activity('rtm sender', 'waiting to try again');
sql("SELECT rtm_discard($id)");
set('rtm.pause = on');
activity('rtm sender', 'paused, see the setting rtm.pause');
is(sql("SELECT state FROM rtm_stat_worker WHERE worker = 'rtm sender'"), 'paused', 'rtm_stat_worker says so too');
set('rtm.pause = off');
activity('rtm sender', 'waiting for requests');
sql(q(CREATE FUNCTION slow(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(5)'));
$id = sql(q(SELECT rtm_send_message_async(51, 1, 2, 'callback 1', callback => 'slow'::regproc)));
activity('rtm callbacks', "callback of request $id");
activity('rtm callbacks', 'waiting for callbacks');

# Errors by code

my $since = sql('SELECT counted_since FROM rtm_stat_outbox');
$id = sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200020')");
sql("SELECT rtm_wait(rtm_send_message_async(51, 1, 2, 'error 200041'))") for ();
is(sql("SELECT rtm_wait($id, 60)"), 'failed', 'a request that is refused');
$id = sql("SELECT max(x) FROM (SELECT rtm_send_message_async(51, 1, 10 + g, 'error 200041') AS x FROM generate_series(1, 3) AS g) AS s");
poll('SELECT failed = 4 FROM rtm_stat_outbox', 'three more, of another kind');
is(sql('SELECT server, code, sqlstate, message, count, last_at > now() - interval $$1 minute$$ FROM rtm_stat_error WHERE server = $$rtm$$ ORDER BY code'),
	"rtm|200020|RTM20|forbidden method|1|t\nrtm|200041|RTM41|not group member|3|t", 'rtm_stat_error counts them by code')
  or diag(sql('TABLE rtm_stat_error'));
is(sql("SELECT failed FROM rtm_stat_server WHERE server = 'rtm'"), 4, 'so does rtm_stat_server');
my @r = session($node, { user => 'watcher' }, 'SELECT count(*) > 0 FROM rtm_stat_error', 'SELECT failed FROM rtm_stat_outbox',
	'SELECT count(*) > 2 FROM rtm_stat_server', 'SELECT count(*) > 0 FROM rtm_stat_worker', 'SELECT rtm_stat_reset()');
is("$r[0]{out} $r[1]{out} $r[2]{out} $r[3]{out}", 't 4 t t', 'pg_monitor reads the views') or diag(join ' ', map { $_->{message} } @r);
state_is($r[4], '42501', undef, 'rtm_stat_reset() is for those it is granted to');
@r = session($node, { user => 'nobody' }, 'SELECT * FROM rtm_stat_error', 'SELECT * FROM rtm_stat_outbox', 'SELECT * FROM rtm_server_health()');
state_is($r[$_], '42501', undef, "others don't ($_)") for 0 .. 2;
sql('SELECT rtm_stat_reset()');
is(sql("SELECT (SELECT count(*) FROM rtm_stat_error), sent, failed, retried FROM rtm_stat_server WHERE server = 'rtm'"), '0|0|0|0', 'rtm_stat_reset()');
is(sql("SELECT counted_since > '$since' FROM rtm_stat_outbox"), 't', '... counts from now on');

# A gate that is down for long: one line at once, few while it lasts, one at the end

my $from = -s $node->logfile;
my $connecting = qr/LOG:  server "down" of rtm cannot be reached: 127\.0\.0\.1:$port: /;
sql("SELECT count(rtm_send_message_async(51, 1, g, 'late ' || g, server => 'down')) FROM generate_series(1, 5) AS g");
poll('SELECT min(attempts) > 100 FROM rtm_outbox', 'a gate that is down: many attempts');
is(scalar(log_lines($from, $connecting)), 1, '... one line in the log');
like(join("\n", log_lines($from, 'DETAIL')), qr/Code 20002; role "\w+"; 0 more failed attempts/, '... with the code');
my $sender = sql('SELECT sender_pid FROM rtm_stat_outbox');
is(scalar(log_lines($from, qr/\[$sender\] .*LOG:/)), 1, '... and no other line of the sender');
is(sql("SELECT unreachable_since < now() AND unreachable_since > now() - interval '3 minutes', last_error LIKE '127.0.0.1:$port: %' FROM rtm_stat_server WHERE server = 'down'"),
	't|t', 'rtm_stat_server: since when, and why');
is(sql("SELECT unreachable_since IS NULL FROM rtm_stat_server WHERE server = 'rtm'"), 't', '... another server can be reached');
cmp_ok(sql("SELECT count FROM rtm_stat_error WHERE server = 'down' AND code = 20002"), '>', 500, 'rtm_stat_error counts each attempt');
my $first = sql("SELECT unreachable_since FROM rtm_stat_server WHERE server = 'down'");

# the lines that follow come at intervals that double
$from = -s $node->logfile;
set("rtm.log_interval = '100ms'");
sql("ALTER SERVER down OPTIONS (ADD rate_limit '1000')");
sleep 0.2;
sql("ALTER SERVER rtm OPTIONS (SET endpoint '127.0.0.1:$port')");
sql("SELECT rtm_send_message_async(51, 1, 2, 'other 1')");
my $other = qr/LOG:  server "rtm" of rtm cannot be reached/;
wait_until('four lines', sub { log_lines($from, $other) >= 4 });
my @at = map { /^\S+ (\d+):(\d+):([\d.]+)/ ? $1 * 3600 + $2 * 60 + $3 : () } log_lines($from, $other);
cmp_ok($at[2] - $at[1], '>', 0.15, 'the second interval is longer than the first');
cmp_ok($at[3] - $at[2], '>', 0.35, '... and the third longer than that');
my ($skipped) = map { /; (\d+) more failed/ ? $1 : () } (grep { /DETAIL/ && !/; 0 more/ } log_lines($from, 'DETAIL'))[-1];
cmp_ok($skipped, '>', 3, 'a line tells how many it stands for');
is(sql("SELECT unreachable_since FROM rtm_stat_server WHERE server = 'down'"), $first, 'the outage goes on since the same time');

$from = -s $node->logfile;
sql("ALTER SERVER rtm OPTIONS (SET endpoint '" . $gate->endpoint . "')");
my $late = KeepGate->new(port => $port);
poll('SELECT queued = 0 FROM rtm_stat_outbox', 'the gate is back');
is(scalar(log_lines($from, qr/LOG:  server "down" of rtm answers again \(endpoint 127\.0\.0\.1:$port\), after \d+ s and [1-9]\d* failed attempts/)), 1, '... one line says so');
is(scalar(log_lines($from, qr/LOG:  server "rtm" of rtm answers again/)), 1, '... for each server');
is(sql("SELECT unreachable_since IS NULL AND last_error IS NULL FROM rtm_stat_server WHERE server = 'down'"), 't', 'rtm_stat_server: it can be reached');

# the sender ends in an outage, and what it knew with it
my $dead = free_port();
sql("ALTER SERVER rtm OPTIONS (SET endpoint '127.0.0.1:$dead')");
$id = sql("SELECT rtm_send_message_async(51, 1, 2, 'other 2')");
poll("SELECT unreachable_since IS NOT NULL FROM rtm_stat_server WHERE server = 'rtm'", 'another outage');
sql("SELECT rtm_discard($id)");
sql('SELECT pg_terminate_backend(sender_pid, 10000) FROM rtm_stat_outbox');
sql("ALTER SERVER rtm OPTIONS (SET endpoint '" . $gate->endpoint . "')");
$id = sql("SELECT rtm_send_message_async(51, 1, 2, 'other 3')");
is(sql("SELECT rtm_wait($id, 60)"), 'done', '... the next sender reaches the gate');
is(sql("SELECT unreachable_since IS NULL AND last_error IS NULL FROM rtm_stat_server WHERE server = 'rtm'"), 't', '... and the view says so');

# Requests that fail: a line for the first of each code, with server and endpoint

set("rtm.log_interval = '1h'");
$from = -s $node->logfile;
sql("SELECT count(rtm_send_message_async(51, 1, g, 'error 200054 keep-this-out-of-the-log')) FROM generate_series(1, 50) AS g");
poll('SELECT queued = 0 FROM rtm_stat_outbox', 'requests that fail');
my @lines = log_lines($from, qr/LOG:  request \d+ to server "rtm" of rtm failed: code 200054 \(RTM54\), sensitive words/);
is(scalar(@lines), 1, '... the first one is in the log');
is(scalar(log_lines($from, qr/DETAIL:  Endpoint \Q${\ $gate->endpoint }\E; 0 more/)), 1, '... with its endpoint');
is(scalar(grep { !/LOG:  statement: / } log_lines($from, qr/keep-this-out|as it was asked for/)), 0, '... and nothing that a user or the gate said');

# "not now" as well
$from = -s $node->logfile;
sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200010')");
poll('SELECT attempts > 20 FROM rtm_outbox', 'a gate that says "not now"');
is(scalar(log_lines($from, qr/LOG:  request \d+ to server "rtm" of rtm will be repeated: code 200010 \(RTM10\)/)), 1, '... is one line');
sql('SELECT count(rtm_discard(id)) FROM rtm_outbox');
poll('SELECT queued = 0 FROM rtm_stat_outbox', '... discarded');

# The exporter's queries

my %queries;
my ($name, $query);
my %columns;
for (split /\n/, slurp_file("$FindBin::RealBin/../../monitoring/postgres_exporter.yml"))
{
	if (/^(\w+):$/) { $name = $1; $query = 0 }
	elsif (/^  query: \|$/) { $query = 1 }
	elsif (/^    (.*)/ && $query) { $queries{$name} .= "$1\n" }
	elsif (/^  \w/) { $query = 0 }
	$columns{$name}{$1} = $2 if /^    - (\w+): \{usage: "(\w+)", description: ".+"\}$/;
}
is(join(' ', sort keys %queries), 'rtm_error rtm_outbox rtm_server rtm_worker', 'the exporter has these queries');
for my $n (sort keys %queries)
{
	my ($header, @rows) = split /\n/, $node->safe_psql($db, "SET ROLE watcher; $queries{$n}", extra_params => [ '-A', '-F', ',', '-P', 'tuples_only=off', '-P', 'footer=off' ]);
	is(join(',', sort split /,/, $header || ''), join(',', sort keys %{ $columns{$n} }), "$n: the columns that the file describes");
	cmp_ok(scalar(@rows), '>', 0, "$n: rows");
	my @header = split /,/, $header;
	my $bad = grep { my @v = split /,/, $_, -1; grep { $columns{$n}{ $header[$_] } ne 'LABEL' && $v[$_] !~ /^-?[\d.]+$/ } 0 .. $#header } @rows;
	is($bad, 0, "$n: numbers where numbers have to be");
}
is(sql("$queries{rtm_worker}") =~ /^postgres\|rtm sender\|0\|1$/m ? 1 : 0, 1, 'rtm_worker: the sender is up');
$node->stop;

done_testing();
