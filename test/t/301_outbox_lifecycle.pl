# The outbox's workers: that they come, go and stay away as the server, its
# databases and the extension do, and that none of it loses a message.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Fcntl qw(:flock);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep);

# A gate that keeps every mid once, and as long as its file "hold" is there
# answers nothing: what it has kept then is kept without the client knowing.
my $keeps = "$ENV{TESTDIR}/keeps";
make_path($keeps);

sub keep
{
	my ($self, $quest) = @_;
	my $p = $quest->{params};
	my $place = "$keeps/$self->{place}";
	my $new;

	open(my $lock, '>', "$place/lock") or die "$place/lock: $!";
	flock($lock, LOCK_EX) or die "flock: $!";
	if (!-e "$place/$p->{mid}")
	{
		open(my $mid, '>', "$place/$p->{mid}") or die "$place/$p->{mid}: $!";
		close $mid;
		$self->note('kept', mid => "$p->{mid}", to => "$p->{to}", msg => ref $p->{msg} ? ${ $p->{msg} } : $p->{msg});
		$new = 1;
	}
	close $lock;
	sleep 0.01 while -e "$place/hold";
	return $self->error($quest, 200053, 'duplicated mid') unless $new;
	return $self->good($quest);
}

my $gates = 0;

sub start_gate
{
	my $place = 'gate' . ++$gates;
	make_path("$keeps/$place");
	return FakeGate->start(pid => $pid, secret => $secret, place => $place, on => { sendmsg => \&keep });
}

sub hold
{
	my ($gate) = @_;
	open(my $file, '>', "$keeps/$gate->{place}/hold") or die "hold: $!";
	close $file;
}

sub release { my ($gate) = @_; unlink "$keeps/$gate->{place}/hold" or die "release: $!" }

# $n messages in one transaction, numbered, to four users.
sub enqueue
{
	my ($node, $db, $name, $n, $from) = @_;
	$from ||= 1;
	return $node->safe_psql($db, "SELECT count(rtm_send_message_async(51, 1, 100 + g % 4, '$name ' || g))
		FROM generate_series($from, $from + $n - 1) AS g");
}

sub delivered
{
	my ($node, $db) = @_;
	$node->poll_query_until($db, 'SELECT count(*) = 0 FROM rtm_outbox') or die "the outbox of $db isn't emptied\n";
}

# The gate has the messages 1 to $n of that name once each, in order for each
# recipient.
sub once_and_in_order
{
	my ($gate, $name, $n, $what) = @_;
	my (%seen, %last);
	my $disorder = 0;
	for my $event ($gate->events('kept'))
	{
		next unless $event->{msg} =~ /^\Q$name\E (\d+)$/;
		$seen{$1}++;
		$disorder++ if exists $last{ $event->{to} } && $last{ $event->{to} } > $1;
		$last{ $event->{to} } = $1;
	}
	is(scalar(grep { ($seen{$_} || 0) != 1 } 1 .. $n), 0, "$what: each message once");
	is(scalar(keys %seen), $n, "$what: no other messages");
	is($disorder, 0, "$what: in order");
}

my $sender_sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = ";

sub sender { my ($node, $db) = @_; return $node->safe_psql('postgres', "$sender_sql '$db'") }

sub sender_comes
{
	my ($node, $db, $not) = @_;
	my $pid = '';
	wait_until("a sender in $db", sub { $pid = sender($node, $db); $pid =~ /^\d+$/ && $pid ne ($not || '') });
	return $pid;
}

sub sender_goes { my ($node, $db) = @_; return wait_until("no sender in $db", sub { sender($node, $db) eq '' }) }

# A database with the extension and a server that is the gate.
sub make_db
{
	my ($node, $db, $endpoint) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db") unless $db eq 'postgres';
	$node->safe_psql($db, 'CREATE EXTENSION rtm');
	server_for($node, 'rtm', $endpoint, db => $db);
}

# The gate has one message of them and is silent.
sub busy
{
	my ($node, $db, $gate, $name, $n) = @_;
	my $before = $gate->events('kept');
	hold($gate);
	enqueue($node, $db, $name, $n);
	$gate->wait_for('kept', $before + 1);
}

my $id;
my $nowhere = '127.0.0.1:' . free_port();
my $gate = start_gate();

# Without preload

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
make_db($plain, 'postgres', $gate->endpoint);
my @r = session($plain, "SELECT mtime > 0 FROM rtm_send_message(51, 1, 2, 'plain 1')",
	"SELECT rtm_send_message_async(51, 1, 2, 'never')", "SELECT rtm_call_async('ping')",
	'SELECT rtm_retry(1)', 'SELECT count(*) FROM rtm_outbox', 'SELECT count(*) FROM rtm_result',
	'SELECT count(*) FROM rtm_stat_worker', 'SELECT server, sent FROM rtm_stat_server',
	'DROP EXTENSION rtm CASCADE', 'CREATE EXTENSION rtm');
is($r[0]{out}, 't', 'without preload: the synchronous function works') or diag($r[0]{message});
state_is($r[1], '55000', qr/HINT:.*shared_preload_libraries/, 'without preload: a send is not queued');
state_is($r[2], '55000', qr/HINT:.*shared_preload_libraries/, 'without preload: a call is not queued');
state_is($r[3], '55000', undef, 'without preload: rtm_retry');
is($r[$_]{out}, '0', "without preload: an empty view ($_)") for 4 .. 6;
is($r[7]{out}, 'rtm|0', 'without preload: the view of servers');
is($r[$_]{state}, '00000', "without preload: the extension goes and comes ($_)") or diag($r[$_]{message}) for 8, 9;
$plain->stop;

# A cluster with many databases

my $node = new_node('life', conf => <<'CONF');
max_worker_processes = 20
restart_after_crash = on
rtm.retry_delay = '20ms'
rtm.max_retry_delay = '100ms'
rtm.max_attempts = 1000000
CONF

# Started without configuration, in every database

make_db($node, $_, $gate->endpoint) for 'postgres', 'one', 'two', 'three';
sender_comes($node, $_) for 'postgres', 'one', 'two', 'three';
is($node->safe_psql('postgres', q(
	SELECT string_agg(database || ' ' || (pid IS NOT NULL) || ' ' || state, ',' ORDER BY database)
	FROM rtm_stat_worker WHERE worker = 'rtm sender')),
	'one true running,postgres true running,three true running,two true running', 'a sender in every database that has the extension');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm launcher'"), 1, 'one launcher');
enqueue($node, $_, "all-$_", 20) for 'postgres', 'one', 'two', 'three';
for my $db ('postgres', 'one', 'two', 'three')
{
	delivered($node, $db);
	once_and_in_order($gate, "all-$db", 20, "the sender of $db");
}
$node->safe_psql('postgres', 'CREATE DATABASE without');
is(sender($node, 'without'), '', 'no sender in a database without the extension');

# CREATE and DROP EXTENSION


$node->safe_psql('without', 'BEGIN; CREATE EXTENSION rtm; ROLLBACK');
$node->safe_psql('without', 'CREATE SCHEMA s; CREATE EXTENSION rtm SCHEMA s');
sender_comes($node, 'without');
$node->safe_psql('without', 'DROP SCHEMA s CASCADE');
ok(sender_goes($node, 'without'), 'DROP SCHEMA of the extension: the sender goes');

busy($node, 'one', $gate, 'rolled', 50);
@r = session($node, { db => 'one' }, 'BEGIN', 'DROP EXTENSION rtm CASCADE', 'ROLLBACK');
is($r[1]{state}, '00000', 'DROP EXTENSION in a transaction, while busy') or diag($r[1]{message});
release($gate);
delivered($node, 'one');
once_and_in_order($gate, 'rolled', 50, 'DROP EXTENSION rolled back');

# nothing but the sender could make these wait, and with these gates it would for good
my $limits = "SET lock_timeout = '60s'; SET statement_timeout = '120s'";
busy($node, 'one', $gate, 'dropped', 200);
@r = session($node, { db => 'one' }, $limits, 'DROP EXTENSION rtm CASCADE');
is($r[1]{state}, '00000', 'DROP EXTENSION with quests under way at a silent gate') or diag($r[1]{message});
ok(sender_goes($node, 'one'), '... and the sender goes');
release($gate);

make_db($node, 'down', $nowhere);
enqueue($node, 'down', 'down', 200);
wait_until('the sender tried', sub { $node->safe_psql('down', 'SELECT count(*) FROM rtm_outbox WHERE attempts > 1') });
@r = session($node, { db => 'down' }, $limits, 'DROP EXTENSION rtm CASCADE');
is($r[1]{state}, '00000', 'DROP EXTENSION with a backlog for a gate that is down') or diag($r[1]{message});
ok(sender_goes($node, 'down'), '... and the sender goes');

$node->safe_psql($_, 'CREATE EXTENSION rtm') for 'one', 'down';
for my $db ('one', 'down')
{
	server_for($node, 'rtm', $gate->endpoint, db => $db);
	sender_comes($node, $db);
	is($node->safe_psql($db, 'SELECT count(*) FROM rtm_outbox'), 0, "CREATE EXTENSION again ($db): an empty outbox");
	enqueue($node, $db, "again-$db", 20);
	delivered($node, $db);
	once_and_in_order($gate, "again-$db", 20, "CREATE EXTENSION again ($db)");
}

# a sender that has nothing to do is told
for my $round (1 .. 20)
{
	$node->safe_psql('without', 'CREATE EXTENSION rtm');
	sender_comes($node, 'without');
	$node->safe_psql('without', 'DROP EXTENSION rtm');
	sender_goes($node, 'without');
}
pass('DROP EXTENSION, 20 times: the idle sender goes');

# with a stream of requests meanwhile
for my $round (1 .. 5)
{
	enqueue($node, 'two', "round-$round", 500);
	@r = session($node, { db => 'two' }, $limits, 'DROP EXTENSION rtm CASCADE', 'CREATE EXTENSION rtm');
	is("$r[1]{state} $r[2]{state}", '00000 00000', "DROP and CREATE EXTENSION, the gate answering ($round)")
	  or diag($r[1]{message} . $r[2]{message});
	server_for($node, 'rtm', $gate->endpoint, db => 'two');
}
enqueue($node, 'two', 'rounds', 20);
delivered($node, 'two');
once_and_in_order($gate, 'rounds', 20, 'after DROP and CREATE EXTENSION');

# DROP DATABASE

busy($node, 'one', $gate, 'refused', 20);
my $open = begin_session($node, { db => 'one', name => 'in the way' }, 'SELECT pg_sleep(600)');
wait_until('a session in the way', sub {
	$node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'in the way' AND state = 'active'") });
@r = session($node, 'DROP DATABASE one');
state_is($r[0], '55006', qr/being accessed/, 'DROP DATABASE with a session in it');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'in the way'");
end_session($open);
release($gate);
delivered($node, 'one');
once_and_in_order($gate, 'refused', 20, 'DROP DATABASE refused');

$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
my $before = sender($node, 'one');
state_is(one($node, { user => 'nobody' }, 'DROP DATABASE one'), '42501', undef, 'DROP DATABASE by another role');
is(sender($node, 'one'), $before, '... disturbs no sender');

busy($node, 'one', $gate, 'gone', 200);
state_is(one($node, 'DROP DATABASE one'), '00000', undef, 'DROP DATABASE with quests under way at a silent gate');
release($gate);

$node->safe_psql('down', "ALTER SERVER rtm OPTIONS (SET endpoint '$nowhere')");
enqueue($node, 'down', 'down', 200);
state_is(one($node, 'DROP DATABASE down'), '00000', undef, 'DROP DATABASE with a backlog for a gate that is down');

enqueue($node, 'two', 'stream', 2000);
state_is(one($node, 'DROP DATABASE two'), '00000', undef, 'DROP DATABASE while the gate answers');

$node->safe_psql('postgres', 'CREATE DATABASE local');
$node->safe_psql('local', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('local', 'SELECT rtm_gate_setup()');
enqueue($node, 'local', 'local', 2000);
state_is(one($node, 'DROP DATABASE local'), '00000', undef, 'DROP DATABASE with the local gate in it');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_stat_worker WHERE database IS NULL'),
	'no worker of a database that is gone');

$node->safe_psql('postgres', 'CREATE DATABASE local');
$node->safe_psql('local', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('local', 'SELECT rtm_gate_setup()');
enqueue($node, 'local', 'local', 100);
delivered($node, 'local');
is($node->safe_psql('local', 'SELECT count(*) FROM rtm_gate.message'), 100, 'a database of the same name');

# ALTER DATABASE RENAME

busy($node, 'three', $gate, 'renamed', 100);
state_is(one($node, 'ALTER DATABASE three RENAME TO drei'), '00000', undef, 'ALTER DATABASE RENAME while busy');
release($gate);
sender_comes($node, 'drei');
delivered($node, 'drei');
once_and_in_order($gate, 'renamed', 100, 'renamed');
enqueue($node, 'local', 'local', 100, 101);
state_is(one($node, 'ALTER DATABASE local RENAME TO lokal'), '00000', undef, 'ALTER DATABASE RENAME with the local gate in it');
$node->safe_psql('lokal', 'SELECT rtm_gate_start()');
delivered($node, 'lokal');
is($node->safe_psql('lokal', 'SELECT count(*), count(DISTINCT msg) FROM rtm_gate.message'), '200|200', '... delivered when the gate is back');
$node->safe_psql('postgres', 'DROP DATABASE lokal');

# Copies and templates

enqueue($node, 'drei', 'original', 10);
delivered($node, 'drei');
state_is(one($node, 'CREATE DATABASE copy TEMPLATE drei'), '00000', undef, 'CREATE DATABASE from one with a sender');
sender_comes($node, 'drei');
enqueue($node, 'drei', 'original', 10, 11);
enqueue($node, 'copy', 'copy', 20);
delivered($node, $_) for 'drei', 'copy';
once_and_in_order($gate, 'original', 20, 'the original');
once_and_in_order($gate, 'copy', 20, 'the copy');

busy($node, 'drei', $gate, 'twice', 20);
state_is(one($node, 'CREATE DATABASE copy2 TEMPLATE drei'), '00000', undef, 'CREATE DATABASE from one that is busy');
release($gate);
delivered($node, 'drei');
$id = $node->safe_psql('copy2', "SELECT rtm_send_message_async(51, 1, 2, 'copy2 1')");
is($node->safe_psql('copy2', "SELECT rtm_wait($id, 60)"), 'done', 'a copy sends what it queues itself');
is($node->safe_psql('copy2', 'SELECT count(*) FROM rtm_outbox WHERE held'), 20, '... and holds the backlog that it has');
once_and_in_order($gate, 'twice', 20, 'the backlog of a database that was copied');
is($node->safe_psql('copy2', 'SELECT rtm_adopt_held()'), 20, 'the copy adopts it');
delivered($node, 'copy2');
once_and_in_order($gate, 'twice', 20, '... which has the same mids');

state_is(one($node, 'ALTER DATABASE copy IS_TEMPLATE true'), '00000', undef, 'a database becomes a template');
sender_goes($node, 'copy');
enqueue($node, 'copy', 'template', 10);
is($node->safe_psql('copy', 'SELECT count(*) FROM rtm_outbox'), 10, 'nothing is sent from a template');
state_is(one($node, 'CREATE DATABASE copy3 TEMPLATE copy'), '00000', undef, 'nobody is in the template');
$node->safe_psql('postgres', 'CREATE DATABASE copy4 TEMPLATE copy3');
$node->restart;
sender_comes($node, $_) for 'postgres', 'drei', 'copy2', 'copy3', 'copy4';
is(sender($node, 'copy'), '', 'no sender in a template when the server has started');
is($node->safe_psql('postgres', "SELECT count(*) FROM rtm_stat_worker WHERE state = 'holding'"), 2, 'the copies of the template hold its backlog');
is(scalar(grep { $_->{msg} eq 'template 1' } $gate->events('kept')), 0, '... and send nothing of it');
state_is(one($node, 'ALTER DATABASE copy IS_TEMPLATE false'), '00000', undef, 'a template no more');
enqueue($node, 'copy', 'template', 1, 11);
delivered($node, 'copy');
once_and_in_order($gate, 'template', 11, 'a template no more');
$node->safe_psql('postgres', "DROP DATABASE $_") for 'copy', 'copy2', 'copy3', 'copy4';

# pg_dump

busy($node, 'drei', $gate, 'dumped', 20);
$node->command_ok([ 'pg_dump', '-f', "$ENV{TESTDIR}/dump.sql", $node->connstr('drei') ], 'pg_dump with a backlog');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-Xqv', 'ON_ERROR_STOP=1', '-f', "$ENV{TESTDIR}/dump.sql", $node->connstr('restored') ], 'its restore');
is($node->safe_psql('restored', 'SELECT count(*) FROM rtm_internal.rtm_request'), 0, 'an empty outbox');
unlike(slurp_file("$ENV{TESTDIR}/dump.sql"), qr/dumped 1/, 'the dump has no messages');
release($gate);
sender_comes($node, 'restored');
enqueue($node, 'restored', 'restored', 10);
delivered($node, $_) for 'drei', 'restored';
once_and_in_order($gate, 'dumped', 20, 'the dumped database');
once_and_in_order($gate, 'restored', 10, 'the restored one');
$node->safe_psql('postgres', 'DROP DATABASE restored');

# Stops and crashes

for my $mode ('fast', 'immediate', 'smart')
{
	busy($node, 'drei', $gate, "stop-$mode", 100);
	ok(eval { $node->stop($mode); 1 }, "$mode shutdown with a backlog");
	$node->start;
	release($gate);
	delivered($node, 'drei');
	once_and_in_order($gate, "stop-$mode", 100, "$mode shutdown with a backlog");
	sender_comes($node, 'postgres');
	my $log_from = -s $node->logfile;
	ok(eval { $node->stop($mode); 1 }, "$mode shutdown, idle");
	unlike(slurp_file($node->logfile, $log_from), qr/PANIC|FATAL:(?!  terminating)|was terminated by signal/, '... without complaints')
	  unless $mode eq 'immediate';
	$node->start;
}

# while the gate answers: some of what it has is not written down yet
for my $round (1 .. 3)
{
	my $kept = $gate->events('kept');
	enqueue($node, 'drei', "crash-$round", 300);
	$gate->wait_for('kept', $kept + 20 * $round);
	$node->stop('immediate');
	$node->start;
	delivered($node, 'drei');
	once_and_in_order($gate, "crash-$round", 300, "immediate shutdown while sending ($round)");
}

for my $how ('silent', 'answering')
{
	my $kept = $gate->events('kept');
	hold($gate) if $how eq 'silent';
	my $victim = sender_comes($node, 'drei');
	enqueue($node, 'drei', "kill-$how", 300);
	$gate->wait_for('kept', $kept + ($how eq 'silent' ? 1 : 20));
	is(kill('KILL', $victim), 1, "kill -9 of the sender ($how gate)");
	wait_until('the crash', sub { !kill(0, $victim) });
	$node->poll_query_until('postgres', "SELECT pg_postmaster_start_time() IS NOT NULL AND NOT pg_is_in_recovery()");
	release($gate) if $how eq 'silent';
	isnt(sender_comes($node, 'drei', $victim), $victim, '... and there is another one');
	delivered($node, 'drei');
	once_and_in_order($gate, "kill-$how", 300, "kill -9 of the sender ($how gate)");
}

# pg_terminate_backend

for my $how ('idle', 'silent', 'answering')
{
	my $kept = $gate->events('kept');
	my $victim = sender_comes($node, 'drei');
	hold($gate) if $how eq 'silent';
	if ($how ne 'idle')
	{
		enqueue($node, 'drei', "terminate-$how", 300);
		$gate->wait_for('kept', $kept + ($how eq 'silent' ? 1 : 20));
	}
	is($node->safe_psql('postgres', "SELECT pg_terminate_backend($victim)"), 't', "pg_terminate_backend of the sender ($how)");
	isnt(sender_comes($node, 'drei', $victim), $victim, '... and it comes back');
	enqueue($node, 'drei', "terminate-$how", 300) if $how eq 'idle';
	release($gate) if $how eq 'silent';
	delivered($node, 'drei');
	once_and_in_order($gate, "terminate-$how", 300, "pg_terminate_backend of the sender ($how)");
}
my $launcher = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm launcher'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'rtm launcher' AND pid <> $launcher");
make_db($node, 'late', $gate->endpoint);
enqueue($node, 'late', 'late', 10);
delivered($node, 'late');
once_and_in_order($gate, 'late', 10, 'the launcher was terminated: another one starts senders');

# Settings

sub set_conf
{
	my ($setting, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $setting = $value");
	$node->reload;
}

$before = sender($node, 'drei');
$id = $node->safe_psql('drei', "SELECT rtm_send_message_async(51, 1, 2, 'no trace')");
is($node->safe_psql('drei', "SELECT rtm_wait($id, 60)"), 'done', 'a request is through');
is($node->safe_psql('drei', 'SELECT count(*) FROM rtm_result'), 0, '... and leaves no result');
set_conf('rtm.keep_results', 'on');
wait_until('kept results', sub {
	$id = $node->safe_psql('drei', "SELECT rtm_send_message_async(51, 1, 2, 'traces')");
	$node->safe_psql('drei', "SELECT rtm_wait($id, 60)");
	return $node->safe_psql('drei', "SELECT count(*) FROM rtm_result WHERE id = $id AND status = 'done'");
});
pass('rtm.keep_results: on by a reload');
set_conf('rtm.keep_results', 'off');
wait_until('no kept results', sub {
	$id = $node->safe_psql('drei', "SELECT rtm_send_message_async(51, 1, 2, 'no traces')");
	$node->safe_psql('drei', "SELECT rtm_wait($id, 60)");
	return !$node->safe_psql('drei', "SELECT count(*) FROM rtm_result WHERE id = $id");
});
pass('rtm.keep_results: off by a reload');
set_conf('rtm.result_ttl', 0);
$node->poll_query_until('drei', 'SELECT count(*) = 0 FROM rtm_result') or die 'results stay';
pass('rtm.result_ttl: by a reload');
$node->safe_psql('drei', "ALTER SERVER rtm OPTIONS (SET endpoint '$nowhere')");
$id = $node->safe_psql('drei', "SELECT rtm_send_message_async(51, 1, 2, 'in vain')");
$node->poll_query_until('drei', "SELECT attempts > 2 FROM rtm_outbox WHERE id = $id") or die 'no attempts';
set_conf('rtm.max_attempts', 1);
is($node->safe_psql('drei', "SELECT rtm_wait($id, 120)"), 'failed', 'rtm.max_attempts: by a reload');
is(sender($node, 'drei'), $before, 'the same sender all the time');
$node->safe_psql('drei', "ALTER SERVER rtm OPTIONS (SET endpoint '" . $gate->endpoint . "')");

# Who may not

$node->safe_psql('drei', q(
	CREATE SERVER private FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1');
	CREATE SERVER unmapped FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1');
	GRANT USAGE ON FOREIGN SERVER unmapped TO nobody));
@r = session($node, { db => 'drei', user => 'nobody' }, 'BEGIN READ ONLY', "SELECT rtm_send_message_async(51, 1, 2, 'x')", 'ROLLBACK',
	"SELECT rtm_send_message_async(51, 1, 2, 'x', server => 'private')",
	"SELECT rtm_send_message_async(51, 1, 2, 'x', server => 'unmapped')",
	"SELECT rtm_send_message_async(51, 1, 2, 'x', server => 'missing')",
	"SELECT rtm_call_async('ping')", 'SELECT count(*) FROM rtm_outbox', 'SELECT count(*) FROM rtm_internal.rtm_request');
state_is($r[1], '25006', qr/read-only/, 'in a read-only transaction');
state_is($r[3], '42501', qr/private/, 'without USAGE on the server');
state_is($r[4], '42704', qr/mapping/, 'without a user mapping');
state_is($r[5], '42704', qr/missing/, 'a server that there is none of');
state_is($r[6], '42501', qr/rtm_call_async/, 'rtm_call_async is for those it is granted to');
is($r[7]{out}, 0, 'none of them is queued');
state_is($r[8], '42501', undef, 'the table is closed');
$node->stop;

# A standby

my $primary = new_node('primary', init => { allows_streaming => 1 }, conf => "rtm.max_retry_delay = '100ms'\n");
make_db($primary, 'postgres', $gate->endpoint);
sender_comes($primary, 'postgres');
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
busy($primary, 'postgres', $gate, 'standby', 100);
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox'), 100, 'the backlog is on the standby too');
@r = session($standby, "SELECT rtm_send_message_async(51, 1, 2, 'x')", 'SELECT rtm_retry(1)', 'SELECT rtm_discard(1)');
state_is($r[$_], '25006', undef, "a standby takes no requests ($_)") for 0 .. 2;
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'rtm %'"), 0, 'a standby has no workers');
$primary->stop;
$standby->promote;
sender_comes($standby, 'postgres');
enqueue($standby, 'postgres', 'standby', 100, 101);
release($gate);
delivered($standby, 'postgres');
once_and_in_order($gate, 'standby', 200, 'after the promotion');
$standby->stop;

done_testing();
