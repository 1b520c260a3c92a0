# What was queued spills to disk; an error of that, which a savepoint catches, loses nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('spill', conf => "rtm.pause = on\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);

# Queue 20 MB, where 16 MB are kept in memory and the file may have 1 MB: each call in a savepoint.
my $queue = q{DO $$
	DECLARE failed int := 0;
	BEGIN
		FOR i IN 1 .. 1000 LOOP
			BEGIN
				PERFORM rtm_send_message_async(51, 1, 2, lpad(i::text, 20000, 'x'));
			EXCEPTION WHEN configuration_limit_exceeded OR insufficient_resources THEN
				failed := failed + 1;
			END;
		END LOOP;
		IF failed = 0 THEN RAISE 'the limit was not met'; END IF;
		PERFORM set_config('temp_file_limit', '-1', true); -- as if there were room on the disk again
	END $$};
sub rows { return $node->safe_psql('postgres', 'SELECT count(*) FROM rtm_internal.rtm_request') }

my @r = session($node, "SET temp_file_limit = '1MB'", $queue);
state_is($r[1], '53000', qr/were lost/, 'a transaction some of whose requests cannot be kept does not commit');
is(rows(), 0, '... and queues nothing');

# without the limit, all of them
($queue = $queue) =~ s/IF failed = 0/IF failed > 0/;
@r = session($node, $queue);
is("$r[0]{state} " . rows(), '00000 1000', 'rows that spilled are all queued');
done_testing();
