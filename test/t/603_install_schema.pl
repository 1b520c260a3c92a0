# Any schema and any search_path: an extension in a schema of an odd name, where
# everything that it uses is in the way under the same names.
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
my $node = new_node('schema', conf => "rtm.retry_delay = '20ms'\nrtm.max_retry_delay = '50ms'\n");

sub sql { my ($db, $query) = @_; return $node->safe_psql($db, $query) }
sub poll { my ($db, $query, $what) = @_; return ok($node->poll_query_until($db, $query), $what) }

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
$id = sql('weird', "SELECT $schema.rtm_send_message_async(51, 1, 2, 'error 200021', callback => 'public.tell'::regproc)");
is(sql('weird', "SELECT $schema.rtm_wait($id, 60)"), 'failed', 'weird: one that is refused');
poll('weird', "SELECT count(*) OPERATOR(pg_catalog.=) 1 FROM public.told WHERE error OPERATOR(pg_catalog.=) 'RTM21'", 'weird: its callback');
poll('weird', "SELECT count(*) OPERATOR(pg_catalog.=) 0 FROM $schema.rtm_result WHERE callback_status OPERATOR(pg_catalog.=) 'pending'", 'weird: ... is through');
is(sql('weird', "SELECT $schema.rtm_retry($id)"), 't', 'weird: rtm_retry');
is(sql('weird', "SELECT $schema.rtm_wait($id, 60)"), 'failed', 'weird: ... and it fails again');
poll('weird', "SELECT count(*) OPERATOR(pg_catalog.=) 0 FROM $schema.rtm_result WHERE callback_status OPERATOR(pg_catalog.=) 'pending'", 'weird: ... is through');
is(sql('weird', "SELECT $schema.rtm_discard($id)"), 't', 'weird: rtm_discard');
$id = sql('weird', "SELECT $schema.rtm_send_message_async(51, 1, 2, 'weird 2', server => 'dead')");
poll('weird', "SELECT attempts OPERATOR(pg_catalog.>) 1 FROM $schema.rtm_outbox", 'weird: a gate that is down');
is(sql('weird', "SELECT $schema.rtm_adopt_held(), $schema.rtm_discard_held()"), '0|0', 'weird: nothing is held');
sql('weird', "UPDATE rtm_internal.rtm_request SET origin = 1");
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
