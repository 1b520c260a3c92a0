# Commits that are held up, or not on disk yet: what the sender has passed is sent
# all the same, once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OutboxTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

outbox_node('tickets', conf => "wal_level = replica\nmax_wal_senders = 1\nsynchronous_commit = local\n");

# As many rows as are read at once, and the next ticket is somebody else's

{
	# tickets of tomorrow count up by one
	server_for($node, 'nowhere', '127.0.0.1:' . free_port());
	my $far = sql('SELECT ' . message('nowhere', 1, 'ok'));
	until_true('an attempt', "SELECT attempts > 0 FROM rtm_outbox WHERE id = $far");
	my $old = worker('sender');
	sql('UPDATE rtm_internal.rtm_request SET seq = seq + 86400000000::bigint');
	sql("SELECT pg_terminate_backend($old)");
	until_true('a new sender', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'postgres' AND pid <> $old)");
	is(delivered('fake', 1), 'done', 'a sender with tickets of tomorrow');
	until_gone('all', "id <> $far");

	my $standby = flush_standby($node, 'nobody');
	$gate->forget;

	# a session whose commit is held up
	my $held = sub {
		my ($name, $statement) = @_;
		my $s = begin_session($node, { name => $name }, 'SET synchronous_commit = remote_apply', $statement);
		until_true("the commit of $name", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'SyncRep')");
		return $s;
	};
	my $let = sub {
		my ($name, $s) = @_;
		sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '$name'");
		is((end_session($s))[1]{state}, '00000', "$name has committed");
	};
	my $passed = sub {
		my $since = sql('SELECT clock_timestamp()');
		wait_until('the sender has read', sub {
			sql('SELECT rtm_wait(1, 0.01)');
			return sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'postgres' AND state_change > '$since'") > 0;
		});
	};
	my $thousand = $held->('thousand', 'SELECT FROM (SELECT ' . message('fake', '1000 + i', 'ok') . ' FROM generate_series(1, 1000) AS i) AS s');

	# the sender passes its tickets
	$passed->();
	is(asked($gate, 'gid', 1001), 0, 'held up, and passed');

	# the next one comes, and the first one commits, while the sender looks away
	my $sender = worker('sender');
	my ($next, $tickets);
	kill 'STOP', $sender;
	eval
	{
		$next = $held->('next', 'SELECT FROM (SELECT ' . message('fake', '3000 + i', 'ok') . ' FROM generate_series(1, 5) AS i) AS s');
		$let->('thousand', $thousand);
		$tickets = sql("SELECT count(*), max(seq) - min(seq) FROM rtm_internal.rtm_request WHERE id <> $far");
		1;
	} or diag "failed: $@";
	kill 'CONT', $sender;
	is($tickets, '1000|999', 'their tickets count up by one');
	wait_until('the thousand', sub { $gate->events('quest') >= 1000 });
	is(scalar(grep { $_ > 3000 } groups($gate)), 0, 'the next one is still held up');
	$let->('next', $next);
	until_gone('all', "id <> $far");
	is_deeply([ sort { $a <=> $b } groups($gate) ], [ 1001 .. 2000, 3001 .. 3005 ], 'a thousand rows and the next ones: all, once');

	# what is more than is read at once, and was passed, goes before what comes after it
	$gate->forget;
	my $many = $held->('many', 'SELECT FROM (SELECT ' . message('fake', '7000 + i % 10', "' || i || '") . ' FROM generate_series(1, 1500) AS i) AS s');
	$passed->();
	kill 'STOP', $sender;
	eval { $let->('many', $many); sql('SELECT ' . message('fake', 7000, 'last')); 1 } or diag "failed: $@";
	kill 'CONT', $sender;
	until_gone('all', "id <> $far");
	my @came = map { $_->{params}{msg} } grep { ($_->{params}{gid} // 0) == 7000 } $gate->events('quest');
	is_deeply(\@came, [ (map { 10 * $_ } 1 .. 150), 'last' ], 'a transaction of many rows that was passed: nothing goes before its rest');

	sql('ALTER SYSTEM RESET synchronous_standby_names');
	$node->reload;
	is(sql("SELECT rtm_discard($far)"), 't', 'the row of tomorrow');
}

# Commits that aren't on disk yet

{
	$gate->forget;
	my @r = session($node, 'SET synchronous_commit = off', map { 'SELECT ' . message('fake', $_, 'ok') } 1 .. 50);
	until_gone('all', 'true');
	is_deeply([ sort { $a <=> $b } groups($gate) ], [ 1 .. 50 ], 'synchronous_commit = off: delivered, once');
}

no_worker_failed();
$node->stop;

done_testing();
