# Lines between the nodes of a cluster, which can lag and be cut: one process, told what to do over a
# pipe.
#
#	my $lines = Lines->start(etcd1 => [ 61554, 61500 ], ...);	# from port, to port
#	$lines->tell('cut etcd1', 'lag repl1 300', 'mend etcd1');
#
# A line that is cut is silent, as a network is that loses everything: connections stay open, new ones
# are taken, and no byte goes through.  When it is mended they are closed.
package Lines;

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time);

sub start
{
	my ($class, %lines) = @_;
	my $self = bless { owner => $$ }, $class;

	for my $name (keys %lines)
	{
		my ($from, $to) = @{ $lines{$name} };
		$self->{lines}{$name} = { to => $to, lag => 0, cut => 0,
			listener => IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', LocalPort => $from, ReuseAddr => 1) || die "port $from: $!" };
	}
	pipe($self->{told}, $self->{telling}) or die "pipe: $!";
	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0)
	{
		close $self->{telling};
		$SIG{$_} = 'DEFAULT' for qw(INT TERM);
		$SIG{PIPE} = 'IGNORE';
		eval { $self->serve; 1 } or print STDERR "lines: $@";
		POSIX::_exit(0);
	}
	close $_->{listener} for values %{ $self->{lines} };
	close $self->{told};
	$self->{telling}->autoflush(1);
	return $self;
}

sub tell { my ($self, @commands) = @_; print { $self->{telling} } map { "$_\n" } @commands; return }

sub stop
{
	my ($self) = @_;
	return unless $self->{pid} && $self->{owner} == $$;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

# ---- the process

sub obey
{
	my ($self, $command) = @_;
	my ($what, $name, $ms) = split ' ', $command;
	my $line = $self->{lines}{$name} or return;
	$line->{lag} = $ms / 1000 if $what eq 'lag';
	$line->{cut} = 1 if $what eq 'cut';
	return unless $what eq 'mend';
	$line->{cut} = 0;
	my @ends = grep { $_->{line} == $line } values %{ $self->{ends} };
	$self->end($_) for @ends;
	return;
}

# Both ends of a connection.
sub connect_line
{
	my ($self, $line) = @_;
	my $near = $line->{listener}->accept or return;
	my $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $line->{to}) or return;
	my @ends = map { { socket => $_, line => $line, waiting => [] } } $near, $far;
	@{ $ends[$_] }{qw(other)} = ($ends[1 - $_]) for 0, 1;
	$self->{ends}{ $_->{socket}->fileno } = $_ for @ends;
	$_->{socket}->blocking(0) for @ends;
	return;
}

sub end
{
	my ($self, $end) = @_;
	my @both = grep { $_ } $end, $end->{other};
	for my $one (@both)
	{
		next unless $one->{socket};
		delete $self->{ends}{ $one->{socket}->fileno };
		close $one->{socket};
		delete $one->{socket};
		delete $one->{other};
	}
	return;
}

sub receive
{
	my ($self, $end) = @_;
	my $n = sysread($end->{socket}, my $bytes, 65536);
	return if !defined $n && $!{EAGAIN};
	return $self->end($end) unless $n;
	push @{ $end->{other}{waiting} }, [ time + $end->{line}{lag}, $bytes ];
	return;
}

# What is due at an end.
sub deliver
{
	my ($self, $end) = @_;
	while ($end->{socket} && (my $piece = $end->{waiting}[0]))
	{
		return if $end->{line}{cut} || $piece->[0] > time;
		my $n = syswrite($end->{socket}, $piece->[1]);
		return if !defined $n && $!{EAGAIN};
		return $self->end($end) unless defined $n;
		substr($piece->[1], 0, $n) = '';
		shift @{ $end->{waiting} } unless length $piece->[1];
	}
	return;
}

sub serve
{
	my ($self) = @_;
	my %listeners = map { $_->{listener}->fileno => $_ } values %{ $self->{lines} };
	my $told = '';

	while (1)
	{
		my @open = grep { !$_->{line}{cut} && @{ $_->{other}{waiting} } < 100 } values %{ $self->{ends} };
		my $select = IO::Select->new($self->{told}, map({ $_->{listener} } values %listeners), map { $_->{socket} } @open);
		my $waits = grep { @{ $_->{waiting} } } values %{ $self->{ends} };
		for my $ready ($select->can_read($waits ? 0.005 : 0.2))
		{
			if ($ready == $self->{told})
			{
				return unless sysread($ready, $told, 4096, length $told);
				$self->obey($1) while $told =~ s/^(.*)\n//;
			}
			elsif ($listeners{ $ready->fileno // -1 }) { $self->connect_line($listeners{ $ready->fileno }) }
			elsif (my $end = $self->{ends}{ $ready->fileno // -1 }) { $self->receive($end) }
		}
		my @ends = values %{ $self->{ends} };
		$_->{socket} && $self->deliver($_) for @ends;
	}
	return;
}

1;
