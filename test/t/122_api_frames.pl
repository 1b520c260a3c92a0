# The quests of the server API's functions are those of the vendor's Go client: the same
# keys, with values of the same types.  Their answers become what the reference says.
use strict;
use warnings;
use B ();
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $true = JSON::PP::true;
my $frames = JSON::PP->new->utf8->decode(slurp_file("$FindBin::RealBin/../unit/go-frames.json"))->{frames};

# What is answered, and the row that it becomes; {} and nothing for the others.
my $checked = [ { result => 2, tags => [ 1, 100 ] }, '{"tags": [1, 100], "result": 2}' ];
my $profile = [ { oinfo => \'open', pinfo => \'' }, '{"oinfo": "open", "pinfo": ""}' ];
my $yes = [ { ok => $true }, 'true' ];
my $uids = [ { uids => [ 3, 5000000000 ] }, '[3, 5000000000]' ];
my %answers = (
	getmsgnum => [ { sender => 2, num => 7 }, '{"num": 7, "senders": 2}' ],
	gettoken => [ { token => \'a token' }, '"a token"' ],
	getonlineusers => $uids, getfriends => $uids, getblacks => $uids, getgroupmembers => $uids, getroommembers => $uids,
	isfriends => [ { fuids => [4] }, '[4]' ], isblacks => [ { buids => [] }, '[]' ], getusergroups => [ { gids => [9] }, '[9]' ],
	addroommembers => [ { successedUids => [1] }, '[1]' ], delroommembers => [ { successedUids => [] }, '[]' ],
	(map { $_ => $yes } qw(isfriend isblack isprojectblack isprojectban isgroupmember isbanofgroup isbanofroom)),
	getuserinfo => $profile, getgroupinfo => $profile, getroominfo => $profile,
	getuseropeninfo => [ { info => { 1 => \'Amara' } }, '{"1": "Amara"}' ],
	getgroupcount => [ { cn => 3, online => 1 }, '3' ], getroomcount => [ { cn => { 7 => 2 } }, '{"7": 2}' ],
	dataget => [ { val => \'v' }, '"v"' ],
	getoption => [ { p2p => { 5 => [ 51, 52 ] }, group => {} }, '{"p2p": {"5": [51, 52]}, "groups": {}}' ],
	translate => [ { source => \'en', target => \'fr', sourceText => \'yes', targetText => \'oui' },
		'{"source": "en", "target": "fr", "source_text": "yes", "target_text": "oui"}' ],
	profanity => [ { text => \'***', classification => [ \'a', \'b' ] }, '{"clean_text": "***", "classification": ["a", "b"]}' ],
	speech2text => [ { text => \'hello', lang => \'en' }, '{"speech": "hello", "language": "en"}' ],
	tcheck => [ { result => 2, text => \'***', tags => [100], wlist => [ \'word', \"\xff" ] },
		'{"tags": [100], "wlist": ["word", null], "result": 2, "clean_text": "***"}' ],
	icheck => $checked, acheck => $checked, vcheck => $checked);

# Answers with no more than they have to have.
my %least = (
	dataget => [ {}, 'null' ], profanity => [ { text => \'x' }, '{"clean_text": "x", "classification": null}' ],
	tcheck => [ { result => 0 }, '{"tags": null, "wlist": null, "result": 0, "clean_text": null}' ],
	icheck => [ { result => 0, tags => undef }, '{"tags": null, "result": 0}' ]);

sub type_of
{
	my ($value) = @_;
	return 'nil' unless defined $value;
	return 'bool' if JSON::PP::is_bool($value);
	return 'array of ' . (@$value ? type_of($value->[0]) : '?') if ref $value eq 'ARRAY';
	return 'bin' if ref $value eq 'Msgpack::Bin';
	return B::svref_2object(\$value)->FLAGS & B::SVf_POK ? 'str' : 'int';
}

my $answer = sub {
	my ($self, $quest) = @_;
	my %p = %{ $quest->{params} };
	$self->note('typed', method => $quest->{method}, params => { map { $_ => type_of($p{$_}) } keys %p });
	my $with = $self->{least} ? \%least : \%answers;
	return $self->good($quest, $with->{ $quest->{method} } ? $with->{ $quest->{method} }[0] : {});
};
my %on = map { $_->{method} => $answer } @$frames;
my $gate = FakeGate->start(pid => $pid, secret => $secret, on => \%on);
my $least = FakeGate->start(pid => $pid, secret => $secret, on => \%on, least => 1);
my $node = new_node('frames', init => { extra => [ '--encoding=UTF8', '--no-locale' ] });
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
server_for($node, 'rtm', $gate->endpoint);
server_for($node, 'least', $least->endpoint);

my %functions = map { my ($method, $name, $kind, $arguments) = split /\|/; ($method => { name => $name, kind => $kind, arguments => $arguments }) }
  split /\n/, $node->safe_psql('postgres', "SELECT method, name, kind, arguments FROM rtm_methods() WHERE kind IN ('ask', 'change', 'once')");
my %framed = map { $_->{method} => 1 } @$frames;
is(join(' ', grep { !$framed{$_} } sort keys %functions), '', 'each function has a frame');
is(join(' ', grep { !$functions{$_} } sort keys %framed), '', 'each frame has a function');
is(join(' ', grep { ($functions{$_}{kind} eq 'ask') != exists $answers{$_} } sort keys %functions), '', 'each question has an answer here');

# The key on the wire that an argument goes to, where it has another name.
my %wire = (from_uid => 'from', begin_time => 'begin', end_time => 'end', time_limit => 'timeLimit', app_type => 'apptype',
	device_token => 'devicetoken', post_profanity => 'postProfanity', video_name => 'videoName', ttype => 'type',
	map { ("${_}_type" => 'type') } qw(message clear option audio image video));

sub literal
{
	my ($value, $type) = @_;
	return "NULL::$type" unless defined $value;
	$value = '{' . join(',', @$value) . '}' if ref $value eq 'ARRAY';
	$value = $value ? 'true' : 'false' if JSON::PP::is_bool($value);
	return "'$value'::$type";
}

sub call_of
{
	my ($frame, $server) = @_;
	my $function = $functions{ $frame->{method} };
	my @arguments = map { [split / /, $_, 2] } grep { !/^(timeout|server) / } split /, /, $function->{arguments};
	my @values = map { my ($name, $type) = @$_; "$name => " . literal(($frame->{params}{ $wire{$name} || $name } || [])->[1], $type) } @arguments;
	return ($function->{name}, join ', ', @values, "server => '$server'");
}

my @sync = session($node, map { my ($name, $args) = call_of($_, 'rtm'); "SELECT to_jsonb(r) FROM $name($args) AS r" } @$frames);
my @quests = $gate->events('typed');
my @sent = map { $_->{params} } $gate->events('quest');
is(scalar @quests, scalar @$frames, 'a quest for each');
for my $i (0 .. $#$frames)
{
	my ($frame, $quest, $result) = ($frames->[$i], $quests[$i], $sync[$i]);
	my %got = %{ $quest->{params} };
	my $what = "$frame->{method} ($frame->{go})";
	delete @got{qw(pid salt ts sign)};
	is($result->{state}, '00000', "$what: no error") or diag $result->{message};
	is($quest->{method}, $frame->{method}, "$what: method");
	is_deeply(\%got, { map { $_ => $frame->{params}{$_}[0] } keys %{ $frame->{params} } }, "$what: keys and types");
	is_deeply({ map { $_ => $sent[$i]{$_} } keys %got }, { map { $_ => $frame->{params}{$_}[1] } keys %{ $frame->{params} } }, "$what: values");
	is($result->{out}, $answers{ $frame->{method} } ? $answers{ $frame->{method} }[1] : '""', "$what: result");
}
# Optional fields of answers that aren't there
for my $method (sort keys %least)
{
	my ($frame) = grep { $_->{method} eq $method } @$frames;
	my ($name, $args) = call_of($frame, 'least');
	my $result = one($node, "SELECT to_jsonb(r) FROM $name($args) AS r");
	is($result->{out} || 'null', $least{$method}[1], "$method: an answer with little") or diag $result->{message};
}

# Queued, the quests are the same
$gate->forget;
my @ids = map { my ($name, $args) = call_of($_, 'rtm'); $node->safe_psql('postgres', "SELECT ${name}_async($args)") } @$frames;
is($node->safe_psql('postgres', "SELECT rtm_wait($_, 180)"), 'done', 'queued: done') for @ids;
my $json = JSON::PP->new->canonical;
sub as_text { return [ sort map { $json->encode([ @$_{qw(method params)} ]) } @_ ] }
is_deeply(as_text($gate->events('typed')), as_text(@quests), 'queued: the quests of those who wait');

$node->stop;
done_testing();
