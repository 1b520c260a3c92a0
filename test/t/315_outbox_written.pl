# Who may write to the outbox's tables, whatever was granted: nobody but superusers and
# the extension's own code.  Whoever owns the database, the schema of the extension, or
# has the privileges of every table, becomes nobody by it.
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
my $node = new_node('written', conf => "wal_level = logical\nmax_worker_processes = 16\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

# privileges that somebody gave before the extension was there, to tables to come
sql('CREATE ROLE app LOGIN; CREATE ROLE owner LOGIN CREATEROLE; CREATE ROLE writer LOGIN IN ROLE pg_write_all_data, pg_read_all_data;'
	. ' ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO app; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO app;'
	. ' ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO app; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO app;'
	. ' ALTER DATABASE postgres OWNER TO owner; ALTER SCHEMA public OWNER TO owner; CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);

is(sql("SELECT count(*) FROM (SELECT relacl FROM pg_class WHERE relnamespace = 'rtm_internal'::regnamespace AND relkind IN ('r', 'S')"
	. " UNION ALL SELECT nspacl FROM pg_namespace WHERE nspname = 'rtm_internal') AS o (acl), aclexplode(o.acl) AS a WHERE a.grantee <> 10"), 0,
	'default privileges do not reach the tables');
sql('GRANT ALL ON ALL TABLES IN SCHEMA public TO app, writer');
for my $what ('TABLE rtm_internal.rtm_request', 'INSERT INTO rtm_internal.rtm_finished DEFAULT VALUES')
{
	my @r = session($node, 'SET ROLE app', $what);
	state_is($r[1], '42501', undef, "GRANT ON ALL TABLES IN SCHEMA public: $what");
}

# a request and a result to copy
my $id = sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200020 x')");
is(sql("SELECT rtm_wait($id, 60)"), 'failed', 'a request that has failed');
sql('CREATE FUNCTION public.evil(bigint, bigint, rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE app SUPERUSER; END $$');
sql("CREATE TABLE request AS SELECT * FROM rtm_internal.rtm_request; CREATE TABLE finished AS SELECT * FROM rtm_internal.rtm_finished; GRANT ALL ON request, finished TO PUBLIC;"
	. " UPDATE finished SET id = id + 1000, owner = 10, callback = 'evil'::regproc, callback_due = 1");

sub refused
{
	my ($who, @what) = @_;
	for my $what (@what)
	{
		my @r = session($node, $who, $what);
		state_is($r[1], '42501', qr/written by the extension rtm only/, "$who: $what");
	}
}

my @writes = ('INSERT INTO rtm_internal.rtm_finished SELECT * FROM finished', "UPDATE rtm_internal.rtm_finished SET owner = 10, callback = 'evil'::regproc, callback_due = 1",
	'DELETE FROM rtm_internal.rtm_finished', 'INSERT INTO rtm_internal.rtm_finished SELECT * FROM finished ON CONFLICT DO NOTHING',
	'MERGE INTO rtm_internal.rtm_finished AS t USING finished AS f ON false WHEN NOT MATCHED THEN INSERT VALUES (f.*)');
@writes = grep { !/^MERGE/ } @writes;
refused('SET ROLE writer', @writes);
sql('GRANT USAGE ON SCHEMA rtm_internal TO app; GRANT ALL ON ALL TABLES IN SCHEMA rtm_internal TO app');
refused('SET ROLE app', @writes, 'TRUNCATE rtm_internal.rtm_finished', 'TRUNCATE rtm_internal.rtm_request, rtm_internal.rtm_origin',
	"INSERT INTO rtm_internal.rtm_origin VALUES (1, 2, 3, 4, 5, now())");

# COPY, a view, a function of another role, a rule of another table
my ($out, $err);
$node->psql('postgres', "SET ROLE app; COPY rtm_internal.rtm_origin FROM STDIN;\n1\t2\t3\t4\t5\tnow\t\\N\n\\.\n", stderr => \$err);
like($err, qr/written by the extension rtm only/, 'COPY');
sql('GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE VIEW v AS SELECT * FROM rtm_internal.rtm_finished');
refused('SET ROLE app', 'INSERT INTO v SELECT * FROM finished', 'DELETE FROM v');
my @r = session($node, 'SET ROLE app', "SET session_replication_role = 'replica'");
state_is($r[1], '42501', undef, 'session_replication_role');
SKIP:
{
	skip 'GRANT SET came with PostgreSQL 15', 1 if $node->pg_version < 15;
	sql('GRANT SET ON PARAMETER session_replication_role TO app');
	refused("SET ROLE app; SET session_replication_role = 'replica'", $writes[0]);
}
# a trigger of theirs would run with the rights of a worker: no statement comes to it
$node->append_conf('postgresql.conf', "rtm.pause = on\n");
$node->reload;
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused' AND worker = 'rtm sender'") or die;
my $waits = sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200020 y')");
sql(q(SET ROLE app; CREATE FUNCTION public.robs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE app SUPERUSER; RETURN NEW; END $$;
	CREATE TRIGGER robs BEFORE INSERT ON rtm_internal.rtm_finished FOR EACH ROW EXECUTE FUNCTION public.robs();
	CREATE TRIGGER robs BEFORE INSERT OR UPDATE ON rtm_internal.rtm_origin FOR EACH ROW EXECUTE FUNCTION public.robs()));
$node->append_conf('postgresql.conf', "rtm.pause = off\n");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM rtm_stat_worker WHERE last_error ~ 'was altered'"), 'a trigger of theirs: the sender does not go on');
is(sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'app'"), 'f', '... nor run it');
@r = session($node, "SELECT rtm_send_message_async(51, 1, 2, 'x')");
state_is($r[0], '55000', qr/rtm_finished" was altered.*It has the trigger "robs"/s, '... which queueing says');
sql('DROP FUNCTION public.robs CASCADE');
is(sql("SELECT rtm_wait($waits, 60)"), 'failed', '... until it is dropped');

# what a trigger or a foreign key of theirs would do, queueing says
sql('GRANT CREATE ON SCHEMA public TO app');
sql('SET ROLE app; CREATE TABLE theirs (id bigint, origin bigint, FOREIGN KEY (id, origin) REFERENCES rtm_internal.rtm_finished)');
@r = session($node, "SELECT rtm_retry($id)");
state_is($r[0], '55000', qr/It has the trigger "RI_/, 'a foreign key of theirs');
sql('DROP TABLE theirs; REVOKE ALL ON ALL TABLES IN SCHEMA rtm_internal FROM app; REVOKE USAGE ON SCHEMA rtm_internal FROM app');

# the database's owner, and that of the extension's schema
sub no_power { my ($what) = @_; return is(sql("SELECT count(*) FROM pg_roles WHERE rolsuper AND oid <> 10"), 0, "$what: nobody became superuser") }

for my $statement ('ALTER SCHEMA rtm_internal RENAME TO other', 'CREATE TABLE rtm_internal.x ()', 'DROP SCHEMA rtm_internal CASCADE', 'DROP TABLE rtm_internal.rtm_request',
	'ALTER TABLE rtm_internal.rtm_request DISABLE TRIGGER ALL', 'CREATE TRIGGER t BEFORE INSERT ON rtm_internal.rtm_finished FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'DROP FUNCTION public.rtm_unpack(int, bytea) CASCADE', 'DROP EXTENSION rtm')
{
	@r = session($node, 'SET ROLE owner', $statement);
	isnt($r[1]{state}, '00000', "owner: $statement");
}
sql(q(SET ROLE owner; ALTER SCHEMA public RENAME TO old; CREATE SCHEMA public;
	CREATE FUNCTION public.evil() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE owner SUPERUSER; RETURN 1; END $$;
	CREATE VIEW public.rtm_finished AS SELECT public.evil() AS id, 1::bigint AS origin, 'done' AS status, now() AS finished_at, NULL::bigint AS callback_due;
	CREATE VIEW public.rtm_request AS SELECT public.evil() AS id;
	CREATE FUNCTION public.rtm_callback_of(text, text) RETURNS regprocedure LANGUAGE sql AS 'SELECT public.evil()::int::regprocedure';
	CREATE FUNCTION public.rtm_outbox_origin() RETURNS bigint LANGUAGE sql AS 'SELECT public.evil()';
	CREATE FUNCTION public.rtm_unpack(int, bytea) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(public.evil())';
	CREATE OPERATOR public.= (FUNCTION = int8eq, LEFTARG = bigint, RIGHTARG = bigint)));
$node->restart;
my $after = sql("SELECT old.rtm_send_message_async(51, 1, 2, 'after 1')");
is(sql("SELECT old.rtm_wait($after, 60)"), 'done', 'the schema was renamed and another one put in its place: a message is sent');
sql("UPDATE rtm_internal.rtm_finished SET origin = 4711, callback_due = 1, callback = 1, callback_name = 'public.evil'");
is(sql('SELECT old.rtm_adopt_held(), old.rtm_discard_held()'), '0|2', '... what is held can be adopted or discarded');
sql('SELECT * FROM old.rtm_result, old.rtm_outbox, old.rtm_stat_server, old.rtm_stat_outbox');
is(sql("SELECT old.rtm_discard($id)"), 't', '... discarded');
no_power('renamed');

# the extension in a schema of its own, which its owner can't be robbed of
sql('DROP SCHEMA public CASCADE; ALTER SCHEMA old RENAME TO public; DROP EXTENSION rtm CASCADE; CREATE SCHEMA apart; CREATE EXTENSION rtm SCHEMA apart');
$node->safe_psql('postgres', "CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '" . $gate->endpoint . "', pid '$pid'); CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$secret')");
$id = sql("SELECT apart.rtm_send_message_async(51, 1, 2, 'apart 1')");
is(sql("SELECT apart.rtm_wait($id, 60)"), 'done', 'CREATE EXTENSION rtm SCHEMA apart');
sql('CREATE ROLE plain; ALTER SCHEMA rtm_internal OWNER TO plain');
my $r = one($node, "SELECT apart.rtm_send_message_async(51, 1, 2, 'x')");
state_is($r, '55000', qr/schema "rtm_internal" does not belong to a superuser/, 'a schema that somebody was given');
sql('ALTER SCHEMA rtm_internal OWNER TO CURRENT_USER; DROP EXTENSION rtm CASCADE; SET ROLE owner; CREATE SCHEMA rtm_internal');
$r = one($node, 'CREATE EXTENSION rtm');
state_is($r, '42P06', undef, 'a schema with its name that was there before');
no_power('in the end');

$node->stop;
done_testing();
