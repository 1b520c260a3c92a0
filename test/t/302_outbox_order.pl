# Requests leave in the order in which their transactions committed, whatever
# else these transactions did; those of rolled back ones don't leave.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('order', conf => <<'CONF');
wal_level = replica
max_wal_senders = 1
synchronous_commit = local
max_prepared_transactions = 10
rtm.retry_delay = '20ms'
rtm.max_retry_delay = '100ms'
CONF
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('postgres', 'SELECT rtm_gate_setup()');

# A session that is told one statement at a time; run() gives what it printed.
sub talk
{
	my $timeout = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	my $s = { in => '', out => '', err => '', n => 0, timeout => $timeout };
	$s->{run} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr('postgres') ],
		\$s->{in}, \$s->{out}, \$s->{err}, $timeout);
	return $s;
}

sub run
{
	my ($s, $sql) = @_;
	my $mark = '--- ' . ++$s->{n} . ' ---';
	$s->{timeout}->start;
	$s->{in} .= "$sql;\n\\echo $mark\n";
	$s->{run}->pump until $s->{out} =~ /^\Q$mark\E\n/m;
	my ($out) = $s->{out} =~ /\A(.*?)\n?^\Q$mark\E\n/ms;
	$s->{out} = '';
	return $out;
}

sub quit { my ($s) = @_; $s->{timeout}->start; $s->{in} .= "\\q\n"; $s->{run}->finish; return $s->{err} }

my $to = 1000;

# A conversation of its own; SQL that queues a message there.
sub conversation { return ++$to }
sub send_sql { my ($user, $msg) = @_; return "SELECT FROM rtm_send_message_async(51, 1, $user, '$msg')" }

sub all_delivered
{
	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_internal.rtm_request') or die "the outbox isn't emptied\n";
}

# What has arrived there, in the order of arrival.
sub arrived
{
	my ($user) = @_;
	return $node->safe_psql('postgres',
		"SELECT coalesce(string_agg(convert_from(msg, 'UTF8'), ' ' ORDER BY id), '') FROM rtm_gate.message WHERE to_uid = $user");
}

sub arrive_is
{
	my ($user, $expected, $name) = @_;
	all_delivered();
	is(arrived($user), $expected, $name);
}

# Two sessions

my ($ann, $bob) = (talk(), talk());
my $c = conversation();
run($ann, 'BEGIN'); run($ann, send_sql($c, 'a1'));
run($bob, 'BEGIN'); run($bob, send_sql($c, 'b1'));
run($ann, send_sql($c, 'a2'));
run($bob, send_sql($c, 'b2'));
run($bob, 'COMMIT'); run($ann, 'COMMIT');
arrive_is($c, 'b1 b2 a1 a2', 'the order of commits, not of calls');

# the same often and at once: by the time of the second commit the first one's
# requests may be anywhere
$c = conversation();
my @expected;
for my $i (1 .. 200)
{
	my ($first, $second) = $i % 3 ? ($ann, $bob) : ($bob, $ann);
	run($first, 'BEGIN'); run($second, 'BEGIN');
	run($second, send_sql($c, "$i.2"));
	run($first, send_sql($c, "$i.1"));
	run($first, 'COMMIT'); run($second, 'COMMIT');
	push @expected, "$i.1", "$i.2";
}
arrive_is($c, "@expected", 'the order of commits, 200 times');

# A transaction that takes long

$c = conversation();
my $d = conversation();
@expected = ();
run($ann, 'BEGIN'); run($ann, send_sql($c, 'early'));
run($ann, send_sql($d, 'alone'));
for my $i (1 .. 50)
{
	run($bob, send_sql($c, $i));
	push @expected, $i;
}
arrive_is($c, "@expected", 'a long transaction holds up nobody');
is(arrived($d), '', '... and sends nothing');
run($ann, send_sql($c, 'late')); run($ann, 'COMMIT');
arrive_is($c, "@expected early late", '... until it commits');
is(arrived($d), 'alone', '... in its other conversation too');

# it was rolled back
run($ann, 'BEGIN'); run($ann, send_sql($c, 'never'));
run($bob, send_sql($c, 'after')); run($ann, 'ROLLBACK');
arrive_is($c, "@expected early late after", 'a transaction that is rolled back sends nothing');

# Several commit while others are held up between drawing a ticket and being
# visible: a synchronous standby that doesn't apply makes them wait in between.
$c = conversation();
my $standby = flush_standby($node, 'nobody');
run($ann, "SET application_name = 'waits'; SET synchronous_commit = remote_apply");
$ann->{in} .= send_sql($c, 'first') . ";\n";
$ann->{run}->pump_nb while length $ann->{in};
$node->poll_query_until('postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE application_name = 'waits'")
  or die "no commit waits\n";
$d = conversation();
run($bob, send_sql($d, $_)) for 1 .. 20;
$node->poll_query_until('postgres', "SELECT count(*) = 20 FROM rtm_gate.message WHERE to_uid = $d") or die "held up\n";
is(arrived($c), '', 'a commit that waits for a standby: not sent, and nobody waits for it');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
$node->reload;
run($ann, 'RESET application_name; RESET synchronous_commit');
arrive_is($c, 'first', '... and sent when it is through');

# Savepoints: what a stack of savepoints says is sent

sub random_savepoints
{
	my ($seed) = @_;
	my ($user, $n, @stack, @sent) = (conversation(), 0);
	my @sql = ('BEGIN');
	srand($seed);
	for (1 .. 150)
	{
		my $what = rand;
		if ($what < 0.45)
		{
			push @sql, send_sql($user, ++$n);
			push @sent, $n;
		}
		elsif ($what < 0.7 && @stack < 12)
		{
			push @sql, 'SAVEPOINT s' . @stack;
			push @stack, scalar @sent;
		}
		elsif ($what < 0.85 && @stack)
		{
			my $level = int rand @stack;
			push @sql, "ROLLBACK TO s$level";
			$#sent = $stack[$level] - 1;
			$#stack = $level;
		}
		elsif (@stack)
		{
			my $level = int rand @stack;
			push @sql, "RELEASE s$level";
			$#stack = $level - 1;
		}
	}
	run($ann, join ";\n", @sql, 'COMMIT');
	return ($user, "@sent");
}

my @programs = map { [ random_savepoints($_) ] } 1 .. 30;
all_delivered();
my @wrong = grep { arrived($programs[$_]->[0]) ne $programs[$_]->[1] } 0 .. $#programs;
is("@wrong", '', 'savepoints, nested, released and rolled back at random');
cmp_ok(scalar(grep { length $_->[1] } @programs), '>', 20, '... which send something');

$c = conversation();
run($ann, join ";\n", 'BEGIN', 'SAVEPOINT s', send_sql($c, 'x'), 'ROLLBACK TO s', 'COMMIT');
arrive_is($c, '', 'all of it rolled back to a savepoint');
run($ann, join ";\n", 'BEGIN', 'SAVEPOINT s', send_sql($c, 1), 'SELECT 1/0', send_sql($c, 2), 'ROLLBACK TO s', send_sql($c, 3), 'COMMIT');
arrive_is($c, '3', 'after an error, rolled back to a savepoint');

$c = conversation();
$node->safe_psql('postgres', qq(
	DO \$\$
	BEGIN
		PERFORM rtm_send_message_async(51, 1, $c, 'begin');
		FOR i IN 1 .. 5000 LOOP
			BEGIN
				PERFORM rtm_send_message_async(51, 1, $c, i::text);
				BEGIN
					PERFORM rtm_send_message_async(51, 1, $c, i || 'x');
					IF i % 3 = 0 THEN RAISE division_by_zero; END IF;
				EXCEPTION WHEN division_by_zero THEN
					IF i % 2 = 0 THEN RAISE; END IF;
					PERFORM rtm_send_message_async(51, 1, $c, i || 'e');
				END;
				PERFORM rtm_send_message_async(51, 1, $c, i || 'y');
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
		PERFORM rtm_send_message_async(51, 1, $c, 'end');
	END \$\$));
@expected = map { $_ % 6 == 0 ? () : $_ % 3 == 0 ? ($_, "${_}e", "${_}y") : ($_, "${_}x", "${_}y") } 1 .. 5000;
all_delivered();
ok(arrived($c) eq "begin @expected end", 'exception blocks of plpgsql, 10,000 of them');

# Prepared transactions

$c = conversation();
run($ann, join ";\n", 'BEGIN', send_sql($c, 'p1a'), 'SAVEPOINT s', send_sql($c, 'never'), 'ROLLBACK TO s', send_sql($c, 'p1b'), "PREPARE TRANSACTION 'p1'");
run($ann, join ";\n", 'BEGIN', send_sql($c, 'p2a'), send_sql($c, 'p2b'), "PREPARE TRANSACTION 'p2'");
run($ann, join ";\n", 'BEGIN', send_sql($c, 'p3'), "PREPARE TRANSACTION 'p3'");
run($bob, send_sql($c, 'between'));
arrive_is($c, 'between', 'nothing is sent of what is only prepared');
run($bob, "COMMIT PREPARED 'p2'");
run($bob, send_sql($c, 'then'));
run($ann, "COMMIT PREPARED 'p1'");
run($bob, send_sql($c, 'last'));
arrive_is($c, 'between p2a p2b then p1a p1b last', 'the order of COMMIT PREPARED');
run($ann, "ROLLBACK PREPARED 'p3'");
arrive_is($c, 'between p2a p2b then p1a p1b last', 'ROLLBACK PREPARED sends nothing');

$c = conversation();
run($ann, join ";\n", 'BEGIN', send_sql($c, "r$_"), "PREPARE TRANSACTION 'r$_'") for 1 .. 4;
quit($_) for $ann, $bob;
$node->restart;
$node->safe_psql('postgres', "COMMIT PREPARED 'r2'");
arrive_is($c, 'r2', 'prepared, restart, COMMIT PREPARED');
$node->stop('immediate');
$node->start;
($ann, $bob) = (talk(), talk());
arrive_is($c, 'r2', 'prepared, crash: still nothing is sent');
run($ann, "COMMIT PREPARED 'r3'");
run($bob, send_sql($c, 'other'));
run($ann, "COMMIT PREPARED 'r1'");
run($bob, "ROLLBACK PREPARED 'r4'");
arrive_is($c, 'r2 r3 other r1', 'prepared, crash, COMMIT PREPARED');

# by a role without any privilege but to commit what it prepared
$node->safe_psql('postgres', 'CREATE ROLE alice LOGIN; CREATE ROLE courier; GRANT USAGE ON FOREIGN SERVER rtm TO alice');
my ($secret_sql) = $node->safe_psql('postgres', "SELECT quote_literal(substr(o, 8)) FROM (SELECT unnest(umoptions) FROM pg_user_mapping) AS u (o) WHERE o LIKE 'secret=%'");
$node->safe_psql('postgres', "CREATE USER MAPPING FOR alice SERVER rtm OPTIONS (secret $secret_sql)");
$c = conversation();
my @r = session($node, { user => 'alice' }, 'BEGIN', send_sql($c, 'of alice'), "PREPARE TRANSACTION 'alice'", "COMMIT PREPARED 'alice'");
is($r[3]{state}, '00000', 'COMMIT PREPARED by a common role') or diag($r[3]{message});
arrive_is($c, 'of alice', '... is sent');
is($node->safe_psql('postgres', 'SELECT count(*) FROM rtm_internal.rtm_request WHERE seq < 0'), 0, 'nothing is held');

# Triggers

$node->safe_psql('postgres', qq(
	DROP USER MAPPING FOR alice SERVER rtm;
	REVOKE USAGE ON FOREIGN SERVER rtm FROM alice;
	CREATE USER MAPPING FOR courier SERVER rtm OPTIONS (secret $secret_sql);
	GRANT USAGE ON FOREIGN SERVER rtm TO courier;
	CREATE TABLE note (uid bigint, body text);
	GRANT INSERT ON note TO alice;
	CREATE FUNCTION tell_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS \$\$
	BEGIN
		PERFORM rtm_send_message_async(51, 1, NEW.uid, NEW.body);
		RETURN NEW;
	END \$\$;
	ALTER FUNCTION tell_user() OWNER TO courier;
	CREATE TRIGGER tell_user AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION tell_user()));
$c = conversation();
@r = session($node, { user => 'alice' }, send_sql($c, 'by herself'), "INSERT INTO note VALUES ($c, 'by trigger')");
is($r[0]{state}, '42501', 'a role that may not send itself');
is($r[1]{state}, '00000', '... fires a trigger that may') or diag($r[1]{message});
arrive_is($c, 'by trigger', '... and it is sent');

# the gate is away: the row says whose it is
my $endpoint = $node->safe_psql('postgres', "SELECT substr(o, 10) FROM (SELECT unnest(srvoptions) FROM pg_foreign_server) AS s (o) WHERE o LIKE 'endpoint=%'");
my $nowhere = '127.0.0.1:' . free_port();
$node->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (SET endpoint '$nowhere')");
session($node, { user => 'alice' }, "INSERT INTO note VALUES ($c, 'again')");
is($node->safe_psql('postgres', 'SELECT owner, call FROM rtm_outbox'), 'courier|send_message', 'it is the definer\'s');
@r = session($node, { user => 'alice' }, 'SELECT count(*) FROM rtm_outbox');
is($r[0]{out}, 0, '... and not shown to who fired it');
$node->safe_psql('postgres', 'DROP USER MAPPING FOR courier SERVER rtm');
$node->poll_query_until('postgres', "SELECT status = 'failed' AND (error).message ~ 'mapping' FROM rtm_result WHERE owner = 'courier'::regrole")
  or die 'not failed';
pass('... and sent as the definer: without its mapping it fails');
$node->safe_psql('postgres', "CREATE USER MAPPING FOR courier SERVER rtm OPTIONS (secret $secret_sql); ALTER SERVER rtm OPTIONS (SET endpoint '$endpoint')");
is($node->safe_psql('postgres', "SELECT rtm_retry(id) FROM rtm_result WHERE owner = 'courier'::regrole"), 't', 'rtm_retry');
arrive_is($c, 'by trigger again', '... sends it');

$c = conversation();
$node->safe_psql('postgres', "COPY note FROM stdin;\n" . join('', map { "$c\t$_\n" } 1 .. 5000) . "\\.\n");
all_delivered();
is(arrived($c), join(' ', 1 .. 5000), 'COPY with a row trigger');
$d = conversation();
my ($rc) = $node->psql('postgres', "COPY note FROM stdin;\n" . join('', map { "$d\t$_\n" } 1 .. 100) . "$d\n\\.\n");
isnt($rc, 0, 'COPY that fails in its last line');
arrive_is($d, '', '... sends nothing');

$node->safe_psql('postgres', q(
	CREATE TABLE deferred (uid bigint, body text);
	CREATE FUNCTION tell_late() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.body = 'refused' THEN RAISE EXCEPTION 'refused'; END IF;
		PERFORM rtm_send_message_async(51, 1, NEW.uid, NEW.body);
		RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER tell_late AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION tell_late()));
$c = conversation();
run($ann, join ";\n", 'BEGIN', "INSERT INTO deferred VALUES ($c, 'at commit'), ($c, 'too')", send_sql($c, 'before'));
run($bob, send_sql($c, 'other'));
run($ann, 'COMMIT');
arrive_is($c, 'other before at commit too', 'a deferred constraint trigger sends at commit');
run($ann, join ";\n", 'BEGIN', "INSERT INTO deferred VALUES ($c, 'never'), ($c, 'refused')", send_sql($c, 'never'), 'COMMIT');
run($ann, join ";\n", 'BEGIN', "INSERT INTO deferred VALUES ($c, 'prepared')", "PREPARE TRANSACTION 'deferred'");
arrive_is($c, 'other before at commit too', '... nothing when another one refuses');
run($ann, "COMMIT PREPARED 'deferred'");
arrive_is($c, 'other before at commit too prepared', '... and at PREPARE TRANSACTION');

# with other work
$node->safe_psql('postgres', q(
	CREATE TABLE log (uid bigint, body text);
	CREATE FUNCTION tell_log() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM rtm_send_message_async(51, 1, NEW.uid, NEW.body);
		RETURN NEW;
	END $$;
	CREATE TRIGGER tell_log BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION tell_log()));
$c = conversation();
run($ann, join ";\n", 'BEGIN', send_sql($c, 'before'), "CREATE TABLE work AS SELECT g, repeat('x', 100) AS t FROM generate_series(1, 10000) AS g",
	'UPDATE work SET t = t || g', "INSERT INTO log SELECT $c, g FROM generate_series(1, 10000) AS g", 'DROP TABLE work', send_sql($c, 'after'), 'COMMIT');
all_delivered();
ok(arrived($c) eq join(' ', 'before', 1 .. 10000, 'after'), 'a transaction with 10,000 rows');

# the trigger's messages are courier's, the others are not
$c = conversation();
run($ann, join ";\n", 'BEGIN', send_sql($c, 'before'), "INSERT INTO note SELECT $c, g FROM generate_series(1, 2000) AS g", send_sql($c, 'after'), 'COMMIT');
arrive_is($c, join(' ', 'before', 1 .. 2000, 'after'), 'one conversation, two roles');

# Isolation levels

$node->safe_psql('postgres', 'CREATE TABLE account (id int PRIMARY KEY, n int); INSERT INTO account VALUES (1, 0), (2, 0)');
$c = conversation();
run($_, 'BEGIN ISOLATION LEVEL REPEATABLE READ') for $ann, $bob;
run($_, 'SELECT sum(n) FROM account') for $ann, $bob;
run($bob, send_sql($c, 'rr b'));
run($bob, 'COMMIT');
arrive_is($c, 'rr b', 'REPEATABLE READ');
run($ann, send_sql($c, 'rr a')); run($ann, 'COMMIT');
arrive_is($c, 'rr b rr a', 'REPEATABLE READ, after a commit that it doesn\'t see');

$c = conversation();
run($_, 'BEGIN ISOLATION LEVEL SERIALIZABLE') for $ann, $bob;
run($_, 'SELECT sum(n) FROM account') for $ann, $bob;
run($ann, 'UPDATE account SET n = n + 1 WHERE id = 1'); run($bob, 'UPDATE account SET n = n + 1 WHERE id = 2');
run($ann, send_sql($c, 'a')); run($bob, send_sql($c, 'b'));
run($bob, 'COMMIT'); run($ann, 'COMMIT');
arrive_is($c, 'b', 'SERIALIZABLE: the transaction that could not be serialized sends nothing');
like($ann->{err}, qr/could not serialize/, '... which is what it ended with');

$c = conversation();
run($_, 'BEGIN ISOLATION LEVEL SERIALIZABLE') for $ann, $bob;
run($ann, send_sql($c, 'a')); run($bob, send_sql($c, 'b'));
run($ann, 'COMMIT'); $bob->{err} = ''; run($bob, 'COMMIT');
arrive_is($c, 'a b', 'SERIALIZABLE: queueing alone conflicts with nobody');
is($bob->{err}, '', '... nor fails');

# Several recipients

$c = conversation();
conversation() for 1 .. 9;
my %expected;
my @sql;
srand(42);
for my $i (1 .. 600)
{
	my @users = grep { rand() < 0.4 } $c .. $c + 9;
	@users = ($c + int rand 10) if rand() < 0.5 || !@users;
	push @{ $expected{$_} }, $i for @users;
	push @sql, @users > 1
	  ? "SELECT FROM rtm_send_messages_async(51, 1, ARRAY[" . join(', ', @users) . "], '$i')"
	  : send_sql($users[0], $i);
}
for my $i (0 .. $#sql)
{
	# transactions of 25, and single ones
	run($ann, join ";\n", 'BEGIN', @sql[ $i .. $i + 24 ], 'COMMIT') if $i % 50 == 0;
	run($i % 7 ? $ann : $bob, $sql[$i]) if $i % 50 >= 25;
}
all_delivered();
@wrong = grep { arrived($_) ne join(' ', @{ $expected{$_} }) } $c .. $c + 9;
is("@wrong", '', 'messages to several recipients and to one keep their order for each of them');

# Other kinds of conversations

$c = conversation();
run($ann, join ";\n", 'BEGIN', map { ("SELECT FROM rtm_send_group_message_async(51, 1, $c, 'g$_')", "SELECT FROM rtm_send_room_message_async(51, 1, $c, 'r$_')",
	"SELECT FROM rtm_broadcast_message_async(51, 1, 'b$_')") } 1 .. 100);
run($ann, 'COMMIT');
all_delivered();
is($node->safe_psql('postgres', "SELECT type, string_agg(convert_from(msg, 'UTF8'), ' ' ORDER BY id) FROM rtm_gate.message WHERE type > 1 GROUP BY type ORDER BY type"),
	join("\n", '2|' . join(' ', map { "g$_" } 1 .. 100), '3|' . join(' ', map { "r$_" } 1 .. 100), '4|' . join(' ', map { "b$_" } 1 .. 100)),
	'groups, rooms and the broadcast channel');

# One conversation that is hot

$node->safe_psql('postgres', q(
	BEGIN;
	SELECT count(rtm_send_message_async(51, 1, 2, g::text)) FROM generate_series(1, 25000) AS g;
	SELECT count(rtm_send_message_async(51, 1, 100000 + g, 'one')) FROM generate_series(1, 1000) AS g;
	SELECT count(rtm_send_message_async(51, 1, 2, g::text)) FROM generate_series(25001, 50000) AS g;
	COMMIT));
$node->safe_psql('postgres', send_sql(2, '50001'));
# the others don't wait for it
$node->poll_query_until('postgres', q(SELECT count(*) = 1000 FROM rtm_gate.message WHERE to_uid > 100000)) or die "held up\n";
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox'), '>', 0, 'the hot conversation is not through when all others are');
all_delivered();
is($node->safe_psql('postgres', q(
	SELECT count(*), count(*) FILTER (WHERE n <> row), min(n), max(n)
	FROM (SELECT convert_from(msg, 'UTF8')::int AS n, row_number() OVER (ORDER BY id) AS row
		FROM rtm_gate.message WHERE to_uid = 2) AS m)), '50001|0|1|50001', '50,000 messages to one: all, and in order');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT to_uid) FROM rtm_gate.message WHERE to_uid > 100000'), '1000|1000', '... and one for each of the others');
is($node->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, 'nothing failed');
quit($_) for $ann, $bob;
$node->stop;

done_testing();
