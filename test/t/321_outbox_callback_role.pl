# A callback runs in a process that is its role: session_user, is_superuser and the
# settings of ALTER ROLE and ALTER DATABASE are that role's, also of roles that can't
# log in; nothing leads from there to anybody else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('as_role', conf => "autovacuum = off\nrtm.retry_delay = 20ms\nrtm.callback_workers = 2\n");
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub as { my ($role, @statements) = @_; return session($node, { user => $role }, @statements) }
sub said { return sql("SELECT coalesce(string_agg(what, E'\\n' ORDER BY n), '') FROM said") }

# A callback that is a PL/pgSQL block; $as: the role that owns it.
sub callback
{
	my ($name, $body, $as) = @_;
	my $create = "CREATE FUNCTION $name(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS \$cb\$ $body \$cb\$";
	return $as ? as($as, $create) : sql($create);
}

sub queue { my ($callback, $server) = @_; return "SELECT rtm_send_group_message_async(51, 1, 5, 'x 1', callback => '$callback'::regproc, server => '" . ($server || 'rtm') . "')" }

sub until_quiet
{
	my ($what) = @_;
	wait_until("all callbacks ($what)", sub {
		sql("SELECT (SELECT count(*) FROM rtm_outbox) + (SELECT count(*) FROM rtm_result WHERE callback_status = 'pending')") == 0 });
}

sub error_of { my ($id) = @_; return sql("SELECT callback_error FROM rtm_result WHERE id = $id") }

sql(q(
	CREATE EXTENSION rtm;
	CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE other; GRANT other TO alice;
	CREATE ROLE owner; GRANT owner TO alice;
	CREATE TABLE said (n bigserial, what text);
	GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	GRANT CREATE ON SCHEMA public TO alice, bob, owner;
));
server_for($node, 'rtm', $gate->endpoint);
server_for($node, 'second', $gate->endpoint);

# Who it is

callback('who', q(BEGIN
	INSERT INTO said (what) VALUES (concat_ws(' ', session_user, current_user, current_setting('is_superuser'), current_setting('work_mem'),
		current_setting('rtm.server'), nullif(current_setting('my.setting', true), ''), current_setting('maintenance_work_mem')));
END));
sql(qq(
	ALTER ROLE alice SET work_mem = '5MB'; ALTER ROLE alice SET rtm.server = 'second'; ALTER ROLE alice IN DATABASE postgres SET my.setting = 'of alice';
	ALTER ROLE owner SET work_mem = '6MB'; ALTER ROLE owner SET rtm.server = 'second'; ALTER ROLE owner IN DATABASE postgres SET my.setting = 'of owner';
	ALTER DATABASE postgres SET maintenance_work_mem = '33MB'; ALTER DATABASE postgres SET work_mem = '9MB';
	ALTER ROLE $superuser SET work_mem = '7MB'; ALTER ROLE $superuser SET my.setting = 'of the superuser'; ALTER ROLE $superuser SET maintenance_work_mem = '44MB';
));
for my $case ([ alice => 'alice alice off 5MB second of alice 33MB' ], [ bob => 'bob bob off 9MB rtm 33MB' ],
	[ $superuser => "$superuser $superuser on 7MB rtm of the superuser 44MB" ])
{
	sql('TRUNCATE said');
	as($case->[0], queue('who'));
	until_quiet("who: $case->[0]");
	is(said(), $case->[1], "a callback of $case->[0] is in a session of $case->[0]");
}
sql('TRUNCATE said');
as('alice', 'SET ROLE owner', queue('who'));
until_quiet('who: owner');
is(said(), 'owner owner off 6MB second of owner 33MB', 'a role that cannot log in has a session of its own as well');
sql('REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO alice; TRUNCATE said;
	CREATE FUNCTION queue_as_bob() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ ' . queue('who') . ' $$;
	GRANT USAGE ON FOREIGN SERVER rtm TO bob; ALTER FUNCTION queue_as_bob OWNER TO bob');
as('alice', 'SELECT queue_as_bob()');
until_quiet('who: no CONNECT');
is(said(), 'bob bob off 9MB rtm 33MB', '... and one that must not connect');
sql('GRANT CONNECT ON DATABASE postgres TO PUBLIC');

# What the callback queues goes where the role's settings say
callback('queues', q(BEGIN PERFORM rtm_send_group_message_async(51, 1, 5, 'second 1', callback => 'who'::regproc); END));
sql('TRUNCATE said');
as('alice', queue('queues'));
until_quiet('queues');
is(sql("SELECT count(*) FROM said WHERE what ~ 'second'"), 1, 'a callback that queues');

# Ways to somebody else

my @ways = ("SET SESSION AUTHORIZATION $superuser", "SET LOCAL SESSION AUTHORIZATION $superuser", 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
	"SET ROLE $superuser", 'RESET ROLE', 'SET ROLE NONE', 'SET ROLE bob', "SELECT set_config('session_authorization', '$superuser', false)",
	"SELECT set_config('session_authorization', NULL, false)", "SELECT set_config('role', '$superuser', true)", 'SELECT as_super()', 'SELECT as_super_authorized()',
	'SELECT max(as_super_parallel(g)) FROM many', 'CREATE ROLE mallory SUPERUSER', 'ALTER ROLE CURRENT_USER SUPERUSER', "COPY said TO PROGRAM 'true'");
sql('CREATE TABLE many AS SELECT g FROM generate_series(1, 100000) AS g; ANALYZE many; GRANT SELECT ON many TO PUBLIC');
# of older servers, where a function could be made so by anybody
sql("CREATE FUNCTION as_super() RETURNS text LANGUAGE sql SET role = '$superuser' AS 'SELECT current_user::text';
	CREATE FUNCTION as_super_authorized() RETURNS text LANGUAGE sql SET session_authorization = '$superuser' AS 'SELECT current_user::text';
	CREATE FUNCTION as_super_parallel(int) RETURNS text LANGUAGE sql PARALLEL SAFE SET session_authorization = '$superuser' AS 'SELECT current_user::text'");
for my $role ('alice', 'owner')
{
	my $set = $role eq 'owner' ? 'SET ROLE owner' : 'SELECT 1';
	sql('TRUNCATE said; DROP FUNCTION IF EXISTS tries(bigint, bigint, rtm_error)');
	as('alice', $set, 'CREATE FUNCTION tries(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $cb$ DECLARE way text; got text; BEGIN
			PERFORM set_config(\'parallel_setup_cost\', \'0\', false), set_config(\'parallel_tuple_cost\', \'0\', false), set_config(\'min_parallel_table_scan_size\', \'0\', false);
			FOREACH way IN ARRAY ARRAY[' . join(', ', map { "\$way\$$_\$way\$" } @ways) . '] LOOP
				BEGIN
					EXECUTE way;
				EXCEPTION WHEN OTHERS THEN NULL;
				END;
				IF session_user::text <> \'' . $role . '\' OR current_user::text <> \'' . $role . '\' OR current_setting(\'is_superuser\') = \'on\' THEN
					INSERT INTO public.said (what) VALUES (way || \': \' || session_user || \' \' || current_user);
				END IF;
			END LOOP;
			BEGIN SELECT max(as_super_parallel(g)) INTO got FROM many; EXCEPTION WHEN OTHERS THEN got := SQLSTATE; END;
			INSERT INTO public.said (what) VALUES (\'parallel \' || got);
		END $cb$');
	as('alice', $set, queue('tries'));
	until_quiet("ways ($role)");
	is(said(), 'parallel 42501', "$role: no way leads to anybody else");
	is(sql("SELECT count(*) FROM pg_roles WHERE rolname = 'mallory' OR rolname IN ('alice', 'owner') AND rolsuper"), 0, '... no role has more than it had');
}

# A role that the callback has set isn't the next one's
sql('TRUNCATE said');
callback('becomes', q(BEGIN SET ROLE other; END), 'alice');
as('alice', 'BEGIN', queue('becomes'), queue('who'), 'COMMIT');
until_quiet('becomes');
like(said(), qr/^alice alice off/, 'SET ROLE in one callback is not in force in the next one');

# ALTER ROLE ... SET role or session_authorization makes nobody else of it
sql("TRUNCATE said; ALTER ROLE alice SET role = 'other'");
$node->safe_psql('postgres', queue('who'), connstr => $node->connstr('postgres') . ' user=alice');
until_quiet('SET role');
like(said(), qr/^other other/, 'who queued as another role has its callback there');
sql("ALTER ROLE alice RESET role; TRUNCATE said; ALTER DATABASE postgres SET role = 'bob'");
as('alice', 'RESET ROLE', 'SET ROLE NONE', queue('who'));
until_quiet('ALTER DATABASE SET role');
like(said(), qr/^alice alice/, 'ALTER DATABASE SET role makes no other role of a callback');
$node->safe_psql('template1', 'ALTER DATABASE postgres RESET role');

# Settings that would get in the way of the noting
sql("TRUNCATE said; ALTER ROLE bob SET default_transaction_read_only = on; ALTER ROLE bob SET default_transaction_isolation = 'serializable';
	ALTER ROLE bob SET lock_timeout = '1ms'; ALTER ROLE bob SET statement_timeout = '1ms'; ALTER ROLE bob SET search_path = 'bob'; ALTER ROLE bob SET enable_indexscan = off;
	ALTER ROLE bob SET synchronous_commit = off; ALTER ROLE bob SET row_security = off");
callback('public.reads', q(BEGIN IF current_setting('transaction_read_only') <> 'on' OR current_setting('transaction_isolation') <> 'serializable' THEN RAISE EXCEPTION 'not mine'; END IF; END));
{
	my ($r) = grep { $_->{out} =~ /^\d+$/ } as('bob', 'SET default_transaction_read_only = off', 'SELECT public.' . (queue('public.reads') =~ s/^SELECT //r));
	ok($r->{out}, 'queued by a role with odd settings');
	until_quiet('odd settings');
	is(error_of($r->{out}), '', 'a role with odd settings: its callback runs, read-only and serializable as it wants');
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $r->{out}"), 0, '... and its end is noted');
}
is(sql("SELECT string_agg(last_error, ', ') FROM rtm_stat_worker"), '', 'no worker has failed');
$node->stop;
done_testing();
