# Cancel requests, statement_timeout and the end of a session or the server in
# each phase of a call: they act, their SQLSTATE is what it always is, and the
# session works afterwards.  Waiting for an answer is in 102_call_faults.pl.
# Alone: how soon a wait ends is measured.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use RtmTest;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_node('interrupts');
sub sql { my ($sql, $db) = @_; return $node->safe_psql($db || 'postgres', $sql) }
sql('CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
sql("SELECT rtm_gate_setup(secret => '$secret')");
my $key = sql('SELECT rtm_gate_public_key()');
my $gate = FakeGate->start(pid => $pid, secret => $secret);

# A queue of connections that is full: one more is not even refused.
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die $!;
my @fillers = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Proto => 'tcp', Blocking => 0) } 1 .. 5;

# A peer whose kernel takes connections, and some bytes, and that never reads.
my $deaf = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', Proto => 'tcp') or die $!;
setsockopt($deaf, SOL_SOCKET, SO_RCVBUF, 4096) or die $!;

# Its quests are longer than what the kernels' buffers take.
my $large = q(rtm_call('sendmsg', jsonb_build_object('msg', repeat('x', 8000000)), server => 'deaf'));
my @phases = (
	[ 'connecting', 'hole', '127.0.0.1:' . $full->sockport, {} ],
	[ 'key agreement', 'mute', '127.0.0.1:' . $deaf->sockport, { encryption => 'ecdh', public_key => $key } ],
	[ 'TLS handshake', 'mute_tls', '127.0.0.1:' . $deaf->sockport, { encryption => 'tls', tls_verify => 'false' } ],
	[ 'sending', 'deaf', '127.0.0.1:' . $deaf->sockport, {}, $large ],
	[ 'waiting', 'stalls', $gate->endpoint, {}, q(rtm_call('x', '{"msg":"stall"}', server => 'stalls')) ],
	[ 'in the middle of an answer', 'half', $gate->endpoint, {}, q(rtm_call('x', '{"msg":"half"}', server => 'half')) ]);
my $timeouts = { connect_timeout => '1h', quest_timeout => '1h' };

# What a backend of that name waits for; its process.
sub waiting
{
	my ($name) = @_;
	return sql("SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND wait_event_type = 'Extension' AND state = 'active'");
}

# The call has come as far as it can.
sub until_waiting
{
	my ($name, $what) = @_;
	my $backend;
	wait_until("a backend $what", sub { $backend = waiting($name) });
	wait_until('the full buffer', sub { unsent() > 0 }) if $what eq 'sending';
	return $backend;
}

# Bytes that wait in open sockets for the peer that doesn't read.
sub unsent
{
	my $port = sprintf ':%04X', $deaf->sockport;
	open(my $in, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!";
	my $bytes = 0;
	while (<$in>)
	{
		# what was closed is kept for a while, too
		my (undef, undef, $remote, $state, $queues) = split ' ';
		$bytes += hex((split /:/, $queues)[0]) if $remote =~ /$port$/ && $state eq '01';
	}
	return $bytes;
}

# The next calls: through a good server, and whatever the first one left behind.
my @good = ("SELECT rtm_call('*ping', server => 'rtm') ? 'ts'", "SELECT rtm_call('*ping', server => 'rtm') ? 'ts'");

for my $phase (@phases)
{
	my ($what, $server, $endpoint, $options, $call) = @$phase;
	$call ||= "rtm_call('*ping', server => '$server')";
	server_for($node, $server, $endpoint, %$timeouts, %$options);

	for my $case ([ 'pg_cancel_backend', '57014' ], [ 'pg_terminate_backend', '57P01' ])
	{
		my ($function, $state) = @$case;
		my $s = begin_session($node, { name => $function }, "SELECT $call", @good);
		my $backend = until_waiting($function, $what);
		sql("SELECT $function($backend)");
		my @r = end_session($s);
		state_is($r[0], $state, undef, "$what, $function");
		is_deeply([ map { $_->{out} } @r[ 1, 2 ] ], $state eq '57014' ? [ 't', 't' ] : [ '', '' ], "$what, $function: the session");
	}

	# twice: what the first one left behind doesn't harm the second
	my @r = session($node, "SET statement_timeout = '300ms'", "SELECT $call", "SELECT $call", 'SET statement_timeout = 0', @good);
	state_is($r[$_], '57014', qr/statement timeout/, "$what, statement_timeout ($_)") for 1, 2;
	is_deeply([ map { $_->{out} } @r[ 4, 5 ] ], [ 't', 't' ], "$what, statement_timeout: the session");

	# in a subtransaction, by a function that goes on
	@r = session($node, "SET statement_timeout = '300ms'",
		"DO \$\$ BEGIN PERFORM $call; EXCEPTION WHEN query_canceled THEN PERFORM set_config('my.state', SQLSTATE, false); END \$\$",
		"SELECT current_setting('my.state')", 'SET statement_timeout = 0', @good);
	is_deeply([ map { $_->{out} } @r[ 2, 4, 5 ] ], [ '57014', 't', 't' ], "$what: caught in a function") or diag $r[1]{message};

	# the call's own deadline
	my $short = $call =~ s/server =>/timeout => 0.3, server =>/r;
	@r = session($node, "SELECT $short", @good);
	like($r[0]{state}, $what =~ /connecting|agreement|handshake/ ? qr/^HV00N$/ : qr/^FP203$/, "$what: the deadline of the call") or diag $r[0]{message};
	is_deeply([ map { $_->{out} } @r[ 1, 2 ] ], [ 't', 't' ], "$what, its deadline: the session");

	# the database is dropped
	sql('CREATE DATABASE gone');
	sql('CREATE EXTENSION rtm', 'gone');
	server_for($node, $server, $endpoint, %$timeouts, %$options, db => 'gone');
	my $s = begin_session($node, { name => 'dropped', db => 'gone' }, "SELECT $call");
	until_waiting('dropped', $what);
	sql('CREATE DATABASE other');
	sql('DROP DATABASE other');
	sql('DROP DATABASE gone WITH (FORCE)');
	state_is(end_session($s), '57P01', undef, "$what: DROP DATABASE WITH (FORCE)");
}

# They act within 100 ms.  On a machine that is busy a try may be late: the best of
# some counts, which a wait that looks up now and then would miss all the same.
sub quickest
{
	my ($try) = @_;
	my $best;
	for (1 .. 8)
	{
		my $seconds = $try->();
		$best = $seconds if !defined $best || $seconds < $best;
		last if $best < 0.1;
	}
	return $best;
}

my $clock = 'SELECT extract(epoch FROM clock_timestamp())';
for my $phase (@phases)
{
	my ($what, $server, undef, undef, $call) = @$phase;
	$call ||= "rtm_call('*ping', server => '$server')";
	my %seconds = (
		'a cancel request' => quickest(sub {
			my $s = begin_session($node, { name => 'quick' }, "SELECT $call", $clock);
			my $backend = until_waiting('quick', $what);
			my $start = time;
			kill 'INT', $backend;
			my @r = end_session($s);
			return $r[0]{state} eq '57014' ? $r[1]{out} - $start : 1000 }),
		'statement_timeout' => quickest(sub {
			my @r = session($node, "SET statement_timeout = '200ms'", $clock, "SELECT $call", $clock);
			return $r[2]{state} eq '57014' ? $r[3]{out} - $r[1]{out} - 0.2 : 1000 }),
		'the end of the session' => quickest(sub {
			my $s = begin_session($node, { name => 'quick' }, "SELECT $call");
			my $backend = until_waiting('quick', $what);
			my $start = time;
			kill 'TERM', $backend;
			while (kill 0, $backend) { sleep 0.001 }
			my $seconds = time - $start;
			return (end_session($s))[0]{state} eq '57P01' ? $seconds : 1000 }));
	for my $action (sort keys %seconds)
	{
		cmp_ok($seconds{$action}, '<', 0.1, "$what: $action acts within 100 ms");
		note(sprintf '%s, %s: %.1f ms', $what, $action, 1000 * $seconds{$action});
	}
}

# A late answer to a call that was cancelled is nobody's
{
	server_for($node, 'late', $gate->endpoint, %$timeouts);
	my $late = sub { "SELECT rtm_call('x', '{\"msg\":\"$_[0]\"}', server => 'late')->>'mtime'" };
	my @r = session($node, "SET statement_timeout = '300ms'", $late->('late'), 'SET statement_timeout = 0', $late->('flush'), $late->('ok'));
	state_is($r[1], '57014', undef, 'cancelled before its answer');
	is_deeply([ map { $_->{out} } @r[ 3, 4 ] ], [ (1790000000123) x 2 ], '... which is not taken for that of the next');
}

# Fast shutdown ends a session in any phase, smart shutdown waits for it;
# a sender that is in that phase, too, ends with them.
for my $mode ('fast', 'smart')
{
	my @sessions;
	for my $phase (@phases)
	{
		my ($what, $server, undef, undef, $call) = @$phase;
		my $name = "stop_$server";
		push @sessions, [ $what, begin_session($node, { name => $name }, 'SELECT ' . ($call || "rtm_call('*ping', server => '$server')")) ];
		until_waiting($name, $what);
		sql(($call || '') =~ /repeat/ ? "SELECT rtm_call_async('sendmsg', jsonb_build_object('msg', repeat('x', 8000000)), server => '$server')"
			: "SELECT rtm_send_message_async(51, 1, 2, '" . ($server =~ /half/ ? 'half' : 'stall') . "', server => '$server')");
	}
	if ($mode eq 'smart')
	{
		# no more sessions, but the calls go on, until somebody cancels them
		my @backends = map { waiting("stop_$_->[1]") } @phases;
		system_or_bail('pg_ctl', '-D', $node->data_dir, '-m', 'smart', '-W', 'stop');
		ok(kill(0, $backends[0]), 'smart shutdown leaves the calls');
		kill 'INT', @backends;
		state_is($_->[0], '57014', undef, "smart shutdown, $_->[1]: cancelled") for map { [ (end_session($_->[1]))[0], $_->[0] ] } @sessions;
		wait_until('the end', sub { !-e $node->data_dir . '/postmaster.pid' });
		pass('smart shutdown ends then');
		last;
	}
	$node->stop($mode);
	state_is((end_session($_->[1]))[0], '57P01', undef, "$mode shutdown, $_->[0]") for @sessions;
	$node->start;
	sql('SELECT count(rtm_discard(id)) FROM rtm_outbox');
	is((session($node, $good[0]))[0]{out}, 't', "$mode shutdown: the server is back");
}
$node->_update_pid(0);

done_testing();
