#!/usr/bin/perl
# Seed corpora of the fuzz targets from the captured frames:
# seeds.pl vectors.json directory
use strict;
use warnings;
use JSON::PP;

my ($file, $dir) = @ARGV;
open(my $in, '<:raw', $file) or die "$file: $!\n";
my $all = JSON::PP->new->utf8->decode(do { local $/; <$in> });

sub seed
{
	my ($target, $name, $bytes) = @_;
	mkdir "$dir/$target";
	open(my $out, '>:raw', "$dir/$target/$name") or die "$dir/$target/$name: $!\n";
	print $out $bytes;
	close $out;
}

my $n = 0;
for my $call (@{ $all->{calls} })
{
	my $quest = pack('H*', $call->{quest_hex});
	my $answer = pack('H*', $call->{answer_hex});

	$n++;
	seed('frame', "quest$n", $quest);
	seed('frame', "both$n", $quest . $answer);
	seed('payload', "quest$n", substr($quest, 16 + length($call->{method})));
	seed('payload', "answer$n", substr($answer, 16));
}

# first byte: which curve, bits and mode; see crypt.c
my $case = 0;
for my $e (@{ $all->{encryption} })
{
	seed('crypt', "package$case", pack('C', 2 * $case + 1) . join('', map { pack('H*', $_) } @{ $e->{package_hex} }));
	seed('crypt', "stream$case", pack('C', 2 * $case) . pack('H*', $e->{stream_hex}));
	seed('crypt', "point$case", pack('C', 128 + $case) . pack('H*', $e->{client_public_xy_hex}));
	seed('crypt', "pem$case", pack('C', 192) . $e->{server_public_pem});
	$case++;
}
