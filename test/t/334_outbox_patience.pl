# What passes fails nothing: catalogues that somebody has locked, answers that
# took longer than was thought, times that nobody can keep, a log that lies.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

my $node = new_node('patience', conf => q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
));
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE ROLE alice LOGIN');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub outcome { my ($id) = @_; return sql("SELECT rtm_wait($id, 60)") }

my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);
my $other = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'other', $other->endpoint);
is(outcome(sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'ok')))), 'done', 'a message, as all is well');

# a lock on the mappings (VACUUM FULL that waits behind a dump): queued, not failed
{
	sql("ALTER DATABASE postgres SET lock_timeout = '50ms'");
	my $ids = sql(q(SELECT rtm_send_group_message_async(51, 1, 2, 'ok', server => 'other')));
	is(outcome($ids), 'done', 'another server');
	my $lock = begin_session($node, { name => 'locker' }, 'BEGIN', 'LOCK TABLE pg_catalog.pg_user_mapping IN ACCESS EXCLUSIVE MODE', 'SELECT pg_sleep(2)', 'COMMIT');
	wait_until('the lock', sub { sql("SELECT count(*) FROM pg_locks WHERE relation = 'pg_user_mapping'::regclass AND mode = 'AccessExclusiveLock' AND granted") == 1 });
	# roles that come make the lanes look again
	my $alices = one($node, { user => 'alice' }, q(SELECT rtm_send_group_message_async(51, 1, 3, 'ok')))->{out};
	if ($alices)
	{
		is(outcome($alices), 'done', 'queued while the mappings are locked: delivered afterwards');
	}
	else { pass('queueing waits for the lock itself') }
	end_session($lock);
	is(outcome(sql(q(SELECT rtm_send_group_message_async(51, 1, 3, 'ok')))), 'done', '... and what comes later');
	is(sql('SELECT count(*) FROM rtm_result'), 0, '... nothing failed');
	sql('ALTER DATABASE postgres RESET lock_timeout');
}

# a time-out that nobody can keep poisons nothing
{
	$gate->forget;
	my $id = sql(q(SELECT rtm_send_group_message_async(51, 1, 4, 'slow 0.2', timeout => 0.000001)));
	my $behind = sql(q(SELECT rtm_send_group_message_async(51, 1, 4, 'ok')));
	is(outcome($id), 'done', 'a time-out shorter than the way: delivered');
	is(outcome($behind), 'done', '... and what is behind it');
	is(scalar(grep { $_->{params}{gid} == 4 } $gate->events('quest')), 2, '... asked once');
	is(sql("SELECT unreachable_since IS NULL FROM rtm_stat_server WHERE server = 'rtm'"), 't', '... nobody says that the gate cannot be reached');
}

# an answer that comes after its time is one all the same
{
	$gate->forget;
	my $id = sql(q(SELECT rtm_send_group_message_async(51, 1, 5, 'first 1 slow 1.5 | hold /nowhere', timeout => 1)));
	is(outcome($id), 'done', 'a late answer to an earlier asking counts');
	cmp_ok(scalar(grep { $_->{method} eq 'sendgroupmsg' && $_->{params}{gid} == 5 } $gate->events('quest')), '>=', 2, '... it had been asked again');
}

# what lies in the socket has come, even when nobody had time to read it
{
	my $lock = begin_session($node, { name => 'holder' }, 'BEGIN', 'SELECT count(*) FROM rtm_outbox');
	end_session($lock);
	$gate->forget;
	my $id = sql(q(SELECT rtm_send_group_message_async(51, 1, 6, 'slow 0.3', timeout => 1)));
	$gate->wait_for('quest');
	my $sender = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
	kill 'STOP', $sender;
	Time::HiRes::sleep(2);
	kill 'CONT', $sender;
	is(outcome($id), 'done', 'a sender that was held up: done');
	is(scalar(grep { $_->{method} eq 'sendgroupmsg' && $_->{params}{gid} == 6 } $gate->events('quest')), 1, '... the answer counted, nothing was asked again');
}

# a gate's text is shown short and without what forges a log
{
	my $id = sql(q(SELECT rtm_send_group_message_async(51, 1, 7, E'error 200041 a\nLOG:  forged\x1b[2J' || repeat('x', 3000))));
	is(outcome($id), 'failed', 'a long text with control characters');
	is(sql("SELECT octet_length((error).message) <= 1000, (error).message ~ '[[:cntrl:]]' FROM rtm_result WHERE id = $id"), 't|f', '... is cut and cleaned');
}

done_testing();
