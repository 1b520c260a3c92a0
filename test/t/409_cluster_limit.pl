# Two clusters of one project that know nothing of each other, and together queue far
# more than the project may send: the gate's refusals share the limit out between them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(time);

my $limit = 100;
my $gate = new_node('gate', conf => "rtm_gate.rate_limit = $limit\n");
$gate->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
my ($endpoint, $key) = split /\|/, $gate->safe_psql('postgres', q(
	SELECT (SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'endpoint'),
		(SELECT option_value FROM pg_options_to_table(m.umoptions) WHERE option_name = 'secret')
	FROM pg_foreign_server s JOIN pg_user_mappings m ON m.srvid = s.oid WHERE s.srvname = 'rtm'));

my @clusters = map { new_node($_) } qw(one two);
for my $node (@clusters)
{
	$node->safe_psql('postgres', qq(CREATE EXTENSION rtm;
		CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$endpoint', pid '$pid');
		CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$key')));
}
my $since = time;
for my $node (@clusters)
{
	my $name = $node->name;
	$node->safe_psql('postgres', "SELECT count(rtm_send_group_message_async(51, 1, i, '$name ' || i)) FROM generate_series(1, 1000) AS i");
}
for my $node (@clusters)
{
	wait_until($node->name . ' is through', sub { $node->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox') == 0 });
	note sprintf('%s: %.1f s', $node->name, time - $since);
}
for my $node (@clusters)
{
	is($node->safe_psql('postgres', 'SELECT count(*) FROM rtm_result'), 0, $node->name . ': nothing failed');
	# some for each second, not one for each message
	my $refused = $node->safe_psql('postgres', 'SELECT coalesce(sum(count), 0) FROM rtm_stat_error WHERE code = 200010');
	cmp_ok($refused, '<', 1000, $node->name . ": $refused refusals");
}
is($gate->safe_psql('postgres', 'SELECT count(*), count(DISTINCT msg) FROM rtm_gate.message'), '2000|2000', 'all of them are at the gate, once');

done_testing();
