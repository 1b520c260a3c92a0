# Histories of gates that give less, or more, than was asked for: where a
# history ends, how many quests it takes, and what it may fetch.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use Msgpack;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('history');
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');

my $bytes = Msgpack::bin("\xff\xfe");
my $false = Msgpack::raw("\xc2");
my $true = Msgpack::raw("\xc3");

# One entry of msgs
sub entry
{
	my ($id, %more) = @_;
	return [ $id, 7, 51, 1000 + $id, $more{deleted} ? $true : $false, $more{msg} || \"line $id", $more{attrs} || \'', 1790000000000 + $id ];
}

sub page { my ($q, $lastid, @entries) = @_; return { num => scalar(@entries), lastid => $lastid, begin => 0, end => 0, msgs => \@entries } }

# A gate with a history of entries 1 .. last: what each group does with them
my %groups = (
	1 => { last => 500, deleted => sub { $_[0] < 500 } },	# all but the newest are deleted
	2 => { last => 23, most => 5 },							# five a call at most
	3 => { last => 40, most => 3, deleted => sub { $_[0] % 2 } },
	4 => { last => 7, stuck => 1 },							# the last cursor leads to itself
	5 => { last => 200000, most => 20, size => 200 },		# more than anybody wants
	6 => { last => 1000, most => 1, size => 500000 },		# few, and large
	7 => { last => 1e9, empty => 1 },						# counts entries that aren't there
	8 => { last => 1e9, deleted => sub { 1 } },				# nothing but deleted ones, for ever
	9 => { last => 40, endless => 1 },						# full pages that come again
);

sub history
{
	my ($self, $q) = @_;
	my $p = $q->{params};
	my $g = $groups{ $p->{gid} };
	my $first = ($p->{lastid} || 0) + 1;
	my $n = $p->{num} < ($g->{most} || 20) ? $p->{num} : $g->{most} || 20;

	$first = 1 if $g->{endless};
	my $last = $first + $n - 1 < $g->{last} ? $first + $n - 1 : $g->{last};
	return $self->good($q, { num => 1, lastid => $first, begin => 0, end => 0, msgs => [] }) if $g->{empty};
	return $self->good($q, page($q, $p->{lastid} || 0, map { entry($_) } 1 .. 7)) if $g->{stuck} && $first == 1;
	my $body = $g->{size} ? 'x' x $g->{size} : undef;
	return $self->good($q, page($q, $last >= $first ? $last : $p->{lastid},
		map { entry($_, deleted => $g->{deleted} && $g->{deleted}->($_), $body ? (msg => \$body) : ()) } $first .. $last));
}

my $gate = FakeGate->start(pid => $pid, secret => $secret, on => { getgroupmsg => \&history });
server_for($node, 'rtm', $gate->endpoint);

sub rows { my ($gid, $num, $more) = @_; return "SELECT count(*), min(id), max(id) FROM rtm_get_group_message(1, $gid, false, $num" . ($more || '') . ')' }

sub history_is
{
	my ($gid, $num, $expected, $most, $name) = @_;
	$gate->forget;
	my $r = one($node, rows($gid, $num));
	is($r->{out}, $expected, $name) or diag $r->{message};
	my $quests = $gate->events('quest');
	cmp_ok($quests, '<=', $most, "$name: in $most quests at most");
}

# Where a history ends, and at what cost

history_is(1, 1, '1|500|500', 26, 'one message behind 499 deleted ones');
history_is(1, 'NULL', '1|500|500', 27, 'all, of which 499 are deleted');
history_is(2, 'NULL', '23|1|23', 6, 'all from a gate that gives five at a time');
history_is(2, 12, '12|1|12', 3, 'twelve from a gate that gives five at a time');
history_is(2, 5, '5|1|5', 1, 'five from it: one quest');
history_is(2, 100, '23|1|23', 6, 'more than there are');
history_is(3, 10, '10|2|20', 7, 'every other one is deleted');
history_is(4, 'NULL', '7|1|7', 1, 'the last page, which leads to itself, is the end');
is(one($node, "SELECT num, cardinality(msgs) FROM rtm_get_group_message_page(1, 2, false, 20)")->{out}, '5|5', 'a page is what the gate gives');
state_is(one($node, rows(9, 'NULL')), 'FP206', qr/leads nowhere/, 'full pages that come again');

# What it may fetch

my @r = session($node, "SET rtm.history_limit = '1MB'", rows(5, 'NULL'), rows(6, 'NULL'), rows(7, 'NULL'), rows(7, 1), rows(8, 1), rows(5, 100),
	'SELECT count(*) FROM pg_ls_tmpdir()');
state_is($r[1], '54000', qr/rtm\.history_limit is 1024 kB/, 'a history without an end');
like($r[1]{message}, qr/HINT:.*rtm\.history_limit/, '... with a hint');
state_is($r[2], '54000', qr/rtm_get_group_message/, 'pages of half a megabyte');
state_is($r[3], '54000', undef, 'empty pages, for ever');
state_is($r[4], '54000', undef, 'empty pages, when one message is wanted');
state_is($r[5], '54000', undef, 'deleted messages, for ever');
is($r[6]{out}, '100|1|100', 'the session goes on');
is($r[7]{out}, 0, 'nothing is left on the disk');
is(one($node, "SET rtm.history_limit = 0; " . rows(6, 5))->{out}, '5|1|5', '0 is no limit');
is(one($node, rows(6, 100))->{out}, '100|1|100', '50 MB are fetched by default');
state_is(one($node, rows(6, 'NULL')), '54000', undef, '... and 500 MB not');

# rows(8, NULL) ends by its timeout, which is for all pages
state_is(one($node, "SET rtm.history_limit = 0; SELECT count(*) FROM rtm_get_group_message(1, 8, false, NULL, timeout => 0.5)"), 'FP203', undef, 'a timeout is for the whole history');

# Attributes and bodies that are no text

my %answers = (
	getp2pmsg => sub { my ($self, $q) = @_; return $self->good($q, page($q, 1, $q->{params}{lastid} ? () : [ 1, 2, 51, 5, $false, $bytes, $bytes, 9 ])) },
	getmsg => sub { my ($self, $q) = @_; return $self->good($q, { id => 1, mtype => 51, msg => \'text', attrs => $bytes, mtime => 9 }) });
my $odd = FakeGate->start(pid => $pid, secret => $secret, on => \%answers);
server_for($node, 'odd', $odd->endpoint);
is(one($node, "SELECT direction, from_uid, to_uid, msg IS NULL, msg_binary, attrs IS NULL, attrs_binary FROM rtm_get_p2p_message(1, 2, false, NULL, server => 'odd')")->{out},
	'2|2|1|t|\xfffe|t|\xfffe', 'bytes as body and attributes, in a row');
is(one($node, "SELECT m.attrs IS NULL, m.attrs_binary, m.msg_binary FROM rtm_get_p2p_message_page(1, 2, false, 10, server => 'odd') AS p, unnest(p.msgs) AS m")->{out},
	't|\xfffe|\xfffe', '... in a page');
is(one($node, "SELECT msg, msg_binary IS NULL, attrs IS NULL, attrs_binary FROM rtm_get_p2p_message_info(5, 1, 2, server => 'odd')")->{out},
	'text|t|t|\xfffe', '... of one message');
$node->safe_psql('postgres', q(
	CREATE TABLE got (what text);
	CREATE FUNCTION page_came(result rtm_history_result, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO got SELECT encode(m.attrs_binary, 'hex') || m.to_uid FROM unnest(result.msgs) AS m $$;
	CREATE FUNCTION info_came(result rtm_message_info, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO got SELECT encode(result.attrs_binary, 'hex') || result.msg $$;
	SELECT rtm_get_p2p_message_async(1, 2, false, 10, callback => 'page_came'::regproc, server => 'odd');
	SELECT rtm_get_p2p_message_info_async(5, 1, 2, callback => 'info_came'::regproc, server => 'odd')));
wait_until('two callbacks', sub { $node->safe_psql('postgres', 'SELECT count(*) FROM got') == 2 });
is($node->safe_psql('postgres', "SELECT string_agg(what, ',' ORDER BY what) FROM got"), 'fffe1,fffetext', '... in callbacks');

done_testing();
