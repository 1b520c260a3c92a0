# What a callback leaves behind, or holds on to, costs nobody but its role: temporary
# tables that others lock, LISTEN, session locks, cursors; and roles take turns.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('leave', conf => "autovacuum = off\nrtm.retry_delay = 20ms\nrtm.callback_workers = 2\nrtm.callback_timeout = 2s\nmax_worker_processes = 12\n");

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub as { my ($role, @statements) = @_; return session($node, { user => $role }, @statements) }
sub queue { my ($callback) = @_; return "SELECT rtm_send_group_message_async(51, 1, 5, 'x 1', callback => '$callback'::regproc)" }
sub result { my ($id) = @_; return sql("SELECT callback_status, callback_error FROM rtm_result WHERE id = $id") }
sub said { my ($who) = @_; return sql("SELECT count(*) FROM said WHERE who = '$who'") }

sub callback
{
	my ($name, $body) = @_;
	return sql("CREATE FUNCTION $name(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS \$cb\$ $body \$cb\$");
}

sub until_quiet
{
	my ($what) = @_;
	wait_until("all callbacks ($what)", sub {
		sql("SELECT (SELECT count(*) FROM rtm_outbox) + (SELECT count(*) FROM rtm_result WHERE callback_status = 'pending')") == 0 });
}

sql(q(
	CREATE EXTENSION rtm;
	CREATE ROLE eve LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE bob LOGIN;
	CREATE TABLE said (n bigserial, what text, who name DEFAULT current_user);
	GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
));
server_for($node, 'rtm', $gate->endpoint);
callback('says', q(BEGIN INSERT INTO said (what) VALUES ('well'); END));

# A temporary sequence whose lock another session of the role waits for: it is dropped
# by the transaction that made it, so there is no moment at which it can be had
callback('leaves', q(BEGIN
	CREATE TEMP SEQUENCE left_behind;
	PERFORM pg_advisory_lock('left_behind'::regclass::oid::bigint);
	WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'relation' AND relation = 'left_behind'::regclass AND pid <> pg_backend_pid()) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END));
{
	my ($r) = as('eve', queue('leaves'));
	my $oid;
	wait_until('the sequence', sub { return $oid = sql("SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0") });
	my $other = begin_session($node, { user => 'eve' }, 'BEGIN', 'SAVEPOINT s', "SELECT nextval(${oid}::oid::regclass)", 'ROLLBACK TO s',
		'SELECT pg_sleep(60)');
	until_quiet('a temporary sequence');
	is(result($r->{out}), '', 'a temporary sequence that another session waits for: the callback runs');
	is(sql("SELECT count(*) FROM pg_class WHERE relpersistence = 't'"), 0, '... it is gone');
	is(sql('SELECT count(*) FROM pg_locks WHERE locktype = $$advisory$$'), 0, '... session locks too');
	as('eve', queue('says'));
	as('bob', queue('says'));
	until_quiet('after that');
	is(said('eve') . said('bob'), '11', '... and callbacks run');
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'eve' AND query ~ 'pg_sleep'");
	eval { end_session($other) };
}

# LISTEN: nobody would read what comes, and the queue would fill for all
callback('leaves_more', q(BEGIN BEGIN LISTEN something; EXCEPTION WHEN OTHERS THEN NULL; END; PERFORM pg_notify('something', 'x'); CREATE TEMP TABLE t (a int); EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1';
	EXECUTE 'PREPARE p AS SELECT 1'; PERFORM pg_advisory_lock(17); END));
callback('deferred', q(BEGIN INSERT INTO defers VALUES (1); END));
sql(q(CREATE TABLE defers (a int); GRANT ALL ON defers TO PUBLIC;
	CREATE FUNCTION defer_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.a < 3 THEN SET CONSTRAINTS ALL DEFERRED; INSERT INTO defers VALUES (NEW.a + 1);
		ELSE CREATE TEMP TABLE late (a int); EXECUTE 'DECLARE d CURSOR WITH HOLD FOR SELECT 1'; END IF;
		RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER again AFTER INSERT ON defers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION defer_again()));
for my $name ('leaves_more', 'deferred')
{
	my ($r) = as('eve', queue($name));
	until_quiet($name);
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $r->{out}"), 0, "$name: the callback runs") or diag result($r->{out});
	is(sql("SELECT count(*) FROM pg_class WHERE relpersistence = 't'"), 0, "$name: it leaves no temporary table");
	is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "$name: ... no session lock");
	sql('TRUNCATE said');
	sql(q(DROP FUNCTION IF EXISTS looks(bigint, bigint, rtm_error)));
	callback('looks', q(BEGIN INSERT INTO said (what) SELECT concat_ws(' ', (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors),
		(SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql OR name = 'p')); END));
	as('eve', queue('looks'));
	until_quiet("looks ($name)");
	is(sql('SELECT what FROM said'), '0 0 0', "$name: ... no LISTEN, cursor or prepared statement");
}

# Turns: two roles hold the two places as long as they may, for the others it takes no
# longer than what a turn is
callback('waits', q(BEGIN PERFORM pg_sleep(3600); END));
sql('TRUNCATE said');
sql("CREATE ROLE r$_ LOGIN") for 1 .. 6;
as($_, map { queue('waits') } 1 .. 3) for 'eve', 'mallory';
wait_until('both hold a place', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm callbacks' AND usename IN ('eve', 'mallory') AND state = 'active'") == 2 });
as("r$_", map { queue('says') } 1 .. 3) for 1 .. 6;
wait_until('the others', sub { sql("SELECT count(*) FROM said WHERE who ~ '^r'") == 18 });
cmp_ok(sql("SELECT count(*) FROM rtm_result WHERE callback_status = 'pending'"), '>', 0, 'roles take turns: others are through while two roles wait');
until_quiet('the end');
is(sql("SELECT count(*) FROM rtm_result WHERE callback_status = 'failed' AND callback_error ~ 'canceling statement'"), 6, '... whose callbacks time out');
cmp_ok(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm callbacks'"), '<=', 2, '... there are never more processes');
wait_until('idle ones end', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm callbacks'") == 0 });
is(sql("SELECT string_agg(last_error, ', ') FROM rtm_stat_worker"), '', 'no worker has failed');
$node->stop;
done_testing();
