# A client of a gate that owes nothing to the library under test.
package GateClient;

use strict;
use warnings;
use Fpnn;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my $salt = time * 1000000;

# Of the SERVER and USER MAPPING that rtm_gate_setup() made.
sub options
{
	my ($node, $db) = @_;
	my $text = $node->safe_psql($db || 'postgres', q(
		SELECT o FROM (SELECT unnest(srvoptions) FROM pg_foreign_server WHERE srvname = 'rtm'
			UNION ALL SELECT unnest(umoptions) FROM pg_user_mapping m JOIN pg_foreign_server s ON s.oid = umserver
				WHERE srvname = 'rtm') AS all_options (o)));
	return map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $text;
}

sub connect
{
	my ($class, %opt) = @_;
	my ($endpoint) = split /,/, $opt{endpoint};
	my $socket = IO::Socket::INET->new(PeerAddr => $endpoint, Proto => 'tcp', Timeout => 30)
	  or die "cannot connect to $endpoint: $!\n";
	$socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
	return bless { %opt, socket => $socket, buffer => '', seq => 0 }, $class;
}

sub signed
{
	my ($self, $method, $params, %opt) = @_;
	my $ts = defined $opt{ts} ? $opt{ts} : time;
	my $s = defined $opt{salt} ? $opt{salt} : ++$salt;
	my $pid = defined $opt{pid} ? $opt{pid} : $self->{pid};
	my $secret = defined $opt{secret} ? $opt{secret} : $self->{secret};
	return { %$params, pid => $pid, salt => $s, ts => $ts, sign => \Fpnn::sign($pid, $secret, $s, $method, $ts) };
}

# A number is one in JSON, too, whatever Perl has used it for.
sub for_json
{
	my ($value) = @_;
	return "$$value" if ref $value eq 'SCALAR';
	return !ref $value && defined $value && $value =~ /^-?\d{1,18}$/ ? $value + 0 : $value;
}

# Write a quest; its seq.
sub ask
{
	my ($self, $method, $params, %opt) = @_;
	my $seq = ++$self->{seq};
	$params = $self->signed($method, $params, %opt) unless $opt{unsigned};
	$params = { map { $_ => for_json($params->{$_}) } keys %$params } if $opt{json};
	Fpnn::write_all($self->{socket}, Fpnn::quest($method, $seq, $params, json => $opt{json}));
	return $seq;
}

# A frame as it comes; undef at the end, or after a timeout in seconds.
sub read { my ($self, $timeout) = @_; return Fpnn::read_frame($self->{socket}, \$self->{buffer}, defined $timeout ? $timeout : 60) }

# The next answer.  The gate's own quests that come before it are answered, and
# kept for pushed().
sub answer
{
	my ($self, $timeout) = @_;
	while (my $frame = $self->read($timeout))
	{
		return $frame if $frame->{mtype} == Fpnn::ANSWER;
		$self->keep_push($frame);
	}
	return undef;
}

sub keep_push
{
	my ($self, $frame) = @_;
	push @{ $self->{pushes} }, $frame;
	Fpnn::write_all($self->{socket}, Fpnn::answer($frame->{seq}, {})) unless $self->{mute};
}

# The next quest of the gate: [method, params]; undef if none comes in time.
sub pushed
{
	my ($self, $timeout) = @_;
	if (!@{ $self->{pushes} || [] })
	{
		my $frame = $self->read($timeout) or return undef;
		die "an answer to $frame->{seq} that nobody waits for\n" if $frame->{mtype} == Fpnn::ANSWER;
		$self->keep_push($frame);
	}
	my $frame = shift @{ $self->{pushes} };
	return [ $frame->{method}, $frame->{params}, $frame ];
}

# Ask and wait: the answer's code (0 when it is good) and its map.
sub call
{
	my ($self, $method, $params, %opt) = @_;
	my $seq = $self->ask($method, $params, %opt);
	my $frame = $self->answer;
	die "no answer to $method\n" unless $frame;
	die "an answer to $frame->{seq}, not to $seq\n" if $frame->{seq} != $seq;
	my $code = $frame->{status} ? $frame->{params}{code} : 0;
	return wantarray ? ($code, $frame->{params}, $frame) : $code;
}

# Write bytes as they are; what comes back: 'closed', 'silent', or a frame.
sub bytes
{
	my ($self, $bytes, $timeout) = @_;
	Fpnn::write_all($self->{socket}, $bytes);
	my $frame = $self->read($timeout || 20);
	return $frame if $frame;
	return IO::Select->new($self->{socket})->can_read(0) ? 'closed' : 'silent';
}

sub close { my ($self) = @_; close $self->{socket} }

1;
