# Texts between databases of different encodings, and messages that are no text.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use GateClient;
use JSON::PP ();
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('encoding', init => { extra => [ '--encoding=UTF8', '--no-locale' ] });
my %encodings = (utf => 'UTF8', latin => 'LATIN1', ascii => 'SQL_ASCII');
for my $db (sort keys %encodings)
{
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encodings{$db}' LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql($db, 'CREATE EXTENSION rtm');
}
$node->safe_psql('utf', 'CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
my %options = GateClient::options($node, 'utf');
for my $db ('latin', 'ascii')
{
	$node->safe_psql($db, qq(
		CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$options{endpoint}', pid '$options{pid}');
		CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$options{secret}')));
}

# what a statement gives, with client_encoding left as the database's own
sub value { my ($db, $sql) = @_; my $r = one($node, { db => $db }, $sql); diag $r->{message} if $r->{message}; return $r->{out} }
sub failure { my ($db, $sql) = @_; return one($node, { db => $db }, $sql) }

# bytes as the gate sees them, not through our client
my $raw = GateClient->connect(%options);
sub last_body
{
	my ($gid) = @_;
	my ($code, $map) = $raw->call('getgroupmsg', { uid => 1, gid => $gid, desc => JSON::PP::true, num => 1 });
	my $entry = $map->{msgs}[0];
	return unpack('H*', ref $entry->[5] ? ${ $entry->[5] } : $entry->[5]), ref $entry->[5] ? 'bin' : 'str',
	  unpack('H*', ref $entry->[6] ? ${ $entry->[6] } : $entry->[6]);
}

my $e_utf = "U&'caf\\00e9'";
value('utf', "SELECT rtm_send_group_message(51, 1, 1, $e_utf, $e_utf)");
is_deeply([ last_body(1) ], [ '636166c3a9', 'str', '636166c3a9' ], 'UTF8 to the wire');
value('latin', "SELECT rtm_send_group_message(51, 1, 2, $e_utf, $e_utf)");
is_deeply([ last_body(2) ], [ '636166c3a9', 'str', '636166c3a9' ], 'LATIN1 to the wire');
value('ascii', q(SELECT rtm_send_group_message(51, 1, 3, E'caf\303\251')));
is_deeply([ (last_body(3))[ 0, 1 ] ], [ '636166c3a9', 'str' ], 'SQL_ASCII holding UTF-8 to the wire');

is(value('latin', q(SELECT encode(convert_to(msg, 'LATIN1'), 'hex') FROM rtm_get_group_message(1, 1, true, 1))), '636166e9', 'the wire to LATIN1');
is(value('latin', q(SELECT length(msg), length(attrs), msg_binary IS NULL FROM rtm_get_group_message(1, 1, true, 1))), '4|4|t', '... as characters');
is(value('utf', q(SELECT length(msg) FROM rtm_get_group_message(1, 2, true, 1))), 4, 'LATIN1 to UTF8');
is(value('ascii', q(SELECT octet_length(msg) FROM rtm_get_group_message(1, 1, true, 1))), 5, 'the wire to SQL_ASCII');

# what LATIN1 doesn't have: whole, as bytes, and the rows beside it come too
value('utf', q(SELECT rtm_send_group_message(51, 1, 1, U&'\4F60\597D')));
value('utf', q(SELECT rtm_send_group_message(51, 1, 1, 'plain')));
is(value('latin', q(SELECT string_agg(coalesce(msg, '(' || encode(msg_binary, 'hex') || ')'), ',' ORDER BY id) FROM
	(SELECT id, CASE WHEN msg ~ '^caf' THEN 'caf' ELSE msg END AS msg, msg_binary FROM rtm_get_group_message(1, 1, false, NULL)) AS m)),
	'caf,(e4bda0e5a5bd),plain', 'what LATIN1 lacks comes as bytes');

# binary messages, sent and received
my $odd = '00ff61c328f0288c2800';
for my $db (sort keys %encodings)
{
	my $gid = 10 + length $db;
	value($db, "SELECT rtm_send_group_message(51, 1, $gid, '\\x$odd'::bytea)");
	is((last_body($gid))[0], $odd, "$db: bytes to the wire");
	is(value($db, "SELECT msg IS NULL, encode(msg_binary, 'hex') FROM rtm_get_group_message(1, $gid, true, 1)"), "t|$odd", "$db: bytes from the wire");
}

# bodies by hand: bin that is text, str that is none, zero bytes
my $mid = time * 1000;
for my $case ([ 20, Msgpack::bin('text'), 'text|' ], [ 21, \"\xff\xfe", '|fffe' ], [ 22, \"a\0b", '|610062' ], [ 23, \'', '|' ],
	[ 24, \"\xed\xa0\x80", '|eda080' ], [ 25, \"\xc0\x80", '|c080' ], [ 26, \"\xf4\x90\x80\x80", '|f4908080' ])
{
	my ($gid, $msg, $expected) = @$case;
	is($raw->call('sendgroupmsg', { mtype => 51, from => 1, gid => $gid, mid => ++$mid, msg => $msg, attrs => \'' }), 0, "a body to group $gid");
	is(value('utf', "SELECT msg, encode(msg_binary, 'hex') FROM rtm_get_group_message(1, $gid, true, 1)"), $expected, '... comes as it is');
	is(value('utf', "SELECT i.msg, encode(i.msg_binary, 'hex') FROM rtm_get_group_message(1, $gid, true, 1) AS m, rtm_get_group_message_info(m.mid, 1, $gid) AS i"),
		$expected, '... also looked at alone');
}

# rtm_call
is(value('utf', q(SELECT rtm_call('sendgroupmsg', '{"mtype":51,"from":1,"gid":40,"mid":4711,"msg":"caf\u00e9","attrs":""}') ? 'mtime')), 't', 'rtm_call');
is((last_body(40))[0], '636166c3a9', '... to the wire');
is(failure('latin', q(SELECT rtm_call('getgroupmsg', '{"uid":1,"gid":1,"desc":true,"num":20}') IS NOT NULL))->{state}, '00000',
	'rtm_call with an answer that LATIN1 has no characters for') or diag 'see above';

# The gate's own words in an error, in any encoding
my $fake = FakeGate->start(pid => $pid, secret => $secret);
for my $db (sort keys %encodings)
{
	server_for($node, 'fake', $fake->endpoint, db => $db);
	# {"code": 200041, "ex": ...} with text that is UTF-8, and with bytes that are no text
	for my $ex ('a6c3a9e4bda0' . '21', 'a4fffe0041')
	{
		my $r = failure($db, "SELECT rtm_send_message(51, 1, 2, 'errorpayload 82a4636f6465ce00030d69a26578$ex', server => 'fake')");
		is($r->{state}, 'RTM41', "$db: a gate's error in odd words");
	}
}

$node->stop;
done_testing();
