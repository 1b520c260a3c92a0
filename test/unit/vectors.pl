#!/usr/bin/perl
# Turn vectors.json into a C header: vectors.pl vectors.json > vectors.h
#
# Every number, text and list of the file ends up in a table that the unit
# tests compare with what the wire layer made of the frames' bytes.
use strict;
use warnings;
use JSON::PP;

local $/;
open(my $in, '<:raw', $ARGV[0]) or die "$ARGV[0]: $!\n";
my $json = JSON::PP->new->utf8->canonical;
my $all = $json->decode(<$in>);
my $scalar = JSON::PP->new->utf8->allow_nonref;

sub is_text { return $scalar->encode($_[0]) =~ /^"/ }

# the bytes of a text, or of the {bin_hex} that stands for a binary one
sub bytes_of
{
	my ($value) = @_;
	return pack('H*', $value->{bin_hex}) if ref $value eq 'HASH';
	utf8::encode($value);
	return $value;
}

# a C literal of bytes, safe against \x eating the characters behind it
sub literal
{
	my ($bytes) = @_;
	my $text = join('', map { sprintf('\\%03o', ord) } split(//, $bytes));
	$text =~ s/(.{96})/$1"\n"/g;
	return qq("$text"), length($bytes);
}

sub blob { my ($text, $len) = literal($_[0]); return "{(const uint8_t *) $text, $len}" }
sub hex_blob { return blob(pack('H*', $_[0])) }
sub int_list { return @_ ? '(const int64_t[]) {' . join(', ', map { "INT64_C($_)" } @_) . '}, ' . scalar(@_) : 'NULL, 0' }

# one expected key of a map
sub field
{
	my ($key, $value) = @_;
	return sprintf('{"%s", V_BOOL, %d}', $key, $value ? 1 : 0) if JSON::PP::is_bool($value);
	return sprintf('{"%s", V_INTS, 0, {NULL, 0}, %s}', $key, int_list(@$value)) if ref $value eq 'ARRAY';
	return sprintf('{"%s", V_TEXT, 0, %s}', $key, blob(bytes_of($value))) if ref $value || is_text($value);
	return sprintf('{"%s", V_INT, INT64_C(%s)}', $key, $value);
}

sub fields
{
	my (@pairs) = @_;
	my @out;
	while (my ($key, $value) = splice(@pairs, 0, 2))
	{
		push @out, field($key, $value);
	}
	return '(const VField[]) {' . join(",\n", @out, '{NULL}') . '}';
}

# what the answer's map must hold, from what the vendor's client returned
sub answer_fields
{
	my ($method, $result) = @_;
	return fields() if $method eq 'delmsg';
	return fields(mtime => $result->[1]) if ref $result && !ref $result->[0];
	$result = $result->[0];
	return fields(
		id => $result->{cursor_id}, mtype => $result->{message_type}, msg => $result->{message},
		attrs => $result->{attrs}, mtime => $result->{modified_time}) if $method eq 'getmsg';
	return fields(
		num => $result->{count}, lastid => $result->{last_cursor_id},
		begin => $result->{begin_msec}, end => $result->{end_msec});
}

# the rows of a history answer; the p2p client turns directions into uids
sub rows
{
	my ($call) = @_;
	return 'NULL, 0' unless $call->{method} =~ /^get.+msg$/;
	my @out;
	for my $m (@{ $call->{sdk_result}[0]{messages} })
	{
		my $from = $m->{from_uid};
		$from = $from == $call->{params}{uid} ? 1 : 2 if $call->{method} eq 'getp2pmsg';
		push @out, sprintf('{INT64_C(%s), INT64_C(%s), INT64_C(%s), INT64_C(%s), %s, %s, INT64_C(%s)}',
			$m->{cursor_id}, $from, $m->{message_type}, $m->{message_id},
			blob(bytes_of($m->{message})), blob(bytes_of($m->{attrs})), $m->{modified_time});
	}
	return '(const VRow[]) {' . join(",\n", @out) . '}, ' . scalar(@out);
}

print "/* made by vectors.pl: don't edit */\n";
printf "static const char *const v_secret = %s;\n", (literal($all->{secret}))[0];

print "static const VCall v_calls[] = {\n";
for my $call (@{ $all->{calls} })
{
	my $p = $call->{params};
	printf "{\"%s\", \"%s\",\n%s,\n%s,\n%s, %d,\n%s,\n%s},\n", $call->{call}, $call->{method},
		hex_blob($call->{quest_hex}), hex_blob($call->{answer_hex}),
		fields(map { $_ => $p->{$_} } sort keys %$p), scalar(keys %$p),
		answer_fields($call->{method}, $call->{sdk_result}), rows($call);
}
print "};\n";

print "static const VSign v_signs[] = {\n";
printf "{INT64_C(%s), %s, INT64_C(%s), \"%s\", INT64_C(%s), \"%s\"},\n",
	$_->{pid}, (literal($_->{secret}))[0], $_->{salt}, $_->{method}, $_->{ts}, $_->{sign}
	for @{ $all->{signatures} };
print "};\n";

print "static const VCrypt v_crypts[] = {\n";
for my $e (@{ $all->{encryption} })
{
	printf "{\"%s\", %d,\n%s,\n", $e->{curve}, $e->{bits}, (literal($e->{server_public_pem}))[0];
	print hex_blob($e->{$_}), ",\n"
		for qw(server_private_hex server_public_xy_hex client_private_hex client_public_xy_hex
		secret_hex key_hex iv_hex stream_hex);
	for my $list (qw(frames_hex package_hex))
	{
		printf "(const VBlob[]) {%s}, %d,\n", join(",\n", map { hex_blob($_) } @{ $e->{$list} }),
			scalar(@{ $e->{$list} });
	}
	print "},\n";
}
print "};\n";
