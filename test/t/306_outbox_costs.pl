# What the sender costs others: no snapshot while it waits, nothing while it is
# idle, bounded memory; and who may see what.
# Alone: what an idle process costs is measured.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = new_node('background', conf => q(
autovacuum = off
log_statement = none
max_wal_size = 1GB
rtm.retry_delay = 20ms
rtm.max_retry_delay = 200ms
));
my $mtime = 1790000000123;

sub sql { my ($sql, $db) = @_; return $node->safe_psql($db || 'postgres', $sql) }
sub sender { my ($column, $db) = @_; $db ||= 'postgres'; return sql("SELECT $column FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = '$db'") }
sub new_flag { return PostgreSQL::Test::Utils::tempdir() . '/flag' }
sub until_empty { wait_until('an empty outbox', sub { sql('SELECT NOT EXISTS (SELECT FROM rtm_internal.rtm_request)') eq 't' }) }

sql('CREATE EXTENSION rtm; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

# VACUUM can give back a table whose rows are all dead, unless somebody's
# snapshot is older.
sub pages_after_vacuum
{
	sql('CREATE TABLE junk AS SELECT i FROM generate_series(1, 10000) AS i');
	sql('DELETE FROM junk');
	sql('VACUUM junk');
	my $size = sql("SELECT pg_relation_size('junk')");
	sql('DROP TABLE junk');
	return $size;
}

{
	# the measure itself: it tells an old snapshot
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	cmp_ok(pages_after_vacuum(), '>', 0, 'an old snapshot holds VACUUM back');
	$holder->query_safe('COMMIT');
	$holder->quit;
}

# Quests without answers, and requests that are repeated

{
	my $flag = new_flag();
	sql("SELECT rtm_send_group_message_async(51, 1, i, 'hold $flag') FROM generate_series(1, 20) AS i");
	sql("SELECT rtm_send_group_message_async(51, 1, i, 'unless $flag error 200010 frequency limited') FROM generate_series(21, 25) AS i");
	$gate->wait_for('held', 20);
	wait_until('attempts', sub { sql('SELECT count(*) FROM rtm_outbox WHERE attempts >= 2') > 0 });
	my %seen;
	for (1 .. 20)
	{
		my ($xmin, $xid, $state) = split /\|/, sender("coalesce(backend_xmin::text, ''), coalesce(backend_xid::text, ''), state"), -1;
		# what is repeated is noted in between, in transactions of their own
		$seen{"$xmin$xid"}++ if $state eq 'idle';
	}
	is_deeply([ grep { $_ ne '' } keys %seen ], [], 'a sender that waits for answers has no snapshot and no transaction');
	sql("SELECT rtm_discard(id) FROM rtm_outbox WHERE attempts > 0");
	cmp_ok($seen{''} || 0, '>', 0, '... it was seen waiting');
	is(pages_after_vacuum(), 0, '... and holds no VACUUM back');

	# figures meanwhile
	is(sql("SELECT in_flight, queued >= 20, oldest_age > '0' AND oldest_age < '1 hour', failed FROM rtm_stat_server WHERE server = 'rtm'"), '20|t|t|0', 'rtm_stat_server: under way');
	cmp_ok(sql("SELECT retried FROM rtm_stat_server WHERE server = 'rtm'"), '>=', 2, 'rtm_stat_server: retried');
	open(my $out, '>', $flag) or die $!;
	close $out;
	until_empty();
	wait_until('nothing is under way', sub { sql("SELECT in_flight FROM rtm_stat_server WHERE server = 'rtm'") == 0 });
	cmp_ok(sql("SELECT sent FROM rtm_stat_server WHERE server = 'rtm'"), '>=', 20, 'rtm_stat_server: sent');
	is(sql("SELECT queued, oldest_age, answer_time > 0 AND answer_time < 3600000, last_answer_time > 0 FROM rtm_stat_server WHERE server = 'rtm'"), '0||t|t', 'rtm_stat_server: answered');
	my $sent = sql("SELECT sent FROM rtm_stat_server WHERE server = 'rtm'");
	my $id = sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'error 200041 not group member')));
	is(sql("SELECT rtm_wait($id, 60)"), 'failed', 'one that fails');
	is(sql("SELECT failed, sent - $sent FROM rtm_stat_server WHERE server = 'rtm'"), '1|0', 'rtm_stat_server: failed');
	is(sql(q(SELECT rtm_wait(rtm_retry, 60) FROM (SELECT 1::bigint AS rtm_retry) AS x)), 'done', 'an id of which nothing is known');
	server_for($node, 'unused', '127.0.0.1:' . free_port());
	is(sql("SELECT sent, failed, retried, in_flight, queued, oldest_age FROM rtm_stat_server WHERE server = 'unused'"), '0|0|0|0|0|', 'rtm_stat_server: one that nobody used');
	sql('DROP SERVER unused CASCADE');
	is(sql('SELECT count(*) FROM rtm_stat_server'), 1, 'rtm_stat_server: a server that was dropped');
	is(sql(q(SELECT w.database, w.worker, w.since <= clock_timestamp(), w.last_error, w.state <> '' FROM rtm_stat_worker AS w
		JOIN pg_stat_activity AS a ON a.pid = w.pid AND a.datname = w.database AND a.backend_type = w.worker WHERE worker = 'rtm sender')), 'postgres|rtm sender|t||t', 'rtm_stat_worker');
}

# An idle sender does nothing

{
	sql('CREATE DATABASE quiet');
	sql('CREATE EXTENSION rtm', 'quiet');
	server_for($node, 'rtm', $gate->endpoint, db => 'quiet');
	sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'ok')), 'quiet');
	wait_until('the message', sub { sql('SELECT count(*) FROM rtm_outbox', 'quiet') == 0 });
	wait_until('an idle sender', sub { (sender('state', 'quiet') || '') eq 'idle' });
	my $sender_pid = sender('pid', 'quiet');
	my $look = sub {
		my ($switches) = slurp_file("/proc/$sender_pid/status") =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
		my ($cpu) = slurp_file("/proc/$sender_pid/stat") =~ /^\d+ \(.*\) (?:\S+ ){11}(\d+ \d+)/;
		return { pid => $sender_pid, switches => $switches, cpu => $cpu,
			activity => sender("concat_ws(' ', pid, state, query_start, xact_start, state_change, backend_xmin, backend_xid)", 'quiet'),
			transactions => sql("SELECT concat_ws(' ', xact_commit, xact_rollback, tup_returned, tup_fetched) FROM pg_stat_database WHERE datname = 'quiet'") };
	};
	# statistics of what ran before may come late, and the sender looks once more a second after its last work
	my ($before, $after) = (undef, $look->());
	wait_until('figures that have settled', sub {
		($before, $after) = ($after, $look->());
		sleep 2;
		return $before->{transactions} eq $after->{transactions} && $before->{activity} eq $after->{activity};
	});
	# a second time only when something that had ended wrote its figures late
	for (1 .. 2)
	{
		$before = $look->();
		sleep 10;
		$after = $look->();
		last if $after->{transactions} eq $before->{transactions};
	}
	is($after->{activity}, $before->{activity}, 'an idle sender: nothing happened in 10 seconds');
	like($after->{activity}, qr/^\d+ idle /, '... it is idle');
	is($after->{transactions}, $before->{transactions}, '... and the database had no transaction');
	# a look at the clock once a minute
	cmp_ok($after->{switches} - $before->{switches}, '<=', 1, '... the process slept');
	is($after->{cpu}, $before->{cpu}, '... and used no time');
	sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'ok')), 'quiet');
	wait_until('the next message', sub { sql('SELECT count(*) FROM rtm_outbox', 'quiet') == 0 });
	isnt(sender('state_change', 'quiet'), undef, 'an idle sender wakes up');
	cmp_ok($look->()->{switches}, '>', $after->{switches}, '... which can be seen');
	sql('DROP DATABASE quiet');
}

# Very many requests of one transaction, while somebody's snapshot is old

{
	my $n = 1_000_000;
	my $bare = FakeGate->start(pid => $pid, secret => $secret, bare => 1);
	server_for($node, 'bare', $bare->endpoint);
	my $sender_pid = sender('pid');

	# the private memory of the process, shared buffers left out
	my $memory = sub {
		my ($sum, $private) = (0, 0);
		for my $line (split /\n/, slurp_file("/proc/$sender_pid/smaps"))
		{
			$private = $1 eq 'p' if $line =~ /^[0-9a-f]+-[0-9a-f]+ ...(.) /;
			$sum += $1 if $private && $line =~ /^Private_(?:Dirty|Clean):\s*(\d+) kB/;
		}
		return $sum * 1024;
	};
	my $before = $memory->();
	cmp_ok($before, '>', 100_000, 'the memory of the sender can be seen');

	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM rtm_internal.rtm_request');
	is(sql("SET rtm.server = 'bare'; SELECT count(rtm_send_group_message_async(51, 1, i % 5000, 'x', mid => i)) FROM generate_series(1, $n) AS i"), $n, 'many requests in one transaction');
	my ($most, $looks, $deadline) = (0, 0, time + 10 * $PostgreSQL::Test::Utils::timeout_default);
	while ($bare->nkept < $n && time < $deadline)
	{
		my $now = $memory->();
		$most = $now if $now > $most;
		$looks++;
		sleep 0.1;
	}
	until_empty();
	note sprintf('%d looks at the memory: %.0f MB before, %.0f MB at most, %.0f MB afterwards', $looks, map { $_ / 1e6 } $before, $most, $memory->());
	cmp_ok($most - $before, '<', 200e6, "$n requests: the sender's memory is bounded");
	cmp_ok($looks, '>', 3, '... it was looked at in between');
	is($holder->query_safe('SELECT count(*) FROM rtm_internal.rtm_request'), 0, 'a snapshot was older than all that');
	$holder->query_safe('COMMIT');
	$holder->quit;

	is($bare->nkept, $n, 'all of them were sent, none twice');
	my ($mids, $disorder, @last) = ('', 0);
	for my $kept ($bare->kept)
	{
		my ($gid, $mid) = @$kept;
		vec($mids, $mid, 1) = 1;
		$disorder++ if ($last[$gid] || 0) >= $mid || $mid % 5000 != $gid;
		$last[$gid] = $mid;
	}
	is(unpack('%32b*', $mids), $n, '... with mids of their own');
	is($disorder, 0, '... each conversation in order');
	is(sql("SELECT count(*) FROM rtm_result WHERE server = 'bare'"), 0, '... none failed');
	is(sql("SELECT sent, failed, in_flight, queued FROM rtm_stat_server WHERE server = 'bare'"), "$n|0|0|0", 'rtm_stat_server: all of them');
	is(sender('pid'), $sender_pid, 'by one and the same sender');
	is(pages_after_vacuum(), 0, 'no snapshot is left');
	sql('DROP SERVER bare CASCADE');
}

# Who may see what

{
	my $port = free_port();
	server_for($node, 'dead', "127.0.0.1:$port");
	my %id;
	for my $role ('alice', 'bob')
	{
		my @r = session($node, { user => $role },
			"SELECT rtm_send_group_message_async(51, 1, 1, 'of $role', server => 'dead')",
			"SELECT rtm_send_group_message_async(51, 1, 1, 'error 200041 of $role', server => 'rtm')");
		is($r[$_]{state}, '00000', "$role needs no privilege to queue ($_)") for 0, 1;
		$id{$role} = $r[1]{out};
		is(sql("SELECT rtm_wait($id{$role}, 60)"), 'failed', "$role: one that failed");
	}
	my $outbox = "SELECT string_agg(owner || ' ' || (params->>'msg'), ', ' ORDER BY owner) FROM rtm_outbox";
	my $result = "SELECT string_agg(owner || ' ' || (params->>'msg'), ', ' ORDER BY owner) FROM rtm_result WHERE owner::text IN ('alice', 'bob')";
	for my $role ('alice', 'bob')
	{
		my @r = session($node, { user => $role }, $outbox, $result);
		is($r[0]{out}, "$role of $role", "$role sees own requests in rtm_outbox");
		is($r[1]{out}, "$role error 200041 of $role", "$role sees own requests in rtm_result");
	}
	my @r = session($node, { user => 'watcher' }, $outbox, $result, 'SELECT count(*) FROM rtm_stat_server', 'SELECT count(*) >= 1 FROM rtm_stat_worker');
	is($r[0]{out}, 'alice of alice, bob of bob', 'pg_monitor sees all in rtm_outbox');
	is($r[1]{out}, 'alice error 200041 of alice, bob error 200041 of bob', 'pg_monitor sees all in rtm_result');
	is($r[2]{out}, 2, 'pg_monitor sees rtm_stat_server');
	is($r[3]{out}, 't', 'pg_monitor sees rtm_stat_worker');
	sql('CREATE ROLE team LOGIN; GRANT alice TO team');
	is(one($node, { user => 'team' }, $outbox)->{out}, 'alice of alice', 'a member of a role sees the requests of that role');
	is(one($node, { user => 'team' }, "SELECT rtm_discard($id{alice})")->{out}, 't', '... and may discard them');
	state_is(one($node, { user => 'watcher' }, "SELECT $_($id{bob})"), '42501', qr/permission denied/, "pg_monitor only watches: $_") for 'rtm_discard', 'rtm_retry';

	# a function that tells what it is given doesn't get other roles' rows
	sql('CREATE SCHEMA spy AUTHORIZATION alice');
	my @spied = session($node, { user => 'alice' },
		q(CREATE FUNCTION spy.spy(regrole, jsonb) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN
			IF $1::text <> 'alice' THEN RAISE EXCEPTION 'saw a row of %', $1; END IF; RETURN true; END $$),
		q(SELECT count(*) FROM rtm_outbox WHERE owner::text <> 'alice' AND spy.spy(owner, params)),
		q(SELECT count(*) FROM rtm_result WHERE owner::text <> 'alice' AND spy.spy(owner, params)));
	for my $spied (@spied[ 1, 2 ])
	{
		is($spied->{out}, 0, "a cheap function sees no other role's rows") or diag $spied->{message};
	}

	for my $statement ('TABLE rtm_internal.rtm_request', 'TABLE rtm_internal.rtm_finished', 'SELECT id FROM rtm_internal.rtm_request', 'SELECT count(*) FROM rtm_internal.rtm_finished', "SELECT nextval('rtm_internal.rtm_request_id_seq')",
		'TABLE rtm_internal.rtm_request_id_seq', "SELECT setval('rtm_internal.rtm_request_id_seq', 1)", 'DELETE FROM rtm_internal.rtm_request', 'UPDATE rtm_internal.rtm_finished SET owner = owner', 'DELETE FROM rtm_internal.rtm_finished',
		'INSERT INTO rtm_internal.rtm_request SELECT * FROM rtm_internal.rtm_request', 'TRUNCATE rtm_internal.rtm_request', 'DO $$ BEGIN LOCK TABLE rtm_internal.rtm_request IN ROW EXCLUSIVE MODE; END $$')
	{
		for my $role ('alice', 'watcher')
		{
			is(one($node, { user => $role }, $statement)->{state}, '42501', "$role: $statement");
		}
	}
	is(one($node, { user => 'alice' }, $_)->{state}, '42501', "alice: $_")
	  for 'TABLE rtm_stat_server', 'TABLE rtm_stat_worker', 'SELECT * FROM rtm_worker_stats()', 'SELECT * FROM rtm_server_stats()';
	like(one($node, { user => 'alice' }, $_)->{state}, qr/^(?:42501|55000)$/, "alice: $_")
	  for 'DELETE FROM rtm_outbox', 'DELETE FROM rtm_result', "UPDATE rtm_outbox SET owner = 'bob'::regrole", 'INSERT INTO rtm_result (id) VALUES (1)';
	sql('DROP SERVER dead CASCADE');
}

$node->stop;
done_testing();
