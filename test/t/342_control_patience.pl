# How often and how long a request is tried: a server's options, and the settings for those without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('patience', conf => "rtm.max_attempts = 4\nrtm.retry_delay = 10ms\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub state_of { my ($query, $state, $what) = @_; return state_is(one($node, $query), $state, qr/./, $what) }

# A request that the gate refuses for now each time: its end, and how often it was tried.
my $to = 1;
sub fate
{
	my ($server) = @_;
	my $id = sql('SELECT rtm_send_message_async(51, 1, ' . ++$to . ", 'error 20014 stopping', server => '$server')");
	sql("SELECT rtm_wait($id, 120)");
	return sql("SELECT attempts, error FROM rtm_result WHERE id = $id");
}

sql('CREATE EXTENSION rtm');
server_for($node, 'plain', $gate->endpoint);
server_for($node, 'few', $gate->endpoint, max_attempts => 2);
server_for($node, 'many', $gate->endpoint, max_attempts => 7);
server_for($node, 'young', $gate->endpoint, max_attempts => 1000000, max_age => '700ms');
like(fate('plain'), qr/^4\|/, 'a server without: the setting');
like(fate('few'), qr/^2\|/, 'fewer attempts');
like(fate('many'), qr/^7\|/, 'more');
my ($attempts) = split /\|/, fate('young');
cmp_ok($attempts, '>', 4, 'not for long, however often');

# others of the same gate, and changes
like(fate('plain'), qr/^4\|/, 'others are not concerned');
sql("ALTER SERVER few OPTIONS (SET max_attempts '3')");
like(fate('few'), qr/^3\|/, 'an option that is changed');
sql("ALTER SERVER few OPTIONS (DROP max_attempts)");
like(fate('few'), qr/^4\|/, '... and dropped');
sql('ALTER SYSTEM SET rtm.max_attempts = 5; SELECT pg_reload_conf()');
$node->poll_query_until('postgres', "SELECT current_setting('rtm.max_attempts') = '5'") or die;
like(fate('many'), qr/^7\|/, 'a setting that is changed is not an option');

# a longer pause than the longest there is by the settings
sql("ALTER SYSTEM SET rtm.max_retry_delay = '20ms'; SELECT pg_reload_conf()");
server_for($node, 'slow', $gate->endpoint, retry_delay => '1h');
my $id = sql("SELECT rtm_send_message_async(51, 1, 1, 'error 20014 stopping', server => 'slow')");
ok($node->poll_query_until('postgres', "SELECT attempts = 1 AND next_attempt > now() + interval '20 minutes' FROM rtm_outbox WHERE id = $id"), 'the pause before the next attempt');

state_of("ALTER SERVER plain OPTIONS (ADD $_)", 'HV024', "refused: $_") for "max_attempts '0'", "max_attempts '1.5'", "max_age '-1'", "max_age 'soon'", "retry_delay '0'";
$node->stop;
done_testing();
