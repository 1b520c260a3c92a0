# Every method, by itself and queued, against a gate that answers anything: generated payloads, of which
# half are nearly right.  Each call ends, with a result or with an error that means something, and what comes after
# it goes on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Fpnn;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $rounds = $ENV{GENERATED_ROUNDS} || 12; # of each function
my $seed = $ENV{GENERATED_SEED} || 1;
my $node = new_node('generated', conf => "rtm.keep_results = on\nrtm.max_attempts = 2\nrtm.retry_delay = 10ms\nrtm.max_retry_delay = 20ms\nrtm.quest_timeout = 300ms\nrtm.connect_timeout = 5s\n");
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

# ---- the gate

my @fields = qw(mtime num lastid begin end msgs id mtype msg attrs uids oinfo pinfo ok friends blacks gids rids token val sender tags text source target
	sourceText targetText result types optionmap devices info data cn langs code ex raiser cnt online total);
my @raw = map { pack 'H*', $_ } qw(c0 c2 c3 00 7f e0 ff cd1000 ce80000000 cfffffffffffffffff cf7fffffffffffffff d38000000000000000 d2ffffffff
	ca7fc00000 cb7ff8000000000000 cb7ff0000000000000 cb3ff8000000000000 cb43e0000000000000 a0 a178 a3610062 a2c328 a4f4908080 a3eda080 c400 c403ff0000
	90 80 91c0 9101 92a178c4017a 81a178c0 8101c0 d4017f c70005 ddffffffff dfffffffff dbffffffff c6ffffffff c1 94 85 dc0003);
push @raw, "\x91" x 300 . "\xc0", "\x81\xa1x" x 300 . "\xc0", "\xda\xff\xff" . 'x' x 65535, "\xdd\0\1\0\0" . "\x01" x 65536, "\xdc\x27\x10" . "\x90" x 10000;

sub pick { return $_[ int rand @_ ] }

sub value
{
	my ($depth) = @_;
	my $what = $depth > 3 ? 0 : int rand 10;
	return Msgpack::raw(pick(@raw)) if $what < 4;
	return int rand 1000 if $what < 6;
	return \pick('', 'Some text', '{"a": 1}', '9999999999999999999', "\x{1f600}") if $what < 8;
	return [ map { value($depth + 1) } 1 .. int rand 10 ] if $what < 9;
	return { map { pick(@fields, 'x', '', 1, -7) => value($depth + 1) } 1 .. int rand 6 };
}

# A message of a history that is right but for one place.
sub message
{
	my @entry = (1 + int rand 9, 7, 51, 1000, Msgpack::raw("\xc2"), \'line', \'', 1790000000000);
	$entry[ int rand @entry ] = value(1);
	splice(@entry, int rand @entry, 1) if rand() < 0.1;
	return \@entry;
}

my %right = (mtime => 1790000000000, num => 3, lastid => 3, begin => 0, end => 0, id => 5, mtype => 51, msg => \'x', attrs => \'', ok => Msgpack::raw("\xc3"),
	uids => [ 1, 2 ], gids => [ 1 ], rids => [], friends => [ 3 ], blacks => [], token => \'t', val => \'v', oinfo => \'o', pinfo => \'p', cnt => 1);

sub payload
{
	my $what = rand;
	return pick(@raw) if $what < 0.1;
	my %map = rand() < 0.5 ? %right : ();
	$map{ pick(@fields) } = value(0) for 1 .. 1 + int rand 4;
	$map{msgs} = [ map { message() } 1 .. int rand 4 ] if rand() < 0.4;
	my $bytes = Msgpack::encode(\%map);
	substr($bytes, int rand length $bytes, 1) = chr int rand 256 if $what < 0.2;
	$bytes = substr($bytes, 0, int rand length $bytes) if $what > 0.2 && $what < 0.25;
	$bytes .= pick(@raw) if $what > 0.25 && $what < 0.3;
	return $bytes;
}

sub answer
{
	my ($self, $q) = @_;
	srand($seed * 1000 + $self->{number}) if $self->{answered}++ == 0;
	my $how = rand;
	my $status = $how < 0.15 ? 1 : $how < 0.17 ? 2 + int rand 250 : 0;
	my $bytes = Fpnn::answer($q->{seq}, undef, payload => payload(), status => $status);
	return $self->send(Fpnn::answer($q->{seq} + pick(-1, 1, 1000), undef, payload => payload()) . $bytes) if $how > 0.17 && $how < 0.2;
	return $self->send($bytes . Fpnn::answer($q->{seq}, undef, payload => payload())) if $how > 0.2 && $how < 0.23;
	return $self->send(substr($bytes, 0, int rand length $bytes)) && 0 if $how > 0.23 && $how < 0.26;
	return $self->send(Fpnn::quest(pick('ping', 'pushmsg', 'kickout', "x\0y", 'a' x 255), 1, undef, payload => payload(), oneway => rand() < 0.5) . $bytes) if $how > 0.26 && $how < 0.3;
	return $self->send($bytes);
}

sql('CREATE EXTENSION rtm');
my @methods = split /\n/, sql('SELECT DISTINCT method FROM rtm_methods()');
my $gate = FakeGate->start(pid => $pid, secret => $secret, on => { map { $_ => \&answer } @methods, 'anything' });
server_for($node, 'rtm', $gate->endpoint);

# ---- its callers: every function, with arguments that are right

sql(q(
	CREATE TABLE ended (call text, state text, message text);
	CREATE FUNCTION argument(type text, name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE
		WHEN name = 'message_type' THEN '2' WHEN name = 'timeout' THEN '0.3' WHEN name = 'method' THEN '''anything''' WHEN name = 'descending' THEN 'false'
		WHEN name = 'num' THEN '50' WHEN type = 'bigint' THEN '1' WHEN type = 'bigint[]' THEN 'ARRAY[1, 2]' WHEN type = 'text[]' THEN '''{p2p}''' WHEN type = 'boolean' THEN 'true'
		WHEN type = 'bytea' THEN '''\x00ff''' WHEN type = 'rtm_params' THEN '''{"a": 1}''' WHEN type = 'text' THEN '''en''' END $$;
	CREATE VIEW calls AS SELECT p.oid, p.proname, p.proname || '(' || string_agg(a.name || ' => ' || argument(format_type(a.type, NULL), a.name), ', ' ORDER BY a.n) || ')' AS call
		FROM pg_proc AS p, unnest(p.proargtypes) WITH ORDINALITY AS t (type, n), LATERAL (SELECT t.n, t.type, p.proargnames[t.n] AS name) AS a
		WHERE (t.n <= p.pronargs - p.pronargdefaults OR a.name = 'timeout' AND p.proname NOT LIKE '%\_async')
			AND (p.proname IN (SELECT name FROM rtm_methods()) OR p.proname LIKE 'rtm\_%\_async' OR p.proname LIKE 'rtm\_%\_page' OR p.proname = 'rtm_call')
		GROUP BY p.oid, p.proname;));
$node->safe_psql('postgres', qq(
	DO \$\$ DECLARE c record; BEGIN
		SET LOCAL rtm.scan_calls = 20;
		FOR c IN SELECT call FROM calls, generate_series(1, $rounds) WHERE proname NOT LIKE '%\\_async' LOOP
			BEGIN
				EXECUTE 'SELECT count(x::text) FROM ' || c.call || ' AS x';
				INSERT INTO ended VALUES (c.call, '00000');
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO ended VALUES (c.call, SQLSTATE, SQLERRM);
			END;
		END LOOP;
	END \$\$));
my $functions = sql(q(SELECT count(*) FROM calls WHERE proname NOT LIKE '%\_async'));
cmp_ok($functions, '>', 100, 'functions');
is(sql('SELECT count(*) FROM ended'), $functions * $rounds, '... each call of which has ended');
my $sense = q(state IN ('00000', '54000', '54001', '22021', '22P02', '22P05') OR state ~ '^(FP|RTM?)' OR state LIKE '08%');
is(sql("SELECT coalesce(string_agg(DISTINCT state || ' ' || coalesce(message, '') || ' <- ' || call, E'\\n'), '') FROM ended WHERE NOT ($sense)"), '', '... well, or with an error that means something');
is(sql(q(SELECT count(*) FROM ended WHERE message ~ 'cache lookup|unrecognized|invalid memory|unexpected|not supported|could not determine')), '0', '... and not with one of the server itself');
cmp_ok(sql(q(SELECT count(*) FROM ended WHERE state = '00000')), '>', $functions, '... and many went well');

# ---- queued

sql(qq(DO \$\$ DECLARE c record; BEGIN
		FOR c IN SELECT call FROM calls, generate_series(1, @{[ int($rounds / 3) ]}) WHERE proname LIKE '%\\_async' LOOP
			EXECUTE 'SELECT ' || c.call;
		END LOOP;
	END \$\$));
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox'), 'queued: each has ended');
cmp_ok(sql('SELECT count(params::text) + count(answer::text) + count((error).message) FROM rtm_result'), '>', 300, '... and what is known of it can be read');
is(sql('SELECT count(*) FROM rtm_result WHERE (error).sqlstate LIKE \'XX%\''), '0', '... with errors that mean something');
is(sql(q(SELECT last_error FROM rtm_stat_worker WHERE worker = 'rtm sender')), '', '... and the sender has seen none');

my $log = slurp_file($node->logfile);
unlike($log, qr/terminated by signal|PANIC|server process \(PID|terminating any other/, 'no process has ended by it');
$node->stop;
done_testing();
