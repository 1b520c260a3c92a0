# Queued messages while a cluster under Patroni loses its primary, its etcd, its network: none is lost,
# doubled or out of order, and with synchronous replication none is sent of a row that was lost.
#
# What the gate has kept is compared with the rows of the primary that there is at the end:
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
use HaWork;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{HA_SEED} || int(time) % 100000;
my (@results, %wanted);
$wanted{$_} = 1 for split /,/, $ENV{HA_ONLY} || '';
srand $seed;
note("seed $seed");

my $cluster = HaCluster->start(dir => "$ENV{TESTDIR}/ha", bindir => $ENV{BINDIR});
note('three nodes');
my $work = HaWork->new(cluster => $cluster, bindir => $ENV{BINDIR}, dir => $ENV{TESTDIR});

# A scenario: what is done while messages are queued, and what became of them.
sub scenario
{
	my ($name, $what, %opt) = @_;
	my $sync = $opt{sync} || 0;

	return if %wanted && !$wanted{$name};
	$work->begin($name, $opt{through});
	my $began = time;
	$cluster->until("messages of $name", 60, sub { $work->kept($name) > 50 });
	$what->();
	$cluster->until("a primary after $name", 90, sub { $cluster->primary });
	my $mark = $work->kept($name);
	$cluster->until("messages after $name", 90, sub { $work->kept($name) > $mark + 100 });
	$work->end;
	$cluster->heal;
	$work->drain("after $name");
	my $n = $work->compare($name);
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
