# Versions: ALTER EXTENSION UPDATE while everything is in use, an updated database
# and a fresh one compared.  The next version is played by test/update: an
# installation of the test's own has it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use NextVersion;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $nowhere = '127.0.0.1:' . free_port();
my $next = '1.0.1test';
my $node = new_node('upgrade', install_path => next_installation(), conf =>
	"max_worker_processes = 24\nrtm.retry_delay = '20ms'\nrtm.max_retry_delay = '50ms'\nmax_prepared_transactions = 5\n");

sub sql { my ($db, $query) = @_; return $node->safe_psql($db, $query) }
sub poll { my ($db, $query, $what) = @_; return ok($node->poll_query_until($db, $query), $what) }

sub make_db
{
	my ($db, $with) = @_;
	sql('postgres', "CREATE DATABASE $db");
	sql($db, "CREATE EXTENSION rtm $with");
	server_for($node, 'rtm', $gate->endpoint, db => $db);
	server_for($node, 'dead', $nowhere, db => $db);
	sql($db, q(
		CREATE TABLE told (mid bigint, error text);
		CREATE FUNCTION tell(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql
			AS 'INSERT INTO told VALUES (mid, (error).sqlstate)'));
}

# What works in either version.
sub basics
{
	my ($db, $what) = @_;
	my @r = session($node, { db => $db },
		"SELECT mtime > 0 FROM rtm_send_message(51, 1, 2, '$what sync')",
		"SELECT rtm_call('*ping') IS NOT NULL", 'SELECT count(*) > 10 FROM rtm_methods()',
		"SELECT rtm_send_message_async(51, 1, 2, '$what 1')", 'BEGIN', "SELECT rtm_send_message_async(51, 1, 2, '$what 2')", 'ROLLBACK');
	is($r[$_]{out}, 't', "$what: a call ($_)") or diag($r[$_]{message}) for 0 .. 2;
	is(sql($db, "SELECT rtm_wait($r[3]{out}, 60)"), 'done', "$what: a queued send");
	is_deeply([ $gate->kept($what) ], [1], "$what: ... has arrived, the one rolled back has not");
	my $id = sql($db, "SELECT rtm_send_message_async(51, 1, 2, 'error 200020')");
	is(sql($db, "SELECT rtm_wait($id, 60)"), 'failed', "$what: one that is refused");
	is(sql($db, "SELECT status, (error).code FROM rtm_result WHERE id = $id"), 'failed|200020', "$what: ... is in rtm_result");
	is(sql($db, "SELECT rtm_retry($id)"), 't', "$what: rtm_retry");
	is(sql($db, "SELECT rtm_wait($id, 60)"), 'failed', "$what: ... and it fails again");
	is(sql($db, "SELECT rtm_discard($id)"), 't', "$what: rtm_discard");
	my $told = sql($db, 'SELECT count(*) FROM told');
	sql($db, "SELECT rtm_send_message_async(51, 1, 2, '$what called', callback => 'tell'::regproc)");
	poll($db, "SELECT count(*) = $told + 1 FROM told", "$what: a callback runs");
	my $late = sql($db, "SELECT rtm_send_message_async(51, 1, 2, '$what 3', server => 'dead')");
	poll($db, "SELECT attempts > 0 AND error IS NOT NULL FROM rtm_outbox WHERE id = $late", "$what: a gate that is down");
	is(sql($db, "SELECT rtm_discard($late)"), 't', "$what: ... discarded");
	poll($db, "SELECT count(*) = 0 FROM rtm_outbox", "$what: nothing is left");
	sql($db, "BEGIN; SELECT rtm_send_message_async(51, 1, 2, '$what 4'); PREPARE TRANSACTION '$db'");
	sql($db, "COMMIT PREPARED '$db'");
	poll($db, 'SELECT count(*) = 0 FROM rtm_outbox', "$what: a prepared transaction");
	is_deeply([ $gate->kept($what) ], [ 1, 4 ], "$what: ... arrives");
	is(sql($db, "SELECT count(*) FROM rtm_stat_worker WHERE worker = 'rtm sender' AND database = '$db' AND state = 'running'"), 1, "$what: rtm_stat_worker");
	cmp_ok(sql($db, "SELECT sent FROM rtm_stat_server WHERE server = 'rtm'"), '>', 2, "$what: rtm_stat_server");
	is(sql($db, "SELECT coalesce(string_agg(last_error, ','), '') FROM rtm_stat_worker"), '', "$what: no worker has failed");
}

# The library with the objects of this version, and of the next one

make_db('old', '');
make_db('new', "VERSION '$next'");
is(sql('old', 'SELECT extversion = (SELECT default_version FROM pg_available_extensions WHERE name = extname) FROM pg_extension WHERE extname = $$rtm$$'),
	't', 'this version is what CREATE EXTENSION installs');
basics('old', 'of this version');
basics('new', 'of the next version');

# Updated while requests wait, are under way and have failed, with a reader that
# has the views open and sessions that have queued something

my $sender = sql('old', "SELECT pid FROM rtm_stat_worker WHERE database = 'old' AND worker = 'rtm sender'");
my $failed = sql('old', "SELECT rtm_send_message_async(51, 1, 2, 'error 200021', callback => 'tell'::regproc)");
is(sql('old', "SELECT rtm_wait($failed, 60)"), 'failed', 'one that has failed');
sql('old', "SELECT count(rtm_send_message_async(51, 1, 100 + g, 'waiting ' || g, server => 'dead')) FROM generate_series(1, 50) AS g");
poll('old', 'SELECT count(*) = 50 FROM rtm_outbox WHERE attempts > 0', 'requests that wait for a dead gate');
my $stream = begin_session($node, { db => 'old' },
	map { "SELECT rtm_send_message_async(51, 1, 200, 'stream $_')" } 1 .. 300);
my @r = session($node, { db => 'old' }, 'SELECT count(*) FROM rtm_outbox', "ALTER EXTENSION rtm UPDATE TO '$next'", 'SELECT rtm_next_version(), count(srvid) > 0 FROM rtm_stat_error');
is($r[1]{state}, '00000', 'ALTER EXTENSION UPDATE while busy') or diag($r[1]{message});
is($r[2]{out}, 'what the next version brings|t', '... what is new works in the session that did it');
is(scalar(grep { $_->{state} ne '00000' } end_session($stream)), 0, '... a session that queues meanwhile notices nothing');
is(sql('old', "SELECT extversion FROM pg_extension WHERE extname = 'rtm'"), $next, '... it is the next one now');
poll('old', "SELECT count(*) = 0 FROM rtm_outbox WHERE server = 'rtm'", '... the stream goes on');
is_deeply([ $gate->kept('stream') ], [ 1 .. 300 ], '... once and in order');
poll('old', "SELECT held = 0 AND queued = 50 FROM rtm_stat_outbox", '... what waited is its own');
is(sql('old', "SELECT pid FROM rtm_stat_worker WHERE database = 'old' AND worker = 'rtm sender'"), $sender, '... by the same sender');
sql('old', "ALTER SERVER dead OPTIONS (SET endpoint '" . $gate->endpoint . "')");
poll('old', 'SELECT count(*) = 0 FROM rtm_outbox', '... what waited is sent when the gate is there');
is_deeply([ sort { $a <=> $b } $gate->kept('waiting') ], [ 1 .. 50 ], '... each once');
is(sql('old', "SELECT rtm_retry($failed)"), 't', '... what has failed can be retried');
is(sql('old', "SELECT rtm_wait($failed, 60)"), 'failed', '... and fails');
sql('old', "SELECT rtm_discard($failed)");
sql('old', "ALTER SERVER dead OPTIONS (SET endpoint '$nowhere')");
basics('old', 'updated');

# updated with nobody there
sql('postgres', 'CREATE DATABASE asleep');
sql('asleep', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $nowhere, db => 'asleep');
sql('asleep', "SELECT count(rtm_send_message_async(51, 1, 2, 'asleep ' || g)) FROM generate_series(1, 5) AS g");
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
sql('asleep', "ALTER EXTENSION rtm UPDATE TO '$next'");
is(sql('asleep', 'SELECT count(*), count(*) FILTER (WHERE held) FROM rtm_outbox'), '5|0', 'updated without preload');
is(sql('asleep', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '5|0|stopped', '... and the views work');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'rtm'\n");
$node->restart;
sql('asleep', "ALTER SERVER rtm OPTIONS (SET endpoint '" . $gate->endpoint . "')");
poll('asleep', 'SELECT count(*) = 0 FROM rtm_outbox', 'after the next start they are sent');
is_deeply([ $gate->kept('asleep') ], [ 1 .. 5 ], '... each once, in order');

# An updated database has what a fresh one has

my $objects = q(
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT pg_describe_object(classid, objid, objsubid) || ' ' || coalesce(obj_description(objid, classid::regclass::name), '-') AS line
			FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
				AND refobjid IN (SELECT oid FROM pg_extension WHERE extname LIKE 'rtm%')
		UNION ALL SELECT 'function ' || pg_get_functiondef(oid) || coalesce(proacl::text, '') FROM pg_proc WHERE proname LIKE 'rtm%' AND prokind = 'f' AND probin IS NOT NULL
		UNION ALL SELECT 'relation ' || oid::regclass || ' ' || relkind::text || ' ' || relreplident::text || ' ' || coalesce(reloptions::text, '') || ' ' || coalesce(relacl::text, '')
				|| ' ' || coalesce((SELECT reloptions::text FROM pg_class t WHERE t.oid = c.reltoastrelid), '')
			FROM pg_class c WHERE relname LIKE 'rtm%' OR relnamespace = to_regnamespace('rtm_gate')
		UNION ALL SELECT 'column ' || attrelid::regclass || ' ' || attnum || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || coalesce(col_description(attrelid, attnum), '')
			FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE (relname LIKE 'rtm%' OR relnamespace = to_regnamespace('rtm_gate')) AND attnum > 0
		UNION ALL SELECT 'view ' || c.oid::regclass || ' ' || pg_get_viewdef(c.oid) FROM pg_class c WHERE relkind = 'v' AND (relname LIKE 'rtm%' OR relnamespace = to_regnamespace('rtm_gate'))
		UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE relname LIKE 'rtm%' OR relnamespace = to_regnamespace('rtm_gate')
		UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_class c ON c.oid = conrelid WHERE relname LIKE 'rtm%' OR relnamespace = to_regnamespace('rtm_gate')
	) AS all_of_it);
my %version = (fresh => "VERSION '$next'", updated => '');
for my $db (sort keys %version)
{
	sql('postgres', "CREATE DATABASE $db");
	sql($db, "CREATE EXTENSION rtm $version{$db}");
}
isnt(sql('fresh', $objects), sql('updated', $objects), 'the comparison sees a difference of versions');
sql('updated', "ALTER EXTENSION rtm UPDATE TO '$next'");
my ($fresh, $updated) = map { [ split /\n/, sql($_, $objects) ] } 'fresh', 'updated';
is_deeply($updated, $fresh, 'an updated database has what a fresh one has');
cmp_ok(scalar(@$fresh), '>', 200, '... and that is a lot');

# The update locks the tables in the order in which others do

sql('postgres', 'CREATE DATABASE locks');
sql('locks', 'CREATE EXTENSION rtm');
my $user = begin_session($node, { db => 'locks' }, 'BEGIN', 'LOCK TABLE rtm_internal.rtm_finished IN ROW EXCLUSIVE MODE', 'SELECT pg_sleep(3)', 'SELECT count(*) FROM rtm_internal.rtm_request', 'COMMIT');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") or die;
sql('locks', "ALTER EXTENSION rtm UPDATE TO '$next'");
is(scalar(grep { $_->{state} ne '00000' } end_session($user)), 0, 'ALTER EXTENSION UPDATE and what rtm_retry() locks: no deadlock');
$node->stop;

done_testing();
