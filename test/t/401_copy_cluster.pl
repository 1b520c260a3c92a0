# Copies of a cluster: which of them send what the original had queued, and which
# hold it until a DBA decides.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;

sub enqueue
{
	my ($node, $name, $from, $to) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(rtm_send_message_async(51, 1, 2, '$name ' || g)) FROM generate_series($from, $to) AS g");
}

# What the node queues itself goes out; then its sender has seen all that there is.
my $own = 0;

sub sends_its_own
{
	my ($node, $what) = @_;
	$own++;
	my $id = $node->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 3, 'own $own')");
	is($node->safe_psql('postgres', "SELECT rtm_wait($id, 60)"), 'done', "$what: sends what it queues itself");
	is(scalar(grep { $_ == $own } $gate->kept('own')), 1, "$what: ... once");
}

sub held { my ($node) = @_; return $node->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox WHERE held') }

sub delivered
{
	my ($node, $what) = @_;
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), "$what: the outbox is empty");
}

# The node holds $n requests named so, and says so.
sub holds
{
	my ($node, $name, $n, $what) = @_;
	sends_its_own($node, $what);
	is(held($node), $n, "$what: holds what the original has queued");
	is(scalar($gate->came($name)), 0, "$what: ... and has sent nothing of it");
	is($node->safe_psql('postgres', "SELECT state FROM rtm_stat_worker WHERE worker = 'rtm sender' AND database = 'postgres'"),
		'holding', "$what: rtm_stat_worker says so");
	is($node->safe_psql('postgres', 'SELECT held, sender FROM rtm_stat_outbox'), "$n|holding", "$what: rtm_stat_outbox too");
	is($node->safe_psql('postgres', "SELECT held, queued FROM rtm_stat_server WHERE server = 'rtm'"), "$n|0", "$what: rtm_stat_server too");
	like(slurp_file($node->logfile), qr/LOG:  requests in the outbox of database \d+ are held/, "$what: so does the log");
}

# In order, each once.
sub kept_is
{
	my ($name, $n, $what) = @_;
	is_deeply([ $gate->kept($name) ], [ 1 .. $n ], "$what: each message once, in order");
}

sub set_pause
{
	my ($node, $on) = @_;
	$node->append_conf('postgresql.conf', "rtm.pause = $on\n");
	$node->reload if -f $node->data_dir . '/postmaster.pid';
}

sub copy_of
{
	my ($primary, $backup, $name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, $backup, %opt);
	set_pause($node, 'off');
	$node->start;
	return $node;
}

my $node = new_node('original',
	init => { allows_streaming => 1, has_archiving => 1 },
	conf => "rtm.pause = on\nrtm.retry_delay = '20ms'\nrtm.max_retry_delay = '100ms'\nmax_prepared_transactions = 5\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
my $instance_file = $node->data_dir . '/pg_stat_tmp/rtm.instance';
ok(-f $instance_file, 'the instance has its file');
my $knows_birth = slurp_file($instance_file) !~ /born 0 /;

# rtm.pause: nothing leaves, and nothing is lost

enqueue($node, 'first', 1, 20);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused'") or die;
$node->safe_psql('postgres', q(BEGIN; SELECT rtm_send_message_async(51, 1, 2, 'prepared 1'); PREPARE TRANSACTION 'p'));
is(held($node), 0, 'the original holds nothing');
$node->backup('base');
is($node->safe_psql('postgres', 'SELECT pg_switch_wal() IS NOT NULL'), 't', 'the archive has the last segment');

# A base backup that is started as it is: the same timeline, the same everything

my $copy = copy_of($node, 'base', 'copy');
is($copy->safe_psql('postgres', 'SELECT timeline_id FROM pg_control_checkpoint()'), 1, 'a base backup: the same timeline');
holds($copy, 'first', 20, 'a base backup');
$copy->safe_psql('postgres', "COMMIT PREPARED 'p'");
sends_its_own($copy, 'COMMIT PREPARED in a copy');
is(held($copy), 21, '... what the original had prepared is held');
$copy->restart;
holds($copy, 'first', 21, 'a base backup, started again');
$copy->stop('immediate');
$copy->start;
holds($copy, 'first', 21, 'a base backup, after a crash');
is(scalar($gate->came('prepared')), 0, '... what was prepared too');

my @r = session($copy, 'CREATE ROLE nobody', 'SET ROLE nobody', 'SELECT rtm_adopt_held()', 'SELECT rtm_discard_held()');
state_is($r[$_], '42501', undef, "only for those it is granted to ($_)") for 2, 3;
@r = session($copy, 'BEGIN', 'SELECT rtm_adopt_held()', 'ROLLBACK', 'BEGIN', 'SELECT rtm_discard_held()', 'SELECT count(*) FROM rtm_outbox WHERE held', 'ROLLBACK');
is("$r[1]{out} $r[4]{out} $r[5]{out}", '21 21 0', 'adopting and discarding can be rolled back');
holds($copy, 'first', 21, 'after the rollback');

my $before = $gate->events('refused');
is($copy->safe_psql('postgres', 'SELECT rtm_adopt_held()'), 21, 'the copy adopts what it holds');
delivered($copy, 'adopted');
kept_is('first', 20, 'adopted');
is_deeply([ $gate->kept('prepared') ], [1], '... what was prepared is the last');
ok($copy->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'running'"), 'it holds no more');

# The original goes on; what the copy has sent meanwhile is refused

set_pause($node, 'off');
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
delivered($node, 'the original');
is($node->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, '... and nothing has failed');
kept_is('first', 20, 'the original');
is(scalar($gate->events('refused')) - $before, 21, '... all of it was refused by its mid');
$copy->stop;

# Recovery to a point in time

set_pause($node, 'on');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused'") or die;
$node->safe_psql('postgres', q(
	CREATE TABLE heard (mid bigint);
	CREATE FUNCTION hear(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'INSERT INTO heard VALUES (mid)'));
enqueue($node, 'second', 1, 10);

# one that is through, whose callback has yet to run
set_pause($node, 'off');
my $id = $node->safe_psql('postgres', q(SELECT rtm_send_message_async(51, 1, 9, 'called back', callback => 'hear'::regproc)));
delivered($node, 'before the second backup');
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM heard') or die;
kept_is('second', 10, 'before the second backup');
set_pause($node, 'on');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused' AND worker = 'rtm sender'") or die;
$node->safe_psql('postgres', q(
	INSERT INTO rtm_internal.rtm_finished (id, status, owner, server, conversation, nparams, mid_made, attempts, key_a, key_b,
		enqueued_at, finished_at, timeout, call, method, params, mid, callback, callback_due, origin, owner_name, server_name, callback_name)
	SELECT 4711, 'done', 10, oid, 1, 0, true, 1, 1, 9, now(), now(), 0, 'send_message', 'sendmsg', '', 4711,
		'hear'::regproc, 4711, rtm_outbox_origin(), 10::regrole, srvname, 'public.hear' FROM pg_foreign_server));
enqueue($node, 'third', 1, 10);
$node->backup('late');
my $lsn = $node->safe_psql('postgres', 'SELECT pg_create_restore_point($$here$$)');
enqueue($node, 'fourth', 1, 5);
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
$node->poll_query_until('postgres', "SELECT last_archived_wal >= pg_walfile_name('$lsn') FROM pg_stat_archiver") or die;

my $pitr = PostgreSQL::Test::Cluster->new('pitr');
$pitr->init_from_backup($node, 'late', has_restoring => 1, standby => 0);
$pitr->append_conf('postgresql.conf', "rtm.pause = off\nrecovery_target_name = 'here'\nrecovery_target_action = 'promote'\n");
$pitr->start;
$pitr->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
is($pitr->safe_psql('postgres', 'SELECT timeline_id FROM pg_control_checkpoint()'), 2, 'a recovery to a point in time: its own timeline')
  if $pitr->safe_psql('postgres', 'CHECKPOINT') eq '';
holds($pitr, 'third', 10, 'a recovery to a point in time');
is($pitr->safe_psql('postgres', 'SELECT callbacks, callbacks_held FROM rtm_stat_outbox'), '0|1', '... and the callback that is due');
is($pitr->safe_psql('postgres', 'SELECT count(*) FROM heard'), 1, '... which has not run');
is($pitr->safe_psql('postgres', 'SELECT callback_status, held FROM rtm_result'), 'pending|t', '... and is shown as held');
is($pitr->safe_psql('postgres', 'SELECT rtm_discard_held()'), 11, 'it discards what it holds');
sends_its_own($pitr, 'discarded');
is($pitr->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox'), 0, 'discarded: nothing is left');
is($pitr->safe_psql('postgres', 'SELECT callback_status, callback_error FROM rtm_result'), 'failed|it was held, and discarded', '... the callback did not run');
is(scalar($gate->came('third')), 0, '... nothing was sent');
$pitr->stop;

# the same with the target given to a standby
my $target = PostgreSQL::Test::Cluster->new('target');
$target->init_from_backup($node, 'late', has_restoring => 1, standby => 1);
$target->append_conf('postgresql.conf', "rtm.pause = off\nrecovery_target_name = 'here'\nrecovery_target_action = 'promote'\n");
$target->start;
$target->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
holds($target, 'third', 10, 'a standby with a recovery target');
is($target->safe_psql('postgres', 'SELECT rtm_adopt_held()'), 11, '... adopts it');
delivered($target, '... and');
kept_is('third', 10, '... and');
ok($target->poll_query_until('postgres', 'SELECT count(*) = 2 FROM heard'), '... and the callback runs');
$target->stop;

# A copy of the files of a server that was stopped

enqueue($node, 'fifth', 1, 10);
$node->stop;
SKIP:
{
	skip 'this file system does not say when a file was born', 10 unless $knows_birth;
	my $files = PostgreSQL::Test::Cluster->new('files');
	PostgreSQL::Test::RecursiveCopy::copypath($node->data_dir, $files->data_dir);
	ok(-f $files->data_dir . '/pg_stat_tmp/rtm.instance', 'a copy of the files: the instance file too');
	chmod 0700, $files->data_dir or die "chmod: $!";
	$files->append_conf('postgresql.conf', "rtm.pause = off\narchive_mode = off\nport = " . $files->port . "\nunix_socket_directories = '" . $files->host . "'\n");
	$files->start;
	holds($files, 'fifth', 25, 'a copy of the files');
	like(slurp_file($files->logfile), qr/LOG:  this data directory is a copy of another one/, '... the log says why');
	$files->stop;
}

# The original: started again it sends; so it does after a crash
$node->append_conf('postgresql.conf', "rtm.pause = off\n");
$node->start;
delivered($node, 'started again');
kept_is('fifth', 10, 'started again');
kept_is('fourth', 5, 'started again');
is($node->safe_psql('postgres', "SELECT count(*) FROM rtm_stat_worker WHERE state = 'holding'"), 0, '... it holds nothing');
$node->stop;

# what a snapshot of a volume gives is told from the original by removing the file
$node->append_conf('postgresql.conf', "rtm.pause = on\n");
$node->start;
enqueue($node, 'sixth', 1, 5);
$node->stop;
unlink $instance_file or die "$instance_file: $!";
$node->append_conf('postgresql.conf', "rtm.pause = off\n");
$node->start;
holds($node, 'sixth', 5, 'without its instance file');
$node->stop;

done_testing();
