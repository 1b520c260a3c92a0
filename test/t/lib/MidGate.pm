# A gate that knows mids as the test says, and messages by their mid.
#
#	my $gate = MidGate->new;
#
# Group messages are "name STEP ... / LOOK ...": what becomes of each asking with this
# message, and of each look at it (getmsg); "ok" in the end.  Events are "asked" and
# "looked", with msg and mid.
package MidGate;

use strict;
use warnings;
use FakeGate;
use RtmTest;

our @ISA = ('FakeGate');

my %steps = (
	ok => sub { $_[0]->good($_[1]) },
	known => sub { $_[0]->error($_[1], 200053, 'duplicated mid') },
	limit => sub { $_[0]->error($_[1], 200010, 'frequency limited') },
	none => sub { $_[0]->error($_[1], 200070, 'message not found') },
	close => sub { 0 },
	ours => sub { look(@_) },
	body => sub { look(@_, msg => \"somebody else's") },
	type => sub { look(@_, mtype => 52) },
);

sub look
{
	my ($self, $quest, $msg, %but) = @_;
	return $self->good($quest, { id => 1, mtype => 51, msg => \$msg, attrs => \'', mtime => 4711, %but });
}

sub text { my ($value) = @_; return ref $value ? $$value : $value }

sub step
{
	my ($self, $quest, $msg, $part) = @_;
	my $n = grep { $_->{msg} eq $msg } $self->events($part ? 'looked' : 'asked');
	my @do = split ' ', (split / \/ /, $msg)[$part] || '';
	shift @do unless $part;
	$self->note($part ? 'looked' : 'asked', msg => $msg, mid => "$quest->{params}{mid}");
	return $steps{ $do[$n] || 'ok' }->($self, $quest, $msg);
}

sub of_mid
{
	my ($self, $quest) = @_;
	my ($sent) = grep { $_->{mid} eq $quest->{params}{mid} } $self->events('asked');
	return step($self, $quest, $sent->{msg}, 1);
}

sub new
{
	my ($class) = @_;
	return bless FakeGate->start(pid => $pid, secret => $secret,
		on => { sendgroupmsg => sub { step($_[0], $_[1], text($_[1]{params}{msg}), 0) }, getmsg => \&of_mid }), $class;
}

# The mids that a message was sent with.
sub mids { my ($self, $msg) = @_; return map { $_->{mid} } grep { $_->{msg} eq $msg } $self->events('asked') }

1;
