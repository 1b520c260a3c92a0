# Queued calls and name servers: a silent one holds up only the server whose name it
# is asked for.  See 111_call_names.pl for calls that wait.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use NameServer;
use OutboxTest;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $ns = NameServer->start;
outbox_node('sender_names', conf => "rtm.name_servers = '" . $ns->address . "'\n");
my $here = { a => ['127.0.0.1'] };
$ns->zone('mute.test' => { do => 'silent' }, 'good.test' => $here);
server_for($node, 'mute', "mute.test:$gate->{port}", connect_timeout => '1h');
server_for($node, 'good', "good.test:$gate->{port}");

my $held = sql('SELECT ' . message('mute', 1, 'ok'));
wait_until('the name server is asked', sub { $ns->queries('mute.test') > 0 });
is(delivered('fake', $_), 'done', "a message to another server goes meanwhile ($_)") for 10 .. 14;
is(delivered('good', 20), 'done', 'one whose name is found, too');
sql('CREATE DATABASE other');
sql('DROP DATABASE other');
is(is_gone('rtm_outbox', $held), 1, 'DROP DATABASE ends while the sender looks up a name');
at_ease('a silent name server', 2, 'sender');

# the name server is back
$ns->zone('mute.test' => $here, 'good.test' => $here);
is(sql("SELECT rtm_wait($held, $wait)"), 'done', 'what waited goes when the name server is back');
no_worker_failed();
no_crash('name servers');
$node->stop;
done_testing();
