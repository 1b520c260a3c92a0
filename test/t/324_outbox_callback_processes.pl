# Processes for callbacks when others want all of them, or the role goes away; what a
# callback may do with its own request.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('processes', conf => "autovacuum = off\nrtm.retry_delay = 20ms\nmax_worker_processes = 8\nmax_parallel_workers = 8\n");

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub as { my ($role, @statements) = @_; return session($node, { user => $role }, @statements) }
sub queue { my ($callback, $msg) = @_; return "SELECT rtm_send_group_message_async(51, 1, 5, '" . ($msg || 'x 1') . "', callback => '$callback'::regproc)" }
sub result { my ($id) = @_; return sql("SELECT status, callback_status, callback_error FROM rtm_result WHERE id = $id") }
sub said { return sql("SELECT coalesce(string_agg(what, ' ' ORDER BY n), '') FROM said") }

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
	CREATE ROLE eve LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE shortlived LOGIN;
	CREATE TABLE said (n bigserial, what text, who name DEFAULT current_user);
	GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	CREATE TABLE many AS SELECT g FROM generate_series(1, 100000) AS g; ANALYZE many; GRANT SELECT ON many TO PUBLIC;
));
server_for($node, 'rtm', $gate->endpoint);
callback('says', q(BEGIN INSERT INTO said (what) VALUES ('well'); END));

# parallel queries without end, of one role's sessions
{
	my @hogs = map { begin_session($node, { user => 'eve', name => 'hog' }, 'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0', 'SET min_parallel_table_scan_size = 0',
		'SET max_parallel_workers_per_gather = 8', q(DO $$ BEGIN LOOP PERFORM count(*) FROM many AS a WHERE a.g % 7 = 3; END LOOP; END $$)) } 1 .. 6;
	wait_until('parallel workers', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'") >= 4 });
	as('bob', queue('says')) for 1 .. 3;
	until_quiet('parallel queries');
	is(said(), 'well well well', 'callbacks get a process while somebody runs parallel queries without end');
	is(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hog' AND state = 'active' AND backend_type = 'client backend'"), 6, '... which go on');
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hog'");
	for my $hog (@hogs) { eval { end_session($hog) } }
}

# its own request
callback('retries', q(BEGIN INSERT INTO said (what) SELECT 'retry ' || rtm_retry((SELECT max(id) FROM rtm_result WHERE owner = 'bob'::regrole AND status = 'failed')); END));
callback('discards', q(BEGIN INSERT INTO said (what) SELECT 'discard ' || coalesce(rtm_discard((SELECT max(id) FROM rtm_result WHERE owner = 'bob'::regrole))::text, 'nothing'); END));
callback('commits', q(BEGIN CALL do_commit(); END));
sql('CREATE PROCEDURE do_commit() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$; TRUNCATE said');
{
	my ($r) = as('bob', queue('commits'));
	until_quiet('commits');
	like(result($r->{out}), qr/^done\|failed\|invalid transaction termination/, 'a callback cannot commit on its own');
	($r) = as('bob', queue('discards'));
	until_quiet('discards');
	is(said(), 'discard true', 'a callback may discard another result') or diag said();
}

# a role that goes while its process is there
{
	as('shortlived', queue('says'));
	until_quiet('shortlived');
	wait_until('its process', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm callbacks' AND usename = 'shortlived'") >= 1 });
	my ($r) = as('shortlived', queue('says'), 'SELECT 1');
	sql('DROP ROLE shortlived');
	until_quiet('a dropped role');
	pass('a role is dropped while its process is there');
}

# a server without any process to spare: they come when there is one
{
	$node->append_conf('postgresql.conf', "max_worker_processes = 3\n");
	$node->restart;
	sql('TRUNCATE said');
	as('bob', queue('says'));
	wait_until('it is said', sub { sql("SELECT last_error FROM rtm_stat_worker WHERE worker = 'rtm callbacks' AND state = 'failed' AND role = 'bob'::regrole") =~ /no worker process is left/ });
	is(sql("SELECT state FROM rtm_stat_worker WHERE worker = 'rtm sender'"), 'running', 'no process for callbacks: the sender has its own');
	$node->append_conf('postgresql.conf', "max_worker_processes = 8\n");
	$node->restart;
	until_quiet('with processes');
	is(said(), 'well', '... and they run when there is one');
}
$node->stop;
done_testing();
