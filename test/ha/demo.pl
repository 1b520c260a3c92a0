# make demo-ha: lines of a chat flow from a cluster of three nodes, and go on flowing when it
# loses its primary.  Keys say what is done to it; without a terminal a primary is killed and another
# one relieved, and what came is compared with the rows.
use strict;
use warnings;
use HaCluster;
use HaWork;
use Time::HiRes qw(sleep time);

# the tests' modules have standard output for themselves
my $screen;
BEGIN { open($screen, '>&', \*STDOUT) or die "standard output: $!" }
select $screen;
my $tty = -t STDIN && -t $screen;
my ($said, $begun, $cut) = ('', time, '');
$| = 1;
print "Starting etcd, three nodes under Patroni, HAProxy and PgBouncer ...\n";
my $cluster = HaCluster->start(dir => "$ENV{TESTDIR}/ha", bindir => $ENV{BINDIR});
my $work = HaWork->new(cluster => $cluster, bindir => $ENV{BINDIR}, dir => $ENV{TESTDIR});
$work->begin('chat', undef, 10);

sub end_cut { $cluster->mend(HaCluster::lines_of($cut)) if $cut; $cut = ''; return }

my %keys = (
	k => [ 'kill -9 the primary', sub { my $primary = $cluster->primary or return 'there is none'; $cluster->kill_server($primary); return "killed $primary" } ],
	s => [ 'switch over', sub { $cluster->switchover; return 'switched over' } ],
	p => [ 'cut the primary off, or mend that', sub {
		return do { my $was = $cut; end_cut(); "the line of $was is mended" } if $cut;
		$cut = $cluster->primary or return 'there is none';
		$cluster->cut(HaCluster::lines_of($cut));
		return "$cut is cut off: another one takes over within 20 seconds" } ],
	q => [ 'quit', sub { return } ]);

# The page: nodes, the last lines, how fast they come.
sub page
{
	my @kept = $work->kept('chat');
	my @members = sort { $a->{name} cmp $b->{name} } $cluster->members;
	my $now = time;
	my $recent = grep { $_->{at} > $now - 5 } @kept;
	my $page = sprintf("%-6s %-14s %-10s %s\n", 'node', 'role', 'state', 'timeline');
	$page .= sprintf("%-6s %-14s %-10s %s\n", $_->{name}, $_->{role}, $_->{state}, $_->{timeline} // '') for @members;
	$page .= sprintf("\n%d lines have come, %.0f a second, the last one %.1f s ago\n", scalar @kept, $recent / 5, @kept ? $now - $kept[-1]{at} : 0);
	$page .= join '', map { my ($group, $line) = $_->{msg} =~ / (\d+)\.(\d+)/; sprintf("    group %d: line %d\n", $group, $line) } @kept > 6 ? @kept[-6 .. -1] : @kept;
	return $page;
}

sub show
{
	print "\e[H\e[2J" if $tty;
	print page(), "\n$said\n", $tty ? join('   ', map { "$_: $keys{$_}[0]" } sort keys %keys) . "\n" : '';
	return;
}

sub press { my ($key) = @_; $said = $keys{$key}[1]->() // ''; return }

sub play
{
	while (1)
	{
		show();
		my $in = '';
		vec($in, fileno(STDIN), 1) = 1;
		next unless select($in, undef, undef, 1);
		sysread(STDIN, my $key, 1) or return;
		return if $key eq 'q';
		press($key) if $keys{$key};
	}
	return;
}

sub perform
{
	$cluster->until('lines', 60, sub { $work->kept('chat') > 50 });
	show();
	for my $key (qw(k s))
	{
		press($key);
		sleep 2;
		my $mark = $work->kept('chat');
		$cluster->until('lines again', 90, sub { $cluster->primary && $work->kept('chat') > $mark + 60 });
		show();
	}
	return;
}

if ($tty)
{
	system 'stty -icanon -echo';
	eval { play(); 1 } or print $@;
	system 'stty sane';
}
else { perform() }

print "\nStopping; comparing what came with the rows of the primary ...\n";
end_cut();
$work->end;
$cluster->until('a primary', 60, sub { $cluster->primary });
$work->drain('at the end');
my $n = $work->compare('chat');
printf "%d rows: %d lost, %d doubled, %d out of order; %d messages of rows that a failover lost (replication is asynchronous here); the longest time without a line %.1f s\n",
	@$n{qw(rows lost doubled disorder phantom gap)};
exit($n->{lost} + $n->{doubled} + $n->{disorder} ? 1 : 0);
