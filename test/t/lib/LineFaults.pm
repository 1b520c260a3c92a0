# Every fault of a line, for each kind of call and for the sender: the right
# result or a clear error, a session that goes on, no message twice, none
# reported sent that wasn't.
#
#	LineFaults::run($node, $endpoint, plain => [], stream => [ encryption => ... ]);
#
# tests lines of that kind to the local gate, each with the options of its
# servers.  A line whose name begins with tls is one of TLS.
package LineFaults;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Relay;
use RtmTest;
use Test::More;

our $VERSION = 1;
my $node;
my $next = 0;
my $wait = $PostgreSQL::Test::Utils::timeout_default;
my (%sync, %queued);			# relays, by line; queued calls have one of their own
my %records;					# TLS lines: records that go before quest and answer

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

# What the calls ask for
sub messages
{
	sql(q(DO $$ BEGIN
	PERFORM rtm_send_group_message(51, 1, 500, 'look at me ' || repeat('long ', 200), mid => i) FROM generate_series(1, 5) AS i;
	INSERT INTO rtm_gate.message (pid, type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime)
	SELECT 11000001, 2, 600, 0, i, 1, 0, 51, 'delete me', false, '', false, 1 FROM generate_series(1, 3000) AS i;
	END $$));
}

my $deleted = 0;
my %verified;					# servers: how often the option was changed

# The calls: SQL, a pattern for its result, whether it is asked again on a new
# connection, how to see that the gate carried it out (undef: it changes nothing).
sub calls
{
	my ($server, $timeout) = @_;
	my $more = "timeout => $timeout, server => '$server'";
	my $text = 'text-' . ++$next;
	my $direct = 'direct-' . $next;
	my $mid = 1000000 + $next;
	my $gone = ++$deleted;
	my $count = sub { my ($msg) = @_; return sub { sql("SELECT count(*) FROM rtm_gate.message WHERE msg = '$msg'") } };
	return (
		{ name => 'send', again => 1, sql => "SELECT mid > 0 FROM rtm_send_group_message(51, 1, 700, '$text', $more)",
			like => qr/^t$/, done => $count->($text) },
		{ name => 'history', again => 1, sql => "SELECT count(*), min(length(msg)) FROM rtm_get_group_message(1, 500, false, 5, $more)",
			like => qr/^5\|1011$/ },
		{ name => 'info', again => 1, sql => "SELECT length(msg) FROM rtm_get_group_message_info(3, 1, 500, $more)", like => qr/^1011$/ },
		{ name => 'delete', again => 1, sql => "SELECT rtm_delete_group_message($gone, 1, 600, $more)", like => qr/^$/,
			done => sub { sql("SELECT count(*) FROM rtm_gate.message WHERE type = 2 AND a = 600 AND mid = $gone AND deleted") } },
		{ name => 'rtm_call', again => 0, sql => "SELECT rtm_call('sendgroupmsg', '{\"mtype\":51,\"from\":1,\"gid\":701,\"mid\":$mid,\"msg\":\"$direct\",\"attrs\":\"\"}', $more)",
			like => qr/mtime/, done => $count->($direct) });
}

# Faults: what is done to the first connections, and what comes of a call.
#
#	result	'ok'; 'again': ok where a call is asked again, else FP202; or a
#			pattern for the SQLSTATE
#	done	for an error: whether the gate had carried it out (undef: either)
#	keeps	the connection is good afterwards
#	for		lines on which this can be done
#	tls		what differs on lines of TLS: undef, it can't be done there
my $noise = unpack 'H*', "HTTP/1.1 400 Bad Request\r\n\r\n" x 3;
my @endings = ('close', 'reset');
my @faults = (
	{ name => 'no fault', plan => [ {} ], result => 'ok', keeps => 1 },
	{ name => 'delay', plan => [ { delay => 0.02 } ], result => 'ok', keeps => 1 },
	{ name => 'one byte at a time', plan => [ { drip => 1 } ], result => 'ok', keeps => 1 },
	# TLS tells why it closes: that is no lost connection
	{ name => 'garbage to the gate', plan => [ { inject => $noise, dir => 'up', keyed => 1 } ], result => qr/^FP202$/, again => 1, done => 0,
		tls => { result => qr/^FP20[29]$/, again => 0 } },
	{ name => 'garbage for the answer', plan => [ { inject => $noise, dir => 'down', keyed => 1 } ], result => qr/^FP20[69]$/ },
	{ name => 'garbage behind the answer', plan => [ { inject => $noise, dir => 'down', after => 1, keyed => 1 } ], result => 'ok' },
	{ name => 'answer doubled', for => ['plain'], plan => [ { answer => 'double' } ], result => 'ok', keeps => 1 },
	{ name => 'answer for nobody first', for => ['plain'], plan => [ { answer => 'unknown' } ], result => 'ok', keeps => 1 },
	{ name => 'payload of 4 GiB', for => ['plain'], plan => [ { answer => 'huge' } ], result => qr/^FP20[69]$/, done => 1 },
	{ name => 'answers swapped', for => ['plain'], plan => [ { answer => 'swap' } ], timeout => 0.3, result => qr/^FP203$/, done => 1 },
	# what was an answer is a quest of the gate's then, or nothing known
	(map { { name => "answer of type $_", for => ['plain'], plan => [ { answer => 'mtype', type => $_ } ], timeout => 1, result => qr/^FP20[369]$/, done => 1 } } 0, 1, 3, 255),
	# half-closed: the gate says no more, but takes what comes
	{ name => 'the gate ends its half', plan => [ { cut => 0, dir => 'down', how => 'half', keyed => 1 } ], result => 'again', done => 1 },
	{ name => 'the gate ends its half in the answer', plan => [ { cut => 10, dir => 'down', how => 'half', keyed => 1 } ], result => 'again', done => 1 },
	# TLS notices each changed bit, and each record that comes again
	(map { { name => "a bit of byte $_ to the gate changed", for => ['tls'], plan => [ { flip => $_, dir => 'up', keyed => 1 } ], result => qr/^FP20[29]$/, done => 0 } } 7, 40),
	(map { { name => "a bit of byte $_ of the answer changed", for => ['tls'], plan => [ { flip => $_, dir => 'down', keyed => 1 } ], result => qr/^FP209$/, done => 1 } } 7, 25),
	{ name => 'the quest\'s record twice', for => ['tls'], plan => [ { twice => 1, dir => 'up', keyed => 1 } ], result => qr/^(00000|FP20[29])$/ },
	{ name => 'the answer\'s record twice', for => ['tls'], plan => [ { twice => 1, dir => 'down', keyed => 1 } ], result => 'ok' });

for my $how (@endings)
{
	push @faults,
	  (map { { name => "$how after $_ bytes to the gate", plan => [ { cut => $_, dir => 'up', how => $how, keyed => 1 } ], result => 'again', done => 0 } } 1, 14, 60),
	  (map { { name => "$how after $_ bytes of the answer", plan => [ { cut => $_, dir => 'down', how => $how, keyed => 1 } ], result => 'again', done => 1 } } 0, 3, 16),
	  { name => "$how of two connections, quest lost", plan => [ ({ cut => 20, dir => 'up', how => $how, keyed => 1 }) x 2 ], result => qr/^FP202$/, done => 0 },
	  { name => "$how of two connections, answer lost", plan => [ ({ cut => 10, dir => 'down', how => $how, keyed => 1 }) x 2 ], result => qr/^FP202$/, done => 1 };
	# the key agreement
	push @faults, map { my $dir = $_; map {
		{ name => "$how in the key agreement, $_ bytes $dir", for => [ 'stream', 'package', 'tls' ], plan => [ { cut => $_, dir => $dir, how => $how } ], result => qr/^HV00N$/, done => 0 } } 0, 10 }
		'up', 'down';
	# further into the handshake: in its first flight, and in the certificate
	push @faults, map {
		{ name => "$how in the handshake, $_->[1] bytes $_->[0]", for => ['tls'], plan => [ { cut => $_->[1], dir => $_->[0], how => $how } ], result => qr/^HV00N$/, done => 0 } }
		[ 'up', 100 ], [ 'down', 5 ], [ 'down', 60 ], [ 'down', 400 ];
}
my $alert = '15030300020228';
push @faults,
  { name => 'silence after 20 bytes to the gate', plan => [ { cut => 20, dir => 'up', how => 'silent', keyed => 1 } ], timeout => 0.3, result => qr/^FP203$/, done => 0 },
  { name => 'silence after 10 bytes of the answer', plan => [ { cut => 10, dir => 'down', how => 'silent', keyed => 1 } ], timeout => 0.3, result => qr/^FP203$/, done => 1 },
  { name => 'silence in the key agreement', for => [ 'stream', 'package' ], plan => [ { cut => 0, dir => 'down', how => 'silent' } ], timeout => 0.3, result => qr/^HV00N$/, done => 0 },
  { name => 'garbage in the key agreement', for => [ 'stream', 'package' ], plan => [ { inject => $noise, dir => 'down' } ], result => qr/^HV00N$/, done => 0 },
  (map { { name => "$_->[0], $_->[1]", for => ['tls'], plan => [ { dir => $_->[1], %{ $_->[2] } } ], result => qr/^HV00N$/, done => 0 } }
	[ 'garbage in the handshake', 'up', { inject => $noise } ], [ 'garbage in the handshake', 'down', { inject => $noise } ],
	[ 'an alert in the handshake', 'up', { inject => $alert } ], [ 'an alert in the handshake', 'down', { inject => $alert } ],
	[ 'a changed bit in the hello', 'up', { flip => 20 } ], [ 'a changed bit in the hello', 'down', { flip => 20 } ],
	[ 'a changed bit in the certificate', 'down', { flip => 500 } ], [ 'the first piece twice', 'up', { twice => 1 } ]),
  (map { { name => "silence in the handshake, $_->[1] bytes $_->[0]", for => ['tls'], plan => [ { cut => $_->[1], dir => $_->[0], how => 'silent' } ], timeout => 0.3, result => qr/^HV00N$/, done => 0 } }
	[ 'up', 0 ], [ 'up', 100 ], [ 'down', 0 ], [ 'down', 400 ]),
  { name => 'the gate ends its half in the handshake', for => [ 'stream', 'package', 'tls' ], plan => [ { cut => 3, dir => 'down', how => 'half' } ], result => qr/^HV00N$/, done => 0 },
  # seen while connecting, or a moment later
  { name => 'reset at once', for => ['plain'], plan => [ { refuse => 1 } ], result => qr/^(00000|FP202|HV00N)$/, done => 0 },
  { name => 'reset at once', for => [ 'stream', 'package', 'tls' ], plan => [ { refuse => 1 } ], result => qr/^HV00N$/, done => 0 };

# A plain connection has no key agreement to look behind, that of TLS is some records.
sub plan_of
{
	my ($line, $fault) = @_;
	return map {
		my %f = %$_;
		my $keyed = $line eq 'plain' ? 0 : $f{keyed};
		delete $f{keyed} if $line eq 'plain' || $records{$line};
		$f{records} = $records{$line} if $keyed && $records{$line};
		\%f } @{ $fault->{plan} };
}

# The kind of a line, as faults name it.
sub kind_of { my ($line) = @_; return $line =~ /^tls/ ? 'tls' : $line }

# What can happen on a line.
sub faults_of
{
	my ($line) = @_;
	my $kind = kind_of($line);
	return map { $kind eq 'tls' && $_->{tls} ? { %$_, %{ $_->{tls} } } : $_ }
	  grep { my $fault = $_; !$fault->{for} || grep { $_ eq $kind } @{ $fault->{for} } } @faults;
}

# How many TLS records go each way before a quest and its answer: all of a
# connection with one quest but the last one.
sub learn_records
{
	my ($line) = @_;
	my $recorder = Relay->start(to => $sync{$line}->{to}, record => 1);
	my ($old, $new) = map { $_->endpoint } $sync{$line}, $recorder;
	sql("ALTER SERVER $line OPTIONS (SET endpoint '$new')");
	is(one($node, "SELECT rtm_call('*ping', server => '$line') ? 'ts'")->{out}, 't', "$line: works");
	sql("ALTER SERVER $line OPTIONS (SET endpoint '$old')");
	# the relay writes down what it passed before it is seen
	$records{$line} = { map { $_ => count_records($recorder->recorded($_)) - 1 } 'up', 'down' };
	# the client's last word is the end of its stream
	$records{$line}{up}-- if ends_with_alert($recorder->recorded('up'));
	cmp_ok($records{$line}{$_}, '>', 1, "$line: records of the handshake, $_") for 'up', 'down';
	$recorder->stop;
}

sub split_records
{
	my ($bytes) = @_;
	my @all;
	while (length $bytes >= 5)
	{
		my $length = 5 + unpack('x3n', $bytes);
		push @all, substr($bytes, 0, $length, '');
	}
	return @all;
}

sub count_records { return scalar(my @all = split_records($_[0])) }
sub ends_with_alert { my @all = split_records($_[0]); return @all && $all[-1] =~ /^\x15/ }

# The gate has carried out what it got: what it commits last is behind it.
sub settled { sql("SELECT rtm_send_group_message(51, 1, 799, 'barrier')") }

# One call with a fault, and one behind it, in one session.
sub with_fault
{
	my ($line, $fault, $n) = @_;
	my $relay = $sync{$line};
	my $call = (calls($line, $fault->{timeout} || $wait))[$n];
	my $next_call = (calls($line, $wait))[$n];
	my $name = "$line, $fault->{name}: $call->{name}";
	my $result = $fault->{result};
	$result = $call->{again} ? 'ok' : qr/^FP202$/ if $result eq 'again' || ($fault->{again} && $call->{again});

	$relay->plan(plan_of($line, $fault));
	my @r = session($node, $call->{sql}, $next_call->{sql});
	my $is_ok = $r[0]{state} eq '00000';
	if ($result eq 'ok') { ok($is_ok && $r[0]{out} =~ $call->{like}, $name) or diag "$r[0]{state} $r[0]{out} $r[0]{message}" }
	else { like($r[0]{state}, $result, $name) or diag "$r[0]{out} $r[0]{message}" }
	ok($r[1]{state} eq '00000' && $r[1]{out} =~ $next_call->{like}, "$name: the next call") or diag "$r[1]{state} $r[1]{out} $r[1]{message}";
	my $connections = $relay->events('connect');
	if ($fault->{keeps}) { is($connections, 1, "$name: the connection is kept") }
	else { is($connections, 1 + @{ $fault->{plan} }, "$name: had the fault, and no more connections than needed") }
	return unless $call->{done};
	my $expected = $is_ok ? 1 : $fault->{done};
	settled() if defined $expected && $expected == 0;
	# what was carried out at a gate whose client had gone already is seen a little later
	eval { wait_until('the gate', sub { $call->{done}->() == 1 }) } if $expected;
	my $done = $call->{done}->();
	if (defined $expected) { is($done, $expected, "$name: carried out") }
	else { cmp_ok($done, '<=', 1, "$name: not carried out twice") }
	is($next_call->{done}->(), 1, "$name: the next call is carried out");
}

sub try_calls
{
	my ($line) = @_;
	my $n = 0;
	for my $fault (faults_of($line))
	{
		# encrypted the kinds of call differ in nothing that the line could see
		my @kinds = $line eq 'plain' ? (0 .. 4) : $line =~ /^(stream|tls13)$/ ? (0, 4) : ($n++ % 5);
		# a call that isn't asked again would leave the second fault to the next one
		@kinds = grep { $_ < 4 } @kinds if @{ $fault->{plan} } > 1;
		with_fault($line, $fault, $_) for @kinds;
	}
}

# Queued calls: two conversations, so that two quests are under way, and one of
# any method.  Messages arrive once and in order, whatever happens.

sub queued_with_fault
{
	my ($line, $fault) = @_;
	my $relay = $queued{$line};
	my $server = "q_$line";
	my $name = "$line, $fault->{name}: queued";
	my $text = 'queued-' . ++$next;
	my $mid = 2000000 + $next;
	my $gone = ++$deleted;
	# the fault waits for a new connection
	$relay->plan(plan_of($line, $fault));
	# ... which an option makes that has changed, be it of no use here
	sql("ALTER SERVER $server OPTIONS (" . ($verified{$server}++ % 2 ? 'DROP tls_verify' : "ADD tls_verify 'false'") . ')');
	my @ids = split /\n/, sql(qq(
		SELECT rtm_send_group_message_async(51, 1, 700 + i % 2, '$text', attrs => i::text, server => '$server') FROM generate_series(1, 6) AS i;
		SELECT rtm_get_group_message_async(1, 500, false, 5, server => '$server');
		SELECT rtm_get_group_message_info_async(3, 1, 500, server => '$server');
		SELECT rtm_delete_group_message_async($gone, 1, 600, server => '$server');
		SELECT rtm_call_async('sendgroupmsg', '{"mtype":51,"from":1,"gid":702,"mid":$mid,"msg":"$text-call","attrs":""}', server => '$server');));
	my $call = $ids[-1];
	is(sql("SELECT string_agg(DISTINCT rtm_wait(id, $wait), ' ') FROM unnest('{" . join(',', @ids[ 0 .. $#ids - 1 ]) . "}'::bigint[]) AS id WHERE rtm_wait($call, $wait) > ''"), 'done', "$name: all end well")
	  or diag sql("SELECT id, call, attempts, error FROM rtm_outbox UNION ALL SELECT id, call, attempts, error FROM rtm_result WHERE status = 'failed'");
	my ($order, $answers, $deletes, $end, $error, $count) = split /\|/, sql(qq(
		SELECT (SELECT string_agg(convert_from(attrs, 'UTF8'), ' ' ORDER BY a, id) FROM rtm_gate.message WHERE msg = '$text'),
			(SELECT string_agg(coalesce(answer->>'num', length(answer->>'msg')::text), ' ' ORDER BY id) FROM rtm_result WHERE id IN ($ids[6], $ids[7])),
			(SELECT count(*) FROM rtm_gate.message WHERE type = 2 AND a = 600 AND mid = $gone AND deleted),
			rtm_wait($call, $wait), (SELECT (error).message FROM rtm_result WHERE id = $call),
			(SELECT count(*) FROM rtm_gate.message WHERE msg = '$text-call')));
	is($order, '2 4 6 1 3 5', "$name: once and in order");
	is($answers, '5 1011', "$name: answers");
	is($deletes, 1, "$name: deleted");
	if ($end eq 'done') { is($count, 1, "$name: rtm_call_async is carried out") }
	else { cmp_ok($count, '<=', 1, "$name: rtm_call_async not twice"); like($error, qr/may have been carried out/, "$name: ... and says so") }
	cmp_ok(scalar($relay->events('connect')), '>=', scalar @{ $fault->{plan} }, "$name: it had the fault");
}

sub try_queued
{
	my ($line) = @_;
	# encrypted: those that need it, and a fifth of the others
	my $n = $line eq 'stream' ? 0 : 2;
	for my $fault (faults_of($line))
	{
		next if $line ne 'plain' && !$fault->{for} && $n++ % 5;
		queued_with_fault($line, $fault);
	}
}

sub run
{
	my ($given, $endpoint, %lines) = @_;

	$node = $given;
	messages();
	for my $line (sort keys %lines)
	{
		$sync{$line} = Relay->start(to => $endpoint);
		server_for($node, $line, $sync{$line}->endpoint, @{ $lines{$line} });
		$queued{$line} = Relay->start(to => $endpoint);
		server_for($node, "q_$line", $queued{$line}->endpoint, @{ $lines{$line} }, quest_timeout => '300ms');
		learn_records($line) if kind_of($line) eq 'tls';
	}
	try_calls($_) for sort keys %lines;
	try_queued($_) for sort keys %lines;
	is(sql('SELECT count(*) FROM (SELECT FROM rtm_gate.message WHERE a <> 799 AND type = 2 AND a >= 700 GROUP BY msg, attrs HAVING count(*) > 1) AS d'), 0, 'no message is there twice');
	is(scalar(grep { $_->events('died') } values %sync, values %queued), 0, 'no relay died');
}

1;

