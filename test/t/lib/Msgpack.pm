# A msgpack writer and reader of the tests' own, so that they don't believe
# what the library under test says.
#
# Perl to msgpack: a whole number (also as text) is an int; other text is str; a
# reference to text is str whatever it looks like; Msgpack::bin() is bin; undef
# is nil; JSON::PP's booleans are bool; references are arrays and maps.
package Msgpack;

use strict;
use warnings;
use JSON::PP ();

sub bin { my ($bytes) = @_; return bless \$bytes, 'Msgpack::Bin' }
sub raw { my ($bytes) = @_; return bless \$bytes, 'Msgpack::Raw' }

sub encode
{
	my ($value) = @_;
	return "\xc0" unless defined $value;
	return $value ? "\xc3" : "\xc2" if JSON::PP::is_bool($value);

	my $ref = ref $value;
	return $$value if $ref eq 'Msgpack::Raw';
	return pack('CN', 0xc6, length $$value) . $$value if $ref eq 'Msgpack::Bin';
	return encode_text($$value) if $ref eq 'SCALAR';
	return pack('CN', 0xdd, scalar @$value) . join('', map { encode($_) } @$value) if $ref eq 'ARRAY';
	return pack('CN', 0xdf, scalar keys %$value)
	  . join('', map { encode_text($_) . encode($value->{$_}) } sort keys %$value) if $ref eq 'HASH';
	return encode_int($value) if $value =~ /^-?\d{1,19}$/;
	return pack('Cd>', 0xcb, $value) if $value =~ /^-?\d+\.\d+$/;
	return encode_text($value);
}

sub encode_int
{
	my ($value) = @_;
	return pack('C', $value) if $value >= 0 && $value < 128;
	return pack('c', $value) if $value < 0 && $value >= -32;
	return pack('Cq>', 0xd3, $value);
}

sub encode_text
{
	my ($text) = @_;
	utf8::encode($text) if utf8::is_utf8($text);
	return pack('C', 0xa0 | length $text) . $text if length $text < 32;
	return pack('CN', 0xdb, length $text) . $text;
}

# One value from the bytes; dies when they end too early.
sub decode
{
	my ($bytes) = @_;
	my $pos = 0;
	my $value = decode_at(\$bytes, \$pos);
	return wantarray ? ($value, $pos) : $value;
}

sub take
{
	my ($bytes, $pos, $n) = @_;
	die "msgpack: $n bytes missing at $$pos\n" if $$pos + $n > length $$bytes;
	my $part = substr($$bytes, $$pos, $n);
	$$pos += $n;
	return $part;
}

sub number
{
	my ($bytes, $pos, $n, $format) = @_;
	return unpack($format, take($bytes, $pos, $n));
}

my @uint = ('C', 'n', 'N', 'Q>');
my @sint = ('c', 's>', 'l>', 'q>');

sub decode_at
{
	my ($bytes, $pos) = @_;
	my $b = number($bytes, $pos, 1, 'C');

	return $b if $b <= 0x7f;
	return $b - 256 if $b >= 0xe0;
	return decode_map($bytes, $pos, $b & 0x0f) if $b <= 0x8f;
	return decode_list($bytes, $pos, $b & 0x0f) if $b <= 0x9f;
	return take($bytes, $pos, $b & 0x1f) if $b <= 0xbf;
	return undef if $b == 0xc0;
	return JSON::PP::false if $b == 0xc2;
	return JSON::PP::true if $b == 0xc3;
	return bin(take($bytes, $pos, number($bytes, $pos, 1 << $b - 0xc4, $uint[ $b - 0xc4 ])))
	  if $b >= 0xc4 && $b <= 0xc6;
	return number($bytes, $pos, 4, 'f>') if $b == 0xca;
	return number($bytes, $pos, 8, 'd>') if $b == 0xcb;
	return number($bytes, $pos, 1 << $b - 0xcc, $uint[ $b - 0xcc ]) if $b >= 0xcc && $b <= 0xcf;
	return number($bytes, $pos, 1 << $b - 0xd0, $sint[ $b - 0xd0 ]) if $b >= 0xd0 && $b <= 0xd3;
	return take($bytes, $pos, number($bytes, $pos, 1 << $b - 0xd9, $uint[ $b - 0xd9 ]))
	  if $b >= 0xd9 && $b <= 0xdb;
	return decode_list($bytes, $pos, number($bytes, $pos, 2, 'n')) if $b == 0xdc;
	return decode_list($bytes, $pos, number($bytes, $pos, 4, 'N')) if $b == 0xdd;
	return decode_map($bytes, $pos, number($bytes, $pos, 2, 'n')) if $b == 0xde;
	return decode_map($bytes, $pos, number($bytes, $pos, 4, 'N')) if $b == 0xdf;
	die sprintf("msgpack: unexpected byte %02x at %d\n", $b, $$pos - 1);
}

sub decode_list
{
	my ($bytes, $pos, $n) = @_;
	return [ map { decode_at($bytes, $pos) } 1 .. $n ];
}

sub decode_map
{
	my ($bytes, $pos, $n) = @_;
	my %map;
	for (1 .. $n)
	{
		my $key = decode_at($bytes, $pos);
		$map{ ref $key ? $$key : $key } = decode_at($bytes, $pos);
	}
	return \%map;
}

1;
