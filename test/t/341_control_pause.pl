# rtm_pause(): nothing queued leaves for that server, from its return on; others go on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('pause', conf => "max_prepared_transactions = 5\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub queue { my ($name) = @_; sql("SELECT count(rtm_send_message_async(51, 1, 2 + g % 7, '$name ' || g)) FROM generate_series(1, 100) AS g") }

# what another server of the same gate gets shows that the sender has had its turns
sub others_go_on
{
	my ($what) = @_;
	for my $n (1 .. 3)
	{
		my $id = sql("SELECT rtm_send_message_async(51, 1, 1000, 'other 1', server => 'other')");
		is(sql("SELECT rtm_wait($id, 60)"), 'done', "$what: another server goes on");
	}
}

sub drained { $node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM rtm_outbox') or die 'not drained' }

sql('CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
server_for($node, 'other', $gate->endpoint);
queue('warm');
drained();

for my $end ('COMMIT', 'ROLLBACK', "PREPARE TRANSACTION 'p'")
{
	my $name = lc((split ' ', $end)[0]);
	my $s = $node->background_psql('postgres', on_error_stop => 0);
	$s->query_safe('BEGIN');
	is($s->query_safe("SELECT rtm_pause('rtm')"), 't', "$name: paused");
	queue($name);
	others_go_on($name);
	is(scalar($gate->came($name)), 0, '... nothing leaves before its commit');
	$s->query_safe($end);
	$s->quit;
	if ($name eq 'prepare')
	{
		others_go_on($name);
		is(scalar($gate->came($name)), 0, '... nor while it is prepared');
		sql("COMMIT PREPARED 'p'");
	}
	if ($name ne 'rollback')
	{
		is(sql('SELECT rtm_pause()'), 'f', '... it is paused already');
		others_go_on($name);
		$node->stop($name eq 'commit' ? 'fast' : 'immediate');
		$node->start;
		queue("again-$name");
		others_go_on("$name, after a restart");
		is(scalar($gate->came($name)) + scalar($gate->came("again-$name")), 0, '... nothing leaves after it');
		is(sql("SELECT paused_by = current_user AND paused_since < now() AND queued = 200 FROM rtm_stat_server WHERE server = 'rtm'"), 't', '... by whom and since when');

		# also before its commit somebody may think otherwise
		my $r = $node->background_psql('postgres', on_error_stop => 0);
		$r->query_safe('BEGIN');
		is($r->query_safe('SELECT rtm_resume()'), 't', '... resumed');
		others_go_on("$name, to be resumed");
		is(scalar($gate->came($name)), 0, '... nothing leaves before that is committed');
		$r->query_safe('COMMIT');
		$r->quit;
		is(sql('SELECT rtm_resume()'), 'f', '... it is no more');
	}
	drained();
	is(join(' ', sort { $a <=> $b } $gate->came($name)), join(' ', 1 .. 100), '... all have left, once');
}
is(sql("SELECT count(*) FROM rtm_stat_server WHERE paused_since IS NOT NULL OR paused_by IS NOT NULL"), 0, 'none is paused');

# in one transaction nothing comes of both
is(sql('SELECT rtm_pause(), rtm_resume(), rtm_pause(), rtm_pause(), rtm_resume()'), 't|t|t|f|t', 'several times in one statement');
sql('BEGIN; SELECT rtm_pause(); SELECT rtm_resume(); COMMIT');
queue('both');
drained();

# who may
sql('CREATE ROLE owner LOGIN; CREATE ROLE friend LOGIN; CREATE ROLE user1 LOGIN; GRANT USAGE ON FOREIGN SERVER rtm TO user1;
	GRANT USAGE ON FOREIGN SERVER rtm TO friend WITH GRANT OPTION; GRANT USAGE ON FOREIGN DATA WRAPPER rtm TO owner; ALTER SERVER rtm OWNER TO owner;
	CREATE FOREIGN DATA WRAPPER none; CREATE SERVER none FOREIGN DATA WRAPPER none');
sub state_of { my ($user, $query, $state, $what) = @_; state_is(one($node, { user => $user }, $query), $state, qr/./, $what) }
state_of('user1', "SELECT $_('rtm')", '42501', "$_: USAGE isn't enough") for 'rtm_pause', 'rtm_resume';
is(one($node, { user => 'friend' }, "SELECT rtm_pause('rtm')")->{out}, 't', 'who may grant may pause');
is(sql("SELECT paused_by FROM rtm_stat_server WHERE server = 'rtm'"), 'friend', '... by his name');
state_of('friend', "ALTER SERVER rtm OPTIONS (SET pid '1')", '42501', '... and nothing else');
is(one($node, { user => 'owner' }, "SELECT rtm_resume('rtm')")->{out}, 't', 'the owner may resume');
state_of('postgres', "SELECT rtm_pause('none')", '42809', 'a server of another wrapper');
state_of('postgres', "SELECT rtm_pause('nowhere')", '42704', 'no server');
state_of('postgres', 'BEGIN READ ONLY; SELECT rtm_pause()', '25006', 'read only');

# a server goes by its options: what is no time isn't taken, a dump has it, another name changes nothing
state_of('owner', "ALTER SERVER rtm OPTIONS (ADD paused_since '$_')", 'HV024', "no time: $_") for 'now', 'yesterday', '2026-11-26T12:00:00', '2026-11-26T12:00:00+01:00';
sql("SELECT rtm_pause('rtm'); ALTER SERVER rtm RENAME TO renamed; SET rtm.server = 'renamed'");
queue('renamed') if sql("ALTER DATABASE postgres SET rtm.server = 'renamed'") eq '';
others_go_on('renamed');
is(scalar($gate->came('renamed')), 0, 'another name');
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]);
like($dump, qr/paused_since '20\d\d-[-0-9T:.]+\+00:00'/, 'pg_dump has it');
is(sql('SELECT rtm_resume()'), 't', '... resumed');
drained();
is(scalar($gate->came('renamed')), 100, '... all have left');

$node->stop;
done_testing();
