# Processes that end at a bad moment or won't end: a callback that can't be
# cancelled, sessions that wait, a server that crashes, a launcher that is slower
# than the sessions of many databases.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OutboxTest;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

outbox_node('processes');
sql(q(
	CREATE SEQUENCE begun; GRANT USAGE ON SEQUENCE begun TO PUBLIC;
	CREATE FUNCTION stubborn(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN
			PERFORM nextval('begun');
			LOOP
				BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN NULL; END;
			END LOOP;
		END $$;
));

# A callback that takes no notice of being cancelled

{
	sql('TRUNCATE said');
	sql("ALTER SYSTEM SET rtm.callback_timeout = '1s'");
	$node->reload;
	as('bob', 'SELECT ' . message('fake', 1, 'ok', ", mid => 1, callback => 'says'::regproc"));
	until_true('a callback', "SELECT EXISTS (SELECT FROM said WHERE what = 'said 1')");
	my $id = as('alice', 'SELECT ' . message('fake', 1, 'ok', ", callback => 'stubborn'::regproc"));
	until_true('a stubborn callback', 'SELECT is_called FROM begun');
	as('bob', 'SELECT ' . message('fake', 2, 'ok', ", mid => i, callback => 'says'::regproc") . ' FROM generate_series(2, 10) AS i');
	until_true('callbacks of others', "SELECT count(*) = 10 FROM said");
	until_true('the stubborn one', "SELECT callback_status = 'failed' FROM rtm_result WHERE id = $id");
	like(sql("SELECT status || ' ' || callback_error FROM rtm_result WHERE id = $id"), qr/^done .*did not end in time/, 'a stubborn callback is ended, and noted as failed');
	as('bob', 'SELECT ' . message('fake', 2, 'ok', ", mid => i, callback => 'says'::regproc") . ' FROM generate_series(11, 20) AS i');
	until_true('callbacks of others', "SELECT count(*) = 20 FROM said");
	is(sql('SELECT last_value FROM begun'), 1, '... and is not run again');
	is(sql("SELECT count(*) FROM rtm_result WHERE callback_status = 'pending'"), 0, '... none is due');
	sql('ALTER SYSTEM RESET rtm.callback_timeout');
	$node->reload;
	no_crash('a stubborn callback');
}

# rtm_wait() whose session is ended

{
	my $flag = new_flag();
	$gate->forget;
	my $id = sql('SELECT ' . message('fake', 60, "hold $flag"));
	$gate->wait_for('held');
	my @waiting = map { begin_session($node, { name => 'waiting' }, "SELECT rtm_wait($id, $wait)") } 1 .. 3;
	until_true('all wait', "SELECT count(*) = 3 FROM pg_stat_activity WHERE application_name = 'waiting' AND wait_event_type = 'Extension'");
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waiting'");
	is((end_session($_))[0]{state}, '57P01', 'rtm_wait() is ended with its session') for @waiting;
	raise_flag($flag);
	is(sql("SELECT rtm_wait($id, $wait)"), 'done', '... another one works');
	# nobody waits any more: rows that are done are deleted many at a time
	my $xid = sql('SELECT pg_current_xact_id()::text::bigint');
	sql('SELECT ' . message('fake', 61, 'ok') . ' FROM generate_series(1, 400) AS i');
	until_gone('all', 'true');
	cmp_ok(sql('SELECT pg_current_xact_id()::text::bigint') - $xid, '<', 200, '... and nobody is thought to wait');
	no_crash('all of this');
}

no_worker_failed('rtm callbacks');
$node->stop;

# A call that must not be repeated, and a server that crashes

{
	my $crash = new_node('crash', conf => $fast . "restart_after_crash = on\nwal_writer_delay = 10s\n");
	my $flag = new_flag();
	$gate->forget;
	$crash->safe_psql('postgres', 'CREATE EXTENSION rtm');
	server_for($crash, 'fake', $gate->endpoint);
	my $first = $crash->safe_psql('postgres', "SELECT rtm_call_async('first', '{\"msg\": \"ok\"}', server => 'fake')");
	is($crash->safe_psql('postgres', "SELECT rtm_wait($first, $wait)"), 'done', 'a call');
	my $sender = $crash->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
	my $id = $crash->safe_psql('postgres', "SELECT rtm_call_async('once', '{\"msg\": \"hold $flag\"}', server => 'fake')");
	$gate->wait_for('held');
	kill 'KILL', $sender;
	$crash->poll_query_until('postgres', "SELECT status = 'failed' FROM rtm_result WHERE id = $id") or diag 'it has not failed';
	is($crash->safe_psql('postgres', "SELECT (error).message FROM rtm_result WHERE id = $id AND (error).message ~ 'may have been carried out'") ne '', 1,
		'a crash while a call is in flight: it fails, and says what may be');
	my $last = $crash->safe_psql('postgres', "SELECT rtm_call_async('last', '{\"msg\": \"ok\"}', server => 'fake')");
	is($crash->safe_psql('postgres', "SELECT rtm_wait($last, $wait)"), 'done', '... another one is carried out');
	is(scalar(grep { $_->{method} eq 'once' } $gate->events('quest')), 1, '... and this one was asked once');
	like(PostgreSQL::Test::Utils::slurp_file($crash->logfile), qr/terminated by signal 9/, '... there was a crash');
	$crash->stop;
}

# Many databases, and sessions that are faster than the launcher

{
	my $many = new_node('many', conf => $fast . "max_worker_processes = 40\n");
	my @dbs = map { "d$_" } 1 .. 12;
	my $psql = sub { my ($db, $sql) = @_; return $many->safe_psql($db, $sql) };
	for my $db (@dbs)
	{
		$psql->('postgres', "CREATE DATABASE $db");
		$psql->($db, 'CREATE EXTENSION rtm');
		server_for($many, 'fake', $gate->endpoint, db => $db);
	}
	for my $round (1 .. 2)
	{
		$many->stop;
		$gate->forget;
		# they try until the server lets them in
		my @children;
		for my $i (0 .. $#dbs)
		{
			my $connection = $many->connstr($dbs[ -1 - $i ]);
			my $sql = 'SELECT ' . message('fake', $i + 1, 'ok');
			my $child = fork;
			die "cannot fork: $!" unless defined $child;
			exec('sh', '-c', 'until psql -XAtq -d "$1" -c "$2" >/dev/null 2>&1; do sleep 0.1; done', 'sh', $connection, $sql) or POSIX::_exit(1) if $child == 0;
			push @children, $child;
		}
		$many->start;
		waitpid $_, 0 for @children;
		for my $db (@dbs)
		{
			$many->poll_query_until($db, 'SELECT count(*) = 0 FROM rtm_outbox') or diag "$db is stuck";
		}
		is_deeply([ sort { $a <=> $b } groups($gate) ], [ 1 .. 12 ], "twelve databases at the server's start: each is served, once");
	}

	# A launcher that begins when sessions have asked for workers already
	my $launcher = $psql->('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm launcher'");
	$gate->forget;
	kill 'STOP', $launcher;
	my @new = map { "e$_" } 1 .. 4;
	eval
	{
		for my $i (0 .. $#new)
		{
			$psql->('postgres', "CREATE DATABASE $new[$i]");
			$psql->($new[$i], 'CREATE EXTENSION rtm');
			server_for($many, 'fake', $gate->endpoint, db => $new[$i]);
			$psql->($new[$i], 'SELECT ' . message('fake', $i + 1, 'ok'));
		}
		$psql->('postgres', "SELECT pg_terminate_backend($launcher)");
		1;
	} or diag "failed: $@";
	kill 'CONT', $launcher;
	for my $db (@new)
	{
		$many->poll_query_until($db, 'SELECT count(*) = 0 FROM rtm_outbox') or diag "$db is stuck";
	}
	is_deeply([ sort { $a <=> $b } groups($gate) ], [ 1 .. 4 ], 'workers that were asked for before the launcher began: each is served, once');
	no_crash('many databases', $many);
	$many->stop;
}

done_testing();
