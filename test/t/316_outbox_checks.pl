# What queueing refuses, so that nobody waits for what can't be sent; and what is queued
# again.
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
my $node = new_node('checks');
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);

# 9.6 what the synchronous function refuses, with the same SQLSTATE
sql("CREATE FOREIGN DATA WRAPPER other; CREATE SERVER strange FOREIGN DATA WRAPPER other; CREATE USER MAPPING FOR PUBLIC SERVER strange;"
	. " CREATE SERVER bare FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1'); CREATE USER MAPPING FOR PUBLIC SERVER bare;"
	. " CREATE SERVER unmapped FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1')");
for my $server ('strange', 'bare', 'unmapped', 'missing')
{
	my @r = session($node, "SELECT rtm_send_message(51, 1, 2, 'x', server => '$server')", "SELECT rtm_send_message_async(51, 1, 2, 'x', server => '$server')",
		"SELECT rtm_call_async('sendmsg', server => '$server')");
	isnt($r[0]{state}, '00000', "server $server: the synchronous function refuses it");
	is("$r[1]{state} $r[2]{state}", "$r[0]{state} $r[0]{state}", '... and so do those that queue');
}
my @r = session($node, "SELECT rtm_send_message_async(51, 1, 2, 'x', server => 'bare')", "ALTER USER MAPPING FOR PUBLIC SERVER bare OPTIONS (secret 's')",
	"SELECT rtm_send_message_async(51, 1, 2, 'x', server => 'bare') > 0", "ALTER USER MAPPING FOR PUBLIC SERVER bare OPTIONS (DROP secret)",
	"SELECT rtm_send_message_async(51, 1, 2, 'x', server => 'bare')");
is(join(' ', map { $_->{state} eq '00000' ? 'ok' : 'no' } @r), 'no ok ok ok no', 'a mapping that is altered in the session counts at once');

# 10.3 recipients
@r = session($node, "SELECT rtm_send_messages_async(51, 1, (SELECT array_agg(g) FROM generate_series(2, 2001) AS g)::bigint[], 'most') > 0",
	"SELECT rtm_send_messages_async(51, 1, (SELECT array_agg(g) FROM generate_series(2, 2002) AS g)::bigint[], 'x')",
	"SELECT rtm_send_messages(51, 1, (SELECT array_agg(g) FROM generate_series(2, 2002) AS g)::bigint[], 'x')");
is($r[0]{state}, '00000', '2000 recipients');
state_is($r[1], 'RTM32', qr/2001 elements/, '2001 are too many');
state_is($r[2], 'RTM32', undef, '... for the synchronous function too');

# 10.13 a callback that was dropped, and what has its name now
sql('CREATE ROLE app LOGIN; CREATE ROLE lib; CREATE ROLE thief; CREATE SCHEMA lib; GRANT USAGE, CREATE ON SCHEMA lib TO lib, thief; GRANT USAGE ON SCHEMA lib TO app; GRANT USAGE ON FOREIGN SERVER rtm TO app');
my $create = 'CREATE FUNCTION lib.done(bigint, bigint, rtm_error) RETURNS void LANGUAGE sql AS $$ SELECT $$';
sql("SET ROLE lib; $create");
my $id = (session($node, 'SET ROLE app', "SELECT rtm_send_message_async(51, 1, 2, 'error 200020 x', callback => 'lib.done(bigint,bigint,rtm_error)')"))[1]{out};
is(sql("SELECT rtm_wait($id, 60)"), 'failed', 'a request with a callback');
ok($node->poll_query_until('postgres', "SELECT callback_status = 'done' FROM rtm_result WHERE id = $id"), '... which has run');
sql("DROP FUNCTION lib.done; SET ROLE thief; $create");
@r = session($node, 'SET ROLE app', "SELECT rtm_retry($id)");
state_is($r[1], '55000', qr/its callback lib\.done was dropped, and the function that has the name now belongs to another role/, "its callback's name is another role's now: refused");
sql("DROP FUNCTION lib.done; SET ROLE lib; $create");
@r = session($node, 'SET ROLE app', "SELECT rtm_retry($id)");
is($r[1]{out}, 't', '... made again by the same role: queued again');
is(sql("SELECT rtm_wait($id, 60)"), 'failed', '... and carried out');
ok($node->poll_query_until('postgres', "SELECT callback_status = 'done' AND callback = 'lib.done(bigint,bigint,rtm_error)'::regprocedure FROM rtm_result WHERE id = $id"), '... the callback too');

# 6.3 an id is found by an index
sql("CREATE SERVER dead FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1'); CREATE USER MAPPING FOR PUBLIC SERVER dead OPTIONS (secret 's')");
sql("SELECT count(rtm_send_message_async(51, 1, 2, 'x', server => 'dead')) FROM generate_series(1, 20000)");
my $reads = "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_all_tables WHERE schemaname = 'rtm_internal'";
my $before = sql("SELECT pg_stat_force_next_flush(); $reads");
is(sql("BEGIN; SELECT count(*) FILTER (WHERE rtm_discard(i)) FROM (SELECT id AS i FROM rtm_outbox WHERE server = 'dead' OFFSET 0) AS o; SELECT pg_stat_force_next_flush(); COMMIT"), "20000\n", 'all of 20,000 are discarded');
cmp_ok(sql($reads) - $before, '<', 500000, '... and the table is not read for each');
is(sql("SELECT count(*) FROM rtm_outbox WHERE server = 'dead'"), 0, '... they are gone');

$node->stop;
done_testing();
