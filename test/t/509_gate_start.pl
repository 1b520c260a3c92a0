# The local gate is set up by the transaction that creates the extension, as
# migration tools do: it listens from the commit on, or never.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('start', conf => "max_prepared_transactions = 2\nmax_worker_processes = 16\n");
my $gates = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm gate');

sub sql { my ($db, $text) = @_; return $node->safe_psql($db, $text) }

# One string of statements is one transaction.
sub together
{
	my ($db, @statements) = @_;
	my ($out, $err);
	my $ok = IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($db), '-c', join(';', @statements) ], '>', \$out, '2>', \$err);
	return wantarray ? ($ok, $out . $err) : $ok;
}

my @all = ('CREATE EXTENSION rtm', 'CREATE EXTENSION rtm_gate', 'SELECT rtm_gate_setup()');
ok(together('postgres', @all), 'extension and gate in one transaction');
is(sql('postgres', "SELECT mtime > 0 FROM rtm_send_group_message(51, 1, 1, 'hello')"), 't', 'the next one sends');
is(sql('postgres', 'SELECT msg FROM rtm_get_group_message(1, 1, false, 10)'), 'hello', 'and reads');
is(sql('postgres', 'SELECT running FROM rtm_gate_status()'), 't', 'the gate runs');
is(sql('postgres', 'SELECT rtm_gate_stop()'), 't', '... is stopped');
wait_until('its end', sub { sql('postgres', $gates) eq '0' });
like(sql('postgres', 'SELECT rtm_gate_start()'), qr/^127/, '... and started');

sql('postgres', 'CREATE DATABASE two');
my ($ok, $what) = together('two', @all, "SELECT rtm_send_group_message(51, 1, 1, 'too early')");
ok(!$ok, 'the same transaction sends');
like($what, qr/could not connect|refused/i, '... and is refused at once');
wait_until('the end of that gate', sub { sql('postgres', "$gates AND datname = 'two'") eq '0' });

ok(!together('two', @all, 'SELECT 1/0'), 'a transaction that fails');
wait_until('the end of that gate', sub { sql('postgres', "$gates AND datname = 'two'") eq '0' });

my @r = session($node, { db => 'two' }, 'BEGIN', 'CREATE EXTENSION rtm', 'SAVEPOINT s', 'CREATE EXTENSION rtm_gate', 'SELECT rtm_gate_setup()',
	'ROLLBACK TO s', 'CREATE EXTENSION rtm_gate', "SELECT rtm_gate_setup(secret => 'again')", 'COMMIT',
	"SELECT mtime > 0 FROM rtm_send_group_message(51, 1, 1, 'hello')");
is(join(' ', map { $_->{state} } @r), join(' ', ('00000') x 10), 'a savepoint that is given up, and once more');
is($r[-1]{out}, 't', '... the second gate is the one');

sql('postgres', 'CREATE DATABASE three');
@r = session($node, { db => 'three' }, 'BEGIN', @all, "PREPARE TRANSACTION 'p'");
is($r[-1]{state}, '00000', 'a prepared transaction');
sql('three', "COMMIT PREPARED 'p'");
wait_until('the gate to listen', sub { one($node, { db => 'three' }, "SELECT rtm_send_group_message(51, 1, 1, 'hello')")->{state} eq '00000' });
pass('its gate listens when it is committed');

# it goes on like any other
$node->restart;
wait_until('the gates', sub { sql('postgres', $gates) eq '3' });
pass('with the server all of them start');
done_testing();
