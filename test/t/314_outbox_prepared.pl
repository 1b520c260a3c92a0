# Requests and chores of prepared transactions: whoever carries COMMIT PREPARED out.
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
my $conf = "wal_level = logical\nmax_prepared_transactions = 10\nmax_worker_processes = 16\n";
my ($publisher, $subscriber) = map { new_node($_, init => { allows_streaming => 'logical' }, conf => $conf) } 'publisher', 'subscriber';
sub sql { my ($query) = @_; return $subscriber->safe_psql('postgres', $query) }
sub publish { my ($query) = @_; return $publisher->safe_psql('postgres', $query) }

publish('CREATE TABLE note (id int PRIMARY KEY, body text)');
sql('CREATE TABLE note (id int PRIMARY KEY, body text); CREATE EXTENSION rtm');
server_for($subscriber, 'rtm', $gate->endpoint);
sql(q(CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.rtm_send_message_async(51, 1, 2, NEW.body); RETURN NULL; END $$;
	CREATE TRIGGER tell AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION tell(); ALTER TABLE note ENABLE ALWAYS TRIGGER tell));
publish('CREATE PUBLICATION p FOR TABLE note');
my $connection = $publisher->connstr('postgres');
sql("CREATE SUBSCRIPTION s CONNECTION \$\$$connection\$\$ PUBLICATION p WITH (two_phase = true)");
ok($subscriber->poll_query_until('postgres', "SELECT subtwophasestate = 'e' FROM pg_subscription"), 'a two-phase subscription');

sub all_sent { my ($what) = @_; return ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), "$what: all is sent") }

publish("INSERT INTO note VALUES (1, 'in 1')");
publish("BEGIN; INSERT INTO note VALUES (2, 'in 2'); PREPARE TRANSACTION 'x'");
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_prepared_xacts'), 'it is prepared at the subscriber');
is(join(' ', $gate->came('in')), '1', '... and not sent');
publish("COMMIT PREPARED 'x'");
publish("INSERT INTO note VALUES (3, 'in 3')");
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 3 FROM note'), 'it is committed by the apply worker');
all_sent('an apply worker');
is(join(' ', $gate->came('in')), '1 2 3', '... once, in the order of commits');

# two of them, committed in the other order
publish("BEGIN; INSERT INTO note VALUES (10, 'two 1'); PREPARE TRANSACTION 'a'");
publish("BEGIN; INSERT INTO note VALUES (11, 'two 2'); PREPARE TRANSACTION 'b'");
publish("COMMIT PREPARED 'b'");
publish("COMMIT PREPARED 'a'");
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 5 FROM note'), 'two of them');
all_sent('committed in the other order');
is(join(' ', $gate->came('two')), '2 1', '... they are sent in the order of commits');
publish("BEGIN; INSERT INTO note VALUES (20, 'gone 1'); PREPARE TRANSACTION 'g'");
publish("ROLLBACK PREPARED 'g'");
publish("INSERT INTO note VALUES (21, 'after the rollback')");
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 6 FROM note'), 'ROLLBACK PREPARED');
all_sent('... what comes later');
is(scalar($gate->came('gone')), 0, '... and nothing of it');

# chores of a prepared transaction: what it discards isn't sent
server_for($subscriber, 'dead', '127.0.0.1:' . free_port());
my $id = sql("SELECT rtm_send_message_async(51, 1, 2, 'discarded 1', server => 'dead')");
ok($subscriber->poll_query_until('postgres', "SELECT attempts > 0 FROM rtm_outbox WHERE id = $id"), 'a request that the sender has in memory');
is(sql("BEGIN; SELECT rtm_discard($id); PREPARE TRANSACTION 'd'"), 't', '... is discarded by a transaction that is prepared');
sql("COMMIT PREPARED 'd'");
sql("ALTER SERVER dead OPTIONS (SET endpoint '" . $gate->endpoint . "')");
$id = sql("SELECT rtm_send_message_async(51, 1, 2, 'behind 1', server => 'dead')");
is(sql("SELECT rtm_wait($id, 60)"), 'done', '... what is behind it is sent');
is(scalar($gate->came('discarded')), 0, '... the discarded one is not');

# two who take its rows: the one who doesn't wait leaves what is behind a row that the other has
my $sender = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'postgres'");
my $other = $subscriber->background_psql('postgres', on_error_stop => 1);
sql('BEGIN; ' . join('', map { "SELECT rtm_send_message_async(51, 1, 2, 'both $_'); " } 1 .. 3) . "PREPARE TRANSACTION 'both'");
kill STOP => $sender;
$other->query_until(qr/waits/, "\\echo waits\nBEGIN; LOCK TABLE rtm_internal.rtm_request IN SHARE MODE;\n");
ok($subscriber->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'rtm_internal.rtm_request'::regclass"), 'who locks the table is next');
sql("SET lock_timeout = '10ms'; COMMIT PREPARED 'both'");
$other->query_safe('ROLLBACK; BEGIN; SELECT FROM rtm_internal.rtm_request WHERE seq = (SELECT seq FROM rtm_internal.rtm_request ORDER BY seq OFFSET 1 LIMIT 1) FOR UPDATE');
kill CONT => $sender;
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) < 3 FROM rtm_internal.rtm_request'), 'somebody has the second row: the sender takes the first one');
is(sql('SELECT count(*) FROM rtm_internal.rtm_request WHERE seq < 0'), 2, '... and leaves the third one, too');
$other->query_safe('COMMIT');
$other->quit;
all_sent('... when it was given back');
is(join(' ', $gate->came('both')), '1 2 3', '... in its order');

# VACUUM writes WAL without having an id, as COMMIT PREPARED does; with one its rows would be lost
sql('CREATE TABLE swept AS SELECT generate_series(1, 1000) AS n; DELETE FROM swept WHERE n < 1000');
sql("BEGIN; SELECT rtm_send_message_async(51, 1, 2, 'swept 1'); PREPARE TRANSACTION 'v'");
kill STOP => $sender;
$other = $subscriber->background_psql('postgres', on_error_stop => 1);
$other->query_until(qr/waits/, "\\echo waits\nBEGIN; LOCK TABLE rtm_internal.rtm_request IN SHARE MODE;\n");
ok($subscriber->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'rtm_internal.rtm_request'::regclass"), 'who locks the table is next');
sql("SET lock_timeout = '10ms'; COMMIT PREPARED 'v'");
$other->query_safe('COMMIT');
$other->quit;
is(sql('SELECT count(*) FROM rtm_internal.rtm_request WHERE seq < 0'), 1, 'a row that nobody has taken');
sql('VACUUM swept');
is(sql('SELECT count(*) FROM rtm_internal.rtm_request WHERE seq < 0'), 1, '... nor does VACUUM');
kill CONT => $sender;
all_sent('... the sender does');

# prepared before a crash: nobody remembers
sql("BEGIN; SELECT rtm_send_message_async(51, 1, 2, 'crash 1'); PREPARE TRANSACTION 'c'");
$subscriber->stop('immediate');
$subscriber->start;
sql("COMMIT PREPARED 'c'");
all_sent('prepared before a crash');
is(scalar($gate->came('crash')), 1, '... it is sent');

$_->stop for $subscriber, $publisher;
done_testing();
