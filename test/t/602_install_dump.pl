# Dump and restore: servers, mappings and privileges come along, no row of the
# outbox does, and what is restored works.
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
my $node = new_node('dump');

sub sql { my ($db, $query) = @_; return $node->safe_psql($db, $query) }

sql('postgres', 'CREATE DATABASE shop');
sql('shop', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint, db => 'shop');
server_for($node, 'dead', $nowhere, db => 'shop');
sql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE reader');
sql('shop', q(
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
	command_ok([ 'pg_dump', "--format=$format", '-f', $file, $node->connstr('shop') ], "pg_dump --format=$format");
	sql('postgres', "CREATE DATABASE from_$format");
	command_ok($format eq 'plain'
		? [ 'psql', '-Xqv', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr("from_$format") ]
		: [ 'pg_restore', '--exit-on-error', '-d', $node->connstr("from_$format"), $file ], '... its restore');
	my $db = "from_$format";
	is(sql($db, 'SELECT count(*) FROM rtm_internal.rtm_request'), 0, "$format: no row of the outbox");
	is(sql($db, "SELECT srvoptions::text FROM pg_foreign_server WHERE srvname = 'rtm'"),
		sql('shop', "SELECT srvoptions::text FROM pg_foreign_server WHERE srvname = 'rtm'"), "$format: servers with their options");
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
$node->stop;

done_testing();
