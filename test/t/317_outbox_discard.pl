# rtm_discard() says true: it isn't sent, also while the transaction that discards goes on.
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
my $node = new_node('discard', conf => "max_prepared_transactions = 5\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

sub pause
{
	my ($on) = @_;
	$node->append_conf('postgresql.conf', "rtm.pause = $on\n");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = '" . ($on eq 'on' ? 'paused' : 'running') . "' AND worker = 'rtm sender'") or die "pause $on";
}

# many, in conversations of their own, and in one, which the sender has in memory
sub queue
{
	my ($name) = @_;
	sql("SELECT count(rtm_send_message_async(51, 1, 2 + g % 7, '$name ' || g)) FROM generate_series(1, 500) AS g");
}

sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
sql("SELECT rtm_send_message_async(51, 1, 2, 'first 0')");
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox') or die;

for my $end ('COMMIT', 'ROLLBACK', "PREPARE TRANSACTION 'p'")
{
	my $name = lc((split ' ', $end)[0]);
	pause('on');
	queue($name);
	my $s = $node->background_psql('postgres', on_error_stop => 0);
	$s->query_safe('BEGIN');
	is($s->query_safe("SELECT count(*) FROM (SELECT rtm_discard(id) AS d FROM (SELECT id FROM rtm_outbox OFFSET 0) AS o OFFSET 0) AS x WHERE d AND pg_sleep(0) IS NOT NULL"), 500, "$name: all are discarded");
	pause('off');
	my $other = sql("SELECT rtm_send_message_async(51, 1, 1000, 'other 1')");
	is(sql("SELECT rtm_wait($other, 60)"), 'done', '... others are sent meanwhile');
	is(scalar($gate->came($name)), 0, '... none of them, while the transaction goes on');
	$s->query_safe($end);
	$s->quit;
	if ($name eq 'prepare')
	{
		$other = sql("SELECT rtm_send_message_async(51, 1, 1001, 'other 2')");
		is(sql("SELECT rtm_wait($other, 60)"), 'done', '... others are sent while it is prepared');
		is(scalar($gate->came($name)), 0, '... none of them');
		sql("COMMIT PREPARED 'p'");
	}
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... nothing is left');
	my $after = sql("SELECT count(rtm_send_message_async(51, 1, 2 + g, 'after 1')) FROM generate_series(0, 6) AS g");
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... and what comes later is sent');
	is(scalar($gate->came($name)), $name eq 'rollback' ? 500 : 0, $name eq 'rollback' ? '... all are sent' : '... none was sent');
}

# while its callback runs
sql(q(CREATE FUNCTION runs(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock(97)'));
for my $do ('rtm_retry', 'rtm_discard')
{
	my $s = $node->background_psql('postgres', on_error_stop => 1);
	$s->query_safe('SELECT pg_advisory_lock(97)');
	my $id = sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200041 no', callback => 'runs'::regproc)");
	ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)), "$do: its callback runs");
	my $other = begin_session($node, "SELECT $do($id)");
	$s->query_safe('SELECT pg_advisory_unlock(97)');
	$s->quit;
	my ($r) = end_session($other);
	is($r->{out}, 't', '... it is done when that has ended') or diag $r->{message};
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... nothing waits');
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $id"), $do eq 'rtm_retry' ? 1 : 0, '... ' . ($do eq 'rtm_retry' ? 'it has failed again' : 'it is gone'));
}

# what this very transaction has queued: as if it had not been, unless that is rolled back
sub own { my ($n) = @_; return "SELECT rtm_send_message_async(51, 1, 2, 'own $n') AS i$n \\gset\n" }
is(sql('BEGIN;' . own(1) . own(2) . own(3) . own(4) . 'SELECT rtm_discard(:i2);
	SAVEPOINT a; SELECT rtm_discard(:i3), rtm_discard(:i1); SAVEPOINT b; ' . own(5) . 'SELECT rtm_discard(:i5), rtm_discard(:i5); RELEASE b;
	SELECT rtm_discard(:i1); ROLLBACK TO a; SELECT rtm_discard(:i5); ' . own(6) . 'SELECT rtm_discard(:i6), rtm_discard(:i3), rtm_discard(:i2); COMMIT'),
	"t\nt|t\nt|f\nf\nf\nt|t|f", 'requests of this transaction: discarded once each');
sql('BEGIN; ' . own(7) . 'SELECT rtm_discard(:i7); COMMIT');
sql('BEGIN; ' . own(8) . "SELECT rtm_discard(:i8); PREPARE TRANSACTION 'own'");
sql("COMMIT PREPARED 'own'");
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... the rest is sent');
is(join(' ', $gate->came('own')), '1 4', '... and no other');
sql(q(CREATE ROLE other LOGIN; CREATE FUNCTION theirs() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT rtm_send_message_async(51, 1, 2, 'own 9')$$));
state_is(one($node, 'SET ROLE other; BEGIN; SELECT rtm_discard(theirs())'), '42501', qr/permission denied for request/, '... nor what is queued as another role');

$node->stop;
done_testing();
