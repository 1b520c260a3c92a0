# A backend that has sent much, and failed much, is no larger than one that has
# begun: its memory contexts, its data segment (malloc), its descriptors.  The
# same for the sender, the callback worker and the local gate.
#
# LEAK_SENDS and LEAK_FAILURES say how many (a million and a hundred thousand
# take about five minutes).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use List::Util qw(max min sum);
use NameServer;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

plan skip_all => 'there is no /proc to look into' unless -r "/proc/$$/status";

my $sends = $ENV{LEAK_SENDS} || 20000;
my $failures = $ENV{LEAK_FAILURES} || 4000;

# A round is what is repeated; the first ones fill caches.  All are of one size,
# however many there are: so is what they take for a moment.
my $rounds = int($sends / 2000);

# What a process may grow by after that, whatever it does: a few pages of malloc's.
my $most = 256;					# kB

my $ns = NameServer->start;
my $node = new_node('leaks', conf => "rtm.name_servers = '" . $ns->address . "'\nfsync = off\nsynchronous_commit = off\nautovacuum = off\nrtm.keep_results = off\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sql('CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
my $endpoint = sql("SELECT rtm_gate_setup(secret => '$secret')");
my $key = sql('SELECT rtm_gate_public_key()');
my $other_key = sql("SELECT rtm_gate_new_key('secp256r1')");
my $fake = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'fake', $fake->endpoint);
server_for($node, 'dead', '127.0.0.1:' . free_port());
server_for($node, 'noname', 'gate.test:1');
server_for($node, 'ecdh', $endpoint, encryption => 'ecdh', public_key => $other_key);
server_for($node, 'wrong_key', $endpoint, encryption => 'ecdh', public_key => $key);
server_for($node, 'no_tls', $endpoint, encryption => 'tls', tls_verify => 'false');
sql("CREATE SERVER unmapped FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$endpoint', pid '$pid')");
sql("SELECT rtm_send_group_message(51, 1, 7, 'twice', mid => 1)");

# Failed sends: what, SQLSTATE, the share of them all.  A tenth of them makes a
# new connection, or finds the old one lost.
my @failing = (
	[ q(rtm_send_group_message(51, 1, 7, 'twice', mid => 1)), 'RTM53', 40 ],
	[ q(rtm_send_group_message(51, 1, 7, repeat('long', 10000))), 'RTM30', 10 ],
	[ q(rtm_send_group_message(500, 1, 7, 'x')), 'RTM05', 10 ],
	[ q(rtm_send_group_message(51, 1, 7, 'x', server => 'unmapped')), '42704', 10 ],
	[ q(rtm_send_group_message(51, 1, 7, 'x', server => 'dead')), 'HV00N', 15 ],
	[ q(rtm_send_group_message(51, 1, 7, 'x', server => 'noname')), 'HV00N', 5 ],
	[ q(rtm_call('sendgroupmsg', '{"msg": "text", "deep": [[{"a": {"base64": "AAAA"}}]]}', server => 'rtm')), 'FP109', 2 ],
	[ q(rtm_send_message(51, 1, 7, 'close', server => 'fake')), 'FP202', 2 ],
	[ q(rtm_send_message(51, 1, 7, 'payload c1', server => 'fake')), 'FP206|FP209', 2 ],
	[ q(rtm_send_message(51, 1, 7, 'stall', timeout => 0.002, server => 'fake')), 'FP203|HV00N', 1 ],
	[ q(rtm_send_message(51, 1, 7, 'x', server => 'wrong_key')), 'HV00N', 1 ],
	[ q(rtm_send_message(51, 1, 7, 'x', server => 'no_tls')), 'HV00N', 2 ]);
is(sum(map { $_->[2] } @failing), 100, 'shares of failed sends are percents');

sql(q(CREATE FUNCTION failing(call text, states text, n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE failed bigint := 0;
	BEGIN
		FOR i IN 1 .. n LOOP
			BEGIN
				EXECUTE call;
			EXCEPTION WHEN OTHERS THEN
				IF SQLSTATE !~ states THEN RAISE; END IF;
				failed := failed + 1;
			END;
		END LOOP;
		RETURN failed;
	END $$;
	CREATE FUNCTION sending(n bigint) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. n LOOP PERFORM rtm_send_group_message(51, 1, 8, 'one of many'); END LOOP;
	END $$;));

# What one process holds, as it sees itself: kB of data segment, bytes of memory
# contexts, descriptors.
my $look = q(SELECT format('%s|%s|%s', substring(pg_read_file('/proc/self/status') from 'VmData:\s*(\d+)'),
	(SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name <> 'ExecutorState' AND name !~ '^(CacheMemoryContext|index info|relation rules|Relcache)'),
	(SELECT count(*) FROM pg_ls_dir('/proc/self/fd'))));

sub round_of
{
	my ($n) = @_;
	my $half = int($n / 2);
	return ("SELECT sending($half)",
		"SELECT count((rtm_send_group_message(51, 1, 9, i::text, attrs => 'x', server => 'ecdh')).mid) FROM generate_series(1, $half) AS i");
}

sub failures_of
{
	my ($n) = @_;
	return map { my $count = int($n * $_->[2] / 100) || 1; (my $call = $_->[0]) =~ s/'/''/g;
		"SELECT failing('SELECT $call', '^($_->[1])', $count) = $count" } @failing;
}

# One session of many rounds; what it held before each, and at the end.
my (@statements, @looks, @checks);
for (1 .. $rounds)
{
	push @statements, round_of($sends / $rounds);
	my @failing = failures_of($failures / $rounds);
	push @checks, (@statements .. @statements + $#failing);
	push @statements, @failing, $look;
	push @looks, $#statements;
}
my $gate = sql('SELECT worker FROM rtm_gate_status()');
sub worker { my ($name) = @_; return sql("SELECT pid FROM rtm_stat_worker WHERE worker ~ '$name' AND database = 'postgres'") }
sub vm_data { my ($process) = @_; my ($kb) = slurp_file("/proc/$process/status") =~ /^VmData:\s*(\d+)/m; return $kb }
sub fds { my ($process) = @_; return scalar(my @all = glob "/proc/$process/fd/*") }

local $PostgreSQL::Test::Utils::timeout_default = 3600;
my @r = session($node, @statements);
is(scalar(grep { $_->{state} ne '00000' } @r), 0, "$sends sends, $failures failed ones: no statement failed otherwise")
  or diag map { $_->{message} } grep { $_->{state} ne '00000' } @r;
is(scalar(grep { $r[$_]{out} ne 't' } @checks), 0, 'each that should fail failed, as it should');
is(sql('SELECT count(*) FROM rtm_gate.message WHERE a IN (8, 9)'), $rounds * 2 * int($sends / $rounds / 2), 'each that should arrive arrived');
my @held = map { [ split /\|/, $r[$_]{out} ] } @looks;
diag(sprintf 'after round %d: %d kB of data, %d bytes of contexts, %d descriptors', $_ + 1, @{ $held[$_] }) for 0, 1, $rounds - 1;
# the second round has everything that the first one made by doing it
my @grown = map { $held[-1][$_] - $held[1][$_] } 0 .. 2;
cmp_ok($grown[0], '<=', $most, 'the data segment of the backend');
cmp_ok($grown[1], '<=', 8192, 'its memory contexts');
cmp_ok($grown[2], '<=', 0, 'its descriptors');

# Queued calls: the sender, the callbacks, and the gate that they go to
sql('CREATE FUNCTION on_send(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ SELECT $$');
my (@workers, @open, @data);
for my $round (1 .. 30)
{
	my $n = 500;
	my $last = sql(qq(SELECT max(rtm_send_group_message_async(51, 1, 10 + i % 20, i::text, callback => 'on_send(bigint, bigint, rtm_error)')) FROM generate_series(1, $n) AS i;
		SELECT max(rtm_send_group_message_async(51, 1, 7, 'twice', mid => 1)) FROM generate_series(1, 10);));
	wait_until('an empty outbox', sub { sql("SELECT NOT EXISTS (SELECT FROM rtm_outbox) AND NOT EXISTS (SELECT FROM rtm_result WHERE callback_status = 'pending')") eq 't' });
	sql('SELECT count(rtm_discard(id)) FROM rtm_result');
	next if $round == 1;
	@workers = ([ 'the sender', worker('sender') ], [ 'the callback worker', worker('callback') ], [ 'the gate', $gate ]) unless @workers;
	push @{ $open[$_] }, fds($workers[$_][1]) for 0 .. $#workers;
	push @{ $data[$_] }, vm_data($workers[$_][1]) for 0 .. $#workers;
}
is(scalar(grep { $_->[1] } @workers), 3, 'three workers to look at');
for my $i (0 .. $#workers)
{
	my $what = $workers[$i][0];
	my @kb = @{ $data[$i] };
	diag("$what: kB of data, round by round: @kb");
	# a round that happens to hold more at once shows once; a leak lifts each
	cmp_ok(min(@kb[-10 .. -1]) - max(@kb[0 .. 9]), '<=', $most, "the data segment of $what");
	# those of files that were opened, too, which the server keeps
	cmp_ok($open[$i][-1] - $open[$i][0], '<=', 5, "descriptors of $what");
}
$node->stop;
done_testing();
