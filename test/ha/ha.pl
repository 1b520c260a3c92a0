# Queued messages while a cluster under Patroni loses its primary, its etcd, its network: none is lost,
# doubled or out of order, and with synchronous replication none is sent of a row that was lost.
#
# Each transaction takes the lock of its group's row, so that the numbers that it gives are the order of
# commits; what the gate has kept is compared with the rows of the primary that there is at the end:
#
#	lost		a row whose message was not sent
#	doubled		a message that was sent twice
#	disorder	one that was sent after one of its group that committed later
#	phantom		a message of a row that is lost: with asynchronous replication what the old
#				primary had sent, and not passed on
#
#	HA_SEED		number that a run printed: the same plan of the torture
#	HA_SECONDS	of the torture, 90
#	HA_ONLY		scenarios, separated by commas
use strict;
use warnings;
use HaCluster;
use KeepGate;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $bindir = $ENV{BINDIR};
my $seed = $ENV{HA_SEED} || int(time) % 100000;
my $writers = 3;
my (@results, %wanted);
$wanted{$_} = 1 for split /,/, $ENV{HA_ONLY} || '';
srand $seed;
note("seed $seed");

my $gate = KeepGate->new;
my $cluster = HaCluster->start(dir => "$ENV{TESTDIR}/ha", bindir => $bindir);
note('three nodes');
my ($host, $port) = split /:/, $gate->endpoint;
defined $cluster->sql($_) or die "setup failed: $_" for 'CREATE EXTENSION rtm',
	"CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$host:$port', pid '$pid')",
	"CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$secret')",
	'CREATE TABLE groups (gid int PRIMARY KEY, n int NOT NULL); INSERT INTO groups SELECT g, 0 FROM generate_series(1, 8) g',
	'CREATE TABLE lines (gid int, n int, token text PRIMARY KEY)',
	q(CREATE FUNCTION tell(scenario text, g int) RETURNS void LANGUAGE sql AS $$
		WITH counted AS (UPDATE groups SET n = n + 1 WHERE gid = g RETURNING n),
		line AS (INSERT INTO lines SELECT g, n, scenario || ' ' || gen_random_uuid() FROM counted RETURNING token)
		SELECT rtm_send_group_message_async(51, 1, g, token) FROM line $$);

# ---- the work

# pgbench again and again: a client that loses its connection ends.
my @work;
sub begin_work
{
	my ($scenario, $through) = @_;
	my $script = "$ENV{TESTDIR}/$scenario.sql";
	HaCluster::write_file($script, "\\set g random(1, 8)\nSELECT tell('$scenario', :g);\n");
	for my $writer (1 .. $writers)
	{
		my $child = fork // die "fork: $!";
		if ($child == 0)
		{
			POSIX::setpgid(0, 0);
			open(STDOUT, '>>', "$ENV{TESTDIR}/pgbench.log");
			open(STDERR, '>&', \*STDOUT);
			while (1)
			{
				system("$bindir/pgbench", '-n', '-c', 1, '-R', 40, '-T', 600, '-f', $script,
					"host=127.0.0.1 port=$cluster->{port}{ $through || 'proxy' } user=postgres dbname=postgres connect_timeout=3");
				sleep 0.2;
			}
		}
		push @work, $child;
	}
	return;
}

sub end_work
{
	kill 'KILL', map { -$_ } @work;
	waitpid $_, 0 for @work;
	@work = ();
	return;
}

END { my $status = $?; end_work() if @work && $cluster && $cluster->{owner} == $$; $? = $status }

sub kept { my ($scenario) = @_; return grep { $_->{msg} =~ /^$scenario / } $gate->events('kept') }

# The rows of a scenario, and what the gate has of them.
sub compare
{
	my ($scenario) = @_;
	my (%sent, %row, %last, $before, $gap);
	my @kept = kept($scenario);
	my %n = (messages => scalar @kept, rows => 0, lost => 0, doubled => 0, disorder => 0, phantom => 0, gap => 0);

	for my $i (0 .. $#kept)
	{
		push @{ $sent{ $kept[$i]{msg} } }, $i;
		$n{gap} = $kept[$i]{at} - $kept[$i - 1]{at} if $i && $kept[$i]{at} - $kept[$i - 1]{at} > $n{gap};
	}
	for (split /\n/, $cluster->sql("SELECT gid, token FROM lines WHERE token LIKE '$scenario %' ORDER BY gid, n"))
	{
		my ($gid, $token) = split /\|/;
		$n{rows}++;
		$row{$token} = 1;
		my $at = $sent{$token};
		$n{lost}++ unless $at;
		next unless $at;
		$n{doubled}++ if @$at > 1;
		$n{disorder}++ if defined $last{$gid} && $at->[0] < $last{$gid};
		$last{$gid} = $at->[0];
	}
	$n{phantom} = grep { !$row{$_} } keys %sent;
	$n{phantom} && diag("phantom: $_") for (grep { !$row{$_} } keys %sent)[0 .. 2];
	return \%n;
}

# A scenario: what is done while messages are queued, and what became of them.
sub scenario
{
	my ($name, $what, %opt) = @_;
	my $sync = $opt{sync} || 0;

	return if %wanted && !$wanted{$name};
	begin_work($name, $opt{through});
	my $began = time;
	$cluster->until("messages of $name", 60, sub { kept($name) > 50 });
	$what->();
	my $mark = $cluster->until("a primary after $name", 90, sub { $cluster->primary }) && kept($name);
	$cluster->until("messages after $name", 90, sub { kept($name) > $mark + 100 });
	end_work();
	$cluster->heal;
	$cluster->until("an empty outbox after $name", 60, sub { $cluster->sql('SELECT count(*) FROM rtm_outbox') eq '0' });
	my $n = compare($name);
	push @results, [ $name, @$n{qw(rows messages lost doubled disorder phantom)}, sprintf('%.1f', $n->{gap}), int(time - $began) ];
	is("$n->{lost} $n->{doubled} $n->{disorder}", '0 0 0', "$name: of $n->{rows} rows no message was lost, doubled or out of order");
	is($n->{phantom}, 0, "$name: no message of a row that was lost") if $sync;
	return;
}

# ---- what is done

sub kill_primary { $cluster->kill_server($cluster->primary); return }

sub kill_with_lag
{
	my $primary = $cluster->primary;
	$cluster->lag(500, "repl-$primary");
	sleep 2;
	$cluster->kill_server($primary);
	$cluster->lag(0, "repl-$primary");
	return;
}

sub etcd_away
{
	my @lines = map { "etcd-$_" } @HaCluster::nodes;
	$cluster->cut(@lines);
	sleep 20;
	$cluster->mend(@lines);
	return;
}

sub partition
{
	my $primary = $cluster->primary;
	my @lines = HaCluster::lines_of($primary);
	$cluster->cut(@lines);
	eval { $cluster->until('another primary', 60, sub { grep { $_ ne $primary && $cluster->ask('GET', $_, 'primary')->{success} } @HaCluster::nodes }) };
	sleep 3;
	$cluster->mend(@lines);
	return;
}

sub replica { my ($replica) = grep { $_->{role} ne 'leader' } $cluster->members; return $replica->{name} }
sub reinit { $cluster->reinit(replica()); sleep 3; return }
sub restart { $cluster->restart($cluster->primary); sleep 3; return }
sub switchover { $cluster->switchover; sleep 3; return }

sub torture
{
	my $until = time + ($ENV{HA_SECONDS} || 90);
	my @acts = (kill_primary => \&kill_primary, lag => \&kill_with_lag, switchover => \&switchover, restart => \&restart, partition => \&partition, reinit => \&reinit);
	while (time < $until)
	{
		my $i = 2 * int rand(@acts / 2);
		note("torture: $acts[$i]");
		$cluster->until('a primary', 90, sub { $cluster->primary });
		$acts[$i + 1]->();
		$cluster->until('a primary', 90, sub { $cluster->primary });
		sleep 1 + rand 5;
		$cluster->heal;
	}
	return;
}

scenario('kill', \&kill_with_lag);
scenario('switchover', \&switchover);
scenario('etcd', \&etcd_away);
scenario('partition', \&partition);
scenario('reinit', \&reinit);
scenario('restart', \&restart);
scenario('pooler', \&switchover, through => 'pooler');
$cluster->be_synchronous;
scenario('synckill', \&kill_with_lag, sync => 1);
scenario('syncpartition', \&partition, sync => 1);
scenario('synctorture', \&torture, sync => 1);

my $format = "%-14s %7s %8s %5s %7s %8s %7s %12s %7s\n";
my $table = sprintf($format, 'scenario', 'rows', 'messages', 'lost', 'doubled', 'disorder', 'phantom', 'without (s)', 'seconds') . join '', map { sprintf($format, @$_) } @results;
note($table);
done_testing();
