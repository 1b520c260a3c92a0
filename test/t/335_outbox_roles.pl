# Roles and servers that come and go leave nothing behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('roles', conf => q(
autovacuum = off
rtm.sender_connections = 3
rtm.retry_delay = 20ms
max_connections = 20
));
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

# many more roles than there are connections, each with its messages
sql(q(DO $$ BEGIN FOR i IN 1 .. 60 LOOP EXECUTE format('CREATE ROLE short_%s', i); END LOOP; END $$));
for my $round (1 .. 2)
{
	sql(join '', map { "SET ROLE short_$_; SELECT rtm_send_group_message_async(51, 1, i, 'ok') FROM generate_series(1, 5) AS i; RESET ROLE;" } 1 .. 60);
	wait_until("an empty outbox ($round)", sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
}
is(sql('SELECT count(*) FROM rtm_result'), 0, 'messages of 60 roles by three connections: all delivered');
is(scalar(grep { $_->{method} eq 'sendgroupmsg' } $gate->events('quest')), 600, '... once each');

# each server has a place in the statistics; one that is dropped gives it back
sub server
{
	my ($name) = @_;
	server_for($node, $name, $gate->endpoint);
	my $id = sql("SELECT rtm_send_group_message_async(51, 1, 1, 'ok', server => '$name')");
	is(sql("SELECT rtm_wait($id, 60)"), 'done', "a message by server $name") if $name =~ /0$/;
	return sql("SELECT rtm_wait($id, 60)");
}
for my $n (1 .. 70)
{
	server("s$n");
	sql("DROP SERVER s$n CASCADE");
}
server('last');
is(sql("SELECT sent FROM rtm_stat_server WHERE server = 'last'"), 1, 'a server after 70 others that were dropped is counted');

# a right that goes while messages wait: which isn't an option, nor a role's row
sql('CREATE ROLE members; CREATE ROLE member IN ROLE members');
my $port = free_port();
server_for($node, 'closed', "127.0.0.1:$port");
sql('REVOKE USAGE ON FOREIGN SERVER closed FROM PUBLIC; GRANT USAGE ON FOREIGN SERVER closed TO members');
my $waits = sql("SET ROLE member; SELECT rtm_send_group_message_async(51, 1, 1, 'ok', server => 'closed')");
wait_until('an attempt', sub { sql("SELECT attempts FROM rtm_outbox WHERE id = $waits") > 0 });
sql('REVOKE members FROM member');
is(sql("SELECT rtm_wait($waits, 60)"), 'failed', 'membership in the role that may use the server is revoked: the message fails');
like(sql("SELECT error FROM rtm_result WHERE id = $waits"), qr/permission denied/, '... as the result says');
$node->stop;

# fewer file descriptors than connections: they take turns
my $few = new_node('few', conf => q(
autovacuum = off
max_files_per_process = 64
rtm.sender_connections = 60
rtm.log_interval = 1s
));
$few->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($few, 'rtm', $gate->endpoint);
$few->safe_psql('postgres', q(DO $$ BEGIN FOR i IN 1 .. 40 LOOP EXECUTE format('CREATE ROLE short_%s', i); END LOOP; END $$));
$few->safe_psql('postgres', join '', map { "SET ROLE short_$_; SELECT rtm_send_group_message_async(51, 1, i, 'ok') FROM generate_series(1, 5) AS i; RESET ROLE;" } 1 .. 40);
ok($few->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'fewer descriptors than connections: all roles get theirs');
is($few->safe_psql('postgres', q(SELECT count(*) FROM rtm_result)), 0, '... nothing failed');
is($few->safe_psql('postgres', 'SELECT retried FROM rtm_stat_server'), 0, '... no gate seemed to be away');
my $log = slurp_file($few->logfile);
like($log, qr/no file descriptor left for another connection/, '... the log says what is short');
unlike($log, qr/does not answer|could not connect/, '... and blames no gate');

done_testing();
