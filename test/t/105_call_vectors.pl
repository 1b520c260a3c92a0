# The quests of the SQL functions are those of the vendor's own client, and its
# captured answers become the rows that it made of them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Fpnn;
use JSON::PP ();
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $vectors = JSON::PP->new->utf8->decode(slurp_file("$FindBin::RealBin/../unit/vectors.json"));
my @calls = @{ $vectors->{calls} };

# The captured pages have less than was asked for: a quest for the next one
# follows, which the vendor's client doesn't ask, and which finds the end.
my %cursors = map { $_->{method} => Msgpack::decode(substr(pack('H*', $_->{answer_hex}), 16))->{lastid} }
  grep { $_->{method} =~ /^get.*msg$/ && $_->{method} ne 'getmsg' } @calls;
sub is_next_page { my ($quest) = @_; return ($quest->{params}{lastid} || 0) == ($cursors{ $quest->{method} } || -1) }

# answers the other quests of a connection with the captured answers, in their order
my $answer = sub {
	my ($self, $quest) = @_;
	return $self->good($quest, { num => 0, msgs => [], map { $_ => 0 } 'lastid', 'begin', 'end' }) if is_next_page($quest);
	my $captured = pack('H*', $calls[ $self->{served}++ ]{answer_hex});
	$self->send(Fpnn::answer($quest->{seq}, undef, payload => substr($captured, 16)));
};
my $gate = FakeGate->start(pid => $vectors->{pid}, secret => $vectors->{secret},
	on => { map { $_->{method} => $answer } @calls });
my $node = new_node('vectors', init => { extra => [ '--encoding=UTF8', '--no-locale' ] });
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '
	  . "'" . $gate->endpoint . "', pid '$vectors->{pid}'); CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$vectors->{secret}')");

# A literal of SQL, of an argument that the vendor's client got.
sub literal
{
	my ($value) = @_;
	return $value ? 'true' : 'false' if JSON::PP::is_bool($value);
	return "'{" . join(',', @$value) . "}'" if ref $value eq 'ARRAY';
	return "'\\x$value->{bin_hex}'::bytea" if ref $value;
	return $value if JSON::PP->new->allow_nonref->encode($value) =~ /^-?\d/;
	utf8::encode($value);
	$value =~ s/'/''/g;
	return "'$value'::text";
}

sub statement
{
	my ($call) = @_;
	my $sql = sprintf('rtm_%s(%s)', $call->{call}, join(', ', map { literal($_) } @{ $call->{args} }));
	return $call->{method} eq 'delmsg' ? "SELECT $sql" : "SELECT to_jsonb(r) FROM $sql AS r";
}

my @results = session($node, map { statement($_) } @calls);
my @quests = grep { !is_next_page($_) } $gate->events('quest');
is(scalar(@quests), scalar(@calls), 'a quest for each call');

# What a row or an answer should hold, from what the vendor's client returned
sub body
{
	my ($body) = @_;
	return ref $body ? (msg => undef, msg_binary => "\\x$body->{bin_hex}", attrs_binary => undef) : (msg => $body, msg_binary => undef, attrs_binary => undef);
}

sub expected_rows
{
	my ($call) = @_;
	my $result = $call->{sdk_result};
	return ({ mid => $result->[0], mtime => $result->[1] }) if $call->{call} =~ /^(send|broadcast)/;
	return () if $call->{method} eq 'delmsg';
	return ({ id => $result->[0]{cursor_id}, mtype => $result->[0]{message_type}, body($result->[0]{message}),
			attrs => $result->[0]{attrs}, mtime => $result->[0]{modified_time} }) if $call->{method} eq 'getmsg';
	return map {
		my $row = { id => $_->{cursor_id}, from_uid => $_->{from_uid}, mtype => $_->{message_type}, mid => $_->{message_id},
			body($_->{message}), attrs => $_->{attrs}, mtime => $_->{modified_time} };
		@$row{qw(direction to_uid)} = ($_->{from_uid} == $call->{args}[0] ? 1 : 2, $_->{to_id}) if $call->{method} eq 'getp2pmsg';
		$row;
	} @{ $result->[0]{messages} };
}

for my $i (0 .. $#calls)
{
	my ($call, $quest, $result) = ($calls[$i], $quests[$i], $results[$i]);
	my %got = %{ $quest->{params} };
	my %expected = %{ $call->{params} };

	is($result->{state}, '00000', "$call->{call}: no error") or diag $result->{message};
	is($quest->{method}, $call->{method}, "$call->{call}: method");
	ok($quest->{signed}, "$call->{call}: signature");
	delete @$_{qw(salt ts sign)} for \%got, \%expected;
	is_deeply(\%got, \%expected, "$call->{call}: parameters");

	my @rows = map { JSON::PP->new->utf8->decode($_) } grep { length } split /\n/, $result->{out};
	@rows = () if $call->{method} eq 'delmsg';
	is_deeply(\@rows, [ expected_rows($call) ], "$call->{call}: result");
}

$node->stop;
done_testing();
