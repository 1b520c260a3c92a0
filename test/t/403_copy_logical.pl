# Rows that came into an outbox by logical replication, or by COPY, are sent by
# nobody but the database that queued them; and the publisher's sender can write
# its table while all tables are published.
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
my $conf = "wal_level = logical\nmax_wal_senders = 8\nrtm.retry_delay = '20ms'\nrtm.max_retry_delay = '50ms'\nmax_worker_processes = 16\n";
my ($publisher, $subscriber) = map { new_node($_, conf => $conf) } 'publisher', 'subscriber';
my $nowhere = '127.0.0.1:' . free_port();

for my $node ($publisher, $subscriber)
{
	$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE TABLE app (x int PRIMARY KEY)');
	server_for($node, 'rtm', $gate->endpoint);
}

# so that ids say which database a request is of (the same ones are in 404_copy_ids.pl)
$subscriber->safe_psql('postgres', q(SELECT setval('rtm_internal.rtm_request_id_seq', 1000000)));

sub enqueue
{
	my ($node, $name, $from, $to) = @_;
	return $node->safe_psql('postgres', "SELECT count(rtm_send_message_async(51, 1, 100 + g, '$name ' || g)) FROM generate_series($from, $to) AS g");
}

sub pause
{
	my ($node, $on) = @_;
	$node->append_conf('postgresql.conf', "rtm.pause = $on\n");
	$node->reload;
	return unless $on eq 'on';
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_stat_worker WHERE state = 'paused' AND worker = 'rtm sender'") or die 'not paused';
}

my $own = 0;

sub sends_its_own
{
	my ($what) = @_;
	my $n = ++$own;
	my $id = $subscriber->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 3, 'own $n')");
	is($subscriber->safe_psql('postgres', "SELECT rtm_wait($id, 60)"), 'done', "$what: the subscriber sends what it queues itself");
}

# The first copy, and rows that are applied

# each has had a sender that wrote down its origin
$_->poll_query_until('postgres', 'SELECT count(*) = 1 FROM rtm_internal.rtm_origin') or die for $publisher, $subscriber;
pause($publisher, 'on');
enqueue($publisher, 'copied', 1, 20);
$publisher->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION \$\$" . $publisher->connstr('postgres') . "\$\$ PUBLICATION everything");
$subscriber->wait_for_subscription_sync($publisher, 's');
is($subscriber->safe_psql('postgres', 'SELECT count(*), count(*) FILTER (WHERE held) FROM rtm_outbox'), '20|20', 'the first copy: the rows are there, and held');
sends_its_own('the first copy');
enqueue($publisher, 'applied', 1, 20);
$publisher->wait_for_catchup('s');
sends_its_own('applied');
is($subscriber->safe_psql('postgres', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '0|40|holding', 'rows that were applied are held');
$subscriber->restart;
sends_its_own('started again');
is($subscriber->safe_psql('postgres', 'SELECT queued, held, sender FROM rtm_stat_outbox'), '0|40|holding', 'started again: they are held');
is(scalar(grep { $_->{msg} =~ /copied|applied/ } $gate->events), 0, 'the subscriber has sent none of them');

# The publisher tries in vain for a while, which its rows note, then sends

$publisher->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (SET endpoint '$nowhere')");
pause($publisher, 'off');
ok($publisher->poll_query_until('postgres', 'SELECT count(*) = 20 FROM rtm_outbox WHERE attempts > 1 AND error IS NOT NULL'), 'a publisher notes failed attempts');
is($publisher->safe_psql('postgres', "SELECT count(*) FROM rtm_stat_worker WHERE last_error IS NOT NULL"), 0, '... without an error of its own');
$publisher->safe_psql('postgres', "ALTER SERVER rtm OPTIONS (SET endpoint '" . $gate->endpoint . "')");
ok($publisher->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'the publisher sends');
is(scalar(grep { $_ } $gate->kept('copied'), $gate->kept('applied')), 40, '... each message once');
is(scalar($gate->events('refused')), 0, '... and nobody else has');
$publisher->wait_for_catchup('s');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'the subscriber has none of them any more');
sends_its_own('at the end');

# a request that failed is kept by both, and is nobody's work at the subscriber
$publisher->safe_psql('postgres', "SELECT rtm_send_message_async(51, 1, 2, 'error 200020 no')");
ok($publisher->poll_query_until('postgres', 'SELECT count(*) = 1 FROM rtm_result'), 'a request that failed');
# the sender's commits are seen before they are written, and a catch-up waits for what is written
ok($subscriber->poll_query_until('postgres', "SELECT array_agg(status) = '{failed}' FROM rtm_result"), '... is known to the subscriber');
$publisher->safe_psql('postgres', 'INSERT INTO app VALUES (1)');
$publisher->wait_for_catchup('s');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM app'), 1, 'the replication works on');

# What somebody copies by hand

pause($publisher, 'on');
enqueue($publisher, 'by hand', 1, 10);
my $rows = $publisher->safe_psql('postgres', 'COPY rtm_internal.rtm_request TO STDOUT');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s; TRUNCATE rtm_internal.rtm_request');
$subscriber->psql('postgres', "COPY rtm_internal.rtm_request FROM STDIN;\n$rows\n\\.\n", on_error_die => 1);
sends_its_own('COPY');
is($subscriber->safe_psql('postgres', 'SELECT queued, held FROM rtm_stat_outbox'), '0|10', 'rows that came by COPY are held');
is(scalar($gate->came('by hand')), 0, '... and not sent');
is($subscriber->safe_psql('postgres', 'SELECT rtm_adopt_held()'), 10, '... until they are adopted');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... sent');
is_deeply([ sort { $a <=> $b } $gate->kept('by hand') ], [ 1 .. 10 ], '... each once');

# Where OIDs mean something else: a request goes by the names of its role, server
# and callback.  Here the OIDs are those of others, which a mistake would use.

my %tell = map { $_ => "CREATE FUNCTION $_(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'INSERT INTO told VALUES (''$_'', current_user)'" }
	'hear', 'mishear';
$_->safe_psql('postgres', 'CREATE TABLE told (who text, as_role text); GRANT INSERT ON told TO PUBLIC') for $publisher, $subscriber;
$publisher->safe_psql('postgres', "TRUNCATE rtm_internal.rtm_request, rtm_internal.rtm_finished; CREATE ROLE app; $tell{hear}");
server_for($publisher, 'shop', $gate->endpoint);
$subscriber->safe_psql('postgres', "CREATE ROLE wrong; $tell{mishear}");
server_for($subscriber, 'decoy', $gate->endpoint);
my %wrong = map { my ($column, $query) = @$_; ($column => $subscriber->safe_psql('postgres', $query)) }
	[ owner => q(SELECT 'wrong'::regrole::oid) ], [ server => q(SELECT oid FROM pg_foreign_server WHERE srvname = 'decoy') ],
	[ callback => q(SELECT 'mishear'::regproc::oid) ];

# Copy a table's rows, with these values in place of the publisher's.
sub copy_rows
{
	my ($table, %values) = @_;
	my @columns = split /,/, $publisher->safe_psql('postgres', "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0");
	my @rows = map { my %row; @row{@columns} = split /\t/, $_, -1; \%row } split /\n/, $publisher->safe_psql('postgres', "COPY $table TO STDOUT");
	for my $row (@rows)
	{
		$row->{$_} ne '\N' and $row->{$_} = $values{$_} for keys %values;
	}
	$subscriber->psql('postgres', "COPY $table FROM STDIN;\n" . join("\n", map { join "\t", @$_{@columns} } @rows) . "\n\\.\n", on_error_die => 1);
	return scalar @rows;
}

sub adopt
{
	my ($n, $why, $what) = @_;
	my $err = '';
	$subscriber->psql('postgres', 'SELECT rtm_adopt_held()', stdout => \my $out, stderr => \$err);
	is($out, $n, "$what: $n adopted");
	like($err, $why, '... and why not more');
}

my $told = 'SELECT string_agg(DISTINCT who || $$ as $$ || as_role, $$, $$), count(*) FROM told';
my @shown = ("SELECT DISTINCT server, owner, callback, callback_name, held FROM rtm_outbox", "SELECT DISTINCT server, owner, callback, callback_name, held FROM rtm_result");
$publisher->safe_psql('postgres', q(SET ROLE app; SELECT count(rtm_send_message_async(51, 1, 2, 'by name ' || g, server => 'shop',
	callback => CASE WHEN g % 2 = 0 THEN 'hear'::regproc END)) FROM generate_series(1, 6) AS g));
is($publisher->safe_psql('postgres', 'SELECT DISTINCT owner_name, server_name, callback_name FROM rtm_internal.rtm_request ORDER BY 3'),
	"app|shop|public.hear\napp|shop|", 'a request has the names of its role, server and callback');
copy_rows('rtm_internal.rtm_request', %wrong);
sends_its_own('by name');
is($subscriber->safe_psql('postgres', "$shown[0] ORDER BY callback_name"), "shop|||public.hear|t\nshop||||t", 'the view shows the names, not what has the OIDs');
is($subscriber->safe_psql('postgres', "SELECT server, queued, held FROM rtm_stat_server ORDER BY server"), "decoy|0|0\nrtm|0|0", '... and counts them for no other server');
is($subscriber->safe_psql('postgres', 'SET ROLE wrong; SELECT count(*) FROM rtm_outbox'), 0, '... nor shows them to the role with the OID');
my $first = $subscriber->safe_psql('postgres', 'SELECT min(id) FROM rtm_outbox');
isnt($subscriber->psql('postgres', "SET ROLE wrong; SELECT rtm_discard($first)"), 0, '... which cannot discard them');
adopt(0, qr/WARNING:  6 requests stay held\nDETAIL:  Request $first: role "app" does not exist\.\nHINT:  Create what is missing/, 'no role of that name');
$subscriber->safe_psql('postgres', 'CREATE ROLE app');
adopt(0, qr/server "shop" does not exist/, 'no server of that name');
server_for($subscriber, 'shop', $gate->endpoint);
adopt(0, qr/6 requests stay held\nDETAIL:  Request \d+: there is no function public\.hear with/, 'no callback: those without one wait with it');
$subscriber->safe_psql('postgres', q(CREATE FUNCTION hear(text) RETURNS void LANGUAGE sql AS ''));
adopt(0, qr/no function public\.hear/, 'one with other arguments');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox WHERE held'), 6, '... all of them are held');
$subscriber->safe_psql('postgres', $tell{hear});
is($subscriber->safe_psql('postgres', "$shown[0] ORDER BY callback_name"), "shop|app|hear(bigint,bigint,rtm_error)|public.hear|t\nshop|app|||t", 'the view shows what would be used');
is($subscriber->safe_psql('postgres', "SELECT held FROM rtm_stat_server WHERE server = 'shop'"), 6, '... and counts them for that server');
adopt(6, qr/^$/, 'everything is there');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... sent');
is_deeply([ $gate->kept('by name') ], [ 1 .. 6 ], '... each once, in order');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 3 FROM told'), '... callbacks run');
is($subscriber->safe_psql('postgres', $told), 'hear as app|3', '... of that name, as that role');
is($subscriber->safe_psql('postgres', "SELECT sent, failed, retried FROM rtm_stat_server WHERE server = 'decoy'"), '0|0|0', '... and nothing went to the server with the OID');

# one of a server that isn't there doesn't keep those of others
$publisher->safe_psql('postgres', q(TRUNCATE rtm_internal.rtm_request; SELECT rtm_send_message_async(51, 1, 2, 'split 1', server => 'shop'), rtm_send_message_async(51, 1, 2, 'split 2', server => 'rtm')));
copy_rows('rtm_internal.rtm_request');
$subscriber->safe_psql('postgres', 'ALTER SERVER shop RENAME TO store');
adopt(1, qr/1 request stays held\nDETAIL:  Request \d+: server "shop" does not exist/, 'one of two servers');
$subscriber->safe_psql('postgres', 'ALTER SERVER store RENAME TO shop');
adopt(1, qr/^$/, 'the other one');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), '... sent');

# rows that have no names
copy_rows('rtm_internal.rtm_request', %wrong, map { $_ => '\N' } 'owner_name', 'server_name', 'callback_name');
adopt(0, qr/2 requests stay held\nDETAIL:  Request \d+: it has no names/, 'no names');
is($subscriber->safe_psql('postgres', 'SELECT DISTINCT server FROM rtm_outbox'), '', '... the view does not guess');
is($subscriber->safe_psql('postgres', 'SELECT rtm_discard_held()'), 2, '... discarded');

# what has failed, and callbacks that are due
$publisher->safe_psql('postgres', 'TRUNCATE rtm_internal.rtm_request');
pause($publisher, 'off');
my $failed = $publisher->safe_psql('postgres', q(SET ROLE app; SELECT rtm_send_message_async(51, 1, 2, 'error 200020 no', server => 'shop', callback => 'hear'::regproc)));
ok($publisher->poll_query_until('postgres', "SELECT count(*) = 1 FROM rtm_result WHERE callback_status = 'done'"), 'one that fails');
copy_rows('rtm_internal.rtm_finished', %wrong);
is($subscriber->safe_psql('postgres', "$shown[1] WHERE id = $failed"), 'shop|app|hear(bigint,bigint,rtm_error)|public.hear|f', 'the other view shows the names');
$subscriber->safe_psql('postgres', 'ALTER SERVER shop RENAME TO store; TRUNCATE told');
my @r = session($subscriber, "SELECT rtm_retry($failed)", 'SET ROLE wrong', "SELECT rtm_retry($failed)", "SELECT rtm_wait($failed)");
state_is($r[0], '55000', qr/which another database queued, cannot be queued here/, 'rtm_retry: no server of that name');
state_is($r[$_], '42501', undef, 'the role with the OID') for 2, 3;
$subscriber->safe_psql('postgres', "UPDATE rtm_internal.rtm_finished SET callback_due = 1 WHERE id = $failed");
is($subscriber->safe_psql('postgres', "SELECT held FROM rtm_result WHERE id = $failed"), 't', 'a callback that is due');
$subscriber->safe_psql('postgres', 'ALTER FUNCTION hear(bigint, bigint, rtm_error) RENAME TO listen');
adopt(0, qr/1 request stays held\nDETAIL:  A callback/, 'its function is not there');
$subscriber->safe_psql('postgres', 'ALTER FUNCTION listen RENAME TO hear');
adopt(1, qr/^$/, 'it is');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 1 FROM told'), '... and runs');
is($subscriber->safe_psql('postgres', $told), 'hear as app|1', '... by that name, as that role');
is($subscriber->safe_psql('postgres', "SELECT server, callback_status FROM rtm_result WHERE id = $failed"), 'shop|done', '... its server is known by name only');
$subscriber->safe_psql('postgres', 'ALTER SERVER store RENAME TO shop');
is($subscriber->safe_psql('postgres', "SELECT rtm_retry($failed)"), 't', 'rtm_retry, when it is there');
is($subscriber->safe_psql('postgres', "SELECT rtm_wait($failed, 60)"), 'failed', '... is sent, and fails again');
is($subscriber->safe_psql('postgres', "SELECT failed FROM rtm_stat_server WHERE server = 'decoy'"), 0, '... elsewhere than at the server with the OID');

# a server that was dropped and made again is the one of that name; a renamed one is the same
$subscriber->safe_psql('postgres', 'DROP SERVER shop CASCADE');
is($subscriber->safe_psql('postgres', "SELECT server FROM rtm_result WHERE id = $failed"), 'shop', 'the name of a server that was dropped');
server_for($subscriber, 'shop', $nowhere);
is($subscriber->safe_psql('postgres', "SELECT rtm_retry($failed)"), 't', 'a server that was made again');
ok($subscriber->poll_query_until('postgres', "SELECT attempts > 1 AND server = 'shop' FROM rtm_outbox WHERE id = $failed"), '... is used');
$subscriber->safe_psql('postgres', 'ALTER SERVER shop RENAME TO store');
is($subscriber->safe_psql('postgres', "SELECT server FROM rtm_outbox WHERE id = $failed"), 'store', 'a server that was renamed');
is($subscriber->safe_psql('postgres', "SELECT count(*) FROM rtm_stat_worker WHERE last_error IS NOT NULL"), 0, 'no worker has failed');
$_->stop for $publisher, $subscriber;

done_testing();
