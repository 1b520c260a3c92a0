# A machine whose cryptographic policy forbids MD5, with which quests are signed: calls
# that wait say so, queued ones wait and say why, and leave when it is allowed again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

# everything has to be approved but random numbers, and nothing is
my $policy = "$ENV{TESTDIR}/policy.cnf";
open(my $out, '>', $policy) or die "$policy: $!";
print $out <<'END';
openssl_conf = init
[init]
alg_section = algorithms
random = random
[algorithms]
default_properties = fips=yes
[random]
random = CTR-DRBG
cipher = AES-256-CTR
properties = -fips
seed = SEED-SRC
seed_properties = -fips
END
close $out;

my $node = new_node('md5', conf => q(
rtm.retry_delay = 10ms
rtm.max_retry_delay = 50ms
));
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub restart
{
	my ($conf) = @_;
	local $ENV{OPENSSL_CONF} = $conf if $conf;
	return $node->restart;
}

sql('CREATE EXTENSION rtm');
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);
restart($policy);
plan skip_all => 'this OpenSSL cannot forbid MD5'
  if $node->psql('postgres', q(SELECT md5('x'))) == 0;

state_is(one($node, q(SELECT rtm_send_group_message(51, 1, 1, 'ok'))), '0A000',
	qr/MD5 is not available.*FIPS/s, 'a call that waits: an error that says what it is');
is(scalar($gate->events('quest')), 0, '... nothing was asked');

my $send = sql(q(SELECT rtm_send_group_message_async(51, 1, 2, 'ok')));
my $any = sql(q(SELECT rtm_call_async('addgroupmembers', '{"gid": 3, "uids": [1]}')));
my $sender = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
for my $id ($send, $any)
{
	$node->poll_query_until('postgres', "SELECT attempts > 5 FROM rtm_outbox WHERE id = $id");
	like(sql("SELECT (error).message FROM rtm_outbox WHERE id = $id"), qr/MD5 is not available/, 'rtm_outbox says why a request waits');
}
is(sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'"), $sender, 'the sender goes on');
like(sql("SELECT last_error FROM rtm_stat_server WHERE server = 'rtm'"), qr/MD5 is not available/, 'rtm_stat_server says it');
is(sql('SELECT count(*) FROM rtm_result'), 0, 'nothing failed');

# a call that mustn't be carried out twice wasn't carried out
restart();
is(sql("SELECT rtm_wait($send, 60)"), 'done', 'MD5 is allowed again: the message leaves');
is(sql("SELECT rtm_wait($any, 60)"), 'done', '... and a call that must not be asked twice');
is(scalar(grep { $_->{method} ne '*ping' } $gate->events('quest')), 2, '... once each');

$node->stop;
done_testing();
