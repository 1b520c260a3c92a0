# 200053 says that the gate has a message with the mid, not that it is ours.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use RtmTest;
use Test::More;

my $node = new_node('duplicates', conf => "autovacuum = off\nrtm.retry_delay = 20ms\nrtm.max_retry_delay = 100ms\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

# What getmsg shows, by group: the message itself, another one, nothing, or an error.
my %shows = (1 => 'mine', 2 => 'theirs', 3 => undef, 4 => 'later');
my $gate = FakeGate->start(pid => $pid, secret => $secret, on => {
	getmsg => sub {
		my ($self, $q) = @_;
		my $xid = $q->{params}{xid};
		$self->note('look', map { $_ => $q->{params}{$_} } 'mid', 'from', 'xid', 'type');
		return $self->error($q, 200070, 'message not found') if $xid == 3;
		return $self->error($q, 200999, 'not now') if $xid == 4 && $self->remember($q->{params}{mid} . '9') == 0;
		return $self->good($q, { id => 1, mtype => 51, msg => \($xid == 2 ? 'theirs' : $self->{bodies}{$xid} || 'mine'), attrs => \'', mtime => 1790000000999 });
	},
	# the first mid of a group is known; lost first, where the group is above 100
	sendgroupmsg => sub {
		my ($self, $q) = @_;
		my ($gid, $mid) = @{ $q->{params} }{ 'gid', 'mid' };
		my $n = $self->remember($mid);
		my ($first) = map { $_->{mid} } grep { $_->{gid} == $gid } $self->events('group');
		$self->note('group', gid => $gid, mid => $mid) unless defined $first;
		$first = $mid unless defined $first;
		return $self->good($q) if $mid != $first;
		return 0 if $n == 0 && $gid > 100;
		return $self->error($q, 200053, 'duplicated mid');
	},
});
server_for($node, 'rtm', $gate->endpoint);

sub mids { my ($gid) = @_; return map { $_->{params}{mid} } grep { $_->{method} eq 'sendgroupmsg' && $_->{params}{gid} == $gid } $gate->events('quest') }
sub distinct { return scalar keys %{ { map { $_ => 1 } @_ } } }
sub queue { my ($gid, $more) = @_; return sql("SELECT rtm_send_group_message_async(51, 1, $gid, 'mine'" . ($more || '') . ')') }
sub outcome { my ($id) = @_; return sql("SELECT rtm_wait($id, 60)") }

# somebody else's message has the mid
my $id = queue(2);
is(outcome($id), 'done', "a mid of ours that somebody else's message has: delivered");
is(distinct(mids(2)), 2, '... with another mid');
cmp_ok((mids(2))[1], '!=', (mids(2))[0], '... at the second asking');

# not shown, never sent before: not ours
$id = queue(3);
is(outcome($id), 'done', 'one that the gate does not show, at the first attempt: delivered');
is(distinct(mids(3)), 2, '... with another mid');

# a given one is not replaced
$id = queue(12, ', mid => 4711');
is(outcome($id), 'failed', 'a mid of the user, known at the first attempt: fails');
is(sql("SELECT (error).sqlstate, mid FROM rtm_result WHERE id = $id"), 'RTM53|4711', '... with its own code');
is(scalar(mids(12)), 1, '... at once');

# after a lost answer
$id = queue(101);
is(outcome($id), 'done', 'our own message, after a lost answer: done');
is(distinct(mids(101)), 1, '... with the mid that it had');
is(scalar(grep { $_->{xid} == 101 } $gate->events('look')), 1, '... and it was looked at');
my ($look) = grep { $_->{xid} == 101 } $gate->events('look');
is_deeply([ @{$look}{ 'mid', 'from', 'type' } ], [ (mids(101))[0], 1, 2 ], '... by mid, sender and conversation');

# the mid that it gets is in its row before it is sent
sql("SELECT rtm_send_group_message_async(51, 1, 2, 'mine')");
wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
is(sql('SELECT count(*) FROM rtm_result WHERE status = $$failed$$'), 1, 'nothing else failed');

done_testing();
