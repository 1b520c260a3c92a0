# TLS: to the local gate, whose certificate is checked; what is wrong with it is
# a clear error, and nothing is sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

if (system('openssl version >/dev/null 2>&1') != 0)
{
	plan skip_all => 'there is no program openssl to make certificates with';
}

my $dir = PostgreSQL::Test::Utils::tempdir;
my $serial = 0;

sub openssl
{
	my $log = `openssl @_ 2>&1`;
	BAIL_OUT("openssl @_: $log") if $?;
}

# an authority of our own: its name and files
sub authority
{
	my ($name) = @_;
	openssl("req -x509 -newkey rsa:2048 -nodes -keyout $dir/$name.key -out $dir/$name.pem -days 10 -subj /CN=$name");
	return "$dir/$name";
}

# a certificate for some names
sub certificate
{
	my ($name, $ca, $names, $validity) = @_;
	$serial++;
	append_to_file("$dir/$name.ext", "subjectAltName=$names\n");
	openssl("req -newkey rsa:2048 -nodes -keyout $dir/$name.key -out $dir/$name.csr -subj /CN=$name");
	openssl("x509 -req -in $dir/$name.csr -CA $ca.pem -CAkey $ca.key -set_serial $serial $validity -extfile $dir/$name.ext -out $dir/$name.pem");
}

my $ca = authority('authority');
my $stranger = authority('stranger');
certificate('gate', $ca, 'DNS:localhost,IP:127.0.0.1', '-days 10');
certificate('other', $ca, 'DNS:elsewhere.example,IP:127.0.0.9', '-days 10');
# OpenSSL 3.4 and later have no negative days, but dates
certificate('expired', $ca, 'DNS:localhost,IP:127.0.0.1', `openssl x509 -help 2>&1` =~ /-not_after/ ?
	'-not_before 20200101000000Z -not_after 20200102000000Z' : '-days -1');

my $node = new_node('tls', conf => "max_worker_processes = 16\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');
my $endpoint = $node->safe_psql('postgres', 'SELECT endpoint FROM rtm_gate_status()');
my ($port) = $endpoint =~ /:(\d+)$/;

sub sql { return $node->safe_psql('postgres', $_[0]) }

# the gate begins anew with a certificate
sub gate_with
{
	my ($name) = @_;
	sql("SELECT rtm_gate_set_certificate(pg_read_file('$dir/$name.pem'), pg_read_file('$dir/$name.key'))");
	sql('SELECT rtm_gate_stop()');
	wait_until('the gate has stopped', sub { sql('SELECT running FROM rtm_gate_status()') eq 'f' });
	sql('SELECT rtm_gate_start()');
}

# a server with these options beside what all have, in place of the last one
sub server
{
	my (%more) = @_;
	my %o = (endpoint => "localhost:$port", pid => 11000001, encryption => 'tls', tls_ca_file => "$ca.pem", connect_timeout => 5, %more);
	my $options = join ', ', map { "$_ '$o{$_}'" } grep { defined $o{$_} } sort keys %o;
	sql("DROP SERVER IF EXISTS t CASCADE; CREATE SERVER t FOREIGN DATA WRAPPER rtm OPTIONS ($options);
		CREATE USER MAPPING FOR PUBLIC SERVER t OPTIONS (secret '" . sql('SELECT secret FROM rtm_gate.project') . "')");
}

sub send_sql { return "SELECT mtime > 0 FROM rtm_send_message(51, 1, 2, '$_[0]', server => 't')" }
sub count { return sql("SELECT count(*) FROM rtm_gate.message WHERE convert_from(msg, 'UTF8') LIKE '$_[0]'") }

# What goes well

gate_with('gate');
for my $case (
	[ 'by name', endpoint => "localhost:$port" ],
	[ 'by address', endpoint => "127.0.0.1:$port" ],
	[ 'with TLS 1.2', tls_max_version => '1.2' ],
	[ 'with TLS 1.3', tls_max_version => '1.3' ],
	[ 'unverified', tls_verify => 'false', tls_ca_file => undef ],
	[ 'at the second endpoint', endpoint => '127.0.0.1:' . free_port() . ",localhost:$port" ])
{
	my ($name, %options) = @$case;
	server(%options);
	my @r = session($node, send_sql("good $name"), send_sql("large $name" . 'x' x 20000),
		"SELECT count(*) FROM rtm_get_p2p_message(1, 2, false, NULL, server => 't') WHERE msg LIKE '%$name%'",
		"SELECT rtm_send_message_async(51, 1, 2, 'queued $name', server => 't')");
	is($r[0]{out}, 't', "$name: a message") or diag $r[0]{message};
	is($r[1]{out}, 't', "$name: a large one, of more than a record");
	is($r[2]{out}, 2, "$name: history");
	is(sql("SELECT rtm_wait($r[3]{out}, 60)"), 'done', "$name: queued");
}
is(count('queued%'), 6, 'each queued one arrived');

# Hundreds of quests under way, and histories of many records
sql(q(SELECT count(rtm_send_group_message_async(51, 1, i % 100, repeat('y', 5000), server => 't')) FROM generate_series(1, 2000) i));
wait_until('all are there', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
is(sql("SELECT count(*), sum(length(msg)) FROM rtm_gate.message WHERE type = 2"), '2000|10000000', 'many at once');
is(sql("SELECT count(*) FROM rtm_get_group_message(1, 7, true, NULL, server => 't') WHERE msg = repeat('y', 5000)"), 20, 'a page of 100 kB');

# What doesn't

sub refused
{
	my ($name, $pattern, %options) = @_;
	server(%options);
	my @r = session($node, send_sql("bad $name"), 'SELECT 1');
	state_is($r[0], 'HV00N', $pattern, $name);
	is($r[1]{out}, 1, "$name: the session goes on");
	is(count("bad $name"), 0, "$name: nothing was sent");
	my $id = sql("SELECT rtm_send_message_async(51, 1, 2, 'waits $name', server => 't')");
	wait_until("$name: the reason", sub { sql("SELECT (error).message FROM rtm_outbox WHERE id = $id") =~ $pattern });
	is(sql("SELECT rtm_discard($id)"), 't', "$name: a queued one waits, and says why");
}

refused('another authority', qr/TLS: .*(issuer|self.signed)/i, tls_ca_file => "$stranger.pem");
refused('what the machine trusts', qr/TLS: .*(issuer|self.signed)/i, tls_ca_file => undef);
refused('no certificates in the file', qr/tls_ca_file.*no certificate/, tls_ca_file => "$ca.key");
refused('no such file', qr/tls_ca_file.*No such file/, tls_ca_file => "$dir/none.pem");
gate_with('other');
refused('another host', qr/TLS: .*host ?name/i);
refused('another address', qr/TLS: .*IP address/i, endpoint => "127.0.0.1:$port");
gate_with('expired');
refused('expired', qr/TLS: .*expired/);
gate_with('gate');

# Peers that don't speak TLS, or not enough
my $plain = FakeGate->start(pid => $pid, secret => $secret);
refused('a gate without TLS', qr/TLS/, endpoint => $plain->endpoint, tls_verify => 'false', tls_ca_file => undef);
my @r = session($node, "SELECT rtm_send_message(51, 1, 2, 'plain', timeout => 5)");
like($r[0]{state}, qr/^(FP2|HV0)/, 'no TLS to a gate with it: an error');
is(count('plain'), 0, '... and nothing was sent');
my @listener = (IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1'));
refused('a peer that says nothing', qr/timeout/, endpoint => '127.0.0.1:' . $listener[0]->sockport, connect_timeout => '300ms');

# An interrupt in the handshake
server(endpoint => '127.0.0.1:' . $listener[0]->sockport, connect_timeout => 600);
@r = session($node, "SET statement_timeout = '200ms'", send_sql('interrupted'), 'RESET statement_timeout', 'SELECT 1');
is($r[1]{state}, '57014', 'statement_timeout in the handshake');
is($r[3]{out}, 1, '... and the session goes on');

# Options and the gate's own functions
@r = session($node, "ALTER SERVER t OPTIONS (ADD tls_max_version '1.1')", "ALTER SERVER t OPTIONS (ADD tls_verify 'perhaps')",
	"SELECT rtm_gate_set_certificate('nonsense', 'nonsense')",
	"SELECT rtm_gate_set_certificate(pg_read_file('$dir/gate.pem'), pg_read_file('$dir/other.key'))",
	"SELECT rtm_gate_set_certificate(pg_read_file('$dir/gate.pem'), NULL)");
is($r[0]{state}, 'HV024', 'tls_max_version 1.1');
is($r[1]{state}, 'HV024', 'tls_verify perhaps');
is($r[2]{state}, '22023', 'no certificate');
is($r[3]{state}, '22023', "another certificate's key");
is($r[4]{state}, '22004', 'a certificate without a key');

# Without TLS again
sql('SELECT rtm_gate_set_certificate(NULL, NULL); SELECT rtm_gate_stop()');
wait_until('the gate has stopped', sub { sql('SELECT running FROM rtm_gate_status()') eq 'f' });
sql('SELECT rtm_gate_start()');
is(sql("SELECT mtime > 0 FROM rtm_send_message(51, 1, 2, 'plain again')"), 't', 'the gate without TLS');

$plain->stop if $plain->can('stop');
done_testing();
