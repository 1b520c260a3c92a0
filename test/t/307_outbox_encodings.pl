# What a gate says, queued in databases of other encodings: an error's text that
# is none there, from a plain gate and from an encrypted one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use OutboxTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

outbox_node('encodings');
sql('CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()');

# What a gate says, in databases of other encodings

{
	my %options = GateClient::options($node);
	my $key = sql('SELECT rtm_gate_public_key()');
	# "café", "你!", and bytes that are no text in any encoding
	my %ex = (1 => 'a5636166c3a9', 2 => 'a4e4bda021', 3 => 'a4fffe0041');
	my %encodings = (latin => 'LATIN1', ascii => 'SQL_ASCII');
	for my $db (sort keys %encodings)
	{
		sql("CREATE DATABASE $db TEMPLATE template0 ENCODING '$encodings{$db}' LC_COLLATE 'C' LC_CTYPE 'C'");
		sql(qq(
			CREATE EXTENSION rtm;
			CREATE SERVER secret FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$options{endpoint}', pid '$options{pid}', encryption 'ecdh', public_key '$key');
			CREATE USER MAPPING FOR PUBLIC SERVER secret OPTIONS (secret '$options{secret}')), $db);
		server_for($node, 'fake', $gate->endpoint, db => $db);
		my $flag = new_flag();
		# 200041: never; 200010: not now, which is noted in the request's row
		for my $n (sort keys %ex)
		{
			sql("SELECT " . message('fake', "$n * 1000 + i", "errorpayload 82a4636f6465ce00030d69a26578$ex{$n}") . " FROM generate_series(1, 100) AS i", $db);
			sql("SELECT " . message('fake', "$n * 1000", "unless $flag errorpayload 82a4636f6465ce00030d4aa26578$ex{$n}"), $db);
		}
		sql("SELECT rtm_send_message_async(51, i, i, 'to oneself', server => 'secret') FROM generate_series(1, 100) AS i", $db);
		sql("SELECT rtm_call_async('nonsense', '{}', server => 'secret') FROM generate_series(1, 10) AS i", $db);
		until_true("$db: refused", "SELECT count(*) = 300 FROM rtm_result WHERE (error).code = 200041", $db);
		until_true("$db: refused for now", "SELECT count(*) = 3 FROM rtm_outbox WHERE (error).code = 200010", $db);
		my $cafe = $db eq 'latin' ? '\x636166e9' : '\x636166c3a9';
		for my $case ([ 'rtm_result', 200041, 100 ], [ 'rtm_outbox', 200010, 1 ])
		{
			my ($table, $code, $n) = @$case;
			my $words = "SELECT (error).message::text AS m, (params->>'gid')::int / 1000 AS n FROM $table WHERE (error).code = $code";
			is(sql("SELECT count(*) FROM ($words) AS w WHERE n = 1 AND convert_to(m, getdatabaseencoding()) = '$cafe'::bytea", $db), $n, "$db: $table has words that fit");
			is(sql("SELECT count(*) FROM ($words) AS w WHERE n > 1 AND m <> ''", $db), 2 * $n, "$db: $table has others for those that don't");
		}
		raise_flag($flag);
		until_gone("$db: all of them", 'true', $db);
		is(sql("SELECT count(*) FROM rtm_result WHERE server = 'secret' AND status = 'failed' AND (error).message <> ''", $db), 110, "$db: refused by an encrypted gate");
		is(sql("SELECT count(*) FROM rtm_result WHERE status = 'done'", $db), 0, "$db: what was let through leaves no trace");
		is(sql("SELECT count(*) FROM rtm_stat_worker WHERE database = '$db' AND last_error IS NOT NULL", $db), 0, "$db: no worker has failed");
	}
	no_crash('texts');
}

no_worker_failed();
$node->stop;

done_testing();
