# What drivers give their parameters for types: every call is found with plain
# parameters, whatever integer, text or JSON type a driver takes for one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $drivers = "$FindBin::RealBin/../drivers";
my $node = new_node('drivers', conf => "listen_addresses = '127.0.0.1'\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('postgres', 'SELECT rtm_gate_setup()');
$node->safe_psql('postgres', q(
	CREATE FUNCTION driver_ended(bigint, bigint, rtm_error) RETURNS void LANGUAGE sql RETURN NULL;
	CREATE FUNCTION driver_called(jsonb, rtm_error) RETURNS void LANGUAGE sql RETURN NULL));

# The types, as PREPARE has them: the same statement with each

my @ints = ('smallint', 'integer', 'bigint', 'unknown');
my @texts = ('text', 'varchar', 'unknown');
my @numbers = ('integer', 'bigint', 'numeric', 'real', 'double precision', 'unknown');
my @lists = ('smallint[]', 'integer[]', 'bigint[]', 'unknown');
my $callback = "'driver_ended(bigint,bigint,rtm_error)'";
my %parameters = (
	mtype => [ "rtm_send_group_message(?, 1, 7, 'x')", [@ints], 51 ],
	from_uid => [ "rtm_send_group_message(51, ?, 7, 'x')", [@ints], 1 ],
	gid => [ "rtm_send_group_message(51, 1, ?, 'x')", [@ints], 7 ],
	msg => [ 'rtm_send_group_message(51, 1, 7, ?)', [ @texts, 'bytea', 'name' ], "'x'" ],
	attrs => [ "rtm_send_group_message(51, 1, 7, 'x', ?)", [@texts], "'y'" ],
	mid => [ "rtm_send_group_message(51, 1, 7, 'x', '', ?)", [@ints], 0 ],
	timeout => [ "rtm_send_group_message(51, 1, 7, 'x', timeout => ?)", [@numbers], 10 ],
	server => [ "rtm_send_group_message(51, 1, 7, 'x', server => ?)", [ @texts, 'name' ], "'rtm'" ],
	to_uids => [ "rtm_send_messages(51, 1, ?, 'x')", [@lists], "'{2,3}'" ],
	num => [ 'rtm_get_group_message(1, 7, true, ?)', [@ints], 3 ],
	descending => [ 'rtm_get_group_message(1, 7, ?, 3)', [ 'boolean', 'unknown' ], 'true' ],
	begin_time => [ 'rtm_get_p2p_message(1, 7, true, 3, begin_time => ?)', [@ints], 3 ],
	mtypes => [ 'rtm_get_group_message(1, 7, true, 3, mtypes => ?)', [@lists], "'{51}'" ],
	'num of a page' => [ 'rtm_get_group_message_page(1, 7, true, ?)', [@ints], 3 ],
	'num of a queued history' => [ 'rtm_get_group_message_async(1, 7, true, ?)', [@ints], 3 ],
	'mtype of a queued send' => [ "rtm_send_message_async(?, 1, 2, 'x')", [@ints], 51 ],
	'msg of a queued send' => [ 'rtm_send_message_async(51, 1, 2, ?)', [ @texts, 'bytea' ], "'x'" ],
	callback => [ "rtm_send_message_async(51, 1, 2, 'x', callback => ?)", [ @texts, 'regprocedure' ], $callback ],
	'callback by its name' => [ "rtm_send_message_async(51, 1, 2, 'x', callback => ?)", ['regproc'], "'driver_ended'" ],
	method => [ "rtm_call(?, '{}')", [ @texts, 'name' ], "'*ping'" ],
	params => [ "rtm_call('*ping', ?)", [ @texts, 'json', 'jsonb' ], "'{}'" ],
	'params of a queued call' => [ "rtm_call_async('*ping', ?)", [ @texts, 'json', 'jsonb' ], "'{}'" ],
	'id of a request' => [ 'rtm_wait(?, 0)', [@ints], 1 ],
	'timeout of a wait' => [ 'rtm_wait(1, ?)', [@numbers], 0.001 ]);

for my $name (sort keys %parameters)
{
	my ($call, $types, $value) = @{ $parameters{$name} };
	(my $sql = $call) =~ s/\?/\$1/;
	my @results = session($node, map { ("PREPARE s ($_) AS SELECT * FROM $sql", "EXECUTE s ($value)", 'DEALLOCATE s') } @$types);
	for my $i (0 .. $#$types)
	{
		state_is($results[ 3 * $i ], '00000', undef, "$name of type $types->[$i]");
		state_is($results[ 3 * $i + 1 ], '00000', undef, "$name of type $types->[$i], called");
	}
}

# What isn't a function, a JSON object, or in range, is an error that says so

my %wrong = (
	"rtm_send_message_async(51, 1, 2, 'x', callback => 'nosuch(bigint)'::text)" => '42883',
	"rtm_send_message_async(51, 1, 2, 'x', callback => 'driver_called(jsonb,rtm_error)'::varchar)" => '42804',
	"rtm_call('*ping', '{'::text)" => '22P02',
	"rtm_call('*ping', '[]'::varchar)" => '22023',
	"rtm_send_group_message(1099511627776, 1, 7, 'x')" => 'RTM05',
	"rtm_send_group_message(128::bigint, 1, 7, 'x')" => 'RTM05',
	'rtm_get_group_message(1, 7, true, 1099511627776)' => 'RTM34',
	"rtm_get_group_message(1, 7, true, 3, mtypes => '{1099511627776}'::bigint[])" => 'RTM05');
state_is(one($node, "SELECT * FROM $_"), $wrong{$_}, undef, $_) for sort keys %wrong;

# Drivers, those that are here

$ENV{PGHOST} = '127.0.0.1';
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
$ENV{PGUSER} = $ENV{USER} = $node->safe_psql('postgres', 'SELECT current_user');
my ($jar) = grep { -e } '/usr/share/java/postgresql.jar', '/usr/share/java/postgresql-jdbc.jar';
my ($python) = grep { -x } '/usr/bin/python3', '/usr/local/bin/python3';
my %commands = (
	(map { $_ => $python ? [ $python, "$drivers/run_$_.py" ] : undef } 'psycopg2', 'psycopg3', 'asyncpg', 'sqlalchemy'),
	'node-postgres' => [ 'node', "$drivers/run_node.js" ],
	pgjdbc => $jar ? [ 'java', '-cp', $jar, "$drivers/RunJdbc.java" ] : undef);

my $group = 1000;
for my $driver (sort keys %commands)
{
	SKIP: {
		my $command = $commands{$driver};
		skip "$driver isn't installed", 1 unless $command && grep { -x "$_/$command->[0]" || -x $command->[0] } split /:/, $ENV{PATH};
		local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
		local $ENV{RTM_GROUP} = $group += 100;
		my ($out, $err);
		IPC::Run::run($command, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		my $status = $? >> 8;
		skip "$driver isn't installed", 1 if $status == 77;
		my @lines = split /\n/, $out;
		is($status, 0, "$driver: runs to its end") or diag $err;
		cmp_ok(scalar(grep { /^(not )?ok/ } @lines), '>', 10, "$driver: makes the calls");
		for my $i (0 .. $#lines)
		{
			my ($not, $name) = $lines[$i] =~ /^(not )?ok - (.*)/ or next;
			my @why;
			for (my $j = $i + 1; $j < @lines && $lines[$j] =~ /^#/; $j++) { push @why, $lines[$j] }
			ok(!$not, $name) or diag join "\n", @why;
		}
	}
}

done_testing();
