# Every fault of a line with TLS, of both versions: in the handshake, and in the
# records behind it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Certificates;
use LineFaults;
use RtmTest;
use Test::More;

plan skip_all => 'there is no program openssl to make certificates with' unless Certificates::possible();

my $node = new_node('relay_tls', conf => q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
rtm.keep_results = on
));
my $ca = Certificates::authority('authority');
my $gate = Certificates::certificate('gate', $ca, 'IP:127.0.0.1');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
my $endpoint = $node->safe_psql('postgres', "SELECT rtm_gate_setup(secret => '$secret')");
$node->safe_psql('postgres', "SELECT rtm_gate_set_certificate(pg_read_file('$gate.pem'), pg_read_file('$gate.key'));
	ALTER SERVER rtm OPTIONS (ADD encryption 'tls', ADD tls_ca_file '$ca.pem'); SELECT rtm_gate_stop()");
wait_until('the gate has stopped', sub { $node->safe_psql('postgres', 'SELECT running FROM rtm_gate_status()') eq 'f' });
$node->safe_psql('postgres', 'SELECT rtm_gate_start()');

my @options = (encryption => 'tls', tls_ca_file => "$ca.pem");
LineFaults::run($node, $endpoint, tls12 => [ @options, tls_max_version => '1.2' ], tls13 => [ @options, tls_max_version => '1.3' ]);
$node->stop;
done_testing();
