# Versions: the new library with the objects of 1.0, ALTER EXTENSION UPDATE while
# everything is in use, an updated database and a fresh one compared; dump and
# restore; any schema and any search_path.
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
my $nowhere = '127.0.0.1:' . free_port();
my $node = new_node('upgrade', conf =>
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

# The library with 1.0's objects, and with 1.1's

make_db('old', "VERSION '1.0'");
make_db('new', '');
is(sql('old', "SELECT extversion FROM pg_extension WHERE extname = 'rtm'"), '1.0', 'version 1.0 is installed');
is(sql('new', "SELECT extversion FROM pg_extension WHERE extname = 'rtm'"), '1.1', '1.1 is what CREATE EXTENSION installs');
basics('old', 'of 1.0');
basics('new', 'of 1.1');

# Updated while requests wait, are under way and have failed, with a reader that
# has the views open and sessions that have queued something

my $sender = sql('old', "SELECT pid FROM rtm_stat_worker WHERE database = 'old' AND worker = 'rtm sender'");
my $failed = sql('old', "SELECT rtm_send_message_async(51, 1, 2, 'error 200021', callback => 'tell'::regproc)");
is(sql('old', "SELECT rtm_wait($failed, 60)"), 'failed', 'one that has failed');
sql('old', "SELECT count(rtm_send_message_async(51, 1, 100 + g, 'waiting ' || g, server => 'dead')) FROM generate_series(1, 50) AS g");
poll('old', 'SELECT count(*) = 50 FROM rtm_outbox WHERE attempts > 0', 'requests that wait for a dead gate');
my $stream = begin_session($node, { db => 'old' },
	map { "SELECT rtm_send_message_async(51, 1, 200, 'stream $_')" } 1 .. 300);
my @r = session($node, { db => 'old' }, 'SELECT count(*) FROM rtm_outbox', 'ALTER EXTENSION rtm UPDATE', 'SELECT count(*) FROM rtm_stat_error');
is($r[1]{state}, '00000', 'ALTER EXTENSION UPDATE while busy') or diag($r[1]{message});
is($r[2]{state}, '00000', '... a new view in the session that did it');
is(scalar(grep { $_->{state} ne '00000' } end_session($stream)), 0, '... a session that queues meanwhile notices nothing');
is(sql('old', "SELECT extversion FROM pg_extension WHERE extname = 'rtm'"), '1.1', '... it is 1.1 now');
poll('old', "SELECT count(*) = 0 FROM rtm_outbox WHERE server = 'rtm'", '... the stream goes on');
is_deeply([ $gate->kept('stream') ], [ 1 .. 300 ], '... once and in order');
poll('old', "SELECT held = 0 AND queued = 50 FROM rtm_stat_outbox", '... what waited is its own');
is(sql('old', 'SELECT count(*) FROM rtm_origin'), 1, '... the origin is written down');
is(sql('old', 'SELECT count(*), min(owner_name) = current_user, max(owner_name) = current_user, min(server_name), max(server_name), max(callback_name) FROM rtm_request'),
	'50|t|t|dead|dead|', '... what waited has names');
is(sql('old', "SELECT server_name, callback_name FROM rtm_finished WHERE id = $failed"), 'rtm|public.tell', '... and what has failed');
is(sql('old', "SELECT pid FROM rtm_stat_worker WHERE database = 'old' AND worker = 'rtm sender'"), $sender, '... by the same sender');
sql('old', "ALTER SERVER dead OPTIONS (SET endpoint '" . $gate->endpoint . "')");
poll('old', 'SELECT count(*) = 0 FROM rtm_outbox', '... what waited is sent when the gate is there');
is_deeply([ sort { $a <=> $b } $gate->kept('waiting') ], [ 1 .. 50 ], '... each once');
is(sql('old', "SELECT rtm_retry($failed)"), 't', '... what has failed can be retried');
is(sql('old', "SELECT rtm_wait($failed, 60)"), 'failed', '... and fails');
sql('old', "SELECT rtm_discard($failed)");
sql('old', "ALTER SERVER dead OPTIONS (SET endpoint '$nowhere')");
basics('old', 'updated');

# updated with nobody there: the sender marks what it finds as its own
sql('postgres', 'CREATE DATABASE asleep');
sql('asleep', "CREATE EXTENSION rtm VERSION '1.0'");
server_for($node, 'rtm', $nowhere, db => 'asleep');
sql('asleep', "SELECT count(rtm_send_message_async(51, 1, 2, 'asleep ' || g)) FROM generate_series(1, 5) AS g");
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
sql('asleep', 'ALTER EXTENSION rtm UPDATE');
is(sql('asleep', 'SELECT count(*), count(*) FILTER (WHERE held) FROM rtm_outbox'), '5|0', 'updated without preload');
is(sql('asleep', 'SELECT rtm_outbox_origin() IS NULL'), 't', '... there is no origin');
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
for my $db ('fresh', 'updated')
{
	my $version = $db eq 'fresh' ? '' : "VERSION '1.0'";
	sql('postgres', "CREATE DATABASE $db");
	sql($db, "CREATE EXTENSION rtm $version");
	sql($db, "CREATE EXTENSION rtm_gate $version");
}
isnt(sql('fresh', $objects), sql('updated', $objects), 'the comparison sees a difference of versions');
sql('updated', 'ALTER EXTENSION rtm UPDATE; ALTER EXTENSION rtm_gate UPDATE');
my ($fresh, $updated) = map { [ split /\n/, sql($_, $objects) ] } 'fresh', 'updated';
is_deeply($updated, $fresh, 'an updated database has what a fresh one has');
cmp_ok(scalar(@$fresh), '>', 200, '... and that is a lot');

# A local gate of 1.0 with messages: the library of today says what to do, and after
# the update the gate has what it had

sql('postgres', 'CREATE DATABASE gate');
sql('gate', "CREATE EXTENSION rtm VERSION '1.0'; CREATE EXTENSION rtm_gate VERSION '1.0'");
my $history = q(SELECT string_agg(msg, ' ' ORDER BY id) FROM rtm_get_group_message(1, 7, false, NULL, server => 'localgate'));
sub gate_one { my ($query) = @_; my $r = one($node, { db => 'gate' }, $query); diag($r->{message}) if $r->{message}; return $r->{out} }
my $setup = "SELECT rtm_gate_setup(server => 'localgate', pid => $pid, secret => '$secret')";
state_is(one($node, { db => 'gate' }, $setup), '55000', qr/run ALTER EXTENSION rtm_gate UPDATE/, 'gate: objects of 1.0');
sql('gate', qq(INSERT INTO rtm_gate.project VALUES ($pid, '$secret');
	INSERT INTO rtm_gate.message (type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime)
	SELECT 2, 7, 0, 1000 + g, 1, 0, 51, convert_to('old' || g, 'UTF8'), false, '', false, extract(epoch FROM now()) * 1000 - 1000 + g
	FROM generate_series(1, 30) AS g));
my $old = join ' ', map { "old$_" } 1 .. 30;
sql('gate', "ALTER EXTENSION rtm UPDATE; ALTER EXTENSION rtm_gate UPDATE; $setup");
is(gate_one('SELECT count(*), min(pid) = max(pid), min(pid) = (SELECT pid FROM rtm_gate.project) FROM rtm_gate.message'), '30|t|t',
	'gate: the messages of 1.0 belong to its project');
is(gate_one($history), $old, '... and are in the history');
state_is(one($node, { db => 'gate' }, q(SELECT rtm_send_group_message(51, 1, 7, 'again', mid => 1001, server => 'localgate'))),
	'RTM53', undef, '... and known by their mid');
sql('gate', q(SELECT rtm_delete_group_message(1002, 1, 7, server => 'localgate'), rtm_send_group_message(51, 1, 7, 'new', server => 'localgate')));
my $now = join ' ', (map { "old$_" } 1, 3 .. 30), 'new';
is(gate_one($history), $now, 'gate: it goes on after the update');
$node->restart;
wait_until('the gate after a restart', sub { (one($node, { db => 'gate' }, $history)->{out} || '') eq $now });
is(gate_one($history), $now, '... and after a restart');
sql('gate', 'SELECT rtm_gate_stop()');

# Dump and restore

sql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE reader');
sql('new', q(
	CREATE USER MAPPING FOR app SERVER rtm OPTIONS (secret 'a-secret-of-the-mapping');
	ALTER SERVER rtm OPTIONS (ADD rate_limit '50');
	GRANT USAGE ON FOREIGN SERVER rtm TO app;
	GRANT EXECUTE ON FUNCTION rtm_adopt_held() TO reader;
	CREATE EXTENSION rtm_gate;
	SELECT rtm_gate_setup(server => 'localgate', secret => 'a-secret-of-the-gate'),
		rtm_send_message_async(51, 1, 2, 'never dumped', server => 'dead')));
for my $format ('plain', 'custom')
{
	my $file = "$ENV{TESTDIR}/dump.$format";
	command_ok([ 'pg_dump', "--format=$format", '-f', $file, $node->connstr('new') ], "pg_dump --format=$format");
	sql('postgres', "CREATE DATABASE from_$format");
	command_ok($format eq 'plain'
		? [ 'psql', '-Xqv', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr("from_$format") ]
		: [ 'pg_restore', '--exit-on-error', '-d', $node->connstr("from_$format"), $file ], '... its restore');
	my $db = "from_$format";
	is(sql($db, 'SELECT count(*) FROM rtm_request'), 0, "$format: no row of the outbox");
	is(sql($db, "SELECT srvoptions::text FROM pg_foreign_server WHERE srvname = 'rtm'"),
		sql('new', "SELECT srvoptions::text FROM pg_foreign_server WHERE srvname = 'rtm'"), "$format: servers with their options");
	is(sql($db, "SELECT count(*) FROM pg_user_mappings WHERE array_to_string(umoptions, ',') = 'secret=a-secret-of-the-mapping' AND usename = 'app'"),
		1, "$format: user mappings with their secrets");
	is(sql($db, "SELECT has_function_privilege('reader', 'rtm_adopt_held()', 'EXECUTE'), has_function_privilege('app', 'rtm_adopt_held()', 'EXECUTE')"),
		't|f', "$format: privileges");
	my $id = sql($db, "SELECT rtm_send_message_async(51, 1, 2, '$db 1', server => 'rtm')");
	is(sql($db, "SELECT rtm_wait($id, 60)"), 'done', "$format: what is restored works");
}
my $dump = slurp_file("$ENV{TESTDIR}/dump.plain");
unlike($dump, qr/never dumped/, 'no message in a dump');
like($dump, qr/a-secret-of-the-mapping/, 'a dump by a superuser has the secrets of user mappings, as the documentation says');

# Any schema, any search_path

my $schema = '"We ird%s {own}"';
sql('postgres', 'CREATE DATABASE weird');
sql('weird', qq(
	CREATE SCHEMA $schema; CREATE EXTENSION rtm SCHEMA $schema; CREATE EXTENSION rtm_gate SCHEMA $schema;
	CREATE SCHEMA evil;
	CREATE TABLE evil.rtm_request (id bigint); CREATE TABLE evil.rtm_finished (id bigint, callback_due bigint); CREATE TABLE evil.rtm_origin (origin bigint);
	CREATE TYPE evil.rtm_error AS (code integer);
	CREATE FUNCTION evil.boom(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
	CREATE FUNCTION evil.boom(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
	CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.boom);
	CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.boom);
	CREATE OPERATOR evil.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.boom)));
sql('weird', 'ALTER DATABASE weird SET search_path = evil, pg_catalog');
server_for($node, 'rtm', $gate->endpoint, db => 'weird');
server_for($node, 'dead', $nowhere, db => 'weird');
sql('weird', qq(
	CREATE TABLE public.told (mid bigint, error text);
	CREATE FUNCTION public.tell(mid bigint, mtime bigint, error $schema.rtm_error) RETURNS void LANGUAGE sql
		AS 'INSERT INTO public.told VALUES (mid, (error).sqlstate)';
	CREATE FUNCTION public.heard(result $schema.rtm_history_result, error $schema.rtm_error) RETURNS void LANGUAGE sql
		AS 'INSERT INTO public.told VALUES (-1, (error).sqlstate)'));
is(sql('weird', "SELECT mtime OPERATOR(pg_catalog.>) 0 FROM $schema.rtm_send_message(51, 1, 2, 'weird sync')"), 't', 'weird: a call');
my $id = sql('weird', "SELECT $schema.rtm_send_message_async(51, 1, 2, 'weird 1', callback => 'public.tell'::regproc)");
is(sql('weird', "SELECT $schema.rtm_wait($id, 60)"), 'done', 'weird: a queued send');
poll('weird', 'SELECT count(*) OPERATOR(pg_catalog.=) 1 FROM public.told', 'weird: its callback');
$id = sql('weird', "SELECT $schema.rtm_send_message_async(51, 1, 2, 'error 200022', callback => 'public.tell'::regproc)");
is(sql('weird', "SELECT $schema.rtm_wait($id, 60)"), 'failed', 'weird: one that is refused');
poll('weird', "SELECT count(*) OPERATOR(pg_catalog.=) 1 FROM public.told WHERE error OPERATOR(pg_catalog.=) 'RTM22'", 'weird: its callback');
poll('weird', "SELECT count(*) OPERATOR(pg_catalog.=) 0 FROM $schema.rtm_result WHERE callback_status OPERATOR(pg_catalog.=) 'pending'", 'weird: ... is through');
is(sql('weird', "SELECT $schema.rtm_retry($id)"), 't', 'weird: rtm_retry');
is(sql('weird', "SELECT $schema.rtm_wait($id, 60)"), 'failed', 'weird: ... and it fails again');
poll('weird', "SELECT count(*) OPERATOR(pg_catalog.=) 0 FROM $schema.rtm_result WHERE callback_status OPERATOR(pg_catalog.=) 'pending'", 'weird: ... is through');
is(sql('weird', "SELECT $schema.rtm_discard($id)"), 't', 'weird: rtm_discard');
$id = sql('weird', "SELECT $schema.rtm_send_message_async(51, 1, 2, 'weird 2', server => 'dead')");
poll('weird', "SELECT attempts OPERATOR(pg_catalog.>) 1 FROM $schema.rtm_outbox", 'weird: a gate that is down');
is(sql('weird', "SELECT $schema.rtm_adopt_held(), $schema.rtm_discard_held()"), '0|0', 'weird: nothing is held');
sql('weird', "UPDATE $schema.rtm_request SET origin = 1");
$node->restart;
poll('weird', "SELECT held OPERATOR(pg_catalog.=) 1 AND sender OPERATOR(pg_catalog.=) 'holding' FROM $schema.rtm_stat_outbox", 'weird: a request of another origin is held');
is(sql('weird', "SELECT $schema.rtm_adopt_held()"), 1, 'weird: ... adopted');
poll('weird', "SELECT attempts OPERATOR(pg_catalog.>) 2 FROM $schema.rtm_outbox", 'weird: ... tried again');
is(sql('weird', "SELECT $schema.rtm_discard($id)"), 't', 'weird: ... discarded');
for my $view ('rtm_outbox', 'rtm_result', 'rtm_stat_worker', 'rtm_stat_server', 'rtm_stat_error', 'rtm_stat_outbox')
{
	is((session($node, { db => 'weird' }, "SELECT * FROM $schema.$view"))[0]{state}, '00000', "weird: the view $view");
}
my @s = session($node, { db => 'weird' }, "SELECT $schema.rtm_gate_setup(server => 'localgate')",
	"SELECT mtime OPERATOR(pg_catalog.>) 0 FROM $schema.rtm_send_group_message(51, 1, 7, 'weird', server => 'localgate')",
	"SELECT count(*) FROM $schema.rtm_get_group_message(1, 7, false, 10, server => 'localgate')",
	"SELECT $schema.rtm_get_group_message_async(1, 7, false, 10, server => 'localgate', callback => 'public.heard'::regproc)");
is($s[0]{state}, '00000', 'weird: rtm_gate_setup') or diag($s[0]{message});
is($s[1]{out}, 't', 'weird: a send to the local gate') or diag($s[1]{message});
is($s[2]{out}, 1, 'weird: its history') or diag($s[2]{message});
poll('weird', 'SELECT count(*) OPERATOR(pg_catalog.=) 1 FROM public.told WHERE mid OPERATOR(pg_catalog.=) (-1)::bigint AND error IS NULL', 'weird: a callback with a history');
is(sql('weird', "SELECT count(*) FROM $schema.rtm_stat_worker WHERE last_error IS NOT NULL"), 0, 'weird: no worker has failed');
state_is((session($node, { db => 'weird' }, "DROP EXTENSION rtm CASCADE"))[0], '00000', undef, 'weird: DROP EXTENSION');
$node->stop;

done_testing();
