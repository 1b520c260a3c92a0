# A name server on loopback, UDP and TCP, that does what its zone says.
#
#	my $ns = NameServer->start;
#	$ns->zone('gate.test' => { a => ['127.0.0.1'] }, 'mute.test' => { do => 'silent' });
#
# zone() may be called again at any time.  What it does with a query is said by "do"
# of the name: an action below, by default the answer.  A name that isn't there
# doesn't exist; with option "all" (a hash like a name's) each does.  queries() is what was asked.
package NameServer;

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Socket qw(AF_INET AF_INET6 inet_pton);
use Time::HiRes qw(sleep);

our $VERSION = 1;
my @running;
my %types = (1 => 'a', 5 => 'cname', 28 => 'aaaa');

sub start
{
	my ($class, %opt) = @_;
	my $self = bless { owner => $$, %opt }, $class;

	$self->{log} = "$ENV{TESTDIR}/nameserver-$$-" . scalar(@running) . '.log';
	$self->forget;
	$self->zone;
	# one port for both
	for (1 .. 100)
	{
		$self->{tcp} = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "cannot listen: $!";
		$self->{port} = $self->{tcp}->sockport;
		$self->{udp} = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port}, Proto => 'udp') and last;
	}
	die "cannot bind: $!" unless $self->{udp};
	$self->{child} = fork;
	die "cannot fork: $!" unless defined $self->{child};
	$self->serve if $self->{child} == 0;
	close $self->{$_} for 'tcp', 'udp';
	push @running, $self;
	return $self;
}

sub address { my ($self) = @_; return "127.0.0.1:$self->{port}" }

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

sub zone
{
	my ($self, %zone) = @_;
	open(my $out, '>', "$self->{log}.new") or die "$self->{log}.new: $!";
	print $out JSON::PP::encode_json(\%zone);
	close $out;
	rename "$self->{log}.new", "$self->{log}.zone" or die "$self->{log}.zone: $!";
}

sub forget { my ($self) = @_; open(my $new, '>', $self->{log}) or die "$self->{log}: $!"; close $new }

# What was asked about a name, or all: "udp a", "tcp aaaa".
sub queries
{
	my ($self, $name) = @_;
	open(my $in, '<', $self->{log}) or die "$self->{log}: $!";
	my @lines = map { chomp; [ split / /, $_, 3 ] } grep { /\n$/ } <$in>;
	return map { "$_->[0] $_->[1]" } grep { !defined $name || $_->[2] eq $name } @lines;
}

# The server's side

sub serve
{
	my ($self) = @_;

	POSIX::setpgid(0, 0);
	$SIG{TERM} = 'DEFAULT';
	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	my $select = IO::Select->new($self->{udp}, $self->{tcp});
	while (1)
	{
		for my $socket ($select->can_read)
		{
			my $client = $socket == $self->{tcp} ? $socket->accept : undef;
			if ($client) { $self->apart(sub { $self->serve_tcp($client) }) }
			elsif ($socket == $self->{udp} && defined(my $peer = recv($socket, my $query, 65536, 0)))
			{
				$self->act('udp', $query, sub { send($socket, $_[0], 0, $peer) });
			}
		}
	}
}

# In a process of its own, so that nobody else waits.
sub apart
{
	my ($self, $do) = @_;
	my $child = fork;
	return if !defined $child || $child;
	eval { $do->() };
	POSIX::_exit(0);
}

sub serve_tcp
{
	my ($self, $client) = @_;
	my $buffer = '';
	while (sysread($client, $buffer, 65536, length $buffer))
	{
		while (length $buffer >= 2 && length $buffer >= 2 + unpack('n', $buffer))
		{
			my $query = substr($buffer, 2, unpack('n', $buffer));
			substr($buffer, 0, 2 + length $query) = '';
			$self->act('tcp', $query, sub { syswrite($client, pack('n', length $_[0]) . $_[0]) });
		}
	}
}

sub read_zone
{
	my ($self) = @_;
	open(my $in, '<', "$self->{log}.zone") or die "$self->{log}.zone: $!";
	local $/;
	return JSON::PP::decode_json(scalar <$in>);
}

sub act
{
	my ($self, $way, $query, $send) = @_;
	my @labels;
	for (my $at = 12; my $len = ord substr($query, $at, 1); $at += 1 + $len) { push @labels, substr($query, $at + 1, $len) }
	my $name = lc join '.', @labels;
	my $end = 12 + length(join '', map { pack 'C/a', $_ } @labels) + 1;
	my $q = { way => $way, id => unpack('n', $query), name => $name, type => $types{ unpack('n', substr($query, $end, 2)) } || 'other',
		question => substr($query, 12, $end + 4 - 12) };
	my $zone = $self->read_zone;
	my $entry = $zone->{$name} || $self->{all} || { do => 'nxdomain' };

	open(my $out, '>>', $self->{log}) or die "$self->{log}: $!";
	syswrite($out, "$way $q->{type} $name\n");
	close $out;
	my ($do, @args) = split / /, $entry->{do} || 'answer';
	(__PACKAGE__->can("do_$do") || die "no action $do")->($self, $q, $entry, $send, @args);
}

sub reply
{
	my ($q, $flags, @records) = @_;
	return pack('n6', $q->{id}, 0x8180 | $flags, 1, scalar(@records), 0, 0) . $q->{question} . join '', @records;
}

sub wire_name { my ($name) = @_; return join('', map { pack 'C/a', $_ } split /\./, $name) . "\0" }
sub record { my ($name, $type, $data) = @_; return wire_name($name) . pack('nnNn/a', $type, 1, 0, $data) }

sub addresses
{
	my ($q, $entry, $name) = @_;
	return map { record($name, 1, inet_pton(AF_INET, $_)) } @{ $entry->{a} || [] } if $q->{type} eq 'a';
	return map { record($name, 28, inet_pton(AF_INET6, $_)) } @{ $entry->{aaaa} || [] } if $q->{type} eq 'aaaa';
	return ();
}

sub do_answer { my ($self, $q, $entry, $send) = @_; $send->(reply($q, 0, addresses($q, $entry, $q->{name}))) }
sub do_silent { }
sub do_no_aaaa { my ($self, $q, @rest) = @_; do_answer($self, $q, @rest) if $q->{type} ne 'aaaa' }
sub do_nxdomain { my ($self, $q, $entry, $send) = @_; $send->(reply($q, 3)) }
sub do_servfail { my ($self, $q, $entry, $send) = @_; $send->(reply($q, 2)) }
sub do_slow { my ($self, @rest) = @_; $self->apart(sub { sleep $rest[3]; do_answer($self, @rest) }) }

# bytes that are no answer, and answers to what wasn't asked
sub do_noise
{
	my ($self, $q, $entry, $send) = @_;
	my $good = reply($q, 0, addresses($q, $entry, $q->{name}));
	my $other = { %$q, question => wire_name('other.test') . substr($q->{question}, -4) };
	$send->(join '', map { chr int rand 256 } 1 .. 300);
	$send->('');
	$send->(pack('n', $q->{id}));
	$send->(pack('n', $q->{id} ^ 1) . substr($good, 2));
	$send->(reply($other, 0, record('other.test', 1, inet_pton(AF_INET, '127.0.0.7'))));
}

# noise before the first answer only: who drops what was asked because of it asks again
sub do_noise_first { my ($self, @rest) = @_; do_noise($self, @rest) unless $self->{noised}{"$rest[0]{name} $rest[0]{type}"}++; do_answer($self, @rest) }

# right question and number, but what follows makes no sense
sub do_broken { my ($self, $q, $entry, $send) = @_; $send->(reply($q, 0, "\xc0\x0c" . pack('nnNn', 1, 1, 0, 400) . 'x')) }

# the whole answer is to be had by TCP only, or not even there
sub do_truncated { my ($self, $q, @rest) = @_; return do_answer($self, $q, @rest) if $q->{way} eq 'tcp'; $rest[1]->(reply($q, 0x200)) }
sub do_truncated_silent { my ($self, $q, $entry, $send) = @_; $send->(reply($q, 0x200)) if $q->{way} eq 'udp' }

sub do_cname
{
	my ($self, $q, $entry, $send) = @_;
	$send->(reply($q, 0, record($q->{name}, 5, wire_name('real.test')), addresses($q, $entry, 'real.test')));
}
sub do_loop
{
	my ($self, $q, $entry, $send) = @_;
	$send->(reply($q, 0, record($q->{name}, 5, wire_name('round.test')), record('round.test', 5, wire_name($q->{name}))));
}

1;
