# A gate that keeps every message once, as the service does: a second one with the
# same mid is refused (200053), and which one it has can be asked.  For tests of who sends what, and how often.
#
#	my $gate = KeepGate->new;
#	$gate->kept('name')		numbers of the messages "name N" that it keeps, in order
#	$gate->came('name')		the same, refused ones as well
#
# A message "error CODE" is answered with that code.
package KeepGate;

use strict;
use warnings;
use Fcntl qw(:flock);
use FakeGate;
use File::Path qw(make_path);
use RtmTest;

our @ISA = ('FakeGate');
my $gates = 0;

sub new
{
	my ($class, %opt) = @_;
	my $place = "$ENV{TESTDIR}/keepgate" . ++$gates;
	make_path($place);
	my $self = FakeGate->start(pid => $pid, secret => $secret, place => $place,
		on => { getmsg => \&show, map { $_ => \&keep } qw(sendmsg sendgroupmsg) }, %opt);
	return bless $self, $class;
}

sub keep
{
	my ($self, $quest) = @_;
	my $p = $quest->{params};
	my $msg = ref $p->{msg} ? ${ $p->{msg} } : $p->{msg};
	my $new;

	return $self->error($quest, $1, 'as it was asked for') if $msg =~ /^error (\d+)/;
	open(my $lock, '>', "$self->{place}/lock") or die "lock: $!";
	flock($lock, LOCK_EX) or die "flock: $!";
	if (!-e "$self->{place}/$p->{mid}")
	{
		open(my $mid, '>', "$self->{place}/$p->{mid}") or die "mid: $!";
		print $mid "$p->{mtype}\n$msg";
		close $mid;
		$new = 1;
	}
	$self->note($new ? 'kept' : 'refused', mid => "$p->{mid}", msg => $msg);
	close $lock;
	return $self->error($quest, 200053, 'duplicated mid') unless $new;
	return $self->good($quest);
}

# The message with that mid.
sub show
{
	my ($self, $quest) = @_;
	open(my $in, '<', "$self->{place}/$quest->{params}{mid}") or return $self->good($quest, {});
	chomp(my $mtype = <$in>);
	my $msg = join '', <$in>;
	return $self->good($quest, { id => 1, mtype => $mtype + 0, msg => \$msg, attrs => \'', mtime => 1700000000000 });
}

sub numbers
{
	my ($self, $name, @events) = @_;
	return map { $_->{msg} =~ /^\Q$name\E (\d+)$/ ? $1 : () } @events;
}

sub kept { my ($self, $name) = @_; return $self->numbers($name, $self->events('kept')) }

sub came
{
	my ($self, $name) = @_;
	return $self->numbers($name, grep { $_->{what} eq 'kept' || $_->{what} eq 'refused' } $self->events);
}

1;
