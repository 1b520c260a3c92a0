# Whose turn it is: what is urgent goes before what isn't, which still gets a share; at a
# server's limit roles have their turns one after the other, and nobody waits for all of
# another role's backlog.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('urgent', conf => "max_prepared_transactions = 5\nrtm.retry_delay = '20ms'\nrtm.max_retry_delay = '100ms'\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub as { my ($role, $query) = @_; my $r = one($node, { user => $role }, $query); $r->{state} eq '00000' or die "$role: $r->{message}"; return $r->{out} }
sub queue { my ($server, $gid, $name, $n, $more) = @_; return "SELECT count(rtm_send_group_message_async(51, 1, $gid, '$name ' || g, server => '$server'" . ($more ? ", $more" : '') . ")) FROM generate_series(1, $n) AS g" }
sub emptied { $node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox') or die "the outbox isn't emptied" }

my $fake = FakeGate->start(pid => $pid, secret => $secret);
my $keep = KeepGate->new;
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN');
server_for($node, 'slow', $fake->endpoint, rate_limit => 100);
server_for($node, 'fast', $keep->endpoint);

# What has come, in order: the messages' names
sub came { return map { my $m = $_->{params}{msg}; $m = $$m if ref $m; $m =~ s/ \d+$//r } grep { $_->{method} eq 'sendgroupmsg' } $fake->events('quest') }

# ---- urgent and not

sql(queue('slow', '100 + g % 40', 'ordinary', 200));
$fake->wait_for('quest', 1);
sql(queue('slow', '100 + g % 40', 'urgent', 80, 'urgent => true'));
emptied();
my @came = came();
is(scalar(@came), 280, 'all have come');
my @urgent = grep { $came[$_] eq 'urgent' } 0 .. $#came;
my $others = $urgent[-1] - $urgent[0] + 1 - @urgent;
cmp_ok($urgent[0], '<', 100, 'what is urgent goes before what was queued before it');
cmp_ok($others, '>=', 6, '... others get a share');
cmp_ok($others, '<=', 12, '... and no more');

# ---- roles

$fake->forget;
as('alice', queue('slow', '200 + g % 40', 'alice', 200));
$fake->wait_for('quest', 1);
as('bob', queue('slow', '300 + g % 40', 'bob', 50));
emptied();
@came = came();
my @bob = grep { $came[$_] eq 'bob' } 0 .. $#came;
cmp_ok($bob[-1] - $bob[0] + 1 - @bob, '<=', 60, 'roles have their turns one after the other');
cmp_ok($bob[0], '<', 100, '... from their first message on');

# a backlog that has no room in memory: whoever comes later isn't behind all of it
$fake->forget;
sql(q(SELECT rtm_pause('slow')));
as('alice', queue('slow', 'g', 'alice', 20000));
as('bob', queue('slow', '100000 + g % 5', 'bob', 30));
as('bob', "SELECT rtm_send_group_message_async(51, 1, 20000, 'bob behind alice 1', server => 'slow')");
sql(q(SELECT rtm_resume('slow')));
wait_until("all of bob's", sub { scalar(grep { $_ eq 'bob' } came()) == 30 });
@came = came();
cmp_ok(scalar(grep { $_ eq 'alice' } @came), '<', 200, 'a role that comes later does not wait for all of the backlog before it');
my $before = grep { $_ eq 'alice' } @came;
wait_until('more', sub { scalar(grep { $_ eq 'alice' } came()) > $before + 20 });
is(scalar(grep { $_ eq 'bob behind alice' } came()), 0, '... but for a message of a conversation of which one is left there');
sql(q(SELECT rtm_pause('slow')));
$node->restart;
$fake->forget;
sql(queue('slow', '100000 + g', 'urgent', 5, 'urgent => true'));
sql(q(SELECT rtm_resume('slow')));
wait_until('what is urgent', sub { scalar(grep { $_ eq 'urgent' } came()) == 5 });
cmp_ok(scalar(grep { $_ ne 'urgent' } came()), '<', 100, 'nor does what is urgent, after a restart');
sql(q(SELECT rtm_pause('slow')));
sql('SELECT count(rtm_discard(id)) FROM rtm_outbox');
emptied();
sql(q(SELECT rtm_resume('slow')));

# the order of conversations when roles and backlogs are mixed, with rows that have to be left, and restarts
my $gids = 3000;
sql(q(SELECT rtm_pause('fast')));
sql('CREATE TABLE queued (n bigint GENERATED ALWAYS AS IDENTITY, gid bigint, urgent boolean, name text); GRANT ALL ON queued TO PUBLIC');
my $mixed = q(DO $$
	DECLARE k bigint;
	BEGIN
		FOR i IN 1 .. %d LOOP
			INSERT INTO queued (gid, urgent, name) VALUES (1 + (i * 7919 + %d) %% %d, i %% 11 = 0, 'mixed') RETURNING n INTO k;
			PERFORM rtm_send_group_message_async(51, 1, gid, 'mixed ' || k, server => 'fast', urgent => urgent) FROM queued WHERE n = k;
		END LOOP;
	END $$);
as('alice', sprintf($mixed, 9500, 1, $gids));
for my $round (1 .. 4)
{
	as($_, sprintf($mixed, 300, $round, $gids)) for 'bob', 'alice';
}
sql(q(SELECT rtm_resume('fast')));
for (1 .. 3)
{
	select(undef, undef, undef, 0.3);
	$node->stop('immediate');
	$node->start;
}
emptied();
my @kept = $keep->kept('mixed');
is(scalar(@kept), 9500 + 2400, 'each is kept');
my %class = map { my ($n, $gid, $urgent) = split /\|/; $n => "$gid $urgent" } split /\n/, sql('SELECT n, gid, urgent FROM queued');
my (%last, $disorder);
for my $n (@kept)
{
	$disorder++ if ($last{ $class{$n} } || 0) > $n;
	$last{ $class{$n} } = $n;
}
is($disorder, undef, '... in the order of its conversation and class');
is(sql('SELECT count(*) FROM rtm_result'), 0, '... and none failed');

# ---- what stays urgent

sql(q(SELECT rtm_pause('fast')));
is(sql(q(BEGIN; SELECT rtm_send_group_message_async(51, 1, 7, 'prepared 1', server => 'fast', urgent => true) > 0; PREPARE TRANSACTION 'p')), 't', 'a prepared transaction');
sql("COMMIT PREPARED 'p'");
sql(q(SELECT rtm_send_group_message_async(51, 1, 7, 'later 1', server => 'fast', urgent => true, send_at => now() + interval '100 ms')));
sql(q(SELECT rtm_send_group_message_async(51, 1, 7, 'error 200032', server => 'fast', urgent => true)));
wait_until('the scheduled one', sub { sql("SELECT count(*) FROM rtm_internal.rtm_request WHERE seq > 1::bigint << 61") eq 3 });
is(sql('SELECT bool_and(urgent), count(*) FROM rtm_outbox'), 't|3', 'prepared and scheduled ones are urgent, too');
sql(q(SELECT rtm_resume('fast')));
emptied();
sql(q(SELECT rtm_pause('fast')));
is(sql('SELECT count(rtm_retry(id)) FROM rtm_result'), 1, 'one that failed');
is(sql('SELECT bool_and(urgent), count(*) FROM rtm_outbox'), 't|1', '... is urgent when it is tried again');
sql(q(SELECT rtm_resume('fast')));
emptied();
is(join(' ', $keep->kept('prepared'), $keep->kept('later')), '1 1', '... all sent');
is(sql("SELECT rtm_send_group_message_async(51, 1, 7, 'null 1', server => 'fast', urgent => NULL) > 0"), 't', 'NULL is not urgent');
emptied();

done_testing();
