# Very many roles with callbacks, and very many callbacks of one role: nobody's turn, and
# nobody's next callback, depends on how many others there are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $roles = 300;
my $gate = KeepGate->new;
my $node = new_node('many', conf => "autovacuum = off\nrtm.retry_delay = 20ms\nrtm.callback_workers = 2\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

sql("CREATE EXTENSION rtm;
	CREATE TABLE said (n bigserial, who name DEFAULT session_user); GRANT INSERT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	CREATE FUNCTION says(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'INSERT INTO public.said DEFAULT VALUES';
	CREATE FUNCTION ends(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); END'");
server_for($node, 'rtm', $gate->endpoint);
sql("DO \$\$ BEGIN FOR i IN 1 .. $roles LOOP EXECUTE format('CREATE ROLE r%s %s', i, CASE WHEN i % 2 = 0 THEN 'LOGIN' END); END LOOP; END \$\$");

# half of them can't log in; all of them have a turn
my $queue = "rtm_send_group_message_async(51, 1, 5, 'x 1', callback => 'says'::regproc)";
sql("DO \$\$ BEGIN FOR i IN 1 .. $roles LOOP EXECUTE format('SET LOCAL ROLE r%s', i); PERFORM $queue, $queue; END LOOP; END \$\$");
wait_until('all of them', sub { sql('SELECT count(*) FROM said') == 2 * $roles });
is(sql('SELECT count(DISTINCT who) FROM said'), $roles, 'as many roles as there are have their turn');
is(sql("SELECT count(*) FROM rtm_result WHERE callback_status IS NOT NULL"), 0, '... once each');

# roles that have to wait, more than are looked at at once: the sender doesn't spin, nor does it forget one
sql("TRUNCATE said; DO \$\$ BEGIN FOR i IN 1 .. 20 LOOP EXECUTE format('SET LOCAL ROLE r%s', i); PERFORM ${\($queue =~ s/says/ends/r)}; END LOOP; END \$\$");
sql("SET ROLE r$roles; SELECT $queue");
wait_until('the last one', sub { sql('SELECT count(*) FROM said') == 1 });
pass('roles whose callbacks end their processes are in nobody\'s way');
sql('SELECT rtm_discard(id) FROM rtm_result');

# 20,000 of one role, quick ones
sql("TRUNCATE said; SET ROLE r2; SELECT count($queue) FROM generate_series(1, 20000)");
wait_until('another role among them', sub { return sql('SELECT count(*) FROM said') > 100 });
sql("SET ROLE r4; SELECT $queue");
wait_until('another role', sub { sql("SELECT count(*) FROM said WHERE who = 'r4'") == 1 });
wait_until('all of them', sub { sql("SELECT count(*) FROM said WHERE who = 'r2'") == 20000 });
is(sql("SELECT count(*) FROM rtm_result WHERE callback_status = 'pending'"), 0, 'many callbacks of one role');
$node->stop;
done_testing();
