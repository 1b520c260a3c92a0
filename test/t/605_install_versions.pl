# What depends on the server's version: names of wait events (17 and later), the
# counter of message ids without preload (17 and later), the version that the
# library tells (18 and later).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('versions', conf => "max_worker_processes = 16\n");
my $major = int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);
my $named = $major >= 17;

# ---- wait events

# Wait until some process waits for what has this name, before 17 for 'Extension'.
sub waits_for
{
	my ($event, $which) = @_;
	my $name = $named ? $event : 'Extension';
	my $query = "SELECT count(*) FROM pg_stat_activity WHERE $which AND wait_event_type = 'Extension' AND wait_event = '$name'";

	ok(eval { wait_until("$event for $which", sub { $node->safe_psql('postgres', $query) > 0 }) }, "$which: waits for $name")
	  or diag $node->safe_psql('postgres', "SELECT backend_type, application_name, wait_event_type, wait_event FROM pg_stat_activity");
}

# A session that does this waits for that.
sub session_waits_for
{
	my ($event, $statement) = @_;
	my $s = begin_session($node, { name => "waits for $event" }, $statement);

	waits_for($event, "application_name = 'waits for $event'");
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'waits for $event'");
	is((end_session($s))[0]{state}, '57014', "... until it is cancelled");
}

$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup();
	CREATE FUNCTION told(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ SELECT $$');
$node->safe_psql('postgres', "SELECT rtm_send_group_message_async(51, 1, 2, 'x', callback => 'told(bigint, bigint, rtm_error)')");
waits_for('RtmLauncherMain', "backend_type = 'rtm launcher'");
waits_for('RtmSenderMain', "backend_type = 'rtm sender'");
waits_for('RtmCallbackMain', "backend_type = 'rtm callbacks'");
waits_for('RtmGateMain', "backend_type = 'rtm gate'");

my $silent = FakeGate->start(pid => $pid, secret => $secret, default => 'stall');
server_for($node, 'silent', $silent->endpoint);
server_for($node, 'keyless', $silent->endpoint, encryption => 'ecdh',
	public_key => $node->safe_psql('postgres', 'SELECT rtm_gate_public_key()'));
session_waits_for('RtmGateAnswer', "SELECT rtm_call('anything', '{}', timeout => 100, server => 'silent')");
session_waits_for('RtmConnect', "SET rtm.connect_timeout = '100s'; SELECT rtm_call('anything', '{}', timeout => 100, server => 'keyless')");
my $id = $node->safe_psql('postgres', "SELECT rtm_send_group_message_async(51, 1, 2, 'stall', server => 'silent')");
session_waits_for('RtmResult', "SELECT rtm_wait($id, 100)");
my $crawl = FakeGate->start(pid => $pid, secret => $secret, default => 'ok');
server_for($node, 'crawl', $crawl->endpoint, rate_limit => 1, queued => 'false');
$node->safe_psql('postgres', "IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER crawl INTO public OPTIONS (uid '1')");
session_waits_for('RtmTurn', "INSERT INTO group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 2, 'slow' FROM generate_series(1, 1000)");

SKIP:
{
	skip "PostgreSQL $major has no list of custom wait events", 1 unless $named;
	is($node->safe_psql('postgres', q(SELECT string_agg(name, ' ' ORDER BY name) FROM pg_wait_events
		WHERE type = 'Extension' AND name LIKE 'Rtm%')),
		'RtmCallbackMain RtmConnect RtmGateAnswer RtmGateMain RtmGateStart RtmLauncherMain RtmResult RtmSenderMain RtmTurn',
		'the names are known to the server');
}

# ---- the library's version

SKIP:
{
	skip "PostgreSQL $major does not show modules' versions", 1 if $major < 18;
	is($node->safe_psql('postgres', "SELECT module_name || ' ' || version FROM pg_get_loaded_modules() WHERE file_name = 'rtm.so'"),
		'rtm ' . $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'rtm'"),
		'pg_get_loaded_modules() has the version');
}
$node->stop('immediate');

# ---- message ids without preload

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;
$plain->safe_psql('postgres', 'CREATE EXTENSION rtm');
my $other = FakeGate->start(pid => $pid, secret => $secret, default => 'ok');
server_for($plain, 'other', $other->endpoint);

sub mids
{
	my ($n, $before) = @_;

	return split /\n/, $plain->safe_psql('postgres', ($before || '') . " SELECT (rtm_send_group_message(51, 1, 2, 'ok', server => 'other')).mid FROM generate_series(1, $n)");
}

my @mids = map { mids(200) } 1 .. 5;
ok(!(grep { $mids[$_] <= $mids[ $_ - 1 ] } 1 .. $#mids), 'message ids of several sessions grow, without preload');
is(scalar(grep { same_maker($_, $mids[0]) } @mids), $named ? 1000 : 200,
	$named ? 'they come from shared memory' : '... of which each has a start of its own');
my @steps = mids(200, 'BEGIN READ ONLY;');
ok(!(grep { $steps[$_] <= $steps[ $_ - 1 ] } 1 .. $#steps) && $steps[0] > $mids[-1], '... in read-only transactions too');
$plain->stop('immediate');

done_testing();
