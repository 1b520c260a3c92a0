# send_at and expires_at: what is to be sent later holds up nobody, and goes in line when its time has
# come; what has expired isn't sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('later', conf => "max_prepared_transactions = 5\nrtm.result_ttl = 1h\nautovacuum = off\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub state_of { my ($query, $state, $what) = @_; return state_is(one($node, $query), $state, qr/./, $what) }
sub drained { return $node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox') || die 'not drained' }

# a message: "name n", to 2, then what is said of it
sub message { my ($name, $n, $more) = @_; return "rtm_send_message_async(51, 1, 2, '$name $n'" . ($more ? ", $more" : '') . ')' }
sub numbers { my ($name) = @_; return join ' ', $gate->came($name) }
sub soon { my ($seconds) = @_; return "send_at => now() + interval '$seconds s'" }

sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);

# one conversation: by time, those of one time in the order in which they were queued
sql(join ';', map { "SELECT $_" } message('order', 9, soon(6)), message('order', 5, soon(3)),
	message('order', 1), message('order', 2, "send_at => now() - interval '1 h'"));
sql('SELECT ' . join ', ', map { message('order', $_, soon(3.5)) } 6 .. 8);
sql('SELECT ' . message('order', 3, 'send_at => NULL, expires_at => NULL'));
is(sql('SELECT rtm_wait(' . sql('SELECT ' . message('order', 4)) . ', 60)'), 'done', 'others of the conversation go on');
is(numbers('order'), '1 2 3 4', '... and nothing has left before its time');
is(sql('SELECT queued, scheduled, oldest_age IS NULL FROM rtm_stat_outbox'), '0|5|t', 'those that wait for their time are counted apart');
is(sql("SELECT queued, scheduled FROM rtm_stat_server WHERE server = 'rtm'"), '0|5', '... also by server');
is(sql('SELECT count(*) FROM rtm_outbox WHERE send_at > enqueued_at AND NOT held AND attempts = 0'), '5', '... and seen with it');
drained();
is(numbers('order'), '1 2 3 4 5 6 7 8 9', 'in the order of their times');

# many at one moment, more than a portion, and nothing is lost of them by restarts
my $many = 2500;
sql("SELECT count(rtm_send_message_async(51, 1, 2, 'many ' || g, send_at => '2026-01-01'::timestamptz + interval '100 years')) FROM generate_series(1, $many) AS g");
sql('SELECT ' . message('many', $many + 1, soon(2)));
$node->stop('immediate');
$node->start;
drained_but($many);
is(numbers('many'), $many + 1, 'what is for another century stays');
is(sql('SELECT ' . join(' AND ', map { "rtm_discard($_)" } split /\n/, sql('SELECT id FROM rtm_outbox ORDER BY id LIMIT 500'))), 't', 'rtm_discard() takes some back');
sql("UPDATE rtm_internal.rtm_request SET send_at = now(), seq = seq - (extract(epoch FROM send_at - now()) * 1000000)::bigint");
sql('SELECT ' . message('poke', 1, soon(0.1)));
drained();
is(numbers('many'), join(' ', $many + 1, 501 .. $many), 'those of one moment in the order in which they were queued, but for those that were taken back');

sub drained_but
{
	my ($n) = @_;
	return $node->poll_query_until('postgres', "SELECT queued = 0 AND scheduled = $n FROM rtm_stat_outbox") || die "there are not $n";
}

# what waits isn't read while others go
sql('VACUUM rtm_internal.rtm_request');
sql("SELECT count(rtm_send_message_async(51, 1, 2, 'week ' || g, send_at => now() + interval '1 week')) FROM generate_series(1, 5000) AS g");
$node->restart; # a process that ends tells its figures
drained_but(5000);
sub entries { return sql("SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE indexrelname = 'rtm_request_seq'") =~ /(\d+)$/ ? $1 : die }
my $before = entries();
for my $i (1 .. 50)
{
	sql('SELECT ' . message('beside', $i));
}
drained_but(5000);
$node->restart;
drained_but(5000);
cmp_ok(entries() - $before, '<', 1000, 'those that are to be sent later are not read, also by a sender that begins');
is(sql('SELECT count(rtm_discard(id)) FROM rtm_outbox'), 5000, '... and all can be taken back');

# a prepared transaction; its own time is kept
sql("BEGIN; SELECT " . message('two', 3, soon(2)) . "; SELECT " . message('two', 1) . "; PREPARE TRANSACTION 'two'");
sql("COMMIT PREPARED 'two'");
sql('SELECT ' . message('two', 2));
drained();
is(numbers('two'), '1 2 3', 'COMMIT PREPARED');

# as old as its time says
sql("ALTER SERVER rtm OPTIONS (ADD max_age '1s')");
sql('SELECT ' . message('age', 1, soon(2.5)));
drained();
is(numbers('age'), '1', 'its age counts from its time');
sql('ALTER SERVER rtm OPTIONS (DROP max_age)');

# what somebody is about to take back doesn't stop the others, and goes when it is left alone
my $id = sql('SELECT ' . message('locked', 2, soon(1)));
my $s = $node->background_psql('postgres', on_error_stop => 0);
$s->query_safe('BEGIN');
is($s->query_safe("SELECT rtm_discard($id)"), 't', 'one that somebody is about to take back');
sql('SELECT ' . message('locked', 1, soon(1.5)));
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM rtm_outbox'), '... others go at their time');
is(numbers('locked'), '1', '... it does not');
$s->query_safe('ROLLBACK');
$s->quit;
drained();
is(numbers('locked'), '1 2', '... but does when it is left alone');

# expired
sql('SELECT rtm_pause()');
my $expires = sql('SELECT ' . message('expired', 1, "expires_at => now() + interval '1 s'"));
my $stays = sql('SELECT ' . message('expired', 2, "expires_at => 'infinity'"));
my $gone = sql('SELECT ' . message('expired', 3, "expires_at => now() - interval '1 s'"));
sql('SELECT pg_sleep(1.5)');
sql('SELECT rtm_resume()');
is(sql("SELECT rtm_wait($expires, 60), rtm_wait($stays, 60), rtm_wait($gone, 60)"), 'expired|done|expired', 'what has expired ends so');
is(numbers('expired'), '2', '... and is not sent');
like(sql("SELECT status, attempts, error FROM rtm_result WHERE id = $expires"), qr/^expired\|0\|.*it expired before it could be sent/, '... which rtm_result says');
is(sql("SELECT expired, failed FROM rtm_stat_server WHERE server = 'rtm'"), '2|0', '... and the figures, not among what failed');
is(sql('SELECT failed FROM rtm_stat_outbox'), '0', '... nor of the outbox');
state_of("SELECT rtm_retry($expires)", '55000', 'it cannot be retried');
sql("SELECT rtm_discard($gone)");
sql("UPDATE rtm_internal.rtm_finished SET finished_at = now() - interval '2 h'");
sql('SELECT pg_reload_conf()');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_result'), '... and goes with old results');

# a gate that refuses for now: not after that
my $tries = sql("SELECT rtm_send_message_async(51, 1, 3, 'error 20014 stopping', expires_at => now() + interval '2 s')");
is(sql("SELECT rtm_wait($tries, 60)"), 'expired', 'what has expired is not tried again');
like(sql("SELECT attempts, (error).code FROM rtm_result WHERE id = $tries"), qr/^[1-9]\d*\|20014$/, '... which says what the gate said at last');

# what can't be
state_of('SELECT ' . message('bad', 1, "send_at => 'infinity'"), '22008', 'never');
state_of('SELECT ' . message('bad', 1, "send_at => now() + interval '1 h', expires_at => now() + interval '1 h'"), '22023', 'to expire before it is sent');
state_of("SELECT rtm_call_async('sendgroupmsg', '{}', send_at => 'infinity')", '22008', 'any other call has them, too');

$node->stop;
done_testing();
