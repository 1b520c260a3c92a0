# The calls of the API between a database and its own local gate, as a user
# meets them: from a trigger, in a join, from other roles and databases.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('sync');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
my ($first, $second) = session($node, 'SELECT rtm_gate_setup()', q(SELECT mid > 0 AND mtime > 0 FROM rtm_send_message(51, 1, 2, 'first')));
is($first->{state}, '00000', 'setup') or diag $first->{message};
is($second->{out}, 't', 'the next statement can be a send') or diag $second->{message};

# A trigger: a message per inserted row
$node->safe_psql('postgres', q(
	CREATE TABLE line (id bigint PRIMARY KEY, gid bigint, uid bigint, body text, mid bigint);
	CREATE FUNCTION send_line() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		SELECT mid INTO NEW.mid FROM rtm_send_group_message(51, NEW.uid, NEW.gid, NEW.body);
		RETURN NEW;
	END $$;
	CREATE TRIGGER send_line BEFORE INSERT ON line FOR EACH ROW EXECUTE FUNCTION send_line();
	INSERT INTO line SELECT i, i % 3, 100 + i % 7, 'line ' || i FROM generate_series(1, 200) i));
is($node->safe_psql('postgres', q(
	SELECT count(*), count(DISTINCT m.mid), bool_and(m.msg = line.body AND m.from_uid = line.uid)
	FROM generate_series(0, 2) AS g CROSS JOIN rtm_get_group_message(1, g, false, NULL) AS m JOIN line ON line.mid = m.mid AND line.gid = g)),
	'200|200|t', 'every line of the trigger is in the history');

# Pages and cursors agree with the automatic paging
is($node->safe_psql('postgres', q(
	WITH RECURSIVE page AS (
		SELECT (rtm_get_group_message_page(1, 1, true, 7)).*
		UNION ALL
		SELECT n.* FROM page, LATERAL (SELECT (rtm_get_group_message_page(1, 1, true, 7,
			begin_time => page.begin_time, end_time => page.end_time, lastid => page.lastid)).*) AS n
		WHERE page.num > 0)
	SELECT array_agg(m.id) = (SELECT array_agg(id) FROM rtm_get_group_message(1, 1, true, NULL)), count(*) FROM page, unnest(page.msgs) AS m)),
	't|67', 'pages give what the whole history gives');

# What a rollback can't take back
session($node, 'BEGIN', q(SELECT rtm_send_room_message(51, 1, 77, 'in a transaction that fails')), 'ROLLBACK');
is(one($node, q(SELECT msg FROM rtm_get_room_message(1, 77, true, 1)))->{out},
	'in a transaction that fails', 'a synchronous send survives the rollback');

# Delete, info
my @r = session($node, q(SELECT set_config('my.mid', mid::text, false) FROM rtm_send_room_message(51, 1, 78, 'to be deleted')),
	q(SELECT msg FROM rtm_get_room_message_info(current_setting('my.mid')::bigint, 1, 78)),
	q(SELECT rtm_delete_room_message(current_setting('my.mid')::bigint, 1, 78)),
	q(SELECT count(*) FROM rtm_get_room_message_info(current_setting('my.mid')::bigint, 1, 78)),
	q(SELECT count(*) FROM rtm_get_room_message(1, 78, false, NULL)));
is_deeply([ map { $_->{out} } @r[ 1, 3, 4 ] ], [ 'to be deleted', 0, 0 ], 'info, delete, no info');

# Parallel query mustn't get in the way
is($node->safe_psql('postgres', q(
	SET force_parallel_mode = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SELECT count(*) FROM line JOIN rtm_get_group_message(1, 2, false, NULL) AS m USING (mid))), '67', 'a join under forced parallel mode')
  if $node->pg_version < 16;

# A cursor that is not read to its end, a savepoint, a function that catches
@r = session($node, 'BEGIN', q(DECLARE c CURSOR FOR SELECT msg FROM rtm_get_group_message(1, 1, false, NULL)),
	'FETCH 1 FROM c', 'SAVEPOINT s', q(SELECT rtm_send_messages(51, 1, '{}', 'x')), 'ROLLBACK TO s', 'FETCH 1 FROM c', 'COMMIT',
	q(SELECT count(*) FROM rtm_get_group_message(1, 1, false, NULL)));
is($r[2]{out}, 'line 1', 'the first row of a cursor');
is($r[4]{state}, 'RTM33', 'an error in a savepoint');
is($r[6]{out}, 'line 4', 'the cursor goes on');
is($r[8]{out}, 67, 'the session goes on');

# Prepared: the sixth execution may have another plan
@r = session($node, q(PREPARE p (bigint) AS SELECT count(*) FROM rtm_get_group_message(1, $1, false, NULL)),
	map { "EXECUTE p($_)" } (0, 1, 2) x 3);
is_deeply([ map { $_->{out} } @r[ 1 .. 9 ] ], [ (66, 67, 67) x 3 ], 'a prepared statement');

# Many backends at once, one mid each
$node->pgbench('--no-vacuum --client=8 --jobs=2 --transactions=50', 0, [qr{processed: 400/400}], [qr{^$}],
	'eight backends send', { '001_send' => q(SELECT rtm_send_group_message(51, :client_id + 1, 900, 'from many');) });
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT mid), count(DISTINCT id) FROM rtm_get_group_message(1, 900, false, NULL)'),
	'400|400|400', 'every message of eight backends, with a mid of its own');

# Extensions come and go; the gate's port goes with its extension
my %options = GateClient::options($node);
$node->safe_psql('postgres', 'DROP EXTENSION rtm_gate CASCADE');
wait_until('the port is closed', sub { !eval { GateClient->connect(%options) } });
pass('no port is open without rtm_gate');
$node->safe_psql('postgres', 'DROP EXTENSION rtm CASCADE; CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
is(one($node, q(SELECT count(*) FROM rtm_broadcast_message(51, 1, 'again')))->{out}, 1, 'both extensions made again');

$node->stop;
done_testing();
