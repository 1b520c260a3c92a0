# Every call over an encrypted connection, at once and queued: the same results
# as over a plain one, and nothing readable on the line.  Keys in files, and
# keys that are wrong.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Relay;
use RtmTest;
use Test::More;

my $node = new_node('encrypted', conf => q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
rtm.keep_results = on
));
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sql('CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; CREATE ROLE alice LOGIN; CREATE ROLE reader LOGIN; GRANT pg_read_server_files TO reader');
my $endpoint = sql("SELECT rtm_gate_setup(secret => '$secret')");
my $key = sql('SELECT rtm_gate_public_key()');
my $relay = Relay->start(to => $endpoint, record => 1);
my $wait = $PostgreSQL::Test::Utils::timeout_default;

my @servers = ('plain');
server_for($node, 'plain', $relay->endpoint);
for my $mode ('stream', 'package')
{
	for my $bits (128, 256)
	{
		push @servers, "${mode}_$bits";
		server_for($node, $servers[-1], $relay->endpoint, encryption => 'ecdh', public_key => $key, ecdh_mode => $mode, ecdh_bits => $bits);
	}
}

# Every call, as [function, arguments]; the arguments of the two forms are the same.

my $long = 'readable ' x 2000;
my @sends = (
	[ 'rtm_send_message', '51, 1, 2, ?, ?, ?' ], [ 'rtm_send_messages', "51, 1, '{2,3}', ?, ?, ?" ],
	[ 'rtm_send_group_message', '51, 1, 10, ?, ?, ?' ], [ 'rtm_send_room_message', '51, 1, 20, ?, ?, ?' ],
	[ 'rtm_broadcast_message', '51, 1, ?, ?, ?' ]);
my @histories = (
	[ 'rtm_get_group_message', '1, 10, false, 10' ], [ 'rtm_get_room_message', '1, 20, true, 10' ],
	[ 'rtm_get_broadcast_message', "1, false, 10, mtypes => '{51}'" ], [ 'rtm_get_p2p_message', '1, 2, false, 10' ]);
my @infos = (
	[ 'rtm_get_p2p_message_info', '?, 1, 2' ], [ 'rtm_get_group_message_info', '?, 1, 10' ],
	[ 'rtm_get_room_message_info', '?, 1, 20' ], [ 'rtm_get_broadcast_message_info', '?, 1' ]);
my @deletes = map { my ($name, $args) = @$_; $name =~ s/get_(\w+)_info/delete_$1/; [ $name, $args ] } @infos;

sub filled { my ($args, @values) = @_; $args =~ s/\?/shift @values/ge; return $args }

sub all_calls
{
	my @calls;
	my $mid = 100;
	my %text;
	for my $type ("'readable \xc3\xa9'", "'$long'", "'\\x00ff726561'::bytea")
	{
		push @calls, map { [ $_->[0], filled($_->[1], $type, "'readable attrs'", ++$mid) ] } @sends;
	}
	push @calls, @histories;
	# messages of the first and the third round, and one that isn't there
	push @calls, map { my $n = $_; map { [ $infos[$_][0], filled($infos[$_][1], $n + ($_ ? $_ + 1 : 0)) ] } 0 .. $#infos } 101, 111, 999;
	push @calls, map { [ $deletes[$_][0], filled($deletes[$_][1], 101 + ($_ ? $_ + 1 : 0)) ] } 0 .. $#deletes;
	push @calls, [ 'rtm_call', q('getmsgnum', '{"type": 2, "xid": 10}') ], [ 'rtm_call', q('nonsense', '{"readable": 1}') ], @histories;
	return @calls;
}

# Results without the time.
sub timeless { my ($text) = @_; $text =~ s/\b1[6-9]\d{11}\b/TIME/g; return $text }

# A new gate for each: the same ids of the messages.
sub fresh
{
	my ($server) = @_;
	sql('TRUNCATE rtm_gate.message RESTART IDENTITY');
	$relay->plan;
	return "SET rtm.server = '$server'";
}

my %results;
my @calls = all_calls();
my %pages = map { $_->[0] => 1 } @histories;
for my $server (@servers)
{
	my @statements = map { my ($name, $args) = @$_;
		("SELECT to_jsonb(r) FROM $name($args) AS r", $pages{$name} ? "SELECT to_jsonb(r) FROM ${name}_page($args) AS r" : ()) } @calls;
	my @r = session($node, fresh($server), @statements);
	shift @r;
	my @texts = map { "$statements[$_]: $r[$_]{state} " . timeless($r[$_]{out} . ($r[$_]{message} =~ /DETAIL:(.*)/ ? $1 : '')) } 0 .. $#statements;
	if ($server eq 'plain')
	{
		my @failed = grep { $_->{state} ne '00000' } @r;
		is(scalar(@failed), 1, 'every call, plain: one fails') or diag join "\n", map { $_->{message} } @failed;
		is($failed[0]{state}, 'FP204', '... the one of no method');
		is(scalar(grep { /getmsgnum.*"num"/ } @texts), 1, '... the others give something');
		like($texts[-1], qr/readable/, '... histories too');
		my %called = map { /FROM (\w+)\(/ ? ($1 => 1) : () } @statements;
		is(sql("SELECT string_agg(name, ' ') FROM (SELECT name FROM rtm_methods() WHERE kind IN ('send', 'history', 'info', 'delete') UNION ALL SELECT name || '_page' FROM rtm_methods() WHERE kind = 'history') AS m"
			. " WHERE name NOT IN (" . join(', ', map { "'$_'" } keys %called) . ")"), '', '... none of the message calls is missing');
		$results{sync} = \@texts;
		like($relay->recorded('up'), qr/readable/, '... and all can be read on the line');
	}
	else
	{
		is_deeply(\@texts, $results{sync}, "every call, $server: the same results");
		not_readable($server);
	}
	is(scalar($relay->events('connect')), 1, "$server: over one connection");
}

sub not_readable
{
	my ($server) = @_;
	my ($up, $down) = map { $relay->recorded($_) } 'up', 'down';
	like($up, qr/^FPNN.{8,12}\*key/s, "$server: begins with the key agreement");
	cmp_ok(length $up, '>', 50000, '... everything went over the line');
	unlike("$up $down", qr/readable|sendgroupmsg|mtime|sign/, '... and nothing can be read there');
}

# The same queued; a request at a time, as deletes would overtake

for my $server (@servers)
{
	my @statements = map { my ($name, $args) = @$_;
		"SELECT ${name}_async($args) AS id \\gset\nSELECT rtm_wait(:id, $wait);\n"
		  . 'SELECT jsonb_build_array(call, mid, status, attempts, mtime, answer, (error).code, (error).message) FROM rtm_result WHERE id = :id' } @calls;
	my @r = session($node, fresh($server), @statements);
	shift @r;
	my @texts = map { "$calls[$_][0]($calls[$_][1]): " . timeless($r[$_]{out}) } 0 .. $#calls;
	s/server \\?"\w+\\?"/server/g for @texts;
	if ($server eq 'plain')
	{
		# no method; and a message that isn't there is a failure of each queued look-up
		is(scalar(grep { /^failed$/m } map { $_->{out} } @r), 5, 'every queued call, plain: five fail') or diag join "\n", @texts;
		is(scalar(grep { !/^(done|failed)\n\[/ } map { $_->{out} } @r), 0, '... each has a result');
		is(scalar(grep { /"readable/ && /get_group_message"/ } @texts), 2, '... histories too') or diag join "\n", @texts;
		is(sql("SELECT string_agg(name, ' ') FROM rtm_methods() WHERE kind IN ('send', 'history', 'info', 'delete') AND name NOT IN (SELECT 'rtm_' || call FROM rtm_result)"), '',
			'... none of the message calls is missing');
		$results{queued} = \@texts;
	}
	else
	{
		is_deeply(\@texts, $results{queued}, "every queued call, $server: the same results");
		not_readable("$server, queued");
	}
}

# Keys of each connection are its own: the same quest never looks the same

{
	my %seen;
	for my $i (1 .. 3)
	{
		$relay->plan;
		one($node, "SELECT rtm_call('*ping', '{}', server => 'package_128')");
		my $up = $relay->recorded('up');
		$seen{ substr($up, index($up, 'publicKey') + 9, 64) }++;
	}
	is(scalar(keys %seen), 3, 'each connection has a key pair of its own');
}

# A key in a file

my $dir = PostgreSQL::Test::Utils::tempdir();
sub write_key { my ($name, $text) = @_; open(my $out, '>', "$dir/$name") or die $!; print $out $text; close $out; return "$dir/$name" }
my $file = write_key('gate.pem', $key);
my $create = "CREATE SERVER %s FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '" . $relay->endpoint . "', pid '$pid', encryption 'ecdh', public_key_file '$file')";
my $mapping = "CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (secret '$secret')";

sql('GRANT USAGE ON FOREIGN DATA WRAPPER rtm TO alice, reader');
my @r = session($node, sprintf($create, 'file'), sprintf($mapping, 'file'), "SELECT mid FROM rtm_send_group_message(51, 1, 30, 'by file', mid => 7, server => 'file')");
is($r[2]{out}, 7, 'a key in a file') or diag $r[2]{message};
state_is(one($node, { user => 'alice' }, sprintf($create, 'alices')), '42501', qr/pg_read_server_files|permission|superuser/i, 'a role that may not read files');
state_is(one($node, { user => 'alice' }, sprintf($create, 'alices') =~ s/, public_key_file.*'\)/)/r), '00000', undef, '... may have a server');
state_is(one($node, { user => 'alice' }, "ALTER SERVER alices OPTIONS (ADD public_key_file '$file')"), '42501', undef, '... but not ask for a file later');
@r = session($node, { user => 'reader' }, sprintf($create, 'readers'), sprintf($mapping, 'readers'),
	"SELECT mid FROM rtm_send_group_message(51, 1, 30, 'by file', mid => 8, server => 'readers')");
is($r[2]{out}, 8, 'a member of pg_read_server_files') or diag join "\n", map { $_->{message} } @r;
unlink $file;
state_is(one($node, "SELECT rtm_send_group_message(51, 1, 30, 'x', server => 'file')"), 'HV00N', qr/public_key_file/, 'a file that is gone');
write_key('gate.pem', "no key\n");
state_is(one($node, "SELECT rtm_send_group_message(51, 1, 30, 'x', server => 'file')"), 'HV00N', undef, 'a file without a key');
write_key('gate.pem', '');
state_is(one($node, "SELECT rtm_send_group_message(51, 1, 30, 'x', server => 'file')"), 'HV00N', undef, 'an empty file');
write_key('gate.pem', $key);
is(one($node, "SELECT mid FROM rtm_send_group_message(51, 1, 30, 'x', mid => 9, server => 'file')")->{out}, 9, 'the file is back');

# Wrong keys: of another gate on the same curve, and on another one

my %wrong = (
	'the same curve' => sql("SELECT rtm_gate_new_key('secp256k1')"),
	'another curve' => sql("SELECT rtm_gate_new_key('secp224r1')"));
my $right = sql("SELECT rtm_gate_new_key('secp256k1')");
my $group = 100;
for my $why (sort keys %wrong)
{
	for my $mode ('stream', 'package')
	{
		my $name = "a key of $why, $mode";
		my $gid = $group++;
		server_for($node, 'wrong', $relay->endpoint, encryption => 'ecdh', public_key => $wrong{$why}, ecdh_mode => $mode, connect_timeout => '30s');
		state_is(one($node, "SELECT rtm_send_group_message(51, 1, $gid, 'sync', server => 'wrong')"), 'HV00N', undef, $name);
		my @ids = map { sql("SELECT rtm_send_group_message_async(51, 1, $gid, 'queued $_', server => 'wrong')") } 1 .. 3;
		wait_until('an attempt', sub { sql("SELECT count(*) FROM rtm_outbox WHERE server = 'wrong' AND attempts > 1") });
		like(sql("SELECT (error).sqlstate, (error).message FROM rtm_outbox WHERE id = $ids[0]"), qr/^(HV00N|FP202)\|.*key/, "$name: why, in rtm_outbox");
		is(sql("SELECT count(*) FROM rtm_outbox WHERE server = 'wrong'"), 3, "$name: queued requests wait");
		is(sql("SELECT count(*) FROM rtm_gate.message WHERE type = 2 AND a = $gid"), 0, "$name: nothing is sent");
		sql("ALTER SERVER wrong OPTIONS (SET public_key '$right')");
		is(sql("SELECT rtm_wait($_, $wait)"), 'done', "$name: they go with the right key") for @ids;
		is(sql("SELECT string_agg(convert_from(msg, 'UTF8'), ',' ORDER BY id) FROM rtm_gate.message WHERE type = 2 AND a = $gid"),
			'queued 1,queued 2,queued 3', "$name: once, in order");
		sql('DROP SERVER wrong CASCADE');
	}
}

# A connection that owes an answer is closed when the next one is there, and not before

server_for($node, 'slow', $relay->endpoint, encryption => 'ecdh', public_key => $right, connect_timeout => '30s');
sql(q(SELECT rtm_gate_fault('lose', 'sendroommsg', times => 1)));
$relay->forget;
my @late = session($node, "SELECT rtm_send_room_message(51, 1, 77, 'x', timeout => 1, server => 'slow')",
	"SELECT mid > 0 FROM rtm_send_room_message(51, 1, 77, 'y', server => 'slow')");
state_is($late[0], 'FP203', undef, 'an answer that does not come');
is($late[1]{out}, 't', '... another connection');
my @connects = map { $_->{connection} } $relay->events('connect');
wait_until('an end', sub { grep { $_->{connection} == $connects[0] } $relay->events('end') });
my @happened = map { "$_->{what} $_->{connection}" } grep { my $n = $_->{connection}; grep { $_ == $n } @connects } $relay->events;
is(scalar(@connects), 2, '... one more');
like("@happened", qr/^connect $connects[0] connect $connects[1] end $connects[0]\b/, '... made before the first was closed');

$node->stop;
done_testing();
