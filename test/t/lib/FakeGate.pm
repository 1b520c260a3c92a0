# A gate that does what a real one shouldn't.
#
#	my $gate = FakeGate->start(pid => ..., secret => ...);
#
# What it does with a quest is said by the quest's msg, or, when it has none, by
# option "default": a name in %actions below, and arguments, separated by
# blanks.  Every connection is served by a process of its own.  What it saw is
# in a file, an event a line, which the test reads with events() and wait_for().
# With option "bare" it answers everything at once and keeps only which message
# went where; see kept().
package FakeGate;

use strict;
use warnings;
use Fpnn;
use IO::Socket::INET;
use IO::Select;
use JSON::PP ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

our $VERSION = 1;
my $mtime = 1790000000123;
my @running;

sub start
{
	my ($class, %opt) = @_;
	my $self = bless { owner => $$, %opt }, $class;

	$self->{log} ||= "$ENV{TESTDIR}/fakegate-$$-" . scalar(@running) . '.log';
	open(my $new, '>', $self->{log}) or die "$self->{log}: $!";
	close $new;
	$self->{socket} = IO::Socket::INET->new(
		Listen => 50, LocalAddr => $opt{host} || '127.0.0.1', LocalPort => $opt{port} || 0,
		Proto => 'tcp', ReuseAddr => 1) or die "cannot listen: $!";
	$self->{port} = $self->{socket}->sockport;
	$self->{child} = fork;
	die "cannot fork: $!" unless defined $self->{child};
	$self->serve if $self->{child} == 0;
	close $self->{socket};
	push @running, $self;
	return $self;
}

sub endpoint { my ($self) = @_; return "127.0.0.1:$self->{port}" }

# End the listener and every process that serves a connection.
sub stop
{
	my ($self) = @_;
	return unless $self->{child};
	kill 'TERM', $self->{child};
	waitpid $self->{child}, 0;
	delete $self->{child};
}

END { my $status = $?; $_->stop for grep { $_->{owner} == $$ } @running; $? = $status }

# The test's side: what was seen

sub events
{
	my ($self, $what) = @_;
	open(my $in, '<', $self->{log}) or die "$self->{log}: $!";
	my @events = map { JSON::PP::decode_json($_) } grep { /\n$/ } <$in>;
	return grep { !$what || $_->{what} eq $what } @events;
}

# Wait until $n events of a kind are there; the last one.
sub wait_for
{
	my ($self, $what, $n) = @_;
	my $deadline = time + 60;
	while (time < $deadline)
	{
		my @events = $self->events($what);
		return $events[-1] if @events >= ($n || 1);
		sleep 0.01;
	}
	die "the fake gate saw no $what in a minute\n";
}

# Wait until all connections have ended: what was sent over them has been read.
sub settle
{
	my ($self) = @_;
	my $deadline = time + 60;
	while (time < $deadline)
	{
		my %open = map { $_->{connection} => 1 } $self->events('connect');
		delete $open{$_->{connection}} for $self->events('end');
		return unless %open;
		sleep 0.01;
	}
	die "connections to the fake gate were open for a minute\n";
}

# Forget what was seen.
sub forget { my ($self) = @_; truncate $self->{log}, 0; return }

# The gate's side

sub note
{
	my ($self, $what, %more) = @_;
	open(my $out, '>>', $self->{log}) or die "$self->{log}: $!";
	syswrite($out, JSON::PP->new->utf8->canonical->allow_blessed->encode({ what => $what, at => time, %more }) . "\n");
	close $out;
}

sub serve
{
	my ($self) = @_;
	my $number = 0;

	POSIX::setpgid(0, 0);
	# the listener ends when those that serve connections have ended
	$SIG{TERM} = sub { $SIG{TERM} = 'IGNORE'; kill 'TERM', -$$; 1 while wait > 0; POSIX::_exit(0) };
	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	while (my $client = $self->{socket}->accept)
	{
		$number++;
		$self->note('connect', connection => $number);
		my $child = fork;
		if (defined $child && $child == 0)
		{
			$SIG{TERM} = 'DEFAULT';
			close $self->{socket};
			$client->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
			$self->{client} = $client;
			$self->{number} = $number;
			$self->{buffer} = '';
			eval { $self->{bare} ? $self->serve_bare : $self->serve_client; 1 } or $self->note('died', error => "$@");
			# who reads of the end finds it closed
			close $client;
			$self->note('end', connection => $number);
			POSIX::_exit(0);
		}
		close $client;
	}
	POSIX::_exit(0);
}

sub serve_client
{
	my ($self) = @_;
	while (my $frame = $self->read_or_answer)
	{
		next if $frame->{mtype} == Fpnn::ANSWER;
		last unless $self->act($frame);
	}
}

# The next frame; meanwhile the quests that wait are answered when it is time.
sub read_or_answer
{
	my ($self) = @_;
	my $select = IO::Select->new($self->{client});
	while (@{ $self->{held} || [] })
	{
		my $copy = $self->{buffer};
		last if Fpnn::take_frame(\$copy) || $select->can_read(0.005);
		$self->answer_held;
	}
	return $self->read;
}

sub answer_held
{
	my ($self) = @_;
	my @held = @{ $self->{held} };
	$self->{held} = [];
	for my $h (@held)
	{
		if ($h->{until}->()) { $self->good($h->{quest}) }
		else { push @{ $self->{held} }, $h }
	}
}

sub hold
{
	my ($self, $quest, $until) = @_;
	push @{ $self->{held} }, { quest => $quest, until => $until };
	$self->note('held', connection => $self->{number}, n => scalar @{ $self->{held} });
	return 1;
}

# Many quests fast: nothing is noted but group and mid of each, as 16 bytes.
sub serve_bare
{
	my ($self) = @_;
	my $buffer = '';
	my $answer = substr(Fpnn::answer(0, { mtime => $mtime }), 16);
	my $head = substr(Fpnn::answer(0, { mtime => $mtime }), 0, 12);
	open(my $out, '>>', "$self->{log}.kept") or die "$self->{log}.kept: $!";

	while (sysread($self->{client}, $buffer, 1 << 20, length $buffer))
	{
		my ($pos, $kept, $answers) = (0, '', '');
		while (length($buffer) - $pos >= 16)
		{
			my ($mtype, $ss, $psize, $seq) = unpack('x6CCVV', substr($buffer, $pos, 16));
			my $total = 16 + $ss + $psize;
			last if length($buffer) - $pos < $total;
			my $payload = substr($buffer, $pos + 16 + $ss, $psize);
			$kept .= pack('qq', number_of(\$payload, 'gid'), number_of(\$payload, 'mid'));
			$answers .= $head . pack('V', $seq) . $answer if $mtype == Fpnn::TWOWAY;
			$pos += $total;
		}
		$buffer = substr($buffer, $pos);
		syswrite($out, $kept);
		$self->send($answers) or return;
	}
}

# A key's whole number, found without looking at the rest.
sub number_of
{
	my ($payload, $key) = @_;
	my $at = index($$payload, "\xa3$key");
	return -1 if $at < 0;
	my $type = ord substr($$payload, $at + 4, 1);
	return $type if $type < 0x80;
	return unpack('Q>', substr($$payload, $at + 5, 8)) if $type == 0xcf || $type == 0xd3;
	return unpack('N', substr($$payload, $at + 5, 4)) if $type == 0xce || $type == 0xd2;
	return unpack('n', substr($$payload, $at + 5, 2)) if $type == 0xcd || $type == 0xd1;
	return unpack('C', substr($$payload, $at + 5, 1));
}

# What a bare gate got: [group, mid] each, in the order of their coming.
sub nkept { my ($self) = @_; return int((-s "$self->{log}.kept" || 0) / 16) }

sub kept
{
	my ($self) = @_;
	open(my $in, '<:raw', "$self->{log}.kept") or die "$self->{log}.kept: $!";
	local $/;
	my @numbers = unpack('q*', <$in>);
	return map { [ @numbers[ 2 * $_, 2 * $_ + 1 ] ] } 0 .. @numbers / 2 - 1;
}

sub read
{
	my ($self, $timeout) = @_;
	my $frame = Fpnn::read_frame($self->{client}, \$self->{buffer}, $timeout);
	return undef unless $frame;
	my $p = $frame->{params};
	$self->note($frame->{mtype} == Fpnn::ANSWER ? 'answer' : 'quest',
		connection => $self->{number}, method => $frame->{method}, seq => $frame->{seq},
		status => $frame->{status}, params => printable($p),
		signed => defined $p->{sign} && defined $self->{secret}
		  && $p->{sign} eq Fpnn::sign($p->{pid}, $self->{secret}, $p->{salt}, $frame->{method}, $p->{ts}) ? 1 : 0);
	return $frame;
}

sub printable
{
	my ($value) = @_;
	return { bin => unpack('H*', $$value) } if ref $value eq 'Msgpack::Bin';
	return [ map { printable($_) } @$value ] if ref $value eq 'ARRAY';
	return { map { $_ => printable($value->{$_}) } keys %$value } if ref $value eq 'HASH';
	# a str is text, or bytes when it is none
	my $text = $value;
	return { str => unpack('H*', $value) } if defined $value && !ref $value && !utf8::decode($text);
	return ref $value || !defined $value || $value =~ /^[\x00-\x7f]*$/ ? $value : $text;
}

sub send { my ($self, $bytes) = @_; return Fpnn::write_all($self->{client}, $bytes) }
sub good { my ($self, $quest, $params) = @_; return $self->send(Fpnn::answer($quest->{seq}, $params || { mtime => $mtime })) }

sub error
{
	my ($self, $quest, $code, $ex) = @_;
	return $self->send(Fpnn::answer($quest->{seq}, { code => $code, ex => \$ex, raiser => \'fake' }, status => 1));
}

# Stay silent until the peer goes.
sub wait_for_end
{
	my ($self) = @_;
	my $ignored;
	1 while sysread($self->{client}, $ignored, 65536);
	$self->note('gone', connection => $self->{number});
	return 0;
}

sub remember
{
	my ($self, $mid) = @_;
	my @before = grep { $_->{mid} == $mid } $self->events('kept');
	$self->note('kept', mid => $mid);
	return scalar @before;
}

my $half = sub { my $bytes = shift; return substr($bytes, 0, int(length($bytes) / 2)) };

# Each gets the gate, the quest and arguments; false: close the connection.
my %actions = (
	ok => sub { my ($self, $q) = @_; $self->good($q) },
	empty => sub { my ($self, $q) = @_; $self->good($q, {}) },

	# the connection
	close => sub { 0 },
	reset => sub { my ($self) = @_; $self->{client}->setsockopt(SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); 0 },
	bye => sub { my ($self, $q) = @_; $self->good($q); 0 },
	stall => sub { my ($self) = @_; $self->wait_for_end },
	half => sub { my ($self, $q) = @_; $self->send($half->(Fpnn::answer($q->{seq}, { mtime => $mtime }))); $self->wait_for_end },
	halfclose => sub { my ($self, $q) = @_; $self->send($half->(Fpnn::answer($q->{seq}, { mtime => $mtime }))); 0 },
	head => sub { my ($self, $q, $n) = @_; $self->send(substr(Fpnn::answer($q->{seq}, { mtime => $mtime }), 0, $n)); 0 },
	drip => sub {
		my ($self, $q) = @_;
		for my $byte (split //, Fpnn::answer($q->{seq}, { mtime => $mtime })) { $self->send($byte); sleep 0.002 }
		1;
	},

	# bytes that are no FPNN, or none that anybody should follow
	garbage => sub { my ($self) = @_; $self->send("HTTP/1.1 400 Bad Request\r\n\r\n"); $self->wait_for_end },
	noise => sub { my ($self) = @_; $self->send(join '', map { chr int rand 256 } 1 .. 5000); $self->wait_for_end },
	huge => sub { my ($self, $q) = @_; $self->send('FPNN' . pack('C4VV', 1, 0x80, 2, 0, 0xffffffff, $q->{seq})); $self->wait_for_end },
	badflag => sub { my ($self, $q) = @_; $self->send('FPNN' . pack('C4VV', 1, 0xc0, 2, 0, 1, $q->{seq}) . "\x80"); $self->wait_for_end },
	badmtype => sub { my ($self, $q) = @_; $self->send('FPNN' . pack('C4VV', 1, 0x80, 9, 0, 1, $q->{seq}) . "\x80"); $self->wait_for_end },
	payload => sub { my ($self, $q, $hex) = @_; $self->send(Fpnn::answer($q->{seq}, undef, payload => pack('H*', $hex || ''))) },
	errorpayload => sub { my ($self, $q, $hex) = @_; $self->send(Fpnn::answer($q->{seq}, undef, payload => pack('H*', $hex || ''), status => 1)) },

	# good frames, odd contents
	text => sub { my ($self, $q) = @_; $self->good($q, { mtime => \'soon' }) },
	extra => sub { my ($self, $q) = @_; $self->good($q, { mtime => $mtime, more => [ 1, { a => undef } ], x => \'y' }) },
	error => sub { my ($self, $q, $code, @ex) = @_; $self->error($q, $code, join ' ', @ex) },

	# answers out of place
	unknown => sub { my ($self, $q) = @_; $self->send(Fpnn::answer($q->{seq} + 1000, { mtime => 1 })); $self->good($q) },
	twice => sub { my ($self, $q) = @_; $self->good($q); $self->good($q, { mtime => 666 }) },
	late => sub { my ($self, $q) = @_; push @{ $self->{late} }, $q; 1 },
	flush => sub { my ($self, $q) = @_; $self->good($_, { mtime => 666 }) for @{ $self->{late} }; $self->good($q) },

	# quests and pushes before the answer
	quests => sub {
		my ($self, $q) = @_;
		$self->send(Fpnn::quest('ping', 7001, {}));
		$self->send(Fpnn::quest('pushmsg', 7002, { from => 1, to => 2, mtype => 51, mid => 3, msg => \'pushed', attrs => \'', mtime => 4 }));
		$self->send(Fpnn::quest('nonsense', 7003, { a => 1 }));
		$self->send(Fpnn::quest('nonsense', 0, { a => 1 }, oneway => 1));
		$self->send(Fpnn::quest('ping', 0, {}, oneway => 1));
		# the answer's seq is also a quest's: they are different things
		$self->send(Fpnn::quest('ping', $q->{seq}, {}));
		for (1 .. 4) { $self->read(10) or return 0 }
		$self->good($q);
	},

	# keep the message, lose the answer; the second asking hears "duplicate"
	lose => sub { my ($self, $q) = @_; return $self->remember($q->{params}{mid}) ? $self->error($q, 200053, 'duplicated mid') : 0 },
	# answer when a file is there, or after a while; others are served meanwhile
	hold => sub { my ($self, $q, $path) = @_; return $self->hold($q, sub { -e $path }) },
	slow => sub { my ($self, $q, $seconds) = @_; my $at = time + $seconds; return $self->hold($q, sub { time >= $at }) },
	# do something unless a file is there
	unless => sub { my ($self, $q, $path, @do) = @_; return -e $path ? $self->good($q) : $self->do($q, @do) },
	# first N DO | THEN: what is done with the first askings of a mid, and then
	first => sub {
		my ($self, $q, $n, @words) = @_;
		my ($do, $then) = split / \| /, join ' ', @words;
		return $self->do($q, split / /, $self->remember($q->{params}{mid}) < $n ? $do : $then || 'ok');
	},
	# lose the first asking before it was kept
	forget => sub { my ($self, $q) = @_; return $self->remember($q->{params}{mid}) ? $self->good($q) : 0 },
);

sub act
{
	my ($self, $quest) = @_;
	my $p = $quest->{params};
	my $msg = $p->{msg};
	$msg = $$msg if ref $msg;
	$msg = $self->{default} unless defined $msg && length $msg;
	return $self->{on}{ $quest->{method} }->($self, $quest) if $self->{on}{ $quest->{method} };
	return $self->do($quest, split / /, defined $msg ? $msg : 'ok');
}

sub do
{
	my ($self, $quest, $name, @args) = @_;
	my $action = $actions{ defined $name ? $name : 'ok' } || $actions{ok};
	return $action->($self, $quest, @args);
}

1;
