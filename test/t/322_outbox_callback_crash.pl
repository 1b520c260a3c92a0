# A callback that takes its process along: an attempt is on disk before it begins, so
# it is run a few times, with a pause, and then given up; nobody else has to suffer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('crash', conf => "autovacuum = off\nrtm.retry_delay = 20ms\nrestart_after_crash = on\nrtm.callback_attempts = 2\nrtm.log_interval = 10min\n");

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub as { my ($role, @statements) = @_; return session($node, { user => $role }, @statements) }
sub queue { my ($callback) = @_; return "SELECT rtm_send_group_message_async(51, 1, 5, 'x 1', callback => '$callback'::regproc)" }
sub id_of { my (@r) = @_; return $r[-1]{out} }
sub result { my ($id) = @_; return sql("SELECT callback_status, callback_error FROM rtm_result WHERE id = $id") }

sub callback
{
	my ($name, $body) = @_;
	return sql("CREATE FUNCTION $name(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS \$cb\$ BEGIN $body END \$cb\$");
}

sql(q(
	CREATE EXTENSION rtm;
	CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN;
	CREATE SEQUENCE tries; GRANT USAGE ON SEQUENCE tries TO PUBLIC;
	CREATE TABLE said (n bigserial, what text, who name DEFAULT current_user);
	GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	GRANT CREATE, USAGE ON SCHEMA public TO alice, bob, eve;
));
server_for($node, 'rtm', $gate->endpoint);
callback('says', q(INSERT INTO said (what) VALUES ('well');));
# what it leaves behind says how often it began: a NOTICE of the log would do, a sequence isn't rolled back
callback('terminates', q(PERFORM nextval('tries'); PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60);));
callback('fails', q(RAISE EXCEPTION 'it failed %', repeat('x', 100000);));

# one that ends its own process
{
	my $id = id_of(as('eve', queue('terminates')));
	my @others = map { id_of(as('eve', queue('says'))) } 1 .. 3;
	my $bobs = id_of(as('bob', queue('says')));
	wait_until('another role\'s callback', sub { sql("SELECT count(*) FROM said WHERE who = 'bob'") == 1 });
	wait_until('it is given up', sub { (result($id) || '') =~ /^failed/ });
	is(result($id), 'failed|its process ended while it ran, 2 times', 'a callback that ends its process is given up');
	is(sql('SELECT last_value FROM tries'), 2, '... after rtm.callback_attempts');
	wait_until('the role\'s others', sub { sql("SELECT count(*) FROM said WHERE who = 'eve'") == 3 });
	pass('... and its role\'s other callbacks run');
	is(sql(q(SELECT count(*) FROM rtm_result WHERE callback_status = 'pending')), 0, '... all of them');
}

# one whose process is killed, which restarts the server
{
	sql('TRUNCATE said; ALTER SEQUENCE tries RESTART');
	sql(q(CREATE FUNCTION dies(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		PERFORM nextval('tries'); INSERT INTO said (what) VALUES ('alive'); PERFORM pg_sleep(3600); END $$));
	my $id = id_of(as('eve', queue('dies')));
	for my $attempt (1 .. 2)
	{
		my $pid;
		wait_until("attempt $attempt", sub {
			$pid = eval { $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm callbacks' AND usename = 'eve' AND query ~ 'callback of request $id'") };
			return $pid });
		kill 'KILL', $pid;
		wait_until('the server is back', sub { eval { $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE pid = $pid") eq '' } });
	}
	wait_until('it is given up', sub { (eval { result($id) } || '') =~ /^failed/ });
	is(result($id), 'failed|its process ended while it ran, 2 times', 'a callback whose process is killed is given up');
	is(sql("SELECT count(*) FROM said WHERE what = 'alive'"), 0, '... and has done nothing');
	my $restarts = () = slurp_file($node->logfile) =~ /all server processes terminated; reinitializing/g;
	is($restarts, 2, '... after as many restarts');
	my $bobs = id_of(as('bob', queue('says')));
	wait_until('callbacks run after that', sub { sql("SELECT count(*) FROM said WHERE who = 'bob'") == 1 });
}

# errors are cut, and the log has one line for many
{
	my $before = length slurp_file($node->logfile);
	my @ids = map { $_->{out} } as('alice', map { queue('fails') } 1 .. 20);
	wait_until('they fail', sub { sql("SELECT count(*) FROM rtm_result WHERE callback_status = 'failed' AND callback_error ~ '^it failed'") == 20 });
	is(sql("SELECT max(length(callback_error)) FROM rtm_result"), 1000, 'an error is kept up to 1,000 bytes');
	my $log = substr slurp_file($node->logfile), $before;
	my $lines = () = $log =~ /LOG:  a callback of request/g;
	is($lines, 1, 'the log has one line about callbacks that fail, in rtm.log_interval');
	unlike($log, qr/x{1001}/, '... cut as well');
	$node->append_conf('postgresql.conf', "rtm.log_interval = 1ms\n");
	$node->reload;
	my $id;
	wait_until('how many went without', sub {
		as('alice', queue('fails'));
		return substr(slurp_file($node->logfile), $before) =~ /DETAIL:  \d+ others have failed since/ });
	pass('... and the next one says how many there were');
}
$node->stop;
done_testing();
