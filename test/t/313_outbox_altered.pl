# What a DBA does to the outbox's tables: it works, or queueing says why not; never a
# crash, never wrong results.
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
my $node = new_node('altered');
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);

my $n = 0;

sub works
{
	my ($what) = @_;
	my $id = sql("SELECT rtm_send_message_async(51, 1, 2, 'number ' || " . ++$n . ')');
	is(sql("SELECT rtm_wait($id, 60)"), 'done', "$what: it is sent");
	is(scalar(grep { $_ == $n } $gate->came('number')), 1, '... once');
}

sub refused
{
	my ($what, $why) = @_;
	my $r = one($node, "SELECT rtm_send_message_async(51, 1, 2, 'refused')");
	state_is($r, '55000', $why, "$what: refused when it is queued");
}

works('as it was made');

# 2.1 indexes of every kind, and checks
sql('CREATE INDEX e ON rtm_internal.rtm_request ((lower(call))); CREATE INDEX p ON rtm_internal.rtm_request (mid) WHERE attempts > 0;'
	. ' CREATE UNIQUE INDEX u ON rtm_internal.rtm_request (owner, (seq + 1), id) INCLUDE (mid); CREATE INDEX h ON rtm_internal.rtm_request USING hash (method);'
	. ' CREATE INDEX b ON rtm_internal.rtm_request USING brin (enqueued_at)');
works('indexes on an expression, partial, unique, hash, BRIN');
is(sql("SELECT count(rtm_send_message_async(51, 1, g, repeat('x', 20000))) FROM generate_series(1, 200) AS g"), 200, '... also with rows that are toasted');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... and sent');
sql('SET enable_seqscan = off; REINDEX TABLE rtm_internal.rtm_request; VACUUM FULL rtm_internal.rtm_request');
works('REINDEX, VACUUM FULL');
sql('ALTER TABLE rtm_internal.rtm_request ADD CONSTRAINT c CHECK (key_b <> 666)');
works('a check that holds');
my @r = session($node, 'BEGIN', "SELECT rtm_send_message_async(51, 1, 666, 'no')", 'COMMIT');
state_is($r[2], '23514', qr/violates check constraint "c"/, 'a check that does not: the commit fails');
sql('ALTER TABLE rtm_internal.rtm_request DROP CONSTRAINT c');
sql('CREATE UNIQUE INDEX once ON rtm_internal.rtm_request (mid)');
@r = session($node, 'BEGIN', "SELECT rtm_send_message_async(51, 1, 3, 'twice', mid => 77) FROM generate_series(1, 2)", 'COMMIT');
state_is($r[2], '23505', qr/once/, 'a unique index that is violated: the commit fails');
sql('DROP INDEX rtm_internal.e, rtm_internal.p, rtm_internal.u, rtm_internal.h, rtm_internal.b, rtm_internal.once');

# 2.2 columns
sql('ALTER TABLE rtm_internal.rtm_request ADD COLUMN remark text');
works('a column more');
sql('ALTER TABLE rtm_internal.rtm_finished ADD COLUMN remark text, ADD COLUMN other int DEFAULT NULL');
my $failed = sql("SELECT rtm_send_message_async(51, 1, 2, 'error 200020 x')");
is(sql("SELECT rtm_wait($failed, 60)"), 'failed', '... in rtm_finished too');
is(sql("SELECT rtm_retry($failed)"), 't', '... with rtm_retry');
is(sql("SELECT rtm_wait($failed, 60)"), 'failed', '... again');
is(sql("SELECT rtm_discard($failed)"), 't', '... and rtm_discard');
sql('ALTER TABLE rtm_internal.rtm_request DROP COLUMN remark');
works('and dropped again');
for my $case (
	[ 'ADD COLUMN must int NOT NULL DEFAULT 1', 'DROP COLUMN must', qr/Column "must", which was added/ ],
	[ 'ADD COLUMN noted timestamptz DEFAULT now()', 'DROP COLUMN noted', qr/Column "noted"/ ],
	[ 'RENAME COLUMN server_name TO name', 'RENAME COLUMN name TO server_name', qr/Column 21 is not "server_name" any more/ ],
	[ 'ALTER COLUMN key_a TYPE numeric', 'ALTER COLUMN key_a TYPE bigint', qr/Column "key_a" has the type numeric instead of bigint/ ],
	[ 'SET UNLOGGED', 'SET LOGGED', qr/not logged/ ],
	[ 'DISABLE TRIGGER rtm_request_guard', 'ENABLE ALWAYS TRIGGER rtm_request_guard', qr/trigger "rtm_request_guard" is missing or not enabled ALWAYS/ ],
	[ 'ENABLE TRIGGER rtm_request_guard', 'ENABLE ALWAYS TRIGGER rtm_request_guard', qr/not enabled ALWAYS/ ])
{
	my ($alter, $back, $why) = @$case;
	sql("ALTER TABLE rtm_internal.rtm_request $alter");
	refused($alter, $why);
	sql("ALTER TABLE rtm_internal.rtm_request $back");
	works("... $back");
}

# triggers, rules, partitions, indexes that are gone
for my $case (
	[ 'CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER t BEFORE INSERT ON rtm_internal.rtm_request FOR EACH ROW EXECUTE FUNCTION t()',
		'DROP FUNCTION t CASCADE', qr/It has the trigger "t"/ ],
	[ 'CREATE RULE r AS ON INSERT TO rtm_internal.rtm_request DO INSTEAD NOTHING', 'DROP RULE r ON rtm_internal.rtm_request', qr/It has rules/ ],
	[ 'CREATE TABLE child () INHERITS (rtm_internal.rtm_request)', 'DROP TABLE child', qr/inheritance tree/ ],
	[ 'ALTER INDEX rtm_internal.rtm_request_seq RENAME TO s; CREATE TABLE parted (LIKE rtm_internal.rtm_request) PARTITION BY RANGE (seq);'
			. ' ALTER TABLE parted ATTACH PARTITION rtm_internal.rtm_request DEFAULT',
		'ALTER TABLE parted DETACH PARTITION rtm_internal.rtm_request; DROP TABLE parted', qr/inheritance tree/ ],
	[ 'DROP INDEX rtm_internal.s', 'CREATE INDEX any_name ON rtm_internal.rtm_request (seq)', qr/It has no index on "seq"/ ])
{
	my ($do, $undo, $why) = @$case;
	sql($do);
	refused($do, $why);
	sql($undo);
	works("... $undo");
}
sql('ALTER TABLE rtm_internal.rtm_request ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; ALTER TABLE rtm_internal.rtm_finished FORCE ROW LEVEL SECURITY');
works('row security');
sql('CREATE ROLE plain; ALTER TABLE rtm_internal.rtm_request OWNER TO plain');
refused('a table that belongs to nobody special', qr/does not belong to a superuser/);
sql('ALTER TABLE rtm_internal.rtm_request OWNER TO CURRENT_USER');
works('... its owner again');

# 2.3 another access method is none of ours
sql("CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; ALTER DATABASE postgres SET default_table_access_method = 'other'");
sql('DROP EXTENSION rtm CASCADE; CREATE EXTENSION rtm');
is(sql("SELECT string_agg(DISTINCT a.amname, ' ') FROM pg_class AS c JOIN pg_am AS a ON a.oid = relam WHERE relnamespace = 'rtm_internal'::regnamespace AND relkind = 'r'"),
	'heap', 'the tables are heaps, whatever the default is');
server_for($node, 'rtm', $gate->endpoint);
works('... with another default');
sql('ALTER TABLE rtm_internal.rtm_request SET ACCESS METHOD other');
refused('another access method', qr/access method is not "heap"/);
sql('ALTER TABLE rtm_internal.rtm_request SET ACCESS METHOD heap');
works('... heap again');

# 1.3 the table's lock survives a rollback to a savepoint
my $queued = $node->background_psql('postgres', on_error_stop => 0);
$queued->query_safe('BEGIN');
$queued->query_safe("SAVEPOINT s; SELECT rtm_send_message_async(51, 1, 2, 'first')");
$queued->query_safe("ROLLBACK TO s; SELECT rtm_send_message_async(51, 1, 2, 'kept')");
$queued->query_safe('ROLLBACK TO s');
my $r = one($node, "SET lock_timeout = '100ms'", 'ALTER TABLE rtm_internal.rtm_request ADD COLUMN x int');
state_is($r, '55P03', undef, 'DDL waits for a transaction that has queued, also after ROLLBACK TO');
$queued->query_safe('COMMIT');
$queued->quit;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'nothing has crashed');

$node->stop;
done_testing();
