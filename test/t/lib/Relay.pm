# A line between a client and a gate that does what a bad one does.
#
#	my $relay = Relay->start(to => '127.0.0.1:13315');
#	$relay->plan({ cut => 20, dir => 'down', how => 'reset' });
#
# Each connection is served by a process of its own.  The first one after plan()
# gets the first fault of its list, the next one the second, all others none.  A
# fault is a hash of:
#
#	refuse => 1				reset at once, before a byte
#	cut => N				after N bytes in direction dir the line ends: how =>
#							'close', 'reset', 'silent' (open, but nothing goes
#							through any more) or 'half' (silent, and the client sees
#							the end of the gate's half)
#	flip => N				a bit of byte N in direction dir changes
#	twice => 1				the first piece in direction dir comes twice
#	delay => S				each piece comes S seconds late
#	drip => 1				one byte at a time
#	inject => HEX			bytes in direction dir, before the first others; with
#							after => 1 behind the first answer, in one piece
#	answer => WHAT			(plain connections only) what happens to an answer:
#							swap (two come in the wrong order), double, unknown (one
#							for another seq first), mtype (with type => N), huge (a
#							payload of 4 GiB in its header), with skip => N only from
#							the one numbered N on; once
#	keyed => 1				count bytes, and inject, behind the key agreement
#	records => {up, down}	the same behind so many TLS records each way
#
# dir is 'up' (to the gate) or 'down'.  What was seen is in a file, an event a
# line; events() reads it.  With option "record" all bytes are in recorded($dir).
package Relay;

use strict;
use warnings;
use Fpnn;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

our $VERSION = 1;
my @running;

sub start
{
	my ($class, %opt) = @_;
	my $self = bless { owner => $$, %opt }, $class;

	$self->{log} = "$ENV{TESTDIR}/relay-$$-" . scalar(@running) . '.log';
	$self->write_file("$self->{log}.plan", '[]');
	$self->forget;
	$self->{socket} = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp', ReuseAddr => 1)
	  or die "cannot listen: $!";
	$self->{port} = $self->{socket}->sockport;
	$self->{child} = fork;
	die "cannot fork: $!" unless defined $self->{child};
	$self->serve if $self->{child} == 0;
	close $self->{socket};
	push @running, $self;
	return $self;
}

sub endpoint { my ($self) = @_; return "127.0.0.1:$self->{port}" }

sub stop
{
	my ($self) = @_;
	return unless $self->{child};
	kill 'TERM', -$self->{child};
	waitpid $self->{child}, 0;
	delete $self->{child};
}

END { my $status = $?; $_->stop for grep { $_->{owner} == $$ } @running; $? = $status }

# The test's side

sub write_file
{
	my ($self, $path, $text) = @_;
	open(my $out, '>', "$path.new") or die "$path.new: $!";
	print $out $text;
	close $out;
	rename "$path.new", $path or die "$path: $!";
}

# The faults of the next connections, one each; what was seen is forgotten.
sub plan
{
	my ($self, @faults) = @_;
	$self->forget;
	$self->write_file("$self->{log}.plan", JSON::PP::encode_json([ ++$self->{plans}, @faults ]));
}

sub forget { my ($self) = @_; $self->write_file($_, '') for $self->{log}, map { "$self->{log}.$_" } 'up', 'down' }

sub events
{
	my ($self, $what) = @_;
	open(my $in, '<', $self->{log}) or die "$self->{log}: $!";
	my @events = map { JSON::PP::decode_json($_) } grep { /\n$/ } <$in>;
	return grep { !$what || $_->{what} eq $what } @events;
}

sub recorded
{
	my ($self, $dir) = @_;
	open(my $in, '<:raw', "$self->{log}.$dir") or die "$self->{log}.$dir: $!";
	local $/;
	my $bytes = <$in>;
	return defined $bytes ? $bytes : '';
}

# The relay's side

sub append
{
	my ($self, $path, $bytes) = @_;
	open(my $out, '>>:raw', $path) or die "$path: $!";
	syswrite($out, $bytes);
	close $out;
}

sub note
{
	my ($self, $what, %more) = @_;
	$self->append($self->{log}, JSON::PP->new->canonical->encode({ what => $what, connection => $self->{number}, %more }) . "\n");
}

# What is planned for the next connection.
sub next_fault
{
	my ($self) = @_;
	open(my $in, '<', "$self->{log}.plan") or die "$self->{log}.plan: $!";
	local $/;
	my ($plan, @faults) = @{ JSON::PP::decode_json(scalar <$in>) };
	$plan ||= 0;
	$self->{seen} = { plan => $plan, n => 0 } if !$self->{seen} || $self->{seen}{plan} != $plan;
	return $faults[ $self->{seen}{n}++ ] || {};
}

sub serve
{
	my ($self) = @_;

	POSIX::setpgid(0, 0);
	$SIG{TERM} = 'DEFAULT';
	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	while (my $client = $self->{socket}->accept)
	{
		$self->{number}++;
		$self->{fault} = $self->next_fault;
		$self->note('connect', fault => $self->{fault});
		my $child = fork;
		if (defined $child && $child == 0)
		{
			close $self->{socket};
			eval { $self->relay($client); 1 } or $self->note('died', error => "$@");
			POSIX::_exit(0);
		}
		close $client;
	}
	POSIX::_exit(0);
}

sub reset_socket { my ($socket) = @_; $socket->setsockopt(SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); close $socket }

sub relay
{
	my ($self, $client) = @_;
	my $fault = $self->{fault};

	return reset_socket($client) if $fault->{refuse};
	my $gate = IO::Socket::INET->new(PeerAddr => $self->{to}, Proto => 'tcp') or die "no gate at $self->{to}: $!";
	$_->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1) for $client, $gate;
	my %way = (up => { name => 'up', from => $client, to => $gate }, down => { name => 'down', from => $gate, to => $client });
	$_->{passed} = $_->{pieces} = 0 for values %way;

	my $select = IO::Select->new($client, $gate);
	for (my $open = 1; $open;)
	{
		for my $socket ($select->can_read)
		{
			my $way = $way{ $socket == $client ? 'up' : 'down' };
			my $n = sysread($socket, my $bytes, 65536);
			# a piece, or the end of one side: which ends the other one, too
			$open = $n ? $self->pass($way, $bytes) : 0;
			last unless $open;
		}
	}
	$self->note('end');
	shutdown($client, 1) if ($fault->{how} || '') eq 'half' && $self->{cut};
	$self->silence($client) if ($fault->{how} || '') =~ /^(silent|half)$/ && $self->{cut};
	return $self->{cut} && ($fault->{how} || '') eq 'reset' ? reset_socket($client) : close $client;
}

# Let nothing through, until the client gives up.
sub silence
{
	my ($self, $client) = @_;
	$self->note('silent');
	1 while sysread($client, my $ignored, 65536);
	$self->note('gone');
}

# One piece goes its way, or what the fault makes of it.  False: the line ends.
sub pass
{
	my ($self, $way, $bytes) = @_;
	my $fault = $self->{fault};
	my $mine = ($fault->{dir} || '') eq $way->{name};
	# the key agreement is the first piece of either direction
	my $keying = $fault->{keyed} && $way->{pieces}++ == 0;
	my $before = $fault->{records} ? $self->first_records($way, \$bytes, $fault->{records}{ $way->{name} }) : '';

	sleep $fault->{delay} if $fault->{delay};
	if (!$keying && (length $bytes || !$fault->{records}))
	{
		$bytes = $self->changed_answers($way, $bytes) if $fault->{answer} && $way->{name} eq 'down';
		$bytes = $self->injected($bytes) if $mine && defined $fault->{inject};
		$bytes .= $bytes if $mine && $fault->{twice} && !$self->{twice}++;
		$self->flip($way, \$bytes) if $mine && defined $fault->{flip};
		if ($mine && defined $fault->{cut} && $way->{passed} + length $bytes >= $fault->{cut})
		{
			$bytes = substr($bytes, 0, $fault->{cut} - $way->{passed});
			$self->{cut} = 1;
		}
		$way->{passed} += length $bytes;
	}
	$bytes = $before . $bytes;
	$self->append("$self->{log}.$way->{name}", $bytes) if $self->{record};
	$self->write($way->{to}, $bytes) or return 0;
	$self->note('cut') if $self->{cut};
	return !$self->{cut};
}

sub write
{
	my ($self, $to, $bytes) = @_;
	return Fpnn::write_all($to, $bytes) unless $self->{fault}{drip};
	for my $byte (split //, $bytes)
	{
		Fpnn::write_all($to, $byte) or return 0;
		sleep 0.0003;
	}
	return 1;
}

# Take the bytes that belong to the first N TLS records of a direction.
sub first_records
{
	my ($self, $way, $bytes, $n) = @_;
	my $taken = '';

	while (length $$bytes && (($way->{records} || 0) < $n || $way->{left}))
	{
		if (!$way->{left})
		{
			# a header that isn't whole goes on with what comes next
			$way->{header} = ($way->{header} || '') . substr($$bytes, 0, 5 - length($way->{header} || ''), '');
			last if length $way->{header} < 5;
			$way->{left} = unpack('x3n', $way->{header});
			$taken .= $way->{header};
			$way->{header} = '';
			$way->{records}++;
		}
		my $part = substr($$bytes, 0, $way->{left}, '');
		$way->{left} -= length $part;
		$taken .= $part;
	}
	return $taken;
}

sub flip
{
	my ($self, $way, $bytes) = @_;
	my $at = $self->{fault}{flip} - ($way->{passed} || 0);

	return if $at < 0 || $at >= length $$bytes;
	substr($$bytes, $at, 1) ^= "\x04";
	$self->note('flipped');
}

sub injected
{
	my ($self, $bytes) = @_;
	return $bytes if $self->{injected}++;
	my $noise = pack('H*', $self->{fault}{inject});
	return $self->{fault}{after} ? $bytes . $noise : $noise . $bytes;
}

# The answers of a piece, as the fault wants them.
sub changed_answers
{
	my ($self, $way, $bytes) = @_;
	my $out = '';

	$way->{buffer} .= $bytes;
	while (length $way->{buffer} >= 16)
	{
		my $total = 16 + unpack('x8V', $way->{buffer});
		last if length $way->{buffer} < $total;
		my $frame = substr($way->{buffer}, 0, $total, '');
		$out .= $way->{answers}++ < ($self->{fault}{skip} || 0) || $self->{changed} ? $frame : $self->changed($frame);
	}
	return $out;
}

# One answer.  A second one is needed to swap two.
sub changed
{
	my ($self, $frame) = @_;
	my $what = $self->{fault}{answer};

	if ($what eq 'swap' && !defined $self->{held})
	{
		$self->{held} = $frame;
		return '';
	}
	$self->{changed} = 1;
	$self->note('changed');
	return $frame . $self->{held} if $what eq 'swap';
	return $frame . $frame if $what eq 'double';
	my $other = $frame;
	if ($what eq 'unknown')
	{
		substr($other, 12, 4) = pack('V', unpack('x12V', $frame) + 1000);
		return $other . $frame;
	}
	substr($other, 6, 1) = chr $self->{fault}{type} if $what eq 'mtype';
	substr($other, 8, 4) = pack('V', 0xffffffff) if $what eq 'huge';
	return $other;
}

1;
