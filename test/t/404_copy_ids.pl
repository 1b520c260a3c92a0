# Requests of other databases that have the ids of our own: each keeps its way, and
# whoever waits for an id is told of the request that he queued.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('ids', conf => "rtm.retry_delay = '20ms'\nrtm.max_retry_delay = '50ms'\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub fails { my ($what) = @_; return sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200020 $what')") }

# A row of another database: copied from one of our own.
sub foreign
{
	my ($table, $from, $id, $set) = @_;
	sql("CREATE TEMP TABLE copy AS SELECT * FROM $table WHERE id = $from; UPDATE copy SET id = $id, origin = 4711" . ($set ? ", $set" : '')
		. "; INSERT INTO $table SELECT * FROM copy");
}

sub pause
{
	my ($on) = @_;
	$node->append_conf('postgresql.conf', "rtm.pause = $on\n");
	$node->reload;
	return unless $on eq 'on';
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused' AND worker = 'rtm sender'") or die 'not paused';
}
sub no_trouble { my ($what) = @_; return is(sql('SELECT count(*) FROM rtm_stat_worker WHERE last_error IS NOT NULL'), 0, "$what: no worker has failed") }

sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
my $model = fails('model');
is(sql("SELECT rtm_wait($model, 60)"), 'failed', 'a request that failed');

# one of ours fails whose id another database's has, which failed there

pause('on');
my $own = fails('own');
my $next = sql(q(SELECT nextval('rtm_internal.rtm_request_id_seq')));
foreign('rtm_internal.rtm_finished', $model, $own, "params = 'theirs'");
foreign('rtm_internal.rtm_finished', $model, $_) for $next + 100000, $next + 100001;
pause('off');
is(sql("SELECT rtm_wait($own, 60)"), 'failed', 'its id is taken: it is through');
is(sql("SELECT count(*) FROM rtm_internal.rtm_finished WHERE id = $own AND origin = rtm_outbox_origin()"), 1, '... under the id that it was queued with');
is(sql("SELECT count(*), count(DISTINCT id) FROM rtm_internal.rtm_finished WHERE origin = 4711"), '3|3', '... and the other ones are there still');
is(sql("SELECT params = 'theirs' FROM rtm_internal.rtm_finished WHERE id = $own AND origin = 4711"), 't', '... as it was');
no_trouble('taken by another database');

# somebody has locked that row: nobody needs it
pause('on');
$own = fails('locked');
foreign('rtm_internal.rtm_finished', $model, $own);
my $locker = begin_session($node, "BEGIN", "SELECT 1 FROM rtm_internal.rtm_finished WHERE id = $own FOR UPDATE", 'SELECT pg_sleep(60)', 'COMMIT');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") or die;
pause('off');
is(sql("SELECT rtm_wait($own, 60)"), 'failed', "the other database's is locked: ours is through");
is(sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 1, '... while it is');
sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
end_session($locker);

# an older one of our own has the id, as somebody has set the sequence back: the newer one stays
pause('on');
my $twin = fails('twin');
sql("CREATE TEMP TABLE copy AS SELECT * FROM rtm_internal.rtm_finished WHERE id = $model; UPDATE copy SET id = $twin, params = 'first'; INSERT INTO rtm_internal.rtm_finished SELECT * FROM copy");
pause('off');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'taken by one of our own: it is through');
is(sql("SELECT count(*) FILTER (WHERE params = 'first'), count(*) FROM rtm_internal.rtm_finished WHERE id = $twin"), '0|1', '... and takes its place');
no_trouble('taken by one of our own');

# Adopted: with an id that is ours, that will be, that has failed here, that is free

pause('on');
my $waits = sql("SELECT rtm_send_message_async(51, 1, 2, 'waits')");
my $gone = sql(q(SELECT nextval('rtm_internal.rtm_request_id_seq')));
my %adopted = (ours => $waits, later => $gone + 100000, failed => $model, free => $gone);
foreign('rtm_internal.rtm_request', $waits, $adopted{$_}, "mid = mid + length('$_'), key_b = 9, seq = seq + 10") for sort keys %adopted;
my ($out, $err);
$node->psql('postgres', 'SELECT rtm_adopt_held()', stdout => \$out, stderr => \$err);
is($out, 4, 'four are adopted');
like($err, qr/NOTICE:  3 requests have other ids from now on/, '... three with other ids');
is(sql("SELECT count(*) - count(DISTINCT id) FROM (SELECT id, origin FROM rtm_internal.rtm_request UNION ALL SELECT id, origin FROM rtm_internal.rtm_finished) AS r
	WHERE origin = rtm_outbox_origin()"), 0, '... no id of ours is there twice');
is(sql("SELECT count(*) FROM rtm_internal.rtm_request WHERE id IN ($waits, $gone)"), 2, '... one that was free was kept');
is(sql("SELECT count(*) FROM rtm_internal.rtm_request WHERE id = $adopted{later}"), 0, '... and none taken that is yet to come');
pause('off');
is(sql("SELECT rtm_wait($waits, 60)"), 'done', '... all are sent');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... and through');

# Retried: one of another database whose id is ours
pause('on');
$waits = sql("SELECT rtm_send_message_async(51, 1, 2, 'waits 2')");
foreign('rtm_internal.rtm_finished', $model, $waits);
$node->psql('postgres', "SELECT rtm_retry($waits)", stdout => \$out, stderr => \$err);
is($out, 't', 'rtm_retry of one whose id is ours');
like($err, qr/NOTICE:  request $waits has the id \d+ from now on/, '... queues it with another');
is(sql("SELECT count(*), count(*) FILTER (WHERE id = $waits) FROM rtm_outbox"), '2|1', '... both wait');
pause('off');
is(sql("SELECT rtm_wait($waits, 60)"), 'done', '... and ours is sent');
no_trouble('in the end');

# Adopted in a copy of the same cluster: a server that was renamed isn't mixed up with the one that has its name

pause('on');
$waits = sql("SELECT rtm_send_message_async(51, 1, 2, 'renamed 1')");
sql("UPDATE rtm_internal.rtm_request SET origin = 4711");
sql('ALTER SERVER rtm RENAME TO renamed');
server_for($node, 'rtm', $gate->endpoint);
$node->psql('postgres', 'SELECT rtm_adopt_held()', stdout => \$out, stderr => \$err);
is($out, 0, 'its server was renamed and another one has the name: it is not adopted');
like($err, qr/DETAIL:  Request $waits: its server "rtm" is "renamed" by now, and another server has its name\.\nHINT: .*rename it back/, '... which the warning says');
sql('DROP SERVER rtm CASCADE; ALTER SERVER renamed RENAME TO rtm');
is(sql('SELECT rtm_adopt_held()'), 1, '... until it is renamed back');
pause('off');
is(sql("SELECT rtm_wait($waits, 60)"), 'done', '... sent');

# Waited for: what only another database has queued is neither done nor failed

pause('on');
my $lone = sql(q(SELECT nextval('rtm_internal.rtm_request_id_seq')));
$waits = sql("SELECT rtm_send_message_async(51, 1, 2, 'waits 3')");
foreign('rtm_internal.rtm_request', $waits, $lone, 'mid = mid + 7, seq = seq');
foreign('rtm_internal.rtm_finished', $model, $lone + 1);
my @r = session($node, map { "SELECT rtm_wait($_, 5)" } $lone, $lone + 1, $lone + 2);
state_is($r[0], '55000', qr/cannot tell what became of request $lone\n.*is held until rtm_adopt_held/s, 'rtm_wait: it is held');
state_is($r[1], '55000', qr/cannot tell what became of request .*view rtm_result/s, '... it has failed elsewhere');
is($r[2]{out}, 'done', '... there is none');

# its row has the ticket of one of ours, which the sender has in memory and somebody discards
pause('off');
is(sql("SELECT rtm_wait($waits, 60)"), 'done', 'ours is sent');
sql("DELETE FROM rtm_internal.rtm_request");
server_for($node, 'dead', '127.0.0.1:' . free_port());
$waits = sql("SELECT rtm_send_message_async(51, 1, 2, 'ghost', server => 'dead')");
$node->poll_query_until('postgres', "SELECT attempts > 1 FROM rtm_outbox WHERE id = $waits") or die;
foreign('rtm_internal.rtm_request', $waits, $lone, 'mid = mid + 7');
is(sql("SELECT rtm_discard($waits)"), 't', 'ours is discarded, and another database has the same ticket');
sql("ALTER SERVER dead OPTIONS (SET endpoint '" . $gate->endpoint . "')");
$waits = sql("SELECT rtm_send_message_async(51, 1, 3, 'after 1', server => 'dead')");
is(sql("SELECT rtm_wait($waits, 60)"), 'done', '... what comes later is sent');
is(scalar($gate->came('ghost')), 0, '... the discarded one is not');
is(sql("SELECT count(*), min(id) FROM rtm_outbox"), "1|$lone", "... and the other database's row is where it was");

# Rows of another database without names: the role with the OID isn't theirs
sql('CREATE ROLE app; GRANT SELECT ON rtm_outbox, rtm_result TO PUBLIC');
sql("UPDATE rtm_internal.rtm_$_ SET owner = 'app'::regrole, owner_name = NULL WHERE origin = 4711") for 'request', 'finished';
@r = session($node, 'SET ROLE app', 'SELECT count(*) FROM rtm_outbox', 'SELECT count(*) FROM rtm_result', "SELECT rtm_discard($lone)",
	'RESET ROLE', 'GRANT pg_monitor TO app', 'SET ROLE app', 'SELECT count(*) FROM rtm_outbox', "SELECT rtm_discard($lone)");
is("$r[1]{out} $r[2]{out}", '0 0', 'without names: they are shown to no role');
state_is($r[3], '42501', undef, '... which cannot discard them');
is($r[7]{out}, 1, '... but to pg_monitor');
state_is($r[8], '42501', undef, '... which cannot discard them either');
is(sql("SELECT rtm_discard($lone)"), 't', '... a superuser can');

# A server that was renamed has its new name in the views, with preload and without

server_for($node, 'old', '127.0.0.1:' . free_port());
sql("SELECT rtm_send_message_async(51, 1, 2, 'named', server => 'old')");
is(sql('SELECT server FROM rtm_outbox'), 'old', 'the server of a request');
sql('ALTER SERVER old RENAME TO new');
is(sql('SELECT server FROM rtm_outbox'), 'new', '... which was renamed');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
is(sql('SELECT server FROM rtm_outbox'), 'new', '... without preload too');

$node->stop;
done_testing();
