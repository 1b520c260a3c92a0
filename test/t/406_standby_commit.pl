# With a synchronous standby a message leaves when that has its row, in whatever way a
# COMMIT that waits for it ends: so nothing is sent that a promotion loses.
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
my $stopped = 0;    # the standby's walreceiver

# It ends with what stopped it; else a test that failed would wait for it.
END { local $?; kill 'CONT', $stopped if $stopped }

my $one = new_node('one', init => { allows_streaming => 1 }, conf => "
	wal_keep_size = '256MB'
	wal_sender_timeout = '8s'
	restart_after_crash = on
	rtm.retry_delay = '20ms'
	rtm.max_retry_delay = '100ms'
");
$one->safe_psql('postgres', q(
	CREATE EXTENSION rtm;
	CREATE TABLE made (what text);
	CREATE FUNCTION make(what text, callback regproc DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
		'INSERT INTO made VALUES (what); SELECT rtm_send_group_message_async(51, 1, hashtext(what) & 65535, what, callback => $2::rtm_callback)';
	CREATE FUNCTION answers(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ SELECT pg_advisory_xact_lock(1); SELECT make('callback 1') $$;));
server_for($one, 'rtm', $gate->endpoint);
$one->backup('base');
my $two = PostgreSQL::Test::Cluster->new('two');
$two->init_from_backup($one, 'base', has_streaming => 1);
$two->append_conf('postgresql.conf', "wal_retrieve_retry_interval = '100ms'\nsynchronous_standby_names = ''\n");
$two->start;
$one->append_conf('postgresql.conf', "synchronous_standby_names = 'two'\n");
$one->reload;

sub made { my ($what) = @_; return "SELECT make('$what')" }
sub until_one { my ($what, $sql) = @_; wait_until($what, sub { ($one->psql('postgres', "SELECT ($sql)::int"))[1] eq '1' }) }
sub delivered { my ($node, $what) = @_; ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), "$what: delivered") }
sub came { my ($name) = @_; return scalar(() = $gate->came($name)) }

sub stop_standby
{
	until_one('a synchronous standby', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
	$stopped = $two->safe_psql('postgres', 'SELECT pid FROM pg_stat_wal_receiver');
	kill 'STOP', $stopped;
}

sub go_on_standby { kill 'CONT', $stopped; $stopped = 0 }

# A COMMIT that waits for the standby, and the process of it.
sub waiting_commit
{
	my ($name) = @_;
	my $s = begin_session($one, { name => $name }, made($name));
	until_one("$name waits", "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'SyncRep'");
	$s->{pid} = $one->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = '$name'");
	return $s;
}

# The sender has read what nobody confirms, and says what it waits for.
sub is_held
{
	my ($name, $what) = @_;
	until_one("$what: the sender waits", "SELECT sender = 'waiting' AND queued > 0 FROM rtm_stat_outbox");
	is(came($name), 0, "$what: the message waits for the standby");
}

# While there is a standby

$one->safe_psql('postgres', made("healthy $_")) for 1 .. 20;
delivered($one, 'a standby that answers');
is_deeply([ sort { $a <=> $b } $gate->kept('healthy') ], [ 1 .. 20 ], '... each message once');

# Each way in which a COMMIT that waits for the standby can end

my %ways = (
	cancel => sub { $one->safe_psql('postgres', "SELECT pg_cancel_backend($_[0])") },
	terminate => sub { $one->safe_psql('postgres', "SELECT pg_terminate_backend($_[0])") },
	crash => sub { kill 'KILL', $_[0] },
	immediate => sub { $one->stop('immediate'); $one->start },
	fast => sub { $one->stop('fast'); $one->start },
);
for my $way (sort keys %ways)
{
	stop_standby();
	my $s = waiting_commit("$way 1");
	$ways{$way}->($s->{pid});
	is_held($way, $way);
	is($one->safe_psql('postgres', "SELECT count(*) FROM made WHERE what = '$way 1'"), 1, "$way: the row is there");
	end_session($s);
	go_on_standby();
	delivered($one, $way);
	is_deeply([ $gate->kept($way) ], [1], "$way: once, when the standby has it");
}

# What was confirmed before leaves while the standby is away; what is no more asked to be confirmed, too

sub set { my ($line) = @_; $one->append_conf('postgresql.conf', "$line\n"); $one->reload }
sub paused { $one->poll_query_until('postgres', "SELECT sender = 'paused' FROM rtm_stat_outbox") or die 'not paused' }

server_for($one, 'later', '127.0.0.1:9');
$one->safe_psql('postgres', "INSERT INTO made VALUES ('before 1'); SELECT rtm_send_group_message_async(51, 1, 2, 'before 1', server => 'later')");
until_one('it was tried', 'SELECT bool_and(attempts > 0) FROM rtm_outbox');
stop_standby();
my $after = waiting_commit('after 1');
$ways{cancel}->($after->{pid});
end_session($after);
is_held('after', 'a standby that is away');
$one->safe_psql('postgres', "SET synchronous_commit = local; ALTER SERVER later OPTIONS (SET endpoint '@{[ $gate->endpoint ]}')");
wait_until('what the standby had confirmed leaves', sub { came('before') });
is(came('after'), 0, '... while the other one waits');
like($one->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE backend_type = 'rtm sender'"),
	qr/waiting for a synchronous standby/, '... pg_stat_activity says what for');
ok($one->safe_psql('postgres', "SELECT sender_since > now() - interval '10 minutes' AND sender_since < now() FROM rtm_stat_outbox"), '... since when is said');
set("synchronous_standby_names = ''");
delivered($one, 'no synchronous standby any more');
is(came('after'), 1, '... it leaves');
set("synchronous_standby_names = 'two'");
go_on_standby();

$one->safe_psql('postgres', 'DROP SERVER later CASCADE');

# All at once, and a promotion: a COMMIT, a callback that queues, the mark of a call

my $lock = $one->background_psql('postgres', on_error_stop => 1);
$lock->query_safe('SELECT pg_advisory_lock(1)');
$one->safe_psql('postgres', "SELECT make('calls 1', 'answers')");
until_one('the callback waits for the lock', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'rtm callbacks' AND wait_event = 'advisory'");
set('rtm.pause = on');
paused();
$one->safe_psql('postgres', q(SELECT rtm_call_async('work', '{"job": 1}')));
until_one('the call is confirmed', "SELECT flush_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication");
stop_standby();
set('rtm.pause = off');
$lock->query_safe('SELECT pg_advisory_unlock(1)');
$lock->quit;
my $waiting = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm callbacks' AND wait_event = 'SyncRep'";
until_one('the callback waits for the standby', "SELECT count(*) = 1 FROM ($waiting)_");
$one->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM ($waiting)_");
my $commit = waiting_commit('promoted 1');
$ways{cancel}->($commit->{pid});
end_session($commit);
is_held('promoted', 'promotion');
until_one('the mark is written', "SELECT count(*) = 1 FROM rtm_outbox WHERE method = 'work' AND attempts = 1 AND next_attempt IS NULL");
is(came('callback'), 0, 'what a callback queued waits for the standby');

sub worked { return scalar grep { $_->{method} eq 'work' } $gate->events('quest') }
is(worked(), 0, 'a call waits until the standby has its mark');
$one->stop('immediate');
kill 'TERM', $stopped;
go_on_standby();
$two->promote;
delivered($two, 'promoted');
is(came('promoted'), 0, 'what the new primary does not have was not sent');
is($two->safe_psql('postgres', "SELECT count(*) FROM made WHERE what = 'promoted 1'"), 0, '... and it does not have it');
ok($two->poll_query_until('postgres', "SELECT count(*) = 1 FROM made WHERE what = 'callback 1'"), 'the callback runs there');
delivered($two, 'what the callback queued');
is_deeply([ $gate->kept('callback') ], [1], '... once');
is(worked(), 1, 'the call was carried out once');
is($two->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, '... and did not fail');

# The former primary comes back, alone

$one->start;
is_held('promoted', 'a primary without its standby');
is_deeply([ $gate->kept('callback') ], [1], '... it sends nothing of a callback');
is(worked(), 1, '... and calls nothing');
isnt($one->safe_psql('postgres', 'SELECT timeline, instance FROM rtm_stat_outbox'),
	$two->safe_psql('postgres', 'SELECT timeline, instance FROM rtm_stat_outbox'), 'that two send, the view tells');
$one->stop('immediate');
$two->safe_psql('postgres', made('last 1'));
delivered($two, 'the new primary');
my %had = map { $_ => 1 } split /\n/, $two->safe_psql('postgres', 'SELECT what FROM made');
my @kept = map { $_->{msg} } $gate->events('kept');
is_deeply([ grep { !$had{$_} } @kept ], [], 'no message is of a row that was lost');
is_deeply([ sort @kept ], [ sort keys %had ], 'each row has its message, once');
done_testing();
