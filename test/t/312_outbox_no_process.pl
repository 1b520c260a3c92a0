# max_worker_processes used up by others: the launcher says so, not every time it
# tries, calls go on being queued, and they are sent when a process is free.
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

# one for the server's own logical replication launcher, one for ours, two for senders
my $node = new_node('full', conf => "max_worker_processes = 4\nrtm.retry_delay = '5ms'\n");

sub sql { my ($db, $query) = @_; return $node->safe_psql($db, $query) }
sub poll { my ($query, $what) = @_; return ok($node->poll_query_until('postgres', $query), $what) }
sub complaints { return scalar(() = slurp_file($node->logfile) =~ /LOG:  could not start "rtm sender" for database \d+: no worker process is left/g) }

for my $db ('one', 'two', 'three')
{
	sql('postgres', "CREATE DATABASE $db");
	sql($db, 'CREATE EXTENSION rtm');
	server_for($node, 'rtm', $gate->endpoint, db => $db);
	poll("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = '$db'", "$db: a sender")
	  unless $db eq 'three';
}
sql('postgres', 'CREATE EXTENSION rtm');
my $failed = "SELECT count(*) = 1 FROM rtm_stat_worker WHERE database = 'three' AND worker = 'rtm sender' AND state = 'failed'
	AND last_error = 'no worker process is left; increase max_worker_processes'";
poll($failed, 'three: none is left, as rtm_stat_worker says');
is(sql('three', 'SELECT sender, sender_error LIKE $$no worker process is left%$$ FROM rtm_stat_outbox'), 'failed|t', '... and rtm_stat_outbox');
sql('three', "SELECT rtm_send_message_async(51, 1, 2, 'full ' || g) FROM generate_series(1, 3) AS g");
is(sql('three', 'SELECT queued FROM rtm_stat_outbox'), 3, '... calls are queued all the same');
wait_until('the log says why', sub { complaints() > 0 });
like(slurp_file($node->logfile), qr/HINT:  Increase the setting max_worker_processes\./, '... and what to do');

# requests that come meanwhile don't make it try, and complain, each time
my $before = complaints();
sql('three', "SELECT rtm_send_message_async(51, 1, 3, 'later 1')") for 1 .. 30;
cmp_ok(complaints() - $before, '<', 6, '... not for each request');
is(scalar($gate->came('full')), 0, '... nothing is sent');

# what others have goes on
my $id = sql('one', "SELECT rtm_send_message_async(51, 1, 2, 'other 1')");
is(sql('one', "SELECT rtm_wait($id, 60)"), 'done', 'a database that has its sender sends');

# a process is free: all by itself
sql('two', 'DROP EXTENSION rtm CASCADE');
ok($node->poll_query_until('three', 'SELECT count(*) = 0 FROM rtm_outbox'), 'a process is free: what waited is sent');
is_deeply([ $gate->kept('full') ], [ 1, 2, 3 ], '... once and in order');
is(sql('three', 'SELECT sender FROM rtm_stat_outbox'), 'running', '... and the sender is shown as running');
$node->stop;

done_testing();
