# Faults of the local gate that senders have to live with: a mid that somebody else
# has, a fault after so many quests; and types that histories don't have.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('faults', conf => "rtm.retry_delay = 20ms\nrtm.max_retry_delay = 200ms\n");
$node->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('postgres', 'SELECT rtm_gate_setup()');
my $c = GateClient->connect(GateClient::options($node));
my $no = JSON::PP::false;
my $mid = int(time) * 1000000;

sub sql { return $node->safe_psql('postgres', shift) }
sub message { return { mtype => 51, from => 1, gid => 1, mid => ++$mid, msg => \'mine', attrs => \'', @_ } }
sub history { my ($map) = ($c->call('getgroupmsg', { uid => 1, gid => 1, desc => $no, num => 20, @_ }))[1]; return join ' ', map { $_->[5] } @{ $map->{msgs} } }

# a mid that somebody else has
sql("SELECT rtm_gate_fault('taken', type => 2, xid => 1, after => 2, times => 1)");
is(join(' ', map { scalar $c->call('sendgroupmsg', message()) } 1 .. 5), '0 0 200053 0 0', 'the third message finds its mid taken');
is(history(), "mine mine somebody else's mine mine", '... by a message of somebody else');
is(sql('SELECT hits, after, active FROM rtm_gate_faults'), '1|2|f', '... once');
is($c->call('getmsg', { mid => $mid - 2, from => 1, xid => 1, type => 2 }), 0, '... that can be looked at');
sql('SELECT rtm_gate_reset()');
sql("SELECT rtm_gate_fault('taken')");
is($c->call('getgroupmsg', { uid => 1, gid => 1, desc => $no, num => 20 }), 0, 'what sends nothing does not meet it');
is($c->call('sendgroupmsg', message(gid => 5)), 200053, '... any message does');
sql('SELECT rtm_gate_reset()');
like(one($node, 'SELECT rtm_gate_fault($$close$$, after => -1)')->{message}, qr/invalid number/, 'a negative number of quests to be spared');
like(one($node, 'SELECT rtm_gate_fault($$lie$$)')->{message}, qr/unknown action/, 'an action that there is not');

# the connection is closed at the third message
sql("SELECT rtm_gate_fault('close', method => 'sendgroupmsg', after => 2, times => 1)");
is(join(' ', map { scalar $c->call('sendgroupmsg', message()) } 1 .. 2), '0 0', 'two messages');
ok(!eval { $c->call('sendgroupmsg', message()); 1 }, 'the third one closes the connection');
$c = GateClient->connect(GateClient::options($node));
is($c->call('sendgroupmsg', message()), 0, 'and no other');
sql('SELECT rtm_gate_reset()');

# types that are kept
$node->append_conf('postgresql.conf', "rtm_gate.saved_types = '30, 32,40-50'\n");
$node->reload;
my $try = 1000;
wait_until('the setting', sub { $try++; $c->call('sendgroupmsg', message(gid => $try)); $c->call('getmsg', { mid => $mid, from => 1, xid => $try, type => 2 }) == 200070 });
my @types = (1, 30, 31, 32, 39, 40, 50, 51, 127);
is(join(' ', map { scalar $c->call('sendgroupmsg', message(mtype => $_, msg => \"t$_")) } @types), join(' ', (0) x @types), 'messages of all types are taken');
is(history(), 't30 t32 t40 t50', 'histories have those that are kept');
is(($c->call('getmsgnum', { type => 2, xid => 1 }))[1]{num}, 4, 'counts as well');
is($c->call('sendgroupmsg', message(mid => $mid--)), 200053, 'the mid of one that is not kept is known');
is(sql('SELECT count(*) FROM rtm_gate.message WHERE a = 1 AND type = 2'), scalar(@types), 'a test sees all of them in the table');
for my $wrong ('a', '0', '128', '50-40', '1,', '1 2', '1-', '-1', '1;2')
{
	my $r = session($node, 'LOAD $$rtm_gate$$', "SET rtm_gate.saved_types = '$wrong'");
	is($r->{state}, '22023', "not a list of types: $wrong");
}
is(session($node, 'LOAD $$rtm_gate$$', "SET rtm_gate.saved_types = ' 1 - 2 , 7'")->{state}, '00000', 'blanks are no trouble');
done_testing();
