# Every fault of a line that is plain, or encrypted as FPNN does it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use LineFaults;
use RtmTest;
use Test::More;

my $node = new_node('relay', conf => q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
rtm.keep_results = on
));
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
my $endpoint = $node->safe_psql('postgres', "SELECT rtm_gate_setup(secret => '$secret')");
my $key = $node->safe_psql('postgres', 'SELECT rtm_gate_public_key()');

LineFaults::run($node, $endpoint,
	plain => [],
	stream => [ encryption => 'ecdh', public_key => $key ],
	package => [ encryption => 'ecdh', public_key => $key, ecdh_mode => 'package', ecdh_bits => 256 ]);
$node->stop;
done_testing();
