# FPNN frames of the tests' own: reading and writing them on a socket.
package Fpnn;

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use IO::Select;
use JSON::PP ();
use Msgpack;

my $json = JSON::PP->new->utf8->canonical->allow_bignum;

use constant { ONEWAY => 0, TWOWAY => 1, ANSWER => 2 };

sub quest
{
	my ($method, $seq, $params, %opt) = @_;
	my $payload = exists $opt{payload} ? $opt{payload} : $opt{json} ? $json->encode($params) : Msgpack::encode($params);
	my $mtype = $opt{oneway} ? ONEWAY : TWOWAY;
	return 'FPNN' . pack('C4V', 1, $opt{json} ? 0x40 : 0x80, $mtype, length $method, length $payload)
	  . ($opt{oneway} ? '' : pack('V', $seq)) . $method . $payload;
}

sub answer
{
	my ($seq, $params, %opt) = @_;
	my $payload = exists $opt{payload} ? $opt{payload} : Msgpack::encode($params);
	return 'FPNN' . pack('C4VV', 1, 0x80, ANSWER, $opt{status} || 0, length $payload, $seq) . $payload;
}

sub sign
{
	my ($pid, $secret, $salt, $method, $ts) = @_;
	return uc md5_hex("$pid:$secret:$salt:$method:$ts");
}

# The frame at the beginning of $$buffer, taken out of it; undef if it isn't
# whole yet.
sub take_frame
{
	my ($buffer) = @_;
	return undef if length $$buffer < 12;
	my ($magic, $version, $flag, $mtype, $ss, $psize) = unpack('a4C4V', $$buffer);
	die "no FPNN frame: " . unpack('H*', substr($$buffer, 0, 16)) . "\n" if $magic ne 'FPNN';
	my $head = 12 + ($mtype == ONEWAY ? 0 : 4);
	my $method_len = $mtype == ANSWER ? 0 : $ss;
	my $total = $head + $method_len + $psize;
	return undef if length $$buffer < $total;

	my $bytes = substr($$buffer, 0, $total, '');
	return {
		version => $version, flag => $flag, mtype => $mtype,
		status => $mtype == ANSWER ? $ss : 0,
		seq => $mtype == ONEWAY ? 0 : unpack('V', substr($bytes, 12, 4)),
		method => substr($bytes, $head, $method_len),
		payload => substr($bytes, $head + $method_len),
		params => $flag & 0x40 ? $json->decode(substr($bytes, $head + $method_len))
		: scalar Msgpack::decode(substr($bytes, $head + $method_len)),
	};
}

# The next frame of a socket, or undef at its end or after $timeout seconds.
sub read_frame
{
	my ($socket, $buffer, $timeout) = @_;
	my $deadline = defined $timeout ? time + $timeout : undef;

	while (1)
	{
		my $frame = take_frame($buffer);
		return $frame if $frame;
		if (defined $deadline)
		{
			my $left = $deadline - time;
			return undef if $left <= 0 || !IO::Select->new($socket)->can_read($left);
		}
		my $n = sysread($socket, $$buffer, 65536, length $$buffer);
		return undef unless $n;
	}
}

sub write_all
{
	my ($socket, $bytes) = @_;
	while (length $bytes)
	{
		my $n = syswrite($socket, $bytes);
		return 0 unless defined $n;
		substr($bytes, 0, $n, '');
	}
	return 1;
}

1;
