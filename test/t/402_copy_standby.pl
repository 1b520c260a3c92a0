# A streaming standby: what works there, and that a promotion goes on with what
# the primary had queued, nothing lost and nothing twice.
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

sub enqueue
{
	my ($node, $name, $from, $to, $db) = @_;
	return $node->safe_psql($db || 'postgres',
		"SELECT count(rtm_send_message_async(51, 1, 100 + g % 4, '$name ' || g)) FROM generate_series($from, $to) AS g");
}

sub delivered
{
	my ($node, $what, $db) = @_;
	ok($node->poll_query_until($db || 'postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), "$what: the outbox is empty");
}

sub once
{
	my ($name, $n, $what) = @_;
	is_deeply([ sort { $a <=> $b } $gate->kept($name) ], [ 1 .. $n ], "$what: each message once");
}

sub set
{
	my ($node, $line) = @_;
	$node->append_conf('postgresql.conf', "$line\n");
	$node->reload if -f $node->data_dir . '/postmaster.pid';
}

sub standby_of
{
	my ($primary, $name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, 'base', has_streaming => 1);
	$node->append_conf('postgresql.conf', $conf) if $conf;
	$node->start;
	return $node;
}

sub paused
{
	my ($node, $db) = @_;
	set($node, 'rtm.pause = on');
	$node->poll_query_until('postgres',
		"SELECT count(*) FILTER (WHERE state = 'paused' AND database = '" . ($db || 'postgres') . "') = 1 AND bool_and(state IS NOT DISTINCT FROM 'paused')
		FROM rtm_stat_worker WHERE worker = 'rtm sender'") or die 'not paused';
}

my $one = new_node('one', init => { allows_streaming => 1 },
	conf => "wal_log_hints = on\nwal_keep_size = '256MB'\nrtm.retry_delay = '20ms'\nrtm.max_retry_delay = '100ms'\n");
$one->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($one, 'rtm', $gate->endpoint);
$one->safe_psql('postgres', 'CREATE DATABASE other');
$one->safe_psql('other', 'CREATE EXTENSION rtm');
server_for($one, 'rtm', $gate->endpoint, db => 'other');
enqueue($one, 'before', 1, 10, $_) for 'postgres', 'other';
delivered($one, 'before', $_) for 'postgres', 'other';
$one->backup('base');
my $two = standby_of($one, 'two');
my $careful = standby_of($one, 'careful', "rtm.send_after_promotion = off\n");

# On the standby

my @r = session($two,
	"SELECT mtime > 0 FROM rtm_send_message(51, 1, 2, 'standby 1')",
	"SELECT rtm_send_message_async(51, 1, 2, 'never')", 'SELECT rtm_call_async($$ping$$)', 'SELECT rtm_retry(1)',
	'SELECT rtm_discard(1)', 'SELECT rtm_adopt_held()', 'SELECT rtm_discard_held()',
	'SELECT rtm_outbox_origin() IS NOT NULL', "SELECT rtm_call('*ping') IS NOT NULL");
is($r[0]{out}, 't', 'a synchronous send works on a standby') or diag($r[0]{message});
is_deeply([ $gate->kept('standby') ], [1], '... and arrives');
is($r[8]{out}, 't', 'so does any method') or diag($r[8]{message});
for my $i (1 .. 3, 5, 6)
{
	state_is($r[$i], '25006', qr/cannot execute rtm_\w+\(\) on a standby.*HINT:.*primary/s, "queueing on a standby is refused ($i)");
}
state_is($r[4], '25006', undef, 'so is discarding');
is($r[7]{out}, 't', 'the origin is known') or diag($r[7]{message});
paused($one);
enqueue($one, 'seen', 1, 7);
$one->wait_for_catchup($two);
is($two->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE held) FROM rtm_outbox'), '7|0', 'the backlog can be read there, and is not held');
is($two->safe_psql('postgres', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '7|0|stopped', 'rtm_stat_outbox on a standby');
is($two->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'rtm %'"), 0, 'a standby has no workers');
$one->wait_for_catchup($careful);
$careful->stop;
set($one, 'rtm.pause = off');
delivered($one, 'seen');

# Promotion under way: some of what was sent is not known to the standby

for my $round (1 .. 3)
{
	my ($from, $to) = ($round * 1000 - 999, $round * 1000);
	enqueue($one, 'busy', $from, $to);
}
$one->wait_for_catchup($two);
$one->stop('immediate');
$two->promote;

# the first to queue there may be faster than the sender
enqueue($two, 'busy', 3001, 3100);
delivered($two, 'promoted');
once('busy', 3100, 'promoted');
is($two->safe_psql('postgres', "SELECT count(*) FROM rtm_stat_worker WHERE state = 'holding'"), 0, 'promoted: nothing is held');
is($two->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, 'promoted: nothing has failed');

# A standby that isn't to send

$careful->start;
$careful->promote;
my $id = $careful->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 3, 'careful 1')");
is($careful->safe_psql('postgres', "SELECT rtm_wait($id, 60)"), 'done', 'rtm.send_after_promotion off: what is queued there is sent');
is($careful->safe_psql('postgres', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '0|7|holding', '... what the primary had is held');
like(slurp_file($careful->logfile), qr/LOG:  the outbox of database "postgres" begins anew.*rtm\.send_after_promotion is off/s, '... the log says why');
$careful->stop;

# A crash after the promotion; a database whose sender comes later

paused($two);
enqueue($two, 'after', 1, 10, $_) for 'postgres', 'other';
$two->stop('immediate');
set($two, 'rtm.pause = off');
$two->start;
delivered($two, 'after a crash', $_) for 'postgres', 'other';

# The former primary is rewound, follows, and is promoted in its turn

set($one, 'restart_after_crash = off');
$one->start;
$one->stop;
command_ok([ 'pg_rewind', '--target-pgdata', $one->data_dir, '--source-server', $two->connstr('postgres'), '--no-sync' ], 'pg_rewind')
  or diag('pg_rewind failed');
$one->append_conf('postgresql.conf', 'port = ' . $one->port . "\nunix_socket_directories = '" . $one->host . "'\n");
$one->enable_streaming($two);
$one->set_standby_mode;
$one->start;
$two->safe_psql('postgres', 'ALTER DATABASE other ALLOW_CONNECTIONS true');
paused($two);
enqueue($two, 'again', 1, 20);
enqueue($two, 'aside', 1, 20, 'other');
$two->safe_psql('postgres', 'ALTER DATABASE other ALLOW_CONNECTIONS false');
$two->wait_for_catchup($one);
$two->stop('fast');
set($one, 'rtm.pause = off');
$one->promote;
delivered($one, 'promoted in its turn');
once('again', 20, 'promoted in its turn');

# a database whose sender comes only after the next start
is(scalar($gate->came('aside')), 0, 'a database without connections sends nothing');
$one->restart;
$one->safe_psql('postgres', 'ALTER DATABASE other ALLOW_CONNECTIONS true');
delivered($one, 'a sender that comes late', 'other');
once('aside', 20, 'a sender that comes late');
$one->stop;

done_testing();
