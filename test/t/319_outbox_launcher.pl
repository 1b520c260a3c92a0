# Many databases, few of which have the extension; databases that nobody can connect to.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(usleep);

my $gate = KeepGate->new;
my $node = new_node('looks', conf => "autovacuum = off\nrtm.retry_delay = 20ms\n");
sub sql { my ($db, $sql) = @_; return $node->safe_psql($db, $sql) }
sub log_since { my ($from) = @_; return substr slurp_file($node->logfile), $from }

sql('postgres', "CREATE DATABASE d$_") for 1 .. 20;
for my $db ('d7', 'd20')
{
	sql($db, 'CREATE EXTENSION rtm');
	server_for($node, 'rtm', $gate->endpoint, db => $db);
}

# databases without it take no place and no time; max_worker_processes is the default
$node->stop;
my $from = -s $node->logfile;
$node->start;
wait_until('both senders', sub { sql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname IN ('d7', 'd20')") == 2 });
is(sql('d7', "SELECT string_agg(database || ' ' || worker, ', ' ORDER BY database) FROM rtm_stat_worker"), 'd20 rtm sender, d7 rtm sender', 'only those who have it have a worker');
unlike(log_since($from), qr/no worker process is left/, '... and the log asks for no setting');

# who queues comes before looking
$node->stop;
$node->start;
my $id = sql('d20', "SELECT rtm_send_message_async(51, 1, 2, 'first 1')");
is(sql('d20', "SELECT rtm_wait($id, 60)"), 'done', 'a message of a database that was not looked into yet');

# no connection is tried where none can be had
sql('postgres', "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'd1'");
sql('postgres', "UPDATE pg_database SET datallowconn = false WHERE datname IN ('d2', 'd7')");
$node->stop;
$from = -s $node->logfile;
$node->start;
wait_until('the sender of d20', sub { sql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'd20'") == 1 });
unlike(log_since($from), qr/FATAL:.*(invalid database|not currently accepting)/, 'no FATAL for databases that nobody can connect to');
is(sql('d20', "SELECT string_agg(database, ' ') FROM rtm_stat_worker"), 'd20', '... which have no worker');

# one that is closed while it has a sender: last_error says why there is none any more
sql('postgres', "UPDATE pg_database SET datallowconn = true WHERE datname = 'd7'");
sql('d7', "SELECT rtm_send_message_async(51, 1, 2, 'later 1')");
wait_until('the sender of d7', sub { sql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'd7'") == 1 });
$from = -s $node->logfile;
sql('postgres', 'ALTER DATABASE d7 ALLOW_CONNECTIONS false');
wait_until('d7 is closed', sub { sql('d20', "SELECT state || ' ' || last_error FROM rtm_stat_worker WHERE database = 'd7'") eq 'failed the database does not accept connections' });
unlike(log_since($from), qr/FATAL:.*not currently accepting/, '... without a FATAL');
sql('postgres', 'ALTER DATABASE d7 ALLOW_CONNECTIONS true');
wait_until('d7 is open', sub { sql('d20', "SELECT state FROM rtm_stat_worker WHERE database = 'd7'") eq 'running' });
pass('a database that is opened again has its sender at once');

# a reload while a worker begins, which the server does not tell it of
my $delay = 'post_auth_delay';		# of a worker's start, too
sql('postgres', 'ALTER DATABASE d7 ALLOW_CONNECTIONS false');
wait_until('d7 is closed again', sub { sql('d20', "SELECT state FROM rtm_stat_worker WHERE database = 'd7'") eq 'failed' });
my $session = $node->background_psql('postgres');
sql('postgres', "ALTER SYSTEM SET $delay = 2");
$node->reload;
wait_until('a slow start', sub { $session->query_safe("SHOW $delay") eq '0' && sql('postgres', "SHOW $delay") eq '2s' });
$session->query_safe('ALTER DATABASE d7 ALLOW_CONNECTIONS true');
usleep(500_000);
$session->query_safe("ALTER SYSTEM RESET $delay");
$session->query_safe('ALTER SYSTEM SET rtm.pause = on');
$node->reload;
$session->quit;
sql('d7', "SELECT rtm_send_message_async(51, 1, 2, 'reloaded 1')");
wait_until('the sender of d7 begins', sub { sql('d20', "SELECT state FROM rtm_stat_worker WHERE database = 'd7' AND state IN ('paused', 'running')") });
is(sql('d20', "SELECT state FROM rtm_stat_worker WHERE database = 'd7'"), 'paused', 'a sender that began while rtm.pause was set is paused');
is(scalar($gate->came('reloaded')), 0, '... and sends nothing');
$node->stop;
done_testing();
