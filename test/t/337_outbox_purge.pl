# Old results are purged in portions, while messages go; what that takes depends on what is
# purged, not on what is kept, nor on what somebody's old snapshot keeps from going.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

my $rows = 20000;
my $node = new_node('purge', conf => q(
autovacuum = off
rtm.result_ttl = 1h
));
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub outcome { my ($id) = @_; return sql("SELECT rtm_wait($id, 60)") }

# That many results, as old as was said.
sub add
{
	my ($status, $age) = @_;
	return sql(qq(
		SET session_replication_role = replica;
		INSERT INTO rtm_internal.rtm_finished (id, origin, status, owner, server, conversation, nparams, mid_made, attempts,
				key_a, key_b, enqueued_at, finished_at, timeout, call, method, params)
			SELECT nextval('rtm_internal.rtm_request_id_seq'), rtm_outbox_origin(), '$status', 10, oid, 1, 0, true, 1, 1, 1,
				now() - interval '$age', now() - interval '$age' + i * interval '1 us', 0, 'rtm_call', 'x', '\\x80'
			FROM pg_foreign_server, generate_series(1, $rows) AS i WHERE srvname = 'rtm'));
}

# So far: rows that were deleted, read without an index, entries of indexes that were read, in
# so many looks; rtm_wait() reads by the primary key.
sub figures
{
	return split /\|/, sql(q(SELECT n_tup_del, seq_tup_read, i.* FROM pg_stat_all_tables AS t,
		LATERAL (SELECT sum(idx_tup_read), sum(i.idx_scan) FROM pg_stat_all_indexes AS i
			WHERE i.relid = t.relid AND indexrelname <> 'rtm_finished_pkey') AS i WHERE relname = 'rtm_finished'));
}

# Have old ones purged: what was read for it.  The sender tells its figures now and then, when
# it has settled something.
sub purge
{
	my @before = figures();
	my @after;
	add('done', '2 hours');
	$node->reload;
	wait_until('all to be purged', sub {
		outcome(sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'ok'))));
		@after = figures();
		return $after[0] - $before[0] >= $rows;
	});
	return map { $after[$_] - $before[$_] } 1, 2;
}

sql('CREATE EXTENSION rtm');
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

# plans are made while there is nothing
is(outcome(sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'ok')))), 'done', 'a message');
my ($seq, $entries) = purge();
is($seq, 0, 'results are purged by an index, also with a plan that was made for an empty table');
cmp_ok($entries, '<', 4 * $rows, '... which is read as far as needed');

# others that stay: what failed, and what isn't old enough
add('failed', '3 hours');
add('done', '10 minutes');
($seq, $entries) = purge();
is($seq, 0, 'beside many that stay: by the index');
cmp_ok($entries, '<', 4 * $rows, '... which has only those that may be purged');

# a sender that begins looks at all of them; what was purged is out of its way
{
	sql('VACUUM rtm_internal.rtm_finished');
	$node->restart;
	my @before = figures();
	my @after;
	is(outcome(sql(q(SELECT rtm_send_group_message_async(51, 1, 1, 'ok')))), 'done', 'a restart');
	wait_until('a look', sub { @after = figures(); return $after[3] > $before[3] });
	# a look takes a portion, and there may have been some by now
	cmp_ok($after[2] - $before[2], '<', $rows / 2, '... reads nothing of what failed');
}

# a snapshot that is older than all of that
my $reader = $node->background_psql('postgres', on_error_stop => 1);
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
($seq, $entries) = purge();
is($seq, 0, 'while somebody has an old snapshot: by the index');
cmp_ok($entries, '<', 4 * $rows, '... and what was purged is not read again each time');
$reader->quit;

is(sql(q(SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM
	(SELECT status, count(*) AS n FROM rtm_internal.rtm_finished GROUP BY status) AS s)),
	"done $rows, failed $rows", 'what failed and what is young stays');

$node->stop;
done_testing();
