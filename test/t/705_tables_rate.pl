# How fast foreign tables are read and written: a server's rate_limit is shared with the
# sender and between sessions, a gate that refuses for the rate is asked again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('rate');
my $false = Msgpack::raw("\xc2");

# Each group has one message.
sub history
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my @entries = $p->{lastid} ? () : ([ 1, 7, 51, 1, $false, \"of $p->{gid}", \'', 1790000000000 ]);
	return $self->good($q, { num => scalar(@entries), lastid => 1, begin => 0, end => 0, msgs => \@entries });
}

# "refused N ..." is refused for the rate N times, by each connection.
my %refused;
sub send_message
{
	my ($self, $q) = @_;
	my $msg = ref $q->{params}{msg} ? ${ $q->{params}{msg} } : $q->{params}{msg};
	return $self->error($q, 200010, 'slowly') if $msg =~ /^refused (\d+)/ && $refused{$msg}++ < $1;
	$self->note('taken', msg => $msg);
	return $self->good($q);
}

my $gate = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => \&history, sendgroupmsg => \&send_message });
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint, rate_limit => 50);
server_for($node, 'free', $gate->endpoint, queued => 'false');
server_for($node, 'crawl', $gate->endpoint, rate_limit => 1);
$node->safe_psql('postgres', qq(
	CREATE SCHEMA $_;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER $_ INTO $_ OPTIONS (uid '1');)) for qw(rtm free crawl);
$node->safe_psql('postgres', q(
	CREATE SCHEMA direct;
	IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO direct OPTIONS (uid '1');
	ALTER FOREIGN TABLE direct.group_message OPTIONS (ADD queued 'false');));

# ---- one budget

# 60 queued messages, 50 inserted at once, and 40 histories of two calls each; every kind in a process of its own
$node->safe_psql('postgres', "SELECT rtm_send_group_message_async(51, 1, 100 + i, 'queued') FROM generate_series(1, 60) i");
$gate->wait_for('quest', 1);
my @sessions = map { begin_session($node, $_) }
	"SELECT count(*), sum(id) FROM rtm.group_message WHERE gid = ANY (ARRAY(SELECT generate_series(1, 40)))",
	"INSERT INTO direct.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, i, 'at once' FROM generate_series(1, 50) i";
is(end_session($sessions[0])->{out}, '40|40', 'a scan that keeps to the limit');
is(end_session($sessions[1])->{state}, '00000', 'an INSERT that keeps to it');
wait_until('an empty outbox', sub { $node->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox') eq 0 });
my @kinds = map { $_->{method} eq 'getgroupmsg' ? 'read' : ref $_->{params}{msg} ? ${ $_->{params}{msg} } : $_->{params}{msg} }
	grep { $_->{method} ne '*ping' } $gate->events('quest');
is(scalar(@kinds), 190, 'as many quests as it takes') or diag join ' ', @kinds;
my @at = sort { $a <=> $b } map { $_->{at} } $gate->events('quest');
cmp_ok($at[-1] - $at[0], '>', (190 - 10) / 50, '... no more than the limit lets through');

# until the first kind is through, none of those that had begun waits for another's end
my %n;
my %all = (read => 80, queued => 60, 'at once' => 50);
my $together = 0;
for my $kind (@kinds)
{
	$n{$kind}++;
	last if $n{$kind} == $all{$kind};
	$together++ if keys %n == 3;
}
cmp_ok($together, '>', 20, '... and they take turns') or diag explain \%n;

# ---- waiting for a turn

my @r = session($node, 'SELECT count(*) FROM crawl.group_message WHERE gid = 1', "SET statement_timeout = '300ms'",
	'SELECT count(*) FROM crawl.group_message WHERE gid BETWEEN 1 AND 1 OR gid IN (1, 2, 3, 4, 5, 6, 7, 8, 9)',
	'SELECT count(*) FROM crawl.group_message WHERE gid IN (1, 2, 3, 4, 5, 6, 7, 8, 9)',
	'SET statement_timeout = 0', 'ALTER SERVER crawl OPTIONS (DROP rate_limit)',
	'SELECT count(*) FROM crawl.group_message WHERE gid IN (1, 2, 3, 4, 5, 6, 7, 8, 9)');
is($r[0]{out}, 1, 'one call a second');
is($r[3]{state}, '57014', 'who waits for a turn can be cancelled');
is($r[6]{out}, 9, 'without the limit nobody waits');

# the limit is lifted while somebody waits: no turn that was given counts any more
$node->safe_psql('postgres', "ALTER SERVER crawl OPTIONS (ADD rate_limit '1')");
my $waiting = begin_session($node, { name => 'waits' }, 'SELECT count(*) FROM crawl.group_message WHERE gid = ANY (ARRAY(SELECT generate_series(1, 500)))');
wait_until('the wait', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waits' AND wait_event_type = 'Extension'") });
$node->safe_psql('postgres', "ALTER SERVER crawl OPTIONS (DROP rate_limit)");
is(end_session($waiting)->{out}, 500, 'ALTER SERVER counts for a scan that is under way');

# ---- a gate that refuses for the rate

$gate->forget;
is(one($node, "INSERT INTO free.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 7, 'refused ' || i % 3 || ' ' || i FROM generate_series(1, 30) i")->{state}, '00000',
	'a batch some of which is refused for the rate');
my %taken;
$taken{ $_->{msg} }++ for $gate->events('taken');
is(scalar(keys %taken), 30, '... is sent whole');
is(scalar(grep { $_ != 1 } values %taken), 0, '... each message once');
is(one($node, "INSERT INTO free.group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 7, 'refused 2 alone') RETURNING mid > 0")->{out}, 't', 'one with RETURNING');
state_is(one($node, "INSERT INTO free.group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 7, 'refused 99')"), 'RTM10', undef, 'a gate that goes on refusing');
state_is(one($node, "SELECT rtm_send_group_message(51, 1, 7, 'refused 1 by a function')"), 'RTM10', undef, 'a function does not wait');

done_testing();
