# Answers that say what they shouldn't: everything can be looked at afterwards,
# by everybody, and nothing of it is a command to a terminal.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('answers', conf => "rtm.keep_results = on\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
my $gate = FakeGate->start(pid => $pid, secret => $secret);
server_for($node, 'rtm', $gate->endpoint);

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

# Any value as a map's key

my @keys = (
	[ 'a1ff', '{"base64:/w==": 1}', 'str that is no UTF-8' ],
	[ 'c402fffe', '{"base64://4=": 1}', 'bin' ],
	[ 'c40161', '{"a": 1}', 'bin that is text' ],
	[ 'a100', '{"base64:AA==": 1}', 'a NUL' ],
	[ 'c0', '{"null": 1}', 'nil' ],
	[ 'c3', '{"true": 1}', 'a bool' ],
	[ '07', '{"7": 1}', 'an int' ],
	[ 'ff', '{"-1": 1}', 'a negative int' ],
	[ 'cfffffffffffffffff', '{"18446744073709551615": 1}', 'a large int' ],
	[ 'cb3ff8000000000000', '{"1.5": 1}', 'a double' ],
	[ 'cb7ff8000000000000', '{"NaN": 1}', 'no number' ],
	[ 'd405ff', '{"ext 5 base64:/w==": 1}', 'an extension value' ],
	[ '9101', '{"array base64:kQE=": 1}', 'an array' ],
	[ '81c0c0', '{"map base64:gcDA": 1}', 'a map' ],
	[ '8181' . '81a1220101' . '01', undef, 'maps as keys of keys' ],
	[ '81' x 20 . 'a8' . '22' x 8 . '01' x 20, undef, 'quotes, twenty keys deep' ]);
my @ids;
for my $case (@keys)
{
	my ($key, $expected, $name) = @$case;
	my $call = "'any', '{\"msg\": \"payload 81${key}01\"}'";
	my $r = one($node, "SELECT rtm_call($call)");
	state_is($r, '00000', undef, "a key that is $name");
	is($r->{out}, $expected, '... can be read') if $expected;
	push @ids, sql("SELECT rtm_call_async($call)");
}
sql(q(CREATE TABLE got (answer jsonb);
	CREATE FUNCTION answered(answer jsonb, error rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO got VALUES (answer) $$));
my $with_callback = sql(q(SELECT rtm_call_async('any', '{"msg": "payload 81a1ff01"}', callback => 'answered(jsonb,rtm_error)')));
is(sql("SELECT rtm_wait($_)"), 'done', "request $_") for @ids, $with_callback;
is(one($node, 'SELECT count(answer::text), count(params::text) FROM rtm_result')->{out}, (@keys + 1) . '|' . (@keys + 1),
	'rtm_result can be read as a whole');
is(sql("SELECT answer FROM rtm_result WHERE id = $ids[0]"), $keys[0][1], '... with that answer in it');
wait_until('the callback', sub { sql('SELECT count(*) FROM got') == 1 });
is(sql('SELECT answer FROM got'), '{"base64:/w==": 1}', '... and so does a callback get it');

# Texts of errors

my %texts = (
	'81' => 0,
	escape => [ "a\x1b[2Jb", 'a [2Jb' ],
	lines => [ "a\r\nLOG:  forged", 'a  LOG:  forged' ],
	'C1 controls' => [ "a\xc2\x9bb", 'a b' ],
	directions => [ "a\xe2\x80\xaeb", 'a b' ],
	'no UTF-8' => [ "caf\xe9 closed", 'caf? closed' ],
	umlauts => [ "caf\xc3\xa9", "caf\xc3\xa9" ],
	long => [ 'x' x 5000, 'x' x 1000 ],
	'long, of two bytes each' => [ 'y' . "\xc3\xa9" x 5000, 'y' . "\xc3\xa9" x 499 ]);
delete $texts{81};

sub answer_with
{
	my ($text) = @_;
	my $ex = pack('CN', 0xdb, length $text) . $text;
	return 'errorpayload ' . unpack('H*', "\x82\xa4code" . "\xce" . pack('N', 200041) . "\xa2ex" . $ex);
}

for my $name (sort keys %texts)
{
	my ($text, $shown) = @{ $texts{$name} };
	my $msg = answer_with($text);
	my $r = one($node, "SELECT rtm_send_group_message(51, 1, 2, '$msg')");
	state_is($r, 'RTM41', undef, "$name: the error");
	like($r->{message}, qr/^DETAIL:  The gate answered code 200041: \Q$shown\E$/m, "$name: is shown clean");
	my $id = sql("SELECT rtm_send_group_message_async(51, 1, 2, '$msg')");
	is(sql("SELECT rtm_wait($id)"), 'failed', "$name: queued");
	is(sql("SELECT (error).message FROM rtm_result WHERE id = $id"), $shown, "$name: is kept clean");
}
unlike(slurp_file($node->logfile), qr/[\x00-\x08\x0b-\x1f\x7f]|\n(?!\t|\d\d\d\d-)LOG:  forged/, 'nothing of it is in the log');

# ... in another encoding: what it hasn't is a question mark

$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
$node->safe_psql('latin', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint, db => 'latin');
like(one($node, { db => 'latin' }, "SELECT rtm_send_group_message(51, 1, 2, '" . answer_with("\xe4\xb8\xad here") . "')")->{message},
	qr/200041: \?\?\? here$/m, 'a character that the encoding has not');

# A server that a call refuses is refused when the call is queued

sql(q(CREATE FOREIGN DATA WRAPPER another;
	CREATE SERVER another FOREIGN DATA WRAPPER another;
	CREATE USER MAPPING FOR PUBLIC SERVER another;
	CREATE SERVER no_secret FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1');
	CREATE USER MAPPING FOR PUBLIC SERVER no_secret;
	CREATE SERVER no_endpoint FOREIGN DATA WRAPPER rtm OPTIONS (pid '1');
	CREATE USER MAPPING FOR PUBLIC SERVER no_endpoint OPTIONS (secret 'x');
	CREATE SERVER no_mapping FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1')));
for my $server ('another', 'no_secret', 'no_endpoint', 'no_mapping', 'nosuch')
{
	for my $call ([ 'rtm_send_group_message', "51, 1, 2, 'x'" ], [ 'rtm_get_group_message', '1, 2, false, 3' ], [ 'rtm_call', "'*ping'" ])
	{
		my ($name, $args) = @$call;
		my $sync = one($node, "SELECT $name($args, server => '$server')");
		my $queued = one($node, "SELECT ${name}_async($args, server => '$server')");
		isnt($sync->{state}, '00000', "$name and server $server");
		is($queued->{state}, $sync->{state}, '... and its twin');
	}
}
is(sql('SELECT count(*) FROM rtm_outbox'), 0, 'nothing of that is queued');

# The wrong key of an encrypted gate

my $noise = FakeGate->start(pid => $pid, secret => $secret, on => {
	'*key' => sub { my ($self) = @_; $self->send(join '', map { chr(17 + 3 * $_ & 255) } 1 .. 200); $self->wait_for_end } });
my $key = `openssl ecparam -name secp256k1 -genkey -noout | openssl ec -pubout 2>/dev/null`;
for my $mode ('stream', 'package')
{
	server_for($node, "noise_$mode", $noise->endpoint, encryption => 'ecdh', public_key => $key, ecdh_mode => $mode);
	state_is(one($node, "SELECT rtm_send_group_message(51, 1, 2, 'x', server => 'noise_$mode')"), 'HV00N', qr/can't be decrypted.*another key/s, "another key, $mode");
}

done_testing();
