# Work for a cluster: sessions that queue messages through HAProxy or PgBouncer, a gate that keeps a
# journal, and the comparison of both.
#
#	my $work = HaWork->new(cluster => $cluster, bindir => $bindir, dir => $dir);
#	$work->begin('name'); ... $work->end;
#	my $n = $work->compare('name');
#
# Each transaction takes the lock of its group's row, so that the numbers that it gives are the order of
# commits.
package HaWork;

use strict;
use warnings;
use HaCluster;
use JSON::PP ();
use KeepGate;
use POSIX ();
use RtmTest;
use Time::HiRes qw(sleep);

our $VERSION = 1;
my $writers = 3;
my @running;

sub new
{
	my ($class, %opt) = @_;
	my $self = bless { owner => $$, gate => KeepGate->new, read => 0, kept => [], pids => [], %opt }, $class;
	my $cluster = $self->{cluster};

	push @running, $self;
	defined $cluster->sql($_) or die "setup failed: $_" for 'CREATE EXTENSION rtm',
		"CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '" . $self->{gate}->endpoint . "', pid '$pid')",
		"CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$secret')",
		'CREATE TABLE groups (gid int PRIMARY KEY, n int NOT NULL); INSERT INTO groups SELECT g, 0 FROM generate_series(1, 8) g',
		'CREATE TABLE lines (gid int, n int, token text PRIMARY KEY)',
		q(CREATE FUNCTION tell(scenario text, g int) RETURNS void LANGUAGE sql AS $$
			WITH counted AS (UPDATE groups SET n = n + 1 WHERE gid = g RETURNING n),
			line AS (INSERT INTO lines SELECT g, n, format('%s %s.%s %s', scenario, g, n, gen_random_uuid()) FROM counted RETURNING token)
			SELECT rtm_send_group_message_async(51, 1, g, token) FROM line $$);
	return $self;
}

# pgbench again and again: a client that loses its connection ends.
sub begin
{
	my ($self, $scenario, $through, $rate) = @_;
	my $script = "$self->{dir}/$scenario.sql";
	my $port = $self->{cluster}{port}{ $through || 'proxy' };

	HaCluster::write_file($script, "\\set g random(1, 8)\nSELECT tell('$scenario', :g);\n");
	for my $writer (1 .. $writers)
	{
		my $child = fork // die "fork: $!";
		if ($child == 0)
		{
			POSIX::setpgid(0, 0);
			open(STDIN, '<', '/dev/null');
			open(STDOUT, '>>', "$self->{dir}/pgbench.log");
			open(STDERR, '>&', \*STDOUT);
			while (1)
			{
				system("$self->{bindir}/pgbench", '-n', '-c', 1, '-R', $rate || 40, '-T', 600, '-f', $script,
					"host=127.0.0.1 port=$port user=postgres dbname=postgres connect_timeout=3");
				sleep 0.2;
			}
		}
		push @{ $self->{pids} }, $child;
	}
	return;
}

sub end
{
	my ($self) = @_;
	kill 'KILL', map { -$_ } @{ $self->{pids} };
	waitpid $_, 0 for splice @{ $self->{pids} };
	return;
}

END { my $status = $?; $_->end for grep { $_->{owner} == $$ && @{ $_->{pids} } } @running; $? = $status }

# What the gate has kept, in its order; the journal is read on from where it was read to.
sub kept
{
	my ($self, $scenario) = @_;
	open(my $in, '<', $self->{gate}{log}) or die "$self->{gate}{log}: $!";
	seek $in, $self->{read}, 0;
	while (my $line = <$in>)
	{
		last if $line !~ /\n\z/;
		$self->{read} += length $line;
		my $event = JSON::PP::decode_json($line);
		push @{ $self->{kept} }, $event if $event->{what} eq 'kept';
	}
	return grep { $_->{msg} =~ /^$scenario / } @{ $self->{kept} };
}

# Rows of a scenario, and what the gate has of them: see ha.pl.
sub compare
{
	my ($self, $scenario) = @_;
	my (%sent, %row, %last);
	my @kept = $self->kept($scenario);
	my %n = (messages => scalar @kept, rows => 0, lost => 0, doubled => 0, disorder => 0, phantom => 0, gap => 0);

	for my $i (0 .. $#kept)
	{
		push @{ $sent{ $kept[$i]{msg} } }, $i;
		$n{gap} = $kept[$i]{at} - $kept[$i - 1]{at} if $i && $kept[$i]{at} - $kept[$i - 1]{at} > $n{gap};
	}
	for (split /\n/, $self->{cluster}->sql("SELECT gid, token FROM lines WHERE token LIKE '$scenario %' ORDER BY gid, n"))
	{
		my ($gid, $token) = split /\|/;
		my $at = $sent{$token};
		$n{rows}++;
		$row{$token} = 1;
		$n{lost}++ unless $at;
		next unless $at;
		$n{doubled}++ if @$at > 1;
		$n{disorder}++ if defined $last{$gid} && $at->[0] < $last{$gid};
		$last{$gid} = $at->[0];
	}
	$n{phantom} = grep { !$row{$_} } keys %sent;
	return \%n;
}

# Until the primary's outbox is empty.
sub drain
{
	my ($self, $what) = @_;
	$self->{cluster}->until("an empty outbox $what", 60, sub { $self->{cluster}->sql('SELECT count(*) FROM rtm_outbox') eq '0' });
	return;
}

1;
