#!/usr/bin/perl
# Seed corpora of the fuzz targets from the captured frames:
# seeds.pl vectors.json directory
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;

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

# which decoder reads the answers of which method
my %kinds = ((map { $_ => 'history' } 'getgroupmsg', 'getroommsg', 'getbroadcastmsg', 'getp2pmsg'), getmsg => 'info', delmsg => 'any');

# Just enough msgpack for answers of a few keys.
sub msgpack
{
	my ($value) = @_;
	return "\xc0" unless defined $value;
	return pack('C', 0x80 + keys %$value) . join '', map { msgpack($_) . msgpack($value->{$_}) } sort keys %$value if ref $value eq 'HASH';
	return pack('C', 0x90 + @$value) . join '', map { msgpack($_) } @$value if ref $value eq 'ARRAY';
	return pack('Cq>', 0xd3, $value) if $value =~ /^-?\d+$/;
	return pack('Cd>', 0xcb, $value) if $value =~ /^-?\d+\.\d+$/;
	return pack('C', 0xa0 + length $value) . $value;
}

# A quest's parameters without those that sign it, as rtm_call() takes them.
sub params
{
	my ($params) = @_;
	my %p = map { $_ => $params->{$_} } grep { !/^(pid|salt|ts|sign)$/ } keys %$params;
	$_ = { base64 => encode_base64(pack('H*', $_->{bin_hex}), '') } for grep { ref eq 'HASH' } values %p;
	return \%p;
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
	seed($kinds{ $call->{method} } || 'send', "answer$n", substr($answer, 16));
	seed('any', "answer$n", substr($answer, 16));
	seed('gate', "quest$n", substr($quest, 16 + length($call->{method})));
	seed('json', "quest$n", JSON::PP->new->utf8->canonical->encode({ pid => 11000001, salt => 1, ts => 1, sign => 'A', %{ params($call->{params}) } }));
	seed('pack', "params$n", JSON::PP->new->ascii->canonical->encode(params($call->{params})));
}
seed('any', 'count', msgpack({ sender => 3, num => 12 }));
seed('any', 'empty', msgpack({}));
seed('any', 'values', msgpack({ a => [ undef, -1, 1.5, 'text', { b => 2 } ] }));
seed('error', 'rtm', msgpack({ code => 200041, ex => 'not group member', raiser => 'gate' }));
seed('error', 'fpnn', msgpack({ code => 20004, ex => 'unknown method' }));
seed('error', 'empty', msgpack({}));
seed('pack', 'values', '{"a": [null, true, -1, 1.5, 1e30, 18446744073709551616, {"base64": "/wA="}], "\u00e9": {}, "base64": "x"}');

seed('json', 'values', ' {"uids": [1, -1, 1.0, 1.5, 1e3, "1", null, true, {"a": []}], "events": ["login"], "p2p": true, "desc": false, "ti\u00e9me": "\ud83d\ude00 \\\"", "bans": 1e400, "e": -12E-007}');

# how options of a server are numbered: see backend/backend.c
my $option = 0;
for my $value ($all->{encryption}[0]{server_public_pem}, 'host:1, [::1]:65535', 11000001, 'tls', 'true', '500ms', 100, 256, 'secret', 'x')
{
	seed('option', "option$option", pack('C', $option) . $value);
	$option++;
}

# handshakes in large and small pieces, quests either way; see tls.c
seed('tls', 'whole', pack('C*', (240, 0, 64, 0, 0, 0) x 4, (248, 0, 0, 0, 64, 0) x 3));
seed('tls', 'whole12', pack('C*', 240, 1, (64, 0, 0, 0) x 4, 248, 0, 0, 0, 240, 0, 64, 0, 0, 0));
seed('tls', 'pieces', pack('C*', 240, 0, (120, 0, 60, 0) x 60, 240, 0, 64, 0, 0, 0));
seed('tls', 'changed', pack('C*', 240, 0, 64, 0, 0, 0, 64, 0, 0, 0, 240, 0, 170, 30, 248, 0, 140, 40));

# first byte: which curve, bits and mode; see crypt.c
my $case = 0;
for my $e (@{ $all->{encryption} })
{
	seed('crypt', "package$case", pack('C', 2 * $case + 1) . join('', map { pack('H*', $_) } @{ $e->{package_hex} }));
	seed('crypt', "stream$case", pack('C', 2 * $case) . pack('H*', $e->{stream_hex}));
	seed('crypt', "point$case", pack('C', 128 + $case) . pack('H*', $e->{client_public_xy_hex}));
	seed('pem', "pem$case", $e->{server_public_pem});
	$case++;
}
