# What one role has in the outbox costs others neither time nor memory, and nobody
# is overtaken in a conversation.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

my $node = new_node('fair', conf => q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
rtm.sender_memory = 1MB
));
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE ROLE hog; CREATE ROLE other');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub as { my ($role, $sql) = @_; my $out = sql("SET ROLE $role; $sql"); return $out }
sub outcome { my ($id) = @_; return sql("SELECT rtm_wait($id, 120)") }

my $dir = PostgreSQL::Test::Utils::tempdir();
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

# a head that is repeated, and thousands of requests with several recipients behind it
my $head = as('hog', "SELECT rtm_send_message_async(51, 1, 2, 'unless $dir/hog error 200999 no')");
as('hog', q(SELECT count(rtm_send_messages_async(51, 1, ARRAY[2, 3 + i, 100000 + i], 'ok', attrs => 'hog')) FROM generate_series(1, 20000) AS i));
wait_until('attempts', sub { sql("SELECT attempts >= 3 FROM rtm_outbox WHERE id = $head") eq 't' });
for my $n (1 .. 3)
{
	is(outcome(as('other', "SELECT rtm_send_group_message_async(51, 1, $n, 'ok')")), 'done', "another role's message ($n)");
	is(outcome(as('other', "SELECT rtm_send_message_async(51, 70000, 80000 + $n, 'ok')")), 'done', "... to users whom nobody else writes to ($n)");
}

# in a conversation that has messages of the first role waiting, nobody overtakes them
my $shared = as('other', q(SELECT rtm_send_message_async(51, 3 + 15000, 1, 'ok', attrs => 'shared')));
my $free = as('other', q(SELECT rtm_send_message_async(51, 70000, 1, 'ok')));
is(sql("SELECT rtm_wait($shared, 1)"), 'pending', 'a message behind one that was left in the table waits');
is(sql("SELECT count(*) FROM rtm_outbox WHERE params->>'attrs' = 'hog'"), 20000, '... while none of those can leave');
my $context = sql("SELECT 1");

# when the head is through, all of it goes, in order
open(my $out, '>', "$dir/hog") or die $!; close $out;
wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
is(sql('SELECT count(*) FROM rtm_result'), 0, 'nothing failed');
my (@order, %seen);
for my $q ($gate->events('quest'))
{
	my $p = $q->{params};
	next unless ($p->{attrs} || '') =~ /^(hog|shared)$/;
	$seen{ $p->{mid} }++;
	push @order, $p->{attrs} if $p->{attrs} eq 'shared' || grep { $_ == 3 + 15000 } @{ $p->{tos} };
}
is(scalar(keys %seen), 20001, 'all were asked');
is(scalar(grep { $_ > 1 } values %seen), 0, '... once');
is(join(' ', @order), 'hog shared', '... and the shared conversation kept its order');

# turns: under a limit, a role with two messages doesn't wait for one with thousands
sql("ALTER SERVER rtm OPTIONS (ADD rate_limit '200')");
as('hog', q(SELECT count(rtm_send_group_message_async(51, 1, i, 'ok')) FROM generate_series(1, 2000) AS i));
my $quick = as('other', q(SELECT rtm_send_group_message_async(51, 1, 9000, 'ok')));
is(outcome($quick), 'done', 'under a limit: a message of another role');
cmp_ok(sql("SELECT count(*) FROM rtm_outbox"), '>', 1000, '... long before the first one is through');
sql("ALTER SERVER rtm OPTIONS (DROP rate_limit)");
wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });

# answers that can't be put away, as somebody holds their rows, are counted too
{
	my $asking = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => sub {
		my ($self, $q) = @_;
		return $self->good($q, { num => 1, lastid => 1, begin => 1, end => 1, msgs => [ [ 1, 1, 51, 1, 0, \('x' x 20000), \'', 1 ] ] });
	} });
	server_for($node, 'asking', $asking->endpoint);
	sql("ALTER SYSTEM SET rtm.pause = on");
	$node->reload;
	sql("ALTER SYSTEM SET rtm.keep_results = on");
	as('hog', q(SELECT count(rtm_get_group_message_async(1, i, true, 1, server => 'asking')) FROM generate_series(1, 300) AS i));
	my $holder = begin_session($node, { name => 'holder' }, 'BEGIN', 'SELECT count(*) FROM rtm_outbox');
	end_session($holder);
	sql("ALTER SYSTEM RESET rtm.pause");
	$node->reload;
	wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
	is(sql("SELECT count(*) FROM rtm_result WHERE status = 'done' AND server = 'asking'"), 300, 'answers larger than the memory together: all kept');
}

done_testing();
