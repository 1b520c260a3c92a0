# What once went wrong with queued requests and must not again: texts that don't
# fit, rows that somebody has locked or moved, callbacks that won't end, requests
# discarded while they are under way, processes that end at a bad moment.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use GateClient;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep);

my $fast = q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
rtm.max_attempts = 1000000
);
my $node = new_node('robust', init => { extra => [ '--encoding=UTF8', '--no-locale' ] }, conf => $fast . q(
wal_level = replica
max_wal_senders = 1
synchronous_commit = local
));
my $gate = FakeGate->start(pid => $pid, secret => $secret);
my $wait = $PostgreSQL::Test::Utils::timeout_default;
my $flags = 0;

sub sql { my ($sql, $db) = @_; return $node->safe_psql($db || 'postgres', $sql) }
sub as { my ($role, @statements) = @_; my @r = session($node, { user => $role }, @statements); return $r[-1]{out} }
sub new_flag { return PostgreSQL::Test::Utils::tempdir() . '/robust' . ++$flags }
sub raise_flag { my ($path) = @_; open(my $out, '>', $path) or die "$path: $!"; close $out }

# A message to a group, which the group's number stands for.
sub message
{
	my ($server, $gid, $msg, $more) = @_;
	return "rtm_send_group_message_async(51, 1, $gid, '$msg', server => '$server'" . ($more || '') . ')';
}

# One that goes through; rtm_wait()'s word for it.
sub delivered { my $id = sql('SELECT ' . message(@_, 'ok')); return sql("SELECT rtm_wait($id, $wait)") }

sub until_true { my ($what, $sql, $db) = @_; wait_until($what, sub { sql("SELECT ($sql)::int", $db) eq '1' }) }
sub until_gone { my ($what, $where, $db) = @_; until_true($what, "SELECT NOT EXISTS (SELECT FROM rtm_outbox WHERE $where)", $db) }
sub is_gone { my ($table, $ids) = @_; return sql("SELECT count(*) FROM $table WHERE id IN ($ids)") }
sub asked { my ($at, $key, $value) = @_; return scalar grep { defined $_->{params}{$key} && $_->{params}{$key} eq $value } $at->events('quest') }
sub groups { my ($at) = @_; return map { $_->{params}{gid} } grep { defined $_->{params}{gid} } $at->events('quest') }

sub worker { my ($type, $db) = @_; return sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm $type' AND datname = '" . ($db || 'postgres') . "'") }

# Seconds of the processor that a process has had.
sub burnt
{
	my ($process) = @_;
	open(my $in, '<', "/proc/$process/stat") or die "/proc/$process/stat: $!";
	my ($rest) = <$in> =~ /\)\s(.*)/;
	my @fields = split / /, $rest;
	return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# One that turns without an end takes all of the time, or half of it when others
# do so as well.
sub at_ease
{
	my ($name, $seconds, @types) = @_;
	SKIP:
	{
		skip 'there is no /proc', scalar @types unless -r "/proc/$$/stat";
		my %pids = map { $_ => worker($_) } @types;
		my %before = map { $_ => burnt($pids{$_}) } grep { $pids{$_} } @types;
		sleep $seconds;
		for my $type (@types)
		{
			cmp_ok($before{$type} ? burnt($pids{$type}) - $before{$type} : 0, '<', $seconds / 3, "$name: the $type doesn't turn in circles");
		}
	}
}

sub no_crash
{
	my ($name, $n) = @_;
	unlike(PostgreSQL::Test::Utils::slurp_file(($n || $node)->logfile), qr/terminated by signal|PANIC|TRAP:/, "$name: no process crashed");
}

sql(q(
	CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup();
	CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN;
	CREATE TABLE said (n bigserial, what text);
	GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	CREATE TABLE gatekeeper (a int); GRANT ALL ON gatekeeper TO PUBLIC;
	CREATE SEQUENCE begun; GRANT USAGE ON SEQUENCE begun TO PUBLIC;
	CREATE FUNCTION says(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES ('said ' || mid) $$;
	CREATE FUNCTION waits(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN LOCK TABLE gatekeeper IN ACCESS SHARE MODE; INSERT INTO said (what) VALUES ('waited ' || mid); END $$;
	CREATE FUNCTION stubborn(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN
			PERFORM nextval('begun');
			LOOP
				BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN NULL; END;
			END LOOP;
		END $$;
));
server_for($node, 'fake', $gate->endpoint);
sub said { my ($what) = @_; return sql("SELECT count(*) FROM said WHERE what = '$what'") }

# 1. What a gate says, in databases of other encodings

{
	my %options = GateClient::options($node);
	my $key = sql('SELECT rtm_gate_public_key()');
	# "café", "你!", and bytes that are no text in any encoding
	my %ex = (1 => 'a5636166c3a9', 2 => 'a4e4bda021', 3 => 'a4fffe0041');
	my %encodings = (latin => 'LATIN1', ascii => 'SQL_ASCII');
	for my $db (sort keys %encodings)
	{
		sql("CREATE DATABASE $db TEMPLATE template0 ENCODING '$encodings{$db}' LC_COLLATE 'C' LC_CTYPE 'C'");
		sql(qq(
			CREATE EXTENSION rtm;
			CREATE SERVER secret FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$options{endpoint}', pid '$options{pid}', encryption 'ecdh', public_key '$key');
			CREATE USER MAPPING FOR PUBLIC SERVER secret OPTIONS (secret '$options{secret}')), $db);
		server_for($node, 'fake', $gate->endpoint, db => $db);
		my $flag = new_flag();
		# 200041: never; 200010: not now, which is noted in the request's row
		for my $n (sort keys %ex)
		{
			sql("SELECT " . message('fake', "$n * 1000 + i", "errorpayload 82a4636f6465ce00030d69a26578$ex{$n}") . " FROM generate_series(1, 100) AS i", $db);
			sql("SELECT " . message('fake', "$n * 1000", "unless $flag errorpayload 82a4636f6465ce00030d4aa26578$ex{$n}"), $db);
		}
		sql("SELECT rtm_send_message_async(51, i, i, 'to oneself', server => 'secret') FROM generate_series(1, 100) AS i", $db);
		sql("SELECT rtm_call_async('nonsense', '{}', server => 'secret') FROM generate_series(1, 10) AS i", $db);
		until_true("$db: refused", "SELECT count(*) = 300 FROM rtm_result WHERE (error).code = 200041", $db);
		until_true("$db: refused for now", "SELECT count(*) = 3 FROM rtm_outbox WHERE (error).code = 200010", $db);
		my $cafe = $db eq 'latin' ? '\x636166e9' : '\x636166c3a9';
		for my $case ([ 'rtm_result', 200041, 100 ], [ 'rtm_outbox', 200010, 1 ])
		{
			my ($table, $code, $n) = @$case;
			my $words = "SELECT (error).message::text AS m, (params->>'gid')::int / 1000 AS n FROM $table WHERE (error).code = $code";
			is(sql("SELECT count(*) FROM ($words) AS w WHERE n = 1 AND convert_to(m, getdatabaseencoding()) = '$cafe'::bytea", $db), $n, "$db: $table has words that fit");
			is(sql("SELECT count(*) FROM ($words) AS w WHERE n > 1 AND m <> ''", $db), 2 * $n, "$db: $table has others for those that don't");
		}
		raise_flag($flag);
		until_gone("$db: all of them", 'true', $db);
		is(sql("SELECT count(*) FROM rtm_result WHERE server = 'secret' AND status = 'failed' AND (error).message <> ''", $db), 110, "$db: refused by an encrypted gate");
		is(sql("SELECT count(*) FROM rtm_result WHERE status = 'done'", $db), 0, "$db: what was let through leaves no trace");
		is(sql("SELECT count(*) FROM rtm_stat_worker WHERE database = '$db' AND last_error IS NOT NULL", $db), 0, "$db: no worker has failed");
	}
	no_crash('texts');
}

# 2. Rows that somebody is about to discard, perhaps

{
	my %flag = map { $_ => new_flag() } 'retry', 'hold';
	server_for($node, $_, $gate->endpoint) for 'retrying', 'holding';
	$gate->forget;
	sql('TRUNCATE said');
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe('BEGIN; LOCK TABLE gatekeeper IN ACCESS EXCLUSIVE MODE');
	as('bob', 'SELECT ' . message('fake', 1, 'ok', ", mid => 1, callback => 'waits'::regproc"));
	until_true('a callback that waits', "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'gatekeeper'::regclass AND NOT granted)");

	# one of each that will be kept, one that will be discarded
	my %ids;
	for my $n (0, 1)
	{
		my $end = ('ROLLBACK', 'COMMIT')[$n];
		$ids{$end}{retried} = as('alice', 'SELECT ' . message('retrying', 10 + $n, "unless $flag{retry} error 20014 stopping", ", attrs => 'retried $end'"));
		$ids{$end}{in_flight} = as('alice', 'SELECT ' . message('holding', 20 + $n, "hold $flag{hold}", ", attrs => 'held $end'"));
		$ids{$end}{due} = as('alice', 'SELECT ' . message('fake', 30 + $n, 'ok', ", mid => " . (30 + $n) . ", callback => 'says'::regproc"));
	}
	$gate->wait_for('held', 2);
	until_true('attempts', "SELECT count(*) = 2 FROM rtm_outbox WHERE server = 'retrying' AND attempts > 1");
	until_true('callbacks that are due', "SELECT count(*) = 2 FROM rtm_result WHERE callback_status = 'pending' AND owner = 'alice'::regrole");
	my %holder;
	for my $end (sort keys %ids)
	{
		$holder{$end} = $node->background_psql('postgres', extra_params => [ '-U', 'alice' ]);
		$holder{$end}->query_safe('BEGIN');
		is($holder{$end}->query_safe("SELECT rtm_discard($ids{$end}{$_})"), 't', "to be discarded ($end): $_") for sort keys %{ $ids{$end} };
	}
	$blocker->query_safe('COMMIT');
	$blocker->quit;
	raise_flag($flag{hold});

	for my $round (1, 2)
	{
		as('bob', "SELECT " . message('fake', 'i', 'ok', ", mid => i, callback => 'says'::regproc") . " FROM generate_series($round * 100 + 1, $round * 100 + 20) AS i");
		as('bob', "SELECT " . message('fake', 'i', 'error 200041 no') . " FROM generate_series($round * 100 + 21, $round * 100 + 30) AS i");
		as('bob', "SELECT " . message($_, 40, 'ok')) for 'retrying', 'holding';
		until_gone('of others', "owner = 'bob'::regrole");
		until_true('callbacks of others', "SELECT count(*) = 20 FROM said WHERE what ~ '^said $round..\$'");
		is(sql("SELECT count(*) FROM rtm_result WHERE owner = 'bob'::regrole AND status = 'failed' AND callback_status IS NULL"), 10 * $round,
			'rows that somebody has locked: messages, results and callbacks of others go on');
		at_ease('rows that somebody has locked', 3, 'sender', 'callbacks') if $round == 1;
	}
	is(said('waited 1'), 1, '... the one that waited too');
	is(sql("SELECT count(*) FROM said WHERE what IN ('said 30', 'said 31')"), 0, '... theirs have not run');
	my $before = asked($gate, 'attrs', 'retried COMMIT');
	wait_until('repetitions', sub { asked($gate, 'attrs', 'retried COMMIT') >= $before + 2 });
	pass('... and what is to be repeated is repeated');

	$holder{COMMIT}->query_safe('COMMIT');
	my $discarded = join ', ', values %{ $ids{COMMIT} };
	is(is_gone('rtm_outbox', $discarded) + is_gone('rtm_result', $discarded), 0, 'discarded: they are gone');
	# the sender hears of it when it is through with the commit; the other one goes on
	as('bob', 'SELECT ' . message('retrying', 41, 'ok'));
	until_gone('of bob', "owner = 'bob'::regrole");
	($before, my $other) = (asked($gate, 'attrs', 'retried COMMIT'), asked($gate, 'attrs', 'retried ROLLBACK'));
	wait_until('repetitions', sub { asked($gate, 'attrs', 'retried ROLLBACK') >= $other + 4 });
	is(asked($gate, 'attrs', 'retried COMMIT'), $before, '... and not repeated any more');

	$holder{ROLLBACK}->query_safe('ROLLBACK');
	raise_flag($flag{retry});
	until_gone('of all', 'true');
	until_true('the callback', "SELECT EXISTS (SELECT FROM said WHERE what = 'said 30')");
	pass('rolled back: they are settled');
	is(is_gone('rtm_result', join ', ', values %{ $ids{ROLLBACK} }), 0, '... and leave no trace');
	is(said('said 30'), 1, '... the callback has run once');
	is(said('said 31'), 0, 'the one that was discarded has not');
	is(asked($gate, 'attrs', "held $_"), 1, "what was in flight was asked once ($_)") for 'ROLLBACK', 'COMMIT';
	$_->quit for values %holder;
}

# 3. Rows that VACUUM FULL moves

{
	my $port = free_port();
	server_for($node, 'down', "127.0.0.1:$port");
	sql('SELECT ' . message('fake', 'i', 'ok') . ' FROM generate_series(1, 50) AS i');
	sql("SELECT " . message('down', 'i % 5', 'ok', ", attrs => i::text") . " FROM generate_series(1, 60) AS i");
	until_true('attempts', "SELECT count(*) > 0 FROM rtm_outbox WHERE server = 'down' AND attempts > 1");
	until_gone('others', "server = 'fake'");
	my $sender = worker('sender');
	my $last = sql("SELECT id FROM rtm_outbox WHERE params->>'attrs' = '60'");
	for my $n (33, 44)
	{
		my $place = sql("SELECT ctid FROM rtm_internal.rtm_request WHERE id = $last");
		sql('VACUUM FULL rtm_internal.rtm_request');
		isnt(sql("SELECT ctid FROM rtm_internal.rtm_request WHERE id = $last"), $place, 'VACUUM FULL moves rows');
		# the second time the table is no shorter than before
		sql("SELECT " . message('down', 'i % 5', 'ok', ", attrs => i::text") . " FROM generate_series(61, 200) AS i") if $n == 44;
		is(sql("SELECT rtm_discard(id) FROM rtm_outbox WHERE params->>'attrs' = '$n'"), 't', '... one is discarded');
		# the sender has heard of it when this one is through
		sql('SELECT ' . message('fake', 1, 'ok'));
		until_gone('others', "server = 'fake'");
	}
	is(worker('sender'), $sender, '... the sender goes on');
	my $up = FakeGate->start(pid => $pid, secret => $secret, port => $port);
	until_gone('all', 'true');
	my %got;
	push @{ $got{ $_->{params}{gid} } }, $_->{params}{attrs} for $up->events('quest');
	is_deeply(\%got, { map { my $g = $_; $g => [ grep { $_ % 5 == $g && $_ != 33 && $_ != 44 } 1 .. 200 ] } 0 .. 4 }, '... all others are delivered, once and in order');
	is(sql('SELECT count(*) FROM rtm_internal.rtm_request'), 0, '... and their rows are gone');
	sql('DROP SERVER down CASCADE');
}

# 4. A callback that takes no notice of being cancelled

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

# 5. Discarded while it is in flight

{
	server_for($node, 'silent', $gate->endpoint, quest_timeout => '2s');
	$gate->forget;
	my $id = sql('SELECT ' . message('silent', 50, 'late', ", attrs => 'discarded'"));
	my $behind = sql('SELECT ' . message('silent', 50, 'ok', ", attrs => 'behind'"));
	wait_until('the quest', sub { asked($gate, 'attrs', 'discarded') == 1 });
	is(sql("SELECT rtm_discard($id)"), 't', 'discarded in flight');
	is(sql("SELECT rtm_wait($behind, $wait)"), 'done', '... what is behind it is delivered');
	is(asked($gate, 'attrs', 'discarded'), 1, '... it is not asked again when its time is over');
	is(asked($gate, 'attrs', 'behind'), 1, '... the other one once');
	is(is_gone('rtm_outbox', $id) + is_gone('rtm_result', $id), 0, '... nothing of it is left');
	sql('DROP SERVER silent CASCADE');
}

# 6. A connection that never gets ready, with nothing left to send

{
	my $deaf = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "cannot listen: $!";
	server_for($node, 'deaf', '127.0.0.1:' . $deaf->sockport, connect_timeout => '2s', encryption => 'ecdh', public_key => sql('SELECT rtm_gate_public_key()'));
	my $id = sql('SELECT ' . message('deaf', 1, 'ok'));
	IO::Select->new($deaf)->can_read($wait) or die "nobody connects\n";
	my $connection = $deaf->accept;
	is(sql("SELECT rtm_discard($id)"), 't', 'discarded while it waits for a connection');
	sleep 2;		# the time for connecting is over
	at_ease('a connection that nobody needs', 3, 'sender');
	is(delivered('fake', 1), 'done', '... others are sent');
	sql('DROP SERVER deaf CASCADE');
}

# 7. As many rows as are read at once, and the next ticket is somebody else's

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

	sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	$node->reload;
	until_true('the setting', "SELECT current_setting('synchronous_standby_names') = 'nobody'");
	sql('CHECKPOINT');		# it is the checkpointer who tells the others
	$gate->forget;

	# a session whose commit is held up
	my $held = sub {
		my ($name, $statement) = @_;
		my $s = begin_session($node, { name => $name }, 'SET synchronous_commit = on', $statement);
		until_true("the commit of $name", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'SyncRep')");
		return $s;
	};
	my $let = sub {
		my ($name, $s) = @_;
		sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '$name'");
		is((end_session($s))[1]{state}, '00000', "$name has committed");
	};
	my $thousand = $held->('thousand', 'SELECT FROM (SELECT ' . message('fake', '1000 + i', 'ok') . ' FROM generate_series(1, 1000) AS i) AS s');

	# the sender passes its tickets
	my $since = sql('SELECT clock_timestamp()');
	wait_until('the sender has read', sub {
		sql('SELECT rtm_wait(1, 0.01)');
		return sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'postgres' AND state_change > '$since'") > 0;
	});
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
	sql('ALTER SYSTEM RESET synchronous_standby_names');
	$node->reload;
	is(sql("SELECT rtm_discard($far)"), 't', 'the row of tomorrow');
}

# 9. Commits that aren't on disk yet

{
	$gate->forget;
	my @r = session($node, 'SET synchronous_commit = off', map { 'SELECT ' . message('fake', $_, 'ok') } 1 .. 50);
	until_gone('all', 'true');
	is_deeply([ sort { $a <=> $b } groups($gate) ], [ 1 .. 50 ], 'synchronous_commit = off: delivered, once');
}

# 10. rtm_wait() whose session is ended

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
is(sql("SELECT count(*) FROM rtm_stat_worker WHERE last_error IS NOT NULL AND worker <> 'rtm callbacks'"), 0, 'no worker failed that was not made to')
  or diag sql('SELECT * FROM rtm_stat_worker');
$node->stop;

# 8. A call that must not be repeated, and a server that crashes

{
	my $crash = new_node('robust_crash', conf => $fast . "restart_after_crash = on\nwal_writer_delay = 10s\n");
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

# 11. Many databases, and sessions that are faster than the launcher

{
	my $many = new_node('robust_many', conf => $fast . "max_worker_processes = 40\n");
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
